"""Initial states: the root of the balance at rest, and states with an initial value."""

from __future__ import annotations

from mtorsim.kernel.arguments import BALANCE, CONSTANTS, INITIAL, SEARCH_ROWS, Program, Search, Sheet, Subjects
from mtorsim.kernel.lanes import call, compiled, inlined, load, rows_from, select_less, spread, store
from mtorsim.kernel.status import NO_REST, OK

from .precision import lanewise, unpack

HALVINGS = 64
"""Number of bisections that reduce any glucose bracket, 25 to 700, to neighbouring floats."""
SECANTS = 16
"""Number of false positions that solve the inner balance to its rounding error."""

TRIAL, INNER, VALUE, AT_INNER, LOW, HIGH, AT_LOW, AT_HIGH = range(8)
"""Rows of the search for a root: trial values of both unknowns, the residuals there, the bounds and theirs."""
INNER_LOW, INNER_HIGH, AT_INNER_LOW, AT_INNER_HIGH, SIDE, AT_FIRST, AT_LAST = range(8, SEARCH_ROWS)
"""Rows of the inner search: bounds, residuals there, the bound that moved last, residuals at the first bounds."""


@compiled
def rest(table):
    """Find each subject's root of the balance and set its states at rest.

    `table` holds a Program, Subjects, a Search and a Sheet. A subject's status becomes NO_REST if the balance does not
    change from positive to negative between the bounds, or the inner one does not at the root.
    """
    program, subjects = unpack(table, Program, 0), unpack(table, Subjects, 4)
    search, sheet = unpack(table, Search, 8), unpack(table, Sheet, 12)
    state, status, x, y = subjects.state, subjects.status, sheet.x, sheet.y
    n, columns = state.shape[0], y.shape[1]
    for first in range(0, n, columns):
        take(program, subjects, first, sheet)
        call(program, INITIAL, sheet.p, y)
        for bound, at, value in ((LOW, AT_LOW, search.low), (HIGH, AT_HIGH, search.high)):
            for lane in range(columns):
                x[bound, lane] = x[TRIAL, lane] = value
            evaluate(program, search, sheet)
            for lane in range(columns):
                x[at, lane] = x[VALUE, lane]
        bisect(program, search, sheet)
        for lane in range(min(columns, n - first)):
            subject = first + lane
            bracketed = x[AT_LOW, lane] > 0.0 and x[AT_HIGH, lane] < 0.0
            if search.inner_low < search.inner_high:
                bracketed = bracketed and x[AT_FIRST, lane] > 0.0 and x[AT_LAST, lane] < 0.0
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
def bisect(program, search, sheet):
    """Bisect the interval between the rows LOW and HIGH; `y` finally holds the states at rest for its midpoint."""
    for _ in range(HALVINGS + 1):
        try_middle(sheet.x)
        evaluate(program, search, sheet)
        halve(sheet.x)


@inlined
def evaluate(program, search, sheet):
    """Evaluate the balance at the row TRIAL, with the root of the inner balance there.

    The inner root is found by the method of false position as modified at Illinois: the residual of a bound that
    stays twice is halved. The number of evaluations is the same for all, so that nobody's digits depend on others.
    """
    x = sheet.x
    if search.inner_low < search.inner_high:
        for lane in range(x.shape[1]):
            x[INNER_LOW, lane] = x[INNER, lane] = search.inner_low
            x[INNER_HIGH, lane] = search.inner_high
            x[SIDE, lane] = 0.0
        call(program, BALANCE, rows_from(x, TRIAL), sheet.p, sheet.y, rows_from(x, VALUE))
        for lane in range(x.shape[1]):
            x[AT_INNER_LOW, lane] = x[AT_FIRST, lane] = x[AT_INNER, lane]
            x[INNER, lane] = search.inner_high
        call(program, BALANCE, rows_from(x, TRIAL), sheet.p, sheet.y, rows_from(x, VALUE))
        for lane in range(x.shape[1]):
            x[AT_INNER_HIGH, lane] = x[AT_LAST, lane] = x[AT_INNER, lane]
        for _ in range(SECANTS):
            try_secant(x)
            call(program, BALANCE, rows_from(x, TRIAL), sheet.p, sheet.y, rows_from(x, VALUE))
            narrow_inner(x)
    else:
        call(program, BALANCE, rows_from(x, TRIAL), sheet.p, sheet.y, rows_from(x, VALUE))


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


@lanewise
def try_secant(x):
    """Set the inner trial value to the root of the line through both bounds."""
    low, high = load(x, INNER_LOW), load(x, INNER_HIGH)
    at_low, at_high = load(x, AT_INNER_LOW), load(x, AT_INNER_HIGH)
    fall = at_low - at_high
    # A bound that is itself the root leaves no fall to divide by.
    store(x, INNER, low + (high - low) * (at_low / select_less(0.0, fall, fall, 1.0)))


@lanewise
def narrow_inner(x):
    """Move one of the inner bounds to the trial value; halve the residual of the other if it stays again."""
    middle, value, side = load(x, INNER), load(x, AT_INNER), load(x, SIDE)
    low, high = load(x, AT_INNER_LOW), load(x, AT_INNER_HIGH)
    stays_high = select_less(0.5, side, 0.5 * high, high)
    stays_low = select_less(side, -0.5, 0.5 * low, low)
    store(x, AT_INNER_LOW, select_less(0.0, value, value, stays_low))
    store(x, AT_INNER_HIGH, select_less(0.0, value, stays_high, value))
    store(x, INNER_LOW, select_less(0.0, value, middle, load(x, INNER_LOW)))
    store(x, INNER_HIGH, select_less(0.0, value, load(x, INNER_HIGH), middle))
    store(x, SIDE, select_less(0.0, value, spread(x, 1.0), spread(x, -1.0)))


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
