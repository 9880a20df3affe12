"""Conversions of glucose, insulin, C-peptide and HbA1c between conventional and SI units."""

from __future__ import annotations

from typing import Any

from mtorsim.errors import UnitError

from .units import Unit, convert, parse_unit

__all__ = [
    "C_PEPTIDE_MASS",
    "MG_DL_PER_MMOL_L",
    "PMOL_PER_UU",
    "c_peptide_in_ng_ml",
    "glucose_in_mg_dl",
    "hba1c_ifcc",
    "hba1c_in_percent",
    "insulin_in_uu_ml",
]


MG_DL_PER_MMOL_L = 18.016
"""mg/dL per mmol/L of glucose, 180.16 g/mol."""

PMOL_PER_UU = 6.0
"""pmol/L in 1 uU/mL of insulin: 1 U is 6,000 pmol."""
C_PEPTIDE_MASS = 3.0203
"""ng/mL in 1 nmol/L of C-peptide, 3020.3 g/mol."""


def glucose_in_mg_dl(value: float, unit: Unit) -> float:
    """Convert a glucose concentration to mg/dL, from mass or molar units.

    Raises
    ------
    UnitError
        If the unit is neither.
    """
    return _from_either(value, unit, "mg/dL", "mmol/L", MG_DL_PER_MMOL_L)


def insulin_in_uu_ml(value: float, unit: Unit) -> float:
    """Convert insulin to uU/mL, from units of activity or molar ones.

    Raises
    ------
    UnitError
        If the unit is neither.
    """
    return _from_either(value, unit, "uU/mL", "pmol/L", 1 / PMOL_PER_UU)


def c_peptide_in_ng_ml(value: float, unit: Unit) -> float:
    """Convert C-peptide to ng/mL, from mass or molar units.

    Raises
    ------
    UnitError
        If the unit is neither.
    """
    return _from_either(value, unit, "ng/mL", "nmol/L", C_PEPTIDE_MASS)


def _from_either(value: float, unit: Unit, own: str, molar: str, size: float) -> float:
    """Convert to a unit, also from molar ones, of which one has the given size."""
    if unit.same_kind(parse_unit(molar)):
        return convert(value, unit, parse_unit(molar)) * size
    return convert(value, unit, parse_unit(own))


_IFCC_SLOPE, _IFCC_INTERCEPT = 0.09148, 2.152


def hba1c_ifcc(percent: Any) -> Any:
    """Convert HbA1c from % (NGSP) to mmol/mol (IFCC): the master equation NGSP = 0.09148 IFCC + 2.152.

    References
    ----------
    Hoelzel et al., Clin. Chem. 50 (2004) 166 (recalled).
    """
    return (percent - _IFCC_INTERCEPT) / _IFCC_SLOPE


def hba1c_in_percent(value: float, unit: Unit) -> float:
    """Convert HbA1c to % (NGSP), from % or mmol/mol (IFCC).

    Raises
    ------
    UnitError
        If the unit is neither, or missing.
    """
    one = parse_unit("1")
    if not unit.same_kind(one) or convert(1.0, unit, one) == 1.0:
        raise UnitError("HbA1c needs the unit % or mmol/mol", help="write for example `8 %` or `64 mmol/mol`")
    if unit == parse_unit("mmol/mol"):
        return _IFCC_SLOPE * value + _IFCC_INTERCEPT
    return convert(value, unit, parse_unit("%"))
