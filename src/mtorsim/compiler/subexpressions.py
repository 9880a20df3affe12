"""Compute each function in the equations once, under a name that its derivative can use."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, TypeAlias

import sympy

__all__ = [
    "Assignments",
    "Expr",
    "Sharer",
    "hill",
    "less",
    "lgamma",
    "ln",
    "logistic",
    "maximum",
    "minimum",
    "rational",
    "slope",
    "softplus",
    "symbol",
    "where",
]


Expr: TypeAlias = Any
"""A sympy expression; sympy's own types are too loose for a type checker to follow."""

Assignments: TypeAlias = dict[str, Expr]


class _OfNumbers(sympy.Function):
    """A function that is evaluated if its arguments are plain numbers."""

    is_real = True

    @classmethod
    def eval(cls, *args: Expr) -> Expr | None:
        """Return the value for numbers, as the fraction that a decimal number means."""
        if not all(a.is_number for a in args):
            return None
        try:
            return sympy.Rational(repr(cls.value(*map(float, args))))
        except (ZeroDivisionError, OverflowError, TypeError, ValueError):
            return sympy.nan

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        raise NotImplementedError


class hill(_OfNumbers):
    """x**n / (K**n + x**n)."""

    nargs = 3

    @classmethod
    def eval(cls, *args: Expr) -> Expr | None:
        """`hill(0, K, n)` is 0, otherwise log(0) would appear in the generated code; `hill(x, x, n)` is 1/2."""
        if args[0].is_zero:
            return sympy.Integer(0)
        return sympy.Rational(1, 2) if args[0] == args[1] else super().eval(*args)

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        x, k, n = args
        return x**n / (k**n + x**n)


class ln(sympy.Function):
    """log x, with a finite derivative at 0, where the share computed from it is 0 or 1."""

    nargs = 1
    is_real = True

    def fdiff(self, argindex: int = 1) -> Expr:
        """Derivative by x."""
        least: Expr = maximum(self.args[0], sympy.Float("1e-30"))
        return 1 / least


class logistic(_OfNumbers):
    """1 / (1 + exp(-x))."""

    nargs = 1

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return 0.5 * (1.0 + math.tanh(0.5 * args[0]))

    def fdiff(self, argindex: int = 1) -> Expr:
        """Derivative by x."""
        return self * (1 - self)


class softplus(_OfNumbers):
    """log(1 + exp(x))."""

    nargs = 1

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return max(args[0], 0.0) + math.log1p(math.exp(-abs(args[0])))

    def fdiff(self, argindex: int = 1) -> Expr:
        """Derivative by x."""
        return logistic(self.args[0])


class minimum(_OfNumbers):
    """The smaller of two."""

    nargs = 2

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return min(args)

    def fdiff(self, argindex: int = 1) -> Expr:
        """Partial derivative."""
        a, b = self.args
        below: Expr = less(a, b)
        return below if argindex == 1 else 1 - below


class maximum(_OfNumbers):
    """The larger of two."""

    nargs = 2

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return max(args)

    def fdiff(self, argindex: int = 1) -> Expr:
        """Partial derivative."""
        a, b = self.args
        below: Expr = less(b, a)
        return below if argindex == 1 else 1 - below


class less(_OfNumbers):
    """1 where a < b, else 0."""

    nargs = 2

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return float(args[0] < args[1])

    def fdiff(self, argindex: int = 1) -> Expr:
        """Derivative, which is 0 but at the step."""
        return sympy.Integer(0)


class where(_OfNumbers):
    """The second argument where the first is 1, the third where it is 0."""

    nargs = 3

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return args[1] if args[0] else args[2]

    def fdiff(self, argindex: int = 1) -> Expr:
        """Partial derivative."""
        condition: Expr = self.args[0]
        return (sympy.Integer(0), condition, 1 - condition)[argindex - 1]


class lgamma(_OfNumbers):
    """The logarithm of the gamma function of x > 0."""

    nargs = 1

    @staticmethod
    def value(*args: float) -> float:
        """The function of numbers."""
        return math.lgamma(args[0]) if args[0] > 0 else math.nan

    def fdiff(self, argindex: int = 1) -> Expr:
        """Derivative by x."""
        return digamma(self.args[0])


class digamma(sympy.Function):
    """The derivative of `lgamma`."""

    nargs = 1
    is_real = True


_NAMED = (logistic, softplus, sympy.exp, sympy.log, sympy.tanh, sympy.sin, sympy.cos, lgamma, digamma, ln)


@cache
def symbol(name: str) -> sympy.Symbol:
    """The symbol of a quantity."""
    return sympy.Symbol(name, real=True)


