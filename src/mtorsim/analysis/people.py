"""People of an analysis in classes, and weighted means over them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.stats.classes import classes_of

__all__ = ["LAST_SUBJECT", "average", "classes", "mean_with_interval"]

LAST_SUBJECT = 10**9
"""Subjects are numbered below it."""
Z = 1.96
"""Standard errors on each side of a 95 % interval."""
GLUCOSE_CLASSES = (
    ("below 100 mg/dL", 0.0, 100.0),
    ("100 to 125 mg/dL", 100.0, 126.0),
    ("126 mg/dL and more", 126.0, np.inf),
)
"""Classes of fasting glucose at the start."""


def classes(by: str | None, traits: Mapping[str, np.ndarray], glucose: np.ndarray | None) -> dict[str, np.ndarray]:
    """Masks of people in classes: in thirds of a trait, or of glucose at the start.

    Parameters
    ----------
    by
        The trait; None for glucose.
    traits
        Values of each trait, (n,).
    glucose
        Fasting glucose at the start, (n,); None if it is not known.

    Raises
    ------
    ArgumentError
        If the trait is unknown.
    """
    if by is not None:
        if by not in traits:
            raise ArgumentError(f"`by`: unknown trait `{by}`", help=choose_from(by, traits))
        return classes_of(by, traits[by])
    if glucose is None:
        return {}
    return {f"{name} at the start": (glucose >= a) & (glucose < b) for name, a, b in GLUCOSE_CLASSES}


def average(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of the finite values; NaN if there is none."""
    some = np.isfinite(values)
    return float(np.average(values[some], weights=weights[some])) if some.any() else float("nan")


def mean_with_interval(values: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Weighted mean of values, all finite, and its 95 % interval over people, by their effective number."""
    mean = average(values, weights)
    if not len(values):
        return mean, mean, mean
    count = float(weights.sum() ** 2 / (weights**2).sum())
    variance = average((values - mean) ** 2, weights) * count / (count - 1) if count > 1 else 0.0
    error = Z * (variance / count) ** 0.5
    return mean, mean - error, mean + error
