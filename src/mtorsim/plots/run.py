"""Figures of a result."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import DataError
from mtorsim.results.limits import ordered_limits
from mtorsim.results.result import Result
from mtorsim.units.display import DisplayUnits

from .style import COLOURS, DASHES, FORMATS, MARKERS, STYLE, band, in_print, legend_columns, new_figure, tick_weeks

__all__ = ["FIGURES", "FORMATS", "draw", "shares", "time_course"]


PANELS = {
    "drug_level": "Drug in whole blood",
    "mtorc1": "mTORC1 activity",
    "mtorc2_liver": "Liver mTORC2 activity",
    "fasting_glucose": "Fasting glucose",
    "insulin": "Insulin",
    "hba1c": "HbA1c",
}
"""Panels of a time course: observables and titles."""

DRUG_PANELS = ("drug_level", "mtorc1", "mtorc2_liver")
SHORT_PANELS = {"glucose": "Glucose", "insulin": "Insulin", "c_peptide": "C-peptide", "ffa": "Free fatty acids"}
"""Panels of a test of hours, in place of fasting glucose and HbA1c."""


def draw(result: Result, folder: Path, shown_in: DisplayUnits, suffix: str = "png") -> list[Path]:
    """Save all figures of a result.

    Parameters
    ----------
    result
        A run's result.
    folder
        Folder of the files; files of the same name are replaced.
    shown_in
        Units of glucose and HbA1c.
    suffix
        `png`, `pdf` or `svg`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    import matplotlib as mpl

    paths = []
    for name, figure in FIGURES.items():
        if figure is shares and not _counted(result):
            continue
        path = folder / f"{name}.{suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Without a date inside, the same result gives the same file.
            dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
            with mpl.rc_context(STYLE):
                figure(result, shown_in).savefig(path, dpi=180, metadata=dated.get(suffix, {}))
        except OSError as problem:
            raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
        paths.append(path)
    return paths


def time_course(result: Result, shown_in: DisplayUnits) -> Figure:
    """Median and bands over subjects of drug level, mTORC1, mTORC2, glucose, insulin and HbA1c, every arm."""
    import matplotlib as mpl

    series = result.series
    units = result.manifest["observables"]
    names = [n for n in _panels(result) if bool((np.isfinite(series[n]) & (series[n] != 0)).any())]
    columns = max(1, min(len(names), 4 if len(names) == 4 else 3))
    rows = max(1, math.ceil(len(names) / columns))
    scale, unit = _clock(float(series.time.max()))
    with mpl.rc_context(STYLE):
        figure = new_figure(3.5 * columns + 0.3, 2.5 * rows, list(_arms(result)))
        axes = figure.subplots(rows, columns, squeeze=False)
        below = {j: axes[i, j] for i in range(rows) for j in range(columns) if i * columns + j < len(names)}
        for name, axis in zip(names, axes.flat, strict=False):
            shown = shown_in.unit(name, units[name])
            arms = _arms(result)
            for (arm, colour), dashes in zip(arms.items(), itertools.cycle(DASHES), strict=False):
                values = shown_in.value(name, units[name], series[name].sel(arm=arm).to_numpy())
                band(axis, series.time.to_numpy() / scale, values, colour, dashes, _shades(result))
            fraction = " (fraction of untreated)" if units[name] == "1" else f" ({in_print(shown)})"
            axis.set_title(_panels(result)[name] + fraction)
            axis.set_xlim(0, float(series.time.max()) / scale)
            if unit == "weeks":
                tick_weeks(axis, float(series.time.max()) / scale)
            if name in DRUG_PANELS:
                axis.set_ylim(bottom=0)
            if name == "fasting_glucose":
                _limit_line(axis, result, shown_in)
        for axis in axes.flat[len(names) :]:
            axis.set_axis_off()
        for axis in below.values():
            axis.set_xlabel(f"time ({unit})")
        _frame(figure, result)
    return figure


def shares(result: Result, shown_in: DisplayUnits) -> Figure:
    """Share of subjects whose highest fasting glucose exceeded each limit, with 95 % CI."""
    import matplotlib as mpl

    limits = ordered_limits(result.summary["limits_mg_dl"])
    with mpl.rc_context(STYLE):
        arms = _arms(result)
        apart = min(0.18, 0.8 / len(arms))
        figure = new_figure(max(7.0, min(14.0, 0.16 * len(arms) * len(limits))), 2.7, list(arms))
        axis = figure.subplots()
        for i, ((arm, colour), marker) in enumerate(zip(arms.items(), _markers(), strict=False)):
            found = [result.summary["arms"][arm]["share"][n] for n, *_ in limits]
            at = np.arange(len(limits)) + (i - (len(arms) - 1) / 2) * apart
            value = np.array([100 * f["value"] for f in found])
            low = value - [100 * f["low"] for f in found]
            high = [100 * f["high"] for f in found] - value
            axis.errorbar(
                at,
                value,
                np.stack([low, high]),
                fmt=marker,
                color=colour,
                ms=5 if len(arms) < 7 else 4,
                capsize=3 if len(arms) < 7 else 1.5,
                lw=1.4,
                clip_on=False,
            )
        labels = [f"> {shown_in.limit(value)}" + (" (ULN)" if uln else "") for _, value, uln in limits]
        axis.set_xticks(range(len(limits)), labels)
        axis.set_xlim(-0.5, len(limits) - 0.5)
        axis.set_ylim(bottom=0)
        axis.set_ylabel("% of subjects")
        axis.set_xlabel(f"highest fasting glucose at a visit after baseline ({shown_in.glucose})")
        _frame(figure, result, bands=False)
    return figure


