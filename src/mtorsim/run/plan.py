"""Plan a run before its first subject: model, kernels, population, arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mtorsim.compiler.kernel import Kernel, load_kernel
from mtorsim.compiler.solver import Solver, load_solver
from mtorsim.compiler.warm import Choice, Warming, choose_form
from mtorsim.errors import ArgumentError, ScenarioError, SettingError, did_you_mean, shown_path
from mtorsim.files.library import Library, bundled_folder
from mtorsim.files.references import read_references
from mtorsim.kernel.arguments import Tolerance
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model
from mtorsim.model.inflow import drift
from mtorsim.model.model import Model
from mtorsim.population.population import Population
from mtorsim.population.read import check_entries, load_population
from mtorsim.population.settings import apply_settings, full_settings
from mtorsim.population.tail import Tail, read_tails
from mtorsim.scenario.grades import Grading, ctcae, read_grading
from mtorsim.scenario.parts import NotFasting, TrialSpec
from mtorsim.scenario.scenario import Scenario, scenario_of

from .accuracy import CANDIDATE, SUBJECT
from .arms import PlannedArm, planned_arm
from .design import Design
from .measurement import MEASURED
from .observables import observables_of
from .options import Options, check_options
from .schedule import Schedule, meal_schedule
from .solve import tolerance

__all__ = ["Draft", "Note", "Plan", "announce", "announce_unused", "draft_plan", "make_plan"]


Note: TypeAlias = Callable[[str], None]
"""Called with a one-line message before a slow step."""


@dataclass(frozen=True)
class Draft:
    """A run that has been read and checked, but not compiled.

    Attributes
    ----------
    observables
        Name and unit of each, in recorded order.
    sources
        The quantity from which each observable is read, None if the model has none.
    settings
        Values that replace those of the files.
    bibliography
        Text of the cited references.
    design
        How subjects are drawn, and what is kept of them.
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
    design: Design

    @property
    def stored(self) -> dict[str, str]:
        """Name and unit of each observable that is kept of every subject."""
        if self.design.observe is None:
            return dict(self.observables)
        return {n: unit for n, unit in self.observables.items() if n == self.graded or n in self.design.observe}

    @property
    def measured(self) -> Mapping[str, float]:
        """CV of each observable with measurement error."""
        sampling = self.scenario.sampling
        return dict(sampling.assay) if sampling.not_fasting is None else {"fasting_glucose": 0.0, **sampling.assay}

    @property
    def not_fasting(self) -> NotFasting | None:
        """Samples that were not fasting."""
        return self.scenario.sampling.not_fasting

    @property
    def graded(self) -> str:
        """The observable to which limits and grades refer: glucose, fasting where samples are."""
        fasting = self.scenario.sampling.fasting or "glucose" not in self.observables
        name = "fasting_glucose" if fasting else "glucose"
        return name + (MEASURED if name in self.measured else "")

    @property
    def ruled(self) -> bool:
        """Whether the arms have rules or subjects leave."""
        return any(a.rules or a.spec.staying for a in self.arms)


RUN_IN_DAYS = ((SUBJECT, 20), (CANDIDATE, 3))
"""How a run-in is integrated, and what it costs, in days of a run."""


@dataclass(frozen=True)
class Plan(Draft):
    """A planned run with its kernels.

    Attributes
    ----------
    kernel, day
        Kernel of the model, and of its untreated day if it has a run-in.
    solver
        Solver of the chosen method and precision.
    columns
        Row of each observable in the kernel's `observe`, -1 if the model has none.
    """

    kernel: Kernel
    day: Kernel | None
    solver: Solver
    columns: np.ndarray

    def choose_forms(self, subjects: int, days: float | None = None) -> Choice:
        """Choose between tape and compiled equations by the size of a run, and return the choice.

        Parameters
        ----------
        subjects
            Number of subjects.
        days
            Subject-days; default: those of the whole scenario.
        """
        if days is None:
            days = subjects * len(self.arms) * self.scenario.duration / 24
        if self.day is not None:
            for how, cost in RUN_IN_DAYS:
                choose_form(self.day, load_solver(how.method, how.precision), subjects * cost, self.options.kernel)
        return choose_form(self.kernel, self.solver, days, self.options.kernel)

    def scales(self, kernel: Kernel) -> np.ndarray:
        """A typical size of each state of a kernel, for the absolute tolerance."""
        states = self.model.states
        drifts = {drift(n): abs(line.value or 1.0) for n, (line, _) in self.model.parameters.items()}
        return np.array([states[s][0].scale if s in states else drifts.get(s, 1.0) for s in kernel.states])

    def tolerance(self, steering: frozenset[str] | None = None) -> Tolerance:
        """The error tolerance of a step."""
        options = self.options
        return tolerance(self.kernel, options.rtol, options.atol * self.scales(self.kernel), steering)


