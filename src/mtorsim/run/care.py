"""Current dosing of each subject as decided by rules, and the ledger of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .rules import Treatment

__all__ = ["GIVEN", "HELD", "LEDGER", "STOPPED", "WAITING", "Care", "in_order", "ledger_rows"]

WAITING, GIVEN, HELD, STOPPED = range(4)
LEDGER = np.dtype(
    [
        ("subject", "i8"),
        ("time_h", "f8"),
        ("rule", "i4"),
        ("regimen", "i4"),
        ("what", "U8"),
        ("value", "f8"),
        ("before", "f8"),
        ("after", "f8"),
    ]
)
"""Columns of a decision: rule (-1 for leaving), regimen (-1 for none), the first measured value in the rule's
condition, and the dose before and after, relative to the written dose."""


@dataclass
class Care:
    """Current dosing of each subject; all arrays but `left` are (n, drugs).

    Attributes
    ----------
    level
        Dose relative to the written dose.
    stage
        Waiting, given, held or stopped.
    resume, release, holder
        For held doses: the factor at resumption, the latest hour of resumption, and the holding rule.
    left
        Time at which each subject leaves, hours, infinite for those who stay, (n,).
    ledger
        Decisions so far, in blocks.
    """

    level: np.ndarray
    stage: np.ndarray
    resume: np.ndarray
    release: np.ndarray
    holder: np.ndarray
    left: np.ndarray
    ledger: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def at_start(cls, treatments: Sequence[Treatment], left: np.ndarray) -> Care:
        """Dosing as written, before any decision."""
        shape = len(left), len(treatments)
        waiting = np.array([t.dormant for t in treatments], bool)
        return cls(
            level=np.ones(shape),
            stage=np.where(waiting, WAITING, GIVEN) * np.ones(shape, np.int64),
            resume=np.ones(shape),
            release=np.full(shape, np.inf),
            holder=np.full(shape, -1),
            left=left,
        )

    def given(self, d: int) -> np.ndarray:
        """Current dose of a drug, (n,)."""
        return np.where(self.stage[:, d] == GIVEN, self.level[:, d], 0.0)

    def meant(self, d: int) -> np.ndarray:
        """Dose of a drug now, or after resumption if held, (n,)."""
        return self.level[:, d] * np.where(self.stage[:, d] == HELD, self.resume[:, d], 1.0)

    def shares(self, d: int, times: np.ndarray) -> np.ndarray:
        """Relative size of each dose from now on, (n, doses); `times` are the times of the doses."""
        share = np.repeat(self.given(d)[:, None], len(times), axis=1)
        for i in np.flatnonzero((self.stage[:, d] == HELD) & np.isfinite(self.release[:, d])):
            share[i, times >= self.release[i, d]] = self.meant(d)[i]
        return share


def ledger_rows(subjects: np.ndarray, **columns: np.ndarray | float | str) -> np.ndarray:
    """Make rows of the ledger for some subjects."""
    rows = np.zeros(len(subjects), LEDGER)
    rows["subject"] = subjects
    for name, values in columns.items():
        rows[name] = values
    return rows


def in_order(ledger: Sequence[np.ndarray]) -> np.ndarray:
    """Join blocks of a ledger, sorted by subject and time."""
    rows = np.concatenate([np.zeros(0, LEDGER), *ledger])
    return rows[np.lexsort((np.arange(len(rows)), rows["time_h"], rows["subject"]))]
