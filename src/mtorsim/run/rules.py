"""Resolve rules against a model: names, units and amounts."""

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

from .amounts import SIZES, in_unit_of, route_of

__all__ = ["CLOCKS", "GRADE", "PlannedRule", "Question", "Treatment", "plan_rules"]


CLOCKS = {"day": 24.0, "week": 168.0}
"""Hours per unit of time in conditions, counted from the start."""
GRADE = "grade"
"""Name in conditions of the CTCAE grade of measured glucose."""
_GLUCOSE = ("glucose", "fasting_glucose")
_ONE = parse_unit("1")


@dataclass(frozen=True)
class Treatment:
    """A drug of an arm.

    Attributes
    ----------
    amount, unit
        The last dose as written, after any loading doses; rules scale doses relative to it.
    dormant
        Whether a drug waits for a rule.
    several
        Whether it has several concurrent amounts, so that a single amount is ambiguous.
    range
        Range of plausible amounts.
    """

    drug: str
    amount: float
    unit: str
    dormant: bool
    several: bool = False
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Question:
    """A condition on measured quantities: `or` of `and`."""

    either: tuple[tuple[tuple[str, str, float], ...], ...]

    def holds(self, measured: Callable[[str], np.ndarray]) -> np.ndarray:
        """Mask of subjects for whom it holds, (n,); unmeasured values never satisfy it."""
        with np.errstate(invalid="ignore"):
            parts = [
                np.logical_and.reduce([np.asarray(OPERATORS[sign](measured(name), value)) for name, sign, value in one])
                for one in self.either
            ]
        return np.logical_or.reduce(parts)

    @property
    def first(self) -> str:
        """The quantity shown in the ledger; for a grade, the graded quantity."""
        name = self.either[0][0][0]
        return "fasting_glucose" if name == GRADE else name


@dataclass(frozen=True)
class PlannedRule:
    """A resolved rule.

    Attributes
    ----------
    deeds
        Actions, in order.
    among, others
        The group to which it applies, or does not apply; None for all subjects.
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
        Unit of each quantity recorded at visits.
    groups
        Groups of the population.

    Raises
    ------
    ScenarioError
        For an unknown group, an unmeasured quantity, or a limit or amount in an incompatible unit.
    """
    drugs = dict.fromkeys(r.drug for r in spec.regimens)
    treatments = tuple(_treatment(drug, spec, model) for drug in drugs)
    fasting = any(scenario.is_fasting(t) for t in spec.visits)
    return tuple(_planned(rule, treatments, units, groups, fasting) for rule in spec.rules), treatments


def _treatment(drug: str, spec: ArmSpec, model: Model) -> Treatment:
    """Combine all regimens of one drug."""
    mine = [r for r in spec.regimens if r.drug == drug]
    first = mine[0]
    if len({r.waits for r in mine}) > 1:
        message = f"some doses of `{drug}` wait for a rule and some do not"
        first.place.fail(message, help="a rule starts a drug as a whole")
    route = route_of(first, model)
    given = [in_unit_of(r, route_of(r, model)) for r in mine]
    amounts, per = [found[-1] for found, _ in given], given[0][1]
    if any(other != per for _, other in given):
        message = f"some doses of `{drug}` are given by body size and some are not"
        mine[-1].place.fail(message, help="write all amounts in one unit")
    unit, size = (f"{route.unit}/{SIZES[per][0]}", SIZES[per][1]) if per else (str(route.unit), 1.0)
    limits = (route.range[0] / size, route.range[1] / size) if route.range else None
    return Treatment(drug, amounts[0], unit, first.waits, len(set(amounts)) > 1, limits)


