"""The text of an equation as a sympy expression."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Mapping

import sympy

from mtorsim.errors import ModelError
from mtorsim.model.expressions import full_name
from mtorsim.model.model import Equation, Model

from .subexpressions import Expr, hill, less, lgamma, logistic, maximum, minimum, softplus, symbol, where

__all__ = ["to_sympy"]


_FUNCTIONS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "tanh": sympy.tanh,
    "min": minimum,
    "max": maximum,
    "hill": hill,
    "softplus": softplus,
    "logistic": logistic,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "lgamma": lgamma,
    "where": where,
}


def to_sympy(equation: Equation, model: Model | None = None) -> Expr:
    """Convert an equation's right-hand side, with full names and exact decimal numbers.

    With a model, comparisons of clocks with parameters are its flags.
    """
    compared = (lambda part: model.flag(equation, part)) if model is not None else (lambda _: None)
    expression = _to_sympy(equation.expression.tree, equation.scope, compared)
    for part in sympy.preorder_traversal(expression):
        if part.is_number and not _is_finite(part):
            message = f"`{equation.expression.text}` is not a finite real number for any values of its names"
            raise ModelError(message, equation.where)
    return expression


def _is_finite(number: Expr) -> bool:
    try:
        return math.isfinite(float(number))
    except (TypeError, ValueError, OverflowError):
        return False


def _to_sympy(node: ast.expr, scope: Mapping[str, str], flag: Callable[[ast.Compare], str | None]) -> Expr:
    name = full_name(node)
    if name is not None:
        return symbol(scope[name])
    if isinstance(node, ast.Constant):
        return sympy.Rational(repr(node.value))
    if isinstance(node, ast.UnaryOp):
        inner = _to_sympy(node.operand, scope, flag)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](*(_to_sympy(a, scope, flag) for a in node.args))
    if isinstance(node, ast.Compare):
        sides = [_to_sympy(n, scope, flag) for n in (node.left, node.comparators[0])]
        # `a > b` is `b < a`, and `a <= b` is not `b < a`.
        name, above = flag(node), isinstance(node.ops[0], (ast.Gt, ast.GtE))
        if name is not None:
            # The flag is 1 while the clock is below; it may stand on either side.
            clock_first = name.startswith(f"{sides[0]}:")
            return symbol(name) if clock_first != above else 1 - symbol(name)
        swapped = isinstance(node.ops[0], (ast.Gt, ast.LtE))
        below: Expr = less(*(sides[::-1] if swapped else sides))
        return 1 - below if isinstance(node.ops[0], (ast.LtE, ast.GtE)) else below
    if isinstance(node, ast.BoolOp):
        parts = [_to_sympy(n, scope, flag) for n in node.values]
        return functools.reduce(minimum if isinstance(node.op, ast.And) else maximum, parts)
    assert isinstance(node, ast.BinOp)
    left, right = _to_sympy(node.left, scope, flag), _to_sympy(node.right, scope, flag)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    return left / right if isinstance(node.op, ast.Div) else left**right
