"""Single precision: sixteen subjects fill a register of AVX-512, or two of AVX2.

States and times stay in double precision; the change of a state in a step is computed in single, with a relative error
of about 1e-7, which is negligible for tolerances near 1e-3.

`exp` and `log` are as in `double`, by shorter polynomials.
"""

from __future__ import annotations

import math

import numpy as np

from .lanes import Lanes, exponent, fma, loops, mantissa, narrow, nearest, scaled, select_less, unpacker, widen

__all__ = [
    "FLOAT",
    "SINGLE",
    "SMALLEST",
    "WIDTH",
    "exp",
    "lanewise",
    "log",
    "logistic",
    "narrow",
    "quarter_turns",
    "rowwise",
    "unpack",
    "widen",
]

SINGLE = True
WIDTH = 16
FLOAT = np.float32
lanewise, rowwise = loops(WIDTH, single=SINGLE)
unpack = unpacker(single=SINGLE)

LN2_HIGH = 6.9314575195e-01
LN2_LOW = 1.4286067653e-06
LOG2_E = 1.44269504088896338700
HALF_PI_HIGH = 1.57079637050628662109375
HALF_PI_LOW = -4.37113900018624283e-08
INFINITY = math.inf
NAN = math.nan
SMALLEST = 1.1754943508222875e-38
"""The smallest normal number; smaller ones are treated as 0."""


def _power_of_e(z: Lanes) -> Lanes:
    """e**z within 1 ulp where it is a normal number.

    z = k ln 2 + r with |r| <= ln 2 / 2, then a polynomial of degree 6 in r; its largest relative error, 3e-9, is the
    smallest possible.
    """
    k = nearest(z * LOG2_E)
    r = fma(k, -LN2_HIGH, z)
    r = fma(k, -LN2_LOW, r)
    s = fma(r, 0.00138144663, 0.00836878047)
    s = fma(s, r, 0.0416683942)
    s = fma(s, r, 0.166665201)
    s = fma(s, r, 0.499999934)
    # 1 + (r + r*r*s): the largest term last keeps the error below 1 ulp.
    return scaled(1.0 + fma(r * r, s, r), k)


def exp(x: Lanes) -> Lanes:
    """e**x within 1 ulp; 0 below -87, infinite above 88."""
    value = select_less(x, -87.0, 0.0, _power_of_e(x))
    return select_less(88.0, x, INFINITY, value)


def logistic(x: Lanes) -> Lanes:
    """1 / (1 + e**-x); 0 below -87."""
    value = 1.0 / (1.0 + _power_of_e(-select_less(87.0, x, 87.0, x)))
    return select_less(x, -87.0, 0.0, value)


def log(x: Lanes) -> Lanes:
    """The natural logarithm within 1 ulp; -inf at 0, NaN below.

    x = 2**k m with m in [sqrt(1/2), sqrt(2)), and log m = log (1 + f) by a polynomial of degree 10 in f; its largest
    relative error, 6e-9, is the smallest possible.
    """
    k, f = exponent(x), mantissa(x) - 1.0
    z = f * f
    s = fma(f, -0.0763449636, 0.127615769)
    s = fma(s, f, -0.131601824)
    s = fma(s, f, 0.14201758)
    s = fma(s, f, -0.166233573)
    s = fma(s, f, 0.200012269)
    s = fma(s, f, -0.25000821)
    s = fma(s, f, 0.333333317)
    rest = fma(z, -0.5, fma(f * z, s, k * LN2_LOW))
    value = fma(k, LN2_HIGH, f + rest)
    value = select_less(x, SMALLEST, -INFINITY, value)
    value = select_less(x, 0.0, NAN, value)
    return select_less(x, INFINITY, value, x)


def quarter_turns(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """The number of quarter turns in x, and the sine and cosine of the rest; as in `double`, with Taylor series."""
    k = nearest(x * 0.6366197723675814)
    r = fma(k, -HALF_PI_HIGH, x)
    r = fma(k, -HALF_PI_LOW, r)
    z = r * r
    s = fma(z, 2.7557319e-06, -1.9841270e-04)
    s = fma(s, z, 8.3333333e-03)
    s = fma(s, z, -1.6666667e-01)
    c = fma(z, 2.4801587e-05, -1.3888889e-03)
    c = fma(c, z, 4.1666667e-02)
    return k, fma(r * z, s, r), fma(z * z, c, fma(z, -0.5, 1.0))
