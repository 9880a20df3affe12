"""Figures of a trial: predicted and observed rates, incidence over time, highest glucose of every patient."""

from __future__ import annotations

import io
from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mtorsim.plots.style import COLOURS, DASHES, STYLE
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
    """Observed and predicted shares with intervals, one line per row; without observations only predicted ones."""
    rows: list[tuple[str, Comparison | None, Estimate]] = []
    for row in report.observed:
        if row.predicted is not None:
            rows.append((f"{row.arm}, {row.endpoint}", row, Estimate(row.predicted, row.low, row.high)))
    if not rows:
        shares = {f"{name}, {n}": share for name, arm in report.arms.items() for n, share in arm.share.items()}
        rows = [(name, None, share) for name, share in shares.items() if share.value is not None]
    figure = Figure(figsize=(7.6, 0.9 + 0.34 * len(rows)), layout="constrained")
    axis = figure.add_subplot()
    for i, (_, seen, predicted) in enumerate(rows):
        y = len(rows) - 1 - i
        if seen is not None:
            ends = [100 * seen.observed_low, 100 * seen.observed_high]
            axis.plot(ends, [y + 0.14] * 2, color=COLOURS[6], lw=1.6)
            if seen.observed is not None:
                axis.plot(100 * seen.observed, y + 0.14, "s", color=COLOURS[6], ms=4.5)
        value, *ends = (100 * float(x or 0.0) for x in (predicted.value, predicted.low, predicted.high))
        axis.plot(ends, [y - 0.14] * 2, color=COLOURS[0], lw=1.6)
        axis.plot(value, y - 0.14, "o", color=COLOURS[0], ms=4.5)
    axis.set_yticks(range(len(rows)), [r[0] for r in reversed(rows)])
    axis.set_ylim(-0.7, len(rows) - 0.3)
    axis.set_xlim(left=0)
    axis.set_xlabel("% of patients (95 % CI)")
    if any(r[1] is not None for r in rows):
        axis.plot([], [], "s-", color=COLOURS[6], ms=4.5, label="observed")
    axis.plot([], [], "o-", color=COLOURS[0], ms=4.5, label="predicted")
    axis.legend(frameon=False, loc="lower right")
    axis.set_title(f"{report.trial}: highest {report.glucose} on study")
    return figure


def _incidence(report: TrialReport) -> Figure:
    """Share of patients who exceeded a limit by each visit; patients who leave are censored."""
    many = len(report.arms) > 4
    figure = Figure(figsize=(7.6, 4.0 if many else 3.2), layout="constrained")
    limits = {">ULN": report.uln_mg_dl, ">160": 160.0, ">250": 250.0}
    axes = figure.subplots(1, len(limits))
    for axis, (name, limit) in zip(axes, limits.items(), strict=True):
        top = 0.0
        for i, (arm, e) in enumerate(report.values.items()):
            times, shares = incidence(e.glucose, e.times, e.left, limit, e.weights)
            weeks = np.concatenate([[0.0], times / 168])
            percent = 100 * np.concatenate([[0.0], shares])
            top = max(top, percent.max())
            axis.step(weeks, percent, where="post", color=COLOURS[i % 7], ls=DASHES[i % 4], lw=1.6, label=arm)
        axis.set_title(f"> {limit:g} mg/dL" + (" (ULN)" if name == ">ULN" else ""))
        axis.set_xlabel("weeks")
        axis.set_ylim(0, max(1.08 * top, 1.0))
    axes[0].set_ylabel("% of patients, cumulative")
    if many:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=4)
    else:
        axes[0].legend(frameon=False, loc="lower right")
    return figure


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
        axis.set_xlabel("% of patients")
        axis.set_xlim(0, 100)
    for row in grid:
        row[0].set_ylabel(fill(f"highest {report.glucose}, mg/dL", 30))
    return figure
