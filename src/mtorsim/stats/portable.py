"""exp, log and the normal quantile for arrays, from + - x / and square root only.

Drawn subjects must be identical to the bit on every machine; the system's mathematics library is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["FUNCTIONS", "exp", "log", "normal_quantile", "power"]


_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_LOG2_E = 1.44269504088896338700
_INVERSE_FACTORIALS = [
    1.6059043836821613e-10,
    2.08767569878681e-09,
    2.505210838544172e-08,
    2.755731922398589e-07,
    2.7557319223985893e-06,
    2.48015873015873e-05,
    0.0001984126984126984,
    0.001388888888888889,
    0.008333333333333333,
    0.041666666666666664,
    0.16666666666666666,
    0.5,
]


def _polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    """Evaluate a polynomial by Horner's rule, highest power first."""
    total = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


def exp(x: Any) -> np.ndarray:
    """e**x, within 2 ulp; 0 below -708, infinite above 709, NaN for NaN; any shape."""
    given = np.asarray(x, float)
    z = np.clip(np.where(np.isnan(given), 0.0, given), -708.0, 709.0)
    k = np.floor(z * _LOG2_E + 0.5)
    r = (z - k * _LN2_HIGH) - k * _LN2_LOW
    value = 1.0 + (r + r * r * _polynomial(_INVERSE_FACTORIALS, r))
    value = np.ldexp(value, k.astype(np.int64))
    value = np.where(given < -708.0, 0.0, np.where(given > 709.0, np.inf, value))
    return np.where(np.isnan(given), np.nan, value)


def log(x: Any) -> np.ndarray:
    """The natural logarithm, within 1 ulp; -inf at 0, NaN below; any shape.

    References
    ----------
    fdlibm, e_log.c (Sun Microsystems, 1993).
    """
    given = np.asarray(x, float)
    positive = (given > 0) & np.isfinite(given)
    m, k = np.frexp(np.where(positive, given, 1.0))
    small = m < 0.7071067811865476
    m = np.where(small, m * 2.0, m)
    k = np.where(small, k - 1, k).astype(float)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * _polynomial([1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01], w)
    odd = z * _polynomial(
        [1.479819860510658591e-01, 1.818357216161805012e-01, 2.857142874366239149e-01, 6.666666666666735130e-01], w
    )
    half = 0.5 * f * f
    value = k * _LN2_HIGH - ((half - (s * (half + (even + odd)) + k * _LN2_LOW)) - f)
    return np.where(positive, value, np.where(given == 0, -np.inf, np.where(given == np.inf, np.inf, np.nan)))


def power(x: Any, a: Any) -> np.ndarray:
    """x**a; integer powers by multiplication, others for positive x only."""
    a = np.asarray(a, float)
    if a.ndim == 0 and a == np.rint(a) and abs(a) <= 64:
        x = np.asarray(x, float)
        value = np.ones_like(x)
        for _ in range(int(abs(a))):
            value = value * x
        return value if a >= 0 else 1.0 / value
    return exp(a * log(x))


def logistic(x: Any) -> np.ndarray:
    """1 / (1 + e**-x)."""
    return 1.0 / (1.0 + exp(-np.asarray(x, float)))


def softplus(x: Any) -> np.ndarray:
    """Log (1 + e**x)."""
    x = np.asarray(x, float)
    return np.maximum(x, 0.0) + log(1.0 + exp(-np.abs(x)))


def tanh(x: Any) -> np.ndarray:
    """The hyperbolic tangent."""
    return 1.0 - 2.0 / (exp(2.0 * np.asarray(x, float)) + 1.0)


def hill(x: Any, k: Any, n: Any) -> np.ndarray:
    """x**n / (k**n + x**n); 0 for x <= 0."""
    x = np.asarray(x, float)
    return np.where(x > 0, logistic(n * (log(x) - log(k))), 0.0)