@lru_cache
def rational(number: float) -> Expr:
    """The simple fraction that a number rounds: 0.016666666666666666 is 1/60."""
    return sympy.nsimplify(number, rational=True)


class Sharer:
    """Moves each function call in a list of equations to its own line, once.

    `hill(x, K, n)` becomes a logistic function of n (log x - log K): the logarithm of x is shared by all responses to
    x, and that of a parameter is computed once per subject.

    Attributes
    ----------
    constants, intermediates
        The equations so far, in order, with each new line before its first use.
    """

    def __init__(self, parameters: Iterable[str]) -> None:
        self.constants: Assignments = {}
        self.intermediates: Assignments = {}
        self._fixed = set(parameters)
        self._seen: dict[Expr, Expr] = {}

    def add(self, name: str, expression: Expr) -> None:
        """Add the next equation."""
        new = self._inner(name, expression)
        if new not in self._seen and self._is_call(new):
            self._seen[new] = symbol(name)
        self._put(name, self._seen.get(new, new) if self._seen.get(new) != symbol(name) else new)

    def rewritten(self, owner: str, expression: Expr) -> Expr:
        """The equation in terms of the new lines."""
        new = self._inner(owner, expression)
        return self._line(owner, _kind(new), new) if self._is_call(new) else new

    def _inner(self, owner: str, expression: Expr) -> Expr:
        """The equation with its parts moved to their own lines."""
        if expression.is_Atom or expression.is_number:
            return expression
        args = [self.rewritten(owner, a) for a in expression.args]
        if expression.func is hill:
            x, k, n = args
            x = x if x.is_Symbol or self._is_fixed(x) else self._line(owner, "input", x)
            return logistic(n * (self._log(owner, x) - self._log(owner, k)))
        new = expression.func(*args)
        if new.is_Pow and new.exp.is_Integer and new.exp < 0 and not self._is_fixed(new.base):
            # A division costs as much as ten products, and the derivative of 1/x can be computed from its value.
            return self._line(owner, "inverse", 1 / new.base) ** -new.exp
        if new.is_Mul:
            return self._gathered(owner, "factor", new)
        return self._gathered(owner, "offset", new) if new.is_Add else new

    def _gathered(self, owner: str, kind: str, expression: Expr) -> Expr:
        """A product or sum whose parameter-only part is computed once per subject."""
        fixed = [a for a in expression.args if self._is_fixed(a)]
        rest = [a for a in expression.args if not self._is_fixed(a)]
        part = expression.func(*fixed)
        # A parameter, with or without a sign or a numeric factor, costs nothing.
        if not rest or part.as_coeff_Mul()[1].is_Atom:
            return expression
        return expression.func(self._line(owner, kind, part), *rest)

    def _is_fixed(self, expression: Expr) -> bool:
        return all(s.name in self._fixed for s in expression.free_symbols)

    @staticmethod
    def _is_call(expression: Expr) -> bool:
        """Whether this is a function much more expensive than a product."""
        return isinstance(expression, _NAMED) or (expression.is_Pow and not expression.exp.is_Integer)

    def _log(self, owner: str, x: Expr) -> Expr:
        return sympy.log(x) if x.is_number else self._line(x.name if x.is_Symbol else owner, "log", ln(x))

    def _line(self, owner: str, kind: str, expression: Expr) -> Expr:
        if expression.is_number:
            return expression
        if expression not in self._seen:
            taken = {*self.constants, *self.intermediates}
            name = f"{owner}:{kind}"
            if name in taken:
                name = next(f"{name}{k}" for k in range(2, len(taken) + 3) if f"{name}{k}" not in taken)
            self._put(name, expression)
            self._seen[expression] = symbol(name)
        return self._seen[expression]

    def _put(self, name: str, expression: Expr) -> None:
        if {s.name for s in expression.free_symbols} <= self._fixed:
            self.constants[name] = expression
            self._fixed.add(name)
        else:
            self.intermediates[name] = expression


def _kind(call: Expr) -> str:
    if call.is_Pow:
        return "root" if call.exp == sympy.Rational(1, 2) else "power"
    return type(call).__name__


def slope(name: str, expression: Expr, variable: Expr) -> Expr:
    """Partial derivative of the equation of `name`, in terms of its value if that saves a function."""
    if expression.is_Pow and not expression.exp.is_Integer and not expression.exp.has(variable):
        # A power is 0 at 0, and so is its slope; 0 / 0 would not be a number.
        least: Expr = maximum(expression.base, sympy.Float("1e-30"))
        return expression.exp * symbol(name) / least * sympy.diff(expression.base, variable)
    if expression.is_Pow and expression.exp == -1:
        return -(symbol(name) ** 2) * sympy.diff(expression.base, variable)
    return sympy.diff(expression, variable).xreplace({expression: symbol(name)})
