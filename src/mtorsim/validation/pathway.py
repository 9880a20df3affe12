"""Inhibition of mTORC1 and mTORC2 under the drugs, and what follows from it: readouts, directions, variants."""

from __future__ import annotations

from collections.abc import Iterator

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.ivgtt import ivgtt
from mtorsim.protocols.ogtt import ogtt
from mtorsim.scenario.scenario import Scenario

from .check import Check, judged
from .mechanism import LOOK, beside_placebo
from .session import Session

__all__ = ["checks"]

SECTION = "pathway"
DAY = 24.0
READ = ("mtor.s6k", "mtor.R", "mtor.M2_liver", "mtor.M2_muscle")
VARIANTS = {
    "as written": {},
    "mTORC2 only": {"mtorc1.slow": 0.0},
    "slow mTORC1 only": {"mtorc2": 0.0},
    "compensation blocked as well": {"adaptation": 1.0},
}
"""Structural variants, one line each in a scenario or on the command line."""


def checks(session: Session) -> Iterator[Check]:
    """Readouts at licensed doses, directions that must come out, and the structural variants side by side."""
    yield from _readouts(session)
    yield from _directions(session)
    yield from _variants(session)


def _index(test: Examination, name: str) -> float:
    return float(test.indices[name][1][0])


def _rise(session: Session, scenario: Scenario, days: float, name: str = "fasting_glucose") -> float:
    """Difference of an index from placebo in an oral test."""
    requests = [(days * DAY, ogtt())]
    (drug,), (placebo,) = (session.examine(scenario, requests, arm) for arm in ("drug", "placebo"))
    return _index(drug, name) - _index(placebo, name)


def _readouts(session: Session) -> Iterator[Check]:
    seen = {}
    for dose in (5, 10):
        scenario = beside_placebo(session, "29 d", [("everolimus", f"{dose} mg q24h")])
        (test,) = session.examine(scenario, [(28 * DAY, LOOK)], "drug", observe=READ)
        seen[dose] = {n: float(test.curves[n][0, 0]) for n in READ}
    for dose, name, value in (
        (10, "mtor.R", 0.94),
        (10, "mtor.M2_liver", 0.72),
        (10, "mtor.M2_muscle", 0.88),
        (5, "mtor.R", 0.90),
        (5, "mtor.M2_liver", 0.83),
    ):
        yield judged(
            f"everolimus.{dose}.{name}",
            SECTION,
            f"everolimus {dose} mg daily, day 28, before the dose: {name}",
            f"{value:g}, proposed as the day's mean; within 0.05",
            seen[dose][name],
            "1",
            "design",
            "in-sample",
            "this_work",
            value - 0.05,
            value + 0.05,
        )
    loss = 100 * (1 - seen[10]["mtor.s6k"])
    yield judged(
        "everolimus.s6k",
        SECTION,
        "everolimus 10 mg daily: S6K output lost",
        "near-complete in tumours and skin; at most 56 % by one assay in blood cells",
        loss,
        "%",
        "seen",
        "in-sample",
        "Tabernero 2008; Fukudo 2021",
        85,
        100,
        "the assays contradict each other; I_s6k = 0.56 is the other reading",
    )
    growth = (1 - seen[10]["mtor.M2_liver"]) / (1 - seen[5]["mtor.M2_liver"])
    yield judged(
        "dose.mtorc2",
        SECTION,
        "liver mTORC2 loss on 10 over that on 5 mg daily",
        "a dose response must come from a driver of low affinity",
        growth,
        "1",
        "design",
        "in-sample",
        "this_work",
        1.3,
        2.0,
    )


