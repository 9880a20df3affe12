"""Arguments and working storage of the solver: named groups of arrays."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, NamedTuple, TypeAlias, get_type_hints

import numpy as np

from mtorsim.kernel.lanes import JIT, STEPPER

ARRAYS = {"constants": 1, "initial": 2, "rhs": 4, "linearise": 5, "factor": 2, "solve": 2, "observe": 4, "balance": 4}
"""The functions of a model, in the order of `Program.code`, and the number of arrays each takes."""
FUNCTIONS = tuple(ARRAYS)
OF_METHOD = {"tsit5": ("constants", "rhs"), "grk4t": ("constants", "rhs", "linearise", "factor", "solve")}
"""The functions that each method calls."""
OF_PEOPLE = ("constants", "initial", "observe", "balance")
"""The functions that are evaluated without integration."""
CONSTANTS, INITIAL, RHS, LINEARISE, FACTOR, SOLVE, OBSERVE, BALANCE = range(len(FUNCTIONS))
assert len(FUNCTIONS) == STEPPER

NOW, LENGTH, AFTER, STAGE = range(4)
INVERSE, SHIFT = STAGE, STAGE + 1
TIMES = STAGE + 4
"""Rows of `Seats.time`: a step's start, its length, its end; then, in an explicit method the times of four
stages, in an implicit one 1 / length and what is added to the Jacobian's diagonal."""


Doubles: TypeAlias = Annotated[np.ndarray, "f8", 1]
Doubles2: TypeAlias = Annotated[np.ndarray, "f8", 2]
Doubles3: TypeAlias = Annotated[np.ndarray, "f8", 3]
Wholes: TypeAlias = Annotated[np.ndarray, "i8", 1]
Wholes2: TypeAlias = Annotated[np.ndarray, "i8", 2]
Floats2: TypeAlias = Annotated[np.ndarray, "float", 2]
"""Arrays in C order: element and dimensions; `float` is that of the precision steps are computed in."""
Whole: TypeAlias = Annotated[int, "i8", 0]
Double: TypeAlias = Annotated[float, "f8", 0]


class Program(NamedTuple):
    """A model's functions, compiled or on a tape, as the solver calls them.

    Attributes
    ----------
    code
        Address of each function and of its tape, (functions, 2); without a compiler, the functions themselves.
    scratch
        Working rows of a tape, with its constants filled in, (rows, seats).
    rows
        Rows of parameters and constants.
    entries
        Rows of a factored Jacobian.
    """

    code: Wholes2
    scratch: Floats2
    rows: Whole
    entries: Whole


class Subjects(NamedTuple):
    """Subjects and their present state.

    Attributes
    ----------
    state
        Shape (n, states).
    memory
        Step-size memory of each, (n, 2 + states), all 0 initially: the step proposed, the last error, and for each
        state the first accepted step after a dose to it.
    parameters
        Shape (n, parameters), changed by events that set one.
    status
        Shape (n,); only subjects with status 0 are integrated.
    """

    state: Doubles2
    memory: Doubles2
    parameters: Doubles2
    status: Wholes


class Recording(NamedTuple):
    """The states to record, and their times.

    Attributes
    ----------
    times
        Times in hours, ascending, (times,).
    rows
        The states to record, (rows,).
    out
        Output: the states at times in (t0, t1], and at t0 for a new subject, (n, times, rows).
    """

    times: Doubles
    rows: Wholes
    out: Doubles3


class Tolerance(NamedTuple):
    """The error tolerance of a step.

    Attributes
    ----------
    relative
        Relative to the state.
    absolute
        In the unit of each state, (states,).
    steers
        1 for a state that takes part in step size control, else 0, (states,).
    """

    relative: Double
    absolute: Doubles
    steers: Doubles


class Span(NamedTuple):
    """The time interval, in hours.

    Attributes
    ----------
    cancel
        Shape (1,): not 0 ends the call early.
    """

    start: Double
    end: Double
    cancel: Wholes


