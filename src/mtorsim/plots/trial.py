"""Figures of a trial: predicted and observed rates, incidence over time, highest glucose of every patient."""

from __future__ import annotations

import io
from textwrap import fill
from typing import TYPE_CHECKING, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.plots.style import COLOURS, DASHES, STYLE, tick_weeks
from mtorsim.stats.shares import Estimate
from mtorsim.trial.endpoints import incidence

if TYPE_CHECKING:
    from mtorsim.trial.report import Comparison, TrialReport

__all__ = ["trial_figures"]


def trial_figures(report: TrialReport) -> dict[str, bytes]:
    """Draw all figures as SVG, by name: `forest`, `incidence`, `waterfall`."""
    with mpl.rc_context(STYLE):
        figures = {"forest": _forest(report), "incidence": _incidence(report), "waterfall": _waterfall(report)}
        return {name: _svg(figure) for name, figure in figures.items()}


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _forest(report: TrialReport) -> Figure:
    """Observed and predicted shares with intervals and numbers: measured glucose above, reported events below."""
    measured, events = _rows(report)
    groups = [(f"highest {report.glucose} on study", measured), ("reported adverse events", events)]
    groups = [(title, rows) for title, rows in groups if rows]
    heights = [0.55 + 0.34 * len(rows) for _, rows in groups]
    figure = Figure(figsize=(9.2, 0.55 + sum(heights)), layout="constrained")
    axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (title, rows) in zip(axes, groups, strict=True):
        _intervals(axis, rows)
        axis.set_title(title)
    axes[-1].set_xlabel("% of patients (95 % CI)")
    if any(row[1] is not None for _, rows in groups for row in rows):
        axes[0].plot([], [], "s-", color=COLOURS[6], ms=4.5, label="observed")
    axes[0].plot([], [], "o-", color=COLOURS[0], ms=4.5, label="predicted")
    figure.suptitle(report.trial, x=0.01, ha="left", fontweight="bold")
    figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside upper right", ncols=2)
    return figure


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


def _incidence(report: TrialReport) -> Figure:
    """Share of patients who exceeded a limit by each visit; patients who leave are censored. Numbers at risk below."""
    arms = report.values
    many = len(arms) > 4
    figure = Figure(figsize=(9.4, 3.4 + 0.17 * len(arms)), layout="constrained")
    limits = {">ULN": report.uln_mg_dl, ">160": 160.0, ">250": 250.0}
    axes = figure.subplots(1, len(limits))
    for axis, (name, limit) in zip(axes, limits.items(), strict=True):
        top = 0.0
        at = _numbered(next(iter(arms.values())).times)
        for i, (arm, e) in enumerate(arms.items()):
            times, shares = incidence(e.glucose, e.times, e.left, limit, e.weights)
            risk = _at_risk(e.glucose, e.times, e.left, limit)
            enough = risk >= FEWEST
            weeks = np.concatenate([[0.0], times[enough] / 168])
            percent = 100 * np.concatenate([[0.0], shares[enough]])
            top = max(top, percent.max())
            axis.step(weeks, percent, where="post", color=COLOURS[i % 7], ls=DASHES[i % 4], lw=1.6, label=arm)
            for week in at:
                k = int(np.searchsorted(times / 168, week - 1e-9))
                count = str(risk[k]) if k < len(risk) else ""
                axis.annotate(
                    count,
                    (week, 0),
                    (0, -40 - 10 * i),
                    textcoords="offset points",
                    ha="center",
                    fontsize=6.5,
                    color=COLOURS[i % 7],
                    annotation_clip=False,
                )
        axis.set_title(f"> {limit:g} mg/dL" + (" (ULN)" if name == ">ULN" else ""))
        axis.set_xlabel("weeks; patients at risk:" + "\n" * len(arms))
        axis.set_ylim(0, max(1.08 * top, 1.0))
        end = max(float(e.times.max()) for e in arms.values()) / 168
        axis.set_xlim(0, 1.02 * end)
        axis.set_ylabel("% of patients")
        tick_weeks(axis, end)
    figure.suptitle(f"{report.trial}: patients who have exceeded a limit", x=0.01, ha="left", fontweight="bold")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside upper right", ncols=4 if many else len(arms))
    return figure


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


def _waterfall(report: TrialReport) -> Figure:
    """Highest value of every patient in order, arm by arm."""
    arms = report.values
    across = min(len(arms), 4)
    down = -(-len(arms) // across)
    figure = Figure(figsize=(7.6, 0.6 + 2.6 * down), layout="constrained")
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    for axis in grid.flat[len(arms) :]:
        axis.set_axis_off()
    for i, (axis, (arm, e)) in enumerate(zip(grid.flat, arms.items(), strict=False)):
        order = np.argsort(-e.worst)
        there = np.isfinite(e.worst[order])
        width = 100 * e.weights[order][there] / e.weights.sum()
        left = np.concatenate([[0.0], np.cumsum(width)[:-1]])
        base = report.uln_mg_dl
        axis.bar(left, e.worst[order][there] - base, width, base, align="edge", color=COLOURS[i % 7], lw=0)
        for limit in (160, 250, 500):
            if limit < 1.1 * e.worst[order][there].max(initial=0):
                axis.axhline(limit, color="#888888", lw=0.8, ls=":")
        axis.axhline(base, color="#444444", lw=0.8)
        for limit in (base, 160, 250, 500):
            if limit < 1.1 * e.worst[order][there].max(initial=0):
                axis.text(99, limit, f"{limit:g}", ha="right", va="bottom", fontsize=7, color="#555555")
        axis.set_title(fill(arm, 20))
        missing = 100 * float(e.weights[~np.isfinite(e.worst)].sum() / e.weights.sum())
        if missing >= 0.5:
            axis.annotate(
                f"{missing:.0f} % without a value after baseline",
                (1, -0.28),
                xycoords="axes fraction",
                ha="right",
                fontsize=6.5,
            )
        axis.set_xlabel("% of patients")
        axis.set_xlim(0, 100)
    for row in grid:
        row[0].set_ylabel(fill(f"highest {report.glucose}, mg/dL", 30))
    return figure
