"""Vector types for numba: LLVM's `<8 x double>` and its kin, each operation one packed instruction.

There is no loop for the compiler to vectorise or to miss, and no flag that would let it fuse,
reorder or approximate. A type has a width and a precision; where a vector meets a plain number, the
number stands in every lane.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import intrinsic, lower_builtin, lower_getattr, models, register_model

from mtorsim.kernel.trace import Lanes, Memory

CHECKED = os.environ.get("MTORSIM_BOUNDS") == "1"
"""Whether loads and stores of solver code are checked; slow, for finding a fault."""

_INT = ir.IntType(64)
_typed: Any = templates.infer_global


@dataclass(frozen=True)
class _Format:
    """A floating-point format of IEEE 754."""

    kind: Any
    whole: Any
    letter: str
    fraction: int
    bias: int
    scalar: types.Float

    @property
    def bytes(self) -> int:
        return self.whole.width // 8


_DOUBLE = _Format(ir.DoubleType(), ir.IntType(64), "f64", 52, 1023, types.float64)
_SINGLE = _Format(ir.FloatType(), ir.IntType(32), "f32", 23, 127, types.float32)
_FORMATS: dict[Any, _Format] = {types.float64: _DOUBLE, types.float32: _SINGLE}


@dataclass(frozen=True)
class LanesType:
    """The type of one number a subject: a precision and a width."""

    form: _Format
    width: int

    @property
    def vector(self) -> ir.VectorType:
        return ir.VectorType(self.form.kind, self.width)

    @property
    def integers(self) -> ir.VectorType:
        return ir.VectorType(self.form.whole, self.width)


def lanes_type(width: int, *, single: bool) -> LanesType:
    """The type of lanes of one precision."""
    return LanesType(_SINGLE if single else _DOUBLE, width)


class Packed(Lanes):
    """A value that writes LLVM's instructions.

    Attributes
    ----------
    builder
        Where instructions are written.
    value
        The vector.
    kind
        Its type.
    """

    def __init__(self, builder: ir.IRBuilder, value: Any, kind: LanesType) -> None:
        self.builder, self.value, self.kind = builder, value, kind
        self.single = kind.form is _SINGLE

    def operate(self, name: str, *args: Any) -> Packed:
        """Write an operation; numbers stand in every lane."""
        values = [a.value if isinstance(a, Packed) else _constant(self.kind, a) for a in args]
        return Packed(self.builder, _INSTRUCTIONS[name](self.builder, self.kind, *values), self.kind)

    def narrow(self) -> Packed:
        """Rounded to single precision."""
        kind = LanesType(_SINGLE, self.kind.width)
        return Packed(self.builder, self.builder.fptrunc(self.value, kind.vector), kind)

    def widen(self) -> Packed:
        """In double precision, exactly."""
        kind = LanesType(_DOUBLE, self.kind.width)
        return Packed(self.builder, self.builder.fpext(self.value, kind.vector), kind)


class PackedRows(Memory):
    """Rows of vectors.

    Attributes
    ----------
    pointer
        To the vector of the first row.
    stride
        Numbers from one row to the next.
    """

    def __init__(self, builder: ir.IRBuilder, pointer: Any, kind: LanesType, stride: Any) -> None:
        self.builder, self.pointer, self.kind, self.stride = builder, pointer, kind, stride

    def load(self, row: int) -> Packed:
        """The value of a row."""
        return Packed(self.builder, read(self.builder, self._at(row), self.kind), self.kind)

    def store(self, row: int, value: Any) -> None:
        """Put a value, or a number for every lane, into a row."""
        vector = value.value if isinstance(value, Packed) else _constant(self.kind, value)
        write(self.builder, self._at(row), vector, self.kind)

    def spread(self, number: float) -> Packed:
        """A number in every lane."""
        return Packed(self.builder, _constant(self.kind, number), self.kind)

    def _at(self, row: int) -> Any:
        return self.builder.gep(self.pointer, [self.builder.mul(ir.Constant(_INT, row), self.stride)])


def read(builder: ir.IRBuilder, pointer: Any, kind: LanesType) -> Any:
    """A vector at an address, aligned as its numbers are."""
    value: Any = builder.load(builder.bitcast(pointer, kind.vector.as_pointer()))
    value.align = kind.form.bytes
    return value


def write(builder: ir.IRBuilder, pointer: Any, vector: Any, kind: LanesType) -> None:
    """Put a vector at an address."""
    done: Any = builder.store(vector, builder.bitcast(pointer, kind.vector.as_pointer()))
    done.align = kind.form.bytes


def _constant(kind: LanesType, value: float) -> ir.Constant:
    return ir.Constant(kind.vector, [float(value)] * kind.width)


def _integers(kind: LanesType, value: int) -> ir.Constant:
    return ir.Constant(kind.integers, [value] * kind.width)


def _spread(builder: ir.IRBuilder, scalar: Any, kind: LanesType) -> Any:
    """One double in every lane, rounded to the lanes' precision."""
    if isinstance(scalar, ir.Constant):
        return _constant(kind, scalar.constant)
    if kind.form is _SINGLE:
        scalar = builder.fptrunc(scalar, kind.form.kind)
    undefined = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.width), [0] * kind.width)
    return builder.shuffle_vector(first, undefined, zeros)


