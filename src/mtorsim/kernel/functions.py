"""What models are made of besides + - * /, for lanes: branch-free, the same bits on every machine."""

from __future__ import annotations

from mtorsim.kernel.lanes import Lanes, absolute, inlined, select_less, square_root

from .precision import SMALLEST, exp, log

__all__ = [
    "absolute",
    "cube",
    "exp",
    "hill",
    "less",
    "log",
    "log1p",
    "logistic",
    "maximum",
    "minimum",
    "power",
    "softplus",
    "sqrt",
    "square",
    "tanh",
]


@inlined
def log1p(x: Lanes) -> Lanes:
    """Log (1 + x) for x >= 0, exact to the last bits also where 1 + x rounds to 1."""
    total = 1.0 + x
    return log(total) + (x - (total - 1.0)) / total


@inlined
def power(x: Lanes, a: Lanes) -> Lanes:
    """x**a for x >= 0."""
    return exp(a * log(x))


@inlined
def square(x: Lanes) -> Lanes:
    """x**2."""
    return x * x


@inlined
def cube(x: Lanes) -> Lanes:
    """x**3."""
    return x * x * x


@inlined
def sqrt(x: Lanes) -> Lanes:
    """The square root, correctly rounded."""
    return square_root(x)


@inlined
def logistic(x: Lanes) -> Lanes:
    """1 / (1 + e**-x)."""
    return 1.0 / (1.0 + exp(-x))


@inlined
def softplus(x: Lanes) -> Lanes:
    """Log (1 + e**x)."""
    return maximum(x, 0.0) + log1p(exp(-absolute(x)))


@inlined
def tanh(x: Lanes) -> Lanes:
    """The hyperbolic tangent."""
    return 1.0 - 2.0 / (exp(2.0 * x) + 1.0)


@inlined
def hill(x: Lanes, k: Lanes, n: Lanes) -> Lanes:
    """x**n / (k**n + x**n) for n > 0; 0 for x <= 0."""
    value = 1.0 / (1.0 + exp(-n * log(x / k)))
    return select_less(x, SMALLEST, 0.0, value)


@inlined
def minimum(a: Lanes, b: Lanes) -> Lanes:
    """The smaller of two."""
    return select_less(b, a, b, a)


@inlined
def maximum(a: Lanes, b: Lanes) -> Lanes:
    """The larger of two."""
    return select_less(a, b, b, a)


@inlined
def less(a: Lanes, b: Lanes) -> Lanes:
    """1 where a < b, else 0."""
    return select_less(a, b, 1.0, 0.0)
