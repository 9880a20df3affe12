"""Figures of risks: a nomogram, and predicted beside observed risks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import COLOURS, STYLE, Picture, figure_of, in_print

if TYPE_CHECKING:
    from mtorsim.analysis.risk.nomogram import Axis, Nomogram
    from mtorsim.analysis.risk.prediction import Risk, RiskModel

__all__ = ["nomogram", "reliability"]

INK, FAINT, MARK = "#222222", "#777777", COLOURS[0]
LEFT, RIGHT = -34.0, 104.0
"""Where labels begin and the picture ends, in points of the uppermost scale."""
SHORT = 9.0
"""Points below which an axis has its two ends written beside it."""
LETTER = 1.35
"""Width of a letter of a tick, in points."""
RISKS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 93, 95, 97, 98, 99, 99.5, 99.8, 99.9)
"""Risks that may be ticks, %."""
FIRST = (50, 10, 1, 90, 99, 20, 80, 5, 95, 30, 70, 2, 98, 40, 60)
"""Those that are ticks before others where there is not room for all."""


def nomogram(
    found: Risk, outcome: str | None = None, *, person: Mapping[str, float] | None = None, ax: Axes | None = None
) -> Figure:
    """Draw a nomogram: points of each predictor above, the risk of their sum below.

    Parameters
    ----------
    found
        The result of `mt.risk`.
    outcome
        Default: the first with a model.
    person
        Values of a person, as in `Risk.probability`, who is marked on every axis.
    ax
        Axes to draw into; default: a new figure.

    Raises
    ------
    ArgumentError
        If the outcome has no model, or a value of the person is missing or outside of what people had.
    """
    model = found.model(outcome)
    chart = model.nomogram
    risk = None if person is None else found.probability(**person)[model.outcome]
    with mpl.rc_context(STYLE):
        last = -0.6 - len(chart.axes)
        if ax is None:
            ax = Picture(figsize=(8.0, 0.55 - 0.47 * (last - 3.2)), layout="constrained").add_subplot()
        ax.set_axis_off()
        ax.set_xlim(LEFT, RIGHT)
        ax.set_ylim(last - 3.5, 0.05)
        for x in range(0, 101, 10):
            ax.plot([x, x], [-0.6, last - 0.55], color="#eeeeee", lw=0.6, zorder=0)
        _scale(ax, -0.6, _halved([(float(p), f"{p}") for p in range(0, 101, 10)]), "points", above=True)
        for i, axis in enumerate(chart.axes, start=1):
            _predictor(ax, -0.6 - i, axis, None if person is None else person[axis.predictor.name])
        _sum(ax, chart, last - 1.25, model.outcome, person)
        ax.text(LEFT, last - 3.45, _about(found, model), fontsize=7, color=FAINT, va="bottom", linespacing=1.35)
        ax.set_title(f"Risk of {model.outcome} ({found.arm})")
        if risk is not None:
            ax.set_title(f"this person: {risk}", loc="right", color=MARK, fontsize=9)
        return figure_of(ax)


def _about(found: Risk, model: RiskModel) -> str:
    first = f"{model.events:,} of {model.n:,} simulated people of {found.population}; c {model.validation.c}"
    return f"{first} in people not used to fit\nfor research and teaching, not for patient care"


def _halved(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Ticks with short ones half-way between them."""
    return [*ticks, *(((a + b) / 2, "") for (a, _), (b, _) in pairwise(ticks))]


def _label(ax: Axes, y: float, name: str, unit: str = "") -> None:
    """A label at the left, with its unit below."""
    ax.text(LEFT, y + (0.02 if unit else 0.0), name, fontsize=8.5, color=INK, va="bottom" if unit else "center")
    if unit:
        shown = {"y": "years"}.get(unit, in_print(unit).replace("^2", "²"))
        ax.text(LEFT, y - 0.02, shown, fontsize=7, color=FAINT, va="top")


def _scale(
    ax: Axes, y: float, ticks: Sequence[tuple[float, str]], name: str, *, unit: str = "", above: bool = False
) -> None:
    """An axis; ticks without text are short."""
    places = [x for x, _ in ticks]
    ax.plot([min(places), max(places)], [y, y], color=INK, lw=1.0, solid_capstyle="butt")
    for x, text in ticks:
        long = 0.13 if text else 0.07
        ax.plot([x, x], [y, y + (long if above else -long)], color=INK, lw=0.8)
        at = y + (0.19 if above else -0.19)
        ax.text(x, at, text, ha="center", va="bottom" if above else "top", fontsize=7.5, color=INK)
    _label(ax, y, name, unit)


