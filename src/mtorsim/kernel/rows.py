"""The operations of lanes on NumPy rows: what runs where numba's compiler is switched off."""

from __future__ import annotations

import numpy as np

from mtorsim.kernel import WIDTH

Row = np.ndarray


def load(array: Row, index: int) -> Row:
    """Row `index` of an array (rows, WIDTH)."""
    return array[index].copy()


def store(array: Row, index: int, value: Row | float) -> None:
    """Put a value into row `index` of an array (rows, WIDTH)."""
    array[index] = value


def splat(value: float) -> Row:
    """One number in every lane."""
    return np.full(WIDTH, float(value))


def absolute(a: Row) -> Row:
    """|a|."""
    return np.abs(a)


def square_root(a: Row) -> Row:
    """The square root, correctly rounded."""
    return np.sqrt(a)


def nearest(a: Row) -> Row:
    """The nearest whole number, halves to even."""
    return np.rint(a)


def fma(a: Row, b: Row, c: Row) -> Row:
    """A * b + c; rounded once in compiled code, twice here."""
    return a * b + c


def select_less(a: Row, b: Row, yes: Row, no: Row) -> Row:
    """`yes` where a < b, else `no` (also where either is not a number)."""
    return np.where(a < b, yes, no)


def any_less(a: Row, b: Row) -> bool:
    """Whether a < b in any lane."""
    return bool(np.any(a < b))


def scaled(a: Row, power: Row) -> Row:
    """A * 2**power for whole powers from -1022 to 1023."""
    return np.ldexp(a, power.astype(np.int64))


def exponent(a: Row) -> Row:
    """The exponent of 2 in a positive normal number."""
    return np.frexp(a)[1] - 1.0


def mantissa(a: Row) -> Row:
    """The number in [1, 2) that is left when its power of 2 is taken out."""
    return np.frexp(a)[0] * 2.0
