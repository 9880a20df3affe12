"""Initial states: the root of the balance at rest, and states with an initial value."""

from __future__ import annotations

from mtorsim.kernel.arguments import BALANCE, CONSTANTS, INITIAL, Program, Search, Sheet, Subjects
from mtorsim.kernel.lanes import call, compiled, inlined, load, rows_from, select_less, store
from mtorsim.kernel.status import NO_REST, OK

from .precision import lanewise, unpack

HALVINGS = 64
"""Number of bisections that reduce any glucose bracket, 25 to 700, to neighbouring floats."""

TRIAL, VALUE, LOW, HIGH, AT_LOW, AT_HIGH = range(6)
"""Rows of the search for a root."""


@compiled
def rest(table):
    """Find each subject's root of the balance and set its states at rest.

    `table` holds a Program, Subjects, a Search and a Sheet. A subject's status becomes NO_REST if the balance does not
    change from positive to negative between the bounds.
    """
    program, subjects = unpack(table, Program, 0), unpack(table, Subjects, 4)
    search, sheet = unpack(table, Search, 8), unpack(table, Sheet, 10)
    state, status, x, y = subjects.state, subjects.status, sheet.x, sheet.y
    n, columns = state.shape[0], y.shape[1]
    for first in range(0, n, columns):
        take(program, subjects, first, sheet)
        call(program, INITIAL, sheet.p, y)
        for lane in range(columns):
            x[LOW, lane] = search.low
            x[HIGH, lane] = search.high
        call(program, BALANCE, rows_from(x, LOW), sheet.p, y, rows_from(x, AT_LOW))
        call(program, BALANCE, rows_from(x, HIGH), sheet.p, y, rows_from(x, AT_HIGH))
        bisect(program, sheet)
        for lane in range(min(columns, n - first)):
            subject = first + lane
            bracketed = x[AT_LOW, lane] > 0.0 and x[AT_HIGH, lane] < 0.0
            if not bracketed and status[subject] == OK:
                status[subject] = NO_REST
            for i in range(state.shape[1]):
                state[subject, i] = y[i, lane]


@inlined
def take(program, subjects, first, sheet):
    """Put the parameters of subjects from `first` onwards into lanes; the last one fills any remaining lanes."""
    parameters, p = subjects.parameters, sheet.p
    for lane in range(p.shape[1]):
        subject = min(first + lane, parameters.shape[0] - 1)
        for i in range(parameters.shape[1]):
            p[i, lane] = parameters[subject, i]
    call(program, CONSTANTS, p)


@inlined
def bisect(program, sheet):
    """Bisect the interval between the rows LOW and HIGH; `y` finally holds the states at rest for its midpoint."""
    for _ in range(HALVINGS + 1):
        try_middle(sheet.x)
        call(program, BALANCE, rows_from(sheet.x, TRIAL), sheet.p, sheet.y, rows_from(sheet.x, VALUE))
        halve(sheet.x)


@lanewise
def try_middle(x):
    """Set the trial value between the bounds."""
    store(x, TRIAL, 0.5 * (load(x, LOW) + load(x, HIGH)))


@lanewise
def halve(x):
    """Move one of the bounds to the trial value."""
    middle, value = load(x, TRIAL), load(x, VALUE)
    store(x, LOW, select_less(0.0, value, middle, load(x, LOW)))
    store(x, HIGH, select_less(0.0, value, load(x, HIGH), middle))


@compiled
def start(table):
    """Set every state that has an initial value; `table` holds a Program, Subjects and a Sheet."""
    program, subjects, sheet = unpack(table, Program, 0), unpack(table, Subjects, 4), unpack(table, Sheet, 8)
    state, y = subjects.state, sheet.y
    n, columns = state.shape[0], y.shape[1]
    for first in range(0, n, columns):
        count = min(columns, n - first)
        for lane in range(count):
            for i in range(state.shape[1]):
                y[i, lane] = state[first + lane, i]
        take(program, subjects, first, sheet)
        call(program, INITIAL, sheet.p, y)
        for lane in range(count):
            for i in range(state.shape[1]):
                state[first + lane, i] = y[i, lane]
