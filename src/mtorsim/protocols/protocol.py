"""A laboratory test as data: doses, sampling times and indices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mtorsim.files.roles import BODY, CLAMP

from .curves import Curves, Index
from .fasting import fasting_indices

__all__ = ["PMOL_PER_UNIT", "Administration", "Fit", "Protocol", "needs", "sampled", "without_body"]

PMOL_PER_UNIT = 6000.0
"""pmol in 1 U of insulin: 1 uU/mL is 6 pmol/L."""
PANELS = ("glucose", "insulin", "c_peptide", "ffa", "production", "disposal", "glucose_infusion", "secretion")
"""Curves in the figure, unless a test names others."""


@dataclass(frozen=True)
class Administration:
    """A dose of a test: minutes from its start, a route of `glucose_insulin`, an amount in its unit.

    Attributes
    ----------
    over
        Duration in minutes, 0 for a bolus.
    """

    minute: float
    route: str
    amount: float
    over: float = 0.0


@dataclass(frozen=True)
class Fit:
    """A fitted curve for a figure: label, minutes (m,) and values (n, m)."""

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
        One line that describes the test.
    minutes
        Sampling times.
    given
        Doses.
    clamped
        First and last minute of the glucose clamp.
    target
        Glucose target, mg/dL.
    above
        Alternatively, the target above the subject's own fasting glucose, mg/dL.
    steps
        Start and end, in minutes, and insulin infusion (mU/kg/min) of each step of a clamp.
    fasting
        Whether the subject must be fasting.
    everyday
        Whether the subject's own meals and doses continue.
    name, options
        Name of the test, and its options that differ from the standard test, as text.
    indices
        Function that computes indices from its curves.
    panels, dots, fits
        Curves in the figure, those with their samples as dots, and fitted models.
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
    """Sampling times: these minutes, and the end."""
    return np.unique(np.round([*minutes, end], 9))


def needs(protocols: Iterable[Protocol]) -> tuple[str, ...]:
    """Additional modules that the test needs."""
    return (CLAMP,) if any(p.clamped for p in protocols) else ()


def without_body(test: str, modules: Iterable[str]) -> tuple[str, str] | None:
    """Why a test is impossible in a model of these modules, and the cure; None if it is possible."""
    modules = list(modules)
    if BODY in modules:
        return None
    names = " and ".join(f"`{m}`" for m in modules)
    lacks = "free fatty acids, C-peptide, and flows of glucose production, disposal and secretion to read"
    help = f"tests need a model with `{BODY}`; observe {names} at visits instead"
    return f"the test `{test}` cannot be done in {names}: there are no {lacks}", help
