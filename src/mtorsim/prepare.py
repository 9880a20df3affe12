"""A subject at rest: drawn, admitted, and brought to its own periodic untreated day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.compiler.system import is_inflow
from mtorsim.model.dimensions import time_factor
from mtorsim.model.expressions import evaluate
from mtorsim.population.file import Entry
from mtorsim.population.population import WEIGHT
from mtorsim.stats.portable import FUNCTIONS
from mtorsim.units.units import convert, parse_unit

from .kernel.status import NOT_ADMITTED, NOT_AT_REST, NOT_DRAWN, WELL
from .plan import Plan

__all__ = ["People", "prepare", "prepare_given"]


MOST_ATTEMPTS = 1000
MOST_DAYS = 30
REPEATS_TO = 1e-8
"""How well the averages of one untreated day must repeat those of the day before."""
RTOL, ATOL = 1e-6, 1e-8
"""Tolerances of the run-in: its averages then err by 1e-9. They do not follow those of the run, so
that a person is the same at any of these."""
PROFILE = np.arange(1, 97) * 0.25
"""Hours at which the untreated day is looked at for its extremes."""


@dataclass(frozen=True)
class People:
    """Subjects ready to start.

    Attributes
    ----------
    subjects
        Their numbers (n,).
    parameters
        Shape (n, parameters), in the kernel's order.
    start
        State at t = 0, shape (n, states).
    status
        0, or why the subject could not be prepared (n,).
    attempts
        How many drawn people were turned away before each was admitted (n,).
    traits
        What tells them apart, shape (n, traits), in the population's order.
    weights
        How many people of the population each stands for, shape (n,).
    """

    subjects: np.ndarray
    parameters: np.ndarray
    start: np.ndarray
    status: np.ndarray
    attempts: np.ndarray
    traits: np.ndarray
    weights: np.ndarray


def prepare(plan: Plan, subjects: np.ndarray) -> People:
    """Draw subjects until each meets the entry criteria, and let each run in.

    Parameters
    ----------
    plan
        The run.
    subjects
        Numbers of the subjects, shape (n,).
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
        values, plausible = plan.population.draw(plan.seed, subjects[pending], attempt)
        drawn = np.isfinite(np.stack([np.broadcast_to(v, plausible.shape) for v in values.values()])).all(axis=0)
        people.status[pending[~drawn]] = NOT_DRAWN
        values = {name: np.broadcast_to(v, drawn.shape)[drawn] for name, v in values.items()}
        pending, plausible = pending[drawn], plausible[drawn]
        some = pending[plausible]
        parameters = _matrix(plan, {k: v[plausible] for k, v in values.items()}, len(some))
        start, status, extremes = _settle(plan, parameters)
        done = (status != WELL) | _admitted(plan, parameters, start, extremes)
        people.parameters[some] = parameters
        for j, name in enumerate(plan.population.traits):
            people.traits[some, j] = values[name][plausible]
        people.weights[some] = values[WEIGHT][plausible]
        people.start[some] = start
        people.status[some[done]] = status[done]
        pending = np.setdiff1d(pending, some[done])
    return people


def prepare_given(plan: Plan, values: dict[str, np.ndarray]) -> People:
    """Typical people with some parameters as they are given, each run in; nobody is turned away.

    Parameters
    ----------
    plan
        The run; what is not given is that of its population's subject 0.
    values
        An array (n,) for each parameter that is given, by full name.
    """
    n = len(next(iter(values.values())))
    drawn, _ = plan.population.draw(plan.seed, np.zeros(n, np.int64))
    everything = {name: np.broadcast_to(v, (n,)) for name, v in drawn.items()} | values
    parameters = _matrix(plan, everything, n)
    start, status, _ = _settle(plan, parameters)
    traits = np.stack([everything[name] for name in plan.population.traits], axis=1) if plan.population.traits else None
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
    """One row a subject, in the kernel's order; what only the run-in gives is NaN until then."""
    matrix = np.full((n, len(plan.kernel.parameters)), np.nan)
    for j, name in enumerate(plan.kernel.parameters):
        if name in values:
            matrix[:, j] = values[name]
        elif name in plan.switches:
            matrix[:, j] = plan.switches[name]
        elif is_inflow(name):
            matrix[:, j] = 0.0
    return matrix


