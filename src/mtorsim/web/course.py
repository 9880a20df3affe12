"""Courses of one person: with treatment and without, for one question or for the places around it on a slider.

The integrator advances sixteen subjects in about the time of one. One patient would leave fifteen lanes idle, so they
carry the answers to what is likely to be asked next: other doses of the same person, or other persons on the same dose.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from mtorsim.errors import ArgumentError
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.population.settings import apply_settings
from mtorsim.run.arms import PlannedArm
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, prepare_given
from mtorsim.simulation.chunks import ArmRun, Times, run_arm

from .question import ARMS, PERSON, Question
from .rounded import rounded

__all__ = ["VARIED", "Course", "courses"]

VARIED = ("dose", *PERSON)
"""Keys in which the questions of one call may differ."""
MINUTES = 15.0
"""Between samples of the last day."""
OF_DAY = ("glucose", "insulin", "c_peptide", "glucagon", "glucose_insulin.EGP", "ffa")
"""Quantities of the last day."""

Once = Callable[[Hashable, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Course:
    """One person in both arms.

    Attributes
    ----------
    days, hours
        Times of visits in days, and of samples of the last day in hours.
    units
        Unit of each quantity, in the order of columns.
    visits, day
        Values of each arm, (times, quantities).
    """

    days: np.ndarray
    hours: np.ndarray
    units: Mapping[str, str]
    visits: tuple[np.ndarray, ...]
    day: tuple[np.ndarray, ...]

    def as_json(self) -> dict[str, Any]:
        """The course as the page receives it."""
        names = list(self.units)
        of_day = [name for name in OF_DAY if name in names]
        return {
            "days": self.days.tolist(),
            "hours": self.hours.tolist(),
            "units": dict(self.units),
            "arms": {
                arm: {"days": _columns(names, names, visits), "hours": _columns(of_day, names, day)}
                for arm, visits, day in zip(ARMS, self.visits, self.day, strict=True)
            },
        }


def courses(
    plan: Plan, questions: Sequence[Question], pool: Executor, once: Once, *, last: Literal["day", "week"] = "day"
) -> list[Course | ArgumentError]:
    """Compute courses that differ in the dose, or in the person.

    Parameters
    ----------
    plan
        The plan of the first question.
    questions
        Questions that differ in keys of `VARIED` only.
    pool
        Threads for the arms.
    once
        Keeps a result by its key.
    last
        What is recorded at short intervals: the last day, or the last week by the hour.

    Returns
    -------
    list
        For each question its course, or why it cannot be computed.
    """
    times = _times(plan, last)
    persons = list(dict.fromkeys(_person(q) for q in questions))
    which = np.array([persons.index(_person(q)) for q in questions])
    own = (plan.kernel.name, *sorted(plan.switches.items()))
    people = once(("people", own, *persons), lambda: _people(plan, persons))
    treated, untreated = plan.arms

    def usual() -> ArmRun:
        # Doses of placebo stop the integrator too, so their times are part of the key.
        stops = tuple((r.drug, r.times) for r in untreated.spec.regimens)
        key = ("untreated", last, own, stops, plan.scenario.duration, *persons)
        return once(key, lambda: run_arm(plan, untreated, people, times, np.zeros(1, np.int64)))

    without = pool.submit(usual)
    arm = _on_doses(treated, questions)
    on = run_arm(plan, arm, _of(people, which), times, np.zeros(1, np.int64))
    off = without.result()
    found: list[Course | ArgumentError] = []
    for i, j in enumerate(which):
        ended = [int(s) for s in (people.status[j], on.followed.status[i], off.followed.status[j]) if s != OK]
        if ended:
            found.append(ArgumentError(f"this course cannot be computed: {SENTENCES[ended[0]]}"))
            continue
        days, hours = times.all[times.visits] / 24, times.all[times.series]
        visits, day = (on.visits[i], off.visits[j]), (on.series[i], off.series[j])
        found.append(Course(days, hours - hours[0], plan.observables, visits, day))
    return found


def _person(question: Question) -> tuple[float, ...]:
    return tuple(float(getattr(question, key)) for key in PERSON)


def _people(plan: Plan, persons: Sequence[tuple[float, ...]]) -> People:
    """Persons of given sex, age, size, sensitivity and capacity, run in together."""
    drawn: list[Mapping[str, np.ndarray]] = []
    for person in persons:
        population, _ = apply_settings(plan.population, dict(zip(PERSON, person, strict=True)))
        drawn.append(population.draw(plan.seed, np.zeros(1, np.int64))[0])
    values = {name: np.concatenate([np.broadcast_to(d[name], 1) for d in drawn]) for name in drawn[0]}
    return prepare_given(plan, values)


def _of(people: People, which: np.ndarray) -> People:
    """Some people, also several times, each as subject 0: nothing about them is drawn by number."""
    found = People(*(getattr(people, part.name)[which] for part in fields(People)))
    return replace(found, subjects=np.zeros(len(which), np.int64))


def _on_doses(arm: PlannedArm, questions: Sequence[Question]) -> PlannedArm:
    """The arm in which each question's person takes its own dose."""
    regimen = arm.spec.regimens[0]
    route = next(d.route for d in arm.schedule.doses if d.route.name.startswith(f"{regimen.drug}."))
    return replace(arm, schedule=arm.schedule.with_amounts(route, [q.dose for q in questions], regimen.unit))


def _times(plan: Plan, last: Literal["day", "week"]) -> Times:
    """Daily visits, and the last day or week at short intervals in place of the finer series."""
    visits = np.array(plan.scenario.visits)
    end = plan.scenario.duration
    span, step = (24.0, MINUTES / 60) if last == "day" else (min(168.0, end), 1.0)
    finer = end - span + np.arange(0.0, span + step / 2, step)
    every = np.unique(np.concatenate([visits, finer]))
    fasting = np.array([plan.scenario.is_fasting(t) for t in every])
    return Times(every, fasting, np.searchsorted(every, visits), np.searchsorted(every, finer))


def _columns(wanted: Sequence[str], names: Sequence[str], values: np.ndarray) -> Mapping[str, list[float | None]]:
    """Some columns of a table (times, names), by name."""
    return {name: rounded(values[:, names.index(name)]) for name in wanted}
