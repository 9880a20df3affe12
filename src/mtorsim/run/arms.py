"""Resolve an arm of a scenario against its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mtorsim.errors import SettingError, did_you_mean
from mtorsim.model.checks import check_value
from mtorsim.model.model import Model
from mtorsim.population.population import Population
from mtorsim.scenario.parts import ArmSpec, Change, Setting
from mtorsim.scenario.scenario import Scenario

from .amounts import in_unit_of, route_of
from .rules import PlannedRule, Treatment, plan_rules
from .schedule import Occasions, Schedule, schedule, turns_of

__all__ = ["PlannedArm", "planned_arm"]


@dataclass(frozen=True)
class PlannedArm:
    """One arm: its doses and its settings.

    Attributes
    ----------
    steering
        States that take part in step size control.
    spec
        The arm in the scenario.
    rules, treatments
        Rules applied at visits, and the drugs that they affect.
    """

    spec: ArmSpec
    schedule: Schedule
    parameters: Mapping[str, float]
    switches: Mapping[str, float]
    steering: frozenset[str]
    rules: tuple[PlannedRule, ...] = ()
    treatments: tuple[Treatment, ...] = ()

    @property
    def name(self) -> str:
        """The arm's name."""
        return self.spec.name


def planned_arm(
    scenario: Scenario,
    spec: ArmSpec,
    model: Model,
    switches: Mapping[str, float],
    units: Mapping[str, str],
    people: Population,
) -> PlannedArm:
    """Resolve an arm's doses, settings and rules against a model.

    Parameters
    ----------
    switches
        Values of the switches in the whole scenario.
    units
        Unit of each quantity recorded at visits.
    people
        The population: its groups, its variability between occasions, and the covariates by which doses are given.

    Raises
    ------
    ScenarioError
        If a name is unknown to the model, a value out of range, or a covariate missing.
    """
    own = dict(switches)
    parameters: dict[str, float] = {}
    for setting in spec.settings:
        full = model.find(setting.name)
        heads = [m for m in own if m == setting.name or m.startswith(setting.name + ".")]
        if full is not None and full in model.parameters:
            if full in parameters:
                setting.place.fail(f"`{full}` is set twice")
            _check_parameter(model, full, setting)
            parameters[full] = setting.value
        elif heads:
            if not 0 <= setting.value <= 1:
                message = f"the switch `{setting.name}` = {setting.value:g} is outside 0 to 1"
                setting.place.fail(message, help="0 is off, 1 is on")
            own |= dict.fromkeys(heads, setting.value)
        else:
            message = f"there is no parameter or mechanism `{setting.name}`"
            setting.place.fail(message, help=did_you_mean(setting.name, [*model.parameters, *own]))
    turns = turns_of([_in_full(c, model) for c in spec.changes])
    occasions = Occasions(scenario.occasions, people.iov) if scenario.occasions and people.iov else None
    doses = schedule(spec, scenario.meals, model, turns, occasions, scenario.episodes, scenario.duration)
    _check_sizes(spec, model, people)
    groups = [g.name for g in people.groups]
    rules, treatments = plan_rules(scenario, spec, model, units, groups) if spec.regimens else ((), ())
    return PlannedArm(spec, doses, parameters, own, model.steering(own), rules, treatments)


def _check_sizes(spec: ArmSpec, model: Model, people: Population) -> None:
    """Raise if a dose is given by a body size that the population does not have."""
    for regimen in spec.regimens:
        _, per = in_unit_of(regimen, route_of(regimen, model))
        if per and per not in people.traits:
            message = f"`{people.name}` has no covariate `{per}`, by which `{regimen.drug}` is dosed"
            help = "use a population with body sizes, such as `adults`, or write the amount without it"
            regimen.place.fail(message, regimen.said, help=help)


def _check_parameter(model: Model, full: str, setting: Setting) -> None:
    """Raise if a parameter cannot have this value."""
    if model.parameters[full][0].origin == "run_in":
        setting.place.fail(f"`{full}` is computed per subject and cannot be set")
    try:
        check_value(full, model.parameters[full][0], setting.value)
    except SettingError as error:
        setting.place.fail(error.message, help=error.help)


def _in_full(change: Change, model: Model) -> Change:
    """Expand a change to full names, checking that its parameters can have these values."""
    factors = dict(_of_condition(change, model))
    values: dict[str, float] = {}
    for name, value in change.set.items():
        full = _parameter(change, model, name, "set")
        try:
            check_value(full, model.parameters[full][0], value)
        except SettingError as error:
            change.place.fail(error.message, "set", *name.split("."), help=error.help)
        values[full] = value
    for name, value in change.multiply.items():
        full = _parameter(change, model, name, "multiply")
        if value < 0:
            change.place.fail(f"a factor on `{full}` cannot be negative", "multiply", *name.split("."))
        factors[full] = value * factors.get(full, 1.0)
    return replace(change, set=values, multiply=factors)


def _of_condition(change: Change, model: Model) -> Mapping[str, float]:
    """The factors of a change's condition."""
    if change.condition is None:
        return {}
    names = [n for n in model.conditions if change.condition in (n, n.partition(".")[2])]
    if len(names) != 1:
        several = "more than one module defines" if names else "no module defines"
        known = f"choose from {', '.join(model.conditions)}" if model.conditions else "give `multiply` instead"
        help = did_you_mean(change.condition, model.conditions) or known
        message = f"{several} the condition `{change.condition}`"
        change.place.fail(message, "condition", help=help, needle=change.condition)
    return model.conditions[names[0]]


def _parameter(change: Change, model: Model, name: str, how: str) -> str:
    """Full name of a parameter that may be changed."""
    full = model.find(name)
    if full is None or full not in model.parameters:
        help = did_you_mean(name, model.parameters)
        if full in model.switches or any(s == name or s.startswith(f"{name}.") for s in model.switches):
            help = "switch a mechanism for a whole arm, in its `settings`"
        change.place.fail(f"there is no parameter `{name}` to change", how, *name.split("."), help=help)
    if model.parameters[full][0].origin == "run_in":
        change.place.fail(f"`{full}` is computed per subject and cannot be changed", how, *name.split("."))
    return full
