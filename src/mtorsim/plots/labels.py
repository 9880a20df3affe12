"""Names beside points of a scatter, placed where they cover neither points nor each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from .style import figure_of

__all__ = ["label_points"]

SIZE = 7.5
GAP = 5.0
"""Points between a mark and its name."""
PLACES = [
    (right, up)
    for reach in (1.0, 2.4, 4.0, 6.0)
    for right, up in [
        (reach, 0.0),
        (0.0, reach),
        (0.0, -reach),
        (-reach, 0.0),
        (reach, reach),
        (reach, -reach),
        (-reach, reach),
    ]
]
"""Where a name may stand, in multiples of the gap, from the best place to the worst."""


def label_points(
    ax: Axes, x: np.ndarray, y: np.ndarray, names: Sequence[str], every_x: np.ndarray, every_y: np.ndarray
) -> None:
    """Write names beside points, in order, each at the first free place; a line joins a name that stands farther off.

    Parameters
    ----------
    x, y
        Points with a name, (n,) each; limits of the axes are final.
    names
        Their names.
    every_x, every_y
        All points that no name should cover.
    """
    figure = figure_of(ax)
    figure.draw_without_rendering()
    point = figure.dpi / 72
    marks = ax.transData.transform(np.column_stack([every_x, every_y]))
    taken = [Bbox.from_bounds(a - 3.5 * point, b - 3.5 * point, 7 * point, 7 * point) for a, b in marks]
    legend = ax.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    inside = ax.get_window_extent()
    for at_x, at_y, name in zip(x, y, names, strict=True):
        note = ax.annotate(name, (at_x, at_y), (0, 0), textcoords="offset points", fontsize=SIZE)
        size = note.get_window_extent()
        mark = ax.transData.transform((at_x, at_y))
        boxes = [_box(mark, size.width, size.height, right, up, point) for right, up in PLACES]
        covered = [sum(box.overlaps(o) for o in taken) + 9 * (not _holds(inside, box)) for box in boxes]
        best = int(np.argmin(covered))
        note.set_position(((boxes[best].x0 - mark[0]) / point, (boxes[best].y0 - mark[1]) / point))
        if max(map(abs, PLACES[best])) > 1:
            nearest = np.clip(mark, boxes[best].min, boxes[best].max)
            ends = ax.transData.inverted().transform([mark, nearest])
            ax.plot(*ends.T, color="#999999", lw=0.5, zorder=1)
        taken.append(boxes[best])


def _box(mark: np.ndarray, width: float, height: float, right: float, up: float, point: float) -> Bbox:
    """The box of a name that stands in a direction from its mark, in pixels."""
    x = mark[0] + right * GAP * point + width * (np.sign(right) - 1) / 2
    y = mark[1] + up * GAP * point + height * (np.sign(up) - 1) / 2
    return Bbox.from_bounds(x, y, width, height)


def _holds(outer: Bbox, inner: Bbox) -> bool:
    return inner.x0 >= outer.x0 and inner.x1 <= outer.x1 and inner.y0 >= outer.y0 and inner.y1 <= outer.y1
