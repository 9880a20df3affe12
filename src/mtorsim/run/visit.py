"""The interface between rules and subjects at a visit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean, spoken

from .care import GIVEN, HELD, STOPPED, WAITING, Care, ledger_rows

__all__ = ["PythonRule", "Visit"]


class Visit:
    """A visit as seen by a rule, with the actions it may take; all arrays are over subjects, (n,).

    Attributes
    ----------
    time
        Hours from the start.
    subjects
        Numbers of the subjects.
    present
        Mask of subjects on study.
    drugs
        Names of the dosed drugs.
    measured
        Function that returns measured values: `visit.measured("fasting_glucose")`, NaN if not measured.
    """

    def __init__(
        self,
        time: float,
        subjects: np.ndarray,
        present: np.ndarray,
        care: Care,
        drugs: Sequence[str],
        measured: Callable[[str], np.ndarray],
        due: Collection[float] = (),
    ) -> None:
        self.time = time
        self.subjects = subjects
        self.present = present
        self.drugs = tuple(drugs)
        self.measured = measured
        self._care = care
        self._due = due
        self.begin(-1)

    def begin(self, rule: int) -> None:
        """Begin a rule's turn: later decisions are recorded under its number in the ledger."""
        self._rule = rule
        self._value = np.full(len(self.subjects), np.nan)
        self._touched = np.zeros(len(self.subjects), bool)
        self._started: dict[int, np.ndarray] = {}

    def dose(self, drug: str) -> np.ndarray:
        """Current dose of a drug, relative to the written dose."""
        return self._care.given(self._index(drug))

    def level(self, drug: str) -> np.ndarray:
        """Dose of a drug now, or after resumption if held, relative to the written dose."""
        return self._care.meant(self._index(drug))

    def held(self, drug: str) -> np.ndarray:
        """Mask of subjects for whom this rule holds a drug."""
        d = self._index(drug)
        return (self._care.stage[:, d] == HELD) & (self._care.holder[:, d] == self._rule)

    def is_due(self, check: float) -> bool:
        """Whether a check every `check` hours, and at visits, is due now."""
        return check in self._due

    def look_at(self, quantity: str) -> None:
        """Record a quantity's value with later decisions."""
        self._value = np.array(self.measured(quantity), float)

    def hold(self, drug: str, who: np.ndarray, *, hours: float = np.inf, resume: float = 1.0) -> None:
        """Hold a drug for some hours, or until `resume_now`; then give the previous dose times `resume`."""
        if not (hours > 0 and resume >= 0):
            raise ArgumentError(f"`{drug}` cannot be held for {hours} h and resumed at {resume}")
        d, care = self._index(drug), self._care
        who = self._mask(who) & self.present & (care.stage[:, d] == GIVEN)
        before = care.level[:, d].copy()
        care.stage[who, d] = HELD
        care.resume[who, d] = resume
        care.release[who, d] = self.time + hours
        care.holder[who, d] = self._rule
        self._note(who, d, "hold", before, np.zeros_like(before))

    def resume_now(self, drug: str, who: np.ndarray) -> None:
        """Resume a held drug."""
        self._release(self._index(drug), self._mask(who), self.time)

    def stop(self, drug: str, who: np.ndarray) -> None:
        """Stop a drug for good."""
        d = self._index(drug)
        who = self._mask(who) & self.present & np.isin(self._care.stage[:, d], (GIVEN, HELD))
        before = self.dose(drug)
        self._care.stage[who, d] = STOPPED
        self._note(who, d, "stop", before, np.zeros_like(before))

    def start(self, drug: str, who: np.ndarray, level: float = 1.0) -> None:
        """Start a waiting drug."""
        d = self._index(drug)
        who = self._mask(who) & self.present & (self._care.stage[:, d] == WAITING)
        self._care.stage[who, d] = GIVEN
        self._care.level[who, d] = level
        self._started[d] = who | self._started.get(d, False)
        self._note(who, d, "start", np.zeros(len(who)), self._care.level[:, d])

    def set(self, drug: str, who: np.ndarray, level: np.ndarray | float, what: str = "change") -> None:
        """Change the dose, relative to the written dose; for a held drug, from resumption onwards."""
        d, care, who = self._index(drug), self._care, self._mask(who)
        level = np.broadcast_to(np.asarray(level, float), who.shape)
        if not (np.isfinite(level[who]) & (level[who] >= 0)).all():
            raise ArgumentError(f"a dose of `{drug}` must be a number, and not negative")
        held, before = care.stage[:, d] == HELD, care.meant(d)
        who = who & self.present & (held | (care.stage[:, d] == GIVEN)) & (np.abs(level - before) > 1e-12)
        care.level[who, d] = level[who]
        care.resume[who & held, d] = 1.0
        self._note(who, d, what, before, level)

    def leave(self, who: np.ndarray) -> None:
        """Let some subjects leave the study."""
        who = self._mask(who) & self.present
        self._care.left[who] = self.time
        nothing = np.full(len(who), np.nan)
        self._note(who, -1, "leave", nothing, nothing)
        self.present = self.present & ~who

    def end_holds(self) -> None:
        """Resume drugs held for some hours, from that hour onwards."""
        care = self._care
        for d in range(len(self.drugs)):
            over = (care.stage[:, d] == HELD) & (care.release[:, d] <= self.time)
            for holder in np.unique(care.holder[over, d]):
                self.begin(int(holder))
                self._release(d, over & (care.holder[:, d] == holder), care.release[:, d])

    @property
    def touched(self) -> np.ndarray:
        """Mask of subjects for whom this rule has changed anything in its turn."""
        return self._touched

    def just_started(self, regimen: int) -> np.ndarray:
        """Mask of subjects for whom this rule has started a drug in its turn."""
        return self._started.get(regimen, np.zeros(len(self.subjects), bool))

    def _index(self, drug: str) -> int:
        if drug not in self.drugs:
            raise ArgumentError(f"`{drug}` is not dosed", help=did_you_mean(drug, self.drugs))
        return self.drugs.index(drug)

    def _mask(self, who: np.ndarray) -> np.ndarray:
        """Check a mask of subjects."""
        n = len(self.subjects)
        if not (isinstance(who, np.ndarray) and who.dtype == bool and who.shape == (n,)):
            message = f"`who` must be a mask of the {n:,} subjects of this visit, not {spoken(who)}"
            raise ArgumentError(message, help='compare an array, as in `visit.measured("fasting_glucose") > 200`')
        return who

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
        """Record decisions in the ledger."""
        if not who.any():
            return
        self._touched = self._touched | who
        times = np.broadcast_to(self.time if at is None else at, who.shape)[who]
        values = {"value": self._value[who], "before": before[who], "after": after[who]}
        rows = ledger_rows(self.subjects[who], time_h=times, rule=self._rule, regimen=d, what=what, **values)
        self._care.ledger.append(rows)


PythonRule = Callable[[Visit], None]
"""A rule as a Python function of a visit."""
