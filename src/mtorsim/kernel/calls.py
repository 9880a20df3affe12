"""Calls compiled by numba: of traced functions, and of model functions or a stepper by address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import intrinsic, lower_builtin

from mtorsim.kernel.packed import FORMATS, INT, HeldRows, LanesType, Packed, PackedRows, constant, lanes_type, spread
from mtorsim.kernel.view import View, members

__all__ = [
    "SIGNATURE",
    "STEPPER_SIGNATURE",
    "entry_point",
    "model_functions",
    "register_call",
    "register_stepper",
    "traced_loop",
]


def traced_loop(body: Callable[..., Any], width: int, *, single: bool, moving: Sequence[bool]) -> Any:
    """Let numba compile calls of `body`, traced, for every vector of `width` lanes of its arguments.

    Parameters
    ----------
    body
        A function of rows of lanes and of numbers. Its result is true if it exceeds 1/2 in any lane.
    single
        Whether numbers are in single precision.
    moving
        For each argument whether it advances row by row: the body is then executed for every row of the first one,
        otherwise once.
    """

    def function(*args: Any) -> Any:
        raise NotImplementedError

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(types.boolean, *(a if isinstance(a, View) else types.float64 for a in args))

    lanes = lanes_type(width, single=single)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        n_rows, columns = cgutils.unpack_tuple(builder, members(context, builder, sig.args[0], args[0]).shape, 2)
        zero, step = ir.Constant(INT, 0), ir.Constant(INT, width)
        found = cgutils.alloca_once_value(builder, cgutils.false_bit)
        builder.store(cgutils.false_bit, found)
        with cgutils.for_range_slice(builder, zero, columns, step, intp=INT) as (lane, _):
            given = {}
            for i, (kind, own) in enumerate(zip(sig.args, args, strict=True)):
                if not moving[i]:
                    given[i] = _argument(context, builder, lanes, kind, own, lane, held=True)
            with cgutils.for_range(builder, n_rows if any(moving) else ir.Constant(INT, 1), intp=INT) as rows:
                place = builder.add(builder.mul(rows.index, columns), lane)
                for i, (kind, own) in enumerate(zip(sig.args, args, strict=True)):
                    if moving[i]:
                        at = rows.index if kind.ndim == 1 else place
                        given[i] = _argument(context, builder, lanes, kind, own, at)
                answer = body(*(given[i] for i in range(len(args))))
                if answer is not None:
                    builder.store(builder.or_(builder.load(found), _any(builder, answer)), found)
            for own in given.values():
                if isinstance(own, HeldRows):
                    own.release()
        return builder.load(found)

    templates.infer(Template)
    templates.infer_global(function, types.Function(Template))
    lower_builtin(function, types.VarArg(types.Any))(lower)
    return function


def _argument(
    context: Any, builder: Any, lanes: LanesType, kind: Any, own: Any, at: Any, *, held: bool = False
) -> Packed | PackedRows:
    """An argument as passed to a body; `at` is the index of its first number, or its row in one dimension."""
    if isinstance(kind, View) and kind.ndim == 2:
        view = members(context, builder, kind, own)
        columns = builder.extract_value(view.shape, 1)
        pointer = builder.gep(view.data, [at])
        made = HeldRows if held else PackedRows
        return made(builder, pointer, LanesType(FORMATS[kind.dtype], lanes.width), columns)
    if isinstance(kind, View):
        own = builder.load(builder.gep(members(context, builder, kind, own).data, [at]))
    return Packed(builder, spread(builder, own, lanes), lanes)


def _any(builder: Any, answer: Packed) -> Any:
    """Whether a result exceeds 1/2 in any lane."""
    bits = ir.IntType(answer.kind.width)
    mask = builder.fcmp_ordered("<", constant(answer.kind, 0.5), answer.value)
    return builder.icmp_unsigned("!=", builder.bitcast(mask, bits), ir.Constant(bits, 0))


_BYTES = ir.IntType(8).as_pointer()
_ENTRY = ir.FunctionType(ir.VoidType(), [INT, INT, *[_BYTES] * 6])
SIGNATURE = types.none(types.intp, types.intp, *[types.CPointer(types.uint8)] * 6)
"""Signature of a model function: its tape, columns of the arrays, scratch, and at most five arrays."""


def entry_point(write: Callable[..., None], width: int, *, single: bool) -> Any:
    """An intrinsic that is the body of a function at an address: `write(builder, kind, own, columns, pointers)`.

    The pointers are to scratch and to the arrays of the call.
    """
    kind = lanes_type(width, single=single)

    @intrinsic
    def body(typing: Any, own: Any, columns: Any, scratch: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            numbers = kind.form.kind.as_pointer()
            write(builder, kind, args[0], args[1], [builder.bitcast(p, numbers) for p in args[2:]])
            return context.get_dummy_value()

        return SIGNATURE, generate

    return body


def model_functions(functions: Mapping[int, tuple[Callable[..., None], int]], width: int, *, single: bool) -> Any:
    """An intrinsic that is some of a model's functions, traced; a row is one vector.

    Parameters
    ----------
    functions
        For each number accepted in place of a tape's address, a function and the number of arrays it takes.
    """

    def write(builder: ir.IRBuilder, kind: LanesType, own: Any, columns: Any, pointers: list[Any]) -> None:
        done = builder.append_basic_block("done")
        choice = builder.switch(own, done)
        for number, (function, arrays) in functions.items():
            block = builder.append_basic_block(function.__name__)
            choice.add_case(ir.Constant(INT, number), block)
            builder.position_at_end(block)
            function(*(PackedRows(builder, p, kind, ir.Constant(INT, width)) for p in pointers[1 : 1 + arrays]))
            builder.branch(done)
        builder.position_at_end(done)

    return entry_point(write, width, single=single)


STEPPER_SIGNATURE = types.intp(types.CPointer(types.int64), types.intp, types.intp)
"""Signature of a stepper: the table, the request, its detail."""


def register_stepper(function: Callable[..., Any], place: int) -> None:
    """Let numba compile `call_stepper(program, table, what, told)`, a call of the stepper at an address."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(types.intp, *args[:2], types.intp, types.intp)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        code = sig.args[0].fields.index("code")
        codes = members(context, builder, sig.args[0].types[code], builder.extract_value(args[0], code)).data
        address = builder.load(builder.gep(codes, [ir.Constant(INT, 2 * place)]))
        table = context.make_array(sig.args[1])(context, builder, args[1]).data
        kind = ir.FunctionType(INT, [table.type, INT, INT])
        return builder.call(builder.inttoptr(address, kind.as_pointer()), [table, *args[2:]])

    templates.infer(Template)
    templates.infer_global(function, types.Function(Template))
    lower_builtin(function, types.VarArg(types.Any))(lower)


