"""Scatter of a screening: how much each parameter changes the answer, against how unevenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .labels import label_points
from .style import COLOURS, STYLE, Picture, figure_of, in_print

if TYPE_CHECKING:
    from mtorsim.analysis.sensitivity.screening import Screening

__all__ = ["morris"]


def morris(found: Screening, *, most: int = 12, ax: Axes | None = None) -> Figure:
    """Draw the spread of each parameter's elementary effects against their mean size.

    Parameters
    ----------
    found
        The result of `mt.morris`.
    most
        Largest number of parameters with a name.
    ax
        Axes to draw into; default: a new figure.
    """
    size, spread, mean = (np.array([getattr(r, name) for r in found.rows]) for name in ("mu_star", "sigma", "mu"))
    with mpl.rc_context(STYLE):
        if ax is None:
            ax = Picture(figsize=(7.2, 4.8), layout="constrained").add_subplot()
        for rising, colour, marker, label in (
            (True, COLOURS[0], "o", "more of the parameter raises it, on average"),
            (False, COLOURS[1], "s", "lowers it"),
        ):
            some = (mean >= 0) == rising
            ax.plot(size[some], spread[some], marker, color=colour, ms=5, mew=0, label=label)
        ax.set_xlim(0, 1.28 * size.max(initial=1e-12))
        ax.set_ylim(0, 1.14 * max(spread.max(initial=0), 0.2 * size.max(initial=1e-12)))
        end = min(ax.get_xlim()[1], ax.get_ylim()[1])
        ax.plot([0, end], [0, end], color="#888888", lw=0.8, ls=(0, (5, 3)), label="spread as large as the mean size")
        reach = "whole range" if found.within is None else f"range, narrowed to ±{100 * found.within:g} %"
        ax.set_xlabel(f"mean size of effects, mu* ({in_print(found.unit)} per {reach})")
        ax.set_ylabel(f"standard deviation of effects, sigma ({in_print(found.unit)})")
        what = found.of.replace("_", " ")
        ax.set_title(what[0].upper() + found.told[1:].replace(f" ({found.unit})", "", 1), fontsize=8.5)
        ax.legend(frameon=False, fontsize=7.5, loc="upper left")
        names = [row.name.partition(".")[2] for row in found.rows[:most]]
        label_points(ax, size[:most], spread[:most], names, size, spread)
        return figure_of(ax)
