"""Print equations in the words of a language."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .functions import placed

__all__ = ["WRITTEN_OUT", "Dialect", "inlined", "printed"]

_ADD, _MULTIPLY, _SIGN, _POWER, _ATOM = 1, 2, 3, 4, 5
_SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def _plain(node: ast.Constant) -> str:
    return repr(node.value)


@dataclass(frozen=True)
class Dialect:
    """How a language writes equations.

    Attributes
    ----------
    power
        Its operator, or `pow(` for a function.
    functions
        Its name of each function that it has; others must be inlined before.
    choice
        `where(condition, a, b)`, with three places.
    conjunction, disjunction
        Its `and` and `or`, between their parts.
    time
        Its name of the time.
    compared
        Its comparisons.
    literal
        Writes a number.
    """

    power: str
    functions: Mapping[str, str]
    choice: str
    conjunction: str = " && "
    disjunction: str = " || "
    time: str = "t"
    compared: Mapping[type, str] = field(default_factory=lambda: dict(_COMPARED))
    literal: Callable[[ast.Constant], str] = _plain
    renamed: Mapping[str, str] = field(default_factory=dict)


def printed(tree: ast.expr, dialect: Dialect) -> str:
    """An equation or a condition in a language."""
    printer = _Printer(dialect)
    return printer.condition(tree) if isinstance(tree, (ast.Compare, ast.BoolOp)) else printer.text(tree)[0]


class _Printer:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def text(self, node: ast.AST) -> tuple[str, int]:
        """The text of a part, and how strongly it holds together."""
        d = self.dialect
        if isinstance(node, ast.Constant):
            return d.literal(node), _ATOM
        if isinstance(node, ast.Name):
            return d.renamed.get(node.id, d.time if node.id == "t" else node.id), _ATOM
        if isinstance(node, ast.UnaryOp):
            sign = "-" if isinstance(node.op, ast.USub) else ""
            return f"{sign}{self.part(node.operand, _SIGN)}", _SIGN if sign else _ATOM
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.Call):
            return self._call(node), _ATOM
        raise TypeError(ast.dump(node))

    def part(self, node: ast.expr, level: int) -> str:
        """A part, in parentheses if it holds together less than `level`."""
        text, own = self.text(node)
        return text if own >= level else f"({text})"

    def _binary(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Pow):
            if self.dialect.power.endswith("("):
                return f"{self.dialect.power}{self.text(node.left)[0]}, {self.text(node.right)[0]})", _ATOM
            return f"{self.part(node.left, _ATOM)}{self.dialect.power}{self.part(node.right, _ATOM)}", _POWER
        level = _ADD if isinstance(node.op, (ast.Add, ast.Sub)) else _MULTIPLY
        # The right side of - and / binds tighter; that of + and * is kept as it was, so that no rounding changes.
        # Fortran has no two operators in a row.
        tight = _POWER if isinstance(node.right, ast.UnaryOp) else level + 1
        return f"{self.part(node.left, level)} {_SYMBOLS[type(node.op)]} {self.part(node.right, tight)}", level

    def _call(self, node: ast.Call) -> str:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "where":
            yes, no = (self.text(a)[0] for a in node.args[1:])
            return self.dialect.choice.format(self.condition(node.args[0]), yes, no)
        return f"{self.dialect.functions[name]}({', '.join(self.text(a)[0] for a in node.args)})"

    def condition(self, node: ast.expr) -> str:
        """A comparison, or several."""
        if isinstance(node, ast.BoolOp):
            word = self.dialect.conjunction if isinstance(node.op, ast.And) else self.dialect.disjunction
            parts = [self.condition(v) for v in node.values]
            return word.join(
                f"({p})" if isinstance(v, ast.BoolOp) else p for p, v in zip(parts, node.values, strict=True)
            )
        assert isinstance(node, ast.Compare)
        left, right = self.text(node.left)[0], self.text(node.comparators[0])[0]
        return f"{left} {self.dialect.compared[type(node.ops[0])]} {right}"


WRITTEN_OUT = {
    "hill": (("x", "K", "n"), "(max(x, 0) / K) ** n / (1 + (max(x, 0) / K) ** n)"),
    "logistic": (("x",), "1 / (1 + exp(-x))"),
    # The larger term is taken out of the logarithm, so that no exponential overflows.
    "softplus": (("x",), "max(x, 0) + log(1 + exp(-max(x, -x)))"),
    "tanh": (("x",), "1 - 2 / (exp(2 * x) + 1)"),
    "max": (("a", "b"), "where(a > b, a, b)"),
    "min": (("a", "b"), "where(a < b, a, b)"),
}
"""Arguments and body of functions that some languages do not have."""


def inlined(tree: ast.expr, known: Mapping[str, str]) -> ast.expr:
    """An equation in which functions that a language does not have are written out.

    Parameters
    ----------
    known
        The functions that it has.
    """
    return _Inlining(known).visit(copy.deepcopy(tree))


class _Inlining(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Replace a function by its definition."""
        assert isinstance(node.func, ast.Name)
        name, args = node.func.id, [self.visit(a) for a in node.args]
        if name in self.known or name not in WRITTEN_OUT:
            return ast.Call(node.func, args, [])
        names, body = WRITTEN_OUT[name]
        values = dict(zip(names, args, strict=True))
        return self.visit(placed(ast.parse(body, mode="eval").body, values))
