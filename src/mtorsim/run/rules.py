"""Rules with their names, units and amounts resolved against a model: what is left is arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.errors import UnitError, did_you_mean
from mtorsim.model.model import Model
from mtorsim.scenario.actions import Action, Hold, Leave, Scale, Start, Stop, Titrate
from mtorsim.scenario.rules import OPERATORS, Condition
from mtorsim.scenario.scenario import Branch, Rule, Scenario
from mtorsim.units.conversions import glucose_in_mg_dl, hba1c_in_percent
from mtorsim.units.units import Unit, convert, parse_unit

from .schedule import in_unit_of, route_of

__all__ = ["CLOCKS", "GRADE", "Do", "PlannedRule", "Question", "Regimen", "plan_rules"]


CLOCKS = {"day": 24.0, "week": 168.0}
"""Hours of each unit of time that a condition may ask for, counted from the start."""
GRADE = "grade"
"""What a condition calls the CTCAE grade of the glucose measured at a visit."""
_GLUCOSE = ("glucose", "fasting_glucose")


@dataclass(frozen=True)
class Regimen:
    """What is given of one drug.

    Attributes
    ----------
    amount, unit
        Of its last dose as written, which is what it comes to after loading doses: a share of what is written
        is what rules change.
    dormant
        Whether a rule must start it.
    several
        Whether it is given in several amounts side by side, so that an amount says nothing.
    range
        Plausible amounts.
    """

    drug: str
    amount: float
    unit: str
    dormant: bool
    several: bool = False
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Question:
    """A condition: limits on measured quantities, `or` of `and`."""

    either: tuple[tuple[tuple[str, str, float], ...], ...]

    def holds(self, measured: Callable[[str], np.ndarray]) -> np.ndarray:
        """Where it holds, (n,); what was not measured answers no question with yes."""
        with np.errstate(invalid="ignore"):
            parts = [
                np.logical_and.reduce([np.asarray(OPERATORS[sign](measured(name), value)) for name, sign, value in one])
                for one in self.either
            ]
        return np.logical_or.reduce(parts)

    @property
    def first(self) -> str:
        """The quantity that the ledger shows: of a grade, what is graded."""
        name = self.either[0][0][0]
        return "fasting_glucose" if name == GRADE else name


@dataclass(frozen=True)
class Do:
    """One action on one regimen, amounts as shares of what is written.

    Attributes
    ----------
    kind
        `hold`, `stop`, `start`, `scale`, `titrate` or `leave`.
    regimen
        Which, -1 for none.
    direction
        -1 for what may only lower a dose, 1 for what may only raise it.
    check
        Hours between looks at who is held, from each visit on; 0 for visits alone.
    """

    kind: str
    regimen: int
    text: str
    until: Question | None = None
    hours: float = np.inf
    resume: float = 1.0
    level: float = 1.0
    by: float | None = None
    plus: float | None = None
    to: float | None = None
    low: float = 0.0
    high: float = np.inf
    step: float = 0.0
    direction: int = 0
    check: float = 0.0
    quantity: str = ""
    window: tuple[float, float] = (0.0, np.inf)


@dataclass(frozen=True)
class PlannedRule:
    """A rule, resolved.

    Attributes
    ----------
    among, others
        The group of the population that it is about, or that it is not about; None for everybody.
    """

    name: str
    when: str
    question: Question
    actions: tuple[Do, ...]
    confirmed: int
    most: int | None
    since: float
    among: str | None = None
    others: bool = False


def plan_rules(
    scenario: Scenario, branch: Branch, model: Model, units: Mapping[str, str], groups: Sequence[str]
) -> tuple[tuple[PlannedRule, ...], tuple[Regimen, ...]]:
    """Resolve the rules of an arm.

    Parameters
    ----------
    units
        Unit of everything that is recorded at visits.
    groups
        Of the population.

    Raises
    ------
    ScenarioError
        For a group there is not, a quantity that is not measured, or a limit or amount in another kind of unit.
    """
    regimens = []
    for dosing in branch.dosing:
        if dosing.drug in [r.drug for r in regimens]:
            continue
        mine = [d for d in branch.dosing if d.drug == dosing.drug]
        if len({d.waits for d in mine}) > 1:
            message = f"some doses of `{dosing.drug}` wait for a rule and some do not"
            scenario.file.fail(message, dosing.key[:-1], "a rule starts a drug as a whole")
        dose = route_of(scenario, dosing.drug, dosing.route, dosing.key[:-1], model)
        amounts = [in_unit_of(scenario, d, route_of(scenario, d.drug, d.route, d.key[:-1], model))[-1] for d in mine]
        limits = (dose.range[0], dose.range[1]) if dose.range else None
        several = len(set(amounts)) > 1
        regimens.append(Regimen(dosing.drug, amounts[0], str(dose.unit), dosing.waits, several, limits))
    reader = _Reader(scenario, regimens, units, groups)
    return tuple(reader.rule(r) for r in branch.rules), tuple(regimens)


class _Reader:
    def __init__(
        self, scenario: Scenario, regimens: list[Regimen], units: Mapping[str, str], groups: Sequence[str]
    ) -> None:
        self.file = scenario.file
        self.regimens = regimens
        self.units = units
        self.groups = groups
        self.fasting = any(scenario.is_fasting(t) for t in scenario.visits)

    def rule(self, rule: Rule) -> PlannedRule:
        question = self._question(rule.condition, (*rule.key, "when"))
        actions = tuple(self._do(a, (*rule.key, "do")) for a in rule.actions)
        word, _, rest = (rule.among or "").partition(" ")
        others = word == "not" and bool(rest)
        group = rest.strip() if others else rule.among
        # Of typical persons, who are in no group, nobody is asked which.
        if group is not None and self.groups and group not in self.groups:
            help = did_you_mean(group, self.groups) or "groups are " + ", ".join(self.groups)
            self.file.fail(f"the population has no group `{group}`", (*rule.key, "among"), help, needle=group)
        return PlannedRule(
            rule.name, rule.condition.text, question, actions, rule.confirmed, rule.most, rule.since, group, others
        )

    def _question(self, condition: Condition, key: tuple[Any, ...]) -> Question:
        return Question(
            tuple(
                tuple((c.quantity, c.sign, self._limit(c.quantity, c.value, c.unit, key)) for c in one)
                for one in condition.either
            )
        )

    def _limit(self, name: str, value: float, unit: Unit, key: tuple[Any, ...]) -> float:
        """A limit in the unit that the quantity is measured in."""
        one = parse_unit("1")
        if (name == GRADE or name.removesuffix("_measured") == "fasting_glucose") and not self.fasting:
            help = "ask for `glucose`, or write visits in the morning"
            self.file.fail("no visit is fasting, so this is never measured", key, help, needle=name)
        if name in CLOCKS or name == GRADE:
            if not unit.same_kind(one):
                self.file.fail(f"`{name}` is a plain number", key, f"write for example `{name} >= 3`", needle=name)
            return value
        if name not in self.units:
            known = [*self.units, *CLOCKS, GRADE]
            help = did_you_mean(name, known) or "add it to `observe`, or ask for one of " + ", ".join(known)
            self.file.fail(f"`{name}` is not measured", key, help, needle=name)
        try:
            if name.removesuffix("_measured") in _GLUCOSE:
                return glucose_in_mg_dl(value, unit)
            if name.removesuffix("_measured") == "hba1c":
                return hba1c_in_percent(value, unit)
            return convert(value, unit, parse_unit(self.units[name]))
        except UnitError as error:
            self.file.fail(f"`{name}`: {error.message}", key, f"it is measured in {self.units[name]}", needle=name)

    def _share(self, at: int, amount: tuple[float, Unit] | None, default: float, key: tuple[Any, ...]) -> float:
        """An amount as a share of what is written."""
        if amount is None:
            return default
        value, unit = amount
        if unit.same_kind(parse_unit("1")):
            return convert(value, unit, parse_unit("1"))
        regimen = self.regimens[at]
        if regimen.several:
            help = "write shares, such as `50 %`"
            self.file.fail(f"`{regimen.drug}` is given in several amounts side by side", key, help)
        try:
            own = convert(value, unit, parse_unit(regimen.unit))
            if regimen.range and own > regimen.range[1]:
                low, high = regimen.range
                message = f"`{own:g} {regimen.unit}` is outside the plausible range {low:g} to {high:g}"
                self.file.fail(message, key)
            return own / regimen.amount
        except UnitError as error:
            self.file.fail(error.message, key, f"{regimen.drug} is dosed in {regimen.unit}")
        except ZeroDivisionError:
            help = "write the regimen with an amount; an arm of placebo says `without`"
            self.file.fail(f"the first dose of {regimen.drug} is nothing, so no rule can change it", key, help)

    def _do(self, action: Action, key: tuple[Any, ...]) -> Do:
        if isinstance(action, Leave):
            return Do("leave", -1, action.text)
        at = [r.drug for r in self.regimens].index(action.drug)
        if isinstance(action, Hold):
            until = self._question(action.until, key) if action.until else None
            return Do("hold", at, action.text, until, action.hours or np.inf, action.resume, check=action.check or 0.0)
        if isinstance(action, Stop):
            return Do("stop", at, action.text)
        if isinstance(action, Start):
            if not self.regimens[at].dormant:
                help = "write `waits = true` in its [[dose]]"
                self.file.fail(f"`{action.drug}` is given from the start, so no rule starts it", key, help)
            return Do("start", at, action.text, level=action.level)
        low = self._share(at, action.low, 0.0, key)
        high = self._share(at, action.high, np.inf, key)
        if low > high:
            self.file.fail("the lowest dose is above the highest", key, needle=action.text)
        direction = {"reduce": -1, "increase": 1}.get(action.text.partition(" ")[0], 0)
        if isinstance(action, Scale):
            if action.to is not None:
                to = action.to if action.added is None else self._share(at, (action.to, action.added), 1.0, key)
                return Do("scale", at, action.text, to=to, direction=direction)
            assert action.by is not None
            if action.added is None:
                return Do("scale", at, action.text, by=action.by, low=low, high=high, direction=direction)
            plus = self._share(at, (action.by, action.added), 0.0, key)
            return Do("scale", at, action.text, plus=plus, low=low, high=high, direction=direction)
        assert isinstance(action, Titrate)
        window = tuple(self._limit(action.quantity, v, action.unit, key) for v in action.window)
        step = self._share(at, action.step, 0.0, key)
        return Do(
            "titrate",
            at,
            action.text,
            low=low,
            high=high,
            step=step,
            quantity=action.quantity,
            window=(window[0], window[1]),
        )
