"""Tornado figure of a sensitivity: what each parameter does to the answer over its range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import COLOURS, STYLE, Picture, figure_of, in_print

if TYPE_CHECKING:
    from mtorsim.analysis.sensitivity.sensitivity import Sensitivity

__all__ = ["tornado"]

KINDS = {"design": COLOURS[0], "fit": COLOURS[4], "seen": COLOURS[2], "seen-secondary": COLOURS[2]}
OTHER = COLOURS[6]


def tornado(found: Sensitivity, *, most: int = 18, ax: Axes | None = None) -> Figure:
    """Draw the answer with each parameter at the ends of its range, coloured by kind of evidence.

    Parameters
    ----------
    found
        The result of `mt.sensitivity`.
    most
        Largest number of parameters.
    ax
        Axes to draw into; default: a new figure.
    """
    rows = found.rows[:most]
    with mpl.rc_context(STYLE):
        if ax is None:
            ax = Picture(figsize=(7.6, 1.3 + 0.27 * len(rows)), layout="constrained").add_subplot()
        for i, row in enumerate(rows):
            ax.barh(i, row.high - row.low, left=row.low, height=0.64, color=KINDS.get(row.evidence, OTHER), lw=0)
            # The end of the higher value of the parameter.
            ax.plot(row.high, i, "|", color="black", ms=9, mew=1.4)
        ax.axvline(found.answer, color="#222222", lw=0.9)
        names = [f"{row.name} ({row.between[0]:g} to {row.between[1]:g} {in_print(row.unit)})" for row in rows]
        ax.set_yticks(range(len(rows)), [name.replace(" 1)", ")") for name in names], fontsize=7.5)
        ax.invert_yaxis()
        ax.use_sticky_edges = False
        ax.margins(x=0.06)
        what = found.of.replace("_", " ")
        difference = f", difference from {found.versus}" if found.effect else ""
        ax.set_xlabel(f"{what} ({in_print(found.unit)}){difference}")
        ax.set_title(found.told.split(", ", 1)[1], fontsize=8.5)
        kinds = list(dict.fromkeys(row.evidence for row in rows))
        keys = [Patch(color=KINDS.get(kind, OTHER), label=kind) for kind in kinds]
        ax.legend(
            handles=keys,
            frameon=False,
            fontsize=7.5,
            title="evidence (a stroke marks the higher value)",
            title_fontsize=7.5,
        )
        return figure_of(ax)
