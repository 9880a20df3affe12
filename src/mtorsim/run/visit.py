"""What a rule sees and may do at a visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mtorsim.errors import SetError, did_you_mean

__all__ = ["GIVEN", "HELD", "LEDGER", "WAITING", "PythonRule", "Visit"]


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
class _Care:
    """What each subject is given, by regimen, and what rules remember; all (n, ...)."""

    level: np.ndarray
    stage: np.ndarray
    resume: np.ndarray
    release: np.ndarray
    holder: np.ndarray
    streak: np.ndarray
    count: np.ndarray
    left: np.ndarray
    rows: list[np.ndarray] = field(default_factory=list)


class Visit:
    """What a rule sees and may do at one visit; every array is over the subjects present, (n,).

    Attributes
    ----------
    time
        Hours from the start.
    subjects
        Numbers of the subjects.
    present
        Who is there.
    """

    def __init__(
        self,
        time: float,
        subjects: np.ndarray,
        present: np.ndarray,
        care: _Care,
        drugs: Sequence[str],
        measured: Callable[[str], np.ndarray],
    ) -> None:
        self.time = time
        self.subjects = subjects
        self.present = present
        self.drugs = tuple(drugs)
        self.measured = measured
        self._care = care
        self._rule = -1
        self._value = np.full(len(subjects), np.nan)

    def dose(self, drug: str) -> np.ndarray:
        """What is given of a drug, as a share of what is written."""
        d = self._index(drug)
        return np.where(self._care.stage[:, d] == GIVEN, self._care.level[:, d], 0.0)

    def hold(self, drug: str, who: np.ndarray, *, hours: float = np.inf, resume: float = 1.0) -> None:
        """Give no dose for some hours, or until `resume_now`; then the dose before times `resume`."""
        if not (hours > 0 and resume >= 0):
            raise SetError(f"`{drug}` cannot be held for {hours} h and resumed at {resume}")
        self._hold(self._index(drug), who, self.time + hours, resume, -1)

    def resume_now(self, drug: str, who: np.ndarray) -> None:
        """Give again what was held."""
        self._release(self._index(drug), who, self.time)

    def stop(self, drug: str, who: np.ndarray) -> None:
        """Give no dose any more."""
        d = self._index(drug)
        who = who & self.present & np.isin(self._care.stage[:, d], (GIVEN, HELD))
        before = self.dose(drug)
        self._care.stage[who, d] = STOPPED
        self._note(who, d, "stop", before, np.zeros_like(before))

    def start(self, drug: str, who: np.ndarray, level: float = 1.0) -> None:
        """Begin what waits."""
        d = self._index(drug)
        who = who & self.present & (self._care.stage[:, d] == WAITING)
        self._care.stage[who, d] = GIVEN
        self._care.level[who, d] = level
        self._note(who, d, "start", np.zeros(len(who)), self._care.level[:, d])

    def set(self, drug: str, who: np.ndarray, level: np.ndarray | float, what: str = "change") -> None:
        """Give another dose, as a share of what is written; of what is held, from when it is resumed."""
        d = self._index(drug)
        level = np.broadcast_to(np.asarray(level, float), who.shape)
        if not (np.isfinite(level[who]) & (level[who] >= 0)).all():
            raise SetError(f"a dose of `{drug}` cannot be negative, or no number")
        given = self._care.stage[:, d] == GIVEN
        held = self._care.stage[:, d] == HELD
        before = self._care.level[:, d] * np.where(held, self._care.resume[:, d], 1.0)
        who = who & self.present & (given | held) & (np.abs(level - before) > 1e-12)
        self._care.level[who, d] = level[who]
        self._care.resume[who & held, d] = 1.0
        self._note(who, d, what, before, level)

    def leave(self, who: np.ndarray) -> None:
        """See some subjects no more."""
        who = who & self.present
        self._care.left[who] = self.time
        self._note(who, -1, "leave", np.full(len(who), np.nan), np.full(len(who), np.nan))
        self.present = self.present & ~who

    def _index(self, drug: str) -> int:
        if drug not in self.drugs:
            raise SetError(f"`{drug}` is not dosed", help=did_you_mean(drug, self.drugs))
        return self.drugs.index(drug)

    def _hold(self, d: int, who: np.ndarray, until: float, resume: float, holder: int) -> None:
        care = self._care
        who = who & self.present & (care.stage[:, d] == GIVEN)
        before = care.level[:, d].copy()
        care.stage[who, d] = HELD
        care.resume[who, d] = resume
        care.release[who, d] = until
        care.holder[who, d] = holder
        self._note(who, d, "hold", before, np.zeros_like(before))

    def _release(self, d: int, who: np.ndarray, at: float | np.ndarray) -> None:
        care = self._care
        who = who & self.present & (care.stage[:, d] == HELD)
        care.level[who, d] *= care.resume[who, d]
        care.stage[who, d] = GIVEN
        self._note(who, d, "resume", np.zeros(len(who)), care.level[:, d], at)

    def _note(
        self,
        who: np.ndarray,
        d: int,
        what: str,
        before: np.ndarray,
        after: np.ndarray,
        at: float | np.ndarray | None = None,
    ) -> None:
        """Write into the ledger what was done to whom."""
        where = np.flatnonzero(who)
        if not len(where):
            return
        rows = np.zeros(len(where), LEDGER)
        rows["subject"], rows["rule"], rows["regimen"], rows["what"] = self.subjects[where], self._rule, d, what
        rows["time_h"] = np.broadcast_to(self.time if at is None else at, who.shape)[where]
        rows["value"] = self._value[where]
        rows["before"], rows["after"] = before[where], after[where]
        self._care.rows.append(rows)


PythonRule = Callable[[Visit], None]
"""A rule as a function: it looks at a visit and says what is to be done."""
