"""Evaluate the rules of an arm at its visits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean
from mtorsim.scenario.parts import rechecks

from .arms import PlannedArm
from .care import Care
from .measurement import MEASURED
from .plan import Plan
from .prepare import People
from .rules import CLOCKS, GRADE, PlannedRule
from .visit import PythonRule, Visit

__all__ = ["Decisions", "decision_times"]


def decision_times(plan: Plan, arm: PlannedArm) -> list[float]:
    """Times of decisions: visits, and checks between them."""
    return sorted({*arm.spec.visits}.union(*_due(plan, arm).values()))


def _due(plan: Plan, arm: PlannedArm) -> dict[float, frozenset[float]]:
    """Times of checks for each interval; 0 means visits alone."""
    visits = arm.spec.visits
    every = {deed.check for rule in arm.rules for deed in rule.deeds}
    return {0.0: frozenset(visits)} | {
        check: frozenset([*visits, *rechecks(visits, check, plan.scenario.duration)]) for check in every if check
    }


class Decisions:
    """The rules of an arm, and their memory of subjects."""

    def __init__(
        self, plan: Plan, arm: PlannedArm, people: People, care: Care, python_rules: Sequence[PythonRule] = ()
    ) -> None:
        self.plan, self.arm, self.care = plan, arm, care
        self.subjects = people.subjects
        self.python_rules = python_rules
        self.drugs = [t.drug for t in arm.treatments]
        self.due = _due(plan, arm)
        self.about = [_members(plan, people, rule) for rule in arm.rules]
        shape = len(people.subjects), len(arm.rules)
        # Number of consecutive visits at which each condition held, and number of times each rule changed anything.
        self.streak, self.count = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        deeds = [(deed.regimen, r, deed) for r, rule in enumerate(arm.rules) for deed in rule.deeds]
        self.reviews = sorted(deeds, key=lambda found: found[0])

    def decide(self, time: float, present: np.ndarray, values: np.ndarray) -> bool:
        """Evaluate the rules at one time.

        Parameters
        ----------
        present
            Mask of subjects on study, (n,).
        values
            All observables, (n, observables).

        Returns
        -------
        bool
            Whether any rule changed anything.
        """
        due = frozenset(check for check, times in self.due.items() if time in times)
        measured = self._reader(time, values)
        visit = Visit(time, self.subjects, present, self.care, self.drugs, measured, due)
        before = len(self.care.ledger)
        visit.end_holds()
        for _, r, deed in self.reviews:
            visit.begin(r)
            deed.review(visit)
        if 0.0 in due:
            for r in range(len(self.arm.rules)):
                self._ask(r, visit)
            for i, function in enumerate(self.python_rules):
                visit.begin(len(self.arm.rules) + i)
                function(visit)
        return len(self.care.ledger) > before

    def _ask(self, r: int, visit: Visit) -> None:
        """Evaluate one rule, and apply its actions to subjects who meet its condition."""
        rule = self.arm.rules[r]
        asked = visit.present & self.about[r] & (visit.time >= rule.since)
        holds = asked & rule.question.holds(visit.measured)
        self.streak[asked, r] = np.where(holds[asked], self.streak[asked, r] + 1, 0)
        fires = holds & (self.streak[:, r] >= rule.confirmed)
        if rule.most is not None:
            fires &= self.count[:, r] < rule.most
        visit.begin(r)
        visit.look_at(rule.question.first)
        for deed in rule.deeds:
            # A rule does not change a drug in the same turn in which it started it.
            deed.apply(visit, fires & ~visit.just_started(deed.regimen))
        # A rule that changed nothing does not count as used.
        self.count[visit.touched, r] += 1

    def end(self, present: np.ndarray) -> None:
        """Record holds that ended between the last visit and the end."""
        end = self.plan.scenario.duration
        nothing = np.full(len(self.subjects), np.nan)
        Visit(end, self.subjects, present, self.care, self.drugs, lambda name: nothing).end_holds()

    def _reader(self, time: float, values: np.ndarray) -> Callable[[str], np.ndarray]:
        """A function that returns measured values by name."""
        plan, names = self.plan, list(self.plan.observables)

        def measured(name: str) -> np.ndarray:
            if name in CLOCKS:
                return np.full(len(values), time / CLOCKS[name])
            if name == GRADE:
                graded = values[:, names.index(plan.graded)]
                return np.where(np.isnan(graded), np.nan, plan.grading.of(graded))
            own = name + MEASURED if name + MEASURED in names else name
            if own not in names:
                raise ArgumentError(f"`{name}` is not measured", help=did_you_mean(name, [*names, *CLOCKS, GRADE]))
            return values[:, names.index(own)]

        return measured


def _members(plan: Plan, people: People, rule: PlannedRule) -> np.ndarray:
    """Mask of subjects to whom a rule applies, (n,)."""
    names = list(plan.population.traits)
    group = f"group {rule.among}"
    if rule.among is None or group not in names:
        return np.full(len(people.subjects), rule.among is None or rule.others)
    return (people.traits[:, names.index(group)] == 1) != rule.others
