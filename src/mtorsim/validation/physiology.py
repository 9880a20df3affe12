"""The untreated subject: oral, intravenous and clamp tests, the day, HbA1c, and population variability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.clamp import clamp
from mtorsim.protocols.hyperglycaemic_clamp import hyperglycaemic_clamp
from mtorsim.protocols.ivgtt import ivgtt
from mtorsim.protocols.mixed_meal import mixed_meal
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.profile import profile

from .check import Check, Kind, answered, judged, reference
from .session import Session

__all__ = ["checks", "population_checks"]

SECTION = "physiology"
BSA = {"ngt": 1.85, "ngt_obese": 2.1, "t2d": 2.0}
"""Body surface area, m2, for values per m2 (design)."""
WEIGHT = {"ngt": 75.0, "ngt_obese": 82.0, "t2d": 82.0}
"""Body weight, kg."""
GROUPS = {
    "ngt": ("healthy lean", "ogtt_healthy.csv", None),
    "ngt_obese": ("obese, normal tolerance", "ogtt_obese_groups.csv", "NGT"),
    "igt": ("impaired tolerance", "ogtt_obese_groups.csv", "IGT"),
    "t2d_mild": ("mild type 2 diabetes", "ogtt_obese_groups.csv", "T2D"),
}
OF_GROUP = {"NGT": ("ngt",), "IGT": ("igt",), "T2D_mild": ("t2d_mild",), "T2D": ("t2d_mild", "t2d")}
MINMOD = {"SG": "S_G", "SI": "S_I", "AIRg_mean_increment": "AIRg"}
TESTS = (ogtt(), clamp(), clamp(insulin=0.25), ivgtt(), hyperglycaemic_clamp(), profile(), mixed_meal())


def checks(session: Session) -> Iterator[Check]:
    """All checks of the untreated subject."""
    seen = {}
    for preset in ("ngt", "ngt_obese", "igt", "t2d_mild", "t2d"):
        found = session.examine(session.untreated(preset), [(0.0, test) for test in TESTS])
        names = ("ogtt", "clamp", "low", "ivgtt", "hyper", "day", "meal")
        seen[preset] = dict(zip(names, found, strict=True))
    yield from _oral(seen)
    yield from _clamps(seen)
    yield from _intravenous(seen)
    yield from _secretion(seen)
    yield from _day(seen)
    yield from _hba1c(seen)


Seen = dict[str, dict[str, Examination]]


def _index(test: Examination, name: str) -> float:
    return float(test.indices[name][1][0])


def _oral(seen: Seen) -> Iterator[Check]:
    for preset, (words, file, group) in GROUPS.items():
        test = seen[preset]["ogtt"]
        for row in reference(file, **({"group": group} if group else {})):
            minute, mean, sd = float(row["minute"]), float(row["mean"]), float(row["sd"])
            value = float(test.curves[row["analyte"]][0, int(np.searchsorted(test.minutes, minute))])
            yield judged(
                f"ogtt.{preset}.{row['analyte']}.{row['minute']}",
                SECTION,
                f"75 g OGTT, {words}: {row['analyte']} at {row['minute']} min",
                f"{mean:g} +/- {sd:g} (SD, n {row['n']})",
                value,
                row["unit"],
                "seen",
                "in-sample",
                "Fujita2022" if group is None else "Vanderbilt",
                mean - sd,
                mean + sd,
            )


def _clamps(seen: Seen) -> Iterator[Check]:
    for quantity, key, index, words in (
        ("clamp_M_1mU_kg_min", "clamp", "M_2", "clamp at 1 mU/kg/min: glucose metabolised (M)"),
        ("delta_EGP_0.25mU_kg_min", "low", "delta_production_1", "clamp at 0.25 mU/kg/min: fall of glucose production"),
    ):
        for row in reference("clamp_ivgtt.csv", quantity=quantity):
            value = float(row["value"])
            for preset in OF_GROUP[row["group"]]:
                yield judged(
                    f"{index}.{preset}",
                    SECTION,
                    f"{words}, {preset}",
                    f"{value:g} +/- {row['spread']} (a standard error); agreement within 25 %",
                    _index(seen[preset][key], index),
                    row["unit"],
                    row["evidence"],
                    "in-sample",
                    row["source"],
                    0.75 * value,
                    1.25 * value,
                )
    yield from answered(SECTION, {"clamp_insulin.ngt": _index(seen["ngt"]["clamp"], "insulin_2")})
    for row in reference("clamp_ivgtt.csv", quantity="clamp_GIR_1.12mU_kg_min"):
        value, sd = float(row["value"]), float(row["spread"].split()[0])
        yield judged(
            f"GIR.{row['group']}",
            SECTION,
            f"clamp at 1.12 mU/kg/min, {row['group']}: glucose infusion (here t2d at 1)",
            f"{value:g} +/- {sd:g}",
            _index(seen["t2d"]["clamp"], "M_2"),
            row["unit"],
            row["evidence"],
            "in-sample",
            row["source"],
            value - sd,
            value + sd,
        )


def _intravenous(seen: Seen) -> Iterator[Check]:
    for name, index in MINMOD.items():
        for row in reference("clamp_ivgtt.csv", quantity=name):
            if not row["spread"].replace(".", "").isdigit():
                continue
            value, spread = float(row["value"]), float(row["spread"])
            low, high = value - spread, value + spread
            presets = OF_GROUP.get(row["group"], ("ngt",))
            if "omega" in row["spread_type"]:
                low, high = value * np.exp(-spread / 100), value * np.exp(spread / 100)
            for preset in presets:
                yield judged(
                    f"{index}.{row['group']}.{preset}",
                    SECTION,
                    f"intravenous test, minimal model: {index} of {row['group']} (model: {preset})",
                    f"{value:g} +/- {row['spread']} ({row['spread_type']})",
                    _index(seen[preset]["ivgtt"], index),
                    row["unit"],
                    row["evidence"],
                    "in-sample",
                    row["source"],
                    low,
                    high,
                )
    for row in reference("clamp_ivgtt.csv", quantity="p2"):
        value = float(row["value"])
        spread = float(row["spread"]) / 100
        yield judged(
            "p2.ngt",
            SECTION,
            "intravenous test, minimal model: rate of insulin action p2",
            f"{value:g}, varies by {row['spread']} %",
            _index(seen["ngt"]["ivgtt"], "p2"),
            row["unit"],
            row["evidence"],
            "in-sample",
            row["source"],
            value * np.exp(-spread),
            value * np.exp(spread),
        )


def _secretion(seen: Seen) -> Iterator[Check]:
    """Insulin secretion and extraction, and glucose production."""
    daily = {"lean": "ngt", "obese": "ngt_obese"}
    values = {f"secretion.{who}": _index(seen[preset]["day"], "secretion_24h") for who, preset in daily.items()}
    yield from answered(SECTION, values)
    for row in reference("clamp_ivgtt.csv", quantity="hepatic_extraction_basal"):
        preset, value = daily[row["group"]], float(row["value"])
        yield judged(
            f"extraction.{preset}",
            SECTION,
            f"hepatic extraction of insulin, fasting, {row['group']}",
            f"{value:g} %",
            100 * _index(seen[preset]["ogtt"], "basal_hepatic_extraction"),
            "%",
            row["evidence"],
            "in-sample",
            row["source"],
            value - 5,
            value + 5,
        )
    for row in reference("clamp_ivgtt.csv", quantity="secretion_basal"):
        preset = daily[row["group"]]
        here = float(seen[preset]["ogtt"].curves["secretion"][0, 0]) * WEIGHT[preset] / BSA[preset]
        words = f"basal insulin secretion, {row['group']}"
        yield _within_a_quarter(f"secretion_basal.{preset}", words, row, here, "independent")
    for row in reference("clamp_ivgtt.csv", quantity="hyperglycaemic_clamp_secretion_fold"):
        words, here = "hyperglycaemic clamp, +125 mg/dL: secretion over basal", seen["ngt"]["hyper"]
        yield _within_a_quarter("hyperglycaemic.fold", words, row, _index(here, "secretion_fold"), "in-sample")
    for group, preset in (("control", "ngt"), ("T2D", "t2d")):
        kind: Kind = "in-sample" if preset == "ngt" else "independent"
        row = next(reference("clamp_ivgtt.csv", quantity="HGP_basal", group=group))
        here = _index(seen[preset]["ogtt"], "basal_production") * WEIGHT[preset] / BSA[preset]
        words = f"glucose production, fasting, {group}"
        yield _within_a_quarter(f"production.{preset}", words, row, here, kind)
    yield from answered(SECTION, {"production.nadir": _index(seen["ngt"]["ogtt"], "lowest_production")})


def _within_a_quarter(id: str, words: str, row: Mapping[str, str], here: float, kind: Kind) -> Check:
    """A check that requires agreement within 25 %."""
    value = float(row["value"])
    said = f"{value:g}; within 25 %"
    about = (words, said, here, row["unit"], row["evidence"], kind, row["source"])
    return judged(id, SECTION, *about, 0.75 * value, 1.25 * value)


def _day(seen: Seen) -> Iterator[Check]:
    """Daily glucose, in health and type 2 diabetes."""
    day, t2d = seen["ngt"]["day"], seen["t2d"]
    values = {
        "cgm.mean": _index(day, "mean_glucose"),
        "cgm.cv": _index(day, "cv_glucose"),
        "cgm.range": _index(day, "time_71_120"),
        "day.t2d": _index(t2d["day"], "mean_glucose"),
        "meal.t2d": _index(t2d["meal"], "peak_glucose") - _index(t2d["meal"], "fasting_glucose"),
    }
    yield from answered(SECTION, values)


def _hba1c(seen: Seen) -> Iterator[Check]:
    """HbA1c at a steady mean glucose: the model's line against a red-cell model."""
    for row in reference("hba1c.csv", model="IGRH_steady_state"):
        mean, value = float(row["mean_glucose_mgdl"]), float(row["value"])
        yield judged(
            f"hba1c.{mean:g}",
            SECTION,
            f"HbA1c at a steady mean glucose of {mean:g} mg/dL: the model's line (ADAG) against a red-cell model",
            f"{value:g}; within 0.5",
            (mean + 46.7) / 28.7,
            "%",
            row["evidence"],
            "independent",
            row["source"],
            value - 0.5,
            value + 0.5,
            "the two published relations differ by 0.85 at high glucose" if mean > 230 else "",
        )


