"""Bars of Sobol indices: the share of each parameter in the variance of the answer, alone and with interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, STYLE, Picture, figure_of, in_print

if TYPE_CHECKING:
    from mtorsim.analysis.sensitivity.variance import SobolIndices

__all__ = ["sobol"]

KINDS = (("first", "alone (first order)", COLOURS[1], -0.19), ("total", "with interactions (total)", COLOURS[4], 0.19))
"""Index, label, colour and place of its bar."""


def sobol(found: SobolIndices, *, most: int = 12, ax: Axes | None = None) -> Figure:
    """Draw first-order and total indices with their intervals.

    Parameters
    ----------
    found
        The result of `mt.sobol`.
    most
        Largest number of parameters.
    ax
        Axes to draw into; default: a new figure.
    """
    rows = found.rows[:most]
    place = np.arange(len(rows))
    with mpl.rc_context(STYLE):
        if ax is None:
            ax = Picture(figsize=(7.6, 1.5 + 0.42 * len(rows)), layout="constrained").add_subplot()
        for kind, label, colour, shift in KINDS:
            share = np.array([getattr(row, kind) for row in rows])
            interval = np.array([getattr(row, f"{kind}_interval") for row in rows])
            ax.barh(place + shift, share, height=0.36, color=colour, lw=0, label=label)
            ax.hlines(place + shift, interval[:, 0], interval[:, 1], color="black", lw=1.1)
        ax.axvline(0, color="#222222", lw=0.9)
        names = [f"{row.name} ({row.between[0]:.3g} to {row.between[1]:.3g} {in_print(row.unit)})" for row in rows]
        ax.set_yticks(place, [name.replace(" 1)", ")") for name in names], fontsize=7.5)
        ax.invert_yaxis()
        ax.use_sticky_edges = False
        ax.margins(x=0.04)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(f"share of the variance of {found.of.replace('_', ' ')} (a line is the 95 % interval)")
        ax.set_title(found.told.split(", ", 1)[1], fontsize=8.5)
        ax.legend(frameon=False, fontsize=7.5, loc="lower right")
        return figure_of(ax)
