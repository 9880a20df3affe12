"""Inhibition of mTORC1 and mTORC2 by drugs, and its consequences: readouts, directions, variants."""

from __future__ import annotations

from collections.abc import Iterator

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.ivgtt import ivgtt
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.protocol import Protocol
from mtorsim.scenario.scenario import Scenario

from .check import Check, answered, judged
from .mechanism import LOOK, beside_placebo
from .session import Session

__all__ = ["checks"]

SECTION = "pathway"
DAY = 24.0
READ = ("mtor.s6k", "mtor.M2_liver")
VARIANTS = {
    "as written": {},
    "secretion spared": {"secretion": 0.0},
    "insulin action spared": {"insulin_action": 0.0},
    "compensation spared": {"secretion.compensation": 0.0},
}
"""Structural variants, each a setting of a scenario or of the command line."""


def checks(session: Session) -> Iterator[Check]:
    """Check readouts at licensed doses, required directions, and structural variants side by side."""
    yield from _readouts(session)
    yield from _directions(session)
    yield from _variants(session)


def _index(test: Examination, name: str) -> float:
    return float(test.indices[name][1][0])


def _rises(session: Session, scenario: Scenario, *days: float) -> list[float]:
    """Difference of fasting glucose from placebo in oral tests on some days."""
    requests = [(day * DAY, ogtt()) for day in days]
    drug, placebo = (session.examine(scenario, requests, arm) for arm in ("drug", "placebo"))
    return [
        _index(one, "fasting_glucose") - _index(other, "fasting_glucose")
        for one, other in zip(drug, placebo, strict=True)
    ]


def _readouts(session: Session) -> Iterator[Check]:
    """Remaining output of the pathway at trough, for two doses."""
    seen: dict[int, dict[str, float]] = {}
    for dose in (5, 10):
        scenario = beside_placebo(session, "29 d", [("everolimus", f"{dose} mg q24h")])
        (test,) = session.examine(scenario, [(28 * DAY, LOOK)], "drug", observe=READ)
        seen[dose] = {name: float(test.curves[name][0, 0]) for name in READ}
    values = {
        "everolimus.s6k": 100 * (1 - seen[10]["mtor.s6k"]),
        "dose.mtorc2": (1 - seen[10]["mtor.M2_liver"]) / (1 - seen[5]["mtor.M2_liver"]),
    }
    yield from answered(SECTION, values)


def _directions(session: Session) -> Iterator[Check]:
    """Required directions."""
    daily = [("everolimus", "10 mg q24h")]

    def change(scenario: Scenario, at: float, test: Protocol, name: str) -> float:
        (drug,), (placebo,) = (session.examine(scenario, [(at, test)], arm) for arm in ("drug", "placebo"))
        return 100 * (_index(drug, name) / _index(placebo, name) - 1)

    once, months = beside_placebo(session, "2 d", [("sirolimus", "6 mg x 1")]), beside_placebo(session, "85 d", daily)
    presets = ("ngt", "igt", "t2d_mild")
    rises = {preset: _rises(session, beside_placebo(session, "85 d", daily, preset), 84)[0] for preset in presets}
    stopped = beside_placebo(session, "141 d", [("everolimus until 84 d", "10 mg q24h")], "igt")
    before, after = _rises(session, stopped, 84, 112)
    rapalog = _triglycerides(session, beside_placebo(session, "57 d", daily))
    kinase = _triglycerides(session, beside_placebo(session, "57 d", [("azd8055", "90 mg q12h")]))
    values = {
        "direction.acute": change(once, DAY, ogtt(), "matsuda"),
        "direction.S_I": change(months, 84 * DAY, ivgtt(), "S_I"),
        "direction.disposition_index": change(months, 84 * DAY, ivgtt(), "disposition_index"),
        "direction.reserve": rises["igt"] / rises["ngt"],
        "direction.lean": rises["ngt"],
        "direction.washout": 100 * after / before,
        "direction.class": rapalog / kinase,
    }
    note = ", ".join(f"{preset} {rise:.1f}" for preset, rise in rises.items()) + " mg/dL"
    yield from answered(SECTION, values, {"direction.reserve": note})


def _triglycerides(session: Session, scenario: Scenario) -> float:
    """Rise of triglycerides in per cent for each mg/dL of glucose two hours after glucose."""
    (drug,), (placebo,) = (session.examine(scenario, [(56 * DAY, ogtt())], a) for a in ("drug", "placebo"))
    rise = 100 * (float(drug.curves["triglycerides"][0, 0]) / float(placebo.curves["triglycerides"][0, 0]) - 1)
    return rise / (_index(drug, "glucose_120") - _index(placebo, "glucose_120"))


def _variants(session: Session) -> Iterator[Check]:
    for name, settings in VARIANTS.items():
        for preset in ("ngt", "igt"):
            daily, requests = [("everolimus", "10 mg q24h")], [(84 * DAY, ogtt())]
            spared = {"settings": settings} if settings else {}
            scenario = beside_placebo(session, "85 d", daily, preset, **spared)
            (drug,) = session.examine(scenario, requests, "drug")
            # What is spared of a drug changes nothing without one.
            (placebo,) = session.examine(beside_placebo(session, "85 d", daily, preset), requests, "placebo")
            for index, unit in (("fasting_glucose", "mg/dL"), ("glucose_120", "mg/dL")):
                line = ", ".join(f"{k} = {v:g}" for k, v in settings.items()) or "no line"
                yield judged(
                    f"variant.{name.replace(' ', '_')}.{preset}.{index}",
                    SECTION,
                    f"everolimus 10 mg for 12 weeks, {preset}, {name} ({line}): rise of {index}",
                    "shown side by side",
                    _index(drug, index) - _index(placebo, index),
                    unit,
                    "design",
                    "independent",
                    "this_work",
                )