def announce(draft: Draft, note: Note | None) -> None:
    """Announce files that take precedence over bundled ones of the same name."""
    if note is None:
        return
    for name in sorted(draft.model.unitless):
        note(f"module {name}: its units and sources are not checked")
    bundled = bundled_folder("models")
    files = [("module", m.name, m.file.path) for m in draft.model.modules]
    files.append(("population", draft.population.name, draft.population.files[0].path))
    own = [file for file in files if not file[2].resolve().is_relative_to(bundled)]
    if own:
        known = {"module": Library().modules, "population": Library().populations}
        for kind, name, path in own:
            if name in known[kind]:
                note(f"{kind} {name}: {shown_path(path)}, not the bundled one")


def announce_unused(draft: Draft, note: Note | None) -> None:
    """Announce what the population declares and this scenario or model does not use."""
    if note is None:
        return
    empty = [g.name for g in draft.population.groups if g.probability is not None]
    if empty and draft.model.rest is None:
        note(f"nobody is in the group {' or '.join(empty)}: this model has no untreated fasting state to tell who is")
    if draft.population.iov and not draft.scenario.occasions:
        names = ", ".join(draft.population.iov)
        note(f"between-occasion variability of {names} is not applied: the scenario has no `occasion`")


def draft_plan(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    options: Options | None = None,
    library: Library | None = None,
    design: Design | None = None,
) -> Draft:
    """Read and check everything that a run needs, without kernels; see `make_plan`."""
    scenario = scenario_of(scenario, library)
    library = scenario.library
    model = load_model(scenario.modules, library)
    check_model(model, read_references(library.references))
    people = load_population(population or scenario.population, model, library)
    merged = {**_own_settings(people, scenario), **full_settings(people, settings or {})}
    people, switches = apply_settings(_as_in(scenario, people), merged)
    if seed is not None and not 0 <= seed < 2**63:
        raise ArgumentError(f"seed = {seed}: it must be at least 0" + (" and below 2**63" if seed > 0 else ""))
    options = (options or Options.given()).for_model(model.rtol)
    check_options(options)
    observables, sources = observables_of(scenario, model)
    design = design or Design()
    for name in design.observe or ():
        if name not in observables:
            help = did_you_mean(name, observables) or "add it to `observe` in the scenario"
            raise ArgumentError(f"`{name}` is not observed", help=help)
    people = replace(people, draws=design.draws, tails=_tails(people, design))
    return Draft(
        scenario=scenario,
        model=model,
        population=people,
        switches=switches,
        habit=meal_schedule(scenario.habit, model),
        arms=tuple(planned_arm(scenario, a, model, switches, observables, people) for a in scenario.arms),
        observables=observables,
        sources=tuple(sources),
        seed=scenario.seed if seed is None else seed,
        options=options,
        settings=merged,
        bibliography="".join(p.read_text(encoding="utf-8") for p in library.references),
        grading=_grading(scenario),
        design=design,
    )


def _tails(people: Population, design: Design) -> dict[str, Tail]:
    """The tails that are oversampled, by quantity."""
    varying = {name: name for name in people.deviating}
    varying |= {name: full for name in design.tails if (full := people.model.find(name)) in varying}
    return read_tails(design.tails, varying)


def _grading(scenario: Scenario) -> Grading:
    """The grading of glucose in this scenario."""
    trial = scenario.trial or TrialSpec("")
    try:
        return read_grading(ctcae(trial.ctcae), scenario.uln, scenario.library, fasting=scenario.sampling.fasting)
    except ScenarioError as error:
        (trial.place or scenario.place).fail(error.message, "ctcae", help=error.help)


