"""Numbers as the page receives them."""

from __future__ import annotations

import numpy as np

__all__ = ["rounded"]

DIGITS = 7
"""Significant digits of numbers that are sent, those of single precision."""


def rounded(values: np.ndarray) -> list[float | None]:
    """Values at so many significant digits, None for what is not a number."""
    return [float(f"{v:.{DIGITS}g}") if v - v == 0.0 else None for v in values.tolist()]