def _settle(plan: Plan, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """State at t = 0, status and the untreated day's statistics; fills in what the run-in gives."""
    n = len(parameters)
    status = np.zeros(n, np.int64)
    start = np.zeros((n, len(plan.kernel.states)))
    statistics: dict[str, np.ndarray] = {}
    if plan.day is not None:
        day = _Day(plan, plan.day, parameters)
        state, status = day.run()
        statistics = day.statistics()
        day.fill(parameters)
        _overlay(plan, plan.day, parameters, state, start)
    elif plan.model.rest is not None:
        low, high = plan.model.rest.between
        plan.spare.function("rest", "rest")(parameters, low, high, start, status)
    else:
        plan.spare.function("rest", "start")(parameters, start)
    return start, status, statistics


def _overlay(plan: Plan, day: Kernel, parameters: np.ndarray, state: np.ndarray, start: np.ndarray) -> None:
    """States that have a start of their own take it; the others go on from the untreated day."""
    plan.spare.function("rest", "start")(parameters, start)
    for j, name in enumerate(plan.kernel.states):
        if name in day.states:
            start[:, j] = state[:, day.states.index(name)]
        elif name not in plan.model.initials:
            start[:, j] = day.fixed[name]


class _Day:
    """The untreated day, repeated until its averages do."""

    def __init__(self, plan: Plan, kernel: Kernel, parameters: np.ndarray) -> None:
        self.plan = plan
        self.kernel = kernel
        self.n = len(parameters)
        # What only the run-in gives is never read during it; NaN would say so at once.
        self.parameters = parameters.copy()
        self.sums = [kernel.states.index(m) for m in plan.model.means]
        self.means = np.zeros((self.n, len(self.sums)))
        self.watched = [e.observable for e in plan.population.entries if e.statistic != "fasting"]
        self.watched = list(dict.fromkeys(w for w in self.watched if w in plan.model.observables))
        rows = [kernel.quantities.index(plan.model.observables[w]) for w in self.watched]
        self.columns = np.array(rows, np.int64)
        self.profile = np.full((self.n, len(PROFILE), len(rows)), np.nan)
        self.scales = plan.scales(kernel)

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        """State at 07:30 of the periodic day, and status."""
        rest = self.plan.model.rest
        state = np.zeros((self.n, len(self.kernel.states)))
        status = np.zeros(self.n, np.int64)
        if rest is not None:
            self.kernel.function("rest", "rest")(self.parameters, *rest.between, state, status)
        else:
            self.kernel.function("rest", "start")(self.parameters, state)
        memory = self.kernel.memory(self.n)
        history: list[np.ndarray] = []
        moving = np.flatnonzero(status == WELL)
        for _ in range(MOST_DAYS):
            if not len(moving):
                return state, status
            before = self.means[moving].copy()
            history = [*history[-2:], state.copy()]
            self._one_day(moving, state, memory, status)
            change = np.abs(self.means[moving] - before)
            repeats = (change <= REPEATS_TO * np.maximum(1.0, np.abs(before))).all(axis=1)
            moving = moving[~repeats & (status[moving] == WELL)]
            if len(history) == 3:
                self._extrapolate(moving, history, state)
                history = []
        status[moving] = NOT_AT_REST
        return state, status

    def _one_day(self, who: np.ndarray, state: np.ndarray, memory: np.ndarray, status: np.ndarray) -> None:
        part, own, ended = state[who], memory[who], status[who]
        part[:, self.sums] = 0.0
        parameters = self.parameters[who]
        named = {name: parameters[:, j] for j, name in enumerate(self.kernel.parameters)}
        events, _ = self.plan.habit.events(self.kernel.states, named, self.plan.seed, who)
        samples = PROFILE if len(self.columns) else PROFILE[:0]
        rows = self.kernel.read_by(self.columns)
        seen = np.full((len(who), len(samples), len(rows)), np.nan)
        self.kernel.advance(
            part,
            own,
            parameters,
            events,
            samples,
            rows,
            (0.0, 24.0),
            (RTOL, ATOL * self.scales),
            np.ones(len(self.kernel.states)),
            seen,
            ended,
        )
        state[who], memory[who], status[who] = part, own, ended
        self.means[who] = part[:, self.sums] / 24.0
        if len(samples):
            self.profile[who] = self.kernel.observed(samples, seen, rows, parameters, self.columns)

    def _extrapolate(self, who: np.ndarray, history: list[np.ndarray], state: np.ndarray) -> None:
        """Aitken's step for states that creep towards their periodic value by a constant ratio a day."""
        before, middle, last = history[1][who], history[2][who], state[who]
        first, second = middle - before, last - middle
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = second / first
            limit = last + second * ratio / (1.0 - ratio)
        creeping = (ratio > 0.05) & (ratio < 0.95) & (np.abs(second) > 1e-9 * self.scales)
        creeping[:, self.sums] = False
        state[who] = np.where(creeping, limit, last)

    def statistics(self) -> dict[str, np.ndarray]:
        """Lowest, mean and highest value of each watched observable over the day."""
        found = {}
        for j, name in enumerate(self.watched):
            found[f"{name} minimum"] = self.profile[:, :, j].min(axis=1)
            found[f"{name} maximum"] = self.profile[:, :, j].max(axis=1)
            found[f"{name} mean"] = self.profile[:, :, j].sum(axis=1) / len(PROFILE)
        return found

    def fill(self, parameters: np.ndarray) -> None:
        """Put what the run-in gives into the rows of parameters."""
        index = {name: j for j, name in enumerate(self.kernel.parameters)}
        values = {name: parameters[:, j] for name, j in index.items()}
        values |= {name: self.means[:, i] for i, name in enumerate(self.plan.model.means)}
        for name, equation in self.plan.model.then.items():
            named = {typed: values[full] for typed, full in equation.scope.items()}
            factor = time_factor(self.plan.model, equation)
            values[name] = factor * evaluate(equation.expression, named, FUNCTIONS)
        for name in (*self.plan.model.means, *self.plan.model.then):
            if name in index:
                parameters[:, index[name]] = values[name]


def _admitted(plan: Plan, parameters: np.ndarray, start: np.ndarray, statistics: dict[str, np.ndarray]) -> np.ndarray:
    """Which subjects meet every entry criterion."""
    n = len(parameters)
    admitted = np.ones(n, bool)
    entries = [e for e in plan.population.entries if e.observable in plan.model.observables]
    if not entries or not n:
        return admitted
    columns = np.array([plan.kernel.quantities.index(plan.model.observables[e.observable]) for e in entries])
    everything = np.arange(len(plan.spare.states))
    fasting = plan.spare.observed(np.zeros(1), start[:, None], everything, parameters, columns)[:, 0]
    for j, entry in enumerate(entries):
        value = fasting[:, j] if entry.statistic == "fasting" else statistics[f"{entry.observable} {entry.statistic}"]
        low, high = _limits(plan, entry)
        with np.errstate(invalid="ignore"):
            admitted &= (value >= low) & (value <= high)
    return admitted


def _limits(plan: Plan, entry: Entry) -> tuple[float, float]:
    """The limits of a criterion in the observable's own unit."""
    unit = plan.model.units[plan.model.observables[entry.observable]]
    given = parse_unit(entry.unit)
    low = -np.inf if entry.at_least is None else convert(entry.at_least, given, unit)
    high = np.inf if entry.at_most is None else convert(entry.at_most, given, unit)
    return low, high
