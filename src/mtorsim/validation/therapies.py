"""Drugs against diabetes in the typical person with type 2 diabetes: are their effects as large as measured.

Gains and the size of glucotoxicity were chosen with all of these numbers in view: none is independent.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.profile import profile
from mtorsim.scenario.scenario import Scenario
from mtorsim.scenario.tables import Arm, Dose

from .check import Check, judged
from .session import Session

__all__ = ["checks"]

SECTION = "therapies"
HALF_A_YEAR = 180 * 24.0
TESTS = [(HALF_A_YEAR, profile()), (HALF_A_YEAR, ogtt())]
"""HbA1c has then followed."""

POINTS = "percentage points"
"""Unit of a change of HbA1c: -1 is from 8 to 7 %, not from 8 to 7.92 %."""

REGIMENS = {
    "none": ("metformin", "0 mg q24h"),
    "metformin 1.5 g/d": ("metformin", "500 mg q8h"),
    "metformin 2 g/d": ("metformin", "1000 mg q12h"),
    "metformin 3 g/d": ("metformin", "1000 mg q8h"),
    "SGLT2 inhibitor (empagliflozin 25 mg/d)": ("sglt2_inhibitor", "25 mg q24h"),
    "basal insulin 0.3 U/kg/d": ("basal_insulin", "25 U q24h"),
    "DPP-4 inhibitor (sitagliptin 100 mg/d)": ("dpp4_inhibitor", "100 mg q24h"),
}


def _scenario(session: Session) -> Scenario:
    """One arm a regimen."""
    (first, regimen), *others = REGIMENS.items()
    return session.scenario(
        title="therapies",
        model=["glucose_insulin", "metformin", "sglt2_inhibitor", "basal_insulin", "dpp4_inhibitor"],
        population="t2d",
        duration="182 d",
        arm_name=first,
        doses=[_dose(*regimen)],
        arms={_arm(name): Arm(doses=[_dose(*regimen)]) for name, regimen in others},
    )


def _dose(drug: str, regimen: str) -> Dose:
    return Dose(drug, regimen=regimen)


def _arm(name: str) -> str:
    """A name that an arm may have."""
    return name.replace("/", " ").replace("(", "").replace(")", "")


def checks(session: Session) -> Iterator[Check]:
    """Fasting glucose, HbA1c, glucose production and urinary glucose under each therapy."""
    scenario = _scenario(session)
    found = {name: session.examine(scenario, TESTS, _arm(name)) for name in REGIMENS}
    none = found["none"]

    def fasting(name: str) -> float:
        return 100 * (_first(found[name][0], "glucose") / _first(none[0], "glucose") - 1)

    def hba1c(name: str) -> float:
        return _first(found[name][0], "hba1c") - _first(none[0], "hba1c")

    def production(name: str) -> float:
        return 100 * (_first(found[name][1], "production") / _first(none[1], "production") - 1)

    small = "people with a fasting glucose of about 12 mmol/L; the preset has 8.6"
    for dose, value in (("1.5", -34.0), ("3", -41.0)):
        name = f"metformin {dose} g/d"
        yield judged(
            f"metformin.fasting.{dose}",
            SECTION,
            f"{name}: change of fasting glucose",
            f"{value:g} %; within 15 points",
            fasting(name),
            "%",
            "seen",
            "in-sample",
            "McIntyre1991",
            value - 15,
            value + 15,
            small,
        )
    name = "metformin 2 g/d"
    yield judged(
        "metformin.hba1c",
        SECTION,
        f"{name}: change of HbA1c after half a year",
        "-1.1 to -1.2",
        hba1c(name),
        POINTS,
        "seen",
        "in-sample",
        "Nutr Metab 1743-7075-7-83",
        -1.6,
        -0.7,
    )
    yield judged(
        "metformin.production",
        SECTION,
        f"{name}: change of fasting glucose production",
        "-10 to -30 %",
        production(name),
        "%",
        "seen-secondary",
        "in-sample",
        "MetforminEGP",
        -30,
        -10,
    )
    name = "SGLT2 inhibitor (empagliflozin 25 mg/d)"
    urine = float(found[name][0].indices["urinary_glucose_24h"][1][0])
    yield judged(
        "sglt2.urine",
        SECTION,
        f"{name}: glucose in urine",
        "67.5 (55.6-79.5)",
        urine,
        "g/d",
        "seen",
        "in-sample",
        "DOI 10.3389/fendo.2021.814074",
        55.6,
        79.5,
    )
    yield judged(
        "sglt2.hba1c",
        SECTION,
        f"{name}: change of HbA1c after half a year",
        "-0.7",
        hba1c(name),
        POINTS,
        "recalled",
        "in-sample",
        "no citation",
        -1.0,
        -0.4,
    )
    name = "DPP-4 inhibitor (sitagliptin 100 mg/d)"
    yield judged(
        "dpp4.hba1c",
        SECTION,
        f"{name}: change of HbA1c after half a year",
        "-0.6 to -0.8",
        hba1c(name),
        POINTS,
        "recalled",
        "in-sample",
        "no citation",
        -1.0,
        -0.4,
    )
    name = "basal insulin 0.3 U/kg/d"
    yield judged(
        "insulin.fasting",
        SECTION,
        f"{name}: change of fasting glucose",
        "it falls; trials titrate to 100 mg/dL with 0.3-0.5 U/kg",
        fasting(name),
        "%",
        "recalled",
        "in-sample",
        "no citation",
        -50,
        -15,
    )
    yield judged(
        "insulin.hba1c",
        SECTION,
        f"{name}: change of HbA1c after half a year",
        "it falls",
        hba1c(name),
        POINTS,
        "recalled",
        "in-sample",
        "no citation",
        None,
        -0.3,
    )


def _first(test: Examination, name: str) -> float:
    return float(test.curves[name][0, 0])
