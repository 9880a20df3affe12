"""Small pieces of HTML for notebooks and pages: tables, cards, and a line chart as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

import numpy as np

__all__ = ["Line", "asset", "card", "details", "line_chart", "table"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Colours of a chart's lines, distinguishable by colour-blind readers (Okabe and Ito)."""
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 150, 38, 18


def asset(name: str) -> str:
    """The text of a style sheet or script that goes into pages: `page.css`, `tables.js`."""
    return (files("mtorsim.files") / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Line:
    """A line of a chart, with a band if `low` and `high` are given; all (n,)."""

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int | None = None) -> str:
    """Write a table of numbers.

    Parameters
    ----------
    head, rows
        Cells as HTML.
    words
        The column from which onwards cells are words, not numbers.
    """
    css = ["words" if words is not None and j >= words else "number" for j in range(len(head))]
    cells = "".join(f"<th class='{k}'>{h}</th>" for k, h in zip(css, head, strict=True))
    lines = ["".join(f"<td class='{k}'>{c}</td>" for k, c in zip(css, row, strict=True)) for row in rows]
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


_STYLE = """
.mtorsim table { border-collapse: collapse; font-size: 0.92em; margin: 0.3em 0; }
.mtorsim th, .mtorsim td { text-align: right; padding: 0.15em 0.7em; border-bottom: 1px solid #e4e4e4; }
.mtorsim .words, .mtorsim th:first-child, .mtorsim td:first-child { text-align: left; }
.mtorsim svg { display: inline-block; margin: 0.3em 1em 0.3em 0; }
"""


def card(title: str, about: str, *parts: str) -> str:
    """The view of an object in a notebook.

    Parameters
    ----------
    title, about
        As text; `about` is set in grey below the title.
    parts
        As HTML.
    """
    head = f"<div><strong>{escape(title)}</strong></div><div style='color: #555'>{escape(about)}</div>"
    return f"<div class='mtorsim'><style>{_STYLE}</style>{head}{''.join(parts)}</div>"


def details(title: str, body: str) -> str:
    """A part that opens on a click on its title."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def line_chart(lines: Mapping[str, Line], x: str, y: str) -> str:
    """Draw a small chart as SVG.

    Parameters
    ----------
    lines
        By name.
    x, y
        Labels of the axes, with units.
    """
    there = {name: line for name, line in lines.items() if np.isfinite(line.y).any()}
    if not there:
        return ""
    edges = [a[np.isfinite(a)] for line in there.values() for a in (line.y, line.low, line.high) if a is not None]
    low, high = float(min(e.min() for e in edges if len(e))), float(max(e.max() for e in edges if len(e)))
    low, high = (low - 1, high + 1) if high == low else (low, high)
    first = min(float(line.x[0]) for line in there.values())
    last = max(float(line.x[-1]) for line in there.values())
    across, up = (_WIDTH - _LEFT) / ((last - first) or 1.0), (_HEIGHT - _BOTTOM - 14) / (high - low)

    def points(at: np.ndarray, values: np.ndarray) -> list[str]:
        pairs = zip(at.tolist(), values.tolist(), strict=True)
        return [
            f"{_LEFT + across * (a - first):.1f},{_HEIGHT - _BOTTOM - up * (v - low):.1f}" for a, v in pairs if v == v
        ]

    parts = []
    for i, (name, line) in enumerate(there.items()):
        colour = COLOURS[i % len(COLOURS)]
        if line.low is not None and line.high is not None:
            ring = " ".join([*points(line.x, line.high), *reversed(points(line.x, line.low))])
            parts.append(f"<polygon points='{ring}' fill='{colour}' opacity='0.15'/>")
        drawn = " ".join(points(line.x, line.y))
        parts.append(f"<polyline points='{drawn}' fill='none' stroke='{colour}' stroke-width='1.6'/>")
        parts.append(f"<text x='{_LEFT + 4 + 130 * i}' y='10' fill='{colour}'>{escape(name[:20])}</text>")
    for value in (low, high):
        at = _HEIGHT - _BOTTOM - up * (value - low)
        parts.append(f"<text x='{_LEFT - 4}' y='{at + 3:.1f}' text-anchor='end'>{value:.4g}</text>")
    parts.append(f"<text x='{_WIDTH}' y='{_HEIGHT - 4}' text-anchor='end'>{escape(x)}, to {last:.4g}</text>")
    parts.append(f"<text x='{_LEFT}' y='{_HEIGHT - 4}'>{escape(y)}</text>")
    size = f"width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}'"
    return (
        f"<svg {size} font-size='10' font-family='sans-serif' xmlns='http://www.w3.org/2000/svg'>{''.join(parts)}</svg>"
    )
