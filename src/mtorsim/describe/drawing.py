"""The diagram of the mechanism as SVG and as Mermaid text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .diagram import Diagram, DiagramNode, Edge

__all__ = ["HEIGHT", "PAD", "WIDTH", "Curve", "Layout", "as_mermaid", "as_svg", "curve_of", "laid_out"]

COLUMNS: Sequence[Sequence[str]] = (
    ("drug", "mTORC1", "PI3K and AKT"),
    ("beta cell", "alpha cell"),
    ("gut", "blood", "brain"),
    ("liver", "muscle", "fat", "kidney"),
)
"""Organs by column, from top to bottom; others follow in a last column."""
WIDTH, HEIGHT = 168, 34
"""Size of a node."""
GAP, PAD, HEAD, BETWEEN, ASIDE, LOOPS = 8, 10, 24, 22, 96, 44
"""Between nodes, around them, above them for the organ's name, between organs, between columns, and to the right."""
STYLE = """
.mechanism { font-family: system-ui, sans-serif; font-size: 12px; }
.mechanism .organ { fill: #f3f5f7; stroke: #c9d1d9; }
.mechanism .organ-name { fill: #57606a; font-weight: 600; }
.mechanism .node rect { fill: #ffffff; stroke: #57606a; }
.mechanism .node text { fill: #1f2328; }
.mechanism .node .value { fill: #57606a; font-size: 11px; }
.mechanism .edge { fill: none; stroke: #8c959f; stroke-width: 1.4; }
.mechanism .edge.up { stroke: #0072b2; }
.mechanism .edge.down { stroke: #d55e00; }
"""
Place = tuple[float, float]
Curve = tuple[Place, Place, Place, Place]
"""A cubic curve: its start, two control points, its end."""


@dataclass(frozen=True)
class Layout:
    """Where a diagram is drawn; y grows downwards.

    Attributes
    ----------
    places
        Top left corner of each node.
    boxes
        Left, top, width and height of each organ.
    size
        Width and height of the whole.
    """

    places: Mapping[str, Place]
    boxes: Mapping[str, tuple[float, float, float, float]]
    size: Place


def as_svg(diagram: Diagram, title: str = "The mechanism", interactive: bool = False) -> str:
    """Draw a diagram.

    Organs are boxes, quantities nodes within them. An arrow raises what it points at, a bar lowers it. Nodes and edges
    carry their names (`data-node`, `data-source`, `data-target`, `data-mechanisms`), so that a page can animate them.

    Parameters
    ----------
    title
        For people who do not see the picture.
    interactive
        Whether it is part of a page, on which nodes are buttons, and which brings its own colours.
    """
    layout = laid_out(diagram)
    places, size = layout.places, layout.size
    parts = [
        f'<svg class="mechanism" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:g} {size[1]:g}" '
        f'role="{"group" if interactive else "img"}" '
        f'aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        "" if interactive else f"<style>{STYLE}</style>",
        _MARKERS,
    ]
    for organ, (x, y, w, h) in layout.boxes.items():
        parts.append(
            f'<rect class="organ" data-organ="{escape(organ)}" x="{x:g}" y="{y:g}" '
            f'width="{w:g}" height="{h:g}" rx="10"/>'
        )
        parts.append(f'<text class="organ-name" x="{x + PAD:g}" y="{y + 17:g}">{escape(organ)}</text>')
    parts += [_edge(edge, places) for edge in diagram.edges]
    parts += [_node(node, places[node.name], interactive) for node in diagram.nodes]
    return "\n".join(p for p in parts if p) + "\n</svg>\n"


_MARKERS = (
    '<defs><marker id="raises" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" '
    'markerWidth="10" markerHeight="10" orient="auto">'
    '<path d="M0 0 L8 4 L0 8 z" fill="context-stroke"/></marker>'
    '<marker id="lowers" viewBox="0 0 8 8" refX="6" refY="4" markerUnits="userSpaceOnUse" '
    'markerWidth="12" markerHeight="12" orient="auto">'
    '<path d="M6 0 V8" stroke="context-stroke" stroke-width="2.4"/></marker></defs>'
)


