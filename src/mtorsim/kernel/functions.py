"""Functions of models besides + - * /, for lanes: branch-free, with the same bits on every machine."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from mtorsim.kernel import double, single
from mtorsim.kernel.lanes import (
    Lanes,
    absolute,
    fma,
    lane_function,
    load,
    nearest,
    select_less,
    spread,
    square_root,
    store,
)

__all__ = [
    "absolute",
    "cos",
    "cube",
    "digamma",
    "exp",
    "fma",
    "hill",
    "less",
    "lgamma",
    "load",
    "log",
    "log1p",
    "logistic",
    "maximum",
    "minimum",
    "power",
    "sin",
    "softplus",
    "spread",
    "sqrt",
    "square",
    "store",
    "tanh",
    "where",
]


def _precision(x: Lanes | np.ndarray) -> ModuleType:
    """The module that holds the functions of a value's precision."""
    return single if (x.single if isinstance(x, Lanes) else x.dtype == np.float32) else double


@lane_function
def exp(x: Lanes) -> Lanes:
    """e**x within 1 ulp."""
    return _precision(x).exp(x)


@lane_function
def log(x: Lanes) -> Lanes:
    """The natural logarithm within 1 ulp; -inf at 0, NaN below."""
    return _precision(x).log(x)


@lane_function
def log1p(x: Lanes) -> Lanes:
    """Log (1 + x) for x >= 0, exact to the last bits also where 1 + x rounds to 1."""
    total = 1.0 + x
    return log(total) + (x - (total - 1.0)) / total


@lane_function
def power(x: Lanes, a: Lanes) -> Lanes:
    """x**a for x >= 0."""
    return exp(a * log(x))


@lane_function
def square(x: Lanes) -> Lanes:
    """x**2."""
    return x * x


@lane_function
def cube(x: Lanes) -> Lanes:
    """x**3."""
    return x * x * x


@lane_function
def sqrt(x: Lanes) -> Lanes:
    """The square root, correctly rounded."""
    return square_root(x)


@lane_function
def logistic(x: Lanes) -> Lanes:
    """1 / (1 + e**-x)."""
    return _precision(x).logistic(x)


@lane_function
def softplus(x: Lanes) -> Lanes:
    """Log (1 + e**x)."""
    return maximum(x, 0.0) + log1p(exp(-absolute(x)))


@lane_function
def tanh(x: Lanes) -> Lanes:
    """The hyperbolic tangent."""
    return 1.0 - 2.0 / (exp(2.0 * x) + 1.0)


@lane_function
def hill(x: Lanes, k: Lanes, n: Lanes) -> Lanes:
    """x**n / (k**n + x**n) for n > 0; 0 for x <= 0."""
    value = logistic(n * log(x / k))
    return select_less(x, _precision(x).SMALLEST, 0.0, value)


@lane_function
def sin(x: Lanes) -> Lanes:
    """The sine, to 1e-16 plus the rounding of x; x is in radians, up to 1e6."""
    own = _precision(x)
    k, s, c = own.quarter_turns(x)
    turn = k - 4.0 * nearest(0.25 * k)
    odd = absolute(absolute(turn) - 1.0)
    return select_less(odd, 0.5, turn * c, (1.0 - absolute(turn)) * s)


@lane_function
def cos(x: Lanes) -> Lanes:
    """The cosine, as `sin`."""
    own = _precision(x)
    k, s, c = own.quarter_turns(x)
    turn = k - 4.0 * nearest(0.25 * k)
    odd = absolute(absolute(turn) - 1.0)
    return select_less(odd, 0.5, -turn * s, (1.0 - absolute(turn)) * c)


@lane_function
def lgamma(x: Lanes) -> Lanes:
    """The logarithm of the gamma function of x > 0, by Stirling's series of x + 8; NaN below.

    The error is at most 1e-14 of the larger of 1 and the result.
    """
    y = x + 8.0
    rising = x * (x + 1.0) * (x + 2.0) * (x + 3.0) * (x + 4.0) * (x + 5.0) * (x + 6.0) * (x + 7.0)
    z = 1.0 / (y * y)
    series = fma(z, 1 / 156, -691 / 360360)
    for coefficient in (1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = fma(series, z, coefficient)
    series = series / y
    return (y - 0.5) * log(y) - y + 0.9189385332046728 + series - log(rising)


@lane_function
def digamma(x: Lanes) -> Lanes:
    """The derivative of `lgamma`."""
    y = x + 8.0
    below = 1.0 / x
    for k in range(1, 8):
        below = below + 1.0 / (x + float(k))
    z = 1.0 / (y * y)
    series = z * fma(fma(fma(z, 1 / 240, -1 / 252), z, 1 / 120), z, -1 / 12)
    return log(y) - 0.5 / y + series - below


@lane_function
def where(condition: Lanes, yes: Lanes, no: Lanes) -> Lanes:
    """`yes` where the condition is 1, `no` where it is 0."""
    return select_less(0.5, condition, yes, no)


@lane_function
def minimum(a: Lanes, b: Lanes | float) -> Lanes:
    """The smaller of two."""
    return select_less(b, a, b, a)


@lane_function
def maximum(a: Lanes, b: Lanes | float) -> Lanes:
    """The larger of two."""
    return select_less(a, b, b, a)


@lane_function
def less(a: Lanes, b: Lanes | float) -> Lanes:
    """1 where a < b, else 0."""
    return select_less(a, b, 1.0, 0.0)
