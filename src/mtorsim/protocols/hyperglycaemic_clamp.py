"""The hyperglycaemic clamp."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from . import indices as ix
from .clamp import STEADY
from .curves import Curves, Index
from .fasting import fasting_indices
from .laboratory_test import Option, laboratory_test
from .protocol import Protocol, sampled

__all__ = ["hyperglycaemic_clamp"]


def _indices(curves: Curves) -> dict[str, Index]:
    t, insulin, minutes = curves.samples, curves.drawn("insulin"), curves.minutes
    end = float(minutes[-1])
    first = (t > 0) & (t <= 10)
    last = {n: ix.mean(minutes, c, end - STEADY, end) for n, c in curves.values.items()}
    m = last["glucose_infusion"] - last["urinary_loss"]
    return fasting_indices(curves) | {
        "first_phase": Index("uU/mL", np.ascontiguousarray(insulin[:, first]).mean(axis=1) - insulin[:, 0]),
        "second_phase": Index("uU/mL", last["insulin"] - insulin[:, 0]),
        "glucose_end": Index("mg/dL", last["glucose"]),
        "insulin_end": Index("uU/mL", last["insulin"]),
        "M": Index("mg/kg/min", m),
        "M_over_I": Index("mg/kg/min/(uU/mL)", m / last["insulin"]),
        "secretion_fold": Index("1", last["secretion"] / curves["secretion"][:, 0]),
    }


@laboratory_test("hyperglycaemic-clamp", indices=_indices)
def hyperglycaemic_clamp(
    above: Annotated[float, Option("mg/dL", 20, 400, "rise over fasting glucose")] = 125.0,
    minutes: Annotated[float, Option("min", 60, 600, "duration")] = 120.0,
) -> Protocol:
    """Hyperglycaemic clamp: glucose is raised quickly above fasting and held there."""
    times = sampled([0, 2, 4, 6, 8, 10, 15, 20, *np.arange(30, minutes, 10)], minutes)
    return Protocol(f"glucose held {above:g} mg/dL above fasting", times, clamped=(0, minutes), above=above)
