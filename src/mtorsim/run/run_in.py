"""Run-in: repeat the untreated day until it is periodic."""

from __future__ import annotations

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.compiler.solver import load_solver
from mtorsim.kernel.arguments import Subjects
from mtorsim.kernel.status import NOT_AT_REST, OK
from mtorsim.model.dimensions import time_factor
from mtorsim.model.expressions import evaluate
from mtorsim.model.generated import CLOCK
from mtorsim.stats.portable import FUNCTIONS

from .accuracy import CANDIDATE, SUBJECT, Accuracy
from .plan import Plan
from .solve import recording, solve, tolerance

MOST_DAYS = 30


APPROACH = 3
"""Number of first days that are integrated as for a candidate: the state is extrapolated from them anyway."""
PROFILE = np.arange(1, 97) * 0.25
"""Sampling times of the untreated day, hours."""


class UntreatedDay:
    """The untreated day, repeated until its averages converge."""

    def __init__(self, plan: Plan, kernel: Kernel, parameters: np.ndarray, accuracy: Accuracy = SUBJECT) -> None:
        self.plan = plan
        self.kernel = kernel
        self.n = len(parameters)
        # Results of the run-in are never read during it; NaN would reveal an error.
        index = {name: j for j, name in enumerate(plan.kernel.parameters)}
        self.parameters = np.ascontiguousarray(parameters[:, [index[name] for name in kernel.parameters]])
        self.sums = [kernel.states.index(m) for m in plan.model.means]
        self.means = np.zeros((self.n, len(self.sums)))
        self.clocks = [kernel.states.index(c) for c in plan.model.clocks(CLOCK) if c in kernel.states]
        self.watched = [e.observable for e in plan.population.entries if e.statistic != "fasting"]
        self.watched = list(dict.fromkeys(w for w in self.watched if w in plan.model.observables))
        rows = [kernel.quantities.index(plan.model.observables[w]) for w in self.watched]
        self.columns = np.array(rows, np.int64)
        self.profile = np.full((self.n, len(PROFILE), len(rows)), np.nan)
        self.scales = plan.scales(kernel)
        self.accuracy = accuracy

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the state at 07:30 of the periodic day, and the status."""
        rest = self.plan.model.rest
        state = np.zeros((self.n, len(self.kernel.states)))
        status = np.zeros(self.n, np.int64)
        if rest is not None:
            self.kernel.rest(self.parameters, rest.bounds, state, status)
        else:
            self.kernel.start(self.parameters, state)
        memory = self.kernel.memory(self.n)
        history: list[np.ndarray] = []
        moving = np.flatnonzero(status == OK)
        approach = 0 if self.accuracy == CANDIDATE else APPROACH
        for day in range(MOST_DAYS):
            if not len(moving):
                return state, status
            if day == approach:
                # Steps of the other method do not apply.
                memory[:] = 0.0
            before = self.means[moving].copy()
            history = [*history[-2:], state.copy()]
            self._one_day(moving, state, memory, status, CANDIDATE if day < approach else self.accuracy)
            change = np.abs(self.means[moving] - before)
            repeats = (change <= self.accuracy.repeats * np.maximum(1.0, np.abs(before))).all(axis=1)
            # A day is compared with one that was integrated in the same way.
            repeats &= day > approach
            moving = moving[~repeats & (status[moving] == OK)]
            if len(history) == 3:
                self._extrapolate(moving, history, state)
                history = []
        status[moving] = NOT_AT_REST
        return state, status

    def _one_day(
        self, who: np.ndarray, state: np.ndarray, memory: np.ndarray, status: np.ndarray, accuracy: Accuracy
    ) -> None:
        subjects = Subjects(state[who], memory[who], self.parameters[who], status[who])
        subjects.state[:, self.sums] = 0.0
        # The untreated day is the one before the start.
        subjects.state[:, self.clocks] = -24.0
        events, _ = self.plan.habit.events(
            self.kernel.states, self.kernel.named(subjects.parameters), self.plan.seed, who
        )
        samples = PROFILE if len(self.columns) else PROFILE[:0]
        seen = recording(samples, self.kernel.read_by(self.columns), len(who))
        error = tolerance(self.kernel, accuracy.rtol, accuracy.atol * self.scales)
        solver = load_solver(accuracy.method, accuracy.precision)
        solve(self.kernel, solver, subjects, events, (0.0, 24.0), error, seen)
        state[who], memory[who], status[who] = subjects.state, subjects.memory, subjects.status
        self.means[who] = subjects.state[:, self.sums] / 24.0
        if len(samples):
            self.profile[who] = self.kernel.observed(samples, seen.out, seen.rows, subjects.parameters, self.columns)

    def _extrapolate(self, who: np.ndarray, history: list[np.ndarray], state: np.ndarray) -> None:
        """Aitken extrapolation of states that converge by a constant ratio per day."""
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
        """Fill the results of the run-in into the rows of parameters."""
        index = {name: j for j, name in enumerate(self.plan.kernel.parameters)}
        values = {name: parameters[:, j] for name, j in index.items()}
        values |= {name: self.means[:, i] for i, name in enumerate(self.plan.model.means)}
        for name, equation in self.plan.model.then.items():
            named = {typed: values[full] for typed, full in equation.scope.items()}
            factor = time_factor(self.plan.model, equation)
            values[name] = factor * evaluate(equation.expression, named, FUNCTIONS)
        for name in (*self.plan.model.means, *self.plan.model.then):
            if name in index:
                parameters[:, index[name]] = values[name]
