"""One number for each subject of a run: a quantity at the last visit, or the highest value after the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, UnitError, choose_from
from mtorsim.units.conversions import c_peptide_in_ng_ml, glucose_in_mg_dl, hba1c_in_percent, insulin_in_uu_ml
from mtorsim.units.units import Unit, convert, parse_unit

__all__ = ["Outcome", "outcome_of"]

WORST = "worst_"
"""Asks for the highest value at the visits after the start."""


@dataclass(frozen=True)
class Outcome:
    """A number for each subject.

    Attributes
    ----------
    name, unit
        The observable, and its unit.
    worst
        Whether it is the highest value at the visits after the start; otherwise that at the last visit.
    """

    name: str
    unit: str
    worst: bool

    def of(self, values: np.ndarray, times: np.ndarray) -> np.ndarray:
        """The outcome from values at the visits, (..., visits); -inf or NaN where there is none."""
        if not self.worst:
            return values[..., -1]
        later = values[..., times > 0]
        return np.where(np.isnan(later), -np.inf, later).max(axis=-1, initial=-np.inf)

    def limit(self, value: float, unit: Unit) -> float:
        """A limit in the observable's unit.

        Raises
        ------
        ArgumentError
            If the unit does not fit.
        """
        if unit == parse_unit("1") != parse_unit(self.unit):
            raise ArgumentError(f"the limit of `{self.name}` has no unit", help=f"it is in {self.unit}")
        try:
            if self.unit == "mg/dL":
                return glucose_in_mg_dl(value, unit)
            own = {"hba1c": hba1c_in_percent, "insulin": insulin_in_uu_ml, "c_peptide": c_peptide_in_ng_ml}
            if self.name in own:
                return own[self.name](value, unit)
            return convert(value, unit, parse_unit(self.unit))
        except UnitError as error:
            raise ArgumentError(f"`{self.name}`: {error.message}", help=f"it is in {self.unit}") from None


def outcome_of(text: str, observables: Mapping[str, str]) -> Outcome:
    """The outcome of a name: an observable, or `worst_` and its name.

    Raises
    ------
    ArgumentError
        If the observable is unknown.
    """
    name = text.removeprefix(WORST)
    if name not in observables:
        known = [*observables, *(WORST + n for n in observables)]
        raise ArgumentError(f"unknown quantity `{text}`", help=choose_from(text, known))
    return Outcome(name, observables[name], worst=text != name)
