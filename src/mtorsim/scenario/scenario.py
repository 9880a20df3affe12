"""Scenarios: population, doses, visits and arms, read from a file or given in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, ScenarioError, shortened, spoken
from mtorsim.files.html import card, table
from mtorsim.files.library import Library, library_for
from mtorsim.files.places import Place, PythonSource, Source
from mtorsim.files.record import read_record
from mtorsim.files.toml import TomlFile
from mtorsim.population.file import Entry

from .file import ScenarioFile
from .parts import (
    FASTING_HOURS,
    ArmSpec,
    Episode,
    LabTest,
    Match,
    Meal,
    Observed,
    Regimen,
    Sampling,
    Setting,
    TrialSpec,
    since_last_meal,
)
from .resolve import resolve
from .tables import ARGUMENTS, TABLES, Arm, Dose, as_tables

__all__ = ["Scenario", "read_scenario", "scenario_from_text", "scenario_of"]


@dataclass(frozen=True, init=False, repr=False)
class Scenario:
    """A scenario: population, doses, visits and arms; times in hours.

    It is read from a file (`read_scenario`) or given in Python, and resolved once, on creation. Arguments are written
    as in a scenario file: amounts and times are text with units.

    Parameters
    ----------
    model
        Names of the modules.
    population
        Name of the population.
    duration
        Duration, such as `8 weeks`.
    visits
        Times from the start, such as `["0 weeks", "every 4 weeks"]`; or a `[visits]` table.
    doses
        Doses.
    arms
        Additional arms, by name.
    name
        Name in tables and files.
    more
        Any other table or key of a scenario file: `title`, `subjects`, `seed`, `uln`, `occasion`, `arm_name`,
        `meals`, `changes`, `tests`, `record`, `observe`, `settings`, `rules`, `leaving`, `shares`, `sampled`,
        `entries`, `trial`, `observed`, `matches`.
    library
        Where names are looked up.

    Attributes
    ----------
    modules, population, subjects, seed
        Model, population, number of subjects and seed.
    duration, lasts
        Duration in hours, and as written.
    occasions
        Start of each occasion, hours; empty without variability between occasions.
    uln
        The laboratory's upper limit of normal of fasting glucose, mg/dL.
    visits, series
        Times of the visits of all arms, and of the finer series.
    meals, habit, meal_plans
        Meals of the scenario and of a habitual day, and the files of their plans.
    arms
        Arms; the first is the scenario as written.
    episodes
        What befalls subjects at random times, in all arms alike.
    tests
        Laboratory tests with their times.
    sampling
        Measurement at visits.
    observe, settings, shares, sampled, entries
        Additional quantities, medians and switches, shares of groups, oversampling, and entry criteria.
    trial, observed, matches
        Counting of endpoints, reported rates, and patient characteristics for weighting.

    Raises
    ------
    ScenarioError
        For the first error.

    Examples
    --------
    >>> import mtorsim as mt
    >>> scenario = mt.Scenario(
    ...     model=["glucose_insulin", "mtor", "everolimus"],
    ...     population="healthy_adults",
    ...     doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
    ...     duration="8 weeks",
    ...     visits=["0 weeks", "4 weeks", "8 weeks"],
    ...     arms={"placebo": mt.Arm(without="everolimus")},
    ... )
    >>> [arm.name for arm in scenario.arms]
    ['everolimus', 'placebo']
    """

    name: str
    title: str
    about: str
    modules: tuple[str, ...]
    population: str
    subjects: int
    seed: int
    duration: float
    lasts: str
    occasions: tuple[float, ...]
    uln: float
    visits: tuple[float, ...]
    series: tuple[float, ...]
    meals: tuple[Meal, ...]
    habit: tuple[Meal, ...]
    meal_plans: tuple[TomlFile, ...]
    arms: tuple[ArmSpec, ...]
    episodes: tuple[Episode, ...]
    tests: tuple[LabTest, ...]
    sampling: Sampling
    observe: tuple[tuple[str, Place], ...]
    settings: tuple[Setting, ...]
    shares: tuple[Setting, ...]
    sampled: tuple[Setting, ...]
    entries: tuple[Entry, ...]
    trial: TrialSpec | None
    observed: tuple[Observed, ...]
    matches: tuple[Match, ...]
    library: Library
    place: Place = field(compare=False)
    _form: ScenarioFile = field(compare=False)

    def __init__(
        self,
        *,
        model: Sequence[str],
        population: str,
        duration: str,
        visits: str | Sequence[str] | Mapping[str, Any],
        doses: Sequence[Dose | Mapping[str, Any]] = (),
        arms: Mapping[str, Arm | Mapping[str, Any]] | None = None,
        name: str = "scenario",
        library: Library | None = None,
        **more: Any,
    ) -> None:
        given = {"model": model, "population": population, "duration": duration, "visits": visits}
        data = as_tables("Scenario", {"title": name, **given, "doses": doses or None, "arms": arms, **more})
        source = PythonSource("Scenario", data, ScenarioError, ARGUMENTS)
        self._set(name, source, library or library_for())

    def _set(self, name: str, source: Source, library: Library) -> None:
        """Resolve a source."""
        if not isinstance(name, str) or not isinstance(library, Library):
            wrong = ("name", "text", name) if not isinstance(name, str) else ("library", "a `Library`", library)
            raise ScenarioError(f"`{wrong[0]}` must be {wrong[1]}, not {spoken(wrong[2])}")
        form = read_record(source, ScenarioFile)
        place = Place(source)
        found = {"name": name, "library": library, "place": place, "_form": form}
        for key, value in {**found, **resolve(form, place, library)}.items():
            object.__setattr__(self, key, value)

    @classmethod
    def of(cls, name: str, source: Source, library: Library) -> Scenario:
        """Make a scenario from a source."""
        made = cls.__new__(cls)
        made._set(name, source, library)
        return made

    def replace(self, **changes: Any) -> Scenario:
        """Return the scenario with some arguments replaced.

        Raises
        ------
        ScenarioError
            If the new scenario is invalid.

        Examples
        --------
        >>> import mtorsim as mt
        >>> mt.read_scenario("ogtt").replace(subjects=20, population="igt").subjects
        20
        """
        name, library = changes.pop("name", self.name), changes.pop("library", self.library)
        new = as_tables("Scenario.replace", changes)
        data = {**self._form.model_dump(by_alias=True, exclude_unset=True), **new}
        for key in (k for k, v in changes.items() if v is None):
            data.pop(TABLES.get(key, key), None)
        base = self.place.source
        source = PythonSource("Scenario.replace", data, ScenarioError, ARGUMENTS, base, frozenset(new))
        return Scenario.of(name, source, library)

    def with_arm(self, name: str, arm: Arm | None = None, **differs: Any) -> Scenario:
        """Return the scenario with one additional arm.

        Parameters
        ----------
        name
            The arm's name.
        arm, differs
            An `Arm`, or its arguments.

        Examples
        --------
        >>> import mtorsim as mt
        >>> more = mt.read_scenario("everolimus_healthy").with_arm("half", settings={"mtorc2": 0.5})
        >>> [arm.name for arm in more.arms]
        ['everolimus', 'placebo', 'half']
        """
        if arm is not None and not isinstance(arm, Arm):
            raise ScenarioError(f"an arm must be an `Arm`, not {spoken(arm)}", help="write `mt.Arm(...)`")
        if arm is not None and differs:
            given = ", ".join(f"`{name}`" for name in differs)
            raise ScenarioError(f"give {given} as an argument of the `Arm`, not beside it")
        return self.with_arms({name: arm or Arm(**differs)})

    def with_arms(self, arms: Mapping[str, Arm]) -> Scenario:
        """Return the scenario with additional arms, by name."""
        written = self._form.model_dump(by_alias=True, exclude_unset=True).get("arm", [])
        return self.replace(arms=[*written, *({**arm.values, "name": name} for name, arm in arms.items())])

    def but(self, **resolved: Any) -> Scenario:
        """Return the scenario with other resolved attributes, for internal additions before a run."""
        made = Scenario.__new__(Scenario)
        for key in fields(self):
            object.__setattr__(made, key.name, resolved.get(key.name, getattr(self, key.name)))
        return made

    @property
    def text(self) -> str:
        """The scenario as a TOML file."""
        source = self.place.source
        if isinstance(source, TomlFile):
            return source.text
        import tomli_w

        return tomli_w.dumps(self._form.model_dump(by_alias=True, exclude_unset=True, exclude_none=True))

    @property
    def dose_lines(self) -> list[dict[str, Any]]:
        """The doses as written, one table per line."""
        return [line.model_dump(by_alias=True, exclude_unset=True) for line in self._form.dose]

    def as_trial(self) -> Scenario:
        """Return the scenario with a `TrialSpec`, the default one if it has none."""
        return self if self.trial else self.but(trial=TrialSpec(self.title))

    def is_fasting(self, time: float) -> bool:
        """Whether a sample at `time` is fasting."""
        return since_last_meal(time, self._meal_times) >= FASTING_HOURS

    @cached_property
    def _meal_times(self) -> tuple[float, ...]:
        return tuple(m.time for m in self.meals)

    def _repr_html_(self) -> str:
        """Arms with their doses, and visits, for notebooks."""
        rows = []
        for arm in self.arms[:50]:
            doses = [_told(regimen) for regimen in arm.regimens]
            settings = [f"{s.name} = {s.value:g}" for s in arm.settings]
            rules = [rule.name for rule in arm.rules]
            rows.append([escape(x) for x in (arm.name, "; ".join(doses), ", ".join(settings), ", ".join(rules))])
        visits = ", ".join(f"{t / 24:g}" for t in self.visits[:40]) + (" ..." if len(self.visits) > 40 else "")
        head = ["arm", "doses", "settings", "rules"]
        title = f"{self.title}: {self.subjects:,} subjects of {self.population}, {self.lasts}"
        return card(title, self.about, table(head, rows, words=0), f"<p>visits on days {visits}</p>")

    def __repr__(self) -> str:
        arms = shortened([a.name for a in self.arms])
        model = ", ".join(self.modules)
        return (
            f"Scenario({self.name!r}: {self.subjects} subjects of {self.population}, {self.lasts}, "
            f"{len(self.visits)} visits; arms: {arms}; model: {model})"
        )


def _told(regimen: Regimen) -> str:
    """Describe a regimen in a few words."""
    several = sorted(set(regimen.amounts))
    amount = f"{several[0]:g}" + (f" to {several[-1]:g}" if len(several) > 1 else "")
    kind = "placebo of " if regimen.placebo else "if a rule starts it, " if regimen.waits else ""
    steps = {round(b - a, 6) for a, b in pairwise(regimen.times)}
    every = f" every {steps.pop():g} h" if len(steps) == 1 else ""
    return f"{kind}{regimen.drug} {amount} {regimen.unit}{every}, {len(regimen.times)} doses"


def read_scenario(name: str | Path, library: Library | None = None) -> Scenario:
    """Read a scenario by name or path.

    Parameters
    ----------
    name
        Name of a scenario in the library, or the path of a file.
    library
        Where names are looked up; see `Library`.

    Raises
    ------
    ScenarioError
        For the first error.
    """
    if not isinstance(name, (str, Path)):
        raise ArgumentError(f"`name` must be the name of a scenario or a path, not {spoken(name)}")
    library = library or library_for(name)
    path = library.scenario(str(name))
    file = TomlFile.read(path, ScenarioError)
    _check_kind(file)
    return Scenario.of(path.stem, file, library)


def _check_kind(file: TomlFile) -> None:
    """Raise if a file is a module or a population."""
    name = file.path.stem
    if "module" in file.data:
        help = f"name it in `model` of a scenario; `mtorsim events TABLE --model {name}` needs no scenario"
        file.fail("this is a module, not a scenario", ("module",), help)
    if "person" in file.data:
        file.fail("this is a person, not a scenario", ("person",), f"`mtorsim forecast {file.path.name}` reads it")
    if "population" in file.data and isinstance(file.data["population"], dict):
        file.fail("this is a population, not a scenario", ("population",), "name it in `population` of a scenario")


def scenario_from_text(text: str, path: Path, library: Library | None = None) -> Scenario:
    """Read a scenario from text, as if read from `path`."""
    return Scenario.of(path.stem, TomlFile.parse(path, text, ScenarioError), library or library_for(path))


def scenario_of(given: Scenario | str | Path, library: Library | None = None) -> Scenario:
    """Return a scenario given as an object, a name or a path.

    Raises
    ------
    ScenarioError
        If it is none of these, or invalid.
    """
    if isinstance(given, Scenario):
        return given if library is None else given.but(library=library)
    if not isinstance(given, (str, Path)):
        message = f"`scenario` must be a scenario, its name or its path, not {spoken(given)}"
        raise ScenarioError(message)
    return read_scenario(given, library)
