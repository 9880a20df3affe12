"""A person whose future is asked for: covariates, doses and measured values, on one time axis in hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from mtorsim.errors import PersonError, Where, choose_from, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.files.places import Key, Place, PythonSource, Source
from mtorsim.files.record import read_record
from mtorsim.files.roles import BODY, PATHWAY
from mtorsim.files.toml import TomlFile
from mtorsim.scenario.parts import DAY, DAY_STARTS
from mtorsim.scenario.read_times import hours
from mtorsim.scenario.scenario import Scenario

from .calendar import Calendar
from .doses import Doses, from_now
from .file import MEASURED, Measured, PersonFile
from .options import AS_NOW, THERAPIES, Choice, usual_choices
from .value import KINDS, METER, read_value

__all__ = ["Person", "Value", "person_from", "read_person"]

LOWERING = (*THERAPIES, "dpp4_inhibitor", "octreotide")
"""Drugs that are not held or halved because of high glucose."""
SEXES = {"female": 0.0, "male": 1.0}
EARLY = 3.5
"""Hours before 07:30 from which a sample counts as one of that morning, on the first day."""


@dataclass(frozen=True)
class Value:
    """A measured value.

    Attributes
    ----------
    time
        Hours from the start.
    name, value
        The observable, and its value in the observable's unit.
    beyond
        -1 if it is known to lie below the value, 1 if above, 0 if it was measured.
    error
        Coefficient of variation of the measurement.
    said
        The value and its day as written.
    """

    time: float
    name: str
    value: float
    beyond: int
    error: float
    said: str
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True)
class Person:
    """A person, resolved.

    Attributes
    ----------
    scenario
        The history and what is ahead; its first arm goes on as now, the others are options.
    given
        Values of known covariates.
    members
        Whether the person is a member of a group of the population.
    values
        What was measured, in order of time.
    now, end
        Hours from the start at which the forecast begins and ends.
    choices
        The options, in the order of the scenario's arms.
    calendar
        Days from the start.
    """

    name: str
    scenario: Scenario
    given: Mapping[str, float]
    members: Mapping[str, bool]
    values: tuple[Value, ...]
    now: float
    end: float
    choices: tuple[Choice, ...]
    calendar: Calendar
    place: Place = field(repr=False, compare=False)

    def day(self, time: float) -> str:
        """A time as a date, or as a day number."""
        return self.calendar.told(time)


@dataclass(frozen=True)
class _Tables:
    """The tables of the scenario of a person; an error points to the person's file."""

    data: Mapping[str, Any]
    file: Source
    own: int

    @property
    def error(self) -> type[PersonError]:
        return PersonError

    def where(self, key: Key, needle: str | None = None) -> Where:
        """The place in the person's file to which a key of the scenario belongs."""
        match key:
            case ("arm", _, "dose", int(j), *rest) if j < self.own:
                key = ("dose", j, *rest)
            case ("arm", k, "dose", int(j), *rest):
                key = ("option", k, "dose", j - self.own, *rest)
            case ("arm", k, *rest):
                key = ("option", k, *rest)
            case ("dose", *_):
                pass
            case (str(name), *_) if name in ("population", "model", "uln", "meals", "occasion", "trial"):
                key = ("person", "ctcae" if name == "trial" else name)
        return self.file.where(key, needle)


def read_person(
    given: str | Path | Mapping[str, Any], library: Library | None = None, *, compare: bool = True
) -> Person:
    """Read a person from a file, or from the tables of one.

    Parameters
    ----------
    given
        The path of a file, or its tables.
    library
        Where names are looked up.
    compare
        Whether to prepare what could be done; without, the model needs no therapies.

    Raises
    ------
    PersonError
        For the first error.
    """
    if isinstance(given, Mapping):
        return person_from(PythonSource("forecast", given, PersonError), library or library_for(), compare)
    if not isinstance(given, (str, Path)):
        raise PersonError(f"a person must be a file or its tables, not {spoken(given)}")
    return person_from(TomlFile.read(Path(given), PersonError), library or library_for(given), compare)


def person_from(source: Source, library: Library, compare: bool = True) -> Person:
    """Resolve a person's tables."""
    return _Reader(read_record(source, PersonFile), source, library).read(compare)


