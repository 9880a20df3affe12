"""A few subjects as one value, the same source in two forms.

Compiled, a value is one packed vector (`packed`). With NUMBA_DISABLE_JIT=1 the same functions run on
NumPy rows (`rows`), for a debugger, coverage and bounds checks.

No operation looks across lanes, and none is fused, reordered or approximated by the compiler: a
subject's digits depend on nothing but the subject. A fused multiply-add is written `fma`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numba as nb

__all__ = [
    "Lanes",
    "absolute",
    "any_less",
    "compiled",
    "exponent",
    "fma",
    "inlined",
    "loader",
    "mantissa",
    "narrow",
    "nearest",
    "scaled",
    "select_less",
    "spreader",
    "square_root",
    "storer",
    "widen",
]

Lanes: TypeAlias = Any
"""How a value of lanes is written in signatures."""

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": True}
compiled: Callable[..., Any] = nb.njit(**_OPTIONS)
"""Decorator of every compiled function: no interpreter lock, no fastmath, kept on disk."""
inlined: Callable[..., Any] = nb.njit(**_OPTIONS, forceinline=True)
"""The same for small functions of lanes: a call would spill every register."""

if TYPE_CHECKING or nb.config.DISABLE_JIT:
    from mtorsim.kernel.rows import (
        absolute,
        any_less,
        exponent,
        fma,
        loader,
        mantissa,
        narrow,
        nearest,
        scaled,
        select_less,
        spreader,
        square_root,
        storer,
        widen,
    )
else:
    from mtorsim.kernel.packed import (
        absolute,
        any_less,
        exponent,
        fma,
        loader,
        mantissa,
        narrow,
        nearest,
        scaled,
        select_less,
        spreader,
        square_root,
        storer,
        widen,
    )
