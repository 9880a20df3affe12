"""Figures of a trial: predicted and observed rates, incidence over time, highest glucose of every patient."""

from __future__ import annotations

import io
from textwrap import fill
from typing import TYPE_CHECKING, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.plots.style import COLOURS, DASHES, STYLE, Picture, figure_of, tick_weeks
from mtorsim.stats.shares import Estimate
from mtorsim.trial.endpoints import incidence as new_cases

if TYPE_CHECKING:
    from mtorsim.trial.report import Comparison, TrialReport

__all__ = ["forest", "incidence", "trial_figures", "waterfall"]


def trial_figures(report: TrialReport, form: str = "svg") -> dict[str, bytes]:
    """Draw all figures as SVG, PDF or PNG, by name: `forest`, `incidence`, `waterfall`."""
    figures = {"forest": forest(report), "incidence": incidence(report), "waterfall": waterfall(report)}
    return {name: _saved(figure, form) for name, figure in figures.items()}


def _saved(figure: Figure, form: str) -> bytes:
    buffer = io.BytesIO()
    # Without a date inside, the same report gives the same file.
    dated = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=form, dpi=180, metadata=dated.get(form, {}))
    return buffer.getvalue()


def forest(report: TrialReport, *, ax: Axes | None = None) -> Figure:
    """Draw observed and predicted shares with intervals and numbers: measured glucose above, reported events below.

    Parameters
    ----------
    report
        Report from `run_trial`; without observed rates all predicted shares are drawn.
    ax
        Axes to draw all rows into; default: a new figure, with axes for each of the two kinds.
    """
    measured, events = _rows(report)
    groups = [(f"highest {report.glucose} on study", measured), ("reported adverse events", events)]
    groups = [(title, rows) for title, rows in groups if rows]
    observed = any(row[1] is not None for _, rows in groups for row in rows)
    with mpl.rc_context(STYLE):
        if ax is not None:
            _intervals(ax, [row for _, rows in groups for row in rows])
            ax.set_xlabel("% of patients (95 % CI)")
            _name_dots(ax, observed)
            ax.legend(frameon=False, fontsize=7.5)
            return figure_of(ax)
        heights = [0.55 + 0.34 * len(rows) for _, rows in groups]
        figure = Picture(figsize=(9.2, 0.55 + sum(heights)), layout="constrained")
        axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axis, (title, rows) in zip(axes, groups, strict=True):
            _intervals(axis, rows)
            axis.set_title(title)
        axes[-1].set_xlabel("% of patients (95 % CI)")
        _name_dots(axes[0], observed)
        figure.suptitle(report.trial, x=0.01, ha="left", fontweight="bold")
        figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside upper right", ncols=2)
        return figure


def _name_dots(axis: Axes, observed: bool) -> None:
    """What the dots are, for a legend."""
    if observed:
        axis.plot([], [], "s-", color=COLOURS[6], ms=4.5, label="observed")
    axis.plot([], [], "o-", color=COLOURS[0], ms=4.5, label="predicted")


Row: TypeAlias = "tuple[str, Comparison | None, Estimate]"
"""Label, observation if there is one, and prediction."""


def _rows(report: TrialReport) -> tuple[list[Row], list[Row]]:
    """Rows of measured glucose and of reported events; without observations all predicted shares."""
    measured: list[Row] = []
    events: list[Row] = []
    for row in report.observed:
        if row.predicted is not None:
            mine = events if row.endpoint.startswith("ae ") else measured
            label = f"{row.arm}, {row.endpoint.removeprefix('ae ')}"
            mine.append((label, row, Estimate(row.predicted, row.low, row.high)))
    if not measured and not events:
        shares = {f"{name}, {n}": share for name, arm in report.arms.items() for n, share in arm.share.items()}
        measured = [(name, None, share) for name, share in shares.items() if share.value is not None]
    return measured, events


