"""Vector types for numba: LLVM's `<8 x double>` and its kin, each operation one packed instruction.

There is no loop for the compiler to vectorise or to miss, and no flag that would let it fuse,
reorder or approximate. A type has a width and a precision; where a vector meets a plain number, the
number stands in every lane.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

CHECKED = os.environ.get("MTORSIM_BOUNDS") == "1"
"""Whether loads and stores are checked; slow, for finding a fault in generated code."""

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
_FORMATS = {types.float64: _DOUBLE, types.float32: _SINGLE}


class LanesType(types.Type):
    """The numba type of one number a subject."""

    def __init__(self, form: _Format, width: int) -> None:
        super().__init__(name=f"Lanes({width} x {form.letter})")
        self.form = form
        self.width = width

    @property
    def vector(self) -> ir.VectorType:
        return ir.VectorType(self.form.kind, self.width)

    @property
    def integers(self) -> ir.VectorType:
        return ir.VectorType(self.form.whole, self.width)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.vector)


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


def _common(*kinds: Any) -> LanesType | None:
    """The one type of lanes among operands that are lanes or numbers; None where there is not just one."""
    found = {k for k in kinds if isinstance(k, LanesType)}
    others = all(isinstance(k, (LanesType, types.Float, types.Integer, types.IntegerLiteral)) for k in kinds)
    return found.pop() if len(found) == 1 and others else None


def _as_lanes(builder: ir.IRBuilder, values: Any, kinds: Any, kind: LanesType) -> list[Any]:
    return [v if k is kind else _spread(builder, v, kind) for v, k in zip(values, kinds, strict=True)]


def _operands(kinds: Any, kind: LanesType) -> list[Any]:
    """Types the operands are given in: lanes, or a double."""
    return [k if isinstance(k, LanesType) else types.float64 for k in kinds]


def _call(builder: ir.IRBuilder, name: str, kind: LanesType, args: Any) -> Any:
    declared = ir.FunctionType(kind.vector, [kind.vector] * len(args))
    name = f"{name}.v{kind.width}{kind.form.letter}"
    return builder.call(cgutils.get_or_insert_function(builder.module, declared, name), args)


def _register_operator(python: Callable[..., Any], instruction: str) -> None:
    @_typed(python)
    class _Template(AbstractTemplate):  # pyright: ignore[reportUnusedClass]
        def generic(self, args: Any, kws: Any) -> Any:
            kind = _common(*args)
            return None if kind is None or len(args) != 2 else signature(kind, *_operands(args, kind))

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*_as_lanes(builder, args, sig.args, sig.return_type))

    for left, right in ((LanesType, LanesType), (LanesType, types.Float), (types.Float, LanesType)):
        lower_builtin(python, left, right)(lower)


for _python, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register_operator(_python, _instruction)


@_typed(operator.neg)
class _Negative(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[0], args[0]) if isinstance(args[0], LanesType) else None


@lower_builtin(operator.neg, LanesType)
def _lower_negative(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])


def _kind_in(array: Any, width: int) -> LanesType:
    """The type of lanes that an array holds."""
    if not (isinstance(array, types.Array) and array.ndim == 2 and array.layout == "C" and array.dtype in _FORMATS):
        raise TypingError(f"lanes live in a float array (rows, {width}) in C order, not in {array}")
    return LanesType(_FORMATS[array.dtype], width)


def _row(context: Any, builder: Any, array: Any, values: Any, kind: LanesType) -> Any:
    """Pointer to a row of an array (rows, width)."""
    struct = context.make_array(array)(context, builder, values[0])
    if CHECKED:
        rows = builder.extract_value(struct.shape, 0)
        outside = builder.icmp_unsigned(">=", values[1], rows)
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("row outside the array",))
    offset = builder.mul(values[1], ir.Constant(_INT, kind.width))
    return builder.bitcast(builder.gep(struct.data, [offset]), kind.vector.as_pointer())


def loader(width: int) -> Any:
    """An intrinsic that loads a row of an array (rows, width), in the array's precision."""

    @intrinsic
    def load(typing: Any, array: Any, index: Any) -> Any:
        kind = _kind_in(array, width)

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            value = builder.load(_row(context, builder, sig.args[0], args, kind))
            value.align = kind.form.bytes
            return value

        return kind(array, types.intp), generate

    return load


