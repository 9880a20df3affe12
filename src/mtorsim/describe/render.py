"""Write a short document of headings, lines, tables and equations as text, Markdown or LaTeX."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtorsim.model.expressions import Expression, full_name

__all__ = ["FORMATS", "Block", "Formula", "Formulas", "Heading", "Paragraph", "Table", "latex_equation", "render"]


_WIDTH = 118
"""Width of plain text in columns; a long last cell is folded."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title of the document."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells; every row is as long as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Formula:
    """One equation, with the unit of its left-hand side and a note on its meaning.

    Attributes
    ----------
    name
        Left-hand side.
    operator
        `=`, or `'=` for a derivative.
    """

    name: str
    operator: str
    expression: Expression
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Formulas:
    """A group of equations."""

    items: tuple[Formula, ...]


Block = Heading | Paragraph | Table | Formulas


def render(blocks: Sequence[Block], form: str) -> str:
    """Write a document.

    Parameters
    ----------
    blocks
        The parts of the document, in order.
    form
        One of `FORMATS`.
    """
    return FORMATS[form](blocks).strip("\n") + "\n"


# ---------------------------------------------------------------- plain text


def _text(blocks: Sequence[Block]) -> str:
    return "\n".join(_text_block(b) for b in blocks)


def _text_block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{block.text}\n{'=-'[block.level > 1] * len(block.text)}"
    if isinstance(block, Paragraph):
        return textwrap.fill(block.text, _WIDTH) + "\n"
    if isinstance(block, Table):
        return _text_table(block.head, block.rows)
    rows = [
        (f"{f.name}{_mark(f)}", f"= {f.expression.text}", f"[{f.unit}]" if f.unit else "", f.note) for f in block.items
    ]
    return _text_table(None, rows)


def _mark(formula: Formula) -> str:
    return "'" if formula.operator == "'=" else ""


