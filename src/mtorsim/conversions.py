"""Glucose and HbA1c in the units of a reader's country; files and kernels keep theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import SetError, UnitError, did_you_mean
from .units import Unit, convert, parse_unit

__all__ = ["MG_DL_PER_MMOL_L", "Reader", "glucose_in_mg_dl", "hba1c_ifcc", "hba1c_in_percent", "reader"]

MG_DL_PER_MMOL_L = 18.016
"""Glucose, 180.16 g/mol."""

_IFCC_SLOPE, _IFCC_INTERCEPT = 0.09148, 2.152


def glucose_in_mg_dl(value: float, unit: Unit) -> float:
    """A glucose concentration in mg/dL, given in mass or in moles a volume.

    Raises
    ------
    UnitError
        If the unit is neither.
    """
    if unit.same_kind(parse_unit("mmol/L")):
        return convert(value, unit, parse_unit("mmol/L")) * MG_DL_PER_MMOL_L
    return convert(value, unit, parse_unit("mg/dL"))


def hba1c_ifcc(percent: Any) -> Any:
    """HbA1c in mmol/mol (IFCC) from % (NGSP): the master equation NGSP = 0.09148 IFCC + 2.152.

    References
    ----------
    Hoelzel et al., Clin. Chem. 50 (2004) 166 (recalled).
    """
    return (percent - _IFCC_INTERCEPT) / _IFCC_SLOPE


def hba1c_in_percent(value: float, unit: Unit) -> float:
    """HbA1c in % (NGSP), given in % or in mmol/mol (IFCC).

    Raises
    ------
    UnitError
        If the unit is neither; a plain number says too little.
    """
    one = parse_unit("1")
    if not unit.same_kind(one) or convert(1.0, unit, one) == 1.0:
        raise UnitError("HbA1c is in % or mmol/mol", help="write for example `8 %` or `64 mmol/mol`")
    if unit == parse_unit("mmol/mol"):
        return _IFCC_SLOPE * value + _IFCC_INTERCEPT
    return convert(value, unit, parse_unit("%"))


@dataclass(frozen=True)
class Reader:
    """How numbers are shown: as in the files, or glucose in mmol/L and HbA1c in mmol/mol."""

    glucose: str

    def unit(self, name: str, unit: str) -> str:
        """The unit an observable or an index is shown in."""
        if self.glucose == "mg/dL":
            return unit
        return "mmol/mol" if name == "hba1c" else _molar(name, unit)[0]

    def value(self, name: str, unit: str, values: Any) -> Any:
        """Values of an observable, numbers or arrays, as they are shown."""
        if self.glucose == "mg/dL":
            return values
        if name == "hba1c":
            return hba1c_ifcc(values)
        return values * _molar(name, unit)[1]

    def difference(self, name: str, unit: str, values: Any) -> Any:
        """Differences of an observable as they are shown: only the scale is converted."""
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
"""Lipids are in mg/dL too, and weigh something else; they stay."""


def _molar(name: str, unit: str) -> tuple[str, float]:
    """A unit with glucose in moles, and the factor that leads there."""
    return (unit, 1.0) if name in _OTHER_THAN_GLUCOSE else _MOLAR.get(unit, (unit, 1.0))


def reader(units: str) -> Reader:
    """Read the choice of `--units`.

    Raises
    ------
    SetError
        If it is neither `mg/dL` nor `mmol/L`.
    """
    known = ("mg/dL", "mmol/L")
    for name in known:
        if units.lower() == name.lower():
            return Reader(name)
    help = did_you_mean(units, known) or "choose from " + ", ".join(known)
    raise SetError(f"glucose is not shown in `{units}`", help=help)
