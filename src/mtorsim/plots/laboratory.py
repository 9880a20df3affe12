"""Figure of a test of the virtual laboratory."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from mtorsim.errors import DataError, SetError
from mtorsim.laboratory.examination import CURVES, Examination, clock_time
from mtorsim.protocols.minimal_model import MIXED, minimal_model
from mtorsim.units.display import Reader

from .style import COLOURS, DASHES, FORMATS, STYLE, band, new_figure

__all__ = ["draw_test", "figure_of_test"]

TEST_PANELS = {
    "glucose": "Glucose",
    "insulin": "Insulin",
    "c_peptide": "C-peptide",
    "ffa": "Free fatty acids",
    "production": "Glucose production",
    "disposal": "Glucose disposal",
    "glucose_infusion": "Glucose infusion",
    "secretion": "Insulin secretion",
}
"""Curves of a test that are drawn."""


def draw_test(found: Examination, path: Path, reader: Reader, who: str) -> None:
    """Draw the curves of a test of the virtual laboratory: median and bands over its subjects.

    Raises
    ------
    SetError
        If the file's ending is not one of `FORMATS`.
    DataError
        If it cannot be written.
    """
    if path.suffix.lstrip(".") not in FORMATS:
        raise SetError(f"`{path}` is no picture", help="end it in " + " or ".join(f".{f}" for f in FORMATS))
    figure = figure_of_test(found, reader, who)
    dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            figure.savefig(path, dpi=150, metadata=dated.get(path.suffix.lstrip("."), {}))
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None


def figure_of_test(found: Examination, reader: Reader, who: str) -> Figure:
    """The figure of a test, a panel a curve."""
    names = [n for n in TEST_PANELS if n in found.curves and (np.abs(found.curves[n]) > 0).any()]
    rows = max(1, math.ceil(len(names) / 3))
    said: set[str] = set()
    with mpl.rc_context(STYLE):
        figure = new_figure(10.8, 2.5 * rows)
        axes = figure.subplots(rows, 3, squeeze=False)
        for name, axis in zip(names, axes.flat, strict=False):
            unit = CURVES[name][0]
            values = reader.value(name, unit, found.curves[name])
            _level(axis, found, name, reader)
            band(axis, found.minutes, values, COLOURS[1], DASHES[0], wide=True)
            if found.protocol.name == "ivgtt" and name in ("glucose", "insulin"):
                _samples(axis, found, name, reader)
            axis.set_title(f"{TEST_PANELS[name]} ({reader.unit(name, unit)})")
            axis.set_xlim(0, found.minutes[-1])
            axis.set_ylim(0, 1.06 * axis.get_ylim()[1])
            _time(axis, found)
            # A label is explained once.
            new = {t: h for h, t in zip(*axis.get_legend_handles_labels(), strict=True) if t not in said}
            said |= set(new)
            if new:
                axis.legend(new.values(), new.keys(), frameon=False, fontsize=8, handlelength=1.6, borderaxespad=0.1)
        for axis in axes.flat[len(names) :]:
            axis.set_axis_off()
        n = len(found.subjects)
        people = f", {n} subjects: median, 50 and 90 % of them" if n > 1 else ""
        when = f", {found.at / 24:g} d after the start, arm {found.arm}" if found.at else ""
        title = f"{found.protocol.name}: {found.protocol.about}\n{who}{when}{people}"
        figure.text(0.008, 1 - 0.1 / figure.get_figheight(), title, ha="left", va="top", fontsize=10.5)
    return figure


def _level(axis: Axes, found: Examination, name: str, reader: Reader) -> None:
    """What a curve is held at or came from: the target of a clamp, else the fasting value."""
    protocol = found.protocol
    if protocol.everyday or (protocol.clamped and name == "glucose_infusion"):
        return
    level, label = found.curves[name][:, 0], "fasting"
    if protocol.clamped and name == "glucose":
        level = np.full(len(level), protocol.target) if protocol.above is None else level + protocol.above
        label = "target"
    middle = np.nanmedian(reader.value(name, CURVES[name][0], level)) if np.isfinite(level).any() else np.nan
    axis.axhline(middle, color=COLOURS[6], lw=0.9, ls=(0, (2, 2)), label=label)


def _samples(axis: Axes, found: Examination, name: str, reader: Reader) -> None:
    """Blood drawn in an intravenous test, and of glucose what the minimal model makes of it."""
    minutes = found.protocol.minutes
    unit = CURVES[name][0]
    seen = np.nanmedian(reader.value(name, unit, found.drawn(name)), axis=0)
    axis.plot(minutes, seen, "o", ms=2.6, color=COLOURS[1], label="samples")
    if name == "glucose":
        glucose, insulin = found.drawn("glucose"), found.drawn("insulin")
        fitted = np.array([found.indices[n][1] for n in ("S_G", "S_I", "p2", "G_0")]).T * (1, 1e-4, 1, 1)
        curves = [
            minimal_model(minutes, i, (g[0], i[0]), tuple(p))
            for g, i, p in zip(glucose, insulin, fitted, strict=True)
            if np.isfinite(p).all()
        ]
        if curves:
            middle = np.median(reader.value(name, unit, np.array(curves)), axis=0)
            weighs = minutes >= MIXED
            axis.plot(minutes[weighs], middle[weighs], color=COLOURS[0], lw=1.2, ls=DASHES[1], label="minimal model")


def _time(axis: Axes, found: Examination) -> None:
    """Time by the clock where the day is looked at as it is lived, else in minutes."""
    last = found.minutes[-1]
    if found.protocol.everyday:
        every = 60 * (6 if last <= 1440 else 24 * math.ceil(last / 1440 / 6))
        ticks = np.arange(0, last + 1, every)
        axis.set_xticks(ticks, [clock_time(found.at + t / 60) for t in ticks])
        axis.set_xlabel("clock" if last <= 1440 else f"clock, {last / 1440:g} days")
    else:
        axis.set_xlabel("time (min)")
        axis.xaxis.set_major_locator(MultipleLocator(30 * max(1, math.ceil(last / 180))))
