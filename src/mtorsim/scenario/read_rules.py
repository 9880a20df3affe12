"""Read rules and time on study."""

from __future__ import annotations

from collections.abc import Sequence

from mtorsim.errors import ScenarioError, did_you_mean
from mtorsim.files.places import Place

from .actions import Action, read_action
from .conditions import read_condition
from .file import Leaving, RuleLine
from .parts import FASTING_HOURS, ArmSpec, Meal, Regimen, Rule, Staying, rechecks, since_last_meal
from .read_meals import eaten_at
from .read_times import MOST_TIMES, Clock, hours

__all__ = ["check_rechecks", "read_rules", "read_staying"]


def read_rules(
    lines: Sequence[RuleLine], place: Place, clock: Clock, regimens: Sequence[Regimen], arm: str | None = None
) -> tuple[Rule, ...]:
    """Read rules; all drugs in them must be dosed.

    Parameters
    ----------
    arm
        The arm, if it has its own doses but the scenario's rules.
    """
    dosed, found = [r.drug for r in regimens], []
    for i, line in enumerate(lines):
        here = place.inside(i)
        try:
            condition = read_condition(line.when)
        except ScenarioError as error:
            here.fail(error.message, "when", help=error.help)
        if not line.do:
            here.fail("the rule has no action", "do", help="write for example `stop everolimus`")
        actions = tuple(_action(text, here.inside("do"), dosed, arm) for text in line.do)
        name = line.name or f"rule {i + 1}"
        if name in [r.name for r in found]:
            here.fail(f"two rules are called `{name}`", "name")
        since = clock.time(line.since, here.inside("since"))
        found.append(Rule(name, condition, actions, line.confirmed, line.most, since, line.among, here))
    return tuple(found)


def _action(text: str, place: Place, dosed: Sequence[str], arm: str | None) -> Action:
    """Read an action on a dosed drug."""
    try:
        action = read_action(text)
    except ScenarioError as error:
        place.fail(error.message, help=error.help, needle=text)
    drug = action.drug_name
    if drug is not None and drug not in dosed:
        what = f" in the arm `{arm}`" if arm else ""
        help = f"give `{drug}` a [[dose]], with `waits = true` if a rule starts it"
        if arm:
            help = "an arm's `dose` replaces all doses: repeat this one there, or give the arm its own `rule`"
        place.fail(f"`{drug}` is not dosed{what}", help=did_you_mean(drug, dosed) or help, needle=drug)
    return action


def read_staying(line: Leaving | None, place: Place) -> Staying | None:
    """Read the time on study; default: to the end."""
    if line is None:
        return None
    median = hours(line.median, place.inside("median"))
    if median <= 0:
        place.fail("`median` must be longer than 0", "median")
    return Staying(median, line.shape)


def check_rechecks(arms: Sequence[ArmSpec], meals: Sequence[Meal], until: float) -> None:
    """Check that rechecks of fasting glucose are fasting."""
    eaten = eaten_at(meals)
    for visits, rule in ((arm.visits, r) for arm in arms for r in arm.rules):
        for action in rule.actions:
            if action.rechecks is None:
                continue
            every, condition = action.rechecks
            times = rechecks(visits, every, until)
            if len(times) > MOST_TIMES:
                rule.place.fail("the interval of checks is too short", "do")
            bad = [t for t in times if since_last_meal(t, eaten) < FASTING_HOURS]
            if bad and condition.quantities() & {"fasting_glucose", "fasting_glucose_measured", "grade"}:
                message = f"`{action.text}` is checked at {bad[0]:g} h, not fasting"
                rule.place.fail(message, "do", help="check at whole days, which are 07:30")
