"""Effects of antidiabetic drugs in the typical subject with type 2 diabetes, against measured ones.

Gains and glucotoxicity were chosen by all of these numbers: none is independent.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.profile import profile
from mtorsim.scenario.scenario import Scenario
from mtorsim.scenario.tables import Arm, Dose

from .check import Check, answered
from .session import Session

__all__ = ["checks"]

HALF_A_YEAR = 180 * 24.0
TESTS = [(HALF_A_YEAR, profile()), (HALF_A_YEAR, ogtt())]
"""Duration sufficient for HbA1c to follow."""

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
    """A scenario with one arm per regimen."""
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
    """A valid name of an arm."""
    return name.replace("/", " ").replace("(", "").replace(")", "")


def checks(session: Session) -> Iterator[Check]:
    """Check fasting glucose, HbA1c, glucose production and urinary glucose under each therapy."""
    scenario = _scenario(session)
    found = {name: session.examine(scenario, TESTS, _arm(name)) for name in REGIMENS}
    none = found["none"]

    def fasting(name: str) -> float:
        return 100 * (_first(found[name][0], "glucose") / _first(none[0], "glucose") - 1)

    def hba1c(name: str) -> float:
        return _first(found[name][0], "hba1c") - _first(none[0], "hba1c")

    production = 100 * (_first(found["metformin 2 g/d"][1], "production") / _first(none[1], "production") - 1)
    sglt2, dpp4 = "SGLT2 inhibitor (empagliflozin 25 mg/d)", "DPP-4 inhibitor (sitagliptin 100 mg/d)"
    insulin = "basal insulin 0.3 U/kg/d"
    values = {
        "metformin.fasting.1.5": fasting("metformin 1.5 g/d"),
        "metformin.fasting.3": fasting("metformin 3 g/d"),
        "metformin.hba1c": hba1c("metformin 2 g/d"),
        "metformin.production": production,
        "sglt2.urine": float(found[sglt2][0].indices["urinary_glucose_24h"][1][0]),
        "sglt2.hba1c": hba1c(sglt2),
        "dpp4.hba1c": hba1c(dpp4),
        "insulin.fasting": fasting(insulin),
        "insulin.hba1c": hba1c(insulin),
    }
    yield from answered("therapies", values)


def _first(test: Examination, name: str) -> float:
    return float(test.curves[name][0, 0])
