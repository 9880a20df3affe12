"""Visual predictive check: percentiles of measured values beside those that the model expects of as many subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError
from mtorsim.results.result import Result
from mtorsim.stats.draws import uniform

from .style import COLOURS, STYLE
from .views import caption, check_quantity, label_time, named_arm, new_axes, time_axis, title_of, told

__all__ = ["vpc"]

REPEATS = 500
"""Samples of subjects from which an interval follows."""
SHOWN = (0.05, 0.5, 0.95)
"""Percentiles that are compared."""


def vpc(
    result: Result,
    measured: Mapping[str, Sequence[float]] | Any,
    of: str = "fasting_glucose",
    *,
    arm: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the 5th, 50th and 95th percentile of measured values over the intervals in which the model expects them.

    Each value counts at the visit nearest in time. The 90 % interval of a percentile is that over samples of as many
    subjects as were measured at this visit, from the result's subjects.

    Parameters
    ----------
    result
        A run with many more subjects than were measured.
    measured
        A table with the columns `time`, hours, and `value`, in the unit of the quantity: a DataFrame or a mapping.
    of
        An observable.
    arm
        The arm with which the values are compared; default: the first.

    Raises
    ------
    ArgumentError
        If the result has no such quantity or arm, or the table lacks a column.
    """
    check_quantity(result, of)
    arm = named_arm(result, arm or result.manifest["arms"][0])
    times, values = _columns(measured)
    visits = result.visits.time.to_numpy()
    simulated = result.visits[of].sel(arm=arm).to_numpy()
    nearest = np.abs(times[:, None] - visits[None, :]).argmin(axis=1)
    at = np.unique(nearest)
    seen = np.array([np.quantile(values[nearest == k], SHOWN) for k in at])
    expected = np.array([_expected(simulated[:, k], int((nearest == k).sum()), int(k)) for k in at])
    with mpl.rc_context(STYLE):
        axis = new_axes(ax)
        shown, unit = time_axis(visits)
        for j, (q, colour) in enumerate(zip(SHOWN, (COLOURS[1], COLOURS[0], COLOURS[1]), strict=True)):
            low, high = expected[:, j].T
            axis.fill_between(shown[at], low, high, color=colour, alpha=0.2, lw=0)
            middle = q == 0.5
            label = "measured: median" if middle else "measured: 5th and 95th percentile" if j == 0 else None
            axis.plot(shown[at], seen[:, j], color=colour, ls="-" if middle else "--", lw=1.6, label=label)
        time_in = shown[-1] / visits[-1] if visits[-1] else 1.0
        axis.plot(times * time_in, values, "o", ms=2.6, color="#444444", alpha=0.5, label="measured")
        axis.fill_between([], [], [], color="#888888", alpha=0.3, label="simulated: 90 % intervals")
        label_time(axis, shown, unit)
        axis.set_ylabel(title_of(of, result.manifest["observables"][of]))
        axis.legend(frameon=False, fontsize=7.5)
        return caption(axis, f"{arm}; {told(result)}; {len(values)} measured values")


def _columns(measured: Any) -> tuple[np.ndarray, np.ndarray]:
    """Finite times and values of a table."""
    try:
        times, values = (np.asarray(measured[name], float).ravel() for name in ("time", "value"))
    except (KeyError, TypeError, ValueError, IndexError):
        help = "give a DataFrame or a dict with the columns `time`, in hours, and `value`"
        raise ArgumentError("measured values need the columns `time` and `value`, numbers", help=help) from None
    if len(times) != len(values):
        raise ArgumentError(f"{len(times)} times for {len(values)} measured values")
    there = np.isfinite(times) & np.isfinite(values)
    if not there.any():
        raise ArgumentError("`measured` holds no finite value")
    return times[there], values[there]


def _expected(values: np.ndarray, n: int, visit: int) -> np.ndarray:
    """90 % interval of each percentile over samples of `n` of some values, (percentiles, 2)."""
    values = values[np.isfinite(values)]
    if not len(values):
        return np.full((len(SHOWN), 2), np.nan)
    u = uniform(visit, ["vpc"], np.arange(REPEATS)[:, None], np.arange(n)[None, :])[0]
    found = np.quantile(values[(u * len(values)).astype(np.int64)], SHOWN, axis=1)
    return np.quantile(found, (0.05, 0.95), axis=1).T
