"""Method, precision and tolerances of a run."""

from __future__ import annotations

from dataclasses import dataclass

from mtorsim.compiler.kernel import METHODS, PRECISIONS
from mtorsim.errors import SetError

__all__ = ["Method", "Options"]


Method = str


METHOD = "grk4t"
PRECISION = "single"
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
    """

    method: Method = METHOD
    precision: str = PRECISION
    rtol: float = RTOL
    atol: float = RTOL * ATOL_SHARE

    @classmethod
    def given(
        cls, method: Method | None = None, precision: str | None = None, rtol: float = RTOL, atol: float | None = None
    ) -> Options:
        """Options as far as they are given; the precision is single where the tolerance leaves room for it."""
        return cls(
            METHOD if method is None else method,
            ("single" if rtol >= SINGLE_RTOL else "double") if precision is None else precision,
            rtol,
            rtol * ATOL_SHARE if atol is None else atol,
        )


def _check_options(options: Options) -> None:
    if options.method not in METHODS:
        raise SetError(f"there is no method `{options.method}`", help="known are " + ", ".join(METHODS))
    if options.precision not in PRECISIONS:
        raise SetError(f"there is no precision `{options.precision}`", help="known are " + ", ".join(PRECISIONS))
    if options.precision == "single" and options.rtol < SINGLE_RTOL:
        message = f"rtol = {options.rtol:g} is finer than single precision holds in every step"
        raise SetError(message, help=f"single goes with {SINGLE_RTOL:g} and more; leave it out, or name double")
    if not 1e-13 <= options.rtol <= 0.1:
        raise SetError(f"rtol = {options.rtol:g} is outside 1e-13 to 0.1")
    if not 0 < options.atol <= 0.1:
        raise SetError(f"atol = {options.atol:g} is outside 0 to 0.1")
