"""Vector types for numba: LLVM's `<8 x double>` and its kin, each operation one packed instruction.

No loop is left for the compiler to vectorise, and no flag allows it to fuse, reorder or approximate. A type has a width
and a precision; a plain number combined with a vector is broadcast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from mtorsim.kernel.trace import Lanes, Memory

__all__ = [
    "FORMATS",
    "INT",
    "HeldRows",
    "LanesType",
    "Packed",
    "PackedRows",
    "constant",
    "lanes_type",
    "read",
    "spread",
    "write",
]

INT = ir.IntType(64)


@dataclass(frozen=True)
class _Format:
    """A floating-point format of IEEE 754; `root` holds the bits of sqrt(1/2)."""

    kind: Any
    whole: Any
    letter: str
    fraction: int
    bias: int
    root: int
    scalar: types.Float

    @property
    def bytes(self) -> int:
        return self.whole.width // 8


_DOUBLE = _Format(ir.DoubleType(), ir.IntType(64), "f64", 52, 1023, 0x3FE6A09E667F3BCD, types.float64)
_SINGLE = _Format(ir.FloatType(), ir.IntType(32), "f32", 23, 127, 0x3F3504F3, types.float32)
FORMATS: dict[Any, _Format] = {types.float64: _DOUBLE, types.float32: _SINGLE}


@dataclass(frozen=True)
class LanesType:
    """The type of one number per subject: a precision and a width."""

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
    """A value that writes LLVM instructions.

    Attributes
    ----------
    builder
        Receives the instructions.
    value
        The vector.
    kind
        Its type.
    """

    def __init__(self, builder: ir.IRBuilder, value: Any, kind: LanesType) -> None:
        self.builder, self.value, self.kind = builder, value, kind
        self.single = kind.form is _SINGLE

    def operate(self, name: str, *args: Any) -> Packed:
        """Write an operation; numbers are broadcast."""
        values = [a.value if isinstance(a, Packed) else constant(self.kind, a) for a in args]
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
        Pointer to the vector of the first row.
    stride
        Distance between rows, in numbers.
    """

    def __init__(self, builder: ir.IRBuilder, pointer: Any, kind: LanesType, stride: Any) -> None:
        self.builder, self.pointer, self.kind, self.stride = builder, pointer, kind, stride

    def load(self, row: int) -> Packed:
        """The value of a row."""
        return Packed(self.builder, read(self.builder, self._at(row), self.kind), self.kind)

    def store(self, row: int, value: Any) -> None:
        """Store a value, or a number for all lanes, in a row."""
        vector = value.value if isinstance(value, Packed) else constant(self.kind, value)
        write(self.builder, self._at(row), vector, self.kind)

    def spread(self, number: float) -> Packed:
        """A number in every lane."""
        return Packed(self.builder, constant(self.kind, number), self.kind)

    def _at(self, row: int) -> Any:
        return self.builder.gep(self.pointer, [self.builder.mul(ir.Constant(INT, row), self.stride)])


class HeldRows(PackedRows):
    """Rows of vectors that stay in registers during a loop: loaded before it, stored after it.

    They must be made just before the loop, which is `builder`'s block then.
    """

    def __init__(self, builder: ir.IRBuilder, pointer: Any, kind: LanesType, stride: Any) -> None:
        super().__init__(builder, pointer, kind, stride)
        self.before = builder.block
        self.places: dict[int, Any] = {}
        self.changed: set[int] = set()

    def load(self, row: int) -> Packed:
        """The value of a row."""
        return Packed(self.builder, self.builder.load(self._place(row)), self.kind)

    def store(self, row: int, value: Any) -> None:
        """Store a value, or a number for all lanes, in a row."""
        vector = value.value if isinstance(value, Packed) else constant(self.kind, value)
        self.builder.store(vector, self._place(row))
        self.changed.add(row)

    def release(self) -> None:
        """Store the rows that changed, after the loop."""
        for row in sorted(self.changed):
            write(self.builder, self._at(row), self.builder.load(self.places[row]), self.kind)

    def _place(self, row: int) -> Any:
        """The variable that holds a row."""
        if row not in self.places:
            self.places[row] = cgutils.alloca_once(self.builder, self.kind.vector)
            with self.builder.goto_block(self.before):
                self.builder.store(read(self.builder, self._at(row), self.kind), self.places[row])
        return self.places[row]


def read(builder: ir.IRBuilder, pointer: Any, kind: LanesType) -> Any:
    """Load a vector from an address, aligned like its numbers."""
    value: Any = builder.load(builder.bitcast(pointer, kind.vector.as_pointer()))
    value.align = kind.form.bytes
    return value


def write(builder: ir.IRBuilder, pointer: Any, vector: Any, kind: LanesType) -> None:
    """Store a vector at an address."""
    done: Any = builder.store(vector, builder.bitcast(pointer, kind.vector.as_pointer()))
    done.align = kind.form.bytes


def constant(kind: LanesType, value: float) -> ir.Constant:
    return ir.Constant(kind.vector, [float(value)] * kind.width)


def _integers(kind: LanesType, value: int) -> ir.Constant:
    return ir.Constant(kind.integers, [value] * kind.width)


def spread(builder: ir.IRBuilder, scalar: Any, kind: LanesType) -> Any:
    """Broadcast a double, rounded to the precision of the lanes."""
    if isinstance(scalar, ir.Constant):
        return constant(kind, scalar.constant)
    if kind.form is _SINGLE:
        scalar = builder.fptrunc(scalar, kind.form.kind)
    undefined = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.width), [0] * kind.width)
    return builder.shuffle_vector(first, undefined, zeros)


def _instruction(name: str) -> Callable[..., Any]:
    return lambda builder, kind, *args: getattr(builder, name)(*args)


def _function(name: str) -> Callable[..., Any]:
    """An LLVM intrinsic for vectors."""

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
    shift = constant(kind, 1.5 * 2.0**form.fraction)
    shifted = builder.bitcast(builder.fadd(power, shift), kind.integers)
    exponent = builder.shl(builder.add(shifted, _integers(kind, form.bias)), _integers(kind, form.fraction))
    return builder.fmul(value, builder.bitcast(exponent, kind.vector))


def _biased(builder: ir.IRBuilder, kind: LanesType, value: Any) -> Any:
    """Bits of a number over sqrt(1/2): those above the fraction are the power of 2 plus the bias."""
    form = kind.form
    return builder.add(builder.bitcast(value, kind.integers), _integers(kind, (form.bias << form.fraction) - form.root))


def _exponent(builder: ir.IRBuilder, kind: LanesType, value: Any) -> Any:
    form = kind.form
    bits = builder.lshr(_biased(builder, kind, value), _integers(kind, form.fraction))
    # An integer below 2**fraction becomes a float by joining it to the bits of 2**fraction.
    joined = builder.or_(bits, _integers(kind, (form.bias + form.fraction) << form.fraction))
    return builder.fsub(builder.bitcast(joined, kind.vector), constant(kind, 2.0**form.fraction + form.bias))


def _mantissa(builder: ir.IRBuilder, kind: LanesType, value: Any) -> Any:
    form = kind.form
    rest = builder.and_(_biased(builder, kind, value), _integers(kind, (1 << form.fraction) - 1))
    return builder.bitcast(builder.add(rest, _integers(kind, form.root)), kind.vector)


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
