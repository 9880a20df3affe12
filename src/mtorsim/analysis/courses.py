"""Courses behind an analysis: arms of a scenario by name, copies of people, and a quantity of them at one time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import TypeVar

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import decision_times, follow
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People

from .times import HIGHEST

__all__ = ["ROWS", "named_arm", "quantity_at", "repeated", "share_out"]

T = TypeVar("T")
ROWS = 2048
"""Courses that are computed at once by a thread."""


def named_arm(arms: Sequence[PlannedArm], name: str | None, *, treated: bool) -> PlannedArm:
    """An arm by name, or the first that is treated or not.

    Raises
    ------
    ArgumentError
        If the arm is unknown, or none is treated.
    """
    names = [a.name for a in arms]
    if name is not None:
        if name not in names:
            raise ArgumentError(f"unknown arm `{name}`", help=choose_from(name, names))
        return arms[names.index(name)]
    found = next((a for a in arms if a.spec.is_treated is treated), None)
    if found is None:
        raise ArgumentError("no arm gives a drug", help="choose a scenario with a [[dose]]")
    return found


def repeated(people: People, times: int) -> People:
    """Every person several times, one after the other."""
    return People(**{part.name: np.repeat(getattr(people, part.name), times, axis=0) for part in fields(People)})


def quantity_at(
    plan: Plan, arm: PlannedArm, people: People, of: str, time: float | str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A quantity of some people in an arm.

    Parameters
    ----------
    of
        An observable.
    time
        Hours, or `highest` for the highest value at the arm's visits after the start.

    Returns
    -------
    start, value, status
        The quantity at the start and at that time, and how the courses ended, (n,) each.
    """
    asked = np.array(arm.spec.visits) if time == HIGHEST else np.array([time], float)
    times = np.unique(np.concatenate([[0.0], asked, decision_times(plan, arm)]))
    times = times[times <= plan.scenario.duration]
    fasting = np.array([plan.scenario.is_fasting(t) for t in times])
    run = follow(plan, arm, people, times, fasting)
    values = run.values[:, :, list(plan.observables).index(of)]
    mine = values[:, np.isin(times, asked) & ((times > 0) | (time != HIGHEST))]
    highest = np.where(np.isnan(mine), -np.inf, mine).max(axis=1)
    return values[:, 0], np.where(np.isfinite(highest), highest, np.nan), run.status


def share_out(
    who: np.ndarray,
    size: int,
    threads: int,
    work: Callable[[np.ndarray], T],
    progress: Callable[[int, int], None] | None,
) -> Iterator[T]:
    """Results of batches of subjects in order, computed on threads.

    Parameters
    ----------
    who
        Numbers of the subjects.
    size
        Subjects in a batch.
    work
        Called with the numbers of each batch.
    progress
        Called with the number of subjects done and their total.
    """
    parts = [who[k : k + size] for k in range(0, len(who), size)]
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for part, found in zip(parts, pool.map(work, parts), strict=True):
            done += len(part)
            if progress is not None:
                progress(done, len(who))
            yield found