class Seats(NamedTuple):
    """The subjects being integrated, one seat each; rows of lanes.

    Attributes
    ----------
    clock, who
        Floats and integers of a seat, see below, (12, seats) and (5, seats).
    y, after_dose
        States, and the first accepted step after a dose to each, (states, seats).
    given
        Parameters, (parameters, seats).
    x, d, e
        States in the precision of the steps, their change in the last step, and its estimated error, (states, seats).
    p
        Parameters and constants in the precision of the steps, (rows, seats).
    k
        Slopes, one after the other, (slopes * states, seats).
    work
        Scratch of a method, (rows, seats).
    time
        Times of a step in its own precision, (TIMES, seats).
    norms
        Error of a step, see `control`, (3, seats).
    """

    clock: Doubles2
    who: Wholes2
    y: Doubles2
    after_dose: Doubles2
    given: Doubles2
    x: Floats2
    d: Floats2
    e: Floats2
    p: Floats2
    k: Floats2
    work: Floats2
    time: Floats2
    norms: Floats2


T_NOW, T_STOP, PROPOSED, TRIAL, T_AFTER, LAST_ERROR, ACCEPTED, PART, TAKEN, REJECTED, STEPS, DUE = range(12)
"""Rows of `Seats.clock`: the time, the next stop; the step proposed, the one tried, its end; the last error;
whether the step was accepted; scratch; whether the seat is taken, its last step was rejected; steps since the
last stop; when the next sample is due."""

SMALLEST_STEP = 1e-10
"""Hours; the smallest step allowed by error control."""
MOST_STEPS = 200_000
"""Largest number of steps between two stops."""
SMALLEST_ERROR = 1e-4
"""Lower bound on the remembered error, so that one very accurate step does not cause a large jump in step size."""

SUBJECT, EVENT, SAMPLE, RENEWED, DOSED = range(5)
"""Rows of `Seats.who`: the subject, EMPTY if there is none; its next event and sample; whether its state was
changed; the state that was given a dose, EMPTY if none was."""
EMPTY = -1

RENEW, ATTEMPT, LOOK_BACK, RECORD, COMMIT = range(5)
"""Requests of the driver to a stepper."""
CHANGED, ALTERED, BORN = 1, 2, 4
"""Parts to RENEW: states, parameters, new subjects."""
GIVEN_UP, PASSED, BETWEEN = 1, 2, 4
"""Answers of a stepper to ATTEMPT: a step too small, or too many; a sample passed, within a step."""
ARRIVED = 1
"""Answer to COMMIT: a subject has reached its stop."""


SEARCH_ROWS = 15
"""Rows of lanes of a search for a state of rest; `kernel/initial.py` names them."""


class Sheet(NamedTuple):
    """Rows of lanes for evaluation without integration.

    Attributes
    ----------
    p
        Parameters and constants, (rows, lanes).
    y
        States, (states, lanes).
    q
        Quantities, (quantities, lanes).
    x
        Trial values and results of a search, (SEARCH_ROWS, lanes).
    """

    p: Floats2
    y: Floats2
    q: Floats2
    x: Floats2


class Search(NamedTuple):
    """The bounds of a root, and of the inner unknown; the latter are equal if there is none."""

    low: Double
    high: Double
    inner_low: Double
    inner_high: Double


class Look(NamedTuple):
    """The quantities to observe.

    Attributes
    ----------
    columns
        Rows of the model's quantities, (observables,).
    out
        Output, (n, times, observables).
    """

    columns: Wholes
    out: Doubles3


SLOTS = 4
"""Integers per field of a table: its address and at most three sizes, or its value."""


@cache
def schema(group: type[NamedTuple]) -> list[tuple[str, int]]:
    """Element and number of dimensions of each field of a group."""
    hints = get_type_hints(group, include_extras=True)
    return [hints[name].__metadata__ for name in group._fields]


def table(*groups: Any) -> Any:
    """Pack groups for compiled code: the addresses and sizes of their arrays, in order.

    The arrays must outlive the call. Without a compiler the table is a list of the fields themselves.
    """
    fields = [(value, *kind) for g in groups for value, kind in zip(g, schema(type(g)), strict=True)]
    if not JIT:
        return [value for value, *_ in fields]
    found = np.zeros((len(fields), SLOTS), np.int64)
    for slots, (value, element, dimensions) in zip(found, fields, strict=True):
        if dimensions:
            assert value.flags.c_contiguous
            assert value.ndim == dimensions
            assert element == "float" or value.dtype == element
            slots[0] = value.ctypes.data
            slots[1 : 1 + dimensions] = value.shape
        elif element == "f8":
            slots[:1].view(np.float64)[0] = value
        else:
            slots[0] = value
    return found
