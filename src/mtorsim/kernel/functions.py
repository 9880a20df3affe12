"""exp, log and what models are made of, for lanes: branch-free, from + - * / and fma alone.

LLVM has no vector library here, and the system's scalar one differs between machines in the last
bit; these are the same bits everywhere. NaN goes in and comes out.
"""

from __future__ import annotations

import math

from .lanes import Lanes, absolute, exponent, fma, inlined, mantissa, nearest, scaled, select_less, splat, square_root

__all__ = [
    "absolute", "cube", "exp", "hill", "less", "log", "log1p", "logistic", "maximum", "minimum", "power",
    "softplus", "sqrt", "square", "tanh",
]  # fmt: skip

# ln 2 in two parts, the first with trailing zeros so that k * LN2_HIGH is exact.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2_E = 1.44269504088896338700
INFINITY = math.inf
NAN = math.nan
SMALLEST = 2.2250738585072014e-308
"""The smallest normal number; what lies below counts as 0."""


@inlined
def exp(x: Lanes) -> Lanes:
    """e**x within 1 ulp; 0 below -708, infinite above 709.

    x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor polynomial of degree 13 in r.
    """
    z = select_less(splat(709.0), x, splat(709.0), x)
    z = select_less(z, splat(-708.0), splat(-708.0), z)
    k = nearest(z * LOG2_E)
    r = fma(k, splat(-LN2_HIGH), z)
    r = fma(k, splat(-LN2_LOW), r)
    s = splat(1.6059043836821613e-10)  # 1/13!
    s = fma(s, r, splat(2.08767569878681e-09))
    s = fma(s, r, splat(2.505210838544172e-08))
    s = fma(s, r, splat(2.755731922398589e-07))
    s = fma(s, r, splat(2.7557319223985893e-06))
    s = fma(s, r, splat(2.48015873015873e-05))
    s = fma(s, r, splat(0.0001984126984126984))
    s = fma(s, r, splat(0.001388888888888889))
    s = fma(s, r, splat(0.008333333333333333))
    s = fma(s, r, splat(0.041666666666666664))
    s = fma(s, r, splat(0.16666666666666666))
    s = fma(s, r, splat(0.5))
    # 1 + (r + r*r*s): the largest term last keeps the error below 1 ulp.
    value = scaled(1.0 + fma(r * r, s, r), k)
    value = select_less(x, splat(-708.0), splat(0.0), value)
    return select_less(splat(709.0), x, splat(INFINITY), value)


@inlined
def log(x: Lanes) -> Lanes:
    """The natural logarithm within 1 ulp; -inf at 0, NaN below.

    x = 2**k m with m in [sqrt(1/2), sqrt(2)), and log m = log (1 + f) by an odd polynomial in
    f / (2 + f).

    References
    ----------
    Coefficients and error bound: fdlibm, e_log.c (Sun Microsystems, 1993).
    """
    m = mantissa(x)
    k = exponent(x)
    k = select_less(m, splat(1.4142135623730951), k, k + 1.0)
    m = select_less(m, splat(1.4142135623730951), m, m * 0.5)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = splat(1.531383769920937332e-01)
    even = fma(even, w, splat(2.222219843214978396e-01))
    even = fma(even, w, splat(3.999999999940941908e-01))
    odd = splat(1.479819860511658591e-01)
    odd = fma(odd, w, splat(1.818357216161805012e-01))
    odd = fma(odd, w, splat(2.857142874366239149e-01))
    odd = fma(odd, w, splat(6.666666666666735130e-01))
    series = fma(even, w, odd * z)
    half = 0.5 * f * f
    tail = fma(s, half + series, k * LN2_LOW)
    value = fma(k, splat(LN2_HIGH), f - (half - tail))
    value = select_less(x, splat(SMALLEST), splat(-INFINITY), value)
    value = select_less(x, splat(0.0), splat(NAN), value)
    return select_less(x, splat(INFINITY), value, x)


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
    return maximum(x, splat(0.0)) + log1p(exp(-absolute(x)))


@inlined
def tanh(x: Lanes) -> Lanes:
    """The hyperbolic tangent."""
    return 1.0 - 2.0 / (exp(2.0 * x) + 1.0)


@inlined
def hill(x: Lanes, k: Lanes, n: Lanes) -> Lanes:
    """x**n / (k**n + x**n) for n > 0; 0 for x <= 0."""
    value = 1.0 / (1.0 + exp(-n * log(x / k)))
    return select_less(x, splat(SMALLEST), splat(0.0), value)


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
    return select_less(a, b, splat(1.0), splat(0.0))