def register_call(function: Callable[..., Any]) -> None:
    """Let numba compile `call(program, which, *arrays)`, a call of a function at an address."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(types.none, args[0], types.intp, *args[2:])

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        fields = sig.args[0].fields
        code, scratch = (fields.index(n) for n in ("code", "scratch"))

        def parts(kind: Any, value: Any) -> Any:
            return members(context, builder, kind, value)

        table = parts(sig.args[0].types[code], builder.extract_value(args[0], code)).data
        at = builder.mul(args[1], ir.Constant(INT, 2))
        address, own = (builder.load(builder.gep(table, [builder.add(at, ir.Constant(INT, i))])) for i in range(2))
        rows = [parts(sig.args[0].types[scratch], builder.extract_value(args[0], scratch))]
        rows += [parts(k, a) for k, a in zip(sig.args[2:], args[2:], strict=True)]
        pointers = [builder.bitcast(r.data, _BYTES) for r in rows]
        nothing = [ir.Constant(_BYTES, None)] * (6 - len(pointers))
        columns = builder.extract_value(rows[1].shape, 1)
        builder.call(builder.inttoptr(address, _ENTRY.as_pointer()), [own, columns, *pointers, *nothing])
        return context.get_dummy_value()

    templates.infer(Template)
    templates.infer_global(function, types.Function(Template))
    lower_builtin(function, types.VarArg(types.Any))(lower)