class _Reader:
    """One file and its time axis."""

    def __init__(self, form: PersonFile, source: Source, library: Library) -> None:
        self.form, self.source, self.library, self.place = form, source, library, Place(source)
        self.calendar = Calendar(self._start())
        self.doses = Doses(form.dose, self.place, self.calendar)

    def read(self, compare: bool) -> Person:
        """Resolve everything."""
        head = self.form.person
        values = self._values()
        now = values[-1].time
        if head.now is not None:
            now = DAY * self.calendar.number(head.now, self.place.inside("person"), "now")
        if now < values[-1].time:
            self.place.fail("`now` is before the last measurement", "person", "now", help="leave it out")
        # A forecast begins in the morning.
        now = DAY * -(-now // DAY)
        ahead = hours(head.ahead, self.place.inside("person", "ahead"))
        if not DAY <= ahead <= 3660 * DAY:
            self.place.fail(f"`ahead` = {head.ahead} is not between a day and ten years", "person", "ahead")
        end = now + DAY * -(-ahead // DAY)
        lines = [self.doses.line(k, now) for k in range(len(self.form.dose))]
        self.doses.check()
        for name in self.form.errors:
            if name not in MEASURED:
                self.place.fail(f"`{name}` is not measured", "errors", name, help=choose_from(name, MEASURED))
        choices = self._choices(now)
        if not compare:
            choices = choices[:1]
        scenario = self._scenario(lines, choices, now, end)
        for value in values:
            self._check_meal(value, scenario)
        members = dict(head.groups)
        if head.diabetic is not None:
            members["diabetic"] = head.diabetic
        return Person(
            name=head.name,
            scenario=scenario,
            given=self._given(),
            members=members,
            values=tuple(values),
            now=now,
            end=end,
            choices=tuple(choices),
            calendar=self.calendar,
            place=self.place,
        )

    def _start(self) -> dt.date | None:
        """The date of the first day."""
        head, form = self.form.person, self.form
        dates = [m.date for m in form.measured] + [d for line in form.dose for d in (line.start, line.stop)]
        known = [d for d in dates if isinstance(d, dt.date)]
        numbered = any(isinstance(d, int) for d in dates) or any(m.day is not None for m in form.measured)
        dated = known or isinstance(head.now, dt.date)
        if head.start is None and dated and numbered:
            self.place.fail("some days are dates and others are numbers", help="say which date is day 0 as `start`")
        if not known:
            return head.start
        if head.start is None and isinstance(head.now, int):
            self.place.fail("some days are dates and others are numbers", "person", "now", help="write `now` as a date")
        first = min(known) if head.start is None else head.start
        for k, line in enumerate(form.dose):
            if isinstance(line.start, dt.date) and line.start < first:
                self.place.fail(f"the dose begins on {line.start}, before the start, {first}", "dose", k, "start")
        return first

    def _values(self) -> list[Value]:
        """What was measured, in order."""
        found: list[Value] = []
        before, said = -1.0, ""
        for k, row in enumerate(self.form.measured):
            place = self.place.inside("measured", k)
            key = "date" if row.date is not None else "day"
            day = self.calendar.number(row.date if row.date is not None else row.day or 0, place, key)
            time = DAY * day + self._clock(row, place)
            # The model's morning is at 07:30; who was there earlier on the first day had not taken the drug either.
            time = 0.0 if -EARLY <= time < 0 else time
            if time < 0:
                place.fail(f"`time` = {row.time} is before the first morning", "time", help="begin a day earlier")
            shown = str(row.date) if row.date is not None else f"day {row.day}"
            if time == before:
                place.fail(f"{shown} {row.time} is measured twice", key, help="put all its values into one table")
            if time < before:
                place.fail(f"{shown} {row.time}, after {said}, is out of order", key, help="are day and month swapped?")
            before, said = time, f"{shown} {row.time}"
            for name in MEASURED:
                text = getattr(row, name)
                if text is not None:
                    found.append(self._value(row, name, text, time, shown, place.inside(name)))
        return found

    def _value(self, row: Measured, name: str, text: str, time: float, shown: str, place: Place) -> Value:
        value, beyond = read_value(text, name, place)
        error = self.form.errors.get(name, KINDS[name].error)
        if row.meter and name in ("fasting_glucose", "glucose"):
            error = max(error, METER)
        return Value(time, name, value, beyond, error, f"{name} {text} on {shown}", place)

    def _clock(self, row: Measured, place: Place) -> float:
        """Hours from the morning of its day at which something was measured."""
        parts = row.time.split(":")
        if len(parts) != 2 or not all(p.isdigit() for p in parts) or int(parts[0]) > 23 or int(parts[1]) > 59:
            place.fail(f"`time` = {spoken(row.time)} is not a clock time", "time", help="write for example 14:30")
        return int(parts[0]) + int(parts[1]) / 60 - DAY_STARTS

    def _check_meal(self, value: Value, scenario: Scenario) -> None:
        """Raise if a fasting value was not fasting."""
        if value.name == "fasting_glucose" and not scenario.is_fasting(value.time):
            message = "`fasting_glucose` is measured less than eight hours after a meal"
            value.place.fail(
                message, help="write `glucose` in its place, or leave `time` out if it was before breakfast"
            )

    def _choices(self, now: float) -> list[Choice]:
        """The options: those of the file, or the usual ones."""
        drugs = self.doses.taken(now)
        if not self.form.option:
            raising = list(dict.fromkeys(d for d in drugs if d not in LOWERING))
            return usual_choices(raising, drugs, bool(self.form.person.diabetic))
        found = [Choice(AS_NOW)]
        for k, option in enumerate(self.form.option):
            for drug in option.factor:
                if drug not in drugs:
                    help = choose_from(drug, drugs) if drugs else None
                    self.place.fail(f"`{drug}` is not taken now", "option", k, "factor", drug, help=help)
            if option.name in [c.name for c in found]:
                self.place.fail(f"two options are called `{option.name}`", "option", k, "name")
            found.append(Choice(option.name, option.factor, tuple(option.dose)))
        return found

    def _scenario(self, lines: list[dict[str, Any]], choices: Sequence[Choice], now: float, end: float) -> Scenario:
        """The history and what is ahead, with one arm for each option."""
        head = self.form.person
        started = [d for choice in choices for d in choice.doses]
        drugs = dict.fromkeys(str(d["drug"]) for d in [*lines, *started] if "drug" in d)
        data: dict[str, Any] = {
            "title": head.name,
            "model": list(dict.fromkeys([*(head.model or (BODY, PATHWAY)), *drugs])),
            "population": head.population,
            "duration": f"{end:g} h",
            "visits": {"at": ["0 weeks"]},
            "meals": {"plan": head.meals},
            "occasion": head.occasion,
            "arm_name": AS_NOW,
            "trial": {"name": head.name, "ctcae": head.ctcae},
        }
        if head.uln is not None:
            data["uln"] = head.uln
        if lines:
            data["dose"] = lines
        places = [self.place.inside("option", k, "dose") for k in range(len(choices) - 1)]
        later = [
            {"name": c.name, "dose": [*lines, *(from_now(d, now, place) for d in c.doses)]}
            for c, place in zip(choices[1:], places, strict=True)
        ]
        if later:
            data["arm"] = later
        return Scenario.of("person", _Tables(data, self.source, len(lines)), self.library)

    def _given(self) -> dict[str, float]:
        """Known covariates."""
        head = self.form.person
        given = dict(head.covariates)
        for name in ("age", "bmi", "height"):
            value = getattr(head, name)
            if value is not None:
                if name in given:
                    self._fail(name, f"`{name}` is given twice", "leave it out of `covariates`")
                given[name] = value
        if head.sex is not None:
            sex = head.sex.strip().lower()
            if sex not in SEXES:
                self._fail("sex", f"`sex` cannot be {spoken(head.sex)}", choose_from(sex, SEXES))
            given["male"] = SEXES[sex]
        if head.weight is not None:
            if "bmi" in given and "height" in given:
                expected = given["bmi"] * given["height"] ** 2
                if abs(expected / head.weight - 1.0) > 0.03:
                    self._fail(
                        "weight", f"`weight` = {head.weight:g} contradicts `bmi` and `height`: {expected:.0f} kg"
                    )
            elif "height" in given:
                given["bmi"] = head.weight / given["height"] ** 2
            elif "bmi" in given:
                given["height"] = (head.weight / given["bmi"]) ** 0.5
            else:
                self._fail("weight", "`weight` alone says little", "give `height` or `bmi` besides")
        return given

    def _fail(self, key: str, message: str, help: str | None = None) -> NoReturn:
        self.place.fail(message, "person", key, help=help)