def _directions(session: Session) -> Iterator[Check]:
    once = beside_placebo(session, "2 d", [("sirolimus", "6 mg x 1")])
    (drug,), (placebo,) = (session.examine(once, [(DAY, ogtt())], a) for a in ("drug", "placebo"))
    change = 100 * (_index(drug, "matsuda") / _index(placebo, "matsuda") - 1)
    yield judged(
        "direction.acute",
        SECTION,
        "one dose of sirolimus, the day after: change of the Matsuda index",
        "acute rapamycin does not worsen insulin action",
        change,
        "%",
        "seen",
        "independent",
        "Krebs2007",
        -10,
        None,
    )
    months = beside_placebo(session, "85 d", [("everolimus", "10 mg q24h")])
    (drug,), (placebo,) = (session.examine(months, [(84 * DAY, ivgtt())], a) for a in ("drug", "placebo"))
    for name in ("S_I", "disposition_index"):
        change = 100 * (_index(drug, name) / _index(placebo, name) - 1)
        yield judged(
            f"direction.{name}",
            SECTION,
            f"12 weeks of everolimus 10 mg: change of {name}",
            "falls",
            change,
            "%",
            "seen",
            "independent",
            "Teutonico2005",
            None,
            -5,
        )
    rises = {
        preset: _rise(session, beside_placebo(session, "85 d", [("everolimus", "10 mg q24h")], preset), 84)
        for preset in ("ngt", "igt", "t2d_mild")
    }
    yield judged(
        "direction.reserve",
        SECTION,
        "rise of fasting glucose of impaired tolerance over that of the lean healthy, everolimus 10 mg for 12 weeks",
        "without beta-cell reserve people suffer most",
        rises["igt"] / rises["ngt"],
        "1",
        "seen",
        "independent",
        "Reifsnyder2016",
        1.2,
        None,
        ", ".join(f"{k} {v:.1f}" for k, v in rises.items()) + " mg/dL",
    )
    yield judged(
        "direction.lean",
        SECTION,
        "rise of fasting glucose of the lean healthy person on 10 mg daily",
        "young, lean people with TSC or LAM hardly at all: EXIST-2",
        rises["ngt"],
        "mg/dL",
        "seen",
        "independent",
        "EXIST-2",
        0,
        10,
    )
    course = beside_placebo(session, "141 d", [("everolimus until 84 d", "10 mg q24h")], "igt")
    left = 100 * _rise(session, course, 112) / _rise(session, course, 84)
    yield judged(
        "direction.washout",
        SECTION,
        "four weeks after 12 weeks of everolimus: rise of fasting glucose left",
        "effects wane within weeks of stopping",
        left,
        "%",
        "seen",
        "in-sample",
        "Shivaswamy 2010; PMID 27500257",
        None,
        50,
    )
    rapalog = _triglycerides(session, beside_placebo(session, "57 d", [("everolimus", "10 mg q24h")]))
    kinase = _triglycerides(session, beside_placebo(session, "57 d", [("azd8055", "90 mg q12h")]))
    yield judged(
        "direction.class",
        SECTION,
        "rise of triglycerides per rise of 24-h glucose: rapalog over ATP-competitive",
        "liver mTORC2 loss lowers lipids, so the classes should differ",
        rapalog / kinase,
        "1",
        "design",
        "independent",
        "this_work",
        None,
        None,
        "shown; potencies of AZD8055 are placeholders",
    )


def _triglycerides(session: Session, scenario: Scenario) -> float:
    """Rise of triglycerides in per cent for each mg/dL of glucose two hours after glucose."""
    (drug,), (placebo,) = (session.examine(scenario, [(56 * DAY, ogtt())], a) for a in ("drug", "placebo"))
    rise = 100 * (float(drug.curves["triglycerides"][0, 0]) / float(placebo.curves["triglycerides"][0, 0]) - 1)
    return rise / (_index(drug, "glucose_120") - _index(placebo, "glucose_120"))


def _variants(session: Session) -> Iterator[Check]:
    for name, settings in VARIANTS.items():
        for preset in ("ngt", "igt"):
            scenario = beside_placebo(session, "85 d", [("everolimus", "10 mg q24h")], preset, settings=settings)
            requests = [(84 * DAY, ogtt())]
            (drug,), (placebo,) = (session.examine(scenario, requests, a) for a in ("drug", "placebo"))
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
