"""A test of the virtual laboratory as data: what is given, when blood is drawn, and what is read of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .curves import Curves, Index
from .fasting import fasting_indices

__all__ = ["BODY", "CLAMP", "PMOL_PER_UNIT", "Administration", "Fit", "Protocol", "needs", "sampled", "without_body"]

PMOL_PER_UNIT = 6000.0
"""pmol in 1 U of insulin: 1 uU/mL is 6 pmol/L."""
BODY = "glucose_insulin"
"""The module whose people can be tested."""
CLAMP = "clamp"
"""The module that holds glucose."""
PANELS = ("glucose", "insulin", "c_peptide", "ffa", "production", "disposal", "glucose_infusion", "secretion")
"""Curves that are drawn unless a test names others."""


@dataclass(frozen=True)
class Administration:
    """Something given at a time: minutes from the start, a route of `glucose_insulin`, in its unit.

    Attributes
    ----------
    over
        Minutes it lasts, 0 for at once.
    """

    minute: float
    route: str
    amount: float
    over: float = 0.0


@dataclass(frozen=True)
class Fit:
    """A curve that a model was fitted to, for a figure: label, minutes (m,) and values (n, m)."""

    label: str
    minutes: np.ndarray
    values: np.ndarray


Indices = Callable[[Curves], dict[str, Index]]
Fits = Callable[[Curves, Mapping[str, np.ndarray]], dict[str, Fit]]


@dataclass(frozen=True)
class Protocol:
    """A test.

    Attributes
    ----------
    about
        One line on what is done.
    minutes
        When blood is drawn.
    given
        What is given.
    clamped
        From and until which minute glucose is held.
    target
        Glucose that is held, mg/dL.
    above
        Instead: how far above the subject's own fasting glucose it is held, mg/dL.
    steps
        Start and end, in minutes, and insulin infusion (mU/kg/min) of each step of a clamp.
    fasting
        Whether the subject has to be fasting.
    everyday
        Whether the subject's own meals and doses go on: the day as it is lived.
    name, options
        What the test is called, and how it differs from the standard test, as text.
    indices
        What is read off its curves.
    panels, dots, fits
        Curves that are drawn, those drawn with their samples, and models fitted to them.
    """

    about: str
    minutes: np.ndarray = field(compare=False)
    given: tuple[Administration, ...] = ()
    clamped: tuple[float, float] | None = None
    target: float = 90.0
    above: float | None = None
    steps: tuple[tuple[float, float, float], ...] = ()
    fasting: bool = True
    everyday: bool = False
    name: str = "test"
    options: str = ""
    indices: Indices = field(default=fasting_indices, repr=False, compare=False)
    panels: tuple[str, ...] = field(default=PANELS, repr=False, compare=False)
    dots: tuple[str, ...] = field(default=(), repr=False, compare=False)
    fits: Fits | None = field(default=None, repr=False, compare=False)

    @property
    def duration(self) -> float:
        """Hours."""
        return float(self.minutes[-1]) / 60.0


def sampled(minutes: Sequence[float], end: float) -> np.ndarray:
    """When blood is drawn: at these minutes, and at the end."""
    return np.unique(np.round([*minutes, end], 9))


def needs(protocols: Iterable[Protocol]) -> tuple[str, ...]:
    """Modules that tests need besides the subject's own."""
    return (CLAMP,) if any(p.clamped for p in protocols) else ()


def without_body(test: str, modules: Iterable[str]) -> tuple[str, str] | None:
    """Why a test cannot be done in a model of these modules, and what to do; None where it can."""
    modules = list(modules)
    if BODY in modules:
        return None
    names = " and ".join(f"`{m}`" for m in modules)
    lacks = "free fatty acids, C-peptide, and flows of glucose production, disposal and secretion to read"
    help = f"tests are done in models with `{BODY}`; a visit shows what {names} can show"
    return f"the test `{test}` cannot be done in {names}: there are no {lacks}", help
