"""Drugs at equal inhibition of mTORC1: what else each of them does to this person, at the dose that inhibits as much.

A rapalog takes mTORC2 slowly, as the cell fails to assemble it; an ATP-competitive drug blocks both complexes at once.
Comparing them at their usual doses compares doses; at equal inhibition of mTORC1 it compares what mTORC2 costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError

from .course import Course
from .question import DRUGS, Question
from .rounded import rounded

__all__ = ["CLASSES", "at_equal_inhibition"]

CLASSES = {
    "everolimus": "rapalog",
    "sirolimus": "rapalog",
    "temsirolimus": "rapalog",
    "sapanisertib": "ATP-competitive (placeholder)",
}
"""Drugs that inhibit mTORC1, and their class."""
TRIED = 15
"""Doses that are tried at once."""
NEAR = 0.02
"""Difference of inhibition up to which it counts as equal."""
SHOWN = ("fasting_glucose", "hba1c", "insulin", "mtorc1", "mtorc2_liver")

Compute = Callable[[Sequence[Question]], Sequence[Course | ArgumentError]]


def at_equal_inhibition(question: Question, compute: Compute) -> Iterator[dict[str, Any]]:
    """Find the dose of every drug that inhibits mTORC1 as much as the question's, drug by drug.

    Parameters
    ----------
    question
        The person, and the drug and dose to be equalled.
    compute
        Computes courses that record the last week by the hour.

    Yields
    ------
    dict
        First the inhibition to be equalled, the mean over the last week; then for each drug its class, dose,
        inhibition, whether a dose on its slider suffices, and its course.

    Raises
    ------
    ArgumentError
        If the question's own drug does not inhibit mTORC1.
    """
    if question.drug not in CLASSES:
        raise ArgumentError(f"{question.drug} does not inhibit mTORC1", help="choose from " + ", ".join(CLASSES))
    target = _inhibition(_course(compute, question))
    yield {"inhibition": target}
    for name, kind in CLASSES.items():
        drug = DRUGS[name]
        own = {"drug": name, "every": drug.every, "days": drug.days, "off": []}
        asked = Question.model_validate({**question.model_dump(), **own, "dose": drug.highest})
        if name == question.drug:
            asked = question
        else:
            doses = np.geomspace(drug.lowest, drug.highest, TRIED)
            tried = [asked.model_copy(update={"dose": float(f"{d:.4g}")}) for d in doses]
            found = zip(tried, compute(tried), strict=True)
            known = [(q.dose, _inhibition(c)) for q, c in found if isinstance(c, Course)]
            asked = asked.model_copy(update={"dose": _dose(known, target)})
        course = _course(compute, asked)
        reached = _inhibition(course)
        arms = course.as_json()["arms"]
        yield {
            "drug": name,
            "label": drug.label,
            "class": kind,
            "dose": asked.dose,
            "unit": drug.unit,
            "every": asked.every,
            "inhibition": reached,
            "reached": bool(abs(reached - target) < NEAR),
            "days": course.days.tolist(),
            "course": {n: arms["with treatment"]["days"][n] for n in SHOWN},
            "week": {n: rounded(_of_week(course, n)) for n in ("mtorc1", "mtorc2_liver")},
            "without": arms["without"]["days"]["fasting_glucose"],
        }


def _course(compute: Compute, question: Question) -> Course:
    found = compute([question])[0]
    if isinstance(found, ArgumentError):
        raise found
    return found


def _of_week(course: Course, name: str) -> np.ndarray:
    return course.day[0][:, list(course.units).index(name)]


def _inhibition(course: Course) -> float:
    """Mean inhibition of mTORC1 over the last week, 0 to 1."""
    return float(1.0 - np.mean(_of_week(course, "mtorc1")))


def _dose(known: Sequence[tuple[float, float]], target: float) -> float:
    """The dose at which inhibition, which rises with it, reaches a target; the highest if none does."""
    doses, found = (np.array(part) for part in zip(*known, strict=True))
    return float(f"{np.exp(np.interp(target, np.maximum.accumulate(found), np.log(doses))):.4g}")
