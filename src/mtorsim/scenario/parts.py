"""Resolved parts of a scenario: times in hours, amounts in units, and the place of each in the input."""

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
    "DAY",
    "DAY_STARTS",
    "FASTING_HOURS",
    "MOST_JITTER",
    "ULN_RANGE",
    "ArmSpec",
    "Change",
    "Episode",
    "LabTest",
    "Match",
    "Meal",
    "NotFasting",
    "Observed",
    "Regimen",
    "Rule",
    "Sampling",
    "Setting",
    "Staying",
    "TrialSpec",
    "grid",
    "rechecks",
    "since_last_meal",
]

ULN_RANGE = 50.0, 300.0
"""Limits of an upper limit of normal of fasting glucose, mg/dL."""

DAY = 24.0
FASTING_HOURS = 8.0
"""Hours after the last meal from which a sample counts as fasting."""
EVENING_FAST = 13.0
"""Hours fasted at t = 0."""
MOST_JITTER = 2.5
"""Largest deviation of a mealtime, in SDs."""
DAY_STARTS = 7.5
"""Clock time of t = 0: 07:30, fasting."""


@dataclass(frozen=True)
class Regimen:
    """Doses of one drug: times and amounts.

    Attributes
    ----------
    amounts, unit, times
        Amount and time of each dose; times in hours.
    over
        Duration of an infusion in hours, 0 for a bolus.
    missed, late
        Share of missed doses, and mean delay in hours.
    said
        The key of the amounts in the input, `amount` or `regimen`.
    waits
        Whether it waits until a rule starts it.
    placebo
        Whether it contains no drug.
    interruptions
        Interruptions a year, and their mean length in hours; None for none.
    tablet
        Amount to whose multiples doses by body size are rounded, with its unit; None for no rounding.
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
    interruptions: tuple[float, float] | None = None
    tablet: tuple[float, Unit] | None = None


@dataclass(frozen=True)
class Rule:
    """A rule of the protocol: a condition and actions at visits.

    Attributes
    ----------
    confirmed
        Number of consecutive visits at which the condition must hold.
    most
        Maximum number of times per subject; None for no limit.
    since
        Time in hours before which it does not apply.
    among
        The group to which it applies, or `not` and an excluded group; None for all subjects.
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
    """Time on study: a Weibull distribution.

    Attributes
    ----------
    median
        Hours.
    """

    median: float
    shape: float


@dataclass(frozen=True)
class Change:
    """A temporary change of parameters between two times in hours."""

    start: float
    end: float
    condition: str | None
    set: Mapping[str, float]
    multiply: Mapping[str, float]
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Meal:
    """One meal: hours, and what is in it.

    Attributes
    ----------
    carbohydrate, protein, fat
        Amounts in g.
    solid
        Share of the carbohydrate in solid food.
    planned
        Whether it belongs to a plan, of which subjects eat in proportion to their energy need.
    jitter
        SD of its time.
    waits
        Whether it may be late but not early, since a measurement precedes it.
    """

    time: float
    carbohydrate: float
    protein: float = 0.0
    fat: float = 0.0
    solid: float = 0.7
    planned: bool = True
    jitter: float = 0.0
    waits: bool = False


@dataclass(frozen=True)
class Setting:
    """A named number: a parameter, a switch, or the share of a group."""

    name: str
    value: float
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class ArmSpec:
    """One arm: everything that may differ between groups of a trial.

    Attributes
    ----------
    visits
        Times of its visits, hours.
    """

    name: str
    about: str
    regimens: tuple[Regimen, ...]
    changes: tuple[Change, ...]
    settings: tuple[Setting, ...]
    visits: tuple[float, ...]
    rules: tuple[Rule, ...] = ()
    staying: Staying | None = None

    @property
    def is_treated(self) -> bool:
        """Whether an active drug is given from the start."""
        return any(any(r.amounts) and not r.placebo and not r.waits for r in self.regimens)


@dataclass(frozen=True)
class Episode:
    """Something that befalls subjects at random times.

    Attributes
    ----------
    regimen
        One dose: the module, route, amount and duration.
    per_year
        Rate.
    spread
        SD of the logarithm of the amount between episodes.
    """

    regimen: Regimen
    per_year: float
    spread: float


@dataclass(frozen=True)
class NotFasting:
    """Samples that count as fasting but were drawn after a meal.

    Attributes
    ----------
    share
        Share of samples.
    first, last
        Earliest and latest hour after the start of the day before, which begins with breakfast.
    """

    share: float
    first: float
    last: float


@dataclass(frozen=True)
class Sampling:
    """Measurement at visits.

    Attributes
    ----------
    fasting
        Whether visits are fasting.
    assay
        CV of each observable with measurement error.
    not_fasting
        Samples that were not fasting; None if all were.
    """

    fasting: bool
    assay: Mapping[str, float]
    not_fasting: NotFasting | None
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class LabTest:
    """A laboratory test at a time in hours."""

    time: float
    protocol: Protocol
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class TrialSpec:
    """Counting of a trial's endpoints.

    Attributes
    ----------
    ctcae
        Version of the CTCAE that grades glucose.
    reporting
        Layer from grades to reported adverse events; None for none.
    calibration
        Fit whose uncertainty widens intervals; None for none.
    assumptions
        Assumptions that no paper reports.
    """

    name: str
    ctcae: str = "4.03"
    reporting: str | None = "bolero_2"
    calibration: str | None = "trials"
    assumptions: tuple[str, ...] = ()
    place: Place | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Observed:
    """A reported rate of one arm: a percentage, or an upper bound."""

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
    """A reported characteristic of patients: mean and SD of a quantity, or the correlation of two."""

    of: tuple[str, ...]
    mean: float | None
    sd: float | None
    correlation: float | None
    place: Place = field(repr=False, compare=False)


def since_last_meal(time: float, meals: Sequence[float]) -> float:
    """Hours since the last of `meals` (times in order) before `time`; before the first, since the previous evening."""
    count = bisect_left(meals, time)
    return time - (meals[count - 1] if count else -EVENING_FAST)


def rechecks(visits: Sequence[float], every: float, until: float) -> list[float]:
    """Times between visits at which subjects on hold are checked, counted from each visit."""
    ends = [*visits[1:], until]
    return [t for v, end in zip(visits, ends, strict=True) for t in grid(v + every, every, end) if t < end]


def grid(first: float, step: float, until: float) -> Iterator[float]:
    """Times first, first + step, ... up to `until`, by multiplication without accumulated error."""
    k = 0
    while first + k * step <= until:
        yield first + k * step
        k += 1
