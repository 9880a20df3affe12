"""Parse the text of an equation into a checked syntax tree, without ever evaluating it as code."""

from __future__ import annotations

import ast
import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mtorsim.errors import ModelError, Where, choose_from

__all__ = [
    "COMPARISONS",
    "FUNCTIONS",
    "INSTEAD",
    "Expression",
    "comparisons",
    "evaluate",
    "full_name",
    "is_identifier",
    "parse_expression",
]


# Name of each function an equation may use, and how many arguments it takes.
FUNCTIONS: dict[str, int] = {
    "exp": 1,
    "log": 1,
    "sqrt": 1,
    "tanh": 1,
    "min": 2,
    "max": 2,
    "hill": 3,
    "softplus": 1,
    "logistic": 1,
    "sin": 1,
    "cos": 1,
    "lgamma": 1,
    "where": 3,
}

_STEP = "write `where(t < T1, a, b)`, with a parameter T1 in h"
_CLOCK = "`t` is the time since the start in h; it may be used in expressions, derivatives and contributions"
INSTEAD = {
    "piecewise": _STEP,
    "if": _STEP,
    "gamma": "write `exp(lgamma(x))`",
    "factorial": "write `exp(lgamma(x + 1))`",
    "t": _CLOCK,
    "time": _CLOCK,
    "TIME": _CLOCK,
    "T": _CLOCK,
    "tad": "`tad` is the time since the last dose in h; it may be used as `t`, in a module with [doses]",
    "podo": "`last_dose` is the amount of the last dose; it may be used as `t`, in a module with [doses]",
}
"""What to write instead of a function or name that equations do not have."""

COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
"""Comparisons in the condition of `where`."""
_BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST = 2000
_DEEPEST = 60
_LARGEST_POWER = 20.0


@dataclass(frozen=True)
class Expression:
    """One equation's right-hand side.

    Attributes
    ----------
    text
        As the user wrote it.
    tree
        The checked syntax tree; holds only numbers, names, + - * / ** and `FUNCTIONS`.
    where
        Place of the text; `where.column` is the column of its first character.
    """

    text: str
    tree: ast.expr
    where: Where | None = None

    def names(self) -> dict[str, ast.expr]:
        """Every name used, with its first node, in reading order."""
        return dict(_names(self.tree))

    def at(self, node: ast.expr) -> Where | None:
        """The place of a part of the equation, for messages."""
        if self.where is None or self.where.column is None:
            return self.where
        length = (node.end_col_offset or node.col_offset + 1) - node.col_offset
        return self.where.narrowed(self.where.column + node.col_offset, length)

    def source_of(self, node: ast.expr) -> str:
        """The user's text of a part of the equation."""
        return self.text[node.col_offset : node.end_col_offset]

    def constant(self) -> float | None:
        """The value if the equation is a plain number, else None."""
        try:
            return float(evaluate(self, {}))
        except (KeyError, ZeroDivisionError, OverflowError):
            return None


