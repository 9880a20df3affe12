"""Integrate subjects from decision to decision; rules change their doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtorsim.kernel.arguments import Subjects
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, OK
from mtorsim.scenario.parts import DAY

from .arms import PlannedArm
from .care import Care, in_order, ledger_rows
from .decide import Decisions, decision_times
from .measurement import MEASURED, after_breakfast, leaving_times, measure
from .plan import Plan
from .prepare import People
from .solve import observed, parameters_in, recording, solve, some, subjects_at
from .visit import PythonRule

__all__ = ["Followed", "decision_times", "follow"]


@dataclass(frozen=True)
class Followed:
    """Results of one arm.

    Attributes
    ----------
    values
        All observables, (n, times, observables), NaN after a subject has left.
    status, left
        Status, and leaving time in hours, infinite for those who stayed, (n,).
    ledger
        Rows of `LEDGER`, by subject and time.
    dose_intensity
        Given share of the planned amount of each drug while the subject was on study, (n, drugs).
    events
        All events of each subject, after decisions.
    """

    values: np.ndarray
    status: np.ndarray
    left: np.ndarray
    ledger: np.ndarray
    dose_intensity: np.ndarray
    events: Events


def follow(
    plan: Plan,
    arm: PlannedArm,
    people: People,
    times: np.ndarray,
    fasting: np.ndarray,
    cancel: np.ndarray | None = None,
    python_rules: Sequence[PythonRule] = (),
) -> Followed:
    """Integrate subjects through an arm and apply its rules; failed subjects are solved again at tighter tolerance.

    Parameters
    ----------
    plan, arm, people
        The run, one of its arms, and prepared subjects.
    times, fasting
        Times of records, hours, and whether they are fasting, (m,).
    cancel
        Shape (1,) int64: not 0 ends the call early.
    python_rules
        Functions called after the arm's own rules.
    """
    return _Follower(plan, arm, people, times, fasting, cancel).follow(python_rules)


class _Follower:
    """Subjects of one arm, and everything that does not change during integration."""

    def __init__(
        self,
        plan: Plan,
        arm: PlannedArm,
        people: People,
        times: np.ndarray,
        fasting: np.ndarray,
        cancel: np.ndarray | None,
    ) -> None:
        self.plan, self.arm, self.people, self.cancel = plan, arm, people, cancel
        self.looks = decision_times(plan, arm)
        self.asked = np.ones(len(times), bool)
        self.times, self.fasting = times, fasting
        self._add_breakfasts()
        self.parameters = parameters_in(plan, arm, people)
        named = plan.kernel.named(self.parameters)
        self.schedule = arm.schedule.of_subjects(plan.seed, people.subjects, people.traits_of(plan))
        self.layout = self.schedule.layout(plan.kernel.states, named, plan.seed, people.subjects)
        self.columns = plan.columns[plan.columns >= 0]
        self.rows = plan.kernel.read_by(self.columns)
        self.due = np.array([d.time for d in self.layout.doses])
        owners = [d.route.name.partition(".")[0] for d in self.layout.doses]
        self.doses_of = [np.flatnonzero(np.array([o == t.drug for o in owners], bool)) for t in arm.treatments]
        self.error = plan.tolerance(arm.steering)

    def _add_breakfasts(self) -> None:
        """Record the hours after breakfast too, where samples are drawn that were not fasting."""
        spoilt = self.plan.not_fasting
        if spoilt is None or not spoilt.share:
            return
        more = np.concatenate([after_breakfast(t, spoilt) for t in self.looks if t >= DAY] or [np.zeros(0)])
        times = np.union1d(self.times, more)
        at = np.searchsorted(times, self.times)
        asked, fasting = np.zeros(len(times), bool), np.zeros(len(times), bool)
        asked[at], fasting[at] = True, self.fasting
        self.times, self.fasting, self.asked = times, fasting, asked

    def follow(self, python_rules: Sequence[PythonRule]) -> Followed:
        """Integrate all subjects from start to end."""
        plan, people, n = self.plan, self.people, len(self.people.subjects)
        impossible = (people.status == OK) & ~self.layout.possible
        status = np.where(impossible, IMPOSSIBLE_DOSE, people.status)
        subjects = subjects_at(plan.kernel, people.start, self.parameters, status)
        states = np.full((n, len(self.times), len(self.rows)), np.nan)
        well = status == OK
        states[np.ix_(well, self.times == 0.0)] = subjects.state[well][:, None, self.rows]
        left = leaving_times(self.arm.spec.staying, plan.seed, people.subjects)
        care = Care.at_start(self.arm.treatments, left)
        decisions = Decisions(plan, self.arm, people, care, python_rules)
        given, events = self._between_decisions(decisions, subjects, states)
        decisions.end((subjects.status == OK) & (care.left > plan.scenario.duration))
        values = self._values(self.times, states)
        values[self.times[None, :] > care.left[:, None]] = np.nan
        values = values[:, self.asked]
        ledger = in_order([*care.ledger, self._leavers(care, subjects.status)])
        left = np.where(care.left > plan.scenario.duration, np.inf, care.left)
        return Followed(values, subjects.status, left, ledger, self._dose_intensity(care, given), events)

    def _between_decisions(
        self, decisions: Decisions, subjects: Subjects, states: np.ndarray
    ) -> tuple[np.ndarray, Events]:
        """Integrate all subjects to the end; returns the given share of each dose, and all events."""
        end, care = self.plan.scenario.duration, decisions.care
        decides = bool(self.arm.rules or decisions.python_rules)
        given = np.array([[0.0 if d.dormant else 1.0 for d in self.layout.doses]]) * np.ones((len(states), 1))
        events = self.layout.events(given) if decides else self.layout.events()
        looks = [t for t in self.looks if decides and t <= end]
        for a, b in pairwise([0.0, *[t for t in looks if 0 < t < end], end]):
            if a in looks and self._decide(a, decisions, given, subjects, states):
                events = self.layout.events(given)
            self._carry((a, b), care, subjects, events, states)
        if end in looks and self._decide(end, decisions, given, subjects, states):
            events = self.layout.events(given)
        return given, events

    def _decide(
        self, time: float, decisions: Decisions, given: np.ndarray, subjects: Subjects, states: np.ndarray
    ) -> bool:
        """Evaluate the rules at one time; returns whether later doses change."""
        care = decisions.care
        at = int(np.searchsorted(self.times, time))
        # The day before is needed for a sample that was not fasting.
        first = at if self.asked.all() else int(np.searchsorted(self.times, time - DAY))
        values = self._values(self.times[first : at + 1], states[:, first : at + 1])[:, -1]
        present = (subjects.status == OK) & (care.left > time)
        if not decisions.decide(time, present, values):
            return False
        for d, mine in enumerate(self.doses_of):
            later = mine[self.due[mine] >= time]
            given[:, later] = care.shares(d, self.due[later])
        return True

    def _carry(
        self, span: tuple[float, float], care: Care, subjects: Subjects, events: Events, states: np.ndarray
    ) -> None:
        """Integrate subjects still on study over one span."""
        plan, (a, b) = self.plan, span
        well = subjects.status == OK
        here = np.flatnonzero((care.left > a) & well) if a > 0 else np.flatnonzero(well)
        if not len(here):
            return
        mine = (self.times > a if a > 0 else self.times >= a) & (self.times <= b)
        part = some(subjects, here)
        seen = recording(self.times[mine], self.rows, len(here))
        solve(plan.kernel, plan.solver, part, events.of(here), span, self.error, seen, retry=True, cancel=self.cancel)
        for whole, own in zip(subjects, part, strict=True):
            whole[here] = own
        states[np.ix_(here, np.flatnonzero(mine))] = seen.out

    def _values(self, times: np.ndarray, states: np.ndarray) -> np.ndarray:
        """All observables in the plan's order, with measurement error where declared."""
        plan = self.plan
        out = observed(plan, self.schedule, times, states, self.rows, self.parameters, self.columns)
        names = list(plan.observables)
        full = np.full((*out.shape[:2], len(names)), np.nan)
        full[:, :, plan.columns >= 0] = out
        fasting = self.fasting[np.searchsorted(self.times, times)]
        full[:, ~fasting, names.index("fasting_glucose")] = np.nan
        for name, cv in plan.measured.items():
            j, k = names.index(name), names.index(name + MEASURED)
            # Measurement error is drawn only at visits.
            at = np.flatnonzero(np.isin(times, self.looks))
            fed, share = self._fed(times, full, at) if name == "fasting_glucose" else (None, 0.0)
            found = measure(full[:, at, j], name, cv, plan.seed, self.people.subjects, times[at], fed, share)
            full[:, at, k] = found
        return full

    def _fed(self, times: np.ndarray, full: np.ndarray, at: np.ndarray) -> tuple[np.ndarray | None, float]:
        """Glucose on the day before some visits, after breakfast, and the share of samples drawn there."""
        spoilt, glucose = self.plan.not_fasting, full[:, :, list(self.plan.observables).index("glucose")]
        if spoilt is None or not spoilt.share:
            return None, 0.0
        hours = np.array([after_breakfast(t, spoilt) for t in times[at]]).reshape(len(at), -1)
        where = np.minimum(np.searchsorted(times, hours), len(times) - 1)
        there = times[where] == hours
        return np.where(there, glucose[:, where], np.nan), spoilt.share

    def _leavers(self, care: Care, status: np.ndarray) -> np.ndarray:
        """Ledger rows of subjects who left before the end for other reasons than rules."""
        subjects = self.people.subjects
        told = [rows["subject"][rows["what"] == "leave"] for rows in care.ledger]
        gone = (care.left < self.plan.scenario.duration) & (status == OK)
        gone &= ~np.isin(subjects, np.concatenate([np.zeros(0, np.int64), *told]))
        nothing = {"value": np.nan, "before": np.nan, "after": np.nan}
        return ledger_rows(subjects[gone], time_h=care.left[gone], rule=-1, regimen=-1, what="leave", **nothing)

    def _dose_intensity(self, care: Care, given: np.ndarray) -> np.ndarray:
        """Given share of the planned amount of each drug while the subject was on study."""
        found = np.full((len(given), len(self.doses_of)), np.nan)
        written = np.array([d.amount for d in self.layout.doses])
        for d, mine in enumerate(self.doses_of):
            there = (self.due[None, mine] < care.left[:, None]) * np.where(written[mine] > 0, written[mine], 1.0)
            planned = there.sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                taken = given[:, mine] * self.layout.taken[:, mine]
                found[:, d] = np.where(planned > 0, (there * taken).sum(axis=1) / planned, np.nan)
        return found
