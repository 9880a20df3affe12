"""Display units: glucose in mg/dL or mmol/L, HbA1c in % or mmol/mol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mtorsim.errors import ArgumentError, did_you_mean

from .conversions import _IFCC_SLOPE, MG_DL_PER_MMOL_L, hba1c_ifcc

__all__ = ["DisplayUnits", "display_units"]


@dataclass(frozen=True)
class DisplayUnits:
    """Display units: those of the files, or glucose in mmol/L and HbA1c in mmol/mol."""

    glucose: str

    def unit(self, name: str, unit: str) -> str:
        """The display unit of an observable or an index."""
        if self.glucose == "mg/dL":
            return unit
        return "mmol/mol" if name == "hba1c" else _molar(name, unit)[0]

    def value(self, name: str, unit: str, values: Any) -> Any:
        """Convert values of an observable, numbers or arrays, to display units."""
        if self.glucose == "mg/dL":
            return values
        if name == "hba1c":
            return hba1c_ifcc(values)
        return values * _molar(name, unit)[1]

    def difference(self, name: str, unit: str, values: Any) -> Any:
        """Convert differences of an observable to display units: only the scale changes."""
        if self.glucose == "mg/dL":
            return values
        if name == "hba1c":
            return values / _IFCC_SLOPE
        return values * _molar(name, unit)[1]

    def limit(self, mg_dl: float) -> str:
        """A limit of glucose as text."""
        return f"{mg_dl:g}" if self.glucose == "mg/dL" else f"{mg_dl / MG_DL_PER_MMOL_L:.1f}"


_MOLAR = {
    "mg/dL": ("mmol/L", 1 / MG_DL_PER_MMOL_L),
    "mg/dL*min": ("mmol/L*min", 1 / MG_DL_PER_MMOL_L),
    "uU/mL/(mg/dL)": ("uU/mL/(mmol/L)", MG_DL_PER_MMOL_L),
}
_OTHER_THAN_GLUCOSE = ("triglycerides", "ldl")
"""Lipids, also in mg/dL, have other molar masses and are not converted."""


def _molar(name: str, unit: str) -> tuple[str, float]:
    """The molar form of a glucose unit, and the factor to it."""
    return (unit, 1.0) if name in _OTHER_THAN_GLUCOSE else _MOLAR.get(unit, (unit, 1.0))


def display_units(units: str) -> DisplayUnits:
    """Read the choice of `--units`.

    Raises
    ------
    ArgumentError
        If it is neither `mg/dL` nor `mmol/L`.
    """
    known = ("mg/dL", "mmol/L")
    for name in known:
        if units.lower() == name.lower():
            return DisplayUnits(name)
    help = did_you_mean(units, known) or "choose from " + ", ".join(known)
    raise ArgumentError(f"glucose cannot be shown in `{units}`", help=help)
