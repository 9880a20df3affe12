"""Figure of a table of event records: every subject's levels over time, beside the observed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mtorsim.errors import DataError

from .style import COLOURS, STYLE, legend_columns, new_figure

__all__ = ["draw_records", "figure_of_records"]

Curves: TypeAlias = Mapping[str, Sequence[float] | np.ndarray]
"""Columns of the curves of the first subjects."""
MOST_PANELS = 6
FAINT = 12
"""Number of subjects from which their lines are drawn faintly."""
MOST_MARKED = 40
"""Largest number of a subject's records that are marked on its line."""


def draw_records(frame: Any, manifest: Mapping[str, Any], curves: Curves, folder: Path, suffix: str) -> list[Path]:
    """Save the figure of a table of event records.

    Parameters
    ----------
    frame
        The result of `simulate_events`.
    manifest, curves
        Its manifest, and the curves of the first subjects.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    path = folder / f"records.{suffix}"
    dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            figure = figure_of_records(frame, manifest, curves)
            figure.savefig(path, dpi=150, metadata=dated.get(suffix))
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
    return [path]


def figure_of_records(frame: Any, manifest: Mapping[str, Any], curves: Curves) -> Figure:
    """Draw each observable over time, one line per subject; observed values (DV) in the first panel."""
    units: Mapping[str, str] = manifest["observables"]
    curves = {name: np.asarray(values) for name, values in curves.items()}
    names = [name for name in units if name in frame.columns and frame[name].notna().any()][:MOST_PANELS]
    across = min(len(names), 2) or 1
    down = -(-len(names) // across) or 1
    with mpl.rc_context(STYLE):
        figure = new_figure(4.6 * across, 3.0 * down)
        title = manifest["title"]
        figure.text(0.012, 1 - 0.16 / figure.get_figheight(), title, weight="bold", size=12, va="top")
        hours = frame["time_h"].to_numpy(float)
        unit, scale = ("d", 24.0) if np.nanmax(hours, initial=0.0) > 96 else ("h", 1.0)
        people = frame.groupby("subject_number", sort=False)
        for k, name in enumerate(names):
            axis = figure.add_subplot(down, across, k + 1)
            alone = len(people) < FAINT
            for i, (_, part) in enumerate(people):
                colour = COLOURS[i % len(COLOURS)] if alone else COLOURS[1]
                mark = "." if len(part) <= MOST_MARKED else None
                alpha = 1.0 if alone else 0.25
                drawn = alone and i in curves["subject_number"]
                line = 0.0 if drawn else 1.4
                axis.plot(part["time_h"] / scale, part[name], color=colour, lw=line, alpha=alpha, marker=mark, ms=5)
                if drawn:
                    own = curves["subject_number"] == i
                    axis.plot(curves["time_h"][own] / scale, curves[name][own], color=colour, lw=1.4)
                if k == 0:
                    axis.plot(part["time_h"] / scale, _observed(part), "o", color=colour, mfc="none", ms=5)
            axis.set_title(f"{name.partition('.')[2] or name} ({units[name]})")
            axis.set_xlabel(f"time ({unit})")
            axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
    count = len(people)
    if count < FAINT:
        _name_subjects(figure, frame, manifest["reading"]["columns"].get("ID"))
    points = "; circles: observed (DV)" if np.isfinite(_observed(frame)).any() else ""
    people_said = f"{count:,} subject{'s' if count != 1 else ''}"
    lines = "lines and dots" if count < FAINT else "lines between records"
    said = f"{people_said}; {lines}: simulated{points}.\nNot for patient care."
    figure.text(0.012, 0.1 / figure.get_figheight(), said, size=8, color="#444444", va="bottom")
    return figure


def _name_subjects(figure: Figure, frame: Any, column: str | None) -> None:
    """Add a legend of the subjects by their ID in the table."""
    if column is None:
        return
    first = frame.groupby("subject_number", sort=True)[column].first()
    names = [f"{column} {label}" for label in first]
    handles = [Line2D([], [], color=COLOURS[i % len(COLOURS)], lw=2) for i in range(len(names))]
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.005, 1.0 - 0.36 / figure.get_figheight()),
        ncols=legend_columns(names, figure.get_figwidth()),
        frameon=False,
        handlelength=1.6,
        borderaxespad=0.0,
    )


def _observed(frame: Any) -> np.ndarray:
    """Observed values in the column DV, NaN if there is none."""
    import pandas as pd

    column = next((c for c in frame.columns if c.strip().upper() == "DV"), None)
    if column is None:
        return np.full(len(frame), np.nan)
    values = np.asarray(pd.to_numeric(frame[column], errors="coerce"), float)
    # A table without measurements has zeros in its place.
    return values if np.nanmax(values, initial=0.0) > 0 else np.full(len(frame), np.nan)
