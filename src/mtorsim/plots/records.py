"""Figure of a table of event records: every subject's levels over time, beside the observed values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mtorsim.errors import DataError

from .style import COLOURS, STYLE, new_figure

__all__ = ["draw_records", "figure_of_records"]

MOST_PANELS = 6
FAINT = 12
"""Number of subjects from which their lines are drawn faintly."""
MOST_MARKED = 40
"""Largest number of a subject's records that are marked on its line."""


def draw_records(frame: Any, manifest: Mapping[str, Any], folder: Path, suffix: str) -> list[Path]:
    """Save the figure of a table of event records.

    Parameters
    ----------
    frame
        The result of `simulate_events`.
    manifest
        Its manifest.

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
            figure = figure_of_records(frame, manifest["observables"], manifest["title"])
            figure.savefig(path, dpi=150, metadata=dated.get(suffix))
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
    return [path]


def figure_of_records(frame: Any, units: Mapping[str, str], title: str = "Event records") -> Figure:
    """Draw each observable over time, one line per subject; observed values (DV) in the first panel."""
    names = [name for name in units if name in frame.columns and frame[name].notna().any()][:MOST_PANELS]
    across = min(len(names), 2) or 1
    down = -(-len(names) // across) or 1
    with mpl.rc_context(STYLE):
        figure = new_figure(4.6 * across, 3.0 * down)
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
                axis.plot(part["time_h"] / scale, part[name], color=colour, lw=1.4, alpha=alpha, marker=mark, ms=5)
                if k == 0:
                    axis.plot(part["time_h"] / scale, _observed(part), "o", color=colour, mfc="none", ms=5)
            axis.set_title(f"{name.partition('.')[2] or name} ({units[name]})")
            axis.set_xlabel(f"time ({unit})")
            axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
    count = len(people)
    points = "; circles: observed (DV)" if np.isfinite(_observed(frame)).any() else ""
    people_said = f"{count:,} subject{'s' if count != 1 else ''}"
    said = f"{people_said}; lines join the simulated values at records{points}.\nNot for patient care."
    figure.text(0.012, 0.1 / figure.get_figheight(), said, size=8, color="#444444", va="bottom")
    return figure


def _observed(frame: Any) -> np.ndarray:
    """Observed values in the column DV, NaN if there is none."""
    import pandas as pd

    column = next((c for c in frame.columns if c.strip().upper() == "DV"), None)
    if column is None:
        return np.full(len(frame), np.nan)
    values = np.asarray(pd.to_numeric(frame[column], errors="coerce"), float)
    # A table without measurements has zeros in its place.
    return values if np.nanmax(values, initial=0.0) > 0 else np.full(len(frame), np.nan)
