"""Names, codes and units of what was measured, as analysis datasets have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtorsim.errors import DataError, shortened

from .names import MEASURED, short_names
from .source import Column
from .study import LABORATORY, Study

__all__ = ["LABELS", "Parameter", "column", "concentrations", "laboratory", "visit_name"]

LABELS = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "SUBJID": "Subject Identifier for the Study",
    "PERSONN": "Virtual Person, the Same in all Arms",
    "TRT01P": "Planned Treatment for Period 01",
    "TRT01PN": "Planned Treatment for Period 01 (N)",
    "TRT01A": "Actual Treatment for Period 01",
    "TRT01AN": "Actual Treatment for Period 01 (N)",
    "TRTP": "Planned Treatment",
    "TRTPN": "Planned Treatment (N)",
    "TRTA": "Actual Treatment",
    "TRTAN": "Actual Treatment (N)",
    "AGE": "Age",
    "AGEU": "Age Units",
    "SEX": "Sex",
    "HEIGHTBL": "Baseline Height",
    "WEIGHTBL": "Baseline Weight",
    "BMIBL": "Baseline BMI",
    "BSABL": "Baseline BSA",
    "EOSSTT": "End of Study Status",
    "LEFTHR": "Hour of Leaving the Study",
    "STATUS": "Outcome of the Simulation",
    "PARCAT1": "Parameter Category 1",
    "PARAM": "Parameter",
    "PARAMCD": "Parameter Code",
    "AVAL": "Analysis Value",
    "AVALU": "Analysis Value Unit",
    "ABLFL": "Baseline Record Flag",
    "BASE": "Baseline Value",
    "CHG": "Change from Baseline",
    "PCHG": "Percent Change from Baseline",
    "ANRHI": "Analysis Normal Range Upper Limit",
    "ATOXGR": "Analysis Toxicity Grade",
    "AVISIT": "Analysis Visit",
    "AVISITN": "Analysis Visit (N)",
    "ADY": "Analysis Relative Day",
    "ARELTM": "Analysis Relative Time, from Hour 0",
    "ARELTMU": "Analysis Relative Time Unit",
    "NFRLT": "Nom. Rel. Time from Analyte First Dose",
    "AFRLT": "Act. Rel. Time from Analyte First Dose",
    "FRLTU": "Rel. Time from First Dose Unit",
    "NRRLT": "Nominal Rel. Time from Ref. Dose",
    "ARRLT": "Actual Rel. Time from Ref. Dose",
    "RRLTU": "Rel. Time from Ref. Dose Unit",
    "DOSEP": "Planned Treatment Dose",
    "DOSEA": "Actual Treatment Dose",
    "DOSEU": "Treatment Dose Units",
    "ROUTE": "Route of Administration",
    "ADURN": "Analysis Duration (N)",
    "ADURU": "Analysis Duration Units",
    "SAMPWT": "Sampling Weight",
    "SIMFL": "SIMULATED, not Observed",
}
"""Labels of variables: those of the ADaM and ADNCA implementation guides, and a few of our own, in their manner."""
TEXTS = (
    *("STUDYID", "USUBJID", "SUBJID", "TRT01P", "TRT01A", "TRTP", "TRTA", "AGEU", "SEX", "EOSSTT", "STATUS", "PARCAT1"),
    *("PARAM", "PARAMCD", "AVALU", "ABLFL", "ATOXGR", "AVISIT", "ARELTMU", "FRLTU", "RRLTU", "DOSEU", "ROUTE"),
    *("ADURU", "SIMFL"),
)
WHOLES = ("PERSONN", "TRT01PN", "TRT01AN", "TRTPN", "TRTAN", "AVISITN", "ADY")
SAID = {
    "fasting_glucose": "Fasting Glucose",
    "glucose": "Glucose",
    "insulin": "Insulin",
    "c_peptide": "C-peptide",
    "hba1c": "Hemoglobin A1C",
    "ffa": "Free Fatty Acids",
    "glucagon": "Glucagon",
    "triglycerides": "Triglycerides",
    "ldl": "LDL Cholesterol",
    "cholesterol": "Cholesterol",
}
"""Names of laboratory tests, as in controlled terminology where it has them."""


@dataclass(frozen=True)
class Parameter:
    """One observable in a dataset.

    Attributes
    ----------
    place
        Its number among the observables of the run.
    code, said, category
        PARAMCD, PARAM and PARCAT1.
    """

    name: str
    place: int
    code: str
    said: str
    unit: str
    category: str


def column(name: str, unit: str = "") -> Column:
    """The column of a variable with its label."""
    return Column(name, "text" if name in TEXTS else "whole" if name in WHOLES else "number", LABELS[name], unit)


def concentrations(observables: Mapping[str, str], study: Study) -> list[Parameter]:
    """The observables that are concentrations of a drug.

    Raises
    ------
    DataError
        If there is none.
    """
    found = [p for p in _all(observables, study) if p.name in study.analytes]
    if not found:
        help = f"it observes {_observed(observables, study)}; `adlb` has those that are not drugs"
        raise DataError("the run has no concentration of a drug", help=help)
    return found


def laboratory(observables: Mapping[str, str], study: Study) -> list[Parameter]:
    """The observables that are not quantities of a drug; those that the model does not define are left out.

    Raises
    ------
    DataError
        If there is none.
    """
    found = [p for p in _all(observables, study) if p.name not in study.analytes and p.name not in study.of_drugs]
    if not found:
        help = f"it observes {_observed(observables, study)}; `adpc` has concentrations of drugs"
        raise DataError("the run has no laboratory value", help=help)
    return found


def _observed(observables: Mapping[str, str], study: Study) -> str:
    return shortened([name for name in observables if name in study.about], 12)


def _all(observables: Mapping[str, str], study: Study) -> list[Parameter]:
    known = {n: unit for n, unit in observables.items() if n in study.about}
    codes = short_names(known, 8)
    places = {name: i for i, name in enumerate(observables)}
    return [
        Parameter(name, places[name], codes[name], _said(name, unit, study), unit, _category(name, study))
        for name, unit in known.items()
    ]


def _said(name: str, unit: str, study: Study) -> str:
    """What a value is, with its unit."""
    true = name.removesuffix(MEASURED)
    about = study.about[name]
    # Capitals begin a sentence, but mTORC1 is a name.
    said = SAID.get(true) or (about[:1].upper() + about[1:] if about[1:2].islower() else about or name)
    return said + (", Measured" if true != name else "") + (f" ({unit})" if unit != "1" else "")


def _category(name: str, study: Study) -> str:
    if name in study.analytes:
        return "CONCENTRATION"
    return "LABORATORY" if name.removesuffix(MEASURED) in LABORATORY else "PHARMACODYNAMIC"


def visit_name(hour: float) -> str:
    """Name of a visit by its time after the start, in the largest unit of which it is a multiple."""
    if hour % 168 == 0:
        return f"Week {hour / 168:.0f}"
    return f"Day {hour / 24 + 1:.0f}" if hour % 24 == 0 else f"Hour {hour:.10g}"


def relative_day(hours: Sequence[float] | Any, first: float) -> list[int]:
    """Day relative to that of the first dose, which is day 1; there is no day 0."""
    days = [int((hour - first) // 24) for hour in hours]
    return [day + 1 if day >= 0 else day for day in days]
