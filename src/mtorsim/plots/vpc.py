"""Visual predictive check: measured percentiles over the intervals in which a model expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from mtorsim.errors import ArgumentError, choose_from

from .style import COLOURS, STYLE, Picture, figure_of, in_print
from .views import label_time, time_axis, title_of

if TYPE_CHECKING:
    from mtorsim.analysis.predictive_check.check import PredictiveCheck
    from mtorsim.analysis.predictive_check.panels import Panel

__all__ = ["titled", "vpc"]

INK, FAINT, ALARM = "#222222", "#8a8a8a", COLOURS[0]
EXTREME, MIDDLE = COLOURS[1], COLOURS[2]
"""Colours of the intervals of extreme percentiles, and of the median's."""
MOST_COLUMNS = 3
LOGARITHMIC = 30.0
"""Ratio of the largest to the smallest simulated percentile from which the axis is logarithmic."""


def vpc(
    found: PredictiveCheck, *, stratum: str | None = None, log: bool | None = None, ax: Axes | None = None
) -> Figure:
    """Draw measured percentiles over the 95 % intervals of simulated ones, and the share below the limit beneath.

    A dot on a line is a measured percentile; a red ring marks one outside its interval. Grey points are samples.

    Parameters
    ----------
    found
        The result of `mt.predictive_check`.
    stratum
        Draw only this one; default: all, side by side.
    log
        Whether values have a logarithmic axis; default: if percentiles span a factor of thirty.
    ax
        Axes to draw one stratum into, by default the first, without the share below the limit; default: a new figure.

    Raises
    ------
    ArgumentError
        If there is no such stratum.

    Examples
    --------
    >>> import mtorsim as mt
    >>> mt.plot.vpc(mt.predictive_check(scenario, "levels.csv"))  # doctest: +SKIP
    """
    names = [panel.stratum for panel in found.panels]
    if stratum is not None and stratum not in names:
        raise ArgumentError(f"there is no stratum `{stratum}`", help=choose_from(stratum, names))
    panels = [p for p in found.panels if stratum in (None, p.stratum)]
    log = _spans(panels) if log is None else log
    with mpl.rc_context(STYLE):
        if ax is not None:
            _values(found, panels[0], ax, log)
            ax.set_ylabel(_label(found))
            ax.legend(frameon=False, fontsize=7.5)
            return figure_of(ax)
        return _all(found, panels, log)


