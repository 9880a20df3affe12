"""Weights that match virtual patients to published means, SDs and correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

__all__ = ["Moment", "effective_number", "weigh"]


CLOSE = 1e-3
"""Tolerance of moments, in SDs of the sample."""


@dataclass(frozen=True)
class Moment:
    """A published moment: mean and optional SD of one quantity, or the correlation of two."""

    of: tuple[str, ...]
    mean: float | None = None
    sd: float | None = None
    correlation: float | None = None


def effective_number(weights: np.ndarray) -> float:
    """Effective sample size (Kish)."""
    return float(weights.sum() ** 2 / (weights @ weights))


def weigh(values: dict[str, np.ndarray], moments: Sequence[Moment], base: np.ndarray) -> np.ndarray:
    """Find the weights closest to the base weights, in relative entropy, that meet the moments.

    Parameters
    ----------
    values
        Values of each quantity, (n,), without NaN.
    moments
        Moments to meet; a correlation needs mean and SD of both quantities.
    base
        Sampling weights, (n,).

    Returns
    -------
    ndarray (n,)
        Weights with the same sum as the base weights.

    Raises
    ------
    ValueError
        If no weights of these subjects meet the moments.

    References
    ----------
    Hainmueller, Political Analysis 20 (2012) 25: entropy balancing (recalled).
    """
    means = {m.of[0]: m.mean for m in moments if m.mean is not None}
    spreads = {m.of[0]: m.sd for m in moments if m.sd is not None}
    columns, targets = [], []
    for m in moments:
        if m.correlation is not None:
            a, b = ((values[n] - means[n]) / spreads[n] for n in m.of)
            columns.append(a * b)
            targets.append(m.correlation)
            continue
        x = values[m.of[0]]
        scale = x.std() or 1.0
        columns.append((x - m.mean) / scale)
        targets.append(0.0)
        if m.sd is not None:
            columns.append(((x - m.mean) / m.sd) ** 2)
            targets.append(1.0)
    features = np.stack(columns, axis=1) - np.array(targets)
    share = base / base.sum()

    def dual(tilt: np.ndarray) -> tuple[float, np.ndarray]:
        power = features @ tilt
        top = power.max()
        grown = share * np.exp(power - top)
        total = grown.sum()
        return float(np.log(total) + top), features.T @ grown / total

    with np.errstate(all="ignore"):  # the tilt diverges if the moments cannot be met
        found = minimize(dual, np.zeros(features.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9})
        power = features @ found.x
        weights = share * np.exp(power - power.max())
        weights *= base.sum() / weights.sum()
        missed = np.abs(features.T @ weights) / weights.sum()
    if not np.isfinite(weights).all() or missed.max() > CLOSE * max(1.0, float(np.abs(features).std())):
        raise ValueError("no weights of these subjects give the published values")
    return weights
