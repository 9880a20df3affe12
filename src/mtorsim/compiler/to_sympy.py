"""The text of an equation as a sympy expression."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

import sympy

from mtorsim.errors import ModelError
from mtorsim.model.expressions import full_name
from mtorsim.model.model import Equation

from .subexpressions import Expr, hill, logistic, maximum, minimum, softplus, symbol

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
}


def _call(function: str, args: list[Expr]) -> Expr:
    """Apply a function to expressions; our own functions of plain numbers are evaluated here, since sympy cannot."""
    if all(a.is_number and _is_finite(a) for a in args):
        if function in ("min", "max"):
            return (min if function == "min" else max)(args)
        if function in _OF_NUMBERS:
            try:
                return sympy.Rational(repr(_OF_NUMBERS[function](*map(float, args))))
            except (ZeroDivisionError, OverflowError, TypeError):
                return sympy.nan
    return _FUNCTIONS[function](*args)


def to_sympy(equation: Equation) -> Expr:
    """Convert an equation's right-hand side, with full names and exact decimal numbers."""
    expression = _to_sympy(equation.expression.tree, equation.scope)
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


_OF_NUMBERS: dict[str, Callable[..., float]] = {
    "hill": lambda x, k, n: x**n / (k**n + x**n),
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "logistic": lambda x: 0.5 * (1.0 + math.tanh(0.5 * x)),
}


def _to_sympy(node: ast.expr, scope: Mapping[str, str]) -> Expr:
    name = full_name(node)
    if name is not None:
        return symbol(scope[name])
    if isinstance(node, ast.Constant):
        return sympy.Rational(repr(node.value))
    if isinstance(node, ast.UnaryOp):
        inner = _to_sympy(node.operand, scope)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return _call(node.func.id, [_to_sympy(a, scope) for a in node.args])
    assert isinstance(node, ast.BinOp)
    left, right = _to_sympy(node.left, scope), _to_sympy(node.right, scope)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    return left / right if isinstance(node.op, ast.Div) else left**right
