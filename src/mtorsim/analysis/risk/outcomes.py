"""Outcomes of people over a scenario, as trials count them: grades of glucose, new diabetes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.scenario.grades import Grading
from mtorsim.trial.endpoints import definition_of_diabetes, new_diabetes
from mtorsim.trial.values import ArmValues

__all__ = ["DIABETES", "Outcome", "check_outcomes", "outcome_of"]

DIABETES = "new diabetes"


@dataclass(frozen=True)
class Outcome:
    """Who has an outcome.

    Attributes
    ----------
    definition
        In words.
    hit
        Mask of people with it, (n,).
    among
        Mask of people who can have it, (n,).
    already
        Number of people whose value at the start would count.
    """

    name: str
    definition: str
    hit: np.ndarray
    among: np.ndarray
    already: int


def check_outcomes(names: Sequence[str], grading: Grading) -> tuple[str, ...]:
    """Names of outcomes without repetitions.

    Raises
    ------
    ArgumentError
        If there is none, or one is unknown.
    """
    known = [*(f"grade {g}" for g in sorted({g for g, *_ in grading.limits})), DIABETES]
    if not names:
        raise ArgumentError("`outcomes`: there must be at least one", help="choose from " + ", ".join(known))
    for name in names:
        if name not in known:
            raise ArgumentError(f"unknown outcome `{name}`", help=choose_from(name, known))
    return tuple(dict.fromkeys(names))


def outcome_of(name: str, values: ArmValues, grading: Grading) -> Outcome:
    """One outcome of the people of an arm."""
    everybody = np.ones(len(values.weights), bool)
    if name == DIABETES:
        hit, free = new_diabetes(values)
        return Outcome(name, definition_of_diabetes(values), hit, free, int((~free).sum()))
    grade = int(name.removeprefix("grade "))
    first = grading.of(values.glucose[:, 0]) >= grade
    limit = next(value for g, value, *_ in grading.limits if g == grade)
    definition = f"highest glucose after the start above {limit:g} mg/dL ({grading.about}, grade {grade} or worse)"
    return Outcome(name, definition, values.grade >= grade, everybody, int(first.sum()))
