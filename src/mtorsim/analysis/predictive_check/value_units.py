"""Measured values in the unit of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, UnitError
from mtorsim.units.conversions import c_peptide_in_ng_ml, glucose_in_mg_dl, hba1c_in_percent, insulin_in_uu_ml
from mtorsim.units.units import Unit, convert, parse_unit

__all__ = ["converted"]

MOLAR: dict[str, tuple[str, Callable[[Any, Unit], Any]]] = {
    "glucose": ("mg/dL", glucose_in_mg_dl),
    "fasting_glucose": ("mg/dL", glucose_in_mg_dl),
    "insulin": ("uU/mL", insulin_in_uu_ml),
    "c_peptide": ("ng/mL", c_peptide_in_ng_ml),
    "hba1c": ("%", hba1c_in_percent),
}
"""Observables that laboratories report in units of another kind: the unit of the model, and the conversion."""


def converted(values: np.ndarray, given: str | None, of: str, unit: str) -> np.ndarray:
    """Values of an observable in its own unit.

    Parameters
    ----------
    values
        In the unit `given`; None is the observable's own.
    of, unit
        The observable and its unit.

    Raises
    ------
    ArgumentError
        If the unit is unknown, or of another kind.
    """
    if given is None:
        return values
    try:
        own, molar = MOLAR.get(of, ("", None))
        if molar is not None and own == unit:
            return molar(values, parse_unit(given))
        return convert(1.0, parse_unit(given), parse_unit(unit)) * values
    except UnitError as error:
        raise ArgumentError(
            f"`dv_unit` = {given}: {error.message}", help=error.help or f"`{of}` is in {unit}"
        ) from None
