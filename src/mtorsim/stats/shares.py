"""Fractions with confidence intervals, and weighted quantiles."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["Estimate", "Share", "paired_difference", "quantiles", "wilson"]


_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A fraction, or a difference of two, with 95 % CI; None if nothing was measured."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class Share:
    """A fraction with 95 % CI; `of` is 0 without data.

    Attributes
    ----------
    size
        Effective sample size of weighted subjects.
    """

    count: float
    of: float
    size: float | None = None

    @property
    def estimate(self) -> Estimate:
        """The fraction with Wilson's interval; None without data."""
        if self.of == 0:
            return Estimate()
        size = self.of if self.size is None else self.size
        low, high = wilson(self.count / self.of * size, size)
        return Estimate(float(self.count / self.of), float(low), float(high))

    def as_dict(self) -> dict[str, float | None]:
        """As in summary.json."""
        return asdict(self.estimate)


def wilson(count: float, of: float) -> tuple[float, float]:
    """Wilson's 95 % CI of a fraction.

    References
    ----------
    Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    share = count / of
    denominator = 1 + _Z**2 / of
    centre = share + _Z**2 / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    low = 0.0 if count == 0 else (centre - spread) / denominator
    high = 1.0 if count == of else (centre + spread) / denominator
    return low, high


def paired_difference(both: float, first: float, second: float, neither: float) -> tuple[float, float, float]:
    """Paired difference of two fractions, first minus second, with 95 % CI.

    Parameters
    ----------
    both, first, second, neither
        Numbers of subjects counted in both fractions, in one only, in none.

    References
    ----------
    Newcombe, Stat. Med. 17 (1998) 2635, method 10 (recalled): from Wilson's intervals of both fractions and their
    correlation.
    """
    n = both + first + second + neither
    p, q = (both + first) / n, (both + second) / n
    (p_low, p_high), (q_low, q_high) = wilson(p * n, n), wilson(q * n, n)
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    excess = both * neither - first * second
    if excess > 0:
        excess = max(excess - n / 2, 0.0)
    phi = excess / math.sqrt(product) if product > 0 else 0.0
    down, up = p - p_low, q_high - q
    low = p - q - math.sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))
    down, up = p_high - p, q - q_low
    high = p - q + math.sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))
    return p - q, low, high


def quantiles(values: np.ndarray, shares: tuple[float, ...], weights: np.ndarray) -> np.ndarray:
    """Quantiles of weighted values, (n,); interpolated if weights are equal."""
    if (weights == weights[0]).all():
        return np.quantile(values, shares)
    return np.quantile(values, shares, weights=weights, method="inverted_cdf")
