"""Operations of lanes on NumPy rows, used if numba's compiler is disabled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

ROOT_HALF = math.sqrt(0.5)
Row = np.ndarray
Value = np.ndarray | float


def quiet() -> np.errstate:
    """A context without warnings, since the contents of empty lanes do not matter."""
    return np.errstate(all="ignore")


def filled(array: Row, number: float) -> Row:
    """A row of an array filled with a number."""
    return np.full(array.shape[1], number, array.dtype)


def loop(body: Callable[..., Any], moving: Sequence[bool]) -> Callable[..., bool]:
    """Execute `body` for all lanes, and for every row of the first argument if arguments advance."""

    def done(*args: Any) -> bool:
        with quiet():
            if not any(moving):
                answer = body(*args)
                return answer is not None and bool(np.any(answer > 0.5))
            for i in range(len(args[0])):
                body(*(a if not m else a[i] if a.ndim == 1 else a[i:] for a, m in zip(args, moving, strict=True)))
            return False

    return done


def unpacker(*, single: bool) -> Callable[[list[Any], Any, int], Any]:
    """Return a function that takes a group of arguments out of a table."""
    return lambda table, group, first: group(*table[first : first + len(group._fields)])


def rows_from(array: Row, first: int) -> Row:
    """The rows of an array from `first` onwards."""
    return array[first:]


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
    """A * b + c; rounded once in single precision, as in compiled code, twice in double."""
    exact = np.multiply(a, b, dtype=float) + np.asarray(c, float)
    return exact.astype(np.result_type(*(x for x in (a, b, c) if isinstance(x, np.ndarray))))


def select_less(a: Value, b: Value, yes: Value, no: Value) -> Row:
    """`yes` where a < b, else `no` (also where either is not a number)."""
    return np.where(a < b, yes, no)


def scaled(a: Row, power: Row) -> Row:
    """A * 2**power for whole powers within the range of normal numbers."""
    return np.ldexp(a, power.astype(np.int64))


def exponent(a: Row) -> Row:
    """The power of 2 in a positive normal number, of which a factor from sqrt(1/2) to sqrt(2) is left."""
    fraction, power = np.frexp(a)
    return (power - np.where(fraction < a.dtype.type(ROOT_HALF), 1, 0)).astype(a.dtype)


def mantissa(a: Row) -> Row:
    """That factor."""
    fraction = np.frexp(a)[0]
    return np.where(fraction < a.dtype.type(ROOT_HALF), fraction * a.dtype.type(2.0), fraction)