_SIN = [
    1.58969099521155010221e-10,
    -2.50507602534068634195e-08,
    2.75573137070700676789e-06,
    -1.98412698298579493134e-04,
    8.33333333332248946124e-03,
    -1.66666666666666324348e-01,
]
_COS = [
    -1.13596475577881948265e-11,
    2.08757232129817482790e-09,
    -2.75573143513906633035e-07,
    2.48015872894767294178e-05,
    -1.38888888888741095749e-03,
    4.16666666666666019037e-02,
]
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
"""Half of pi in parts, the first with trailing zeros, so that its product with a small whole number is exact."""


def _wave(x: Any, ahead: int) -> np.ndarray:
    """The sine, some quarter turns ahead.

    References
    ----------
    fdlibm, k_sin.c and k_cos.c (Sun Microsystems, 1993).
    """
    given = np.asarray(x, float)
    sound = np.where(np.isfinite(given), given, 0.0)
    k = np.rint(sound * 0.6366197723675814)
    r = ((sound - k * _HALF_PI[0]) - k * _HALF_PI[1]) - k * _HALF_PI[2]
    z = r * r
    s, c = r + r * z * _polynomial(_SIN, z), 1.0 - 0.5 * z + z * z * _polynomial(_COS, z)
    turn = np.mod(k + ahead, 4.0)
    value = np.where(turn % 2 == 1, c, s) * np.where(turn >= 2, -1.0, 1.0)
    return np.where(np.isfinite(given), value, np.nan)


def sin(x: Any) -> np.ndarray:
    """The sine of radians."""
    return _wave(x, 0)


def cos(x: Any) -> np.ndarray:
    """The cosine of radians."""
    return _wave(x, 1)


def lgamma(x: Any) -> np.ndarray:
    """The logarithm of the gamma function of x > 0, by Stirling's series of x + 8; NaN below."""
    x = np.asarray(x, float)
    y, rising = x + 8.0, x
    for k in range(1, 8):
        rising = rising * (x + k)
    z = 1.0 / (y * y)
    series = _polynomial([1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12], z) / y
    return np.where(x > 0, (y - 0.5) * log(y) - y + 0.9189385332046728 + series - log(rising), np.nan)


_CENTRE = (
    [
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ],
    [
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ],
)
_TAIL = (
    [
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ],
    [
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ],
)
_FAR_TAIL = (
    [
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ],
    [
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ],
)


def _ratio(coefficients: tuple[list[float], list[float]], x: np.ndarray) -> np.ndarray:
    return _polynomial(coefficients[0], x) / _polynomial(coefficients[1], x)


def normal_quantile(u: Any) -> np.ndarray:
    """The standard normal deviate below which the share `u` lies, 0 < u < 1; any shape.

    References
    ----------
    Wichura, Applied Statistics 37 (1988) 477, algorithm AS 241 (PPND16, relative error 1e-16).
    """
    u = np.asarray(u, float)
    q = u - 0.5
    centre = q * _ratio(_CENTRE, 0.180625 - q * q)
    r = np.sqrt(-log(np.where(q < 0, u, 1.0 - u)))
    tail = np.where(r <= 5.0, _ratio(_TAIL, r - 1.6), _ratio(_FAR_TAIL, r - 5.0))
    return np.where(np.abs(q) <= 0.425, centre, np.where(q < 0, -tail, tail))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "log": log,
    "sqrt": np.sqrt,
    "power": power,
    "tanh": tanh,
    "hill": hill,
    "softplus": softplus,
    "logistic": logistic,
    "min": np.minimum,
    "max": np.maximum,
    "sin": sin,
    "cos": cos,
    "lgamma": lgamma,
    "less": lambda a, b: np.where(np.less(a, b), 1.0, 0.0),
    "where": lambda condition, yes, no: np.where(np.asarray(condition) > 0.5, yes, no),
}
"""Functions for equations of parameters of drawn subjects."""
