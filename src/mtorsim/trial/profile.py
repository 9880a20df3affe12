"""Profile likelihood of fitted quantities: how much worse the best fit becomes as one of them is held elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Point", "bounds", "profiles"]

AT = (-2.0, -1.0, 1.0, 2.0)
"""Where a quantity is held, in SDs of its estimate."""
RISE = 3.841458820694124
"""Rise of minus twice the log-likelihood at the ends of a 95 % interval: the quantile of chi-squared, 1 degree."""
WORTH = 0.5
"""Expected fall of minus twice the log-likelihood for which the others are corrected once more."""


@dataclass(frozen=True)
class Point:
    """The best fit with one quantity held.

    Attributes
    ----------
    at
        The value, on the scale of the fit.
    rise
        Rise of minus twice the log-likelihood, priors included.
    of_data
        The part of it that comes from the reported rates.
    """

    at: float
    rise: float
    of_data: float


def profiles(
    residuals: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    jacobian: np.ndarray,
    covariance: np.ndarray,
    limits: np.ndarray,
    rows: int,
) -> tuple[tuple[Point, ...], ...]:
    """Hold each quantity at several values, and fit the others again.

    The others start from where the quadratic approximation has them. If a Gauss-Newton step promises more, it is made
    too; the better of the two counts. Every point is simulated, so the shape of the likelihood is not assumed.

    Parameters
    ----------
    residuals
        Residuals of the rates, then of the priors, in SD.
    x, jacobian, covariance
        Estimate, derivatives of the residuals there, and its covariance.
    limits
        Lowest and highest value of each quantity, (quantities, 2).
    rows
        Number of residuals that come from rates.

    Returns
    -------
    tuple
        The points of each quantity, by value, with the estimate itself.
    """
    least = residuals(x)
    return tuple(_profile(residuals, x, least, jacobian, covariance, limits, rows, i) for i in range(len(x)))


def _profile(
    residuals: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    least: np.ndarray,
    jacobian: np.ndarray,
    covariance: np.ndarray,
    limits: np.ndarray,
    rows: int,
    i: int,
) -> tuple[Point, ...]:
    """The points of one quantity."""
    sd = np.sqrt(covariance[i, i])
    ends = np.clip([x[i] + k * sd for k in AT], *limits[i])
    held = [float(end) for end in dict.fromkeys(ends.tolist()) if abs(end - x[i]) > 1e-6]
    found = [Point(float(x[i]), 0.0, 0.0)]
    others = np.delete(np.arange(len(x)), i)
    for value in held:
        moved = x + covariance[:, i] / covariance[i, i] * (value - x[i])
        moved = np.clip(moved, limits[:, 0], limits[:, 1])
        moved[i] = value
        best = residuals(moved)
        step, *_ = np.linalg.lstsq(jacobian[:, others], -best, rcond=None)
        promised = best @ best - np.sum((best + jacobian[:, others] @ step) ** 2)
        if promised > WORTH:
            again = moved.copy()
            again[others] = np.clip(again[others] + step, limits[others, 0], limits[others, 1])
            other = residuals(again)
            best = other if other @ other < best @ best else best
        of_data = float(best[:rows] @ best[:rows] - least[:rows] @ least[:rows])
        found.append(Point(value, float(best @ best - least @ least), of_data))
    return tuple(sorted(found, key=lambda p: p.at))


def bounds(points: Sequence[Point], at: float, limits: tuple[float, float]) -> tuple[float | None, float | None]:
    """Ends of the 95 % interval, from the signed root of the rise, which is straight where a likelihood is normal.

    None for an end that the quantity's range reaches first: the data do not bound it there.
    """
    found: list[float | None] = []
    for side, limit in zip((-1, 1), limits, strict=True):
        mine = sorted((abs(p.at - at), np.sqrt(max(p.rise, 0.0))) for p in points if side * (p.at - at) >= 0)
        reach, root = np.array(mine).T
        above = np.flatnonzero(root >= np.sqrt(RISE))
        last = int(above[0]) if len(above) else len(root) - 1
        slope = (root[last] - root[last - 1]) / (reach[last] - reach[last - 1]) if last else 0.0
        if slope <= 0:
            found.append(None)
            continue
        end = at + side * (reach[last] + (np.sqrt(RISE) - root[last]) / slope)
        found.append(float(end) if side * (limit - end) >= 0 else None)
    return found[0], found[1]
