"""When to measure one person next: what a morning ahead would tell, and what it costs to wait for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["NextDay", "next_days"]

BINS = 5
"""Equally likely classes of the measured value between which information is taken."""


@dataclass(frozen=True)
class NextDay:
    """The next measurement on one morning.

    Attributes
    ----------
    day
        Days from now.
    passed
        Probability that true glucose has passed the limit by then, and nobody knows.
    unseen
        Expected days above the limit before it is measured.
    information
        Expected information, in bits, of the value on whether the limit is passed by the last morning; 0 for a coin
        that is known, 1 for a fair one that would be decided.
    """

    day: float
    passed: float
    unseen: float
    information: float


def next_days(days: np.ndarray, true: np.ndarray, measured: np.ndarray, limit: float) -> list[NextDay]:
    """What each morning would tell.

    Parameters
    ----------
    days
        Days from now of the mornings ahead, (times,).
    true, measured
        Fasting glucose of equally likely candidates, (n, times).
    limit
        In the same unit.
    """
    above = true > limit
    so_far = np.logical_or.accumulate(above, axis=1)
    lengths = np.diff(days, prepend=0.0)
    unseen = np.cumsum(above * lengths, axis=1)
    outcome = so_far[:, -1]
    return [
        NextDay(
            float(day),
            float(np.mean(so_far[:, k])),
            float(np.mean(unseen[:, k])),
            _information(measured[:, k], outcome),
        )
        for k, day in enumerate(days)
    ]


def _information(values: np.ndarray, outcome: np.ndarray) -> float:
    """Mutual information of a value in classes and an outcome, bits, less what chance alone would show.

    References
    ----------
    Miller, Note on the bias of information estimates, 1955 (recalled).
    """
    n = len(values)
    edges = np.quantile(values, np.arange(1, BINS) / BINS)
    place = np.searchsorted(edges, values)
    table = np.zeros((BINS, 2))
    np.add.at(table, (place, outcome.astype(int)), 1.0)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    joint = table / n
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    found = float(np.sum(joint[some] * np.log2(joint[some] / apart[some])))
    bias = (table.shape[0] - 1) * (table.shape[1] - 1) / (2.0 * n * np.log(2.0))
    return max(found - bias, 0.0)
