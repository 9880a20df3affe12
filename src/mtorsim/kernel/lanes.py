"""Several subjects as one value (lanes), and operations on it: written once, run in three ways.

Code for lanes is straight-line Python: it loads rows, computes values and stores rows. It is run

- traced, by values that write LLVM instructions (`packed`): loops of the solver and the equations of a model become
packed machine code;
- traced, by values that write a tape for the interpreter (`mtorsim.compiler.tape`): equations that are not compiled;
- directly, on NumPy rows, if NUMBA_DISABLE_JIT=1 disables the compiler, for a debugger, coverage and bounds checks.

No operation combines lanes, and the compiler never fuses, reorders or approximates any: a subject's digits depend on
the subject alone, and are the same in all three ways. A fused multiply-add is written `fma`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

import numba as nb

from mtorsim.kernel import calls, rows, view
from mtorsim.kernel.trace import Lanes, Memory

__all__ = [
    "JIT",
    "Lanes",
    "absolute",
    "call",
    "call_stepper",
    "compiled",
    "exponent",
    "fma",
    "inlined",
    "lane_function",
    "load",
    "loops",
    "mantissa",
    "narrow",
    "nearest",
    "rows_from",
    "scaled",
    "select_less",
    "spread",
    "square_root",
    "store",
    "unpacker",
    "widen",
]

STEPPER = 8
"""Place of the stepper in a program's code, after the functions of the model."""

JIT = not nb.core.config.DISABLE_JIT  # pyright: ignore[reportAttributeAccessIssue]
"""Whether numba compiles."""

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
compiled: Callable[..., Any] = nb.njit(**_OPTIONS, cache=True)
"""Decorator of functions that Python calls: no interpreter lock, no fastmath, cached on disk."""
inlined: Callable[..., Any] = nb.njit(**_OPTIONS, inline="always")
"""Decorator of inner functions: compiled together with their caller, which is quicker."""

F = TypeVar("F", bound=Callable[..., Any])


def load(array: Any, row: int) -> Any:
    """The value of a row."""
    return array.load(row) if isinstance(array, Memory) else array[row].copy()


def store(array: Any, row: int, value: Any) -> None:
    """Store a value, or a number for all lanes, in a row."""
    if isinstance(array, Memory):
        array.store(row, value)
    else:
        array[row] = value


def spread(array: Any, number: float) -> Any:
    """Broadcast a number to all lanes, in the precision of `array`."""
    return array.spread(number) if isinstance(array, Memory) else rows.filled(array, number)


def lane_function(function: F) -> F:
    """Decorator of a function of lanes: a trace may record it by name instead of recording its operations."""

    @wraps(function)
    def known(*args: Any) -> Any:
        for a in args:
            if isinstance(a, Lanes):
                return a.call(function.__name__, function, args)
        return function(*args)

    return known  # pyright: ignore[reportReturnType]


def _operate(name: str, *args: Any) -> Any:
    """Dispatch a basic operation to the type of its arguments."""
    for a in args:
        if isinstance(a, Lanes):
            return a.operate(name, *args)
    return getattr(rows, name)(*args)


@lane_function
def fma(a: Any, b: Any, c: Any) -> Any:
    """A * b + c, rounded once."""
    return _operate("fma", a, b, c)


@lane_function
def select_less(a: Any, b: Any, yes: Any, no: Any) -> Any:
    """`yes` where a < b, else `no` (also where either is not a number)."""
    return _operate("select_less", a, b, yes, no)


@lane_function
def absolute(a: Any) -> Any:
    """|a|."""
    return _operate("absolute", a)


@lane_function
def square_root(a: Any) -> Any:
    """The square root, correctly rounded."""
    return _operate("square_root", a)


@lane_function
def nearest(a: Any) -> Any:
    """The nearest whole number, halves to even."""
    return _operate("nearest", a)


@lane_function
def scaled(a: Any, power: Any) -> Any:
    """A * 2**power for whole powers within the range of normal numbers."""
    return _operate("scaled", a, power)


@lane_function
def exponent(a: Any) -> Any:
    """The power of 2 in a positive normal number, of which a factor from sqrt(1/2) to sqrt(2) is left."""
    return _operate("exponent", a)


@lane_function
def mantissa(a: Any) -> Any:
    """That factor."""
    return _operate("mantissa", a)


def narrow(a: Any) -> Any:
    """Lanes of doubles rounded to single precision."""
    return a.narrow() if isinstance(a, Lanes) else rows.narrow(a)


def widen(a: Any) -> Any:
    """Lanes of single precision as doubles, exactly."""
    return a.widen() if isinstance(a, Lanes) else rows.widen(a)


def loops(width: int, *, single: bool) -> tuple[Callable[[F], F], Callable[..., Callable[[F], F]]]:
    """Decorators of the solver's loops over lanes.

    Returns
    -------
    lanewise
        The body is executed for all lanes of its arguments, arrays of rows. If it returns a value, the call is true if
        that exceeds 1/2 in any lane.
    rowwise
        `rowwise("norms")`: the body is also executed for every row of its first argument; all arguments except the
        named ones advance row by row. A one-dimensional argument gives one number per row.
    """

    def rowwise(*fixed: str) -> Callable[[F], F]:
        return lambda body: _loop(body, [name not in fixed for name in signature(body).parameters])

    def _loop(body: Any, moving: Sequence[bool]) -> Any:
        return calls.traced_loop(body, width, single=single, moving=moving) if JIT else rows.loop(body, moving)

    return lambda body: _loop(body, [False] * len(signature(body).parameters)), rowwise


def call(program: Any, which: int, *arrays: Any) -> None:
    """Call one of a model's functions on arrays of rows (rows, columns), at most five.

    Parameters
    ----------
    program
        The model's functions, a `Program`.
    which
        Place of the function in `arguments.FUNCTIONS`.
    """
    with rows.quiet():
        program.code[which](*arrays)


def call_stepper(program: Any, table: Any, what: int, told: int) -> int:
    """Call the stepper; see `mtorsim.kernel.stepper`."""
    return program.code[STEPPER](table, what, told)


if JIT:
    calls.register_call(call)
    calls.register_stepper(call_stepper, STEPPER)
    rows_from, unpacker = view.rows_from, view.unpacker
else:
    rows_from, unpacker = rows.rows_from, rows.unpacker
