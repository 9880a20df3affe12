"""Everything about a run that is settled before the first subject: model, kernels, people, arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.compiler.cache import load_kernel
from mtorsim.compiler.kernel import METHODS, Kernel, Variant
from mtorsim.compiler.warm import Part, compile_parts
from mtorsim.errors import ScenarioError, SetError, did_you_mean
from mtorsim.files.library import Library, library_for
from mtorsim.files.references import read_references
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model
from mtorsim.model.model import Model
from mtorsim.population.population import Population
from mtorsim.population.read import check_entries, load_population
from mtorsim.population.settings import apply_settings, full_settings
from mtorsim.scenario.file import Stray
from mtorsim.scenario.grades import Grading, ctcae, read_grading
from mtorsim.scenario.read import read_scenario
from mtorsim.scenario.scenario import Scenario

from .arms import PlannedArm, _arm
from .measurement import MEASURED
from .observables import _observables
from .options import Options, _check_options
from .schedule import Schedule, meal_schedule

__all__ = ["Draft", "Plan", "draft_plan", "make_plan"]


RUN_IN_METHOD = "tsit5"
"""The run-in has one method and one tolerance, so that a person is the same in every run."""


@dataclass(frozen=True)
class Draft:
    """A run, read and checked; nothing is compiled yet.

    Attributes
    ----------
    observables
        Name and unit of each, in the order they are recorded.
    sources
        The quantity each observable is read from, None where the model has none.
    settings
        What replaced the files' values.
    bibliography
        Text of the references that sources point to.
    """

    scenario: Scenario
    model: Model
    population: Population
    switches: Mapping[str, float]
    habit: Schedule
    arms: tuple[PlannedArm, ...]
    observables: Mapping[str, str]
    sources: tuple[str | None, ...]
    seed: int
    options: Options
    settings: Mapping[str, float]
    bibliography: str
    grading: Grading

    @property
    def measured(self) -> Mapping[str, float]:
        """Coefficient of variation of each observable that is measured with error."""
        visits = self.scenario.data.visits
        return visits.assay if visits.stray is None else {"fasting_glucose": 0.0} | visits.assay

    @property
    def stray(self) -> Stray | None:
        """Samples that are not what they are taken for."""
        return self.scenario.data.visits.stray

    @property
    def graded(self) -> str:
        """The observable that limits and grades are about: fasting glucose, as it is measured."""
        return "fasting_glucose" + (MEASURED if "fasting_glucose" in self.measured else "")

    @property
    def ruled(self) -> bool:
        """Whether anything is decided, or anybody leaves, on the way."""
        return any(a.rules or a.branch.staying for a in self.arms)


@dataclass(frozen=True)
class Plan(Draft):
    """A run, settled: what is left is arithmetic on subjects.

    Attributes
    ----------
    variant
        Which kernel of the model is used.
    kernel, day
        Compiled code of the model, and of its untreated day where it has a run-in.
    spare
        The same system in double precision by another method: for people as they stand, who must
        not depend on how they are carried, and for those that `kernel` cannot carry.
    columns
        For each observable its row in the kernel's `observe`, -1 where the model has none.
    """

    variant: Variant
    kernel: Kernel
    day: Kernel | None
    spare: Kernel
    columns: np.ndarray

    def scales(self, kernel: Kernel) -> np.ndarray:
        """A typical size of each state of a kernel, for the absolute tolerance."""
        states = self.model.states
        return np.array([states[s][0].scale if s in states else 1.0 for s in kernel.states])


def draft_plan(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    options: Options | None = None,
    library: Library | None = None,
) -> Draft:
    """Read and check everything a run needs, without compiling anything; see `make_plan`."""
    if not isinstance(scenario, Scenario):
        library = library or library_for(scenario)
        scenario = read_scenario(scenario, library)
    library = library or library_for(scenario.file.path)
    data = scenario.data
    model = load_model(data.model, library)
    check_model(model, read_references(library.references))
    people = load_population(population or data.population, model, library)
    _settings(people, scenario)
    merged = {**full_settings(people, data.set), **full_settings(people, settings or {})}
    people, switches = apply_settings(_as_in(scenario, people), merged)
    if seed is not None and not 0 <= seed < 2**63:
        raise SetError(f"seed = {seed}: it must be at least 0" + (" and below 2**63" if seed > 0 else ""))
    options = options or Options()
    _check_options(options)
    observables, sources = _observables(scenario, model)
    return Draft(
        scenario=scenario,
        model=model,
        population=people,
        switches=switches,
        habit=meal_schedule(scenario, model),
        arms=tuple(
            _arm(scenario, b, model, switches, observables, [g.name for g in people.groups]) for b in scenario.branches
        ),
        observables=observables,
        sources=tuple(sources),
        seed=data.seed if seed is None else seed,
        options=options,
        settings=merged,
        bibliography="".join(p.read_text(encoding="utf-8") for p in library.references),
        grading=_grading(scenario, library),
    )


def _grading(scenario: Scenario, library: Library) -> Grading:
    """What grades glucose in this scenario."""
    trial = scenario.data.trial
    try:
        return read_grading(ctcae(trial.ctcae if trial else "4.03"), scenario.uln, library)
    except ScenarioError as error:
        scenario.file.fail(error.message, ("trial", "ctcae"), error.help)


def make_plan(scenario: Scenario | str | Path, *, note: Callable[[str], None] | None = None, **given: Any) -> Plan:
    """Read, check and compile everything a run needs.

    Parameters
    ----------
    scenario
        A scenario, a bundled name or a path.
    note
        Told in one line when something takes long.
    given
        What replaces the scenario's own `seed`, `population` and `settings`; `options`, method and
        tolerances; `library`, where names are looked up.

    Raises
    ------
    MtorsimError
        For the first thing that is wrong.
    """
    draft = draft_plan(scenario, **given)
    model = draft.model
    habit = Variant(RUN_IN_METHOD, untreated=True)
    day = load_kernel(model, habit) if model.means else None
    _check_watched(draft, day)
    variant, kernel = _kernel(draft)
    method = next(m for m in METHODS if m != variant.method)
    spare = load_kernel(model, replace(variant, method=method, precision="double"))
    parts = [Part(kernel, "drive"), Part(spare, "rest")]
    parts += [Part(day, "drive"), Part(day, "rest")] if day else []
    cold = [p for p in parts if not p.warm]
    if cold:
        if note:
            note("compiling this model: once on this machine, about 20 seconds")
        compile_parts(cold)
    rows = [kernel.quantities.index(s) if s else -1 for s in draft.sources]
    return Plan(**vars(draft), variant=variant, kernel=kernel, day=day, spare=spare, columns=np.array(rows, np.int64))


def _kernel(draft: Draft) -> tuple[Variant, Kernel]:
    """The kernel of a run: one made for the model's own switches where no arm moves them, else the general one.

    The first is a fifth faster. The second serves all other settings, so that a switch moved costs no compiling
    more than once, and trials, which have their variants beside them.
    """
    general = Variant(draft.options.method, draft.options.precision)
    switches = dict(draft.model.switches)
    own = draft.switches == switches and all(arm.switches == switches for arm in draft.arms)
    if own and draft.scenario.data.trial is None and set(switches.values()) <= {0.0, 1.0}:
        special = replace(general, switches=tuple(switches.items()))
        kernel = load_kernel(draft.model, special)
        if all(s is None or s in kernel.quantities for s in draft.sources):
            return special, kernel
    return general, load_kernel(draft.model, general)


def _check_watched(draft: Draft, day: Kernel | None) -> None:
    """Entry criteria over the untreated day must be on what the day holds."""
    for i, entry in enumerate(draft.population.entries):
        full = draft.model.observables.get(entry.observable)
        if full is not None and entry.statistic != "fasting" and (day is None or full not in day.quantities):
            message = f"`{entry.observable}` is not worked out over the untreated day"
            draft.population.file.fail(message, ("entry", i, "statistic"), 'write statistic = "fasting"')


def _as_in(scenario: Scenario, people: Population) -> Population:
    """The population with the shares, samples and criteria that the scenario declares."""
    data, file = scenario.data, scenario.file
    names = [g.name for g in people.groups]
    for table, values in (("share", data.share), ("sampled", data.sampled)):
        for name in values:
            if name not in names:
                help = did_you_mean(name, names) or (f"groups are {', '.join(names)}" if names else "it has no groups")
                file.fail(f"`{people.name}` has no group `{name}`", (table, name), help)
    groups = []
    for g in people.groups:
        share = data.share.get(g.name, g.share)
        # Where all or none belong to it there is nothing to sample apart.
        sampled = data.sampled.get(g.name, g.sampled) if 0 < share < 1 else None
        groups.append(g.model_copy(update={"share": share, "sampled": sampled}))
    with_entries = replace(people, groups=tuple(groups), entries=(*people.entries, *data.entry))
    if data.entry:
        check_entries(with_entries, file, len(people.entries))
    return with_entries


def _settings(people: Population, scenario: Scenario) -> None:
    """Check the scenario's own settings one by one, so that a mistake is shown where it stands."""
    for name, value in scenario.data.set.items():
        try:
            apply_settings(people, {name: value})
        except SetError as error:
            scenario.file.fail(error.message, ("set", *name.split(".")), error.help)
