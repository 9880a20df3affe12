"""Tests of whether prediction errors are standard normal.

The usual tests take errors as independent. Errors of one person are decorrelated only: where people differ in more
than their mean, they are still dependent, and true models are rejected too often. Every replicate is therefore also
tested as if it had been measured, and a second p is the rank of the measured statistic among those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.stats.portable import normal_quantile

__all__ = ["ErrorTests", "error_tests"]

LEAST = 4
MOST_SHAPIRO = 5000
"""Largest number of values of the test by Shapiro and Wilk."""


@dataclass(frozen=True)
class ErrorTests:
    """Mean, variance and shape of prediction errors, and what tests say of them.

    Attributes
    ----------
    n
        Number of errors.
    mean, variance, skewness, kurtosis
        Of the errors; 0, 1, 0 and 0 are expected.
    p_mean
        Two-sided p of mean 0: Wilcoxon's signed-rank test.
    p_variance
        Two-sided p of variance 1: Fisher's test.
    p_normal
        p of normality, whatever mean and variance: Shapiro and Wilk, or D'Agostino and Pearson above 5,000 errors.
    p_global
        Three times the smallest of these, at most 1 (Bonferroni).
    simulated_mean, simulated_variance, simulated_normal, simulated_global
        The same by the ranks of mean, variance and the statistic of Shapiro and Francia among those of replicates.
    """

    n: int
    mean: float
    variance: float
    skewness: float
    kurtosis: float
    p_mean: float
    p_variance: float
    p_normal: float
    p_global: float
    simulated_mean: float
    simulated_variance: float
    simulated_normal: float
    simulated_global: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


def error_tests(errors: np.ndarray, exchangeable: np.ndarray) -> ErrorTests | None:
    """Test errors; None if there are fewer than four, or all are alike.

    Parameters
    ----------
    errors
        Shape (n,); NaN are left out.
    exchangeable
        Errors of the measured samples, and below them of every replicate, (1 + replicates, n), NaN where one failed.
    """
    from scipy import stats

    some = np.isfinite(errors)
    z = errors[some]
    n = len(z)
    if n < LEAST or np.ptp(z) < 1e-12:
        return None
    variance = float(z.var(ddof=1))
    tail = float(stats.chi2.cdf((n - 1) * variance, n - 1))
    signed: Any = stats.wilcoxon(z, method="auto" if n <= 50 else "asymptotic")
    p_variance = 2.0 * min(tail, 1.0 - tail)
    normal: Any = stats.shapiro(z) if n <= MOST_SHAPIRO else stats.normaltest(z)
    p_mean, p_normal = float(signed.pvalue), float(normal.pvalue)
    everyone = exchangeable[:, some]
    everyone = everyone[np.isfinite(everyone).all(axis=1)]
    low, high = zip(*(_ranked(f(everyone)) for f in (_mean, _variance, _straightness)), strict=True)
    # Only a lack of straightness speaks against normality.
    by_mean, by_variance, by_shape = (min(1.0, p) for p in (2 * min(low[0], high[0]), 2 * min(low[1], high[1]), low[2]))
    return ErrorTests(
        n=n,
        mean=float(z.mean()),
        variance=variance,
        skewness=float(stats.skew(z)),
        kurtosis=float(stats.kurtosis(z)),
        p_mean=p_mean,
        p_variance=p_variance,
        p_normal=p_normal,
        p_global=min(1.0, 3.0 * min(p_mean, p_variance, p_normal)),
        simulated_mean=by_mean,
        simulated_variance=by_variance,
        simulated_normal=by_shape,
        simulated_global=min(1.0, 3.0 * min(by_mean, by_variance, by_shape)),
    )


def _mean(z: np.ndarray) -> np.ndarray:
    return z.mean(axis=1)


def _variance(z: np.ndarray) -> np.ndarray:
    return z.var(axis=1)


def _straightness(z: np.ndarray) -> np.ndarray:
    """Correlation of ordered values with normal quantiles: the statistic of Shapiro and Francia (1972), its root."""
    n = z.shape[1]
    expected = normal_quantile((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    ordered = np.sort(z, axis=1)
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1) * (expected**2).sum())
    return (centred @ expected) / np.maximum(size, 1e-300)


def _ranked(statistics: np.ndarray) -> tuple[float, float]:
    """Probability of a value as small as the first among exchangeable ones, and of one as large."""
    own = statistics[0]
    return float((statistics <= own).mean()), float((statistics >= own).mean())
