"""A scenario as frozen data, its times in hours: what is done to whom, and when it is measured."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mtorsim.files.toml import TomlFile
from mtorsim.protocols.protocol import Protocol
from mtorsim.units.units import Unit

from .actions import Action
from .file import ScenarioFile, Trial
from .rules import Condition

__all__ = [
    "DAY_STARTS",
    "FASTING_HOURS",
    "MOST_JITTER",
    "Branch",
    "Change",
    "Dosing",
    "MealEvent",
    "Rule",
    "Scenario",
    "Staying",
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
class Dosing:
    """Doses of one drug, resolved: hours and module units where they are known.

    Attributes
    ----------
    amounts, unit, times
        Of each dose.
    over
        Duration of an infusion, 0 for what is given at once.
    missed, late
        Share of doses missed, and mean delay.
    key
        Where the amount is written.
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
    key: tuple[str | int, ...]
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
    key: tuple[str | int, ...]


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
    set: dict[str, float]
    multiply: dict[str, float]
    key: tuple[str | int, ...]


@dataclass(frozen=True)
class MealEvent:
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
class Branch:
    """One arm, resolved."""

    name: str
    about: str
    dosing: tuple[Dosing, ...]
    changes: tuple[Change, ...]
    settings: dict[str, float]
    rules: tuple[Rule, ...] = ()
    staying: Staying | None = None


@dataclass(frozen=True)
class Scenario:
    """A scenario, its times in hours.

    Attributes
    ----------
    visits
        Times of the visits.
    series
        Times of the finer series.
    habit
        Meals of one habitual day.
    tests
        Tests of the virtual laboratory, each at its time.
    """

    data: ScenarioFile
    file: TomlFile
    duration: float
    uln: float
    visits: tuple[float, ...]
    series: tuple[float, ...]
    meals: tuple[MealEvent, ...]
    habit: tuple[MealEvent, ...]
    branches: tuple[Branch, ...]
    tests: tuple[tuple[float, Protocol], ...] = ()

    @property
    def name(self) -> str:
        """The scenario's name: its file's."""
        return self.file.path.stem

    def as_trial(self) -> Scenario:
        """With a `[trial]` table, an empty one where the file has none."""
        if self.data.trial:
            return self
        table = Trial.model_validate({"name": self.data.title})
        return replace(self, data=self.data.model_copy(update={"trial": table}))

    def is_fasting(self, time: float) -> bool:
        """Whether a sample at `time` is fasting."""
        return since_last_meal(time, self._meal_times) >= FASTING_HOURS

    @cached_property
    def _meal_times(self) -> tuple[float, ...]:
        return tuple(m.time for m in self.meals)


def since_last_meal(time: float, meals: Sequence[float]) -> float:
    """Hours since the last of `meals` (times in order) before `time`; before the first, since the evening before."""
    count = bisect_left(meals, time)
    return time - (meals[count - 1] if count else -EVENING_FAST)


def rechecks(visits: Sequence[float], every: float, until: float) -> list[float]:
    """Times between visits at which those who wait are looked at, counted from each visit."""
    ends = [*visits[1:], until]
    return [t for v, end in zip(visits, ends, strict=True) for t in _grid(v + every, every, end) if t < end]


def _grid(first: float, step: float, until: float) -> Iterator[float]:
    """Times first, first + step, ... up to `until`: multiplied, never accumulated."""
    k = 0
    while first + k * step <= until:
        yield first + k * step
        k += 1
