"""Weights that give virtual patients the averages, spreads and correlations of published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

__all__ = ["Moment", "effective_number", "weigh"]


CLOSE = 1e-3
"""How well moments must be met, in SDs of the sample."""


@dataclass(frozen=True)
class Moment:
    """What is published: of one quantity its mean and perhaps SD, of two their correlation."""

    of: tuple[str, ...]
    mean: float | None = None
    sd: float | None = None
    correlation: float | None = None


def effective_number(weights: np.ndarray) -> float:
    """How many equally weighted people would say as much (Kish)."""
    return float(weights.sum() ** 2 / (weights @ weights))


def weigh(values: dict[str, np.ndarray], moments: Sequence[Moment], base: np.ndarray) -> np.ndarray:
    """Weights closest to the base weights, by relative entropy, that meet the moments.

    Parameters
    ----------
    values
        Of each quantity, (n,); nothing missing.
    moments
        What is to be met; a correlation needs mean and SD of both its quantities.
    base
        Weights of the sample as it was drawn, (n,).

    Returns
    -------
    ndarray (n,)
        With the sum of the base weights.

    Raises
    ------
    ValueError
        If no weights of these people meet the moments.

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

    with np.errstate(all="ignore"):  # where nothing meets the moments the tilt runs away
        found = minimize(dual, np.zeros(features.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9})
        power = features @ found.x
        weights = share * np.exp(power - power.max())
        weights *= base.sum() / weights.sum()
        missed = np.abs(features.T @ weights) / weights.sum()
    if not np.isfinite(weights).all() or missed.max() > CLOSE * max(1.0, float(np.abs(features).std())):
        raise ValueError("no weights of these people give what was published")
    return weights
