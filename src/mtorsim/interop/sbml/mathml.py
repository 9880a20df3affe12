"""MathML, as libSBML holds it, as trees of ours."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mtorsim.errors import ModelError
from mtorsim.interop.flat import TIME, number
from mtorsim.interop.functions import called, placed
from mtorsim.interop.grammar import both, chosen, condition, negated, value

__all__ = ["MathReader"]

AVOGADRO = 6.02214179e23
"""As SBML defines it."""

_REFUSED = {
    "AST_FUNCTION_DELAY": "the csymbol `delay`",
    "AST_FUNCTION_RATE_OF": "the csymbol `rateOf`",
    "AST_FUNCTION_CEILING": "`ceiling`",
    "AST_FUNCTION_FLOOR": "`floor`",
    "AST_FUNCTION_QUOTIENT": "`quotient`",
    "AST_FUNCTION_REM": "`rem`",
    "AST_FUNCTION_ARCCOS": "`arccos`",
    "AST_FUNCTION_ARCSIN": "`arcsin`",
    "AST_FUNCTION_ARCTAN": "`arctan`",
    "AST_FUNCTION_ARCCOT": "`arccot`",
    "AST_FUNCTION_ARCSEC": "`arcsec`",
    "AST_FUNCTION_ARCCSC": "`arccsc`",
    "AST_FUNCTION_ARCCOTH": "`arccoth`",
    "AST_FUNCTION_ARCSECH": "`arcsech`",
    "AST_FUNCTION_ARCCSCH": "`arccsch`",
}
_CALLS = {
    "AST_FUNCTION_ABS": "abs",
    "AST_FUNCTION_EXP": "exp",
    "AST_FUNCTION_LN": "log",
    "AST_FUNCTION_SIN": "sin",
    "AST_FUNCTION_COS": "cos",
    "AST_FUNCTION_TAN": "tan",
    "AST_FUNCTION_SEC": "sec",
    "AST_FUNCTION_CSC": "csc",
    "AST_FUNCTION_COT": "cot",
    "AST_FUNCTION_SINH": "sinh",
    "AST_FUNCTION_COSH": "cosh",
    "AST_FUNCTION_TANH": "tanh",
    "AST_FUNCTION_SECH": "sech",
    "AST_FUNCTION_CSCH": "csch",
    "AST_FUNCTION_COTH": "coth",
    "AST_FUNCTION_ARCTANH": "arctanh",
    "AST_FUNCTION_ARCSINH": "arcsinh",
    "AST_FUNCTION_ARCCOSH": "arccosh",
    "AST_FUNCTION_FACTORIAL": "factorial",
    "AST_FUNCTION_MIN": "min",
    "AST_FUNCTION_MAX": "max",
}
_COMPARED = {
    "AST_RELATIONAL_LT": ast.Lt,
    "AST_RELATIONAL_LEQ": ast.LtE,
    "AST_RELATIONAL_GT": ast.Gt,
    "AST_RELATIONAL_GEQ": ast.GtE,
}
_DEEPEST = 60


@dataclass
class MathReader:
    """Reads MathML.

    Attributes
    ----------
    name
        The tree that a symbol stands for.
    functions
        Arguments and body of each function definition.
    refuse
        Makes the error for something that is not supported, from its name.
    literal
        The tree of a number with a unit.
    """

    sbml: Any
    name: Callable[[str], ast.expr]
    functions: Mapping[str, tuple[tuple[str, ...], ast.expr]]
    refuse: Callable[[str], ModelError]
    literal: Callable[[float, str], ast.expr]

    def __post_init__(self) -> None:
        self.kinds = {getattr(self.sbml, n): n for n in dir(self.sbml) if n.startswith("AST_")}

    def read(self, node: Any, depth: int = 0) -> ast.expr:
        """The tree of a number, or of a condition."""
        if node is None:
            raise self.refuse("an element without `math`")
        if depth > _DEEPEST:
            raise self.refuse("an equation nested more than 60 levels deep")
        kind = self.kinds.get(node.getType(), "")
        # Chains of + and * are nested to the left as deep as they are long; they are read level by level.
        args = lambda: [self.read(node.getChild(i), depth + 1) for i in range(node.getNumChildren())]  # noqa: E731
        if kind in _REFUSED:
            raise self.refuse(_REFUSED[kind])
        if kind in ("AST_INTEGER", "AST_REAL", "AST_REAL_E", "AST_RATIONAL"):
            return self._number(float(node.getInteger()) if kind == "AST_INTEGER" else node.getReal(), node)
        if kind in ("AST_NAME", "AST_NAME_TIME", "AST_NAME_AVOGADRO"):
            return self._symbol(kind, node)
        if kind.startswith("AST_CONSTANT_"):
            return self._constant(kind)
        if kind in ("AST_PLUS", "AST_TIMES"):
            return self._joined(args(), ast.Add() if kind == "AST_PLUS" else ast.Mult())
        if kind == "AST_MINUS":
            parts = [value(a) for a in args()]
            return ast.UnaryOp(ast.USub(), parts[0]) if len(parts) == 1 else ast.BinOp(parts[0], ast.Sub(), parts[1])
        if kind == "AST_DIVIDE":
            return self._joined(args(), ast.Div())
        if kind in ("AST_POWER", "AST_FUNCTION_POWER"):
            return self._joined(args(), ast.Pow())
        if kind == "AST_FUNCTION_ROOT":
            return self._root(args())
        if kind == "AST_FUNCTION_LOG":
            return self._logarithm(args())
        if kind == "AST_FUNCTION_PIECEWISE":
            return self._piecewise(args())
        if kind == "AST_FUNCTION":
            return self._called(node.getName(), args())
        if kind in _CALLS:
            return called(_CALLS[kind], [value(a) for a in args()])
        return self._logical(kind, args())

    def _number(self, found: float, node: Any) -> ast.expr:
        if not math.isfinite(found):
            raise self.refuse("a number that is not finite")
        return self.literal(found, node.getUnits()) if node.isSetUnits() else number(found)

    def _symbol(self, kind: str, node: Any) -> ast.expr:
        if kind == "AST_NAME_TIME":
            return ast.Name(TIME)
        return number(AVOGADRO) if kind == "AST_NAME_AVOGADRO" else self.name(node.getName())

    def _constant(self, kind: str) -> ast.expr:
        if kind in ("AST_CONSTANT_E", "AST_CONSTANT_PI"):
            return number(math.e if kind.endswith("E") else math.pi)
        if kind in ("AST_CONSTANT_TRUE", "AST_CONSTANT_FALSE"):
            op: ast.cmpop = ast.LtE() if kind.endswith("TRUE") else ast.Lt()
            return ast.Compare(ast.Constant(0), [op], [ast.Constant(0)])
        raise self.refuse("a number that is not finite")

    @staticmethod
    def _joined(parts: list[ast.expr], op: ast.operator) -> ast.expr:
        if not parts:
            return ast.Constant(0 if isinstance(op, ast.Add) else 1)
        tree = value(parts[0])
        for part in parts[1:]:
            tree = ast.BinOp(tree, op, value(part))
        return tree

    @staticmethod
    def _root(parts: list[ast.expr]) -> ast.expr:
        degree = parts[0] if len(parts) == 2 else ast.Constant(2)
        if isinstance(degree, ast.Constant) and degree.value == 2:
            return ast.Call(ast.Name("sqrt"), [value(parts[-1])], [])
        return ast.BinOp(value(parts[-1]), ast.Pow(), ast.BinOp(ast.Constant(1), ast.Div(), value(degree)))

    @staticmethod
    def _logarithm(parts: list[ast.expr]) -> ast.expr:
        """The base comes first; it is 10 if it is not given."""
        base = value(parts[0]) if len(parts) == 2 else ast.Constant(10)
        logs = [ast.Call(ast.Name("log"), [p], []) for p in (value(parts[-1]), base)]
        return ast.BinOp(logs[0], ast.Div(), logs[1])

    def _piecewise(self, parts: list[ast.expr]) -> ast.expr:
        if len(parts) % 2 == 0:
            raise self.refuse("a `piecewise` without `otherwise`")
        tree = parts[-1]
        for i in range(len(parts) - 3, -1, -2):
            tree = chosen(condition(parts[i + 1]), parts[i], tree)
        return value(tree)

    def _called(self, name: str, parts: list[ast.expr]) -> ast.expr:
        if name not in self.functions:
            raise self.refuse(f"the function `{name}`, which is not defined")
        arguments, body = self.functions[name]
        if len(arguments) != len(parts):
            raise self.refuse(f"`{name}` with {len(parts)} arguments; it has {len(arguments)}")
        return placed(body, {a: value(p) for a, p in zip(arguments, parts, strict=True)})

    def _logical(self, kind: str, parts: list[ast.expr]) -> ast.expr:
        if kind in _COMPARED:
            pairs: list[ast.expr] = [ast.Compare(value(a), [_COMPARED[kind]()], [value(b)]) for a, b in pairwise(parts)]
            return pairs[0] if len(pairs) == 1 else ast.BoolOp(ast.And(), pairs)
        if kind in ("AST_RELATIONAL_EQ", "AST_RELATIONAL_NEQ"):
            pairs = [both(value(a), value(b), kind.endswith("_EQ")) for a, b in pairwise(parts)]
            return pairs[0] if len(pairs) == 1 else ast.BoolOp(ast.And(), pairs)
        if kind in ("AST_LOGICAL_AND", "AST_LOGICAL_OR"):
            held = [condition(p) for p in parts]
            op: ast.boolop = ast.And() if kind.endswith("AND") else ast.Or()
            if not held:
                return self._constant("AST_CONSTANT_TRUE" if kind.endswith("AND") else "AST_CONSTANT_FALSE")
            return held[0] if len(held) == 1 else ast.BoolOp(op, held)
        if kind == "AST_LOGICAL_NOT":
            return negated(condition(parts[0]))
        if kind == "AST_LOGICAL_XOR":
            return self._odd([condition(p) for p in parts])
        if kind == "AST_LOGICAL_IMPLIES":
            return ast.BoolOp(ast.Or(), [negated(condition(parts[0])), condition(parts[1])])
        raise self.refuse(f"`{kind.removeprefix('AST_').lower()}`")

    def _odd(self, held: list[ast.expr]) -> ast.expr:
        """Whether an odd number of conditions hold."""
        if not held:
            return self._constant("AST_CONSTANT_FALSE")
        tree = held[0]
        for other in held[1:]:
            one = ast.BoolOp(ast.And(), [tree, negated(other)])
            tree = ast.BoolOp(ast.Or(), [one, ast.BoolOp(ast.And(), [negated(tree), other])])
        return tree
