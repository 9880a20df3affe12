"""Everything about a run that is settled before the first subject: model, kernels, people, arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.compiler.cache import load_kernel
from mtorsim.compiler.kernel import METHODS, PRECISIONS, Kernel, Variant
from mtorsim.compiler.warm import Part, compile_parts
from mtorsim.dosing import Schedule, meal_schedule, schedule, turns_of
from mtorsim.errors import ModelError, ScenarioError, SetError, did_you_mean
from mtorsim.files.library import Library, library_for
from mtorsim.files.references import read_references
from mtorsim.measurement import MEASURED
from mtorsim.model.checks import check_model, check_value
from mtorsim.model.compose import load_model
from mtorsim.model.model import Model
from mtorsim.population.population import Population
from mtorsim.population.read import check_entries, load_population
from mtorsim.population.settings import apply_settings, full_settings
from mtorsim.rule_plan import PlannedRule, Regimen, plan_rules
from mtorsim.scenario.file import Stray
from mtorsim.scenario.grades import Grading, ctcae, read_grading
from mtorsim.scenario.read import read_scenario
from mtorsim.scenario.scenario import Branch, Change, Scenario
from mtorsim.units.units import parse_unit

__all__ = ["Draft", "Method", "Options", "Plan", "PlannedArm", "draft_plan", "make_plan"]


STANDARD = ("fasting_glucose", "insulin", "hba1c", "c_peptide", "ffa", "drug_level", "mtorc1", "mtorc2_liver")
"""Observables that every run records; those a model does not define stay empty."""

STANDARD_UNITS = {
    "fasting_glucose": "mg/dL",
    "insulin": "uU/mL",
    "hba1c": "%",
    "c_peptide": "ng/mL",
    "ffa": "mmol/L",
    "drug_level": "ug/L",
    "mtorc1": "1",
    "mtorc2_liver": "1",
}

RUN_IN_METHOD = "tsit5"
"""The run-in has one method and one tolerance, so that a person is the same in every run."""

Method = str


METHOD = "grk4t"
PRECISION = "single"
SINGLE_RTOL = 3e-5
"""The tightest tolerance that single precision is taken for."""
RTOL = 3e-3
ATOL_SHARE = 0.1
"""Defaults, chosen by measurement (docs/benchmarks.md): fasting glucose is right to 0.01 mg/dL over 24
weeks, less than a hundredth of what an assay errs, at a third of the cost of the explicit method,
which stability holds back to 400 steps a day whatever the tolerance."""


@dataclass(frozen=True)
class Options:
    """What changes the accuracy or the cost of a run, but not its meaning.

    Attributes
    ----------
    method
        Integration method.
    precision
        Of the arithmetic within a step; states and times are in double precision either way.
    rtol, atol
        Error allowed in each step: relative, and as a share of each state's scale.
    """

    method: Method = METHOD
    precision: str = PRECISION
    rtol: float = RTOL
    atol: float = RTOL * ATOL_SHARE

    @classmethod
    def given(
        cls, method: Method | None = None, precision: str | None = None, rtol: float = RTOL, atol: float | None = None
    ) -> Options:
        """Options as far as they are given; the precision is single where the tolerance leaves room for it."""
        return cls(
            METHOD if method is None else method,
            ("single" if rtol >= SINGLE_RTOL else "double") if precision is None else precision,
            rtol,
            rtol * ATOL_SHARE if atol is None else atol,
        )


@dataclass(frozen=True)
class PlannedArm:
    """One arm: its doses and its settings.

    Attributes
    ----------
    steering
        States that take part in the choice of steps.
    branch
        The arm as the scenario has it.
    rules, regimens
        What is decided at visits, and what of.
    """

    name: str
    about: str
    schedule: Schedule
    parameters: Mapping[str, float]
    switches: Mapping[str, float]
    steering: frozenset[str]
    branch: Branch
    rules: tuple[PlannedRule, ...] = ()
    regimens: tuple[Regimen, ...] = ()


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


def _check_options(options: Options) -> None:
    if options.method not in METHODS:
        raise SetError(f"there is no method `{options.method}`", help="known are " + ", ".join(METHODS))
    if options.precision not in PRECISIONS:
        raise SetError(f"there is no precision `{options.precision}`", help="known are " + ", ".join(PRECISIONS))
    if options.precision == "single" and options.rtol < SINGLE_RTOL:
        message = f"rtol = {options.rtol:g} is finer than single precision holds in every step"
        raise SetError(message, help=f"single goes with {SINGLE_RTOL:g} and more; leave it out, or name double")
    if not 1e-13 <= options.rtol <= 0.1:
        raise SetError(f"rtol = {options.rtol:g} is outside 1e-13 to 0.1")
    if not 0 < options.atol <= 0.1:
        raise SetError(f"atol = {options.atol:g} is outside 0 to 0.1")


def _observables(scenario: Scenario, model: Model) -> tuple[dict[str, str], list[str | None]]:
    """Name and unit of what is recorded, and the quantity each is read from."""
    units: dict[str, str] = {}
    sources: list[str | None] = []
    for name in dict.fromkeys([*STANDARD, *model.observables]):
        own = "glucose" if name == "fasting_glucose" else name
        full = model.observables.get(own)
        wanted = parse_unit(STANDARD_UNITS[name]) if name in STANDARD_UNITS else None
        if full and wanted and not (wanted.same_kind(model.units[full]) and wanted.scale == model.units[full].scale):
            message = f"observable `{own}` is in {model.units[full]}, but results are in {STANDARD_UNITS[name]}"
            raise ModelError(message, model.where(full), "name the factor as a parameter with a unit")
        units[name] = str(model.units[full]) if full else STANDARD_UNITS[name]
        sources.append(full)
    for i, name in enumerate(scenario.data.observe):
        full = model.find(name)
        if full is None or full in model.parameters or full in model.switches:
            names = [*model.states, *model.equations, *model.ports, *model.observables]
            message = f"there is no quantity `{name}` to observe"
            scenario.file.fail(message, ("observe", i), did_you_mean(name, names), needle=name)
        if name not in units:
            units[name] = str(model.units.get(full, "1"))
            sources.append(full)
    visits = scenario.data.visits
    for name in visits.assay:
        if name not in units:
            help = did_you_mean(name, units) or "measured are " + ", ".join(units)
            scenario.file.fail(f"`{name}` is not measured", ("visits", "assay", name), help)
    # What was measured stands beside what was there.
    for name in [
        *(["fasting_glucose"] if visits.stray and "fasting_glucose" not in visits.assay else []),
        *visits.assay,
    ]:
        units[name + MEASURED] = units[name]
        sources.append(None)
    return units, sources


def _resolved(scenario: Scenario, change: Change, model: Model) -> Change:
    """A change with its parameters under their full names, if they are parameters and may take such values."""
    found: dict[str, dict[str, float]] = {"set": {}, "multiply": {}}
    if change.condition is not None:
        names = [n for n in model.conditions if change.condition in (n, n.partition(".")[2])]
        if len(names) != 1:
            several = "more than one module knows" if names else "no module knows"
            help = did_you_mean(change.condition, model.conditions)
            help = help or (
                f"known are {', '.join(model.conditions)}" if model.conditions else "give `multiply` instead"
            )
            message = f"{several} the condition `{change.condition}`"
            scenario.file.fail(message, (*change.key, "condition"), help, needle=change.condition)
        found["multiply"] |= model.conditions[names[0]]
    for how, values in (("set", change.set), ("multiply", change.multiply)):
        for name, value in values.items():
            key = (*change.key, how, *name.split("."))
            full = model.find(name)
            if full is None or full not in model.parameters:
                help = did_you_mean(name, model.parameters)
                if full in model.switches or any(s == name or s.startswith(f"{name}.") for s in model.switches):
                    help = "a mechanism is switched for a whole arm"
                scenario.file.fail(f"there is no parameter `{name}` to change", key, help)
            if model.parameters[full][0].origin == "run_in":
                scenario.file.fail(f"`{full}` is worked out per subject and cannot be changed", key)
            try:
                if how == "set":
                    check_value(full, model.parameters[full][0], value)
                elif value < 0:
                    raise SetError(f"a factor on `{full}` cannot be negative")
            except SetError as error:
                scenario.file.fail(error.message, key, error.help)
            found[how][full] = value * (found[how].get(full, 1.0) if how == "multiply" else 1.0)
    return replace(change, **found)


def _arm(
    scenario: Scenario,
    branch: Branch,
    model: Model,
    switches: Mapping[str, float],
    units: Mapping[str, str],
    groups: Sequence[str],
) -> PlannedArm:
    own = dict(switches)
    parameters: dict[str, float] = {}
    index = next((i for i, a in enumerate(scenario.data.arm) if a.name == branch.name), 0)
    for name, value in branch.settings.items():
        key = ("arm", index, "set", *name.split("."))
        heads = [m for m in own if m == name or m.startswith(name + ".")]
        full = model.find(name)
        if full is not None and full in model.parameters:
            if model.parameters[full][0].origin == "run_in":
                scenario.file.fail(f"`{full}` is worked out per subject and cannot be set", key)
            if full in parameters:
                scenario.file.fail(f"`{full}` is set twice", key)
            try:
                check_value(full, model.parameters[full][0], value)
            except SetError as error:
                scenario.file.fail(error.message, key, error.help)
            parameters[full] = value
        elif heads:
            if not 0 <= value <= 1:
                scenario.file.fail(f"the switch `{name}` = {value:g} is outside 0 to 1", key, "0 is off, 1 is on")
            own |= dict.fromkeys(heads, value)
        else:
            names = [*model.parameters, *own]
            scenario.file.fail(f"there is no parameter or mechanism `{name}`", key, did_you_mean(name, names))
    changes = [_resolved(scenario, c, model) for c in branch.changes]
    doses = schedule(scenario, branch, model, turns_of(changes))
    rules, regimens = plan_rules(scenario, branch, model, units, groups) if branch.dosing else ((), ())
    return PlannedArm(branch.name, branch.about, doses, parameters, own, model.steering(own), branch, rules, regimens)