def full_name(node: ast.expr) -> str | None:
    """`R` for a name, `mtor.R` for a dotted one, None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = full_name(node.value)
        return f"{head}.{node.attr}" if head else None
    return None


def is_identifier(name: str) -> bool:
    """Whether `name` is valid for a quantity: a letter, then letters, digits and underscores."""
    return bool(_NAME.fullmatch(name)) and "__" not in name and name not in FUNCTIONS


def parse_expression(text: str, where: Where | None = None) -> Expression:
    """Parse an equation; anything but arithmetic is an error.

    Raises
    ------
    ModelError
        If the text is not an equation of numbers, names, + - * / ** and `FUNCTIONS`.
    """
    if len(text) > _LONGEST:
        raise ModelError(f"an equation of {len(text)} characters is too long", where, "split it into named expressions")
    if "\n" in text or "\r" in text:
        raise ModelError("an equation must be on one line", where, "split it into named expressions")
    if "^" in text:
        raise ModelError("powers are written `**`, not `^`", _point(where, text.index("^"), 1), "write `**`")
    try:
        tree = _parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None)
        spot = _point(where, max(0, (at or 1) - 1), 1)
        raise ModelError(f"`{text}` is not an equation", spot, _hint(text)) from None
    expression = Expression(text, tree, where)
    _check(expression, tree, 0)
    return expression


@lru_cache(maxsize=8192)
def _parse(text: str) -> ast.expr:
    tree = ast.parse(text, mode="eval").body
    # Column offsets count bytes; an equation is ASCII, or its message would point wrongly.
    if not text.isascii():
        raise ValueError(text)
    return tree


def _hint(text: str) -> str | None:
    return "use ASCII letters" if not text.isascii() else None


def _point(where: Where | None, offset: int, length: int) -> Where | None:
    if where is None or where.column is None:
        return where
    return where.narrowed(where.column + offset, length)


def _check(expression: Expression, node: ast.expr, depth: int) -> None:
    if depth > _DEEPEST:
        raise ModelError("the equation is nested too deeply", expression.where, "split it into named expressions")
    for child in _children(expression, node):
        _check(expression, child, depth + 1)


def _children(expression: Expression, node: ast.expr) -> list[ast.expr]:
    """The parts of an allowed node; raises for any other."""
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return _refuse(expression, node)
        try:
            finite = math.isfinite(float(value))
        except OverflowError:
            finite = False
        if not finite:
            raise ModelError("this number is too large", expression.at(node))
        return []
    name = full_name(node)
    if name is not None:
        return [] if _good_name(name) else _refuse(expression, node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return [node.operand]
    if isinstance(node, ast.BinOp) and isinstance(node.op, _BINARY):
        if isinstance(node.op, ast.Pow):
            _check_power(expression, node)
        return [node.left, node.right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _arguments(expression, node, node.func.id)
    return _refuse(expression, node)


def _check_power(expression: Expression, node: ast.BinOp) -> None:
    """Reject huge powers: `9**9**9` must cost an error message, not an afternoon."""
    for part, limit in ((node.right, _LARGEST_POWER), (node, 1e300)):
        try:
            size = abs(_evaluate(part, {}, {"power": float.__pow__}))
        except (KeyError, TypeError):
            continue
        except (OverflowError, ZeroDivisionError):
            size = math.inf
        if not size <= limit:
            raise ModelError(f"`{expression.source_of(node)}` is too large a power", expression.at(node))


def _good_name(name: str) -> bool:
    parts = name.split(".")
    return all(is_identifier(p) for p in parts) and len(parts) <= 2


def _arguments(expression: Expression, node: ast.Call, function: str) -> list[ast.expr]:
    if function not in FUNCTIONS:
        raise ModelError(
            f"unknown function `{function}`",
            expression.at(node),
            INSTEAD.get(function) or choose_from(function, FUNCTIONS),
        )
    wanted = FUNCTIONS[function]
    if len(node.args) != wanted or any(isinstance(a, ast.Starred) for a in node.args):
        plural = "" if wanted == 1 else "s"
        raise ModelError(f"`{function}` takes {wanted} argument{plural}, not {len(node.args)}", expression.at(node))
    if function == "where":
        return [*_compared(expression, node.args[0]), *node.args[1:]]
    return node.args


def _compared(expression: Expression, node: ast.expr) -> list[ast.expr]:
    """The sides of all comparisons in a condition; raises if it is none."""
    if isinstance(node, ast.BoolOp):
        return [side for part in node.values for side in _compared(expression, part)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        return [node.left, *node.comparators]
    help = "a condition is a comparison by <, <=, > or >=, or several joined by `and` or `or`"
    raise ModelError(f"`{expression.source_of(node)}` is not a condition", expression.at(node), help)


def comparisons(node: ast.expr) -> Iterator[ast.Compare]:
    """All comparisons in an equation."""
    return (part for part in ast.walk(node) if isinstance(part, ast.Compare))


def _refuse(expression: Expression, node: ast.expr) -> list[ast.expr]:
    raise ModelError(
        f"`{expression.source_of(node)}` is not allowed in an equation",
        expression.at(node),
        "an equation may contain numbers, names, + - * / ** and " + ", ".join(FUNCTIONS),
    )


def _names(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    seen: set[str] = set()
    stack = [node]
    while stack:
        part = stack.pop()
        name = full_name(part)
        if name is not None:
            if name not in seen:
                seen.add(name)
                yield name, part
        elif isinstance(part, ast.BinOp):
            stack += [part.right, part.left]
        elif isinstance(part, ast.UnaryOp):
            stack.append(part.operand)
        elif isinstance(part, ast.Call):
            stack += reversed(part.args)
        elif isinstance(part, ast.BoolOp):
            stack += reversed(part.values)
        elif isinstance(part, ast.Compare):
            stack += [*part.comparators, part.left]


def evaluate(
    expression: Expression, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None
) -> Any:
    """Evaluate an equation for given values of its names.

    Parameters
    ----------
    expression
        The equation.
    values
        A number or array for each name.
    functions
        Implementations of `exp`, `log` ... and `power` for these values; not needed for plain arithmetic.

    Raises
    ------
    KeyError
        If a name has no value, or a function no implementation.
    """
    return _evaluate(expression.tree, values, functions or {})


def _evaluate(node: ast.expr, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    name = full_name(node)
    if name is not None:
        return values[name]
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        inner = _evaluate(node.operand, values, functions)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Call):
        arguments = [_evaluate(a, values, functions) for a in node.args]
        return functions[node.func.id](*arguments)  # type: ignore[attr-defined]
    if isinstance(node, ast.Compare):
        sides = [_evaluate(n, values, functions) for n in (node.left, node.comparators[0])]
        # `a > b` is `b < a`, and `a <= b` is not `b < a`.
        swapped = isinstance(node.ops[0], (ast.Gt, ast.LtE))
        below = functions["less"](*(sides[::-1] if swapped else sides))
        return 1.0 - below if isinstance(node.ops[0], (ast.LtE, ast.GtE)) else below
    if isinstance(node, ast.BoolOp):
        join = functions["min" if isinstance(node.op, ast.And) else "max"]
        return functools.reduce(join, (_evaluate(n, values, functions) for n in node.values))
    assert isinstance(node, ast.BinOp)
    left, right = (_evaluate(n, values, functions) for n in (node.left, node.right))
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Div):
        return left / right
    return functions["power"](left, right)
