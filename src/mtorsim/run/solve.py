"""Carries prepared subjects through a schedule and looks at them, once more with care where that fails."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import CANCELLED, WELL

from .arms import PlannedArm
from .plan import Plan
from .prepare import People
from .schedule import Schedule

__all__ = ["RETRY", "carry", "observed", "parameters_in"]


RETRY = 0.01
"""A failed subject is tried once more, with the other method at this share of the tolerances."""


def parameters_in(plan: Plan, arm: PlannedArm, people: People) -> np.ndarray:
    """Everyone's parameters in one arm, (n, parameters)."""
    parameters = people.parameters.copy()
    for j, name in enumerate(plan.kernel.parameters):
        if name in arm.parameters:
            parameters[:, j] = arm.parameters[name]
        elif name in arm.switches:
            parameters[:, j] = arm.switches[name]
    return parameters


def carry(
    plan: Plan,
    start: np.ndarray,
    parameters: np.ndarray,
    events: Events,
    times: np.ndarray,
    rows: np.ndarray | None,
    until: float,
    steering: frozenset[str],
    status: np.ndarray,
    cancel: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Carry subjects from t = 0, each failed one a second time by the other method at tighter tolerance.

    Parameters
    ----------
    start, parameters
        Shape (n, states) and (n, parameters); neither is changed.
    events
        Of each subject.
    times
        When states are recorded, hours, (m,).
    rows
        The states that are recorded; all when None.
    until
        Hours.
    steering
        States that take part in the choice of steps.
    status
        Shape (n,): who is not well is not carried.

    Returns
    -------
    states, status
        Shape (n, m, rows), NaN where a subject did not get; and (n,).
    """
    rows = np.arange(len(plan.kernel.states)) if rows is None else rows
    n = len(start)
    states = np.full((n, len(times), len(rows)), np.nan)
    ended = status.copy()
    _once(plan, plan.kernel, 1.0, start, parameters, events, times, rows, until, steering, states, ended, cancel)
    failed = np.flatnonzero((ended != WELL) & (status == WELL) & (ended != CANCELLED))
    if len(failed):
        some = Events(events.time, events.kind, events.row, events.amount, events.first[failed], events.last[failed])
        again, second = states[failed], status[failed].copy()
        again[:] = np.nan
        _once(
            plan,
            plan.spare,
            RETRY,
            start[failed],
            parameters[failed],
            some,
            times,
            rows,
            until,
            steering,
            again,
            second,
            cancel,
        )
        states[failed], ended[failed] = again, second
    return states, ended


def _once(
    plan: Plan,
    kernel: Kernel,
    share: float,
    start: np.ndarray,
    parameters: np.ndarray,
    events: Events,
    times: np.ndarray,
    rows: np.ndarray,
    until: float,
    steering: frozenset[str],
    states: np.ndarray,
    status: np.ndarray,
    cancel: np.ndarray | None,
) -> None:
    tolerance = plan.options.rtol * share, plan.options.atol * share * plan.scales(kernel)
    steers = np.array([float(s in steering) for s in kernel.states])
    # The kernel moves states and parameters in place, as events come.
    kernel.advance(
        start.copy(),
        kernel.memory(len(start)),
        parameters.copy(),
        events,
        times,
        rows,
        (0.0, until),
        tolerance,
        steers,
        states,
        status,
        cancel,
    )


def observed(
    plan: Plan,
    schedule: Schedule,
    times: np.ndarray,
    states: np.ndarray,
    rows: np.ndarray,
    parameters: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """Quantities from states, with parameters as they are at each time; a sample comes before a change.

    Parameters
    ----------
    parameters
        As they are at t = 0, (n, parameters).
    columns
        The quantities, as rows of the kernel's.

    Returns
    -------
    ndarray
        Shape (n, times, columns).
    """
    turns = sorted({t.time for t in schedule.turns})
    out = np.full((*states.shape[:2], len(columns)), np.nan)
    cuts = [0, *np.searchsorted(times, turns, side="right"), len(times)]
    named = {name: parameters[:, j] for j, name in enumerate(plan.kernel.parameters)}
    for since, (a, b) in zip([-1.0, *turns], pairwise(cuts), strict=True):
        if a < b:
            now = np.stack(list(schedule.parameters_at(since, named).values()), axis=1)
            out[:, a:b] = plan.spare.observed(times[a:b], np.ascontiguousarray(states[:, a:b]), rows, now, columns)
    return out