def _counted(result: Result) -> bool:
    """Whether there was more than one subject, and a fasting visit after baseline."""
    arms = result.summary["arms"].values()
    return result.manifest["subjects"] > 1 and any(s["value"] is not None for a in arms for s in a["share"].values())


FIGURES = {"time_course": time_course, "shares": shares}


def _panels(result: Result) -> dict[str, str]:
    """The panels of a time course; a test of hours shows glucose instead of fasting glucose."""
    fasting = np.isfinite(result.series["fasting_glucose"].to_numpy()).any(axis=(0, 1))
    if fasting.sum() > 1 or "glucose" not in result.series:
        return PANELS
    return {n: t for n, t in PANELS.items() if n in DRUG_PANELS} | SHORT_PANELS


def _at_one_hour(result: Result) -> bool:
    """Whether the series has one fasting sample per day."""
    return bool((result.series.time.to_numpy() % 24 == 0).all()) and result.series.sizes["time"] > 1


def _arms(result: Result) -> dict[str, str]:
    """Colour of each arm."""
    arms = result.manifest["arms"]
    return {arm: COLOURS[i % len(COLOURS)] for i, arm in enumerate(arms)}


def _shades(result: Result) -> int:
    """Number of bands around each median: those of many arms would hide each other."""
    arms = len(result.manifest["arms"])
    return 2 if arms < 3 else 1 if arms < 6 else 0


def _markers() -> Iterator[str]:
    """The marker of each arm; arms of one colour have different ones."""
    return (marker for marker in itertools.cycle(MARKERS) for _ in COLOURS)


def _clock(end: float) -> tuple[float, str]:
    """Hours converted to the unit of the time axis, and its name."""
    if end > 21 * 24:
        return 168.0, "weeks"
    return (24.0, "days") if end > 72 else (1.0, "hours")


def _limit_line(axis: Axes, result: Result, shown_in: DisplayUnits) -> None:
    """Draw the upper limit of normal, and those of 126, 160 and 250 mg/dL that the values come near."""
    uln = result.summary["uln_mg_dl"]
    top = axis.get_ylim()[1]
    for value, name in ((uln, "ULN "), (126.0, ""), (160.0, ""), (250.0, "")):
        at = shown_in.value("fasting_glucose", "mg/dL", value)
        if not name and (at > top or value < 1.1 * uln):
            continue
        axis.axhline(at, color="#444444", lw=0.8 if name else 0.5, ls=(0, (4, 3)))
        axis.annotate(
            f"{name}{shown_in.limit(value)}",
            (1.0, at),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=7.5,
            color="#444444",
        )


def _frame(figure: Figure, result: Result, bands: bool = True) -> None:
    """Add title, arms and caption."""
    from matplotlib.lines import Line2D

    manifest: Mapping[str, Any] = result.manifest
    figure.suptitle(
        manifest["title"],
        x=0.012,
        y=1.0 - 0.08 / figure.get_figheight(),
        va="top",
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    styles = zip(_arms(result).values(), itertools.cycle(DASHES), _markers(), strict=False)
    handles = [
        Line2D([], [], color=c, lw=2, ls=d) if bands else Line2D([], [], color=c, lw=0, marker=m, ms=5)
        for c, d, m in styles
    ]
    below = 1.0 - 0.32 / figure.get_figheight()
    figure.legend(
        handles,
        list(_arms(result)),
        loc="upper left",
        bbox_to_anchor=(0.005, below),
        ncols=legend_columns(list(_arms(result)), figure.get_figwidth()),
        frameon=False,
        handlelength=2.6,
        borderaxespad=0.0,
    )
    n = manifest["subjects"]
    drawn = result.series.sizes["subject"]
    people = f"{n:,} virtual subject{'s' if n > 1 else ''}"
    note = f"{people} of {manifest['population']}, seed {manifest['seed']}"
    if manifest["settings"]:
        note += "; with " + ", ".join(f"{name} = {value:g}" for name, value in manifest["settings"].items())
    if bands and _at_one_hour(result):
        note += "; each day at 07:30, fasting, before the dose (drug levels are troughs)"
    if bands and n > 1:
        note += ("; median", "; median, 25-75 %", "; median, 25-75 % and 5-95 %")[_shades(result)]
        note += f" of the first {drawn:,}" if drawn < n else ""
    elif n > 1:
        note += "; 95 % intervals (Wilson)"
    note += ". Simulated: for research and teaching, not for patient care."
    # About 15 letters of this size fit an inch.
    note = textwrap.fill(note, int(15 * figure.get_figwidth()))
    figure.text(0.012, 0.012, note, fontsize=7.5, color="#555555", va="bottom")