def _intervals(axis: Axes, rows: list[Row]) -> None:
    """Intervals, one line a row, with the numbers beside."""
    for i, (_, seen, predicted) in enumerate(rows):
        y = len(rows) - 1 - i
        words = []
        if seen is not None:
            ends = [100 * seen.observed_low, 100 * seen.observed_high]
            axis.plot(ends, [y + 0.14] * 2, color=COLOURS[6], lw=1.6)
            if seen.observed is not None:
                axis.plot(100 * seen.observed, y + 0.14, "s", color=COLOURS[6], ms=4.5)
                words.append(f"{100 * seen.observed:.1f}")
            else:
                words.append(f"< {ends[1]:.1f}")
        value, *ends = (100 * float(x or 0.0) for x in (predicted.value, predicted.low, predicted.high))
        axis.plot(ends, [y - 0.14] * 2, color=COLOURS[0], lw=1.6)
        axis.plot(value, y - 0.14, "o", color=COLOURS[0], ms=4.5)
        words.append(f"{value:.1f} ({ends[0]:.1f}-{ends[1]:.1f})")
        axis.annotate(
            "   ".join(words), (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=7.5, color="#444444"
        )
    heads = "observed   predicted, %" if any(row[1] is not None for row in rows) else "predicted, %"
    axis.annotate(heads, (1.01, 1.02), xycoords="axes fraction", fontsize=7.5, color="#444444")
    axis.set_yticks(range(len(rows)), [r[0] for r in reversed(rows)])
    axis.set_ylim(-0.7, len(rows) - 0.3)
    axis.set_xlim(left=0)


FEWEST = 10
"""Number of patients at risk below which an incidence is not drawn any more."""


def incidence(report: TrialReport, *, limit: float | None = None, ax: Axes | None = None) -> Figure:
    """Draw the share of patients who exceeded a limit by each visit, and the numbers at risk.

    Patients who leave are censored.

    Parameters
    ----------
    report
        Report from `run_trial`.
    limit
        Limit in mg/dL; default: the upper limit of normal, 160 and 250, side by side.
    ax
        Axes to draw into, with one `limit`, by default 160; default: a new figure.
    """
    arms = report.values
    with mpl.rc_context(STYLE):
        if ax is not None:
            _new_cases(ax, report, 160.0 if limit is None else limit)
            ax.legend(frameon=False)
            return figure_of(ax)
        limits = [report.uln_mg_dl, 160.0, 250.0] if limit is None else [limit]
        wide = 9.4 if limit is None else 5.2
        figure = Picture(figsize=(wide, 3.4 + 0.17 * len(arms)), layout="constrained")
        axes = figure.subplots(1, len(limits), squeeze=False)[0]
        for axis, value in zip(axes, limits, strict=True):
            _new_cases(axis, report, value)
        title = f"{report.trial}: patients who have exceeded a limit" if limit is None else report.trial
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        handles, labels = axes[0].get_legend_handles_labels()
        columns = 4 if len(arms) > 4 else len(arms)
        figure.legend(handles, labels, frameon=False, loc="outside upper right", ncols=columns)
        return figure


def _new_cases(axis: Axes, report: TrialReport, limit: float) -> None:
    """New cases above one limit, arm by arm, and the numbers at risk below."""
    arms, top = report.values, 0.0
    at = _numbered(next(iter(arms.values())).times)
    for i, (arm, e) in enumerate(arms.items()):
        times, shares = new_cases(e.glucose, e.times, e.left, limit, e.weights)
        risk = _at_risk(e.glucose, e.times, e.left, limit)
        enough = risk >= FEWEST
        weeks = np.concatenate([[0.0], times[enough] / 168])
        percent = 100 * np.concatenate([[0.0], shares[enough]])
        top = max(top, percent.max())
        axis.step(weeks, percent, where="post", color=COLOURS[i % 7], ls=DASHES[i % 4], lw=1.6, label=arm)
        for week in at:
            k = int(np.searchsorted(times / 168, week - 1e-9))
            count = str(risk[k]) if k < len(risk) else ""
            below = {"ha": "center", "fontsize": 6.5, "color": COLOURS[i % 7], "annotation_clip": False}
            axis.annotate(count, (week, 0), (0, -40 - 10 * i), textcoords="offset points", **below)
    axis.set_title(f"> {limit:g} mg/dL" + (" (ULN)" if limit == report.uln_mg_dl else ""))
    axis.set_xlabel("weeks; patients at risk:" + "\n" * len(arms))
    axis.set_ylim(0, max(1.08 * top, 1.0))
    end = max(float(e.times.max()) for e in arms.values()) / 168
    axis.set_xlim(0, 1.02 * end)
    axis.set_ylabel("% of patients")
    tick_weeks(axis, end)


def _at_risk(glucose: np.ndarray, times: np.ndarray, left: np.ndarray, limit: float) -> np.ndarray:
    """Number of patients at each visit after baseline who are on study, measured, and have not exceeded a limit."""
    after = np.flatnonzero(times > 0)
    with np.errstate(invalid="ignore"):
        above = glucose[:, after] > limit
    first = np.where(above.any(axis=1), above.argmax(axis=1), len(after))
    return np.array(
        [((first >= k) & (left >= times[v]) & np.isfinite(glucose[:, v])).sum() for k, v in enumerate(after)]
    )


def _numbered(times: np.ndarray) -> list[float]:
    """Weeks at which numbers at risk are printed: at most six visits."""
    weeks = times[times > 0] / 168
    return [float(week) for week in weeks[:: max(1, -(-len(weeks) // 6))]]


def waterfall(report: TrialReport, *, arm: str | None = None, ax: Axes | None = None) -> Figure:
    """Draw the highest value of every patient in order, above the upper limit of normal or below it.

    Parameters
    ----------
    report
        Report from `run_trial`.
    arm
        One arm; default: all, side by side.
    ax
        Axes to draw one arm into, by default the first; default: a new figure.

    Raises
    ------
    ArgumentError
        If the trial has no such arm.
    """
    names = list(report.values)
    if arm is not None and arm not in names:
        raise ArgumentError(f"unknown arm `{arm}`", help=choose_from(arm, names))
    with mpl.rc_context(STYLE):
        if ax is not None:
            _bars(ax, report, arm or names[0])
            ax.set_ylabel(f"highest {report.glucose}, mg/dL")
            return figure_of(ax)
        shown = [arm] if arm else names
        across = min(len(shown), 4)
        down = -(-len(shown) // across)
        figure = Picture(figsize=(7.6 if across > 1 else 4.4, 0.6 + 2.6 * down), layout="constrained")
        grid = figure.subplots(down, across, sharey=True, squeeze=False)
        for axis in grid.flat[len(shown) :]:
            axis.set_axis_off()
        for axis, name in zip(grid.flat, shown, strict=False):
            _bars(axis, report, name)
        for row in grid:
            row[0].set_ylabel(fill(f"highest {report.glucose}, mg/dL", 30))
        return figure


def _bars(axis: Axes, report: TrialReport, arm: str) -> None:
    """Highest values of one arm, in order."""
    e, base = report.values[arm], report.uln_mg_dl
    order = np.argsort(-e.worst)
    there = np.isfinite(e.worst[order])
    width = 100 * e.weights[order][there] / e.weights.sum()
    left = np.concatenate([[0.0], np.cumsum(width)[:-1]])
    colour = COLOURS[list(report.values).index(arm) % 7]
    axis.bar(left, e.worst[order][there] - base, width, base, align="edge", color=colour, lw=0)
    highest = e.worst[order][there].max(initial=0)
    axis.axhline(base, color="#444444", lw=0.8)
    for limit in (base, 160, 250, 500):
        if limit < 1.1 * highest:
            axis.text(99, limit, f"{limit:g}", ha="right", va="bottom", fontsize=7, color="#555555")
            if limit != base:
                axis.axhline(limit, color="#888888", lw=0.8, ls=":")
    axis.set_title(fill(arm, 20))
    missing = 100 * float(e.weights[~np.isfinite(e.worst)].sum() / e.weights.sum())
    if missing >= 0.5:
        words = f"{missing:.0f} % without a value after baseline"
        axis.annotate(words, (1, -0.28), xycoords="axes fraction", ha="right", fontsize=6.5)
    axis.set_xlabel("% of patients")
    axis.set_xlim(0, 100)
