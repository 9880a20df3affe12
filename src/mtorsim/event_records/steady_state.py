"""The steady state of a repeated dose: the state that one dosing interval maps to itself.

The drug's states are integrated over one interval, and Newton's method finds the fixed point of that map. For a linear
drug the first step is exact; with saturable elimination, Newton's steps climb to the steady state if it exists, and
diverge if it does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.compiler.solver import load_solver
from mtorsim.kernel.event import ADD, PARAMETER, REPLACE, Events
from mtorsim.kernel.status import NO_STEADY_STATE, OK
from mtorsim.run.solve import solve, subjects_at, tolerance

__all__ = ["Interval", "infusions_within", "pending_doses", "running_on", "steady_state"]


RTOL, ATOL = 1e-11, 1e-13
"""Relative tolerance of the integration over an interval."""
SETTLED = 1e-10
"""Tolerance of the fixed point, relative to the largest amount."""
ROUNDING = 1e-12
"""Fraction of an interval below which times are equal."""
MOST_STEPS = 60
BEYOND = 1e7
"""Amounts above this number of doses count as divergence."""


@dataclass(frozen=True)
class Interval:
    """A dosing interval that is repeated.

    Attributes
    ----------
    length
        In hours.
    row
        The state that takes the dose.
    amount, at
        The bolus amount, and its time in the interval.
    rates
        (start, end, rate) of infusions, within the interval.
    inflow
        Column of the parameter that is the state's inflow, -1 if nothing can be infused into it.
    marked
        Row of each clock that the dose sets, its value at the start of an interval, and the value to which it is set.
    """

    length: float
    row: int
    amount: float
    at: float
    rates: tuple[tuple[float, float, float], ...]
    inflow: int
    marked: tuple[tuple[int, float, float], ...] = ()

    def events(self) -> list[tuple[float, int, int, float]]:
        """The events in it: time, kind, row and amount."""
        found = [(self.at, ADD, self.row, self.amount)] if self.amount else []
        found += [(self.at, REPLACE, row, value) for row, _, value in self.marked]
        changes = {t for start, end, _ in self.rates for t in (start, end) if t < self.length}
        for time in sorted({0.0, *changes}) if self.inflow >= 0 else ():
            total = sum(rate for start, end, rate in self.rates if start <= time < end)
            found.append((time, PARAMETER, self.inflow, total))
        return sorted(found, key=lambda e: e[0])

    @property
    def size(self) -> float:
        """The total dose in one interval."""
        return self.amount + sum((end - start) * rate for start, end, rate in self.rates)


def steady_state(
    kernel: Kernel, start: np.ndarray, parameters: np.ndarray, rows: Sequence[int], interval: Interval
) -> tuple[np.ndarray, bool, int]:
    """Find the states that one interval maps to themselves.

    Parameters
    ----------
    kernel
        The equations.
    start, parameters
        All states and parameters of one subject.
    rows
        The drug's own states; all others are ignored.
    interval
        The doses.

    Returns
    -------
    amounts
        The drug's own states at the start of an interval.
    linear
        Whether superposition holds.
    status
        0, NO_STEADY_STATE, or the code of the reason why integration failed.
    """
    own = list(rows)
    x = np.zeros(len(own))
    largest = max(interval.size, 1e-300)
    linear = True
    for step in range(MOST_STEPS):
        after, slopes, ended = _through(kernel, start, parameters, own, interval, x, largest)
        if ended != OK:
            return np.full(len(own), np.nan), False, ended
        gap = after - x
        if np.abs(gap).max() <= SETTLED * max(largest, np.abs(x).max()):
            return x, linear and step <= 1, OK
        linear = step == 0
        try:
            x = np.maximum(x + np.linalg.solve(np.eye(len(own)) - slopes, gap), 0.0)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(x).all() or np.abs(x).max() > BEYOND * largest:
            break
    return np.full(len(own), np.nan), False, NO_STEADY_STATE


def _through(
    kernel: Kernel,
    start: np.ndarray,
    parameters: np.ndarray,
    own: list[int],
    interval: Interval,
    x: np.ndarray,
    size: float,
) -> tuple[np.ndarray, np.ndarray, int]:
    """The state after one interval, its derivatives by the state before it, and the status."""
    m = len(own)
    # For a linear drug any finite difference is exact; otherwise it must be small, but far above rounding error.
    moved = np.maximum(1e-4 * np.abs(x), 1e-4 * size)
    states = np.repeat(start[None], m + 1, axis=0)
    states[:, own] = x
    for row, before, _ in interval.marked:
        states[:, row] = before
    states[np.arange(1, m + 1), own] += moved
    events = Events.listed([interval.events()] * (m + 1))
    subjects = subjects_at(kernel, states, np.repeat(parameters[None], m + 1, axis=0))
    error = tolerance(kernel, RTOL, np.full(len(kernel.states), ATOL * size))
    solve(kernel, load_solver("tsit5", "double"), subjects, events, (0.0, interval.length), error)
    states = subjects.state
    return states[0, own], ((states[1:, own] - states[0, own]) / moved[:, None]).T, int(subjects.status.max())


def pending_doses(lag: float, interval: float) -> list[float]:
    """Times, after the record, at which earlier doses of a steady state with a long lag arrive."""
    count = math.floor(lag / interval * (1 + ROUNDING))
    return [max(lag - k * interval, 0.0) for k in range(count, 0, -1)]


def running_on(lag: float, duration: float, interval: float) -> list[float]:
    """Remaining times, after the record, of infusions started by earlier doses of a steady state."""
    ends: list[float] = []
    k = math.floor(lag / interval * (1 + ROUNDING)) + 1
    while duration > 0 and lag - k * interval + duration > ROUNDING * interval:
        ends.append(lag - k * interval + duration)
        k += 1
    return ends


def infusions_within(
    at: float, duration: float, rate: float, interval: float, tails: Sequence[float]
) -> tuple[tuple[float, float, float], ...]:
    """The infusions (start, end, rate) within one interval of a steady state; `tails` run on from earlier ones."""
    if duration <= 0:
        return ()
    rates = [(0.0, min(end, interval), rate) for end in tails]
    return (*rates, (at, min(at + duration, interval), rate))
