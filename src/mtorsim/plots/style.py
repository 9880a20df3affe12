"""Style of all figures: type, colours, sizes, bands."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

__all__ = [
    "ABOVE",
    "BELOW",
    "COLOURS",
    "DASHES",
    "FORMATS",
    "MARKERS",
    "STYLE",
    "Picture",
    "band",
    "figure_of",
    "in_print",
    "legend_columns",
    "new_figure",
    "tick_weeks",
]


FORMATS = ("png", "pdf", "svg")

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
"""Colours by Okabe and Ito, distinguishable with any colour vision."""

DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)))
"""Line styles that keep overlapping arms visible."""

ABOVE, BELOW = 0.62, 0.36
"""Inches reserved for title and arms, and for the caption."""

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "svg.hashsalt": "mtorsim",
    # Titles are the user's text, in which dollars are dollars.
    "text.parse_math": False,
}


class Picture(Figure):
    """A figure that a notebook shows by itself, whether pyplot is used or not."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Markers that tell arms of the same colour apart."""


def in_print(unit: str) -> str:
    """A unit as it is printed: µg/L for ug/L."""
    return re.sub(r"\bu(?=U|g|mol)", "µ", unit)


def tick_weeks(axis: Axes, end: float) -> None:
    """Tick an axis of weeks where visits lie: every 4 weeks, or every 8 or 12 of a long time."""
    step = next((s for s in (1, 2, 4, 8, 12, 26) if end / s <= 8), 52)
    axis.xaxis.set_major_locator(MultipleLocator(step))


def legend_columns(names: Sequence[str], width: float) -> int:
    """Number of columns in which a legend of these names fits a width in inches."""
    # A handle takes about half an inch, a letter of the legend a fourteenth.
    widest = 0.55 + max(len(name) for name in names) / 14
    return max(1, min(len(names), int((width - 0.1) / widest)))


def new_figure(width: float, height: float, names: Sequence[str] = ()) -> Figure:
    """An empty figure with room for title and arms above and the caption below; inches.

    Parameters
    ----------
    names
        The arms in the legend, for which a first line is reserved anyway.
    """
    lines = math.ceil(len(names) / legend_columns(names, width)) if names else 1
    whole = height + ABOVE + BELOW + 0.17 * (lines - 1)
    figure = Picture(figsize=(width, whole), layout="constrained")
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0.0, BELOW / whole, 1.0, height / whole), h_pad=0.06, w_pad=0.08)  # pyright: ignore[reportCallIssue]
    return figure


def figure_of(axis: Axes) -> Figure:
    """The figure to which axes belong."""
    figure = axis.get_figure()
    assert isinstance(figure, Figure)
    return figure


def band(axis: Axes, time: np.ndarray, values: np.ndarray, colour: str, dashes: Any, shades: int) -> None:
    """Draw the median of values (subjects, times), with quartiles (1 shade) and 5th to 95th percentile (2 shades)."""
    some = np.isfinite(values).any(axis=0)
    if not some.any():
        return
    time, values = time[some], values[:, some]
    low, quarter, middle, three, high = np.nanquantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    if len(values) > 1 and shades:
        if shades > 1:
            axis.fill_between(time, low, high, color=colour, alpha=0.13, lw=0)
        axis.fill_between(time, quarter, three, color=colour, alpha=0.22 if shades > 1 else 0.10, lw=0)
    axis.plot(time, middle, color=colour, lw=1.6, ls=dashes)