def _predictor(ax: Axes, y: float, axis: Axis, value: float | None) -> None:
    """The axis of one predictor."""
    predictor = axis.predictor
    ticks = [(axis.points(v), text) for v, text in ((0.0, "no"), (1.0, "yes"))] if predictor.binary else _ticks(axis)
    unit = "" if predictor.unit == "1" else predictor.unit
    if axis.most < SHORT:
        # The ends beside the line, since below it they would overlap.
        low, high = sorted(ticks if predictor.binary else [(axis.points(v), f"{v:g}") for v in (axis.low, axis.high)])
        ax.plot([low[0], high[0]], [y, y], color=INK, lw=1.0, marker="|", ms=5, mew=0.8)
        ax.text(low[0] - 0.9, y, low[1], ha="right", va="center", fontsize=7.5, color=INK)
        ax.text(high[0] + 0.9, y, high[1], ha="left", va="center", fontsize=7.5, color=INK)
        _label(ax, y, predictor.label, unit)
    else:
        _scale(ax, y, ticks, predictor.label, unit=unit)
    if value is not None:
        ax.plot(axis.points(value), y, "o", color=MARK, ms=5, zorder=3, clip_on=False)


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Ticks of a predictor: round values at even distances, as many as fit, and its ends if there is room."""
    ends = [(axis.points(v), f"{v:g}") for v in (axis.low, axis.high)]
    for most in range(10, 1, -1):
        values = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(axis.low, axis.high)
        inner = [(axis.points(v), f"{round(float(v), 9):g}") for v in values if axis.low <= v <= axis.high]
        if len(inner) > 1 and _room(inner) == inner:
            told = _room([*inner, *ends])
            return [*told, *((x, "") for x, text in ends if (x, text) not in told)]
    return ends


def _room(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those ticks that do not overlap earlier ones."""
    kept: list[tuple[float, str]] = []
    for x, text in ticks:
        if all(abs(x - other) >= LETTER * (len(text) + len(told)) / 2 + 0.8 for other, told in kept):
            kept.append((x, text))
    return kept


def _sum(ax: Axes, chart: Nomogram, y: float, outcome: str, person: Mapping[str, float] | None) -> None:
    """Sum of points, and below it the risk."""
    step = next(s for s in (10, 20, 25, 50, 100, 200) if chart.most / s <= 12 or s == 200)
    whole = float(np.ceil(chart.most / step) * step)
    marks = [(100 * t / whole, f"{t:g}") for t in np.arange(0, whole + step / 2, step)]
    _scale(ax, y, _halved(marks), "sum of points")
    low, high = chart.risk(0.0), chart.risk(whole)
    order = [*FIRST, *(r for r in RISKS if r not in FIRST)]
    places = [(100 * chart.total_of(r / 100) / whole, f"{r:g}") for r in order if low <= r / 100 <= high]
    ticks = _room(places)
    if len(ticks) < 2:
        ticks = [(0.0, f"{100 * low:.2g}"), (100.0, f"{100 * high:.2g}")]
    _scale(ax, y - 1.0, ticks, f"risk of {outcome}", unit="%")
    if person is not None:
        at = 100 * chart.total(person) / whole
        ax.plot([at, at], [y, y - 1.0], "o-", color=MARK, ms=5, lw=1.0, zorder=3, clip_on=False)


def reliability(found: Risk, outcome: str | None = None, *, ax: Axes | None = None) -> Figure:
    """Draw observed shares against predicted risks in people who were not used to fit, by tenths of risk.

    Bars at the bottom are the distribution of predicted risks.

    Parameters
    ----------
    found
        The result of `mt.risk`.
    outcome
        Default: every one with a model, side by side.
    ax
        Axes to draw into, for one outcome, by default the first; default: a new figure.

    Raises
    ------
    ArgumentError
        If the outcome has no model.
    """
    one = outcome is not None or ax is not None
    models = [found.model(outcome)] if one else list(found.models.values())
    with mpl.rc_context(STYLE):
        if ax is not None:
            _reliability(ax, models[0], COLOURS[1])
            return figure_of(ax)
        figure = Picture(figsize=(3.3 * len(models) + 0.4, 3.75), layout="constrained")
        panels = figure.subplots(1, len(models), squeeze=False)[0]
        for panel, model in zip(panels, models, strict=True):
            _reliability(panel, model, COLOURS[1])
        panels[0].set_ylabel("observed, % of people (95 % CI)")
        return figure


def _reliability(ax: Axes, model: RiskModel, colour: str) -> None:
    rows, v = model.validation.tenths, model.validation
    x = np.array([100 * row.predicted for row in rows])
    ends = [100 * (e or 0.0) for row in rows for e in (row.observed.value, row.observed.low, row.observed.high)]
    y, low, high = np.array(ends).reshape(-1, 3).T
    most = min(100.0, 1.06 * max(x.max(), high.max()))
    ax.plot([0, most], [0, most], color=FAINT, lw=0.9, ls=(0, (4, 3)))
    counts, edges = np.histogram(100 * model.predicted, bins=40, range=(0, most))
    ax.bar(edges[:-1], counts / counts.max() * 0.13 * most, np.diff(edges), align="edge", color="#dedede", lw=0)
    ax.errorbar(x, y, [y - low, high - y], fmt="o-", color=colour, ms=4.5, lw=1.0, elinewidth=0.9)
    ax.set_xlim(0, most)
    ax.set_ylim(0, most)
    ax.set_box_aspect(1)
    for line in (ax.xaxis, ax.yaxis):
        line.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_xlabel("predicted risk, %")
    ax.set_title(f"{model.outcome}: {model.events:,} of {model.n:,}")
    told = f"c {v.c}\nslope {v.slope}\nBrier {v.brier:.3f}, base rate {v.brier_base:.3f}"
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 2.0}
    ax.text(0.035, 0.96, told, transform=ax.transAxes, va="top", fontsize=7.5, linespacing=1.4, color=INK, bbox=paper)
