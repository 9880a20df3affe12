"""What each subject is given as rules decide it, and the ledger of decisions."""

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
"""One row a decision: which rule (-1 for leaving), which regimen (-1 for none), the measured value that
the rule asked for first, and the dose before and after as shares of what is written."""


@dataclass
class Care:
    """What each subject is given; every array but `left` is (n, drugs).

    Attributes
    ----------
    level
        The dose as a share of what is written.
    stage
        Waiting for a rule, given, held or stopped.
    resume, release, holder
        Of what is held: the factor on the dose when it is resumed, the hour at which that is at the latest, and
        the rule that holds it.
    left
        Hours at which each subject leaves, infinite for those who stay, (n,).
    ledger
        What was decided, block by block.
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
        """Care as it is written, before any decision."""
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
        """The dose of a drug that is given now, (n,)."""
        return np.where(self.stage[:, d] == GIVEN, self.level[:, d], 0.0)

    def meant(self, d: int) -> np.ndarray:
        """The dose of a drug that is given, or will be when it is resumed, (n,)."""
        return self.level[:, d] * np.where(self.stage[:, d] == HELD, self.resume[:, d], 1.0)

    def shares(self, d: int, times: np.ndarray) -> np.ndarray:
        """Of each dose of a drug from now on, the share that is given, (n, doses); `times` is when they are due."""
        share = np.repeat(self.given(d)[:, None], len(times), axis=1)
        for i in np.flatnonzero((self.stage[:, d] == HELD) & np.isfinite(self.release[:, d])):
            share[i, times >= self.release[i, d]] = self.meant(d)[i]
        return share


def ledger_rows(subjects: np.ndarray, **columns: np.ndarray | float | str) -> np.ndarray:
    """Rows of the ledger for some subjects."""
    rows = np.zeros(len(subjects), LEDGER)
    rows["subject"] = subjects
    for name, values in columns.items():
        rows[name] = values
    return rows


def in_order(ledger: Sequence[np.ndarray]) -> np.ndarray:
    """Blocks of a ledger as one, by subject and time."""
    rows = np.concatenate([np.zeros(0, LEDGER), *ledger])
    return rows[np.lexsort((np.arange(len(rows)), rows["time_h"], rows["subject"]))]
