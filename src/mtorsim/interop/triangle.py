"""Covariance matrices that are written as lower triangles, row by row."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["CORRELATED", "diagonal_of", "is_correlated"]

CORRELATED = "correlations of random effects: write them in a population file, as [[correlation]]"
"""What is said of numbers beside the diagonal."""


def diagonal_of(triangle: Sequence[float]) -> list[float]:
    """The diagonal of a lower triangle."""
    return [triangle[k * (k + 3) // 2] for k in range(len(triangle)) if k * (k + 3) // 2 < len(triangle)]


def is_correlated(triangle: Sequence[float]) -> bool:
    """Whether a number beside the diagonal is not 0."""
    places = {k * (k + 3) // 2 for k in range(len(triangle))}
    return any(value for k, value in enumerate(triangle) if k not in places)
