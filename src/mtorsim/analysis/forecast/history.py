"""Courses of candidates for one person: through the history, and on from there under each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from mtorsim.kernel.status import IMPOSSIBLE_DOSE, OK
from mtorsim.run.arms import PlannedArm
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People
from mtorsim.run.schedule import Schedule
from mtorsim.run.solve import Subjects, observed, parameters_in, recording, solve, subjects_at

__all__ = ["Courses", "begin", "continued", "joined", "scaled"]


@dataclass
class Courses:
    """Subjects on their way.

    Attributes
    ----------
    subjects
        State, memory, parameters and status, which change as they advance.
    first
        Parameters at t = 0, (n, parameters).
    time
        Hours from the start.
    """

    plan: Plan
    people: People
    arm: PlannedArm
    subjects: Subjects
    first: np.ndarray
    time: float = 0.0

    def advance(self, until: float, times: np.ndarray, schedule: Schedule) -> np.ndarray:
        """Integrate to a time, and observe on the way.

        Parameters
        ----------
        until
            Hours.
        times
            Times of observation in order, from the present one to `until`, hours, (m,).
        schedule
            Doses and meals.

        Returns
        -------
        ndarray
            All observables in the plan's order, (n, m, observables); NaN for subjects that failed.
        """
        plan, kernel = self.plan, self.plan.kernel
        numbers = self.people.subjects
        own = schedule.of_subjects(plan.seed, numbers, self.people.traits_of(plan))
        laid = own.layout(kernel.states, kernel.named(self.first), plan.seed, numbers)
        self.subjects.status[(self.subjects.status == OK) & ~laid.possible] = IMPOSSIBLE_DOSE
        columns = plan.columns[plan.columns >= 0]
        rows = kernel.read_by(columns)
        seen = recording(times, rows, len(numbers))
        at_once = times <= self.time
        seen.out[:, at_once] = self.subjects.state[:, None, rows]
        if until > self.time:
            later = recording(times[~at_once], rows, len(numbers))
            error = plan.tolerance(self.arm.steering)
            span = (self.time, until)
            solve(kernel, plan.solver, self.subjects, laid.events(), span, error, later, retry=True)
            seen.out[:, ~at_once] = later.out
            self.time = until
        values = np.full((len(numbers), len(times), len(plan.observables)), np.nan)
        values[:, :, plan.columns >= 0] = observed(plan, own, times, seen.out, rows, self.first, columns)
        values[self.subjects.status != OK] = np.nan
        return values

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Everything that differs between subjects, (n, ...) each, for `joined`."""
        return (*(getattr(self.people, part.name) for part in fields(People)), *self.subjects, self.first)


def begin(plan: Plan, arm: PlannedArm, people: People) -> Courses:
    """Prepared people at t = 0."""
    parameters = parameters_in(plan, arm, people)
    return Courses(plan, people, arm, subjects_at(plan.kernel, people.start, parameters, people.status), parameters)


def joined(plan: Plan, arm: PlannedArm, time: float, arrays: Sequence[np.ndarray]) -> Courses:
    """Courses at a time, from what `Courses.arrays` returned."""
    count = len(fields(People))
    return Courses(plan, People(*arrays[:count]), arm, Subjects(*arrays[count:-1]), arrays[-1], time)


def continued(courses: Courses, who: np.ndarray, numbers: np.ndarray) -> Courses:
    """Copies of some courses, with other subject numbers, by which what is ahead is drawn."""
    parts = [np.ascontiguousarray(part[who]) for part in courses.arrays()]
    copied = joined(courses.plan, courses.arm, courses.time, parts)
    return replace(copied, people=replace(copied.people, subjects=numbers))


def scaled(schedule: Schedule, factors: Mapping[str, float], since: float) -> Schedule:
    """The schedule in which later doses of some drugs are multiplied."""
    return replace(
        schedule,
        doses=tuple(
            replace(d, amount=d.amount * factors[d.module]) if d.module in factors and d.time >= since else d
            for d in schedule.doses
        ),
    )
