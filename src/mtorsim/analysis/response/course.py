"""What people reach at a dose: a quantity at a time, the trough level and the inhibition of mTORC1 before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtorsim.analysis.times import HIGHEST
from mtorsim.kernel.status import OK
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import decision_times, follow
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People
from mtorsim.scenario.parts import DAY

__all__ = ["Reached", "reached"]

WEEK = 168.0
EVERY = 6.0
"""Hours between the samples of a week over which inhibition is averaged."""


@dataclass(frozen=True)
class Reached:
    """What people reach, (n,) each; NaN for those who failed or had left.

    Attributes
    ----------
    start, value
        The quantity at the start, and as asked.
    trough
        Lowest level of the drug in the last week.
    inhibition
        Mean inhibition of mTORC1 in the last week, 0 to 1.
    status
        How the courses ended.
    """

    start: np.ndarray
    value: np.ndarray
    trough: np.ndarray
    inhibition: np.ndarray
    status: np.ndarray


def reached(plan: Plan, arm: PlannedArm, people: People, of: str, time: float | str) -> Reached:
    """Follow people through an arm.

    Parameters
    ----------
    of
        An observable.
    time
        Hours, or `highest` for the highest value at the arm's visits after the start; exposure is then that of the
        last week of all.
    """
    end = plan.scenario.duration
    asked = np.array(arm.spec.visits) if time == HIGHEST else np.array([time], float)
    until = end if isinstance(time, str) else time
    week = until - EVERY * np.arange(int(min(WEEK, until - DAY if until > 2 * DAY else until) / EVERY) + 1)
    times = np.unique(np.concatenate([[0.0], asked, week[week >= 0], decision_times(plan, arm)]))
    times = times[times <= end]
    fasting = np.array([plan.scenario.is_fasting(t) for t in times])
    run = follow(plan, arm, people, times, fasting)
    names = list(plan.observables)
    values = run.values
    mine = np.isin(times, asked) & ((times > 0) | (time != HIGHEST))
    visited = values[:, mine, names.index(of)]
    highest = np.where(np.isnan(visited), -np.inf, visited).max(axis=1)
    last = np.isin(times, week)
    level = values[:, last, names.index("drug_level")]
    active = values[:, last, names.index("mtorc1")]
    # Who has left has no last week.
    there = np.asarray(np.isfinite(active).any(axis=1))
    mean = np.nanmean(np.where(there[:, None], active, 1.0), axis=1)
    bad = run.status != OK
    out = Reached(
        start=values[:, 0, names.index(of)].copy(),
        value=np.where(np.isfinite(highest), highest, np.nan),
        trough=np.where(np.isnan(level), np.inf, level).min(axis=1),
        inhibition=np.where(there, 1.0 - mean, np.nan),
        status=run.status,
    )
    for part in (out.start, out.value, out.trough, out.inhibition):
        part[bad | ~np.isfinite(part)] = np.nan
    return out
