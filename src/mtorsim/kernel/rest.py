"""The state of rest: one bracketed root for each subject, by bisection in lanes."""

from __future__ import annotations

import numpy as np

from mtorsim.kernel.lanes import compiled, select_less
from mtorsim.kernel.status import NO_REST, WELL

from .precision import FLOAT, WIDTH, load, splat, store
from .problem import N_PARAMETERS, N_QUANTITIES, N_ROWS, N_STATES, balance, constants, initial, observe

HALVINGS = 64
"""Enough to bring any bracket of glucose, 25 to 700, to neighbouring numbers."""


@compiled
def rest(parameters, low, high, state, status):
    """Find every subject's root of the balance between `low` and `high` and fill in its states.

    Shapes: parameters (n, N_PARAMETERS); state (n, N_STATES) receives the state of rest; status (n,)
    int64 receives NO_REST where the balance does not change from positive to negative.
    """
    n = state.shape[0]
    p = np.ones((N_ROWS, WIDTH), FLOAT)
    y = np.zeros((N_STATES, WIDTH), FLOAT)
    ends = np.zeros((2, WIDTH), FLOAT)
    for first in range(0, n, WIDTH):
        for lane in range(WIDTH):
            subject = min(first + lane, n - 1)
            for i in range(N_PARAMETERS):
                p[i, lane] = parameters[subject, i]
        constants(p)
        initial(p, y)
        store(ends, 0, balance(splat(low), p, y))
        store(ends, 1, balance(splat(high), p, y))
        balance(bisect(splat(low), splat(high), p, y), p, y)
        for lane in range(min(WIDTH, n - first)):
            subject = first + lane
            bracketed = ends[0, lane] > 0.0 and ends[1, lane] < 0.0
            if not bracketed and status[subject] == WELL:
                status[subject] = NO_REST
            for i in range(N_STATES):
                state[subject, i] = y[i, lane]


@compiled
def bisect(low, high, p, y):
    """The root between two lanes of bounds; `y` is scratch."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        value = balance(middle, p, y)
        low = select_less(0.0, value, middle, low)
        high = select_less(0.0, value, high, middle)
    return 0.5 * (low + high)


@compiled
def start(parameters, state):
    """Fill in every state that has a start of its own.

    Shapes: parameters (n, N_PARAMETERS); state (n, N_STATES), the other states are left as they are.
    """
    n = state.shape[0]
    p = np.ones((N_ROWS, WIDTH), FLOAT)
    y = np.zeros((N_STATES, WIDTH), FLOAT)
    for first in range(0, n, WIDTH):
        for lane in range(WIDTH):
            subject = min(first + lane, n - 1)
            for i in range(N_PARAMETERS):
                p[i, lane] = parameters[subject, i]
            for i in range(N_STATES):
                y[i, lane] = state[subject, i]
        constants(p)
        initial(p, y)
        for lane in range(min(WIDTH, n - first)):
            for i in range(N_STATES):
                state[first + lane, i] = y[i, lane]


@compiled
def look(times, states, rows, parameters, columns, out):
    """Observe subjects at their times; a lane is a time here, not a subject.

    Shapes: times (times,); states (n, times, len(rows)), the states that `rows` (int64) names; every
    other one counts as 0. parameters (n, N_PARAMETERS); columns (observables,) int64 rows of
    `observe`; out (n, times, observables).
    """
    p = np.ones((N_ROWS, WIDTH), FLOAT)
    y = np.zeros((N_STATES, WIDTH), FLOAT)
    q = np.zeros((N_QUANTITIES, WIDTH), FLOAT)
    t = np.zeros((1, WIDTH), FLOAT)
    for subject in range(states.shape[0]):
        for i in range(N_PARAMETERS):
            store(p, i, parameters[subject, i])
        constants(p)
        for first in range(0, len(times), WIDTH):
            count = min(WIDTH, len(times) - first)
            for lane in range(count):
                t[0, lane] = times[first + lane]
                for j in range(rows.shape[0]):
                    y[rows[j], lane] = states[subject, first + lane, j]
            observe(load(t, 0), y, p, q)
            for lane in range(count):
                for j in range(columns.shape[0]):
                    out[subject, first + lane, j] = q[columns[j], lane]
