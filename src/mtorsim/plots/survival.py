"""Figures of when subjects exceed a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.plots.style import COLOURS, DASHES, STYLE, Picture, figure_of, tick_weeks

if TYPE_CHECKING:
    from mtorsim.results.result import Result

__all__ = ["kaplan_meier"]

MOST_COUNTS = 6
"""Largest number of visits at which numbers at risk are printed."""


def kaplan_meier(result: Result, limit: str | float = ">160", *, ax: Axes | None = None) -> Figure:
    """Draw the share of subjects who have exceeded a limit by each visit (Kaplan-Meier), and the numbers at risk.

    Subjects who were above the limit at the start are left out; those who leave or fail are censored.

    Parameters
    ----------
    result
        Result from `simulate`.
    limit
        A limit of fasting glucose: `>ULN`, `>126`, `>160`, `>250` or `>500`, or its number.
    ax
        Axes to draw into; default: a new figure.

    Raises
    ------
    ArgumentError
        If the limit is unknown, or no visit of the run is fasting.
    """
    arms = {name: arm["event_free"] for name, arm in result.summary["arms"].items()}
    if not any(arms.values()):
        raise ArgumentError("no visit of this run is fasting, so nobody is seen to exceed a limit")
    limits = result.summary["limits_mg_dl"]
    limit = f">{limit:g}" if isinstance(limit, (int, float)) else limit
    if limit not in limits:
        raise ArgumentError(f"unknown limit `{limit}`", help=choose_from(limit, limits))
    with mpl.rc_context(STYLE):
        if ax is None:
            height = 3.2 + 0.17 * len(arms)
            ax = Picture(figsize=(5.6, height), layout="constrained").add_subplot()
        top = max(_curve(ax, name, free[limit], i) for i, (name, free) in enumerate(arms.items()))
        end = result.manifest["duration_h"] / 168
        ax.set(xlim=(0, 1.02 * end), ylim=(0, max(1.08 * top, 1.0)), ylabel="% of subjects (95 % CI)")
        ax.set_xlabel("weeks; subjects at risk:" + "\n" * len(arms))
        ax.set_title(f"Fasting glucose above {limits[limit]:g} mg/dL for the first time")
        tick_weeks(ax, end)
        ax.legend(frameon=False, loc="upper left")
        return figure_of(ax)


def _curve(ax: Axes, arm: str, rows: Sequence[dict[str, Any]], i: int) -> float:
    """Draw an arm, and its numbers at risk below; returns the highest percentage."""
    colour = COLOURS[i % len(COLOURS)]
    weeks = np.array([row["time_h"] for row in rows]) / 168
    middle, high, low = (100 - 100 * np.array([row[k] for row in rows]) for k in ("free", "low", "high"))
    ax.fill_between(weeks, low, high, step="post", color=colour, alpha=0.15, lw=0)
    ax.step(weeks, middle, where="post", color=colour, ls=DASHES[i % len(DASHES)], lw=1.6, label=arm)
    for row in rows[:: max(1, -(-len(rows) // MOST_COUNTS))]:
        place = (row["time_h"] / 168, 0)
        below = {"ha": "center", "fontsize": 6.5, "color": colour, "annotation_clip": False}
        ax.annotate(f"{row['at_risk']:.0f}", place, (0, -40 - 10 * i), textcoords="offset points", **below)
    return float(high.max())
