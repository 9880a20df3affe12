"""Read meals: meal plans, fasting days, additional meals."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import Field

from mtorsim.errors import ScenarioError, UnitError, did_you_mean
from mtorsim.files.library import Library
from mtorsim.files.places import Place
from mtorsim.files.record import Line, Record, read_record
from mtorsim.files.toml import TomlFile
from mtorsim.units.units import convert, parse_quantity, parse_unit

from .file import Meal as AddedMeal
from .file import Meals
from .parts import FASTING_HOURS, MOST_JITTER, Meal, since_last_meal
from .read_times import Clock, clock_hours, hours

__all__ = ["MealPlanFile", "check_fasting", "eaten_at", "eaten_daily", "plan_file", "read_habit", "read_meals"]


class _Head(Record):
    name: Line = Field(description="the plan's name in scenarios")
    about: Line = Field(description="one sentence on the plan")


class _MealLine(Record):
    at: Line = Field(description="clock time")
    carbohydrate: Line = Field(description="amount with unit, such as `60 g`")
    protein: Line = Field("0 g", description="amount with unit")
    fat: Line = Field("0 g", description="amount with unit")


class MealPlanFile(Record):
    """A meal plan."""

    meal_plan: _Head = Field(description="the table that names the plan")
    meal: list[_MealLine] = Field(default=[], description="the meals of a day")


def plan_file(name: str, place: Place, library: Library) -> TomlFile:
    """Read a meal plan."""
    plans = {}
    for path in library.meal_plans.values():
        file = TomlFile.read(path, ScenarioError)
        plans[read_record(file, MealPlanFile).meal_plan.name] = file
    if name not in plans:
        help = did_you_mean(name, plans) or "choose from " + ", ".join(f"`{p}`" for p in plans)
        place.fail(f"unknown meal plan `{name}`", help=help)
    return plans[name]


def eaten_daily(file: TomlFile) -> list[Meal]:
    """The meals of a day, in hours from 07:30."""
    return [
        Meal(clock_hours(line.at), *_contents(line, Place(file, ("meal", i))))
        for i, line in enumerate(read_record(file, MealPlanFile).meal)
    ]


def _contents(line: _MealLine | AddedMeal, place: Place) -> tuple[float, float, float]:
    """Grams of carbohydrate, protein and fat in a meal."""
    return (
        _grams("carbohydrate", line.carbohydrate, place),
        _grams("protein", line.protein, place),
        _grams("fat", line.fat, place),
    )


def _grams(what: str, text: str, place: Place) -> float:
    """An amount in g."""
    try:
        value, unit = parse_quantity(text)
        grams = convert(value, unit, parse_unit("g"))
    except UnitError as error:
        place.fail(f"`{what}`: {error.message}", what, help=error.help)
    if grams < 0:
        place.fail("an amount cannot be negative", what)
    return grams


def _repeated(plan: Sequence[Meal], solid: float, until: float) -> Iterator[Meal]:
    """The meals of a plan, repeated daily."""
    day = 0
    while day * 24.0 < until:
        for meal in plan:
            time = day * 24.0 + meal.time
            if time < until:
                yield replace(meal, time=time, solid=solid)
        day += 1


def read_habit(file: TomlFile, meals: Meals) -> tuple[Meal, ...]:
    """Read the meals of the habitual, untreated day."""
    return tuple(_repeated(eaten_daily(file), meals.solid, 24.0))


def read_meals(file: TomlFile, meals: Meals, clock: Clock, visits: Sequence[float], place: Place) -> tuple[Meal, ...]:
    """Read all meals of a scenario, in order: the plan's, without fasting days, and additional ones."""
    planned = _repeated(eaten_daily(file), meals.solid, clock.duration)
    jitter = hours(meals.jitter, place.inside("jitter"))
    if not 0 <= jitter <= 2:
        place.fail("`jitter` must be from 0 to 2 h", "jitter")
    fasts = [clock.time(text, place.inside("fast")) for text in meals.fast]
    found = []
    for meal in planned:
        if not any(since <= meal.time < since + 24.0 for since in fasts):
            # Visits are in order: the last one before the meal is the one that it might wait for.
            before = bisect_right(visits, meal.time)
            since = meal.time - (visits[before - 1] if before else 0.0)
            waits = 0.0 <= since < MOST_JITTER * jitter or 0.0 <= meal.time < MOST_JITTER * jitter
            found.append(replace(meal, jitter=jitter, waits=waits))
    for i, line in enumerate(meals.add):
        own = place.inside("add", i)
        time = clock.time(line.at, own.inside("at"))
        found.append(Meal(time, *_contents(line, own), solid=line.solid, planned=False))
    return tuple(sorted(found, key=lambda m: m.time))


def eaten_at(meals: Sequence[Meal]) -> list[float]:
    """The latest possible time of each meal."""
    return [m.time + MOST_JITTER * m.jitter for m in meals]


def check_fasting(visits: Sequence[float], meals: Sequence[Meal], place: Place) -> None:
    """Raise if a fasting visit is too soon after a meal."""
    eaten = eaten_at(meals)
    for visit in visits:
        since = since_last_meal(visit, eaten)
        if since < FASTING_HOURS:
            message = f"the visit at {visit:g} h cannot be fasting: the last meal was {since:g} h before"
            help = f'wait {FASTING_HOURS:g} h after a meal (whole days are 07:30), or write sample = "random"'
            place.fail(message, help=help)
