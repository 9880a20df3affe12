"""What a scenario is made of, resolved: hours, amounts in units, and the place where each was written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mtorsim.files.places import Place
from mtorsim.protocols.protocol import Protocol
from mtorsim.units.units import Unit

from .actions import Action
from .conditions import Condition

__all__ = [
    "DAY_STARTS",
    "FASTING_HOURS",
    "MOST_JITTER",
    "ArmSpec",
    "Change",
    "LabTest",
    "Match",
    "Meal",
    "Observed",
    "Regimen",
    "Rule",
    "Sampling",
    "Setting",
    "Staying",
    "Stray",
    "TrialSpec",
    "grid",
    "rechecks",
    "since_last_meal",
]

FASTING_HOURS = 8.0
"""Hours since the last meal from which a sample counts as fasting."""
EVENING_FAST = 13.0
"""Hours fasted at t = 0."""
MOST_JITTER = 2.5
"""Standard deviations a meal is early or late at most."""
DAY_STARTS = 7.5
"""Clock time of t = 0: 07:30, fasting."""


@dataclass(frozen=True)
class Regimen:
    """Doses of one drug: when, and how much.

    Attributes
    ----------
    amounts, unit, times
        Of each dose; times in hours.
    over
        Duration of an infusion in hours, 0 for what is given at once.
    missed, late
        Share of doses missed, and mean delay in hours.
    said
        The key that amounts were written under, `amount` or `regimen`.
    waits
        Whether a rule must start it.
    placebo
        Whether nothing is in it.
    """

    drug: str
    route: str | None
    amounts: tuple[float, ...]
    unit: Unit
    times: tuple[float, ...]
    over: float
    missed: float
    late: float
    place: Place = field(repr=False, compare=False)
    said: str = "amount"
    waits: bool = False
    placebo: bool = False


@dataclass(frozen=True)
class Rule:
    """A rule of the protocol: what is asked at visits, and what is done.

    Attributes
    ----------
    confirmed
        Visits in a row at which the condition must hold.
    most
        How often at most in one subject; None for no bound.
    since
        Hours before which it is not asked.
    among
        The group of the population that it is about, or `not` and the one it is not about; None for everybody.
    """

    name: str
    condition: Condition
    actions: tuple[Action, ...]
    confirmed: int
    most: int | None
    since: float
    among: str | None
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Staying:
    """How long people stay: a Weibull distribution.

    Attributes
    ----------
    median
        Hours.
    """

    median: float
    shape: float


@dataclass(frozen=True)
class Change:
    """Parameters that are others from one time, in hours, to another."""

    start: float
    end: float
    condition: str | None
    set: Mapping[str, float]
    multiply: Mapping[str, float]
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Meal:
    """One meal: hours, g of carbohydrate, share eaten as solid food.

    Attributes
    ----------
    jitter
        Standard deviation of its time.
    waits
        Whether it may be late but not early: something is measured before it.
    """

    time: float
    carbohydrate: float
    solid: float
    jitter: float = 0.0
    waits: bool = False


@dataclass(frozen=True)
class Setting:
    """A number given by name: a parameter, a switch, or the share of a group."""

    name: str
    value: float
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class ArmSpec:
    """One arm: what differs between the groups of a trial."""

    name: str
    about: str
    regimens: tuple[Regimen, ...]
    changes: tuple[Change, ...]
    settings: tuple[Setting, ...]
    rules: tuple[Rule, ...] = ()
    staying: Staying | None = None

    @property
    def is_treated(self) -> bool:
        """Whether a drug is given from the start."""
        return any(any(r.amounts) and not r.placebo and not r.waits for r in self.regimens)


@dataclass(frozen=True)
class Stray:
    """Samples that are not what they are taken for.

    Attributes
    ----------
    share
        Of fasting samples.
    factor, log_sd
        Median factor on glucose, and SD of its logarithm.
    """

    share: float
    factor: float
    log_sd: float


@dataclass(frozen=True)
class Sampling:
    """How visits measure.

    Attributes
    ----------
    fasting
        Whether visits are meant to be fasting.
    assay
        Coefficient of variation of each observable that is measured with error.
    stray
        Samples that are not what they are taken for; None where there are none.
    """

    fasting: bool
    assay: Mapping[str, float]
    stray: Stray | None
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class LabTest:
    """A test of the virtual laboratory at a time in hours."""

    time: float
    protocol: Protocol
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class TrialSpec:
    """How a trial counts.

    Attributes
    ----------
    ctcae
        Version of the CTCAE that grades glucose.
    reporting
        Layer from grades to reported adverse events; None for none.
    calibration
        Fit whose uncertainty goes into intervals; None for none.
    assumptions
        What no paper reports and was assumed.
    """

    name: str
    ctcae: str = "4.03"
    reporting: str | None = "bolero_2"
    calibration: str | None = "trials"
    assumptions: tuple[str, ...] = ()
    place: Place | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Observed:
    """What a trial reported of one arm; a percentage, or the bound that it is below."""

    arm: str
    endpoint: str
    percent: float | None
    below: float | None
    of: int
    role: str
    source: str
    evidence: str


@dataclass(frozen=True)
class Match:
    """What a paper reports of its patients: the mean and SD of a quantity, or the correlation of two."""

    of: tuple[str, ...]
    mean: float | None
    sd: float | None
    correlation: float | None
    place: Place = field(repr=False, compare=False)


def since_last_meal(time: float, meals: Sequence[float]) -> float:
    """Hours since the last of `meals` (times in order) before `time`; before the first, since the evening before."""
    count = bisect_left(meals, time)
    return time - (meals[count - 1] if count else -EVENING_FAST)


def rechecks(visits: Sequence[float], every: float, until: float) -> list[float]:
    """Times between visits at which subjects on hold are looked at, counted from each visit."""
    ends = [*visits[1:], until]
    return [t for v, end in zip(visits, ends, strict=True) for t in grid(v + every, every, end) if t < end]


def grid(first: float, step: float, until: float) -> Iterator[float]:
    """Times first, first + step, ... up to `until`: multiplied, never accumulated."""
    k = 0
    while first + k * step <= until:
        yield first + k * step
        k += 1
