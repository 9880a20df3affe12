"""The tape interpreter: executes a list of operations on rows, each for all lanes before the next.

The interpreter is compiled once per machine and serves every model. It executes the operations of the compiled
equations in the same order, so results are identical to the bit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from mtorsim.kernel import functions as f
from mtorsim.kernel.lanes import absolute, fma, select_less

__all__ = ["CODES", "COLUMNS", "OPERATIONS", "SEGMENT", "copy", "fnma", "write_interpreter"]


def copy(a: Any) -> Any:
    """A."""
    return a


def fnma(a: Any, b: Any, c: Any) -> Any:
    """C - a * b, rounded once."""
    return fma(-a, b, c)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "copy": copy,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": operator.neg,
    "fma": fma,
    "fnma": fnma,
    "select_less": select_less,
    "absolute": absolute,
    "square": f.square,
    "cube": f.cube,
    "sqrt": f.sqrt,
    "exp": f.exp,
    "log": f.log,
    "power": f.power,
    "logistic": f.logistic,
    "softplus": f.softplus,
    "tanh": f.tanh,
    "sin": f.sin,
    "cos": f.cos,
    "hill": f.hill,
    "minimum": f.minimum,
    "maximum": f.maximum,
    "less": f.less,
}
"""Operations of a tape, in the order of their codes."""

CODES = {name: code for code, name in enumerate(OPERATIONS)}
COLUMNS = 6
"""Integers per step of a tape: its code, the place of the result, and at most four arguments."""
SEGMENT = 1 << 24
"""A place is `segment * SEGMENT + row`: segment 0 is scratch, the others are the arrays of the call."""


def write_interpreter(builder: Any, kind: Any, own: Any, columns: Any, bases: list[Any]) -> None:
    """Write the interpreter's loop as LLVM instructions.

    Parameters
    ----------
    kind
        The type of lanes.
    own
        Address of two integers: the number of steps, and the address of the tape.
    columns
        Lanes of a row.
    bases
        Pointers to scratch and to the arrays of the call.
    """
    from inspect import signature

    from llvmlite import ir
    from numba.core import cgutils

    from mtorsim.kernel.packed import Packed, read, write

    whole, number = ir.IntType(64), ir.IntType(32)
    constant: Callable[[int], Any] = lambda n: ir.Constant(whole, n)  # noqa: E731
    table = cgutils.alloca_once(builder, ir.ArrayType(bases[0].type, len(bases)))
    for i, base in enumerate(bases):
        builder.store(base, builder.gep(table, [constant(0), constant(i)]))
    head = builder.inttoptr(own, whole.as_pointer())
    steps = builder.load(head)
    tape = builder.inttoptr(builder.load(builder.gep(head, [constant(1)])), number.as_pointer())

    with cgutils.for_range(builder, steps) as loop:
        step = builder.gep(tape, [builder.mul(loop.index, constant(COLUMNS))])

        def entry(column: int) -> Any:
            return builder.load(builder.gep(step, [constant(column)]))

        def place(column: int) -> Any:
            """Address of a row."""
            at = builder.zext(entry(column), whole)
            segment = builder.lshr(at, constant(SEGMENT.bit_length() - 1))
            base = builder.load(builder.gep(table, [constant(0), segment]))
            return builder.gep(base, [builder.mul(builder.and_(at, constant(SEGMENT - 1)), columns)])

        done = builder.append_basic_block("done")
        choice = builder.switch(entry(0), done)
        for name, function in OPERATIONS.items():
            block = builder.append_basic_block(name)
            choice.add_case(ir.Constant(number, CODES[name]), block)
            builder.position_at_end(block)
            arity = 2 if function in (operator.add,) else len(signature(function).parameters)
            target, arguments = place(1), [place(2 + i) for i in range(arity)]
            with cgutils.for_range_slice(builder, constant(0), columns, constant(kind.width), intp=whole) as (
                offset,
                _,
            ):
                values = [Packed(builder, read(builder, builder.gep(a, [offset]), kind), kind) for a in arguments]
                write(builder, builder.gep(target, [offset]), function(*values).value, kind)
            builder.branch(done)
        builder.position_at_end(done)
