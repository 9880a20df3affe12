"""Rules with their names, units and amounts resolved against a model: what is left is arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from mtorsim.errors import UnitError, did_you_mean
from mtorsim.files.places import Place
from mtorsim.model.model import Model
from mtorsim.scenario.actions.action import Amount, Deed
from mtorsim.scenario.conditions import OPERATORS, Condition
from mtorsim.scenario.parts import ArmSpec, Rule
from mtorsim.scenario.scenario import Scenario
from mtorsim.units.conversions import glucose_in_mg_dl, hba1c_in_percent
from mtorsim.units.units import Unit, convert, parse_unit

from .schedule import in_unit_of, route_of

__all__ = ["CLOCKS", "GRADE", "PlannedRule", "Question", "Treatment", "plan_rules"]


CLOCKS = {"day": 24.0, "week": 168.0}
"""Hours of each unit of time that a condition may ask for, counted from the start."""
GRADE = "grade"
"""What a condition calls the CTCAE grade of the glucose measured at a visit."""
_GLUCOSE = ("glucose", "fasting_glucose")
_ONE = parse_unit("1")


@dataclass(frozen=True)
class Treatment:
    """A drug of an arm.

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
        """Mask of the subjects for whom it holds, (n,); unmeasured values never satisfy it."""
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
class PlannedRule:
    """A rule, resolved.

    Attributes
    ----------
    deeds
        What is done, in turn.
    among, others
        The group of the population that it is about, or that it is not about; None for everybody.
    """

    name: str
    when: str
    question: Question
    deeds: tuple[Deed, ...]
    confirmed: int
    most: int | None
    since: float
    among: str | None = None
    others: bool = False


def plan_rules(
    scenario: Scenario, spec: ArmSpec, model: Model, units: Mapping[str, str], groups: Sequence[str]
) -> tuple[tuple[PlannedRule, ...], tuple[Treatment, ...]]:
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
    drugs = dict.fromkeys(r.drug for r in spec.regimens)
    treatments = tuple(_treatment(drug, spec, model) for drug in drugs)
    fasting = any(scenario.is_fasting(t) for t in scenario.visits)
    return tuple(_planned(rule, treatments, units, groups, fasting) for rule in spec.rules), treatments


def _treatment(drug: str, spec: ArmSpec, model: Model) -> Treatment:
    """All regimens of one drug."""
    mine = [r for r in spec.regimens if r.drug == drug]
    first = mine[0]
    if len({r.waits for r in mine}) > 1:
        message = f"some doses of `{drug}` wait for a rule and some do not"
        first.place.fail(message, help="a rule starts a drug as a whole")
    route = route_of(first, model)
    amounts = [in_unit_of(r, route_of(r, model))[-1] for r in mine]
    limits = (route.range[0], route.range[1]) if route.range else None
    return Treatment(drug, amounts[0], str(route.unit), first.waits, len(set(amounts)) > 1, limits)


def _planned(
    rule: Rule, treatments: Sequence[Treatment], units: Mapping[str, str], groups: Sequence[str], fasting: bool
) -> PlannedRule:
    """One rule, resolved."""
    question = _Resolver(rule.place.inside("when"), treatments, units, fasting).question(rule.condition)
    resolver = _Resolver(rule.place.inside("do"), treatments, units, fasting)
    deeds = tuple(action.resolve(resolver) for action in rule.actions)
    word, _, rest = (rule.among or "").partition(" ")
    others = word == "not" and bool(rest)
    group = rest.strip() if others else rule.among
    # Of typical persons, who are in no group, nobody is asked which.
    if group is not None and groups and group not in groups:
        help = did_you_mean(group, groups) or "groups are " + ", ".join(groups)
        rule.place.fail(f"the population has no group `{group}`", "among", help=help, needle=group)
    return PlannedRule(
        rule.name, rule.condition.text, question, deeds, rule.confirmed, rule.most, rule.since, group, others
    )


@dataclass(frozen=True)
class _Resolver:
    """Names, units and amounts of one sentence; see `mtorsim.scenario.actions.action.Resolver`."""

    place: Place
    treatments: Sequence[Treatment]
    units: Mapping[str, str]
    fasting: bool

    def regimen(self, drug: str) -> int:
        """Number of a drug among those that are dosed."""
        return [t.drug for t in self.treatments].index(drug)

    def waits(self, drug: str) -> bool:
        """Whether a rule must start it."""
        return self.treatments[self.regimen(drug)].dormant

    def question(self, condition: Condition) -> Question:
        """A condition in the units of what is measured."""
        limits = (
            tuple((c.quantity, c.sign, self.limit(c.quantity, c.value, c.unit)) for c in one)
            for one in condition.either
        )
        return Question(tuple(limits))

    def limit(self, quantity: str, value: float, unit: Unit) -> float:
        """A limit in the unit that the quantity is measured in."""
        name, whole = quantity, quantity.removesuffix("_measured")
        if (name == GRADE or whole == "fasting_glucose") and not self.fasting:
            help = "ask for `glucose`, or write visits in the morning"
            self.fail("no visit is fasting, so this is never measured", help=help, needle=name)
        if name in CLOCKS or name == GRADE:
            if not unit.same_kind(_ONE):
                self.fail(f"`{name}` is a plain number", help=f"write for example `{name} >= 3`", needle=name)
            return value
        if name not in self.units:
            known = [*self.units, *CLOCKS, GRADE]
            help = did_you_mean(name, known) or "add it to `observe`, or ask for one of " + ", ".join(known)
            self.fail(f"`{name}` is not measured", help=help, needle=name)
        try:
            if whole in _GLUCOSE:
                return glucose_in_mg_dl(value, unit)
            if whole == "hba1c":
                return hba1c_in_percent(value, unit)
            return convert(value, unit, parse_unit(self.units[name]))
        except UnitError as error:
            self.fail(f"`{name}`: {error.message}", help=f"it is measured in {self.units[name]}", needle=name)

    def share(self, drug: str, amount: Amount | None, default: float) -> float:
        """An amount as a share of what is written."""
        if amount is None:
            return default
        value, unit = amount
        if unit.same_kind(_ONE):
            return convert(value, unit, _ONE)
        given = self.treatments[self.regimen(drug)]
        if given.several:
            self.fail(f"`{drug}` is given in several amounts side by side", help="write shares, such as `50 %`")
        try:
            own = convert(value, unit, parse_unit(given.unit))
        except UnitError as error:
            self.fail(error.message, help=f"{drug} is dosed in {given.unit}")
        if given.range and own > given.range[1]:
            low, high = given.range
            self.fail(f"`{own:g} {given.unit}` is outside the plausible range {low:g} to {high:g}")
        if given.amount == 0:
            help = "write the regimen with an amount; an arm of placebo says `without`"
            self.fail(f"the first dose of {drug} is nothing, so no rule can change it", help=help)
        return own / given.amount

    def fail(self, message: str, *, help: str | None = None, needle: str | None = None) -> NoReturn:
        """Raise an error where the sentence is written."""
        self.place.fail(message, help=help, needle=needle)