def _instruction(name: str) -> Callable[..., Any]:
    return lambda builder, kind, *args: getattr(builder, name)(*args)


def _function(name: str) -> Callable[..., Any]:
    """One of LLVM's functions of vectors."""

    def call(builder: ir.IRBuilder, kind: LanesType, *args: Any) -> Any:
        declared = ir.FunctionType(kind.vector, [kind.vector] * len(args))
        full = f"{name}.v{kind.width}{kind.form.letter}"
        return builder.call(cgutils.get_or_insert_function(builder.module, declared, full), args)

    return call


def _select_less(builder: ir.IRBuilder, kind: LanesType, a: Any, b: Any, yes: Any, no: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), yes, no)


def _scaled(builder: ir.IRBuilder, kind: LanesType, value: Any, power: Any) -> Any:
    # 1.5 * 2**fraction + k holds k in its lowest bits; bias + k is the exponent of 2**k.
    form = kind.form
    shift = _constant(kind, 1.5 * 2.0**form.fraction)
    shifted = builder.bitcast(builder.fadd(power, shift), kind.integers)
    exponent = builder.shl(builder.add(shifted, _integers(kind, form.bias)), _integers(kind, form.fraction))
    return builder.fmul(value, builder.bitcast(exponent, kind.vector))


def _exponent(builder: ir.IRBuilder, kind: LanesType, value: Any) -> Any:
    form = kind.form
    bits = builder.lshr(builder.bitcast(value, kind.integers), _integers(kind, form.fraction))
    bits = builder.and_(bits, _integers(kind, 2 * form.bias + 1))
    # An integer below 2**fraction becomes a float by joining it to the bits of 2**fraction.
    joined = builder.or_(bits, _integers(kind, (form.bias + form.fraction) << form.fraction))
    return builder.fsub(builder.bitcast(joined, kind.vector), _constant(kind, 2.0**form.fraction + form.bias))


def _mantissa(builder: ir.IRBuilder, kind: LanesType, value: Any) -> Any:
    form = kind.form
    bits = builder.and_(builder.bitcast(value, kind.integers), _integers(kind, (1 << form.fraction) - 1))
    return builder.bitcast(builder.or_(bits, _integers(kind, form.bias << form.fraction)), kind.vector)


_INSTRUCTIONS: dict[str, Callable[..., Any]] = {
    "add": _instruction("fadd"),
    "subtract": _instruction("fsub"),
    "multiply": _instruction("fmul"),
    "divide": _instruction("fdiv"),
    "negate": _instruction("fneg"),
    "fma": _function("llvm.fma"),
    "absolute": _function("llvm.fabs"),
    "square_root": _function("llvm.sqrt"),
    "nearest": _function("llvm.rint"),
    "select_less": _select_less,
    "scaled": _scaled,
    "exponent": _exponent,
    "mantissa": _mantissa,
}


class View(types.Type):
    """The numba type of an array in C order that somebody else owns: an address and sizes, nothing to count."""

    def __init__(self, dtype: types.Type, ndim: int) -> None:
        super().__init__(name=f"View({dtype}, {ndim})")
        self.dtype = dtype
        self.ndim = ndim


@register_model(View)
class _ViewModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        members = [("data", types.CPointer(kind.dtype)), ("shape", types.UniTuple(types.intp, kind.ndim))]
        super().__init__(manager, kind, members)


def _parts(context: Any, builder: Any, kind: View, value: Any) -> Any:
    """The members of a view."""
    return cgutils.create_struct_proxy(kind)(context, builder, value=value)


@templates.infer_getattr
class _ViewAttributes(templates.AttributeTemplate):
    key = View

    def resolve_shape(self, kind: View) -> Any:
        return types.UniTuple(types.intp, kind.ndim)


