"""Prepare subjects: draw them, apply entry criteria, and run each to its periodic untreated day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.kernel.status import NOT_ADMITTED, NOT_DRAWN, OK
from mtorsim.model.inflow import is_inflow
from mtorsim.population.file import Entry
from mtorsim.population.population import WEIGHT
from mtorsim.units.units import convert, parse_unit

from .plan import Plan
from .run_in import SUBJECT, Accuracy, UntreatedDay

__all__ = ["People", "at_rest", "fasting_values", "prepare", "prepare_given", "prepare_values", "settle"]


MOST_ATTEMPTS = 1000


@dataclass(frozen=True)
class People:
    """Subjects ready to start.

    Attributes
    ----------
    subjects
        Numbers of the subjects (n,).
    parameters
        Shape (n, parameters), in the kernel's order.
    start
        State at t = 0, shape (n, states).
    status
        0, or the code of the reason for failure (n,).
    attempts
        Number of screen failures before each (n,).
    traits
        Traits, shape (n, traits), in the population's order.
    weights
        Weight of each, shape (n,).
    """

    subjects: np.ndarray
    parameters: np.ndarray
    start: np.ndarray
    status: np.ndarray
    attempts: np.ndarray
    traits: np.ndarray
    weights: np.ndarray

    def cut(self, n: int) -> tuple[People, People]:
        """The first n subjects, and the others."""
        first = {name: part[:n] for name, part in vars(self).items()}
        return People(**first), People(**{name: part[n:] for name, part in vars(self).items()})

    def traits_of(self, plan: Plan) -> dict[str, np.ndarray]:
        """Traits by name, (n,) each."""
        return dict(zip(plan.population.traits, self.traits.T, strict=True)) if self.traits.size else {}


def prepare(plan: Plan, subjects: np.ndarray, known: Mapping[str, np.ndarray] | None = None) -> People:
    """Draw subjects until each meets the entry criteria, and run each in.

    Parameters
    ----------
    plan
        The run.
    subjects
        Numbers of the subjects, shape (n,).
    known
        Covariates of the subjects, (n,) each, by name.
    """
    n = len(subjects)
    people = People(
        subjects=subjects,
        parameters=np.zeros((n, len(plan.kernel.parameters))),
        start=np.zeros((n, len(plan.kernel.states))),
        status=np.full(n, NOT_ADMITTED),
        attempts=np.zeros(n, np.int64),
        traits=np.full((n, len(plan.population.traits)), np.nan),
        weights=np.ones(n),
    )
    pending = np.arange(n)
    for attempt in range(MOST_ATTEMPTS):
        if not len(pending):
            break
        people.attempts[pending] = attempt
        own = {name: value[pending] for name, value in (known or {}).items()}
        values, plausible = plan.population.draw(plan.seed, subjects[pending], attempt, own)
        drawn = np.isfinite(np.stack([np.broadcast_to(v, plausible.shape) for v in values.values()])).all(axis=0)
        people.status[pending[~drawn]] = NOT_DRAWN
        values = {name: np.broadcast_to(v, drawn.shape)[drawn] for name, v in values.items()}
        pending, plausible = pending[drawn], plausible[drawn]
        some = pending[plausible]
        values = {k: v[plausible] for k, v in values.items()}
        _join_groups(plan, values, subjects[some], attempt)
        parameters = _matrix(plan, values, len(some))
        start, status, extremes = settle(plan, parameters)
        done = (status != OK) | _admitted(plan, parameters, start, extremes)
        people.parameters[some] = parameters
        for j, name in enumerate(plan.population.traits):
            people.traits[some, j] = values[name]
        people.weights[some] = values[WEIGHT]
        people.start[some] = start
        people.status[some[done]] = status[done]
        pending = np.setdiff1d(pending, some[done])
    return people


def fasting_values(plan: Plan, subjects: np.ndarray, observables: Sequence[str]) -> dict[str, np.ndarray]:
    """Draw subjects and find their untreated fasting state, without a run-in and without entry criteria.

    Parameters
    ----------
    plan
        The run; its model has a state of rest.
    subjects
        Numbers of the subjects, shape (n,).
    observables
        Observables that do not depend on the untreated day.

    Returns
    -------
    dict
        An array (n,) for each drawn quantity and observable. `untreated NAME` is an observable before subjects joined
        groups, NAME that of members as they are treated.
    """
    drawn, _ = plan.population.draw(plan.seed, subjects, 0)
    values = {name: np.broadcast_to(v, (len(subjects),)).copy() for name, v in drawn.items()}
    before = at_rest(plan, values, len(subjects), observables)
    _join_groups(plan, values, subjects, 0)
    after = at_rest(plan, values, len(subjects), observables)
    return values | {f"untreated {name}": v for name, v in before.items()} | after


def at_rest(plan: Plan, values: dict[str, np.ndarray], n: int, observables: Sequence[str]) -> dict[str, np.ndarray]:
    """Observables of subjects with given parameters in their untreated fasting state, (n,) each."""
    assert plan.model.rest is not None
    parameters, kernel = _matrix(plan, values, n), plan.kernel
    state = np.zeros((n, len(kernel.states)))
    kernel.rest(parameters, plan.model.rest.bounds, state, np.zeros(n, np.int64))
    columns = np.array([kernel.quantities.index(plan.model.observables[o]) for o in observables], np.int64)
    seen = kernel.observed(np.zeros(1), state[:, None], np.arange(len(kernel.states)), parameters, columns)[:, 0]
    return {o: seen[:, j] for j, o in enumerate(observables)}


def _join_groups(plan: Plan, values: dict[str, np.ndarray], subjects: np.ndarray, attempt: int) -> None:
    """Let drawn subjects join the groups whose members depend on untreated fasting values."""
    if plan.model.rest is None or not len(subjects):
        return
    for group in plan.population.observed_groups:
        fasting = at_rest(plan, values, len(subjects), group.observables)
        plan.population.join(group, values, fasting, plan.seed, subjects, attempt)


def prepare_given(plan: Plan, values: dict[str, np.ndarray]) -> People:
    """Prepare typical subjects with given parameters, without entry criteria.

    Parameters
    ----------
    plan
        The run; all other parameters are those of its population's subject 0.
    values
        An array (n,) for each given parameter, by full name.
    """
    n = len(next(iter(values.values())))
    drawn, _ = plan.population.draw(plan.seed, np.zeros(n, np.int64))
    return prepare_values(plan, {name: np.broadcast_to(v, (n,)) for name, v in drawn.items()} | values, n)


def prepare_values(plan: Plan, values: dict[str, np.ndarray], n: int, accuracy: Accuracy = SUBJECT) -> People:
    """Run in people of whom everything is given, without entry criteria.

    Parameters
    ----------
    values
        An array (n,) for each parameter and trait.
    accuracy
        Of the run-in.
    """
    parameters = _matrix(plan, values, n)
    start, status, _ = settle(plan, parameters, accuracy)
    traits = np.stack([values[name] for name in plan.population.traits], axis=1) if plan.population.traits else None
    return People(
        np.arange(n),
        parameters,
        start,
        status,
        np.zeros(n, np.int64),
        np.zeros((n, 0)) if traits is None else traits,
        np.ones(n),
    )


def _matrix(plan: Plan, values: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Parameters, one row per subject, in the kernel's order; results of the run-in are NaN until then."""
    matrix = np.full((n, len(plan.kernel.parameters)), np.nan)
    for j, name in enumerate(plan.kernel.parameters):
        if name in values:
            matrix[:, j] = values[name]
        elif name in plan.switches:
            matrix[:, j] = plan.switches[name]
        elif is_inflow(name):
            matrix[:, j] = 0.0
    return matrix


