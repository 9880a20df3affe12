"""Figure of a comparison of schedules: visits spent against what they leave undetected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .labels import label_points
from .style import COLOURS, MARKERS, STYLE, Picture, figure_of

if TYPE_CHECKING:
    from mtorsim.analysis.follow_up.comparison import Followed, FollowUp

__all__ = ["pareto"]

LEAST = 0.1
KINDS = {
    "published": (COLOURS[0], MARKERS[1]),
    "yours": (COLOURS[4], MARKERS[3]),
    "regular": (COLOURS[6], MARKERS[0]),
    "best": (COLOURS[2], MARKERS[4]),
    "adaptive": (COLOURS[1], MARKERS[2]),
    "home": (COLOURS[3], MARKERS[5]),
}


def pareto(found: FollowUp, *, ax: Axes | None = None) -> Figure:
    """Draw ways of following people: mean visits against weeks above the limit that nobody sees.

    A way is worth considering if no other lies both left of it and below it.

    Parameters
    ----------
    found
        The result of `mt.follow_up`.
    ax
        Axes to draw into; default: a new figure.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.follow_up("everolimus_breast", limit=110, severe=125, subjects=40)
    >>> mt.plot.pareto(found).axes[0].get_xlabel()
    'visits of a person, mean'
    """
    with mpl.rc_context(STYLE):
        if ax is None:
            ax = Picture(figsize=(7.4, 4.2), layout="constrained").add_subplot()
        shown = [way for way in found.ways if way.visits > 0 or way.kind == "home"]
        for kind, (colour, marker) in KINDS.items():
            mine = sorted((w for w in shown if w.kind == kind), key=lambda w: w.visits)
            if not mine:
                continue
            line = "-" if kind in ("regular", "adaptive") else ""
            x = [w.visits for w in mine]
            y = [_undetected(w) for w in mine]
            ax.plot(x, y, marker + line, color=colour, ms=5.5, lw=0.9, label=kind, alpha=0.9)
        ax.set_xlabel("visits of a person, mean")
        ax.set_ylabel(f"weeks above {found.limit:g} mg/dL undetected, per 100 people")
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.margins(x=0.08)
        ax.set_title(found.told.split(": ")[-1] + f", {found.days // 7} weeks of {found.arm}", fontsize=8.5)
        named = [w for w in shown if w.kind in ("published", "yours", "best", "home") or w.name in ("every 7 days",)]
        ax.legend(fontsize=7.5, frameon=False, loc="upper right")
        every, mine = _places(shown), _places(named)
        label_points(ax, mine[:, 0], mine[:, 1], [_short(w) for w in named], every[:, 0], every[:, 1])
        return figure_of(ax)


def _places(ways: Sequence[Followed]) -> np.ndarray:
    """Visits and undetected weeks of some ways, (n, 2)."""
    return np.array([(w.visits, _undetected(w)) for w in ways]).reshape(-1, 2)


def _undetected(way: Followed) -> float:
    """Undetected weeks for a hundred people, at least what the logarithmic axis shows."""
    return max(way.detection.weeks_undetected(), LEAST)


def _short(way: Followed) -> str:
    """A name that fits beside a point."""
    return way.name.replace("home meter", "meter").replace(" for a month, then monthly", ", then monthly")
