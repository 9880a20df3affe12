"""Shares of subjects above a limit, with intervals; the worst scheduled fasting glucose."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["Estimate", "Share", "paired_difference", "quantiles", "wilson"]


_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A fraction, or a difference of two, with its 95 % interval; None where nothing was measured."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class Share:
    """A fraction with its 95 % interval; `of` is 0 where there was nothing to count.

    Attributes
    ----------
    size
        Effective number of subjects where they are weighted: how many equal ones would say as much.
    """

    count: float
    of: float
    size: float | None = None

    @property
    def estimate(self) -> Estimate:
        """The fraction with Wilson's interval."""
        if self.of == 0:
            return Estimate()
        size = self.of if self.size is None else self.size
        low, high = wilson(self.count / self.of * size, size)
        return Estimate(float(self.count / self.of), float(low), float(high))

    def as_dict(self) -> dict[str, float | None]:
        """As it stands in summary.json."""
        return asdict(self.estimate)


def wilson(count: float, of: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction.

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
    """Difference of two fractions of the same people, first less second, with its 95 % interval.

    Parameters
    ----------
    both, first, second, neither
        People by where they count: in both fractions, in one alone, in none.

    References
    ----------
    Newcombe, Stat. Med. 17 (1998) 2635, method 10 (recalled): Wilson's intervals of the two, and their correlation.
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
    """Quantiles of weighted values, (n,); of equal weights, interpolated."""
    if (weights == weights[0]).all():
        return np.quantile(values, shares)
    return np.quantile(values, shares, weights=weights, method="inverted_cdf")
