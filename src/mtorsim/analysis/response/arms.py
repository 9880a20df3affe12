"""Arms of a result side by side: bands of a quantity, differences from the first arm, and shares above limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.analysis.people import average, mean_with_interval
from mtorsim.analysis.times import HIGHEST, in_words, time_in_hours
from mtorsim.errors import ArgumentError, choose_from
from mtorsim.results.result import Result
from mtorsim.stats.shares import quantiles

__all__ = ["ArmResponse", "compare_arms"]

BANDS = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class ArmResponse:
    """What the people of one arm reach.

    Attributes
    ----------
    low, median, high
        5th, 50th and 95th percentile.
    change, change_low, change_high
        Mean difference from the first arm in the same people, with its 95 % interval; NaN in the first.
    above
        Share of people above each limit.
    people
        Number of people with a value in this and the first arm.
    """

    arm: str
    low: float
    median: float
    high: float
    change: float
    change_low: float
    change_high: float
    above: tuple[float, ...]
    people: int


def compare_arms(
    result: Result, of: str = "fasting_glucose", at: str | float | None = None, limits: Sequence[float] = ()
) -> tuple[str, list[ArmResponse]]:
    """Compare the arms of a result, such as those that `mt.sweep` makes.

    Parameters
    ----------
    result
        A run's result.
    of
        An observable.
    at
        Time of a visit, such as `"8 weeks"`, or hours, or `"highest"` for the highest value at the visits after the
        start; default: the last visit.
    limits
        Limits of the quantity.

    Returns
    -------
    told
        The quantity and the time, in words.
    arms
        In the order of the result.

    Raises
    ------
    ArgumentError
        If the observable or the time is unknown to the result.
    """
    visits = result.visits
    if of not in visits:
        raise ArgumentError(f"unknown observable `{of}`", help=choose_from(of, map(str, visits.data_vars)))
    values = visits[of].to_numpy()
    times = visits.time.to_numpy()
    time = time_in_hours(at, float(times[-1]), float(times[-1]))
    if isinstance(time, str):
        later = np.where(np.isnan(values[:, :, times > 0]), -np.inf, values[:, :, times > 0]).max(axis=2)
        asked = np.where(np.isfinite(later), later, np.nan)
    else:
        k = int(np.argmin(np.abs(times - time)))
        if abs(times[k] - time) > 1e-6:
            days = ", ".join(f"{t / 24:g}" for t in times[:12])
            raise ArgumentError(f"no visit is at {in_words(time)}", help=f"visits are on days {days}")
        asked = values[:, :, k]
    unit = result.manifest["observables"][of]
    told = f"{of.replace('_', ' ')} ({unit}), {in_words(HIGHEST if isinstance(time, str) else time)}"
    names = [str(arm) for arm in visits.arm.to_numpy()]
    return told, [_arm(name, asked[j], asked[0], result.weights, limits, j == 0) for j, name in enumerate(names)]


def _arm(
    name: str, values: np.ndarray, first: np.ndarray, weights: np.ndarray, limits: Sequence[float], same: bool
) -> ArmResponse:
    some = np.isfinite(values) & np.isfinite(first)
    if not some.any():
        nothing = float("nan")
        return ArmResponse(name, *[nothing] * 6, above=tuple(nothing for _ in limits), people=0)
    own = weights[some]
    bands = quantiles(values[some], BANDS, own)
    change = (float("nan"),) * 3 if same else mean_with_interval((values - first)[some], own)
    above = tuple(average((values[some] > limit).astype(float), own) for limit in limits)
    return ArmResponse(name, *(float(b) for b in bands), *change, above=above, people=int(some.sum()))
