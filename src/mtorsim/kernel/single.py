"""Single precision: sixteen subjects fill a register of AVX-512, or two of AVX2.

States and times stay in double precision; the change of a state in a step is computed in single, with a relative error
of about 1e-7, which is negligible for tolerances near 1e-3.

`exp` and `log` are as in `double`, shorter.
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


def exp(x: Lanes) -> Lanes:
    """e**x within 1 ulp; 0 below -87, infinite above 88.

    x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor polynomial of degree 7 in r.
    """
    z = select_less(88.0, x, 88.0, x)
    z = select_less(z, -87.0, -87.0, z)
    k = nearest(z * LOG2_E)
    r = fma(k, -LN2_HIGH, z)
    r = fma(k, -LN2_LOW, r)
    s = fma(r, 0.0001984126984126984, 0.001388888888888889)  # 1/7!, 1/6!
    s = fma(s, r, 0.008333333333333333)
    s = fma(s, r, 0.041666666666666664)
    s = fma(s, r, 0.16666666666666666)
    s = fma(s, r, 0.5)
    # 1 + (r + r*r*s): the largest term last keeps the error below 1 ulp.
    value = scaled(1.0 + fma(r * r, s, r), k)
    value = select_less(x, -87.0, 0.0, value)
    return select_less(88.0, x, INFINITY, value)


def log(x: Lanes) -> Lanes:
    """The natural logarithm within 1 ulp; -inf at 0, NaN below.

    As in `double`, with a shorter polynomial.

    References
    ----------
    Coefficients and error bound: fdlibm, e_logf.c (Sun Microsystems, 1993).
    """
    m = mantissa(x)
    k = exponent(x)
    k = select_less(m, 1.4142135623730951, k, k + 1.0)
    m = select_less(m, 1.4142135623730951, m, m * 0.5)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = fma(w, 2.4279078841e-01, 4.0000972152e-01)
    odd = fma(w, 2.8498786688e-01, 6.6666662693e-01)
    series = fma(even, w, odd * z)
    half = 0.5 * f * f
    tail = fma(s, half + series, k * LN2_LOW)
    value = fma(k, LN2_HIGH, f - (half - tail))
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
