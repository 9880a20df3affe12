"""Integrate subjects from decision to decision; rules change their doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtorsim.kernel.arguments import Subjects
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, OK

from .arms import PlannedArm
from .care import Care, in_order, ledger_rows
from .decide import Decisions, decision_times
from .measurement import MEASURED, leaving_times, measure
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
        self.times, self.fasting = times, fasting
        self.parameters = parameters_in(plan, arm, people)
        named = plan.kernel.named(self.parameters)
        self.schedule = arm.schedule.of_subjects(plan.seed, people.subjects)
        self.layout = self.schedule.layout(plan.kernel.states, named, plan.seed, people.subjects)
        self.columns = plan.columns[plan.columns >= 0]
        self.rows = plan.kernel.read_by(self.columns)
        self.due = np.array([d.time for d in self.layout.doses])
        owners = [d.route.name.partition(".")[0] for d in self.layout.doses]
        self.doses_of = [np.flatnonzero(np.array([o == t.drug for o in owners], bool)) for t in arm.treatments]
        self.looks = decision_times(plan, arm)
        self.error = plan.tolerance(arm.steering)

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
        values = self._values(self.times[at : at + 1], states[:, at : at + 1])[:, 0]
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
            stray = plan.stray if name == "fasting_glucose" else None
            j, k = names.index(name), names.index(name + MEASURED)
            # Measurement error is drawn only at visits.
            at = np.flatnonzero(np.isin(times, self.looks))
            found = measure(full[:, at, j], name, cv, stray, plan.seed, self.people.subjects, times[at])
            full[:, at, k] = found
        return full

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
