"""Figure of a laboratory test."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from mtorsim.errors import ArgumentError, DataError
from mtorsim.laboratory.findings import CURVES, Examination, clock_time
from mtorsim.protocols.protocol import Fit
from mtorsim.units.display import DisplayUnits

from .style import COLOURS, DASHES, FORMATS, STYLE, band, new_figure

__all__ = ["draw_test", "figure_of_test"]

TITLES = {
    "c_peptide": "C-peptide",
    "ffa": "Free fatty acids",
    "production": "Glucose production",
    "disposal": "Glucose disposal",
    "secretion": "Insulin secretion",
}
"""Titles of panels that differ from the curve's name."""


def draw_test(found: Examination, path: Path, shown_in: DisplayUnits, who: str) -> None:
    """Save the figure of a laboratory test: curves with median and bands over subjects.

    Raises
    ------
    ArgumentError
        If the file's suffix is not one of `FORMATS`.
    DataError
        If it cannot be written.
    """
    if path.suffix.lstrip(".") not in FORMATS:
        help = "end it in " + " or ".join(f".{f}" for f in FORMATS)
        raise ArgumentError(f"unsupported format of a figure: `{path}`", help=help)
    figure = figure_of_test(found, shown_in, who)
    dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            figure.savefig(path, dpi=150, metadata=dated.get(path.suffix.lstrip("."), {}))
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None


def figure_of_test(found: Examination, shown_in: DisplayUnits, who: str) -> Figure:
    """Draw the figure of a test, one panel per curve."""
    names = [n for n in found.protocol.panels if n in found.curves and (np.abs(found.curves[n]) > 0).any()]
    rows = max(1, math.ceil(len(names) / 3))
    said: set[str] = set()
    fits = found.fits()
    with mpl.rc_context(STYLE):
        figure = new_figure(10.8, 2.5 * rows)
        axes = figure.subplots(rows, 3, squeeze=False)
        for name, axis in zip(names, axes.flat, strict=False):
            unit = CURVES[name][0]
            values = shown_in.value(name, unit, found.curves[name])
            _level(axis, found, name, shown_in)
            band(axis, found.minutes, values, COLOURS[1], DASHES[0], shades=2)
            if name in found.protocol.dots:
                seen = np.nanmedian(shown_in.value(name, unit, found.drawn(name)), axis=0)
                axis.plot(found.protocol.minutes, seen, "o", ms=2.6, color=COLOURS[1], label="samples")
            if name in fits:
                _fit(axis, fits[name], name, unit, shown_in)
            title = TITLES.get(name, name.capitalize().replace("_", " "))
            axis.set_title(f"{title} ({shown_in.unit(name, unit)})")
            axis.set_xlim(0, found.minutes[-1])
            axis.set_ylim(0, 1.06 * axis.get_ylim()[1])
            _time(axis, found)
            # Each label appears once in the legend.
            new = {t: h for h, t in zip(*axis.get_legend_handles_labels(), strict=True) if t not in said}
            said |= set(new)
            if new:
                axis.legend(new.values(), new.keys(), frameon=False, fontsize=8, handlelength=1.6, borderaxespad=0.1)
        for axis in axes.flat[len(names) :]:
            axis.set_axis_off()
        n = len(found.subjects)
        people = f", {n} subjects: median, 50 % and 90 % bands" if n > 1 else ""
        when = f", {found.at / 24:g} d after the start, arm {found.arm}" if found.at else ""
        title = f"{found.protocol.name}: {found.protocol.about}\n{who}{when}{people}"
        figure.text(0.008, 1 - 0.1 / figure.get_figheight(), title, ha="left", va="top", fontsize=10.5)
    return figure


def _level(axis: Axes, found: Examination, name: str, shown_in: DisplayUnits) -> None:
    """Reference level of a curve: the target of a clamp, else the fasting value."""
    protocol = found.protocol
    if protocol.everyday or (protocol.clamped and name == "glucose_infusion"):
        return
    level, label = found.curves[name][:, 0], "fasting"
    if protocol.clamped and name == "glucose":
        level = np.full(len(level), protocol.target) if protocol.above is None else level + protocol.above
        label = "target"
    middle = np.nanmedian(shown_in.value(name, CURVES[name][0], level)) if np.isfinite(level).any() else np.nan
    axis.axhline(middle, color=COLOURS[6], lw=0.9, ls=(0, (2, 2)), label=label)


def _fit(axis: Axes, fit: Fit, name: str, unit: str, shown_in: DisplayUnits) -> None:
    """Draw a fitted model, as the median over fitted subjects."""
    fitted = fit.values[np.isfinite(fit.values).all(axis=1)]
    if len(fitted):
        middle = np.median(shown_in.value(name, unit, fitted), axis=0)
        axis.plot(fit.minutes, middle, color=COLOURS[0], lw=1.2, ls=DASHES[1], label=fit.label)


def _time(axis: Axes, found: Examination) -> None:
    """Label the time axis: clock time for a profile, else minutes."""
    last = found.minutes[-1]
    if found.protocol.everyday:
        every = 60 * (6 if last <= 1440 else 24 * math.ceil(last / 1440 / 6))
        ticks = np.arange(0, last + 1, every)
        axis.set_xticks(ticks, [clock_time(found.at + t / 60) for t in ticks])
        axis.set_xlabel("clock" if last <= 1440 else f"clock, {last / 1440:g} days")
    else:
        axis.set_xlabel("time (min)")
        axis.xaxis.set_major_locator(MultipleLocator(30 * max(1, math.ceil(last / 180))))