def make_plan(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    options: Options | None = None,
    library: Library | None = None,
    note: Note | None = None,
    ramps: Sequence[str] = (),
    design: Design | None = None,
) -> Plan:
    """Read and check everything that a run needs, and load its kernels.

    Parameters
    ----------
    scenario
        A scenario, a bundled name or a path.
    seed, population, settings
        Values that replace the scenario's.
    options
        Method, precision and tolerances.
    library
        Where names are looked up.
    note
        Called with a one-line message before a slow step.
    ramps
        Parameters that change linearly with time.
    design
        How subjects are drawn, and what is kept of them.

    Raises
    ------
    MtorsimError
        For the first error.
    """
    options = options or Options.given()
    solver = load_solver(options.method, options.precision)
    solver_on_its_way = Warming([solver, load_solver("tsit5", "double")], note)
    given = {"seed": seed, "population": population, "settings": settings, "options": options, "library": library}
    draft = draft_plan(scenario, **given, design=design)
    model = draft.model
    day = load_kernel(model, untreated=True) if model.means else None
    _check_watched(draft, day)
    kernel = _kernel(draft, ramps)
    rows = [kernel.quantities.index(s) if s else -1 for s in draft.sources]
    solver_on_its_way.finish()
    return Plan(**vars(draft), kernel=kernel, day=day, solver=solver, columns=np.array(rows, np.int64))


def _kernel(draft: Draft, ramps: Sequence[str]) -> Kernel:
    """Load the kernel of a run: specialised to the model's switches if no arm changes them, else the general one.

    The specialised one is a fifth faster. The general one serves all other settings, and trials with their variants.
    """
    switches = dict(draft.model.switches)
    own = draft.switches == switches and all(arm.switches == switches for arm in draft.arms)
    if own and draft.scenario.trial is None and set(switches.values()) <= {0.0, 1.0}:
        kernel = load_kernel(draft.model, switches=switches, ramps=ramps)
        if all(s is None or s in kernel.quantities for s in draft.sources):
            return kernel
    return load_kernel(draft.model, ramps=ramps)


def _check_watched(draft: Draft, day: Kernel | None) -> None:
    """Check that entry criteria over the untreated day use quantities of that day."""
    for i, entry in enumerate(draft.population.entries):
        full = draft.model.observables.get(entry.observable)
        if full is not None and entry.statistic != "fasting" and (day is None or full not in day.quantities):
            message = f"`{entry.observable}` is not computed over the untreated day"
            draft.population.place.fail(message, "entry", i, "statistic", help='write statistic = "fasting"')


def _as_in(scenario: Scenario, people: Population) -> Population:
    """Apply the scenario's shares, oversampling and entry criteria to the population."""
    names = [g.name for g in people.groups]
    for setting in (*scenario.shares, *scenario.sampled):
        if setting.name not in names:
            known = f"groups are {', '.join(names)}" if names else "the population has no groups"
            help = did_you_mean(setting.name, names) or known
            setting.place.fail(f"`{people.name}` has no group `{setting.name}`", help=help)
        if next(g for g in people.groups if g.name == setting.name).share is None:
            help = "write the population in a file of your own, with another `probability`"
            setting.place.fail(f"members of `{setting.name}` follow from untreated values, not from a share", help=help)
    shares, sampled = ({s.name: s.value for s in part} for part in (scenario.shares, scenario.sampled))
    groups = []
    for g in people.groups:
        share = shares.get(g.name, g.share)
        if share is None:
            groups.append(g)
            continue
        # A group of all or no subjects cannot be oversampled.
        apart = sampled.get(g.name, g.sampled) if 0 < share < 1 else None
        groups.append(g.model_copy(update={"share": share, "sampled": apart}))
    with_entries = replace(people, groups=tuple(groups), entries=(*people.entries, *scenario.entries))
    if scenario.entries:
        check_entries(with_entries, scenario.place, len(people.entries))
    return with_entries


def _own_settings(people: Population, scenario: Scenario) -> dict[str, float]:
    """The scenario's settings, checked one by one so that errors have their place."""
    for setting in scenario.settings:
        try:
            apply_settings(people, {setting.name: setting.value})
        except SettingError as error:
            setting.place.fail(error.message, help=error.help)
    return full_settings(people, {s.name: s.value for s in scenario.settings})
