"""How a run-in is integrated."""

from __future__ import annotations

from dataclasses import dataclass

from mtorsim.compiler.solver import Method, Precision

__all__ = ["CANDIDATE", "SUBJECT", "Accuracy"]


@dataclass(frozen=True)
class Accuracy:
    """How a run-in is integrated, and how well its days repeat.

    Attributes
    ----------
    method, precision
        Of the solver.
    rtol, atol
        Tolerances of a step, relative to each state's scale.
    repeats
        Relative tolerance between the averages of successive days.
    """

    method: Method
    precision: Precision
    rtol: float
    atol: float
    repeats: float


SUBJECT = Accuracy("tsit5", "double", 1e-4, 1e-6, 1e-7)
"""With errors of 1e-8 in glucose, and of 1e-6 in the averages of a day. It does not depend on the tolerances of the
run, so a subject is the same at any tolerance."""
CANDIDATE = Accuracy("grk4t", "single", 1e-3, 1e-4, 1e-4)
"""With errors of 1e-5, at half the cost: for people who are tried and thrown away."""
