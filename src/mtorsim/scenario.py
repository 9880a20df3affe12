"""Scenario files as frozen data: what is done to whom, and when it is measured."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .conversions import glucose_in_mg_dl
from .errors import ScenarioError, SetError, UnitError, did_you_mean
from .library import Library
from .protocols import Protocol, needs, protocol
from .reading import Line, Record, TomlFile, read_record
from .regimen import Part, in_turn, read_regimen
from .units import Unit, convert, parse_quantity, parse_unit

__all__ = ["FASTING_HOURS", "Scenario", "ScenarioFile", "read_scenario"]

FASTING_HOURS = 8.0
"""Hours since the last meal from which a sample counts as fasting."""

EVENING_FAST = 13.0
"""Hours fasted at t = 0."""

MOST_JITTER = 2.5
"""Standard deviations a meal is early or late at most."""

MOST_SUBJECTS = 10**9
LONGEST = 100 * 8766.0
"""Hours; a scenario lasts a hundred years at most."""
MOST_TIMES = 2_000_000
"""Doses, visits or samples of one line."""

DAY_STARTS = 7.5
"""Clock time of t = 0: 07:30, fasting."""

MEAL_PLANS: dict[str, tuple[tuple[str, float], ...]] = {
    "three a day": (("07:30", 60.0), ("12:30", 80.0), ("18:30", 80.0)),
    "none": (),
}
"""Clock time and grams of carbohydrate of each meal of a day."""


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Lines = Annotated[list[Line], BeforeValidator(_many, json_schema_input_type=str | list[str])]


def _flat(value: Any) -> Any:
    """Tables within tables as dotted names: `everolimus.CL = 25` needs no quotes."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        more = {f"{key}.{k}": v for k, v in _flat(inner).items()} if isinstance(inner, dict) else {key: inner}
        if set(more) & set(flat):
            raise ValueError(f"gives `{next(iter(set(more) & set(flat)))}` twice")
        flat |= more
    return flat


Settings = Annotated[dict[str, float], BeforeValidator(_flat, json_schema_input_type=dict[str, Any])]


class DoseLine(Record):
    """A `[[dose]]` table."""

    drug: Line = Field(description="name of the drug's module")
    amount: Line | None = Field(None, description="amount with unit, such as `10 mg`")
    every: Line | None = Field(None, description="dosing interval, such as `24 h`; once when left out")
    regimen: Line | None = Field(
        None, description="both as text, in turn: `10 mg q24h x 28 then 5 mg q12h x 56 then 5 mg q24h`"
    )
    over: Line | None = Field(None, description="duration of an infusion; at once when left out")
    on: Line | None = Field(None, description="doses are given for so long, and then withheld for `off`, in turn")
    off: Line | None = Field(None, description="how long doses are withheld after each `on`")
    start: Line = Field("0 h", description="time of the first dose's day, from the start")
    stop: Line | None = Field(None, description="no dose at or after this time; the end when left out")
    time: Line = Field("07:30", description="clock time of the first dose")
    route: Line | None = Field(None, description="route of the drug's module; its first when left out")
    missed: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="share of doses missed, drawn per subject")
    late: Line = Field("0 h", description="mean delay of a dose, drawn per subject")


class Meal(Record):
    """A `[[meals.add]]` table."""

    at: Line = Field(description="time from the start")
    carbohydrate: Line = Field(description="amount with unit, such as `75 g`")
    solid: Annotated[float, Field(ge=0, le=1)] = Field(0.7, description="share eaten as solid food")


class Meals(Record):
    """The `[meals]` table."""

    habit: Line = Field("three a day", description="plan of the untreated days before the start")
    plan: Line | None = Field(None, description="plan during the scenario; the habit when left out")
    solid: Annotated[float, Field(ge=0, le=1)] = Field(0.7, description="share of a plan's meals eaten as solid food")
    jitter: Line = Field("0 h", description="standard deviation of a plan's mealtimes, drawn per subject and meal")
    fast: Lines = Field(default=[], description="times from which a plan's meals are left out for a day")
    add: list[Meal] = Field(default=[], description="further meals")


