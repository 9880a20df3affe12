"""Display units: those of the files, glucose in mmol/L with HbA1c in mmol/mol, or SI units throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mtorsim.errors import ArgumentError, choose_from

from .conversions import _IFCC_SLOPE, C_PEPTIDE_MASS, MG_DL_PER_MMOL_L, PMOL_PER_UU, hba1c_ifcc

__all__ = ["DisplayUnits", "display_units"]


@dataclass(frozen=True)
class DisplayUnits:
    """Display units.

    Attributes
    ----------
    name
        `mg/dL`, the units of the files; `mmol/L`, with glucose in mmol/L and HbA1c in mmol/mol; `SI`, with insulin in
        pmol/L, C-peptide in nmol/L and lipids in mmol/L as well.
    """

    name: str

    @property
    def glucose(self) -> str:
        """The unit of glucose."""
        return "mg/dL" if self.name == "mg/dL" else "mmol/L"

    def unit(self, name: str, unit: str) -> str:
        """The display unit of an observable or an index."""
        if self.name == "mg/dL":
            return unit
        return "mmol/mol" if name == "hba1c" else self._molar(name, unit)[0]

    def value(self, name: str, unit: str, values: Any) -> Any:
        """Convert values of an observable, numbers or arrays, to display units."""
        if self.name == "mg/dL":
            return values
        if name == "hba1c":
            return hba1c_ifcc(values)
        return values * self._molar(name, unit)[1]

    def difference(self, name: str, unit: str, values: Any) -> Any:
        """Convert differences of an observable to display units: only the scale changes."""
        if self.name == "mg/dL":
            return values
        if name == "hba1c":
            return values / _IFCC_SLOPE
        return values * self._molar(name, unit)[1]

    def limit(self, mg_dl: float) -> str:
        """A limit of glucose as text."""
        return f"{mg_dl:g}" if self.glucose == "mg/dL" else f"{mg_dl / MG_DL_PER_MMOL_L:.1f}"

    def _molar(self, name: str, unit: str) -> tuple[str, float]:
        """The molar form of a unit, and the factor to it."""
        if name in _LIPIDS:
            return ("mmol/L", 1 / _LIPIDS[name]) if self.name == "SI" else (unit, 1.0)
        if self.name == "SI" and "c_peptide" in name and unit in _C_PEPTIDE:
            return _C_PEPTIDE[unit]
        if self.name == "SI" and unit in _INSULIN:
            return _INSULIN[unit]
        return _GLUCOSE.get(unit, (unit, 1.0))


_GLUCOSE = {
    "mg/dL": ("mmol/L", 1 / MG_DL_PER_MMOL_L),
    "mg/dL*min": ("mmol/L*min", 1 / MG_DL_PER_MMOL_L),
    "uU/mL/(mg/dL)": ("uU/mL/(mmol/L)", MG_DL_PER_MMOL_L),
}
_INSULIN = {
    "uU/mL": ("pmol/L", PMOL_PER_UU),
    "uU/mL*min": ("pmol/L*min", PMOL_PER_UU),
    "uU/mL/(mg/dL)": ("pmol/L/(mmol/L)", PMOL_PER_UU * MG_DL_PER_MMOL_L),
    "mg/kg/min/(uU/mL)": ("mg/kg/min/(pmol/L)", 1 / PMOL_PER_UU),
}
_C_PEPTIDE = {"ng/mL": ("nmol/L", 1 / C_PEPTIDE_MASS), "ng/mL*min": ("nmol/L*min", 1 / C_PEPTIDE_MASS)}
_LIPIDS = {"triglycerides": 88.57, "ldl": 38.67}
"""mg/dL in 1 mmol/L: triglycerides as triolein (885.7 g/mol), LDL as cholesterol (386.7 g/mol)."""


def display_units(units: str) -> DisplayUnits:
    """Read the choice of `--units`.

    Raises
    ------
    ArgumentError
        If it is none of `mg/dL`, `mmol/L` and `SI`.
    """
    known = ("mg/dL", "mmol/L", "SI")
    for name in known:
        if units.lower() == name.lower():
            return DisplayUnits(name)
    help = choose_from(units, known)
    raise ArgumentError(f"glucose cannot be shown in `{units}`", help=help)
