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
    protein: Annotated[float, Option("g", 0, 200, "protein")] = 28.0,
    fat: Annotated[float, Option("g", 0, 200, "fat")] = 33.0,
    hours: Annotated[float, Option("h", 2, 12, "duration of sampling")] = 7.0,
) -> Protocol:
    """Mixed meal: carbohydrate, a share of it as solid food, protein and fat."""
    early = [0, 5, 10, 15, 20, 30, 40, 50, 60, 75, 90]
    minutes = sampled([*early, *np.arange(120, 60 * hours, 30)], 60 * hours)
    carbohydrate = 1000 * grams
    parts = {
        "meal_solid": carbohydrate * solid,
        "meal_liquid": carbohydrate * (1 - solid),
        "meal_protein": protein,
        "meal_fat": fat,
    }
    given = tuple(Administration(0, route, amount) for route, amount in parts.items() if amount > 0)
    besides = f"{protein:g} g of protein and {fat:g} g of fat"
    about = f"a meal with {grams:g} g of carbohydrate, {100 * solid:g} % solid, {besides}"
    return Protocol(about, minutes, given)