class ChangeLine(Record):
    """A `[[change]]` table: parameters that are others for a while, such as a clearance beside an inhibitor."""

    about: Line = Field("", description="what it stands for")
    at: Line = Field(description="when it begins, from the start")
    until: Line | None = Field(None, description="when it ends; the end when left out")
    condition: Line | None = Field(None, description="a condition that a module knows, such as `everolimus.rifampicin`")
    set: Settings = Field(default={}, description="parameters and their values meanwhile")
    multiply: Settings = Field(default={}, description="parameters and the factors on everybody's own values")


class TestLine(Record):
    """A `[[test]]` table: a test of the virtual laboratory, on copies of the subjects."""

    kind: Line = Field(description="`ogtt`, `mixed-meal`, `ivgtt`, `clamp`, `hyperglycaemic-clamp` or `profile`")
    at: Lines = Field(description="times from the start")
    options: dict[str, float | list[float]] = Field(
        default={}, description="what differs from the standard test, such as `insulin = [0.25, 1]`"
    )


class Visits(Record):
    """The `[visits]` table."""

    at: Lines = Field(description="times from the start; `every 4 weeks` goes on from the last one")
    sample: Line = Field("fasting", description="`fasting`, or `random` for whatever the hour brings")


class RecordLine(Record):
    """The `[record]` table: a finer series for figures."""

    every: Line = Field("24 h", description="interval of the series")


class Arm(Record):
    """An `[[arm]]` table: a variant of the scenario as written."""

    name: Line = Field(description="the arm's name")
    about: Line = Field("", description="what differs")
    without: Lines = Field(default=[], description="drugs whose doses are placebo")
    dose: list[DoseLine] | None = Field(None, description="doses that replace the scenario's")
    change: list[ChangeLine] | None = Field(None, description="changes that replace the scenario's")
    set: Settings = Field(default={}, description="parameters and switches from t = 0 on, for everyone in the arm")


class ScenarioFile(Record):
    """A scenario file, table by table."""

    title: Line = Field(description="one line for the head of reports")
    about: Line = Field("", description="what the scenario is for")
    model: Annotated[list[Line], Field(min_length=1)] = Field(description="names of the modules")
    population: Line = Field(description="name of the population")
    subjects: Annotated[int, Field(ge=1, le=MOST_SUBJECTS)] = Field(200, description="how many subjects there are")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(1, description="of the population's draws")
    duration: Line = Field(description="how long, such as `24 weeks`")
    uln: Line = Field("110 mg/dL", description="the laboratory's upper limit of normal of fasting glucose")
    arm_name: Line | None = Field(None, description="name of the arm as written; its drugs when left out")
    dose: list[DoseLine] = Field(default=[], description="doses of drugs")
    change: list[ChangeLine] = Field(default=[], description="parameters that are others for a while")
    meals: Meals = Field(default=Meals(), description="what is eaten")  # pyright: ignore[reportCallIssue]
    visits: Visits = Field(description="when it is measured")
    test: list[TestLine] = Field(default=[], description="tests of the virtual laboratory on copies of the subjects")
    record: RecordLine = Field(default=RecordLine(), description="a finer series for figures")  # pyright: ignore[reportCallIssue]
    observe: list[Line] = Field(default=[], description="further quantities to record, by full name")
    set: Settings = Field(default={}, description="medians of parameters, and switches")
    arm: list[Arm] = Field(default=[], description="variants of the scenario as written")


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

    def is_fasting(self, time: float) -> bool:
        """Whether a sample at `time` is fasting."""
        return since_last_meal(time, self._meal_times) >= FASTING_HOURS

    @cached_property
    def _meal_times(self) -> tuple[float, ...]:
        return tuple(m.time for m in self.meals)


def read_scenario(name: str | Path, library: Library | None = None) -> Scenario:
    """Read a scenario by name or path.

    Raises
    ------
    ScenarioError
        For the first thing that cannot be done as written.
    """
    library = library or Library()
    file = TomlFile.read(library.scenario(str(name)), ScenarioError)
    return _Resolver(file, read_record(file, ScenarioFile), library).scenario()