OBESE = (
    ("FPG, CV", "fasting_glucose", None, 10.0, 5.0),
    ("fasting insulin, CV", "fasting_insulin", None, 60.0, 15.0),
    ("2-h glucose, CV", "glucose_120", None, 25.0, 10.0),
    ("2-h insulin, CV", "insulin_120", None, 75.0, 25.0),
    ("Matsuda index, CV", "matsuda", None, 56.0, 15.0),
    ("HOMA-IR, CV", "homa_ir", None, 66.0, 15.0),
    ("insulinogenic index, CV", "insulinogenic_index", None, 69.0, 20.0),
    ("FPG and fasting insulin, correlation", "fasting_glucose", "fasting_insulin", 0.36, 0.20),
    ("FPG and 2-h glucose, correlation", "fasting_glucose", "glucose_120", 0.19, 0.20),
    ("fasting and 2-h insulin, correlation", "fasting_insulin", "insulin_120", 0.55, 0.20),
    ("2-h glucose and insulin, correlation", "glucose_120", "insulin_120", 0.58, 0.20),
    ("Matsuda and insulinogenic index, correlation", "matsuda", "insulinogenic_index", -0.30, 0.25),
)
"""Log-scale statistics of 166 obese adults without diabetes, and tolerances of agreement."""


SPREAD = (
    "not fitted: variability follows percentiles of fasting glucose and insulin of a whole population, and 2-h glucose "
    "depends on the same sensitivity and secretion, hardly on the gut"
)


def population_checks(session: Session) -> Iterator[Check]:
    """Variability and correlations of a non-diabetic population's oral tests, against 166 obese adults."""
    test = session.examine(session.untreated("breast_postmenopausal", subjects=400), [(0.0, ogtt())], subjects=400)[0]
    found = {n: v for n, (_, v) in test.indices.items()}
    kept = (found["fasting_glucose"] < 126) & (found["glucose_120"] < 200) & (found["insulinogenic_index"] > 0)
    logs = {n: np.log(v[kept]) for n, v in found.items() if (v[kept] > 0).all()}
    for k, (words, a, b, value, tolerance) in enumerate(OBESE, start=1):
        here = 100 * np.sqrt(np.exp(np.var(logs[a])) - 1) if b is None else float(np.corrcoef(logs[a], logs[b])[0, 1])
        yield judged(
            f"population.{k:02d}",
            SECTION,
            f"without diabetes, n {int(kept.sum())} of breast_postmenopausal: {words}",
            f"{value:g}; within {tolerance:g}",
            here,
            "%" if b is None else "1",
            "seen",
            "in-sample",
            "Vanderbilt",
            value - tolerance,
            value + tolerance,
            SPREAD if b is not None else "",
        )
