"""The 24-hour glucose profile."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from . import indices as ix
from .curves import Curves, Index
from .laboratory_test import Option, OptionError, laboratory_test
from .protocol import Protocol

__all__ = ["profile"]

_UNITS = {"mean_glucose": "mg/dL", "sd_glucose": "mg/dL", "mage": "mg/dL", "lbgi": "1", "hbgi": "1"}


def _indices(curves: Curves) -> dict[str, Index]:
    minutes, until = curves.minutes, float(curves.minutes[-1])
    days = until / 1440
    secretion = ix.area(minutes, curves["secretion"], 0, until) * curves.weight / 1000 / days
    basal = curves["secretion"][:, 0] * curves.weight * 1440 / 1000
    urine = ix.area(minutes, curves["urinary_loss"], 0, until) * curves.weight / 1000 / days
    # The last sample is the first of the next day.
    sensor = ix.cgm(curves["glucose"][:, :-1])
    return {
        "fasting_glucose": Index("mg/dL", curves.fasting("glucose")),
        **{name: Index(_UNITS.get(name, "%"), values) for name, values in sensor.items()},
        "mean_insulin": Index("uU/mL", ix.mean(minutes, curves["insulin"], 0, until)),
        "mean_ffa": Index("mmol/L", ix.mean(minutes, curves["ffa"], 0, until)),
        "secretion_24h": Index("nmol", secretion),
        "basal_share_of_secretion": Index("%", 100 * basal / secretion),
        "urinary_glucose_24h": Index("g", urine),
    }


@laboratory_test("profile", indices=_indices)
def profile(hours: Annotated[float, Option("h", 24, 24 * 14, "duration")] = 24.0) -> Protocol:
    """Glucose profile with usual meals and doses, sampled every 5 minutes like a CGM sensor."""
    if hours % 24:
        help = "its indices are daily ones: write for example 24 or 72"
        raise OptionError("hours", f"`hours` = {hours:g} is not a whole number of days", help)
    minutes = np.arange(0, 60 * hours + 1e-9, 5)
    return Protocol(f"{hours:g}-hour profile with usual meals", minutes, fasting=False, everyday=True)