def scenario_from_text(text: str, path: Path, library: Library | None = None) -> Scenario:
    """Read a scenario from text, as if it stood at `path`."""
    file = TomlFile.parse(path, text, ScenarioError)
    return _Resolver(file, read_record(file, ScenarioFile), library or Library()).scenario()


class _Resolver:
    def __init__(self, file: TomlFile, data: ScenarioFile, library: Library) -> None:
        self.file = file
        self.data = data
        for i, name in enumerate(data.model):
            if name not in library.modules:
                help = did_you_mean(name, library.modules) or "known are " + ", ".join(library.modules)
                file.fail(f"there is no module `{name}`", ("model", i), help, needle=name)
        if data.population not in library.populations:
            help = did_you_mean(data.population, library.populations)
            help = help or "known are " + ", ".join(library.populations)
            file.fail(f"there is no population `{data.population}`", ("population",), help, needle=data.population)
        self.duration = self._hours(data.duration, "duration")
        if self.duration <= 0:
            file.fail("the duration must be longer than 0", ("duration",))
        if self.duration > LONGEST:
            file.fail(f"`{data.duration}` is too long: a scenario lasts 100 years at most", ("duration",))

    def scenario(self) -> Scenario:
        data = self.data
        habit = tuple(self._plan(data.meals.habit, "habit", 24.0))
        plan = data.meals.plan if data.meals.plan is not None else data.meals.habit
        visits = self._visits()
        eaten = self._on_time_or_not(self._plan(plan, "plan", self.duration), visits)
        meals = sorted([*eaten, *self._added()], key=lambda m: m.time)
        self._check_fasting(visits, meals)
        tests = tuple(self._tests(meals))
        modules = list(dict.fromkeys([*data.model, *needs(p for _, p in tests)]))
        return Scenario(
            data=data.model_copy(update={"model": modules}),
            file=self.file,
            duration=self.duration,
            uln=self._uln(),
            visits=visits,
            series=tuple(_grid(0.0, self._positive(data.record.every, "record", "every"), self.duration)),
            meals=tuple(meals),
            habit=habit,
            branches=tuple(self._branches()),
            tests=tests,
        )

    def _hours(self, text: str, *key: str | int) -> float:
        """A time or interval in hours."""
        try:
            value, unit = parse_quantity(text)
            return convert(value, unit, parse_unit("h"))
        except UnitError as error:
            near = error.help if error.help and error.help.startswith("did you mean") else None
            help = near or "write for example `24 h`, `7 days` or `12 weeks`"
            self.file.fail(f"`{key[-1]}`: {error.message}", key, help, needle=text)

    def _time(self, text: str, *key: str | int) -> float:
        """A time from the start that lies inside the scenario."""
        time = self._hours(text, *key)
        if time < 0:
            self.file.fail(f"`{text}` lies before the start", key, "times are counted from t = 0", needle=text)
        if time > self.duration:
            message = f"`{text}` lies after the end: the scenario lasts {self.data.duration}"
            self.file.fail(message, key, "make `duration` longer, or the time earlier", needle=text)
        return time

    def _positive(self, text: str, *key: str | int) -> float:
        value = self._hours(text, *key)
        if value <= 0:
            self.file.fail(f"`{text}` is no interval: it must be longer than 0", key, needle=text)
        if self.duration / value > MOST_TIMES:
            message = f"`{text}` is too short an interval: {self.data.duration} hold more than {MOST_TIMES:,} of it"
            self.file.fail(message, key, needle=text)
        return value

    def _uln(self) -> float:
        try:
            value, unit = parse_quantity(self.data.uln)
            if value <= 0:
                self.file.fail("`uln` must be more than 0", ("uln",))
            return glucose_in_mg_dl(value, unit)
        except UnitError as error:
            self.file.fail(f"`uln`: {error.message}", ("uln",), "write for example `110 mg/dL` or `6.1 mmol/L`")

    def _plan(self, name: str, key: str, until: float) -> Iterator[MealEvent]:
        if name not in MEAL_PLANS:
            help = did_you_mean(name, MEAL_PLANS) or "known are " + ", ".join(f"`{p}`" for p in MEAL_PLANS)
            self.file.fail(f"unknown meal plan `{name}`", ("meals", key), help)
        solid = self.data.meals.solid
        day = 0
        while day * 24.0 < until:
            for clock, grams in MEAL_PLANS[name]:
                time = day * 24.0 + _clock_hours(clock)
                if time < until:
                    yield MealEvent(time, grams, solid)
            day += 1

    def _on_time_or_not(self, meals: Iterator[MealEvent], visits: tuple[float, ...]) -> Iterator[MealEvent]:
        """A plan's meals less those of days of fasting, and how far each may stray."""
        jitter = self._hours(self.data.meals.jitter, "meals", "jitter")
        if not 0 <= jitter <= 2:
            self.file.fail("`jitter` is from 0 to 2 h", ("meals", "jitter"))
        fasts = [self._time(text, "meals", "fast") for text in self.data.meals.fast]
        for meal in meals:
            if any(since <= meal.time < since + 24.0 for since in fasts):
                continue
            before = [0.0, *visits]
            waits = any(t <= meal.time < t + MOST_JITTER * jitter for t in before)
            yield replace(meal, jitter=jitter, waits=waits)

    def _added(self) -> Iterator[MealEvent]:
        for i, meal in enumerate(self.data.meals.add):
            try:
                value, unit = parse_quantity(meal.carbohydrate)
                grams = convert(value, unit, parse_unit("g"))
            except UnitError as error:
                self.file.fail(f"`carbohydrate`: {error.message}", ("meals", "add", i, "carbohydrate"), error.help)
            if grams < 0:
                self.file.fail("an amount cannot be negative", ("meals", "add", i, "carbohydrate"))
            yield MealEvent(self._time(meal.at, "meals", "add", i, "at"), grams, meal.solid)

    def _visits(self) -> tuple[float, ...]:
        key = ("visits", "at")
        times: list[float] = []
        for text in self.data.visits.at:
            repeat = re.fullmatch(r"every\s+(.+)", text.strip())
            if repeat:
                step = self._positive(repeat.group(1), *key)
                more = list(_grid((times[-1] if times else -step) + step, step, self.duration))
                if not more:
                    message = f"`{text}` adds no visit: the scenario lasts {self.data.duration}"
                    self.file.fail(message, key, "leave it out, or make `duration` longer", needle=text)
                times += more
                continue
            time = self._time(text, *key)
            if times and time <= times[-1]:
                self.file.fail(
                    f"`{text}` does not come after the visit before it", key, "put visits in order", needle=text
                )
            times.append(time)
        if not times:
            self.file.fail("there is no visit", key, 'write for example `at = ["0 weeks", "every 4 weeks"]`')
        if self.data.visits.sample not in ("fasting", "random"):
            message = f"`sample` cannot be `{self.data.visits.sample}`"
            self.file.fail(message, ("visits", "sample"), "choose from fasting, random")
        return tuple(times)

    def _check_fasting(self, visits: tuple[float, ...], meals: list[MealEvent]) -> None:
        if self.data.visits.sample != "fasting":
            return
        for visit in visits:
            since = since_last_meal(visit, [m.time + MOST_JITTER * m.jitter for m in meals])
            if since < FASTING_HOURS:
                message = f"the visit at {visit:g} h cannot be fasting: the last meal was {since:g} h before"
                help = f'{FASTING_HOURS:g} h after a meal it is (at whole days, 07:30); or write sample = "random"'
                self.file.fail(message, ("visits", "at"), help)

    def _tests(self, meals: list[MealEvent]) -> Iterator[tuple[float, Protocol]]:
        eaten = [m.time + MOST_JITTER * m.jitter for m in meals]
        seen: set[tuple[str, float]] = set()
        for i, line in enumerate(self.data.test):
            try:
                test = protocol(line.kind, **line.options)
            except SetError as error:
                self.file.fail(error.message, ("test", i), error.help, needle=line.kind)
            if not line.at:
                self.file.fail("there is no time", ("test", i, "at"), 'write for example `at = "4 weeks"`')
            for text in line.at:
                time = self._time(text, "test", i, "at")
                since = since_last_meal(time, eaten)
                if test.fasting and since < FASTING_HOURS:
                    message = (
                        f"the test `{test.name}` at {time:g} h is not fasting: the last meal was {since:g} h before"
                    )
                    help = "at whole days it is 07:30, before breakfast"
                    self.file.fail(message, ("test", i, "at"), help, needle=text)
                if test.everyday and time + test.duration > self.duration:
                    message = f"`{test.name}` at {text} ends after the scenario, which lasts {self.data.duration}"
                    self.file.fail(message, ("test", i, "at"), "make `duration` longer", needle=text)
                if (test.name, time) in seen:
                    help = "other options are for another time, or for a scenario of their own"
                    self.file.fail(f"two tests `{test.name}` at {text}", ("test", i, "at"), help, needle=text)
                seen.add((test.name, time))
                yield time, test

    def _branches(self) -> Iterator[Branch]:
        data = self.data
        own = tuple(self._dosing(line, ("dose", i)) for i, line in enumerate(data.dose))
        drugs = list(dict.fromkeys(d.drug for d in own))
        first = data.arm_name or "+".join(drugs) or "untreated"
        names = [first, *(arm.name for arm in data.arm)]
        for i, arm in enumerate(data.arm):
            if names.index(arm.name) != i + 1:
                message = f"two arms are called `{arm.name}`"
                help = "the scenario as written is an arm too; `arm_name` renames it" if arm.name == first else None
                self.file.fail(message, ("arm", i, "name"), help)
            if not re.fullmatch(r"[\w+. -]{1,60}", arm.name) or arm.name.strip(". ") != arm.name:
                help = "letters, digits, spaces and + - _ ."
                self.file.fail(f"`{arm.name}` cannot name an arm", ("arm", i, "name"), help)
        if not re.fullmatch(r"[\w+. -]{1,60}", first) or first.strip(". ") != first:
            self.file.fail(f"`{first}` cannot name an arm", ("arm_name",), "letters, digits, spaces and + - _ .")
        changes = tuple(self._change(line, ("change", i)) for i, line in enumerate(data.change))
        yield Branch(first, "", own, changes, {})
        for i, arm in enumerate(data.arm):
            dosing = own
            if arm.dose is not None:
                dosing = tuple(self._dosing(line, ("arm", i, "dose", j)) for j, line in enumerate(arm.dose))
            for drug in arm.without:
                if drug not in [d.drug for d in dosing]:
                    help = did_you_mean(drug, drugs) or ("dosed are " + ", ".join(drugs) if drugs else None)
                    self.file.fail(f"`{drug}` is not dosed", ("arm", i, "without"), help, needle=drug)
            dosing = tuple(_placebo(d) if d.drug in arm.without else d for d in dosing)
            mine = changes
            if arm.change is not None:
                mine = tuple(self._change(line, ("arm", i, "change", j)) for j, line in enumerate(arm.change))
            yield Branch(arm.name, arm.about, dosing, mine, dict(arm.set))

    def _change(self, line: ChangeLine, key: tuple[str | int, ...]) -> Change:
        start = self._time(line.at, *key, "at")
        end = self._time(line.until, *key, "until") if line.until is not None else float("inf")
        if end <= start:
            self.file.fail("the change ends before it begins", (*key, "until"), "make `until` later than `at`")
        if not line.set and not line.multiply and line.condition is None:
            self.file.fail("nothing changes", key, "give `condition`, `set` or `multiply`")
        return Change(start, end, line.condition, dict(line.set), dict(line.multiply), key)

    def _dosing(self, line: DoseLine, key: tuple[str | int, ...]) -> Dosing:
        if line.drug not in self.data.model:
            help = did_you_mean(line.drug, self.data.model) or f"add `{line.drug}` to `model`"
            self.file.fail(f"the drug `{line.drug}` is not in `model`", (*key, "drug"), help, needle=line.drug)
        start = self._time(line.start, *key, "start") + self._clock(line.time, *key, "time")
        stop = self._time(line.stop, *key, "stop") if line.stop else self.duration
        if stop < start:
            if line.stop is None:
                self.file.fail("no dose of this line is ever given", key, f"the scenario lasts {self.data.duration}")
            self.file.fail("the doses stop before they start", (*key, "stop"), "make `stop` later than `start`")
        parts, unit = self._parts(line, key)
        doses = [d for d in in_turn(parts, start, stop) if self._is_on(line, d[0] - start, key)]
        if not [t for t, _ in doses if t < self.duration]:
            self.file.fail("no dose of this line is ever given", key, f"the scenario lasts {self.data.duration}")
        over = self._hours(line.over, *key, "over") if line.over else 0.0
        late = self._hours(line.late, *key, "late")
        for name, value in (("over", over), ("late", late)):
            if value < 0:
                self.file.fail(f"`{name}` cannot be negative", (*key, name))
        times, amounts = zip(*doses, strict=True)
        said = (*key, "amount" if line.amount is not None else "regimen")
        return Dosing(line.drug, line.route, amounts, unit, times, over, line.missed, late, said)

    def _parts(self, line: DoseLine, key: tuple[str | int, ...]) -> tuple[list[Part], Unit]:
        """What is given in turn, in one unit."""
        if line.regimen is not None:
            if line.amount is not None or line.every is not None:
                message = "a regimen says how much and how often itself"
                self.file.fail(message, (*key, "regimen"), "leave out `amount` and `every`")
            name, text = "regimen", line.regimen
        elif line.amount is not None:
            name, text = "amount", line.amount
        else:
            self.file.fail("there is no amount", key, "give `amount`, or `regimen`")
        try:
            if name == "regimen":
                parts, unit = read_regimen(text)
            else:
                value, unit = parse_quantity(text)
                every = self._positive(line.every, *key, "every") if line.every else None
                parts = [Part(value, every, None if every else 1)]
        except UnitError as error:
            self.file.fail(f"`{name}`: {error.message}", (*key, name), error.help)
        if min(p.amount for p in parts) < 0:
            self.file.fail("an amount cannot be negative", (*key, name))
        if sum(self.duration / p.every for p in parts if p.every) > MOST_TIMES:
            self.file.fail(f"`{text}` has more than {MOST_TIMES:,} doses", (*key, name))
        return parts, unit

    def _is_on(self, line: DoseLine, since: float, key: tuple[str | int, ...]) -> bool:
        """Whether doses are given so long after the first."""
        if (line.on is None) != (line.off is None):
            help = 'for example on = "5 d", off = "2 d"'
            self.file.fail("`on` and `off` go together", (*key, "on" if line.on else "off"), help)
        if line.on is None or line.off is None:
            return True
        on, off = self._positive(line.on, *key, "on"), self._positive(line.off, *key, "off")
        return since % (on + off) < on * (1 - 1e-12)

    def _clock(self, text: str, *key: str | int) -> float:
        match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
        if match is None:
            self.file.fail(f"`{text}` is not a clock time", key, "write for example `07:30`", needle=text)
        return _clock_hours(text)


def since_last_meal(time: float, meals: Sequence[float]) -> float:
    """Hours since the last of `meals` (times in order) before `time`; before the first, since the evening before."""
    count = bisect_left(meals, time)
    return time - (meals[count - 1] if count else -EVENING_FAST)


def _clock_hours(text: str) -> float:
    """Hours from 07:30 to a clock time, the next day's where it is earlier."""
    hours, _, minutes = text.partition(":")
    return (int(hours) + int(minutes) / 60 - DAY_STARTS) % 24.0


def _grid(first: float, step: float, until: float) -> Iterator[float]:
    """Times first, first + step, ... up to `until`: multiplied, never accumulated."""
    k = 0
    while first + k * step <= until:
        yield first + k * step
        k += 1


def _placebo(dosing: Dosing) -> Dosing:
    """The same doses at the same times, of nothing: arms then stop at the same instants."""
    return replace(dosing, amounts=(0.0,) * len(dosing.amounts))