def settle(
    plan: Plan, parameters: np.ndarray, accuracy: Accuracy = SUBJECT
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Find the state at t = 0 of subjects with given parameters, and fill in results of the run-in.

    Parameters
    ----------
    parameters
        In the kernel's order, (n, parameters).
    accuracy
        Of the run-in.

    Returns
    -------
    start, status, statistics
        State (n, states), status (n,), and statistics of the untreated day by name.
    """
    n = len(parameters)
    status = np.zeros(n, np.int64)
    start = np.zeros((n, len(plan.kernel.states)))
    statistics: dict[str, np.ndarray] = {}
    if plan.day is not None:
        day = UntreatedDay(plan, plan.day, parameters, accuracy)
        state, status = day.run()
        statistics = day.statistics()
        day.fill(parameters)
        _overlay(plan, plan.day, parameters, state, start)
    elif plan.model.rest is not None:
        plan.kernel.rest(parameters, plan.model.rest.bounds, start, status)
    else:
        plan.kernel.start(parameters, start)
    return start, status, statistics


def _overlay(plan: Plan, day: Kernel, parameters: np.ndarray, state: np.ndarray, start: np.ndarray) -> None:
    """States with an initial value take it; the others continue from the untreated day."""
    plan.kernel.start(parameters, start)
    for j, name in enumerate(plan.kernel.states):
        if name in day.states:
            start[:, j] = state[:, day.states.index(name)]
        elif name not in plan.model.initials and name in day.fixed:
            start[:, j] = day.fixed[name]


def _admitted(plan: Plan, parameters: np.ndarray, start: np.ndarray, statistics: dict[str, np.ndarray]) -> np.ndarray:
    """Mask of subjects who meet all entry criteria."""
    n = len(parameters)
    admitted = np.ones(n, bool)
    entries = [e for e in plan.population.entries if e.observable in plan.model.observables]
    if not entries or not n:
        return admitted
    columns = np.array([plan.kernel.quantities.index(plan.model.observables[e.observable]) for e in entries])
    everything = np.arange(len(plan.kernel.states))
    fasting = plan.kernel.observed(np.zeros(1), start[:, None], everything, parameters, columns)[:, 0]
    for j, entry in enumerate(entries):
        value = fasting[:, j] if entry.statistic == "fasting" else statistics[f"{entry.observable} {entry.statistic}"]
        low, high = _limits(plan, entry)
        with np.errstate(invalid="ignore"):
            admitted &= (value >= low) & (value <= high)
    return admitted


def _limits(plan: Plan, entry: Entry) -> tuple[float, float]:
    """The limits of a criterion in the observable's unit."""
    unit = plan.model.units[plan.model.observables[entry.observable]]
    given = parse_unit(entry.unit)
    low = -np.inf if entry.at_least is None else convert(entry.at_least, given, unit)
    high = np.inf if entry.at_most is None else convert(entry.at_most, given, unit)
    return low, high
