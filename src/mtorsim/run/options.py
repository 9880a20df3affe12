"""Method, precision and tolerances of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, get_args

from mtorsim.compiler.solver import METHODS, PRECISIONS, Method, Precision
from mtorsim.compiler.warm import Form
from mtorsim.errors import ArgumentError

__all__ = ["Method", "Options"]


T = TypeVar("T")

METHOD: Method = "grk4t"
PRECISION: Precision = "single"
SINGLE_RTOL = 3e-5
"""The tightest relative tolerance at which single precision is the default."""
RTOL = 3e-3
ATOL_SHARE = 0.1
"""Defaults for models that state no tolerance of their own (`rtol` in `[module]`)."""


@dataclass(frozen=True)
class Options:
    """Options that affect accuracy or cost of a run, but not its meaning.

    Attributes
    ----------
    method
        Integration method.
    precision
        Of the arithmetic within a step; states and times are in double precision either way.
    rtol, atol
        Tolerances of a step: relative, and absolute in units of each state's scale.
    kernel
        Form of the kernel: `tape`, `compiled`, or `auto` (chosen by the size of the run).
    free
        Whether the tolerance that a model states for itself replaces `rtol`.
    """

    method: Method = METHOD
    precision: Precision = PRECISION
    rtol: float = RTOL
    atol: float = RTOL * ATOL_SHARE
    kernel: Form = "auto"
    free: bool = False

    def for_model(self, rtol: float | None) -> Options:
        """These options, or with the tolerance that a model states for itself."""
        if not self.free or rtol is None:
            return self
        atol = rtol * ATOL_SHARE if self.atol == self.rtol * ATOL_SHARE else self.atol
        return replace(self, rtol=rtol, atol=atol)

    @classmethod
    def given(
        cls,
        method: str | None = None,
        precision: str | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        kernel: str = "auto",
    ) -> Options:
        """Complete the given options with defaults; the precision is single if the tolerance permits.

        Raises
        ------
        ArgumentError
            If a method, precision or kernel form is unknown, or a tolerance is out of range.
        """
        free, rtol = rtol is None, RTOL if rtol is None else rtol
        found = cls(
            _known("method", METHODS, method, METHOD),
            _known("precision", PRECISIONS, precision, "single" if rtol >= SINGLE_RTOL else "double"),
            rtol,
            rtol * ATOL_SHARE if atol is None else atol,
            _known("kernel", get_args(Form), kernel, "auto"),
            free,
        )
        check_options(found)
        return found


def _known(what: str, known: Sequence[T], name: str | None, default: T) -> T:
    """Check a name given by the user."""
    if name is None:
        return default
    for value in known:
        if value == name:
            return value
    raise ArgumentError(f"there is no {what} `{name}`", help="choose from " + ", ".join(map(str, known)))


def check_options(options: Options) -> None:
    """Raise if a tolerance is out of range."""
    if options.precision == "single" and options.rtol < SINGLE_RTOL:
        message = f"rtol = {options.rtol:g} is too tight for single precision"
        raise ArgumentError(
            message, help=f"single needs rtol of {SINGLE_RTOL:g} or more; omit `precision`, or use double"
        )
    if not 1e-13 <= options.rtol <= 0.1:
        raise ArgumentError(f"rtol = {options.rtol:g} is outside 1e-13 to 0.1")
    if not 0 < options.atol <= 0.1:
        raise ArgumentError(f"atol = {options.atol:g} is outside 0 to 0.1")
