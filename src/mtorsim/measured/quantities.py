"""Measured quantities: usual column names, units, and plausible ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, UnitError
from mtorsim.units.conversions import MG_DL_PER_MMOL_L, c_peptide_in_ng_ml, glucose_in_mg_dl, insulin_in_uu_ml
from mtorsim.units.units import Unit, convert, parse_unit

__all__ = ["QUANTITIES", "Quantity", "plain", "quantity_of"]


def _infusion(value: float, unit: Unit) -> float:
    if unit.same_kind(parse_unit("umol/kg/min")):
        return convert(value, unit, parse_unit("umol/kg/min")) * MG_DL_PER_MMOL_L / 100
    return convert(value, unit, parse_unit("mg/kg/min"))


@dataclass(frozen=True)
class Quantity:
    """A measured quantity.

    Attributes
    ----------
    name, unit
        As in the indices.
    names
        Usual names of its column, in capitals without punctuation.
    short
        Letters before the minute in a table with one row per person, such as `G` in `G120`.
    low, high
        Plausible range of its values.
    converted
        Function of a value and its unit that gives the value in `unit`.
    units
        Usual units.
    """

    name: str
    unit: str
    names: tuple[str, ...]
    short: tuple[str, ...]
    low: float
    high: float
    converted: Callable[[float, Unit], float]
    units: tuple[str, ...]

    def factor(self, unit: str) -> float:
        """Size of a unit in the quantity's own.

        Raises
        ------
        ArgumentError
            If it is not a unit of this quantity.
        """
        try:
            return self.converted(1.0, parse_unit(unit))
        except UnitError:
            help = "choose from " + ", ".join(self.units)
            raise ArgumentError(f"`{unit}` is not a unit of {self.name}", help=help) from None

    def fitting(self, values: np.ndarray) -> list[str]:
        """The usual units in which the median of some values would be plausible."""
        middle = float(np.median(values))
        return [u for u in self.units if self.low <= middle * self.factor(u) <= self.high]


_ALL = (
    Quantity(
        "glucose",
        "mg/dL",
        ("GLUCOSE", "GLUC", "GLU", "GL", "BG", "PG", "FPG", "FBG", "SG", "SENSORGLUCOSE", "PLASMAGLUCOSE"),
        ("G", "PG", "GLU", "GLUC"),
        35.0,
        900.0,
        glucose_in_mg_dl,
        ("mg/dL", "mmol/L"),
    ),
    Quantity(
        "insulin",
        "uU/mL",
        ("INSULIN", "INS", "FPI", "FINS", "PLASMAINSULIN"),
        ("I", "INS"),
        0.05,
        3000.0,
        insulin_in_uu_ml,
        ("uU/mL", "pmol/L"),
    ),
    Quantity(
        "c_peptide",
        "ng/mL",
        ("CPEPTIDE", "CPEP", "CP", "FCP"),
        ("C", "CP", "CPEP"),
        0.005,
        60.0,
        c_peptide_in_ng_ml,
        ("ng/mL", "nmol/L", "pmol/L"),
    ),
    Quantity(
        "glucose_infusion",
        "mg/kg/min",
        ("GIR", "GLUCOSEINFUSION", "GINF", "GLUCOSEINFUSIONRATE"),
        ("GIR",),
        0.0,
        40.0,
        _infusion,
        ("mg/kg/min", "umol/kg/min"),
    ),
)

QUANTITIES: Mapping[str, Quantity] = {q.name: q for q in _ALL}
"""All quantities that can be measured, by name."""


def plain(text: str) -> str:
    """A column's name in capitals, without a unit in brackets and without punctuation."""
    return re.sub(r"[^A-Z0-9#]", "", re.sub(r"[(\[].*?[)\]]", "", text).upper())


def quantity_of(column: str) -> Quantity | None:
    """The quantity of a column by its usual names; None if it is none of them."""
    return next((q for q in _ALL if plain(column) in q.names), None)
