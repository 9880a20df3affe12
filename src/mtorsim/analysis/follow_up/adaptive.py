"""Adaptive follow-up: each person's next measurement is due when the forecast's risk passes a threshold.

A person is forecast by all others: each of them is a candidate, weighed by how well their expected glucose agrees with
what was measured in this person. Nothing is simulated for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from .mornings import onset

__all__ = ["Bank", "adaptive_days", "bank_of"]

WEEK = 7
LEAST_SD = 0.03


@dataclass(frozen=True)
class Bank:
    """People who stand as candidates for others.

    Attributes
    ----------
    expected
        Logarithm of expected glucose on candidate days, (n, weeks + 1); the first is day 0.
    passes
        Week in which true glucose first passes the limit; beyond the last if never, (n,).
    sd
        SD of the logarithm of a measured value about the expected one.
    """

    expected: np.ndarray
    passes: np.ndarray
    sd: float


def bank_of(true: np.ndarray, expected: np.ndarray, measured: np.ndarray, limit: float) -> Bank:
    """Make a bank of people; each may also be one who is forecast, and does not then count as a candidate."""
    apart = np.log(measured[:, WEEK::WEEK] / expected[:, WEEK::WEEK])
    # A robust SD: illness and treatment make tails that no forecast foresees.
    low, high = np.quantile(apart, [0.159, 0.841])
    passes = np.ceil(onset(true, limit) / WEEK).astype(int)
    return Bank(np.log(expected[:, ::WEEK]), passes, max(float(high - low) / 2.0, LEAST_SD))


def adaptive_days(
    bank: Bank, measured: np.ndarray, limit: float, risk: float, longest: int, numbers: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Follow people whose next measurement is due when the risk of having passed the limit reaches a threshold.

    Parameters
    ----------
    bank
        Candidates.
    measured
        What would be measured every week, from day 0, (n, weeks + 1).
    limit
        Follow-up ends with the first value above it.
    risk
        The threshold, 0 to 1.
    longest
        Weeks after which everybody is measured again, whatever the forecast.
    numbers
        Number of each person in the bank, -1 for none, (n,); default: they are the bank.

    Returns
    -------
    found
        Week in which a value above the limit is measured; the number of weeks if none is, (n,).
    samples
        Measurements after day 0, (n,).
    """
    n, weeks = measured.shape
    numbers = np.arange(n) if numbers is None else numbers
    logs = np.log(measured)
    evidence = np.zeros((n, len(bank.passes)))
    evidence[numbers >= 0, numbers[numbers >= 0]] = -np.inf
    now = np.zeros(n, int)
    found, samples = np.full(n, weeks), np.zeros(n, int)
    going = np.ones(n, bool)
    while going.any():
        who = np.flatnonzero(going)
        apart = (logs[who, now[who]][:, None] - bank.expected[:, now[who]].T) / bank.sd
        evidence[who] -= 0.5 * apart**2
        now[who] = _next(bank, evidence[who], now[who], risk, longest, weeks)
        inside = now[who] < weeks
        going[who[~inside]] = False
        who = who[inside]
        samples[who] += 1
        high = measured[who, now[who]] > limit
        found[who[high]] = now[who[high]]
        going[who[high]] = False
    return found, samples


def _next(bank: Bank, evidence: np.ndarray, now: np.ndarray, risk: float, longest: int, weeks: int) -> np.ndarray:
    """Week of the next measurement of each person, (n,)."""
    weight = np.exp(evidence - logsumexp(evidence, axis=1, keepdims=True))
    # Share of candidates that have passed the limit by each week, of those who had not by now.
    by = np.stack([weight @ (bank.passes <= week) for week in range(weeks)], axis=1)
    already = np.take_along_axis(by, now[:, None], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        passed = np.where(already < 1.0, (by - already) / (1.0 - already), 1.0)
    ahead = np.arange(weeks)[None, :]
    due = (ahead > now[:, None]) & ((passed >= risk) | (ahead - now[:, None] >= longest))
    return np.where(due.any(axis=1), due.argmax(axis=1), weeks)
