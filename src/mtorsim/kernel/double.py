"""Double precision: eight subjects fill a register of AVX-512, or two of AVX2.

`exp` and `log` are branch-free polynomials of + - * / and fma alone: LLVM has no vector library
here, and the system's scalar one differs between machines in the last bit; these are the same bits
everywhere. NaN goes in and comes out.
"""

from __future__ import annotations

import math

import numpy as np

from .lanes import Lanes, exponent, fma, loops, mantissa, nearest, scaled, select_less, unpacker

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

SINGLE = False
WIDTH = 8
FLOAT = np.float64
lanewise, rowwise = loops(WIDTH, single=SINGLE)
unpack = unpacker(single=SINGLE)

# ln 2 in two parts, the first with trailing zeros so that k * LN2_HIGH is exact.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2_E = 1.44269504088896338700
HALF_PI_HIGH = 1.57079632679489655800
HALF_PI_LOW = 6.12323399573676603587e-17
INFINITY = math.inf
NAN = math.nan
SMALLEST = 2.2250738585072014e-308
"""The smallest normal number; smaller ones are treated as 0."""


def narrow(a: Lanes) -> Lanes:
    """Convert from the precision of states to that of steps, which is the same here."""
    return a


def widen(a: Lanes) -> Lanes:
    """Convert from the precision of steps to that of states, which is the same here."""
    return a


def _power_of_e(z: Lanes) -> Lanes:
    """e**z within 1 ulp where it is a normal number.

    z = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor polynomial of degree 13 in r.
    """
    k = nearest(z * LOG2_E)
    r = fma(k, -LN2_HIGH, z)
    r = fma(k, -LN2_LOW, r)
    s = fma(r, 1.6059043836821613e-10, 2.08767569878681e-09)  # 1/13!, 1/12!
    s = fma(s, r, 2.505210838544172e-08)
    s = fma(s, r, 2.755731922398589e-07)
    s = fma(s, r, 2.7557319223985893e-06)
    s = fma(s, r, 2.48015873015873e-05)
    s = fma(s, r, 0.0001984126984126984)
    s = fma(s, r, 0.001388888888888889)
    s = fma(s, r, 0.008333333333333333)
    s = fma(s, r, 0.041666666666666664)
    s = fma(s, r, 0.16666666666666666)
    s = fma(s, r, 0.5)
    # 1 + (r + r*r*s): the largest term last keeps the error below 1 ulp.
    return scaled(1.0 + fma(r * r, s, r), k)


def exp(x: Lanes) -> Lanes:
    """e**x within 1 ulp; 0 below -708, infinite above 709."""
    value = select_less(x, -708.0, 0.0, _power_of_e(x))
    return select_less(709.0, x, INFINITY, value)


def logistic(x: Lanes) -> Lanes:
    """1 / (1 + e**-x); 0 below -708."""
    value = 1.0 / (1.0 + _power_of_e(-select_less(708.0, x, 708.0, x)))
    return select_less(x, -708.0, 0.0, value)


def log(x: Lanes) -> Lanes:
    """The natural logarithm within 1 ulp; -inf at 0, NaN below.

    x = 2**k m with m in [sqrt(1/2), sqrt(2)), and log m = log (1 + f) by an odd polynomial in
    f / (2 + f).

    References
    ----------
    Coefficients and error bound: fdlibm, e_log.c (Sun Microsystems, 1993).
    """
    k, f = exponent(x), mantissa(x) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = fma(w, 1.531383769920937332e-01, 2.222219843214978396e-01)
    even = fma(even, w, 3.999999999940941908e-01)
    odd = fma(w, 1.479819860511658591e-01, 1.818357216161805012e-01)
    odd = fma(odd, w, 2.857142874366239149e-01)
    odd = fma(odd, w, 6.666666666666735130e-01)
    series = fma(even, w, odd * z)
    half = 0.5 * f * f
    tail = fma(s, half + series, k * LN2_LOW)
    value = fma(k, LN2_HIGH, f - (half - tail))
    value = select_less(x, SMALLEST, -INFINITY, value)
    value = select_less(x, 0.0, NAN, value)
    return select_less(x, INFINITY, value, x)


def quarter_turns(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """The number of quarter turns in x, and the sine and cosine of the rest, at most an eighth of a turn.

    References
    ----------
    Coefficients and error bounds: fdlibm, k_sin.c and k_cos.c (Sun Microsystems, 1993).
    """
    k = nearest(x * 0.6366197723675814)
    r = fma(k, -HALF_PI_HIGH, x)
    r = fma(k, -HALF_PI_LOW, r)
    z = r * r
    s = fma(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08)
    s = fma(s, z, 2.75573137070700676789e-06)
    s = fma(s, z, -1.98412698298579493134e-04)
    s = fma(s, z, 8.33333333332248946124e-03)
    s = fma(s, z, -1.66666666666666324348e-01)
    c = fma(z, -1.13596475577881948265e-11, 2.08757232129817482790e-09)
    c = fma(c, z, -2.75573143513906633035e-07)
    c = fma(c, z, 2.48015872894767294178e-05)
    c = fma(c, z, -1.38888888888741095749e-03)
    c = fma(c, z, 4.16666666666666019037e-02)
    return k, fma(r * z, s, r), fma(z * z, c, fma(z, -0.5, 1.0))
