"""Quantiles of any number of values in little memory, from counts in bins of equal relative width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .portable import log

__all__ = ["ERROR", "Sketch"]

ERROR = 0.001
"""Largest relative error of a quantile."""
SMALLEST = 1e-9
"""Values closer to 0 count as 0."""

_GROWTH = (1 + ERROR) / (1 - ERROR)
_WIDTH = math.log(_GROWTH)


class _Bins:
    """Weights of values > 0: bin k holds those from growth**(k - 1) to growth**k."""

    def __init__(self) -> None:
        self.first = 0
        self.weights = np.zeros(0)

    def add(self, places: np.ndarray, weights: np.ndarray) -> None:
        """Add weights in bins."""
        if not len(places):
            return
        self._reach(int(places.min()), int(places.max()) + 1)
        self.weights += np.bincount(places - self.first, weights, len(self.weights))

    def merge(self, other: _Bins) -> None:
        """Add the weights of other bins."""
        if len(other.weights):
            self._reach(other.first, other.first + len(other.weights))
            at = other.first - self.first
            self.weights[at : at + len(other.weights)] += other.weights

    def _reach(self, low: int, high: int) -> None:
        """Cover the bins from low to before high."""
        if not len(self.weights):
            self.first, self.weights = low, np.zeros(high - low)
        before = max(self.first - low, 0)
        after = max(high - self.first - len(self.weights), 0)
        if before or after:
            self.first -= before
            self.weights = np.pad(self.weights, (before, after))

    def middles(self) -> np.ndarray:
        """A value within the relative error of every value of a bin."""
        return 2.0 / (_GROWTH + 1.0) * np.exp(_WIDTH * (self.first + np.arange(len(self.weights))))


class Sketch:
    """Weighted values, of which quantiles are known within a relative error of `ERROR`.

    Sketches of parts can be merged, and are then that of the whole.

    References
    ----------
    Masson, Rim & Lee, Proc. VLDB Endow. 12 (2019) 2195: DDSketch (recalled).
    """

    def __init__(self) -> None:
        self.below, self.above = _Bins(), _Bins()
        self.zero = 0.0
        self.squares = 0.0

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(self.below.weights.sum() + self.zero + self.above.weights.sum())

    @property
    def size(self) -> float:
        """Effective number of values (Kish)."""
        return self.total**2 / self.squares if self.squares else 0.0

    def add(self, values: np.ndarray, weights: np.ndarray) -> None:
        """Add finite values (n,) with their weights (n,)."""
        self.squares += float(weights @ weights)
        size = np.abs(values)
        small = size < SMALLEST
        self.zero += float(weights[small].sum())
        places = np.ceil(log(np.where(small, 1.0, size)) / _WIDTH).astype(np.int64)
        for bins, some in ((self.below, ~small & (values < 0)), (self.above, ~small & (values > 0))):
            bins.add(places[some], weights[some])

    def merge(self, other: Sketch) -> None:
        """Add the values of another sketch."""
        self.below.merge(other.below)
        self.above.merge(other.above)
        self.zero += other.zero
        self.squares += other.squares

    def quantiles(self, shares: Sequence[float]) -> np.ndarray:
        """The values below which the shares lie; NaN without values."""
        if not self.total:
            return np.full(len(shares), np.nan)
        values = np.concatenate([-self.below.middles()[::-1], [0.0], self.above.middles()])
        weights = np.concatenate([self.below.weights[::-1], [self.zero], self.above.weights])
        there = weights > 0
        reached = np.cumsum(weights[there]) / weights.sum()
        place = np.searchsorted(reached, np.asarray(shares) * (1 - 1e-12))
        return values[there][np.minimum(place, there.sum() - 1)]
