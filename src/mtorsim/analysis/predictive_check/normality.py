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


def error_tests(errors: np.ndarray, replicates: np.ndarray) -> ErrorTests | None:
    """Test errors; None if there are fewer than four, or all are alike.

    Parameters
    ----------
    errors
        Shape (n,); NaN are left out.
    replicates
        Errors of every replicate, (replicates, n), NaN where one failed.
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
    ps = float(signed.pvalue), p_variance, float(normal.pvalue)
    theirs = replicates[:, some]
    whole = theirs[np.isfinite(theirs).all(axis=1)]
    below = [_ranked(f(z[None])[0], f(whole)) for f in (_mean, _variance, _straightness)]
    simulated = 2 * min(below[0]), 2 * min(below[1]), below[2][0]
    simulated = tuple(min(1.0, float(p)) for p in simulated)
    return ErrorTests(
        n,
        float(z.mean()),
        variance,
        float(stats.skew(z)),
        float(stats.kurtosis(z)),
        *ps,
        min(1.0, 3.0 * min(ps)),
        *simulated,
        min(1.0, 3.0 * min(simulated)),
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


def _ranked(own: float, others: np.ndarray) -> tuple[float, float]:
    """Probability of a value as small among exchangeable others, and of one as large."""
    k = len(others)
    return ((others <= own).sum() + 1) / (k + 1), ((others >= own).sum() + 1) / (k + 1)
