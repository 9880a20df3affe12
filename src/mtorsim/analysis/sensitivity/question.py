"""A question to people whose parameters are changed from before their untreated day on, and what was asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mtorsim.analysis.courses import quantity_at
from mtorsim.analysis.times import in_words
from mtorsim.kernel.status import OK
from mtorsim.run.arms import PlannedArm
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, settle

__all__ = ["ROUNDING", "RTOL", "Question", "Questioned"]

RTOL = 1e-5
"""Relative tolerance of a step, in double precision."""
ROUNDING = 1e-9
"""Changes below this share of the answer are rounding."""


@dataclass(frozen=True)
class Question:
    """A quantity at a time, or its difference between two arms.

    Attributes
    ----------
    plan, treated, untreated
        The runs, and their arms with and without the drug.
    of, time
        An observable, and hours or `highest`.
    effect
        Whether the answer is the difference of the arms.
    """

    plan: Plan
    treated: PlannedArm
    untreated: PlannedArm
    of: str
    time: float | str
    effect: bool

    def answers(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        """The answer of each subject, NaN where it failed, and the status of its courses, (n,) each."""
        _, value, status = quantity_at(self.plan, self.treated, people, self.of, self.time)
        if self.effect:
            _, other, ended = quantity_at(self.plan, self.untreated, people, self.of, self.time)
            value, status = value - other, np.maximum(status, ended)
        return np.where(status == OK, value, np.nan), status

    def answers_run_in(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        """As `answers`, of subjects who are run in first, after their parameters were changed."""
        start, status, _ = settle(self.plan, people.parameters)
        return self.answers(replace(people, start=start, status=status))

    def choose_forms(self, rows: int) -> None:
        """Choose between tape and compiled equations for a number of people."""
        hours = self.plan.scenario.duration
        self.plan.choose_forms(rows, days=rows * (1 + self.effect) * hours / 24)

    def described(self) -> dict[str, Any]:
        """What `Questioned` holds, by field."""
        plan = self.plan
        return {
            "scenario": plan.scenario.name,
            "title": plan.scenario.title,
            "arm": self.treated.name,
            "versus": self.untreated.name,
            "of": self.of,
            "unit": plan.observables[self.of],
            "at": self.time,
            "effect": self.effect,
            "seed": plan.seed,
            "population": plan.population.name,
        }


@dataclass(frozen=True)
class Questioned:
    """What was asked, as results repeat it.

    Attributes
    ----------
    of, unit, at, effect
        The quantity, its unit, the time in hours or `highest`, and whether the answer is its difference from the arm
        without the drug.
    """

    scenario: str
    title: str
    arm: str
    versus: str
    of: str
    unit: str
    at: float | str
    effect: bool
    seed: int
    population: str

    def told_of(self, people: str) -> str:
        """What was asked of some people, in a line."""
        what = self.of.replace("_", " ")
        arms = f"{self.arm} less {self.versus}" if self.effect else self.arm
        return f"{what} ({self.unit}), {in_words(self.at)}: {arms}, {people} of {self.population}"
