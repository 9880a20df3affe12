"""Figures of an explanation: a waterfall of means or of one person, and the people beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, STYLE, Picture, figure_of, in_print

if TYPE_CHECKING:
    from mtorsim.analysis.explain.explanation import Explanation

__all__ = ["contributions", "people"]

RAISES, LOWERS, WHOLE = COLOURS[0], COLOURS[1], "#777777"
SMALLEST = 0.004
"""Share of the whole range below which an effect is not drawn."""


def contributions(why: Explanation, *, ax: Axes | None = None) -> Figure:
    """Draw how the effects add up, from the value without the drug to that on it: of one person, or the mean of many.

    Parameters
    ----------
    why
        The result of `mt.explain`.
    ax
        Axes to draw into; default: a new figure.

    Examples
    --------
    >>> import mtorsim as mt
    >>> figure = mt.plot.contributions(mt.explain("everolimus_breast", at="2 weeks", subjects=2))
    >>> figure.axes[0].get_yticklabels()[-1].get_text()
    'on everolimus'
    """
    labels = {effect.name: effect.label for effect in why.effects}
    begin, end = why.means()
    rows = sorted(why.mean(), key=lambda row: -row.mean)
    near = SMALLEST * max(abs(row.mean) for row in rows)
    rows = [row for row in rows if abs(row.mean) > near]
    with mpl.rc_context(STYLE):
        if ax is None:
            ax = Picture(figsize=(7.0, 1.5 + 0.32 * len(rows)), layout="constrained").add_subplot()
        ax.barh(0, begin, color=WHOLE, height=0.62)
        at = begin
        for i, row in enumerate(rows, start=1):
            colour = RAISES if row.mean > 0 else LOWERS
            ax.barh(i, row.mean, left=at, color=colour, height=0.62)
            if len(why.subjects) > 1:
                ax.plot([at + row.low, at + row.high], [i, i], color="#222222", lw=0.9)
            ax.plot([at + row.mean] * 2, [i - 0.31, i + 1.31], color="#999999", lw=0.6)
            right = max(at, at + row.mean, at + row.high if len(why.subjects) > 1 else at)
            ax.annotate(f"{row.mean:+.1f}", (right, i), (4, 0), textcoords="offset points", va="center", fontsize=8)
            at += row.mean
        ax.barh(len(rows) + 1, end, color=WHOLE, height=0.62)
        for i, value in ((0, begin), (len(rows) + 1, end)):
            ax.annotate(f"{value:.1f}", (value, i), (4, 0), textcoords="offset points", va="center", fontsize=8)
        names = [f"on {why.versus}", *(labels.get(row.name, row.name) for row in rows), f"on {why.arm}"]
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        edges = [begin, end, *np.cumsum([begin, *(row.mean for row in rows)])]
        spread = max(edges) - min(edges)
        ax.set_xlim(max(0.0, min(edges) - 0.35 * spread), max(edges) + 0.35 * spread)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(f"{why.of.replace('_', ' ')} ({in_print(why.unit)})")
        ax.set_title(_told(why), fontsize=8.5)
        return figure_of(ax)


def people(why: Explanation, *, most: int = 60, ax: Axes | None = None) -> Figure:
    """Draw each person as a column: what raises and what lowers the quantity, ordered by the whole effect.

    Parameters
    ----------
    why
        The result of `mt.explain`.
    most
        Largest number of people, evenly from the order of all.
    ax
        Axes to draw into; default: a new figure.
    """
    why.means()  # raises if there is nobody to draw
    effect = np.where(why.well, why.treated - why.untreated, -np.inf)
    order = np.argsort(-effect)[: int(why.well.sum())]
    order = order[np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).astype(int))]
    with mpl.rc_context(STYLE):
        if ax is None:
            ax = Picture(figsize=(8.2, 4.2), layout="constrained").add_subplot()
        place = np.arange(len(order))
        above, below = np.zeros(len(order)), np.zeros(len(order))
        for j, named in enumerate(why.effects):
            share = why.shares[order, j]
            bottom = np.where(share >= 0, above, below)
            style = {"color": COLOURS[j % len(COLOURS)], "hatch": "////" if j >= len(COLOURS) else None, "ec": "white"}
            ax.bar(place, share, 0.92, bottom, label=named.label, lw=0, **style)
            above, below = above + np.maximum(share, 0), below + np.minimum(share, 0)
        ax.plot(place, effect[order], "_", color="black", ms=max(3.0, 260 / len(order)), mew=1.6, label="whole effect")
        ax.axhline(0, color="#444444", lw=0.8)
        ax.use_sticky_edges = False
        ax.margins(y=0.06)
        ax.set_xticks([])
        ax.set_xlabel("people, from the largest effect to the smallest")
        ax.set_ylabel(f"change of {why.of.replace('_', ' ')} ({in_print(why.unit)})")
        ax.set_title(_told(why), fontsize=8.5)
        ax.legend(frameon=False, fontsize=7.5, ncols=2)
        return figure_of(ax)


def _told(why: Explanation) -> str:
    what = why.told.split(", ", 1)[1]
    return what[0].upper() + what[1:]
