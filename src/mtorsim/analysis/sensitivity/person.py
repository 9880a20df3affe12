"""One person with many sets of parameters: the samples of global analyses, which advance together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.analysis.courses import repeated, share_out
from mtorsim.analysis.people import LAST_SUBJECT
from mtorsim.errors import ArgumentError
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.run.prepare import People, prepare
from mtorsim.simulation.progress import Progress

from .question import Question
from .ranges import at_places, described, ends, narrowed

__all__ = ["Person", "check_one_person", "person_of", "reasons"]

BATCH = 256
"""Samples that a thread computes at once: enough to fill the lanes, few enough to share out evenly."""


@dataclass(frozen=True)
class Person:
    """A prepared person, and the ranges of the parameters that are varied.

    Attributes
    ----------
    question
        What the person is asked.
    names
        Parameters, in the order of the following.
    people
        The person alone.
    low, high
        Ends of the ranges in this person, (parameters,) each.
    answer
        With all parameters as they are.
    """

    question: Question
    names: tuple[str, ...]
    people: People
    low: np.ndarray
    high: np.ndarray
    answer: float

    def answers_at(self, places: np.ndarray, threads: int, progress: Progress | None) -> tuple[np.ndarray, np.ndarray]:
        """Answers with the parameters at places of their ranges, NaN where it failed, and the status, (n,) each.

        Parameters
        ----------
        places
            From 0 to 1, (n, parameters).
        """
        values = at_places(places, self.low, self.high)
        columns = [self.question.plan.kernel.parameters.index(name) for name in self.names]

        def work(some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rows = repeated(self.people, len(some))
            rows.parameters[:, columns] = values[some]
            return self.question.answers_run_in(rows)

        self.question.choose_forms(len(places))
        found = list(share_out(np.arange(len(places)), BATCH, threads, work, progress))
        return np.concatenate([answers for answers, _ in found]), np.concatenate([status for _, status in found])

    def described(self, number: int) -> dict[str, Any]:
        """What `RangedParameter` holds of a parameter, with the ends of its range in this person."""
        ends = float(self.low[number]), float(self.high[number])
        return {**described(self.question.plan, self.names[number]), "between": ends}


def check_one_person(subject: int, within: float | None) -> None:
    """Check arguments of analyses of one person.

    Raises
    ------
    ArgumentError
        If one is out of its range.
    """
    if not 0 <= subject < LAST_SUBJECT:
        raise ArgumentError(f"subject = {subject}: subjects are numbered from 0 to {LAST_SUBJECT - 1:,}")
    if within is not None and not 0 < within < 1:
        raise ArgumentError(f"within = {within:g}: above 0 and below 1", help="0.2 is 20 % to either side")


def person_of(question: Question, names: Sequence[str], subject: int, within: float | None) -> Person:
    """Prepare a subject and find the ranges of its parameters.

    Parameters
    ----------
    names
        Parameters that are varied.
    subject
        Number of the subject.
    within
        Relative distance from its own values to which ranges are narrowed; None: not at all.

    Raises
    ------
    ArgumentError
        If the subject cannot be prepared or computed.
    """
    plan = question.plan
    people = prepare(plan, np.array([subject]))
    answer, status = question.answers(people)
    if not np.isfinite(answer[0]):
        raise ArgumentError(f"`{question.of}` of subject {subject} cannot be computed: {_reason(status[0])}")
    own = people.parameters[0, [plan.kernel.parameters.index(name) for name in names]]
    both = [ends(plan, name, own[j : j + 1]) for j, name in enumerate(names)]
    low, high = (np.array([pair[k][0] for pair in both]) for k in (0, 1))
    if within is not None:
        low, high = narrowed(low, high, own, within)
    return Person(question, tuple(names), people, low, high, float(answer[0]))


def reasons(answers: np.ndarray, status: np.ndarray) -> str:
    """Why samples have no finite answer, the most frequent reason first."""
    codes, counts = np.unique(status[~np.isfinite(answers)], return_counts=True)
    return "; ".join(_reason(code) for code in codes[np.argsort(-counts, kind="stable")])


def _reason(code: int) -> str:
    return "it has no value at this time" if code == OK else SENTENCES[int(code)]