@lower_getattr(View, "shape")
def _shape(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return _parts(context, builder, kind, value).shape


def _index(kind: View) -> Any:
    return types.intp if kind.ndim == 1 else types.UniTuple(types.intp, kind.ndim)


@_typed(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[0].dtype, args[0], _index(args[0])) if isinstance(args[0], View) else None


@_typed(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        kind = args[0]
        return signature(types.none, kind, _index(kind), kind.dtype) if isinstance(kind, View) else None


def _element(context: Any, builder: Any, kind: View, value: Any, index: Any) -> Any:
    """Address of an element."""
    own = _parts(context, builder, kind, value)
    place = [index] if kind.ndim == 1 else cgutils.unpack_tuple(builder, index, kind.ndim)
    sizes = cgutils.unpack_tuple(builder, own.shape, kind.ndim)
    if CHECKED:
        for i, size in zip(place, sizes, strict=True):
            with builder.if_then(builder.icmp_unsigned(">=", i, size), likely=False):
                context.call_conv.return_user_exc(builder, IndexError, ("outside the array",))
    offset = place[0]
    for i, size in zip(place[1:], sizes[1:], strict=True):
        offset = builder.add(builder.mul(offset, size), i)
    return builder.gep(own.data, [offset])


@lower_builtin(operator.getitem, View, types.Any)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(_element(context, builder, sig.args[0], args[0], args[1]))


@lower_builtin(operator.setitem, View, types.Any, types.Any)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], _element(context, builder, sig.args[0], args[0], args[1]))
    return context.get_dummy_value()


