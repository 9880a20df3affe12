"""Unowned arrays for numba, given by address and sizes, and groups of arguments taken out of a table."""

from __future__ import annotations

import operator
import os
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import intrinsic, lower_builtin, lower_getattr, models, register_model

from mtorsim.kernel.packed import INT

__all__ = ["View", "members", "rows_from", "unpacker"]

CHECKED = os.environ.get("MTORSIM_BOUNDS") == "1"
"""Whether loads and stores in solver code are bounds-checked; slow, for debugging."""

_typed: Any = templates.infer_global


class View(types.Type):
    """The numba type of an unowned array in C order: address and sizes, no reference count."""

    def __init__(self, dtype: types.Type, ndim: int) -> None:
        super().__init__(name=f"View({dtype}, {ndim})")
        self.dtype = dtype
        self.ndim = ndim


@register_model(View)
class _ViewModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        members = [("data", types.CPointer(kind.dtype)), ("shape", types.UniTuple(types.intp, kind.ndim))]
        super().__init__(manager, kind, members)


def members(context: Any, builder: Any, kind: View, value: Any) -> Any:
    """The members of a view."""
    return cgutils.create_struct_proxy(kind)(context, builder, value=value)


@templates.infer_getattr
class _ViewAttributes(templates.AttributeTemplate):
    key = View

    def resolve_shape(self, kind: View) -> Any:
        return types.UniTuple(types.intp, kind.ndim)


@lower_getattr(View, "shape")
def _shape(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return members(context, builder, kind, value).shape


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
    own = members(context, builder, kind, value)
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
    """The rows of a view from `first` onwards."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own = members(context, builder, array, args[0])
        sizes = cgutils.unpack_tuple(builder, own.shape, 2)
        own.data = builder.gep(own.data, [builder.mul(args[1], sizes[1])])
        own.shape = cgutils.pack_array(builder, [builder.sub(sizes[0], args[1]), sizes[1]])
        return own._getvalue()

    return array(array, types.intp), generate


def unpacker(*, single: bool) -> Any:
    """An intrinsic that takes a group of arguments out of a table: `unpack(table, Group, first)`.

    `first` is the number of preceding fields.
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
                slot = lambda i, place=place: builder.gep(data, [ir.Constant(INT, place * SLOTS + i)])  # noqa: E731
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
