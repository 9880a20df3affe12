"""Percentiles of measured values in bins, beside those of as many simulated ones.

A value below the limit of quantification is less than any other. A percentile among such values is itself below the
limit: -inf here, which orders it rightly among those of replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["INTERVAL", "Compared", "compared", "interval_of", "quantile"]

INTERVAL = 0.95
"""Probability of the interval of a simulated percentile."""


@dataclass(frozen=True)
class Compared:
    """A statistic of measured values, and of those of every replicate.

    Attributes
    ----------
    observed
        Of the measured values.
    low, middle, high
        Limits of the interval of simulated ones, and their median.
    """

    observed: float
    low: float
    middle: float
    high: float

    @property
    def outside(self) -> bool:
        """Whether the measured one is outside the interval; not if either is unknown."""
        return self.observed < self.low or self.observed > self.high


def quantile(values: np.ndarray, q: float) -> np.ndarray:
    """A quantile along the last axis, without NaN; linear between ranks, and -inf next to -inf.

    Parameters
    ----------
    values
        Shape (..., n).

    Returns
    -------
    ndarray (...,)
        NaN if all values are missing.
    """
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1) + np.isneginf(ordered).sum(axis=-1)
    return _at(ordered, q * (count - 1.0), count)


def interval_of(statistics: np.ndarray, q: float) -> float:
    """A quantile of statistics of replicates, so that another one lies below it with probability q.

    Of K exchangeable statistics and one more, it lies below the k-th of the K with probability k / (K + 1).
    """
    ordered = np.sort(statistics)
    count = np.array(np.isfinite(ordered).sum() + np.isneginf(ordered).sum())
    return float(_at(ordered, np.clip(q * (count + 1.0) - 1.0, 0.0, np.maximum(count - 1.0, 0.0)), count))


def _at(ordered: np.ndarray, place: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Values between two ranks of ordered ones; the last axis is removed."""
    if ordered.shape[-1] == 0:
        return np.full(ordered.shape[:-1], np.nan)
    low = np.clip(np.floor(place), 0, None).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)).astype(int)
    a, b = (np.take_along_axis(ordered, k[..., None], axis=-1)[..., 0] for k in (low, high))
    share = np.clip(place - low, 0.0, 1.0)
    with np.errstate(invalid="ignore"):
        between = np.where(np.isneginf(a), a, a + share * (b - a))
    return np.where(count > 0, np.where(share == 0, a, between), np.nan)


def compared(observed: float, simulated: np.ndarray) -> Compared:
    """A statistic beside those of replicates, (replicates,)."""
    tail = (1.0 - INTERVAL) / 2.0
    low, middle, high = (interval_of(simulated, q) for q in (tail, 0.5, 1.0 - tail))
    return Compared(float(observed), low, middle, high)