def storer(width: int) -> Any:
    """An intrinsic that stores lanes, or a number for all of them, to a row of an array (rows, width)."""

    @intrinsic
    def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
        kind = _kind_in(array, width)
        if isinstance(value, LanesType) and value != kind:
            raise TypingError(f"{value} cannot be stored in {array}")

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            vector = args[2] if isinstance(value, LanesType) else _spread(builder, args[2], kind)
            done = builder.store(vector, _row(context, builder, sig.args[0], args, kind))
            done.align = kind.form.bytes
            return context.get_dummy_value()

        return types.none(array, types.intp, value if isinstance(value, LanesType) else types.float64), generate

    return store


def spreader(width: int, *, single: bool) -> Any:
    """An intrinsic that puts one number in every lane."""
    kind = LanesType(_SINGLE if single else _DOUBLE, width)

    @intrinsic
    def splat(typing: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _spread(builder, args[0], kind)

        return kind(types.float64), generate

    return splat


@intrinsic
def narrow(typing: Any, value: Any) -> Any:
    """Lanes of doubles rounded to single precision."""
    kind = LanesType(_SINGLE, value.width)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fptrunc(args[0], kind.vector)

    return kind(LanesType(_DOUBLE, value.width)), generate


@intrinsic
def widen(typing: Any, value: Any) -> Any:
    """Lanes of single precision as doubles, exactly."""
    kind = LanesType(_DOUBLE, value.width)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fpext(args[0], kind.vector)

    return kind(LanesType(_SINGLE, value.width)), generate


def _of_one(name: str) -> Any:
    """An intrinsic that is one LLVM function of a vector."""

    @intrinsic
    def function(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _call(builder, name, sig.return_type, args)

        return a(a), generate

    return function


absolute = _of_one("llvm.fabs")
square_root = _of_one("llvm.sqrt")
nearest = _of_one("llvm.rint")


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    kind = _common(a, b, c)
    if kind is None:
        raise TypingError("a fused multiply-add is of lanes of one type")

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _call(builder, "llvm.fma", kind, _as_lanes(builder, args, sig.args, kind))

    return kind(*_operands((a, b, c), kind)), generate


@intrinsic
def select_less(typing: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    kind = _common(a, b, yes, no)
    if kind is None:
        raise TypingError("a choice is between lanes of one type")

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right, then, otherwise = _as_lanes(builder, args, sig.args, kind)
        return builder.select(builder.fcmp_ordered("<", left, right), then, otherwise)

    return kind(*_operands((a, b, yes, no), kind)), generate


@intrinsic
def any_less(typing: Any, a: Any, b: Any) -> Any:
    kind = _common(a, b)
    if kind is None:
        raise TypingError("a comparison is of lanes of one type")

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        mask = builder.fcmp_ordered("<", *_as_lanes(builder, args, sig.args, kind))
        bits = builder.bitcast(mask, ir.IntType(kind.width))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(kind.width), 0))

    return types.boolean(*_operands((a, b), kind)), generate


@intrinsic
def scaled(typing: Any, value: Any, power: Any) -> Any:
    kind = value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        # 1.5 * 2**fraction + k holds k in its lowest bits; bias + k is the exponent of 2**k.
        form = kind.form
        shift = _constant(kind, 1.5 * 2.0**form.fraction)
        shifted = builder.bitcast(builder.fadd(args[1], shift), kind.integers)
        exponent = builder.shl(builder.add(shifted, _integers(kind, form.bias)), _integers(kind, form.fraction))
        return builder.fmul(args[0], builder.bitcast(exponent, kind.vector))

    return kind(kind, kind), generate


@intrinsic
def exponent(typing: Any, value: Any) -> Any:
    kind = value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        form = kind.form
        bits = builder.lshr(builder.bitcast(args[0], kind.integers), _integers(kind, form.fraction))
        bits = builder.and_(bits, _integers(kind, 2 * form.bias + 1))
        # An integer below 2**fraction becomes a float by joining it to the bits of 2**fraction.
        joined = builder.or_(bits, _integers(kind, (form.bias + form.fraction) << form.fraction))
        return builder.fsub(builder.bitcast(joined, kind.vector), _constant(kind, 2.0**form.fraction + form.bias))

    return kind(kind), generate


@intrinsic
def mantissa(typing: Any, value: Any) -> Any:
    kind = value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        form = kind.form
        bits = builder.and_(builder.bitcast(args[0], kind.integers), _integers(kind, (1 << form.fraction) - 1))
        one = _integers(kind, form.bias << form.fraction)
        return builder.bitcast(builder.or_(bits, one), kind.vector)

    return kind(kind), generate
