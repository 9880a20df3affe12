"""One arm of a scenario in terms of its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mtorsim.errors import SettingError, did_you_mean
from mtorsim.model.checks import check_value
from mtorsim.model.model import Model
from mtorsim.scenario.parts import ArmSpec, Change, Setting
from mtorsim.scenario.scenario import Scenario

from .rules import PlannedRule, Treatment, plan_rules
from .schedule import Schedule, schedule, turns_of

__all__ = ["PlannedArm", "planned_arm"]


@dataclass(frozen=True)
class PlannedArm:
    """One arm: its doses and its settings.

    Attributes
    ----------
    steering
        States that take part in the choice of steps.
    spec
        The arm as the scenario has it.
    rules, treatments
        What is decided at visits, and about which drugs.
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
    groups: Sequence[str],
) -> PlannedArm:
    """An arm with its doses, settings and rules resolved against a model.

    Parameters
    ----------
    switches
        Values of the switches in the whole scenario.
    units
        Unit of everything that is recorded at visits.
    groups
        Of the population.

    Raises
    ------
    ScenarioError
        For a name that the model does not know, or a value out of its range.
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
    doses = schedule(spec, scenario.meals, model, turns_of([_in_full(c, model) for c in spec.changes]))
    rules, treatments = plan_rules(scenario, spec, model, units, groups) if spec.regimens else ((), ())
    return PlannedArm(spec, doses, parameters, own, model.steering(own), rules, treatments)


def _check_parameter(model: Model, full: str, setting: Setting) -> None:
    """Refuse a value that a parameter cannot take."""
    if model.parameters[full][0].origin == "run_in":
        setting.place.fail(f"`{full}` is worked out per subject and cannot be set")
    try:
        check_value(full, model.parameters[full][0], setting.value)
    except SettingError as error:
        setting.place.fail(error.message, help=error.help)


def _in_full(change: Change, model: Model) -> Change:
    """A change with its parameters under their full names, if they are parameters and may take such values."""
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
    """The factors of the condition that a change names."""
    if change.condition is None:
        return {}
    names = [n for n in model.conditions if change.condition in (n, n.partition(".")[2])]
    if len(names) != 1:
        several = "more than one module knows" if names else "no module knows"
        known = f"known are {', '.join(model.conditions)}" if model.conditions else "give `multiply` instead"
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
            help = "a mechanism is switched for a whole arm"
        change.place.fail(f"there is no parameter `{name}` to change", how, *name.split("."), help=help)
    if model.parameters[full][0].origin == "run_in":
        change.place.fail(f"`{full}` is worked out per subject and cannot be changed", how, *name.split("."))
    return full