@intrinsic
def rows_from(typing: Any, array: Any, first: Any) -> Any:
    """The rows of a view from `first` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own = _parts(context, builder, array, args[0])
        sizes = cgutils.unpack_tuple(builder, own.shape, 2)
        own.data = builder.gep(own.data, [builder.mul(args[1], sizes[1])])
        own.shape = cgutils.pack_array(builder, [builder.sub(sizes[0], args[1]), sizes[1]])
        return own._getvalue()

    return array(array, types.intp), generate


def unpacker(*, single: bool) -> Any:
    """An intrinsic that takes a group of arguments out of a table: `unpack(table, Group, first)`.

    `first` is the number of fields that come before.
    """
    element = {"f8": types.float64, "i8": types.int64, "float": types.float32 if single else types.float64}

    @intrinsic(prefer_literal=True)
    def unpack(typing: Any, table: Any, group: Any, first: Any) -> Any:
        from mtorsim.kernel.arguments import SLOTS, schema

        fields = [(element[e], n) for e, n in schema(group.instance_class)]
        kinds = [View(e, n) if n else e for e, n in fields]
        result = types.NamedTuple(kinds, group.instance_class)

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = args[0]
            if isinstance(table, types.Array):
                data = context.make_array(table)(context, builder, data).data
            found = []
            for place, kind in enumerate(kinds, first.literal_value):
                slot = lambda i, place=place: builder.gep(data, [ir.Constant(_INT, place * SLOTS + i)])  # noqa: E731
                if not isinstance(kind, View):
                    wanted = context.get_value_type(kind).as_pointer()
                    found.append(builder.load(builder.bitcast(slot(0), wanted)))
                    continue
                own = cgutils.create_struct_proxy(kind)(context, builder)
                own.data = builder.inttoptr(builder.load(slot(0)), context.get_value_type(types.CPointer(kind.dtype)))
                own.shape = cgutils.pack_array(builder, [builder.load(slot(1 + i)) for i in range(kind.ndim)])
                found.append(own._getvalue())
            return context.make_tuple(builder, result, found)

        return result(table, group, first), generate

    return unpack


def traced_loop(body: Callable[..., Any], width: int, *, single: bool, moving: Sequence[bool]) -> Any:
    """Let numba compile calls of `body`, traced, for every vector of `width` lanes of its arguments.

    Parameters
    ----------
    body
        A function of rows of lanes and of numbers. What it returns is true where it exceeds 1/2 in any lane.
    single
        Whether numbers are given in single precision.
    moving
        For each argument whether it moves on, row by row: the body is then done for every row of the first
        one. Where none does it is done once.
    """

    def function(*args: Any) -> Any:
        raise NotImplementedError

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(types.boolean, *(a if isinstance(a, View) else types.float64 for a in args))

    lanes = lanes_type(width, single=single)

    def value(context: Any, builder: Any, kind: Any, own: Any, at: Any) -> Any:
        """An argument as the body sees it; `at` is the number it begins with, or its row in one dimension."""
        if isinstance(kind, View) and kind.ndim == 2:
            view = _parts(context, builder, kind, own)
            columns = builder.extract_value(view.shape, 1)
            return PackedRows(builder, builder.gep(view.data, [at]), LanesType(_FORMATS[kind.dtype], width), columns)
        if isinstance(kind, View):
            own = builder.load(builder.gep(_parts(context, builder, kind, own).data, [at]))
        return Packed(builder, _spread(builder, own, lanes), lanes)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        n_rows, columns = cgutils.unpack_tuple(builder, _parts(context, builder, sig.args[0], args[0]).shape, 2)
        zero, step = ir.Constant(_INT, 0), ir.Constant(_INT, width)
        found = cgutils.alloca_once_value(builder, cgutils.false_bit)
        lane, row = (cgutils.alloca_once_value(builder, zero) for _ in range(2))
        builder.store(cgutils.false_bit, found)
        builder.store(zero, lane)
        builder.store(zero, row)
        end = builder.mul(n_rows, columns) if any(moving) else columns
        # Rows stand one after the other, so that one loop runs over all of them.
        with cgutils.for_range_slice(builder, zero, end, step, intp=_INT) as (at, _):
            now = builder.load(lane)
            given = [
                value(context, builder, k, a, builder.load(row) if getattr(k, "ndim", 0) == 1 else at if m else now)
                for k, a, m in zip(sig.args, args, moving, strict=True)
            ]
            answer = body(*given)
            if answer is not None:
                mask = builder.fcmp_ordered("<", _constant(answer.kind, 0.5), answer.value)
                some = builder.icmp_unsigned(
                    "!=", builder.bitcast(mask, ir.IntType(width)), ir.Constant(ir.IntType(width), 0)
                )
                builder.store(builder.or_(builder.load(found), some), found)
            following = builder.add(now, step)
            wrapped = builder.icmp_unsigned("==", following, columns)
            builder.store(builder.select(wrapped, zero, following), lane)
            builder.store(builder.add(builder.load(row), builder.zext(wrapped, _INT)), row)
        return builder.load(found)

    templates.infer(Template)
    templates.infer_global(function, types.Function(Template))
    lower_builtin(function, types.VarArg(types.Any))(lower)
    return function


_BYTES = ir.IntType(8).as_pointer()
_ENTRY = ir.FunctionType(ir.VoidType(), [_INT, _INT, *[_BYTES] * 6])
SIGNATURE = types.none(types.intp, types.intp, *[types.CPointer(types.uint8)] * 6)
"""A function of a model: what it interprets, columns of the arrays, scratch, and at most five arrays."""


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
        For each number that it may be called with, in place of what is interpreted, a function and how many
        arrays it takes.
    """

    def write(builder: ir.IRBuilder, kind: LanesType, own: Any, columns: Any, pointers: list[Any]) -> None:
        done = builder.append_basic_block("done")
        choice = builder.switch(own, done)
        for number, (function, arrays) in functions.items():
            block = builder.append_basic_block(function.__name__)
            choice.add_case(ir.Constant(_INT, number), block)
            builder.position_at_end(block)
            function(*(PackedRows(builder, p, kind, ir.Constant(_INT, width)) for p in pointers[1 : 1 + arrays]))
            builder.branch(done)
        builder.position_at_end(done)

    return entry_point(write, width, single=single)


STEPPER_SIGNATURE = types.intp(types.CPointer(types.int64), types.intp, types.intp, types.float64)
"""A stepper: the table, what it is asked, what it is told, a fraction of a step."""


def register_stepper(function: Callable[..., Any], place: int) -> None:
    """Let numba compile `call_stepper(program, table, what, told, part)`, a call of the stepper at an address."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(types.intp, *args[:2], types.intp, types.intp, types.float64)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        code = sig.args[0].fields.index("code")
        codes = _parts(context, builder, sig.args[0].types[code], builder.extract_value(args[0], code)).data
        address = builder.load(builder.gep(codes, [ir.Constant(_INT, 2 * place)]))
        table = context.make_array(sig.args[1])(context, builder, args[1]).data
        kind = ir.FunctionType(_INT, [table.type, _INT, _INT, ir.DoubleType()])
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
            return _parts(context, builder, kind, value)

        table = parts(sig.args[0].types[code], builder.extract_value(args[0], code)).data
        at = builder.mul(args[1], ir.Constant(_INT, 2))
        address, own = (builder.load(builder.gep(table, [builder.add(at, ir.Constant(_INT, i))])) for i in range(2))
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
