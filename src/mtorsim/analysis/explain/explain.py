"""Why a quantity changes on a drug: Shapley shares of its effect among named groups of mechanisms, person by person.

Every coalition of effects is run in the same people: what is not in it is switched off from the first dose on. The
people of all coalitions advance together, so that the lanes of the integrator are full even for one person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtorsim.analysis.asked import read_asked
from mtorsim.analysis.courses import ROWS, quantity_at, repeated, share_out
from mtorsim.analysis.people import LAST_SUBJECT
from mtorsim.errors import ArgumentError, choose_from
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.run.arguments import checked
from mtorsim.run.arms import PlannedArm
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import prepare
from mtorsim.scenario.scenario import Scenario
from mtorsim.scenario.tables import Arm
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers

from .effects import NamedEffect, effects_on
from .explanation import Explanation
from .shapley import orders, shares, shares_by_orders

__all__ = ["explain"]

MOST_EXACT = 10
"""Number of effects up to which all coalitions are run; beyond, orders are sampled."""
MOST_SUBJECTS = 100_000
SPARED = "nothing acts"
"""Name of the arm in which all effects are off: with it the plan has a kernel in which each can be switched."""


@checked
def explain(
    scenario: Scenario | str | Path,
    *,
    arm: str | None = None,
    versus: str | None = None,
    of: str = "fasting_glucose",
    at: str | float | None = None,
    subjects: int | None = None,
    subject: int | None = None,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    by: str | None = None,
    pairs: int = 32,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Explanation:
    """Divide a drug's effect on a quantity among the effects that model files declare.

    Parameters
    ----------
    scenario
        A scenario, the name of a bundled one, or the path of a file.
    arm, versus
        The treated arm, by default the first with a drug, and the untreated one, by default the first without.
    of
        An observable.
    at
        Time, such as `"8 weeks"`, or hours, or `"highest"` for the highest value at the scenario's visits after the
        start; default: the last visit.
    subjects, subject
        Number of subjects, by default the scenario's, or the number of a single one.
    seed, population, settings, library, note
        As in `simulate`.
    by
        A trait of the subjects, in thirds of which they are classed; default: by glucose at the start.
    pairs
        Pairs of orders that are sampled where there are more than ten effects.
    threads
        Number of threads; default: all cores.
    progress
        As in `simulate`.

    Returns
    -------
    Explanation
        Shares of every subject, which sum to its whole effect.

    Raises
    ------
    MtorsimError
        If an input is invalid, or nothing reaches the quantity.

    Examples
    --------
    >>> import mtorsim as mt
    >>> why = mt.explain("everolimus_breast", at="8 weeks", subjects=4)
    >>> whole = why.treated - why.spared
    >>> bool((abs(why.shares.sum(axis=1) - whole) < 1e-9).all())
    True
    """
    given = {"seed": seed, "population": population, "settings": settings}
    asked = read_asked(scenario, of, at, arm, versus, library, **given)
    asked.require_drug()
    if by is not None and by not in asked.draft.population.traits:
        raise ArgumentError(f"`by`: unknown trait `{by}`", help=choose_from(by, asked.draft.population.traits))
    n = asked.scenario.subjects if subjects is None else subjects
    if not 1 <= n <= MOST_SUBJECTS:
        raise ArgumentError(f"subjects = {n}: from 1 to {MOST_SUBJECTS:,}")
    if subject is not None and not 0 <= subject < LAST_SUBJECT:
        raise ArgumentError(f"subject = {subject}: subjects are numbered from 0 to {LAST_SUBJECT - 1:,}")
    quantity = "glucose" if of == "fasting_glucose" else of
    effects = effects_on(asked.draft.model, quantity, asked.treated.switches)
    off = {m: 0.0 for effect in effects for m in effect.mechanisms}
    plan, treated, untreated = asked.plan(note, {SPARED: Arm(settings=off)})
    work = _Work(plan, treated, untreated, effects, of, asked.time, pairs, by)
    who = np.arange(n) if subject is None else np.array([subject])
    return work.explain(who, workers(threads), shown_progress(progress))


@dataclass(frozen=True)
class _Work:
    """Everything that a batch of people needs."""

    plan: Plan
    treated: PlannedArm
    untreated: PlannedArm
    effects: tuple[NamedEffect, ...]
    of: str
    time: float | str
    pairs: int
    by: str | None

    @property
    def exact(self) -> bool:
        """Whether all coalitions are run."""
        return len(self.effects) <= MOST_EXACT

    def explain(self, who: np.ndarray, threads: int, progress: Progress | None) -> Explanation:
        """Explain some subjects, in batches on threads."""
        acting = self._acting()
        hours = self.plan.scenario.duration
        self.plan.choose_forms(len(who), days=len(who) * (len(acting) + 1) * hours / 24)
        size = max(1, ROWS // len(acting))
        found = share_out(who, size, threads, lambda some: self._batch(some, acting), progress)
        return self._explained(who, *(np.concatenate(part) for part in zip(*found, strict=True)))

    def _acting(self) -> np.ndarray:
        """Which effects act in each course of a person, (courses, effects)."""
        count = len(self.effects)
        if self.exact:
            return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)
        order = orders(count, self.pairs, self.plan.seed)
        place = np.argsort(order, axis=1)
        return (place[:, None, :] < np.arange(count + 1)[None, :, None]).reshape(-1, count)

    def _batch(self, who: np.ndarray, acting: np.ndarray) -> tuple[np.ndarray, ...]:
        """Values of some subjects: at the start, untreated, in every course; their status and traits."""
        people = prepare(self.plan, who)
        start, without, ended = quantity_at(self.plan, self.untreated, people, self.of, self.time)
        rows = repeated(people, len(acting))
        columns = {name: j for j, name in enumerate(self.plan.kernel.parameters)}
        for j, effect in enumerate(self.effects):
            for mechanism in effect.mechanisms:
                on = np.where(acting[:, j], self.treated.switches[mechanism], 0.0)
                rows.parameters[:, columns[mechanism]] = np.tile(on, len(who))
        others = {name: value for name, value in self.treated.switches.items() if name not in self._switched}
        arm = replace(self.treated, switches=others)
        _, values, each = quantity_at(self.plan, arm, rows, self.of, self.time)
        each = each.reshape(len(who), -1)
        # A subject fails if any of its courses does.
        status = np.where(people.status != OK, people.status, np.where(ended != OK, ended, each.max(axis=1)))
        traits = people.traits if people.traits.size else np.zeros((len(who), 0))
        return start, without, values.reshape(len(who), -1), status, people.weights, traits

    @property
    def _switched(self) -> set[str]:
        return {m for effect in self.effects for m in effect.mechanisms}

    def _explained(
        self,
        who: np.ndarray,
        start: np.ndarray,
        untreated: np.ndarray,
        values: np.ndarray,
        status: np.ndarray,
        weights: np.ndarray,
        traits: np.ndarray,
    ) -> Explanation:
        failed = status != OK
        values, start, untreated = values.copy(), start.copy(), untreated.copy()
        for part in (values, start, untreated):
            part[failed] = np.nan
        count = len(self.effects)
        if self.exact:
            found, errors, spared, whole = shares(values), None, values[:, 0], values[:, -1]
        else:
            table = values.reshape(len(who), -1, count + 1)
            found, errors = shares_by_orders(table, orders(count, self.pairs, self.plan.seed))
            spared, whole = table[:, 0, 0], table[:, 0, -1]
        return Explanation(
            scenario=self.plan.scenario.name,
            title=self.plan.scenario.title,
            arm=self.treated.name,
            versus=self.untreated.name,
            of=self.of,
            unit=self.plan.observables[self.of],
            at=self.time,
            by=self.by,
            seed=self.plan.seed,
            population=self.plan.population.name,
            effects=self.effects,
            subjects=who,
            status=status,
            weights=weights,
            start=start,
            untreated=untreated,
            spared=spared,
            treated=whole,
            shares=found,
            errors=errors,
            coalitions=values if self.exact else None,
            traits=dict(zip(self.plan.population.traits, traits.T, strict=True)) if traits.size else {},
        )