def _text_table(head: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns; only the last one is folded."""
    everything = [*([head] if head else []), *rows]
    if not everything:
        return ""
    widths = [max(len(row[j]) for row in everything) for j in range(len(everything[0]))]
    # One very long equation must not push the notes of all others off the screen.
    widths = [min(w, 60) for w in widths[:-1]]
    start = sum(widths) + 2 * len(widths)
    lines = []
    for row in everything:
        cells = "".join(f"{cell:<{w}}  " for cell, w in zip(row, widths, strict=False))
        folded = textwrap.wrap(row[-1], max(30, _WIDTH - start)) or [""]
        if len(cells) > start and row[-1]:
            lines.append(cells.rstrip())
            cells = " " * start
        lines += [(cells + folded[0]).rstrip(), *(" " * start + f for f in folded[1:])]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- Markdown


def _markdown(blocks: Sequence[Block]) -> str:
    return "\n".join(_markdown_block(b) for b in blocks)


def _markdown_block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}\n"
    if isinstance(block, Paragraph):
        return block.text + "\n"
    if isinstance(block, Table):
        return _markdown_table(block.head, block.rows)
    rows = []
    for f in block.items:
        left = f"d{f.name}/dt" if f.operator == "'=" else f.name
        rows.append((f"`{left}`", f"`{f.expression.text}`", f.unit, f.note))
    return _markdown_table(("name", "equation", "unit", "meaning"), rows)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines) + "\n"


# ---------------------------------------------------------------- LaTeX


def _latex(blocks: Sequence[Block]) -> str:
    head = (
        "\\documentclass{article}\n\\usepackage[landscape,margin=1.5cm]{geometry}\n\\usepackage{amsmath,longtable}\n"
        "\\allowdisplaybreaks\n\\begin{document}\n\\footnotesize\\raggedright\n"
    )
    return head + "\n".join(_latex_block(b) for b in blocks) + "\n\\end{document}\n"


_ESCAPED = re.compile(r"[\\{}_&%$#~^<>]")
_ESCAPES = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}


def _escape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        char = match.group()
        return f"${char}$" if char in "<>" else _ESCAPES.get(char, f"\\{char}")

    return _ESCAPED.sub(one, text)


def _latex_block(block: Block) -> str:
    if isinstance(block, Heading):
        kind = ("section*", "subsection*", "subsubsection*")[min(block.level, 3) - 1]
        return f"\\{kind}{{{_escape(block.text)}}}"
    if isinstance(block, Paragraph):
        return _escape(block.text) + "\n"
    if isinstance(block, Table):
        columns = "l" * (len(block.head) - 1) + "p{8cm}"
        rows = [" & ".join(_escape(c) for c in row) + " \\\\" for row in block.rows]
        head = " & ".join(_escape(h) for h in block.head)
        body = "\n".join(rows)
        return f"\\begin{{longtable}}{{{columns}}}\n{head} \\\\\\hline\n{body}\n\\end{{longtable}}"
    if not block.items:
        return ""
    lines = []
    for f in block.items:
        left = latex_name(f.name)
        left = f"\\frac{{d {left}}}{{dt}}" if f.operator == "'=" else left
        note = " ".join(x for x in (f"[{f.unit}]" if f.unit else "", f.note) if x)
        comment = f" && \\text{{\\scriptsize {_escape(note)}}}" if note else ""
        lines.append(f"{left} &= {latex_equation(f.expression)}{comment}")
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


_GREEK = {"alpha", "beta", "gamma", "delta", "kappa", "phi", "rho", "sigma", "tau", "omega"}


def latex_name(name: str) -> str:
    r"""Write a name: `w_m` as w with an index, `beta` as the letter, `mtor.R` with its module."""
    owner, _, bare = name.rpartition(".")
    head, _, index = bare.partition("_")
    shown = f"\\{head}" if head in _GREEK else head if len(head) == 1 else f"\\mathrm{{{head}}}"
    indices = [x for x in (index, owner) if x]
    if not indices:
        return shown
    inner = ",".join(i.replace("_", "\\_") for i in indices)
    return f"{shown}_{{\\mathrm{{{inner}}}}}"


def latex_equation(expression: Expression) -> str:
    """Write an equation's right-hand side in its own order, with built-up fractions and indices."""
    return _build(expression.tree, 0)


_CALLS: dict[str, str] = {
    "exp": "\\exp\\left({0}\\right)",
    "log": "\\ln\\left({0}\\right)",
    "sqrt": "\\sqrt{{{0}}}",
    "tanh": "\\tanh\\left({0}\\right)",
    "min": "\\min\\left({0},\\, {1}\\right)",
    "max": "\\max\\left({0},\\, {1}\\right)",
    "hill": "\\operatorname{{H}}\\left({0};\\, {1},\\, {2}\\right)",
    "softplus": "\\ln\\left(1 + e^{{{0}}}\\right)",
    "logistic": "\\frac{{1}}{{1 + e^{{-\\left({0}\\right)}}}}",
    "sin": "\\sin\\left({0}\\right)",
    "cos": "\\cos\\left({0}\\right)",
    "lgamma": "\\ln\\Gamma\\left({0}\\right)",
    "where": "\\begin{{cases}} {1} & {0} \\\\ {2} & \\text{{otherwise}} \\end{{cases}}",
}
_COMPARED = {ast.Lt: "<", ast.LtE: "\\le", ast.Gt: ">", ast.GtE: "\\ge"}


def _build(node: ast.expr, outer: int) -> str:
    """Write one part; `outer` is the precedence of its context: 1 sum, 2 product, 3 power."""
    name = full_name(node)
    if name is not None:
        return latex_name(name)
    if isinstance(node, ast.Constant):
        return _number(float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return _CALLS[node.func.id].format(*(_build(a, 0) for a in node.args))
    if isinstance(node, ast.UnaryOp):
        sign = "-" if isinstance(node.op, ast.USub) else "+"
        return _bracket(sign + _build(node.operand, 2), outer > 0)
    if isinstance(node, ast.Compare):
        left, right = _build(node.left, 0), _build(node.comparators[0], 0)
        return f"{left} {_COMPARED[type(node.ops[0])]} {right}"
    if isinstance(node, ast.BoolOp):
        word = "and" if isinstance(node.op, ast.And) else "or"
        return f" \\text{{ {word} }} ".join(_build(v, 0) for v in node.values)
    assert isinstance(node, ast.BinOp)
    if isinstance(node.op, ast.Div):
        return f"\\frac{{{_build(node.left, 0)}}}{{{_build(node.right, 0)}}}"
    if isinstance(node.op, ast.Pow):
        return f"{{{_build(node.left, 3)}}}^{{{_build(node.right, 0)}}}"
    if isinstance(node.op, ast.Mult):
        # A minus at the very front needs no brackets.
        left = 0 if outer == 0 and isinstance(node.left, ast.UnaryOp) else 2
        return _bracket(f"{_build(node.left, left)} \\, {_build(node.right, 2)}", outer > 2)
    sign = "+" if isinstance(node.op, ast.Add) else "-"
    right = _build(node.right, 2 if sign == "-" else 1)
    return _bracket(f"{_build(node.left, 0)} {sign} {right}", outer > 1)


def _bracket(text: str, needed: bool) -> str:
    return f"\\left({text}\\right)" if needed else text


def _number(value: float) -> str:
    text = f"{value:.12g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa} \\cdot 10^{{{int(exponent)}}}" if exponent else text


FORMATS: dict[str, Callable[[Sequence[Block]], str]] = {"text": _text, "markdown": _markdown, "latex": _latex}
"""Formats of a document."""
