"""A vector type for numba: LLVM's `<8 x double>`, each operation one packed instruction.

There is no loop for the compiler to vectorise or to miss, and no flag that would let it fuse,
reorder or approximate.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from mtorsim.kernel import WIDTH

CHECKED = os.environ.get("MTORSIM_BOUNDS") == "1"
"""Whether loads and stores are checked; slow, for finding a fault in generated code."""

_DOUBLE = ir.DoubleType()
_INT = ir.IntType(64)
_VECTOR = ir.VectorType(_DOUBLE, WIDTH)
_INTS = ir.VectorType(_INT, WIDTH)
_MASK = ir.VectorType(ir.IntType(1), WIDTH)

_typed: Any = templates.infer_global


class LanesType(types.Type):
    """The numba type of eight doubles, one a subject."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


lanes = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [float(value)] * WIDTH)


def _integers(value: int) -> ir.Constant:
    return ir.Constant(_INTS, [value] * WIDTH)


def _spread(builder: ir.IRBuilder, scalar: Any) -> Any:
    """One double in every lane."""
    if isinstance(scalar, ir.Constant):
        return _constant(scalar.constant)
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, zeros)


def _call(builder: ir.IRBuilder, name: str, *args: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{WIDTH}f64"), args)


def _register_operator(python: Callable[..., Any], instruction: str) -> None:
    @_typed(python)
    class _Template(AbstractTemplate):  # pyright: ignore[reportUnusedClass]
        def generic(self, args: Any, kws: Any) -> Any:
            kinds = (LanesType, types.Float, types.Integer, types.IntegerLiteral)
            if len(args) != 2 or not all(isinstance(a, kinds) for a in args):
                return None
            if not any(isinstance(a, LanesType) for a in args):
                return None
            return signature(lanes, *(a if isinstance(a, LanesType) else types.float64 for a in args))

    for left, right in ((lanes, lanes), (lanes, types.float64), (types.float64, lanes)):

        @lower_builtin(python, left, right)
        def _lower(context: Any, builder: Any, sig: Any, args: Any, left: Any = left, right: Any = right) -> Any:
            a = args[0] if left is lanes else _spread(builder, args[0])
            b = args[1] if right is lanes else _spread(builder, args[1])
            return getattr(builder, instruction)(a, b)


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
        return signature(lanes, lanes) if isinstance(args[0], LanesType) else None


@lower_builtin(operator.neg, lanes)
def _lower_negative(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])


def _row(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Pointer to row `index` of an array (rows, WIDTH)."""
    struct = context.make_array(kind)(context, builder, array)
    if CHECKED:
        rows = builder.extract_value(struct.shape, 0)
        outside = builder.icmp_unsigned(">=", index, rows)
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("row outside the array",))
    offset = builder.mul(index, ir.Constant(_INT, WIDTH))
    return builder.bitcast(builder.gep(struct.data, [offset]), _VECTOR.as_pointer())


def _check_rows(kind: Any) -> None:
    if not (isinstance(kind, types.Array) and kind.ndim == 2 and kind.layout == "C" and kind.dtype == types.float64):
        raise TypingError(f"lanes live in a float64 array (rows, {WIDTH}) in C order, not in {kind}")


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    _check_rows(array)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value = builder.load(_row(context, builder, sig.args[0], args[0], args[1]))
        value.align = 8
        return value

    return lanes(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    _check_rows(array)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = args[2] if isinstance(value, LanesType) else _spread(builder, args[2])
        done = builder.store(vector, _row(context, builder, sig.args[0], args[0], args[1]))
        done.align = 8
        return context.get_dummy_value()

    kind = value if isinstance(value, LanesType) else types.float64
    return types.none(array, types.intp, kind), generate


@intrinsic
def splat(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, args[0])

    return lanes(types.float64), generate


def _elementwise(name: str, count: int) -> Any:
    """An intrinsic that is one LLVM function of `count` vectors."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _call(builder, name, *args)

    def of_one(typing: Any, a: Any) -> Any:
        return lanes(lanes), generate

    def of_three(typing: Any, a: Any, b: Any, c: Any) -> Any:
        return lanes(lanes, lanes, lanes), generate

    return intrinsic(of_one if count == 1 else of_three)


absolute = _elementwise("llvm.fabs", 1)
square_root = _elementwise("llvm.sqrt", 1)
nearest = _elementwise("llvm.rint", 1)
fma = _elementwise("llvm.fma", 3)


@intrinsic
def select_less(typing: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return lanes(lanes, lanes, lanes, lanes), generate


@intrinsic
def any_less(typing: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        mask = builder.fcmp_ordered("<", args[0], args[1])
        bits = builder.bitcast(mask, ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(lanes, lanes), generate


@intrinsic
def scaled(typing: Any, value: Any, power: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        # 1.5 * 2**52 + k holds k in its lowest bits; 1023 + k is the exponent of 2**k.
        shifted = builder.bitcast(builder.fadd(args[1], _constant(6755399441055744.0)), _INTS)
        exponent = builder.shl(builder.add(shifted, _integers(1023)), _integers(52))
        return builder.fmul(args[0], builder.bitcast(exponent, _VECTOR))

    return lanes(lanes, lanes), generate


@intrinsic
def exponent(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.lshr(builder.bitcast(args[0], _INTS), _integers(52))
        # An integer below 2**52 becomes a double by joining it to the bits of 2**52.
        joined = builder.or_(builder.and_(bits, _integers(0x7FF)), _integers(0x4330000000000000))
        return builder.fsub(builder.bitcast(joined, _VECTOR), _constant(4503599627370496.0 + 1023.0))

    return lanes(lanes), generate


@intrinsic
def mantissa(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.and_(builder.bitcast(args[0], _INTS), _integers(0x000FFFFFFFFFFFFF))
        return builder.bitcast(builder.or_(bits, _integers(0x3FF0000000000000)), _VECTOR)

    return lanes(lanes), generate