def laid_out(diagram: Diagram) -> Layout:
    """Place organs in columns, and nodes in their organs."""
    known = [organ for column in COLUMNS for organ in column]
    columns = [[o for o in column if o in diagram.organs] for column in COLUMNS]
    columns.append([o for o in diagram.organs if o not in known])
    places: dict[str, Place] = {}
    boxes: dict[str, tuple[float, float, float, float]] = {}
    columns = [column for column in columns if column]
    heights = [sum(_height(diagram, o) + BETWEEN for o in column) - BETWEEN for column in columns]
    tall = max(heights, default=0.0)
    for k, (column, height) in enumerate(zip(columns, heights, strict=True)):
        x, y = PAD + k * (WIDTH + 2 * PAD + ASIDE), PAD + (tall - height) / 2
        for organ in column:
            boxes[organ] = (x, y, WIDTH + 2 * PAD, _height(diagram, organ))
            for i, node in enumerate(n for n in diagram.nodes if n.organ == organ):
                places[node.name] = (x + PAD, y + HEAD + i * (HEIGHT + GAP))
            y += _height(diagram, organ) + BETWEEN
    wide = len(columns) * (WIDTH + 2 * PAD + ASIDE) - ASIDE + 2 * PAD + LOOPS
    return Layout(places, boxes, (wide, tall + 2 * PAD))


def _height(diagram: Diagram, organ: str) -> float:
    count = sum(node.organ == organ for node in diagram.nodes)
    return HEAD + count * (HEIGHT + GAP) - GAP + PAD


def _node(node: DiagramNode, place: Place, interactive: bool) -> str:
    x, y = place
    button = ' tabindex="0" role="button"' if interactive else ""
    told = "" if interactive else f"<title>{escape(node.plain or node.label)}</title>"
    return (
        f'<g class="node" data-node="{escape(node.name)}" data-of="{escape(node.of)}" '
        f'data-organ="{escape(node.organ)}"{button}>{told}'
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="7"/>'
        f'<text x="{x + 8:g}" y="{y + 15:g}">{escape(node.label)}</text>'
        f'<text class="value" x="{x + 8:g}" y="{y + 28:g}"></text></g>'
    )


def curve_of(edge: Edge, places: Mapping[str, Place]) -> Curve:
    """A curve between the facing sides of two nodes, or beside them within a column."""
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    a, b = y1 + HEIGHT / 2, y2 + HEIGHT / 2
    if x1 == x2:
        out = x1 + WIDTH
        bend = 18 + 0.12 * abs(b - a)
        return (out, a - 5), (out + bend, a), (out + bend, b), (out + 2, b + 5)
    right = x2 > x1
    start, end = (x1 + WIDTH, x2 - 2) if right else (x1, x2 + WIDTH + 2)
    bend = (0.45 * abs(end - start) + 20) * (1 if right else -1)
    a, b = a + (-4 if right else 6), b + (-4 if right else 6)
    return (start, a), (start + bend, a), (end - bend, b), (end, b)


def _edge(edge: Edge, places: Mapping[str, Place]) -> str:
    start, *rest = (f"{x:g} {y:g}" for x, y in curve_of(edge, places))
    path = f"M{start} C{' '.join(rest)}"
    kind = {1: " up", -1: " down", 0: ""}[edge.sign]
    marker = "lowers" if edge.sign < 0 else "raises"
    return (
        f'<path class="edge{kind}" data-source="{escape(edge.source)}" data-target="{escape(edge.target)}" '
        f'data-mechanisms="{escape(" ".join(edge.mechanisms))}" d="{path}" marker-end="url(#{marker})"/>'
    )


def as_mermaid(diagram: Diagram) -> str:
    """Write a diagram as Mermaid text, with one subgraph an organ; `-->` raises and `--x` lowers."""
    lines = ["flowchart LR"]
    for organ in diagram.organs:
        lines.append(f'  subgraph {_id(organ)}["{organ}"]')
        lines += [f'    {_id(n.name)}["{n.label}"]' for n in diagram.nodes if n.organ == organ]
        lines.append("  end")
    arrows = {1: "-->", -1: "--x", 0: "---"}
    lines += [f"  {_id(e.source)} {arrows[e.sign]} {_id(e.target)}" for e in diagram.edges]
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    return re.sub(r"\W", "_", name)
