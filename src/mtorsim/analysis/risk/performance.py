"""How good predicted risks are: discrimination, calibration, and the score of Brier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.stats.shares import Estimate, Share

from .logistic import SeparatedError, logistic

__all__ = ["Interval", "Performance", "Tenth", "brier", "c_statistic", "calibration", "performance", "tenths"]

Z = 1.959963984540054
GROUPS = 10
LEAST = 1e-6
"""Distance from 0 and 1 within which log-odds are not taken."""


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; NaN if it cannot be computed."""

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")

    def __str__(self) -> str:
        if self.value != self.value:
            return "-"
        # Adding 0 makes -0 positive.
        value, low, high = (round(v, 2) + 0.0 for v in (self.value, self.low, self.high))
        return f"{value:.2f} ({low:.2f} to {high:.2f})"


@dataclass(frozen=True)
class Tenth:
    """One tenth of the people, in order of predicted risk.

    Attributes
    ----------
    n
        Number of people.
    predicted
        Their mean risk.
    observed
        The share of them with the outcome.
    """

    n: int
    predicted: float
    observed: Estimate


@dataclass(frozen=True)
class Performance:
    """How good predicted risks are.

    Attributes
    ----------
    c
        Share of pairs, one with the outcome and one without, of whom the first had the higher risk.
    brier, brier_base
        Mean squared error of the risks, and of the base rate for everybody.
    slope, intercept
        Calibration: slope of the outcome's log-odds on those of the risk (1 if right, smaller if risks are too
        extreme), and mean shift at a slope of 1 (0 if right).
    tenths
        Predicted beside observed, by tenths of the people in order of risk.
    """

    c: Interval
    brier: float
    brier_base: float
    slope: Interval
    intercept: Interval
    tenths: tuple[Tenth, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        rows = [{"n": t.n, "predicted": t.predicted, "observed": vars(t.observed)} for t in self.tenths]
        parts = {name: vars(getattr(self, name)) for name in ("c", "slope", "intercept")}
        return {**parts, "brier": self.brier, "brier_base": self.brier_base, "tenths": rows}


def performance(risk: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Performance:
    """Judge risks that were predicted for people who were not used to fit.

    Parameters
    ----------
    risk
        Predicted risk, (n,).
    y
        1 with the outcome, 0 without, (n,).
    weights
        Weights of people, (n,).
    """
    slope, intercept = calibration(risk, y, weights)
    base = float(np.average(y, weights=weights))
    return Performance(
        c_statistic(risk, y, weights),
        brier(risk, y, weights),
        brier(np.full(len(y), base), y, weights),
        slope,
        intercept,
        tenths(risk, y, weights),
    )


def c_statistic(risk: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Interval:
    """The area under the curve of sensitivity against 1 - specificity; pairs of equal risk count half.

    References
    ----------
    DeLong et al., Biometrics 44 (1988) 837 (recalled): variance from the placements of people, here weighted. The
    interval is symmetric in the log-odds.
    """
    with_it, without = risk[y == 1], risk[y == 0]
    if not len(with_it) or not len(without):
        return Interval()
    w1, w0 = weights[y == 1] / weights[y == 1].sum(), weights[y == 0] / weights[y == 0].sum()
    first, second = _placements(with_it, without, w0), 1.0 - _placements(without, with_it, w1)
    area = float(w1 @ first)
    if not LEAST < area < 1.0 - LEAST:
        return Interval(area, area, area)
    variance = sum(_variance_of_mean(values, w, area) for values, w in ((first, w1), (second, w0)))
    logit, error = np.log(area / (1.0 - area)), Z * variance**0.5 / (area * (1.0 - area))
    return Interval(area, *(float(1.0 / (1.0 + np.exp(-v))) for v in (logit - error, logit + error)))


def _placements(values: np.ndarray, among: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted share of others that each value exceeds, half of those that equal it."""
    order = np.argsort(among, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    ends = [below[np.searchsorted(among[order], values, side)] for side in ("left", "right")]
    return (ends[0] + ends[1]) / 2.0


def _variance_of_mean(values: np.ndarray, shares: np.ndarray, mean: float) -> float:
    """Variance of a weighted mean, with the correction for the number of people."""
    n = len(values)
    return float((shares**2) @ (values - mean) ** 2) * n / (n - 1) if n > 1 else 0.0


def brier(risk: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean squared difference of risk and outcome.

    References
    ----------
    Brier, Mon. Weather Rev. 78 (1950) 1.
    """
    return float(np.average((risk - y) ** 2, weights=weights))


def calibration(risk: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[Interval, Interval]:
    """Slope and intercept of the outcome's log-odds on those of the risk.

    References
    ----------
    Cox, Biometrika 45 (1958) 562: the slope; the intercept is that at a slope of 1.
    """
    bounded = np.clip(risk, LEAST, 1.0 - LEAST)
    logit = np.log(bounded / (1.0 - bounded))
    slope = shift = Interval()
    try:
        if np.ptp(logit) > 0:
            slope = _interval(logistic(logit[:, None], y, weights), 1)
        shift = _interval(logistic(np.zeros((len(y), 0)), y, weights, logit), 0)
    except SeparatedError:
        pass
    return slope, shift


def _interval(fit: Any, j: int) -> Interval:
    value, error = float(fit.coefficients[j]), Z * float(fit.errors[j])
    return Interval(value, value - error, value + error)


def tenths(risk: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[Tenth, ...]:
    """Predicted beside observed in tenths of the people by risk; people of equal risk stay together."""
    order = np.argsort(risk, kind="stable")
    before = np.cumsum(weights[order]) - weights[order] / 2.0
    group = np.empty(len(risk), np.int64)
    group[order] = np.minimum((before / weights.sum() * GROUPS).astype(np.int64), GROUPS - 1)
    _, same = np.unique(risk, return_inverse=True)
    first = np.full(same.max() + 1, GROUPS)
    np.minimum.at(first, same, group)
    group = first[same]
    found = []
    for k in np.unique(group):
        mine = group == k
        w = weights[mine]
        n, share = int(mine.sum()), float(w @ y[mine] / w.sum())
        observed = Share(share * n, n, float(w.sum() ** 2 / (w @ w))).estimate
        found.append(Tenth(n, float(w @ risk[mine] / w.sum()), observed))
    return tuple(found)