def _planned(
    rule: Rule, treatments: Sequence[Treatment], units: Mapping[str, str], groups: Sequence[str], fasting: bool
) -> PlannedRule:
    """Resolve one rule."""
    question = _Resolver(rule.place.inside("when"), treatments, units, fasting).question(rule.condition)
    resolver = _Resolver(rule.place.inside("do"), treatments, units, fasting)
    deeds = tuple(action.resolve(resolver) for action in rule.actions)
    word, _, rest = (rule.among or "").partition(" ")
    others = word == "not" and bool(rest)
    group = rest.strip() if others else rule.among
    # A typical person belongs to no group, so groups are not checked.
    if group is not None and groups and group not in groups:
        help = did_you_mean(group, groups) or "groups are " + ", ".join(groups)
        rule.place.fail(f"the population has no group `{group}`", "among", help=help, needle=group)
    return PlannedRule(
        rule.name, rule.condition.text, question, deeds, rule.confirmed, rule.most, rule.since, group, others
    )


@dataclass(frozen=True)
class _Resolver:
    """Resolves names, units and amounts of one action; see `mtorsim.scenario.actions.action.Resolver`."""

    place: Place
    treatments: Sequence[Treatment]
    units: Mapping[str, str]
    fasting: bool

    def regimen(self, drug: str) -> int:
        """Number of a drug among those that are dosed."""
        return [t.drug for t in self.treatments].index(drug)

    def waits(self, drug: str) -> bool:
        """Whether a drug waits for a rule."""
        return self.treatments[self.regimen(drug)].dormant

    def question(self, condition: Condition) -> Question:
        """A condition in the units of the measured quantities."""
        limits = (
            tuple((c.quantity, c.sign, self.limit(c.quantity, c.value, c.unit)) for c in one)
            for one in condition.either
        )
        return Question(tuple(limits))

    def limit(self, quantity: str, value: float, unit: Unit) -> float:
        """A limit in the unit of the measured quantity."""
        name, whole = quantity, quantity.removesuffix("_measured")
        if whole == "fasting_glucose" and not self.fasting:
            help = "use `glucose`, or fasting visits in the morning"
            self.fail("no visit is fasting, so this is never measured", help=help, needle=name)
        if name in CLOCKS or name == GRADE:
            if not unit.same_kind(_ONE):
                self.fail(f"`{name}` has no unit", help=f"write for example `{name} >= 3`", needle=name)
            return value
        if name not in self.units:
            known = [*self.units, *CLOCKS, GRADE]
            help = did_you_mean(name, known) or "add it to `observe`, or use one of " + ", ".join(known)
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
        """An amount relative to the written dose."""
        if amount is None:
            return default
        value, unit = amount
        given = self.treatments[self.regimen(drug)]
        if unit.same_kind(_ONE):
            share = convert(value, unit, _ONE)
            self._check_range(given, share * given.amount)
            return share
        if given.several:
            self.fail(f"`{drug}` has several concurrent doses", help="write a percentage, such as `50 %`")
        try:
            own = convert(value, unit, parse_unit(given.unit))
        except UnitError as error:
            self.fail(error.message, help=f"{drug} is dosed in {given.unit}")
        self._check_range(given, own)
        if given.amount == 0:
            help = "write the regimen with an amount; for a placebo arm use `without`"
            self.fail(f"the first dose of {drug} is 0, so no rule can change it", help=help)
        return own / given.amount

    def highest(self, drug: str, amount: Amount | None) -> float:
        """The highest dose relative to the written dose, within the drug's plausible range."""
        given = self.treatments[self.regimen(drug)]
        if amount is None and given.range:
            low, high = given.range
            help = f"write a highest dose, such as `, up to {high:g} {given.unit}` or `, up to 200 %`"
            self.fail(f"this may raise `{drug}` above its plausible range {low:g} to {high:g} {given.unit}", help=help)
        return self.share(drug, amount, np.inf)

    def _check_range(self, given: Treatment, amount: float) -> None:
        """Check that a dose is not above the plausible range, apart from rounding of a percentage."""
        if given.range and amount > given.range[1] * (1 + 1e-9):
            low, high = given.range
            self.fail(f"`{amount:g} {given.unit}` of {given.drug} is outside its plausible range {low:g} to {high:g}")

    def fail(self, message: str, *, help: str | None = None, needle: str | None = None) -> NoReturn:
        """Raise an error at the place of the action."""
        self.place.fail(message, help=help, needle=needle)
