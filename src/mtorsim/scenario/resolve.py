"""Resolve a scenario: convert times to hours, check all names, keep the place of each input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtorsim.errors import UnitError, choose_from
from mtorsim.files.library import Library
from mtorsim.files.places import Place
from mtorsim.protocols.protocol import needs
from mtorsim.units.conversions import glucose_in_mg_dl
from mtorsim.units.units import parse_quantity

from .file import ScenarioFile
from .parts import DAY, FASTING_HOURS, ULN_RANGE, Episode, NotFasting, Sampling, Setting, grid
from .read_arms import Arms, read_settings
from .read_doses import Doses
from .read_meals import check_fasting, plan_file, read_habit, read_meals
from .read_rules import check_rechecks
from .read_times import Clock
from .read_trial import read_match, read_observed, read_tests, read_trial

__all__ = ["resolve"]


def resolve(form: ScenarioFile, place: Place, library: Library) -> dict[str, Any]:
    """Return the fields of a `Scenario`.

    Raises
    ------
    ScenarioError
        For the first error.
    """
    _check_names(form, place, library)
    clock = Clock.read(form.duration, place.inside("duration"))
    meals_at = place.inside("meals")
    usual = plan_file(form.meals.habit, meals_at.inside("habit"), library)
    plan = usual if form.meals.plan is None else plan_file(form.meals.plan, meals_at.inside("plan"), library)
    sampling = _sampling(form, place.inside("visits"))
    doses = Doses(clock, form.model)
    own = clock.visits(form.visits.at, place.inside("visits", "at"))
    arms = tuple(Arms(form, clock, doses, own, place).read())
    visits = tuple(sorted({t for arm in arms for t in arm.visits}))
    meals = read_meals(plan, form.meals, clock, visits, meals_at)
    if sampling.fasting:
        check_fasting(own, meals, place.inside("visits", "at"))
        for i, arm in enumerate(arms[1:]):
            check_fasting(arm.visits, meals, place.inside("arm", i, "visits"))
    tests = tuple(read_tests(form.test, form.model, clock, meals, place.inside("test")))
    check_rechecks(arms, meals, clock.duration)
    every = clock.interval(form.record.every, place.inside("record", "every"))
    return {
        "title": form.title,
        "about": form.about,
        "modules": tuple(dict.fromkeys([*form.model, *needs(t.protocol for t in tests)])),
        "population": form.population,
        "subjects": form.subjects,
        "seed": form.seed,
        "duration": clock.duration,
        "lasts": clock.lasts,
        "occasions": _occasions(form.occasion, clock, place.inside("occasion")),
        "uln": _uln(form.uln, place.inside("uln")),
        "visits": visits,
        "series": tuple(grid(0.0, every, clock.duration)),
        "meals": meals,
        "habit": read_habit(usual, form.meals),
        "meal_plans": tuple({file.path: file for file in (usual, plan)}.values()),
        "arms": arms,
        "episodes": _episodes(form, doses, place.inside("episode")),
        "tests": tests,
        "sampling": sampling,
        "observe": tuple((name, place.inside("observe", i)) for i, name in enumerate(form.observe)),
        "settings": read_settings(form.set, place.inside("set")),
        "shares": _shares(form.share, place.inside("share")),
        "sampled": _shares(form.sampled, place.inside("sampled")),
        "entries": tuple(form.entry),
        "trial": read_trial(form.trial, place.inside("trial"), library),
        "observed": tuple(read_observed(form.observed, [a.name for a in arms], place.inside("observed"))),
        "matches": tuple(read_match(form.match, place.inside("match"))),
    }


def _check_names(form: ScenarioFile, place: Place, library: Library) -> None:
    """Check that modules and population are in the library."""
    for i, name in enumerate(form.model):
        if name not in library.modules:
            help = choose_from(name, library.modules)
            place.fail(f"there is no module `{name}`", "model", i, help=help, needle=name)
    if form.population not in library.populations:
        name, known = form.population, library.populations
        help = choose_from(name, known)
        place.fail(f"there is no population `{name}`", "population", help=help, needle=name)


def _shares(values: Mapping[str, float], place: Place) -> tuple[Setting, ...]:
    """Read shares by name of a group."""
    return tuple(Setting(name, value, place.inside(name)) for name, value in values.items())


def _sampling(form: ScenarioFile, place: Place) -> Sampling:
    """Read the measurement at visits."""
    visits = form.visits
    if visits.sample not in ("fasting", "random"):
        place.fail(f"`sample` cannot be `{visits.sample}`", "sample", help="choose from fasting, random")
    spoilt = visits.not_fasting
    if spoilt is None:
        return Sampling(visits.sample == "fasting", dict(visits.assay), None, place)
    first, last = spoilt.hours
    if not 0 < first <= last < DAY - FASTING_HOURS:
        help = "write for example hours = [1, 4]"
        place.fail("these hours do not follow breakfast", "not_fasting", "hours", help=help)
    return Sampling(visits.sample == "fasting", dict(visits.assay), NotFasting(spoilt.share, first, last), place)


def _episodes(form: ScenarioFile, doses: Doses, place: Place) -> tuple[Episode, ...]:
    """Read what befalls subjects."""
    return tuple(
        Episode(doses.once(line, place.inside(i)), line.per_year, line.spread) for i, line in enumerate(form.episode)
    )


def _occasions(text: str | None, clock: Clock, place: Place) -> tuple[float, ...]:
    """Start of each occasion; none if the scenario has no occasions."""
    if text is None:
        return ()
    return tuple(grid(0.0, clock.interval(text, place), clock.duration))


def _uln(text: str, place: Place) -> float:
    """Read the upper limit of normal, in mg/dL."""
    try:
        value, unit = parse_quantity(text)
        if value <= 0:
            place.fail("`uln` must be more than 0")
        uln = glucose_in_mg_dl(value, unit)
    except UnitError as error:
        place.fail(f"`uln`: {error.message}", help="write for example `110 mg/dL` or `6.1 mmol/L`")
    if not ULN_RANGE[0] <= uln <= ULN_RANGE[1]:
        place.fail(f"`uln` = {uln:g} mg/dL is outside {ULN_RANGE[0]:g} to {ULN_RANGE[1]:g}")
    return uln
