"""The operations of lanes on NumPy rows: what runs where numba's compiler is switched off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Row = np.ndarray
Value = np.ndarray | float


def loader(width: int) -> Callable[[Row, int], Row]:
    """Loads row `index` of an array (rows, width)."""
    return lambda array, index: array[index].copy()


def storer(width: int) -> Callable[[Row, int, Value], None]:
    """Puts a value into row `index` of an array (rows, width)."""

    def store(array: Row, index: int, value: Value) -> None:
        array[index] = value

    return store


def spreader(width: int, *, single: bool) -> Callable[[float], Row]:
    """Puts one number in every lane."""
    return lambda value: np.full(width, float(value), np.float32 if single else np.float64)


def narrow(a: Row) -> Row:
    """Doubles rounded to single precision."""
    return a.astype(np.float32)


def widen(a: Row) -> Row:
    """Single precision as doubles."""
    return a.astype(np.float64)


def absolute(a: Value) -> Row:
    """|a|."""
    return np.abs(a)


def square_root(a: Row) -> Row:
    """The square root, correctly rounded."""
    return np.sqrt(a)


def nearest(a: Row) -> Row:
    """The nearest whole number, halves to even."""
    return np.rint(a)


def fma(a: Value, b: Value, c: Value) -> Row:
    """A * b + c; rounded once in compiled code, twice here."""
    return np.asarray(a * b + c)


def select_less(a: Value, b: Value, yes: Value, no: Value) -> Row:
    """`yes` where a < b, else `no` (also where either is not a number)."""
    return np.where(a < b, yes, no)


def any_less(a: Value, b: Value) -> bool:
    """Whether a < b in any lane."""
    return bool(np.any(a < b))


def scaled(a: Row, power: Row) -> Row:
    """A * 2**power for whole powers within the range of normal numbers."""
    return np.ldexp(a, power.astype(np.int64))


def exponent(a: Row) -> Row:
    """The exponent of 2 in a positive normal number."""
    return np.frexp(a)[1] - a.dtype.type(1.0)


def mantissa(a: Row) -> Row:
    """The number in [1, 2) that is left when its power of 2 is taken out."""
    return np.frexp(a)[0] * 2.0
