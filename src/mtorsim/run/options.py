"""Method, precision and tolerances of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, get_args

from mtorsim.compiler.solver import METHODS, PRECISIONS, Method, Precision
from mtorsim.compiler.warm import Form
from mtorsim.errors import ArgumentError

__all__ = ["Method", "Options"]


T = TypeVar("T")

METHOD: Method = "grk4t"
PRECISION: Precision = "single"
SINGLE_RTOL = 3e-5
"""The tightest tolerance that single precision is taken for."""
RTOL = 3e-3
ATOL_SHARE = 0.1
"""Defaults, chosen by measurement (docs/benchmarks.md): fasting glucose is right to 0.01 mg/dL over 24
weeks, less than a hundredth of what an assay errs, at a third of the cost of the explicit method,
which stability holds back to 400 steps a day whatever the tolerance."""


@dataclass(frozen=True)
class Options:
    """What changes the accuracy or the cost of a run, but not its meaning.

    Attributes
    ----------
    method
        Integration method.
    precision
        Of the arithmetic within a step; states and times are in double precision either way.
    rtol, atol
        Error allowed in each step: relative, and as a share of each state's scale.
    kernel
        How equations are run: `tape`, `compiled`, or `auto`, as the size of the run suggests.
    """

    method: Method = METHOD
    precision: Precision = PRECISION
    rtol: float = RTOL
    atol: float = RTOL * ATOL_SHARE
    kernel: Form = "auto"

    @classmethod
    def given(
        cls,
        method: str | None = None,
        precision: str | None = None,
        rtol: float = RTOL,
        atol: float | None = None,
        kernel: str = "auto",
    ) -> Options:
        """Options as far as they are given; the precision is single where the tolerance leaves room for it.

        Raises
        ------
        ArgumentError
            If there is no such method, precision or form of the kernel, or a tolerance is out of range.
        """
        found = cls(
            _known("method", METHODS, method, METHOD),
            _known("precision", PRECISIONS, precision, "single" if rtol >= SINGLE_RTOL else "double"),
            rtol,
            rtol * ATOL_SHARE if atol is None else atol,
            _known("kernel", get_args(Form), kernel, "auto"),
        )
        check_options(found)
        return found


def _known(what: str, known: Sequence[T], name: str | None, default: T) -> T:
    """What the user has named, if it is known."""
    if name is None:
        return default
    for value in known:
        if value == name:
            return value
    raise ArgumentError(f"there is no {what} `{name}`", help="known are " + ", ".join(map(str, known)))


def check_options(options: Options) -> None:
    """Refuse tolerances out of range."""
    if options.precision == "single" and options.rtol < SINGLE_RTOL:
        message = f"rtol = {options.rtol:g} is finer than single precision holds in every step"
        raise ArgumentError(message, help=f"single goes with {SINGLE_RTOL:g} and more; leave it out, or name double")
    if not 1e-13 <= options.rtol <= 0.1:
        raise ArgumentError(f"rtol = {options.rtol:g} is outside 1e-13 to 0.1")
    if not 0 < options.atol <= 0.1:
        raise ArgumentError(f"atol = {options.atol:g} is outside 0 to 0.1")