def _all(found: PredictiveCheck, panels: list[Panel], log: bool) -> Figure:
    """A figure of all panels."""
    columns = min(len(panels), MOST_COLUMNS)
    rows = -(-len(panels) // columns)
    censored = any(b.below is not None for p in panels for b in p.bins)
    ratios = [3.2, 1.0] * rows if censored else [1.0] * rows
    width = 6.6 if columns == 1 else 1.0 + 3.1 * columns
    height = 0.75 + rows * (3.9 if censored else 3.0)
    figure = Picture(figsize=(width, height), layout="constrained")
    grid = figure.subplots(len(ratios), columns, squeeze=False, sharey="row", gridspec_kw={"height_ratios": ratios})
    step = 2 if censored else 1
    for k, panel in enumerate(panels):
        row, column = step * (k // columns), k % columns
        axis = grid[row, column]
        _values(found, panel, axis, log)
        if panel.stratum:
            axis.set_title(f"{found.by} {panel.stratum}" if len(panel.stratum) < 4 else panel.stratum, fontsize=9)
        if column == 0:
            axis.set_ylabel(_label(found))
        if censored:
            beneath = grid[row + 1, column]
            axis.set_xlabel("")
            axis.tick_params(labelbottom=False)
            _below(found, panel, beneath)
            beneath.set_xlim(axis.get_xlim())
            if column == 0:
                beneath.set_ylabel("below limit, %")
    for k in range(len(panels), rows * columns):
        for step_row in range(step):
            grid[step * (k // columns) + step_row, k % columns].set_axis_off()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: labels[k].startswith("measured"))
    handles, labels = [handles[k] for k in order], [labels[k] for k in order]
    figure.legend(
        handles, labels, loc="outside upper left", ncols=3 if columns == 1 else 5, frameon=False, fontsize=7.5
    )
    corrected = ", prediction-corrected" if found.is_corrected else ""
    figure.supxlabel(f"{found.told}{corrected}", x=0.01, ha="left", fontsize=7.5, color="#555555")
    return figure


def _label(found: PredictiveCheck) -> str:
    label = titled(found)
    return f"{label}\nprediction-corrected" if found.is_corrected else label


def titled(found: PredictiveCheck) -> str:
    """The observable in words, with its unit; a quantity of a module keeps its name."""
    module, _, name = found.of.rpartition(".")
    return f"{module} {name} ({in_print(found.unit)})" if module else title_of(found.of, found.unit)


def _spans(panels: list[Panel]) -> bool:
    """Whether simulated percentiles span so much that a linear axis would hide the low ones."""
    middle = np.array([c.middle for p in panels for b in p.bins for c in b.percentiles])
    middle = middle[np.isfinite(middle)]
    return bool(len(middle) and middle.min() > 0 and middle.max() / middle.min() > LOGARITHMIC)


def _values(found: PredictiveCheck, panel: Panel, axis: Axes, log: bool) -> None:
    """Percentiles of one stratum."""
    hours, unit = time_axis(np.array([b.time for b in panel.bins]))
    scale = _scale(found, panel)
    hours, unit = np.array([b.time for b in panel.bins]) * scale[0], scale[1]
    floor = panel.limit if np.isfinite(panel.limit) else None
    there = np.isfinite(panel.value)
    axis.plot(panel.time[there] * scale[0], panel.value[there], "o", ms=2.4, mew=0, color=FAINT, alpha=0.45, zorder=1.5)
    middle = len(found.levels) // 2
    for j in range(len(found.levels)):
        rows = [b.percentiles[j] for b in panel.bins]
        is_middle = len(found.levels) % 2 == 1 and j == middle
        colour = MIDDLE if is_middle else EXTREME
        low, high, expected, seen = (
            np.array([getattr(c, n) for c in rows]) for n in ("low", "high", "middle", "observed")
        )
        others = " and ".join(
            f"{p:g}th" for k, p in enumerate(found.levels) if k != middle or len(found.levels) % 2 == 0
        )
        label = "simulated median, 95 % CI" if is_middle else f"simulated {others} percentile, 95 % CI"
        shown = label if is_middle or j == 0 else None
        _band(axis, hours, low, high, colour, floor, shown)
        axis.plot(hours, _seen(expected), color=colour, lw=0.9, ls=(0, (4, 2)), alpha=0.9)
        own = "measured " + ("median" if is_middle else "percentiles")
        axis.plot(
            hours,
            _seen(seen),
            "o-",
            color=INK,
            lw=1.5 if is_middle else 0.9,
            ms=3.2,
            zorder=3,
            label=own if is_middle or j == 0 else None,
        )
        out = np.array([c.outside and np.isfinite(c.observed) for c in rows])
        axis.plot(hours[out], seen[out], "o", ms=8, mfc="none", mec=ALARM, mew=1.4, zorder=4)
    # Named where it is used in any panel, so that one legend serves all.
    if any(c.outside for p in found.panels for b in p.bins for c in b.percentiles):
        axis.plot([], [], "o", ms=8, mfc="none", mec=ALARM, mew=1.4, label="outside the interval")
    if floor is not None:
        axis.axhline(floor, color="#444444", lw=0.8, ls=(0, (1, 2)))
        axis.annotate(
            "limit of quantification",
            (1.0, floor),
            (-2, -2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7,
            color="#444444",
        )
    if log:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    _ticks(found, axis, hours, unit)


def _below(found: PredictiveCheck, panel: Panel, axis: Axes) -> None:
    """Share below the limit of quantification, %."""
    factor, unit = _scale(found, panel)
    bins = [b for b in panel.bins if b.below is not None]
    hours = factor * np.array([b.time for b in bins])
    rows = [b.below for b in bins if b.below is not None]
    low, high, seen = (100 * np.array([getattr(c, n) for c in rows]) for n in ("low", "high", "observed"))
    _band(axis, hours, low, high, COLOURS[4], None, None)
    axis.plot(hours, seen, "o-", color=INK, lw=0.9, ms=3.2)
    out = np.array([c.outside for c in rows])
    axis.plot(hours[out], seen[out], "o", ms=8, mfc="none", mec=ALARM, mew=1.4)
    axis.set_ylim(bottom=-2)
    _ticks(found, axis, hours, unit)


def _scale(found: PredictiveCheck, panel: Panel) -> tuple[float, str]:
    """Units of the axis per hour, and their name; the same for all panels."""
    whole = np.concatenate([p.time for p in found.panels])
    shown, unit = time_axis(whole)
    last = float(whole.max())
    return (float(shown.max()) / last if last > 0 else 1.0), unit


def _ticks(found: PredictiveCheck, axis: Axes, hours: np.ndarray, unit: str) -> None:
    label_time(axis, hours, unit)
    if found.clock != "the start":
        axis.set_xlabel(f"time after {found.clock} ({unit})")


def _band(
    axis: Axes,
    hours: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    colour: str,
    floor: float | None,
    label: str | None,
) -> None:
    """The interval of a percentile; a bar if there is only one bin. What lies below the limit ends there."""
    bottom = np.where(np.isneginf(low), np.nan if floor is None else floor, low)
    top = np.where(np.isneginf(high), np.nan, high)
    if len(hours) == 1:
        axis.vlines(hours, bottom, top, color=colour, alpha=0.25, lw=14, label=label or "_")
    else:
        axis.fill_between(hours, bottom, top, color=colour, alpha=0.22, lw=0, label=label)


def _seen(values: np.ndarray) -> np.ndarray:
    """Values without those below the limit."""
    return np.where(np.isfinite(values), values, np.nan)
