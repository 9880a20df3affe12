"""The oral glucose tolerance test."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from .laboratory_test import Option, laboratory_test
from .oral import oral_indices
from .protocol import Administration, Protocol, sampled

__all__ = ["ogtt"]


@laboratory_test("ogtt", indices=oral_indices)
def ogtt(
    grams: Annotated[float, Option("g", 1, 300, "glucose")] = 75.0,
    hours: Annotated[float, Option("h", 2, 12, "duration of sampling")] = 4.0,
) -> Protocol:
    """Oral glucose tolerance test, sampled as in the data of healthy adults."""
    early = [0, 10, 20, 30, 45, 60, 75, 90, 120]
    minutes = sampled([*early, *np.arange(150, 60 * hours, 30)], 60 * hours)
    return Protocol(f"{grams:g} g oral glucose", minutes, (Administration(0, "meal_liquid", 1000 * grams),))
