"""The mechanism of a model as a matplotlib figure: organs, quantities, and what raises or lowers what."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from mtorsim.describe.diagram import Edge, diagram_of
from mtorsim.describe.drawing import HEIGHT, PAD, WIDTH, Curve, curve_of, laid_out
from mtorsim.model.model import Model

from .style import COLOURS, STYLE, Picture, figure_of

__all__ = ["mechanism"]

INCH = 96.0
"""Units of the drawing per inch."""
RAISES, LOWERS, BOTH = COLOURS[1], COLOURS[0], "#8c959f"


def mechanism(model: Model, *, ax: Axes | None = None) -> Figure:
    """Draw organs as boxes and the quantities within them; an arrow raises what it points at, a bar lowers it.

    Parameters
    ----------
    model
        A model whose modules have `[nodes]`.
    ax
        Axes to draw into; default: a new figure.

    Examples
    --------
    >>> import mtorsim as mt
    >>> figure = mt.plot.mechanism(mt.load_model(["glucose_insulin", "mtor", "everolimus"]))
    >>> "liver" in [text.get_text() for text in figure.axes[0].texts]
    True
    """
    diagram = diagram_of(model)
    layout = laid_out(diagram)
    wide, tall = layout.size
    with mpl.rc_context(STYLE):
        if ax is None:
            figure = Picture(figsize=(wide / INCH, tall / INCH + 0.3), layout="constrained")
            ax = figure.add_subplot()
        ax.set_axis_off()
        ax.set_xlim(0, wide)
        ax.set_ylim(tall, 0)
        ax.set_aspect("equal")
        for organ, (x, y, w, h) in layout.boxes.items():
            ax.add_patch(_box(x, y, w, h, 10, fc="#f3f5f7", ec="#c9d1d9", zorder=1))
            ax.text(x + PAD, y + 14, organ, fontsize=8.5, fontweight="bold", color="#57606a", va="center", zorder=4)
        for edge in diagram.edges:
            ax.add_patch(_arrow(edge, curve_of(edge, layout.places)))
        for node in diagram.nodes:
            x, y = layout.places[node.name]
            ax.add_patch(_box(x, y, WIDTH, HEIGHT, 7, fc="white", ec="#57606a", zorder=3))
            ax.text(x + 8, y + HEIGHT / 2, node.label, fontsize=8, va="center", zorder=4)
        keys = [Line2D([], [], color=RAISES, label="raises"), Line2D([], [], color=LOWERS, label="lowers")]
        keys.append(Line2D([], [], color=BOTH, label="both, by different paths"))
        ax.legend(handles=keys, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, fontsize=8)
        return figure_of(ax)


def _box(x: float, y: float, w: float, h: float, corner: float, **style: object) -> FancyBboxPatch:
    return FancyBboxPatch((x, y), w, h, boxstyle=f"round,pad=0,rounding_size={corner}", lw=0.8, **style)  # pyright: ignore[reportArgumentType]


def _arrow(edge: Edge, curve: Curve) -> FancyArrowPatch:
    path = Path(list(curve), [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    colour = {1: RAISES, -1: LOWERS, 0: BOTH}[edge.sign]
    head = "]-[, widthA=0, lengthA=0, widthB=3, lengthB=0" if edge.sign < 0 else "-|>, head_length=4, head_width=2"
    return FancyArrowPatch(path=path, arrowstyle=head, color=colour, lw=1.0, mutation_scale=1, zorder=2, shrinkB=0)
