"""The highest dose at which a risk stays below a limit, with the interval that a finite number of people leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

__all__ = ["HighestDose", "highest_dose"]

RESAMPLES = 500


@dataclass(frozen=True)
class HighestDose:
    """The highest dose at which a risk is not exceeded.

    Attributes
    ----------
    dose
        The dose; infinite if the risk is not exceeded at the highest one that was tried, 0 if it is at the lowest.
    low, high
        95 % interval over people.
    people
        Number of people.
    """

    dose: float
    low: float
    high: float
    people: int

    def told(self, doses: np.ndarray, unit: str) -> str:
        """The dose and its interval, in words."""
        ends = [_told(d, doses, unit) for d in (self.dose, self.low, self.high)]
        return ends[0] if len(set(ends)) == 1 else f"{ends[0]} ({ends[1]} to {ends[2]})"


def _told(dose: float, doses: np.ndarray, unit: str) -> str:
    if dose == 0:
        return f"below {doses[0]:g} {unit}"
    return f"above {doses[-1]:g} {unit}" if np.isinf(dose) else f"{dose:.3g} {unit}"


def highest_dose(
    doses: np.ndarray, above: np.ndarray, weights: np.ndarray, risk: float, rng: np.random.Generator
) -> HighestDose:
    """Find the dose at which the share of people above a limit, which is taken to rise with dose, reaches a risk.

    Parameters
    ----------
    doses
        Doses that were tried, in order, (k,).
    above
        Whether each person is above the limit at each dose, (n, k).
    weights
        Weight of each person, (n,).
    risk
        The share that is accepted, 0 to 1.
    rng
        Draws people with replacement, the same ones at all doses.

    Returns
    -------
    HighestDose
        Between doses, the share is linear in the logarithm of the dose. The interval is that of percentiles of
        resampled people.
    """
    n = len(above)
    found = _reached(doses, above, weights, risk)
    drawn = rng.integers(0, n, (RESAMPLES, n))
    each = [_reached(doses, above[who], weights[who], risk) for who in drawn]
    # Order statistics, since a mean of a dose and infinity is none.
    low, high = np.sort(each)[[int(0.025 * RESAMPLES), int(0.975 * RESAMPLES) - 1]]
    return HighestDose(found, float(low), float(high), n)


def _reached(doses: np.ndarray, above: np.ndarray, weights: np.ndarray, risk: float) -> float:
    """The dose at which the share reaches a risk; 0 if it does at the first, infinite if at none."""
    share = isotonic_regression(np.average(above, axis=0, weights=weights)).x
    # A share may exceed an equal risk by rounding.
    beyond = np.flatnonzero(share > risk + 1e-9)
    if not len(beyond):
        return float("inf")
    k = int(beyond[0])
    if k == 0:
        return 0.0
    part = (risk - share[k - 1]) / (share[k] - share[k - 1])
    logs = np.log(doses)
    return float(np.exp(logs[k - 1] + part * (logs[k] - logs[k - 1])))
