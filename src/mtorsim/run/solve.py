"""Integrate subjects over a span, and observe them; the only caller of the solver."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.compiler.solver import Solver
from mtorsim.kernel.arguments import Recording, Span, Subjects, Tolerance, table
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import CANCELLED, OK

if TYPE_CHECKING:
    from .arms import PlannedArm
    from .plan import Plan
    from .prepare import People
    from .schedule import Schedule

__all__ = ["observed", "parameters_in", "recording", "solve", "some", "subjects_at", "tolerance"]

RETRY = 0.01
"""Factor on the tolerances when a failed subject is solved again by the other method."""


def subjects_at(
    kernel: Kernel, state: np.ndarray, parameters: np.ndarray, status: np.ndarray | None = None
) -> Subjects:
    """Make subjects with empty step-size memory.

    Parameters
    ----------
    state, parameters
        Shape (n, states) and (n, parameters).
    status
        Shape (n,); default: all ok.
    """
    n = len(state)
    ended = np.zeros(n, np.int64) if status is None else status.copy()
    return Subjects(state.copy(), kernel.memory(n), parameters.copy(), ended)


def some(subjects: Subjects, who: np.ndarray) -> Subjects:
    """Copies of some subjects."""
    return Subjects(*(np.ascontiguousarray(part[who]) for part in subjects))


def recording(times: np.ndarray, rows: np.ndarray, n: int) -> Recording:
    """Make a recording of `n` subjects: the states in `rows` at `times`, filled with NaN."""
    return Recording(times, rows, np.full((n, len(times), len(rows)), np.nan))


def tolerance(
    kernel: Kernel, relative: float, absolute: np.ndarray, steering: frozenset[str] | None = None
) -> Tolerance:
    """Make the tolerance of a step; all states take part in step size control unless `steering` lists those that do."""
    steers = np.array([float(steering is None or s in steering) for s in kernel.states])
    return Tolerance(relative, absolute, steers)


def solve(
    kernel: Kernel,
    solver: Solver,
    subjects: Subjects,
    events: Events,
    span: tuple[float, float],
    tolerance: Tolerance,
    recording: Recording | None = None,
    *,
    retry: bool = False,
    cancel: np.ndarray | None = None,
) -> None:
    """Integrate subjects over a span, in place; failed ones stay unchanged.

    Parameters
    ----------
    kernel, solver
        The equations, and the integrator.
    subjects
        State, memory, parameters and status of each, (n, ...).
    events
        Events of each subject.
    span
        The span, in hours.
    tolerance
        The error tolerance of a step.
    recording
        States to record in (start, end], and at the start for new subjects.
    retry
        Whether to solve failed subjects again from the start of the span, by the solver's `careful` one at a hundredth
        of the tolerances.
    cancel
        Shape (1,) int64: not 0 ends the call early.
    """
    if not events.fit(len(kernel.states), len(kernel.parameters)):
        raise IndexError("an event refers to a state or parameter that the kernel does not have")
    n = len(subjects.state)
    whole = np.zeros(0, np.int64)
    recording = recording or Recording(np.zeros(0), whole, np.zeros((n, 0, 0)))
    before = subjects.status.copy()
    start = some(subjects, np.arange(n)) if retry else None
    program = kernel.program(solver, n)
    seats = solver.seats(len(kernel.states), len(kernel.parameters), program)
    cancel = np.zeros(1, np.int64) if cancel is None else cancel
    solver.integrate(table(program, subjects, events, recording, tolerance, Span(*span, cancel), seats))
    failed = np.flatnonzero((subjects.status != OK) & (before == OK) & (subjects.status != CANCELLED))
    if start is None or not len(failed):
        return
    again = some(start, failed)._replace(memory=kernel.memory(len(failed)))
    finer = tolerance._replace(relative=RETRY * tolerance.relative, absolute=RETRY * tolerance.absolute)
    own = recording._replace(out=np.full_like(recording.out[failed], np.nan))
    solve(kernel, solver.careful, again, events.of(failed), span, finer, own, cancel=cancel)
    # Step sizes of the other method do not apply here.
    for mine, other in zip(subjects, again._replace(memory=kernel.memory(len(failed))), strict=True):
        mine[failed] = other
    recording.out[failed] = own.out


def parameters_in(plan: Plan, arm: PlannedArm, people: People) -> np.ndarray:
    """Parameters of all subjects in one arm, (n, parameters)."""
    parameters = people.parameters.copy()
    for j, name in enumerate(plan.kernel.parameters):
        if name in arm.parameters:
            parameters[:, j] = arm.parameters[name]
        elif name in arm.switches:
            parameters[:, j] = arm.switches[name]
    return parameters


def observed(
    plan: Plan,
    schedule: Schedule,
    times: np.ndarray,
    states: np.ndarray,
    rows: np.ndarray,
    parameters: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """Compute quantities from states, with the parameters at each time; a sample precedes a change at the same time.

    Parameters
    ----------
    parameters
        Values at t = 0, (n, parameters).
    columns
        Rows of the quantities in the kernel.

    Returns
    -------
    ndarray
        Shape (n, times, columns).
    """
    kernel = plan.kernel
    turns = sorted({t.time for t in schedule.turns})
    out = np.full((*states.shape[:2], len(columns)), np.nan)
    cuts = [0, *np.searchsorted(times, turns, side="right"), len(times)]
    named = kernel.named(parameters)
    for since, (a, b) in zip([-1.0, *turns], pairwise(cuts), strict=True):
        if a < b:
            now = np.stack(list(schedule.parameters_at(since, named).values()), axis=1)
            out[:, a:b] = kernel.observed(times[a:b], np.ascontiguousarray(states[:, a:b]), rows, now, columns)
    return out
