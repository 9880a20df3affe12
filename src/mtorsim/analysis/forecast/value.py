"""Read a measured value: its number, its unit, and whether it lies below or above a limit of the assay."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mtorsim.errors import UnitError
from mtorsim.files.places import Place
from mtorsim.measured.quantities import QUANTITIES
from mtorsim.units.conversions import glucose_in_mg_dl, hba1c_in_percent
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

__all__ = ["KINDS", "Kind", "read_value"]


@dataclass(frozen=True)
class Kind:
    """A quantity that a clinic measures.

    Attributes
    ----------
    unit
        Unit of the observable.
    low, high
        Range of values that a living person can have.
    error
        Coefficient of variation of the error of one measurement, design values.
    converted
        From a value and its unit to `unit`.
    units
        Usual units.
    """

    unit: str
    low: float
    high: float
    error: float
    converted: Callable[[float, Unit], float]
    units: tuple[str, ...]


def _in(unit: str) -> Callable[[float, Unit], float]:
    return lambda value, given: convert(value, given, parse_unit(unit))


_GLUCOSE = ("mg/dL", "mmol/L")
KINDS = {
    "fasting_glucose": Kind("mg/dL", 30.0, 900.0, 0.02, glucose_in_mg_dl, _GLUCOSE),
    "glucose": Kind("mg/dL", 30.0, 900.0, 0.15, glucose_in_mg_dl, _GLUCOSE),
    "hba1c": Kind("%", 3.0, 18.0, 0.02, hba1c_in_percent, ("%", "mmol/mol")),
    "insulin": Kind("uU/mL", 0.1, 1000.0, 0.10, QUANTITIES["insulin"].converted, QUANTITIES["insulin"].units),
    "c_peptide": Kind("ng/mL", 0.02, 40.0, 0.08, QUANTITIES["c_peptide"].converted, QUANTITIES["c_peptide"].units),
    "drug_level": Kind("ug/L", 0.01, 20000.0, 0.10, _in("ug/L"), ("ug/L", "ng/mL")),
    "weight": Kind("kg", 25.0, 350.0, 0.01, _in("kg"), ("kg",)),
}
"""What can be measured. The error of glucose after meals includes meals that are not known."""
_BEYOND = re.compile(r"\s*(?P<sign><=|>=|<|>|≤|≥|)\s*(?P<rest>.*?)\s*$", re.DOTALL)
_SIGNS = {"": 0, "<": -1, "<=": -1, "≤": -1, ">": 1, ">=": 1, "≥": 1}
METER = 0.07
"""Coefficient of variation of a home meter: within 15 % in 95 % of values, as ISO 15197 asks (recalled)."""


def read_value(text: str, name: str, place: Place) -> tuple[float, int]:
    """Read a value in the unit of its observable.

    Parameters
    ----------
    text
        Such as `131 mg/dL`, or `< 2 uU/mL`.
    name
        The quantity.
    place
        Where it stands.

    Returns
    -------
    value
    beyond
        -1 for a value below a limit, 1 for one above, 0 for a measured one.
    """
    kind = KINDS[name]
    match = _BEYOND.match(text)
    assert match is not None
    beyond = _SIGNS[match["sign"]]
    bare = match["rest"]
    try:
        number, unit = parse_quantity(bare)
        value = kind.converted(number, unit)
    except UnitError as error:
        help = error.help if error.help and "mean" in error.help else f"{name} is in {' or '.join(kind.units)}"
        place.fail(f"`{name}`: {error.message}", help=help, needle=text)
    if not kind.low <= value <= kind.high:
        help = _likely(number, unit, kind)
        message = f"`{name}` = {number:g} {unit} is outside what a living person can have"
        place.fail(f"{message}, {kind.low:g} to {kind.high:g} {kind.unit}", help=help, needle=text)
    return value, beyond


def _likely(number: float, unit: Unit, kind: Kind) -> str:
    """The unit in which a number would be usual."""
    for other in kind.units:
        if parse_unit(other) != unit:
            value = kind.converted(number, parse_unit(other))
            if kind.low <= value <= kind.high:
                in_own = "" if other == kind.unit else f", which is {value:.4g} {kind.unit}"
                return f"is it {number:g} {other}{in_own}?"
    return "check the number and its unit"
