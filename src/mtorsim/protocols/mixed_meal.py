"""The mixed meal test."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from .laboratory_test import Option, laboratory_test
from .oral import oral_indices
from .protocol import Administration, Protocol, sampled

__all__ = ["mixed_meal"]


@laboratory_test("mixed-meal", indices=oral_indices)
def mixed_meal(
    grams: Annotated[float, Option("g", 1, 300, "carbohydrate")] = 78.0,
    solid: Annotated[float, Option("", 0, 1, "share of solid food")] = 0.7,
    hours: Annotated[float, Option("h", 2, 12, "duration of sampling")] = 7.0,
) -> Protocol:
    """Mixed meal: carbohydrate, a share of it as solid food."""
    early = [0, 5, 10, 15, 20, 30, 40, 50, 60, 75, 90]
    minutes = sampled([*early, *np.arange(120, 60 * hours, 30)], 60 * hours)
    parts = (("meal_solid", solid), ("meal_liquid", 1 - solid))
    given = tuple(Administration(0, route, 1000 * grams * share) for route, share in parts if share > 0)
    return Protocol(f"a meal with {grams:g} g of carbohydrate, {100 * solid:g} % solid", minutes, given)
