"""Functions of other languages in terms of ours."""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Mapping

from mtorsim.errors import ModelError

from .grammar import chosen, condition, value

__all__ = ["FUNCTIONS", "called"]


def _own(name: str) -> Callable[..., ast.expr]:
    return lambda *args: ast.Call(ast.Name(name), [value(a) for a in args], [])


def _by(text: str, *names: str) -> Callable[..., ast.expr]:
    """A function written with ours."""
    body = ast.parse(text, mode="eval").body

    def made(*args: ast.expr) -> ast.expr:
        return placed(body, dict(zip(names, (value(a) for a in args), strict=True)))

    return made


LARGEST = 10_000
"""Parts of an equation."""


def placed(body: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """A body in which names are replaced.

    Raises
    ------
    ModelError
        If the equation would become too large, as when functions call each other many times.
    """
    sizes = {n: sum(1 for _ in ast.walk(tree)) for n, tree in values.items()}
    total = sum(sizes.get(node.id, 1) if isinstance(node, ast.Name) else 1 for node in ast.walk(body))
    if total > LARGEST:
        raise ModelError(f"an equation of {total:,} parts is too large", help="split it into named expressions")

    class Placing(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            """The name of a function is not replaced."""
            node.args = [self.visit(a) for a in node.args]
            return node

        def visit_Name(self, node: ast.Name) -> ast.expr:
            """A name."""
            return copy.deepcopy(values[node.id]) if node.id in values else node

    return Placing().visit(copy.deepcopy(body))


def _fold(name: str) -> Callable[..., ast.expr]:
    """`min` or `max` of any number of arguments."""

    def made(*args: ast.expr) -> ast.expr:
        if not args:
            raise KeyError(name)
        tree = value(args[0])
        for a in args[1:]:
            tree = ast.Call(ast.Name(name), [tree, value(a)], [])
        return tree

    return made


def _root(*args: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("sqrt"), [value(args[0])], [])


FUNCTIONS: Mapping[str, tuple[Callable[..., ast.expr], int | None]] = {
    **{n: (_own(n), 1) for n in ("exp", "log", "sqrt", "tanh", "sin", "cos", "lgamma", "softplus", "logistic")},
    "hill": (_own("hill"), 3),
    "ln": (_own("log"), 1),
    "dlog": (_own("log"), 1),
    "dexp": (_own("exp"), 1),
    "dsqrt": (_own("sqrt"), 1),
    "pow": (_by("x ** y", "x", "y"), 2),
    "power": (_by("x ** y", "x", "y"), 2),
    "log10": (_by(f"log(x) / {math.log(10)!r}", "x"), 1),
    "log2": (_by(f"log(x) / {math.log(2)!r}", "x"), 1),
    "log1p": (_by("log(1 + x)", "x"), 1),
    "expm1": (_by("exp(x) - 1", "x"), 1),
    "abs": (_by("max(x, -x)", "x"), 1),
    "fabs": (_by("max(x, -x)", "x"), 1),
    "dabs": (_by("max(x, -x)", "x"), 1),
    "square": (_by("x ** 2", "x"), 1),
    "tan": (_by("sin(x) / cos(x)", "x"), 1),
    "sinh": (_by("(exp(x) - exp(-x)) / 2", "x"), 1),
    "cosh": (_by("(exp(x) + exp(-x)) / 2", "x"), 1),
    "sec": (_by("1 / cos(x)", "x"), 1),
    "csc": (_by("1 / sin(x)", "x"), 1),
    "cot": (_by("cos(x) / sin(x)", "x"), 1),
    "sech": (_by("2 / (exp(x) + exp(-x))", "x"), 1),
    "csch": (_by("2 / (exp(x) - exp(-x))", "x"), 1),
    "coth": (_by("1 / tanh(x)", "x"), 1),
    "arctanh": (_by("log((1 + x) / (1 - x)) / 2", "x"), 1),
    "arcsinh": (_by("log(x + sqrt(x ** 2 + 1))", "x"), 1),
    "arccosh": (_by("log(x + sqrt(x ** 2 - 1))", "x"), 1),
    "factorial": (_by("exp(lgamma(x + 1))", "x"), 1),
    "gamma": (_by("exp(lgamma(x))", "x"), 1),
    "lgammafn": (_own("lgamma"), 1),
    "gamln": (_own("lgamma"), 1),
    "expit": (_own("logistic"), 1),
    "inv_logit": (_own("logistic"), 1),
    "logit": (_by("log(x / (1 - x))", "x"), 1),
    "min": (_fold("min"), None),
    "max": (_fold("max"), None),
    "fmin": (_fold("min"), 2),
    "fmax": (_fold("max"), 2),
    "pmin": (_fold("min"), None),
    "pmax": (_fold("max"), None),
    "ifelse": (lambda c, a, b: chosen(condition(c), a, b), 3),
    "where": (lambda c, a, b: chosen(condition(c), a, b), 3),
}
"""Each function, and how many arguments it takes; None for any number."""


def called(name: str, args: list[ast.expr]) -> ast.expr:
    """A function of another language with arguments.

    Raises
    ------
    KeyError
        If there is no such function, or it takes another number of arguments.
    """
    made, count = FUNCTIONS[name]
    if count is not None and count != len(args):
        raise KeyError(name)
    return made(*args)
