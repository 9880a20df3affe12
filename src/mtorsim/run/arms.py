"""One arm of a scenario in terms of its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mtorsim.errors import SetError, did_you_mean
from mtorsim.model.checks import check_value
from mtorsim.model.model import Model
from mtorsim.scenario.scenario import Branch, Change, Scenario

from .rules import PlannedRule, Regimen, plan_rules
from .schedule import Schedule, schedule, turns_of

__all__ = ["PlannedArm"]


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


def planned_arm(
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
