"""Kernels around hand-written equations whose answer is known, and ways to run them."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import ModuleType

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.compiler.solver import load_solver
from mtorsim.kernel.arguments import (
    ALTERED,
    ATTEMPT,
    CHANGED,
    PART,
    PROPOSED,
    RENEW,
    T_NOW,
    T_STOP,
    TAKEN,
    Recording,
    Span,
    Subjects,
    Tolerance,
    table,
)
from mtorsim.kernel.event import ADD, Events
from mtorsim.kernel.lanes import JIT, load, store
from mtorsim.run.solve import recording, solve

_COUNT = itertools.count()

HEAD = """
from mtorsim.kernel.functions import exp, hill, load, spread, store

N_STATES = {states}
N_PARAMETERS = {parameters}
N_ROWS = {parameters}
N_QUANTITIES = {states}
N_LU = 0


def constants(p):
    pass


def initial(p, y):
    pass


def rhs(t, y, p, dy):
{rhs}


def observe(t, y, p, q):
    for i in range(N_STATES):
        store(q, i, load(y, i))


def balance(x, p, y, out):
    trial = load(x, 0)
    store(y, 0, trial)
    store(out, 0, load(p, 0) - trial * trial)


def linearise(t, y, p, dy, LU):
    pass


def factor(g, LU):
    pass


def solve(LU, b):
    pass
"""


def kernel(rhs: str, states: int = 1, parameters: int = 1) -> Kernel:
    """A kernel whose `rhs` has these lines; it runs on the tape, or on rows where nothing is compiled."""
    name = f"handmade_{next(_COUNT)}"
    body = "".join(f"    {line}\n" for line in rhs.strip().splitlines())
    problem = ModuleType(name)
    exec(HEAD.format(states=states, parameters=parameters, rhs=body.rstrip()), vars(problem))
    names = tuple(f"y{i}" for i in range(states))
    reads = tuple((i,) for i in range(states))
    return Kernel(name, Path(), names, tuple(f"p{i}" for i in range(parameters)), names, {}, (), reads, problem)


def advance(
    own,
    start,
    parameters,
    until,
    *,
    samples=(),
    doses=(),
    rtol=1e-8,
    atol=1e-10,
    memory=None,
    t0=0.0,
    way=("tsit5", "double"),
):
    """Carry subjects and return (state, out, status); `doses` are (time, row, amount) for everyone."""
    n, size = np.shape(start)
    # What is not given is an inflow: nothing runs in.
    p = np.zeros((n, len(own.parameters)))
    p[:, : np.shape(parameters)[-1]] = parameters
    doses = sorted(doses)
    events = Events.listed([[(d[0], ADD, d[1], d[2]) for d in doses]])
    events = events._replace(first=np.zeros(n, np.int64), last=np.full(n, len(doses), np.int64))
    kept = own.memory(n) if memory is None else memory
    subjects = Subjects(np.array(start, float), kept, p, np.zeros(n, np.int64))
    seen = recording(np.array(samples, float), np.arange(size), n)
    error = Tolerance(rtol, np.full(size, atol), np.ones(size))
    solve(own, load_solver(*way), subjects, events, (t0, until), error, seen)
    return subjects.state, seen.out, subjects.status


def one_step(own, y, t, h, p, way=("tsit5", "double")):
    """State after one step of the method, and its estimated error."""
    solver = load_solver(*way)
    size = len(y)
    program = own.program(solver, 1)
    seats = solver.seats(size, len(own.parameters), program)
    seats.y[:] = np.array(y, float)[:, None]
    seats.given[: len(p)] = np.array(p, float)[:, None]
    for row, value in ((T_NOW, t), (T_STOP, t + 100 * h), (PROPOSED, h), (TAKEN, 1.0), (PART, 1.0)):
        seats.clock[row] = value
    none, whole = np.zeros(0), np.zeros(0, np.int64)
    groups = (
        Subjects(np.zeros((0, size)), np.zeros((0, 2 + size)), np.zeros((0, len(own.parameters))), whole),
        Events(none, whole, whole, none, whole, whole),
        Recording(none, whole, np.zeros((0, 0, 0))),
        Tolerance(1e-3, np.ones(size), np.ones(size)),
        Span(0.0, 0.0, np.zeros(1, np.int64)),
    )
    given = table(program, *groups, seats)
    ask(solver, given, RENEW, CHANGED | ALTERED)
    ask(solver, given, ATTEMPT, 0)
    return np.array(y) + seats.d[:, 0].astype(float), seats.e[:, 0].copy()


def ask(solver, given, what, told):
    """Call a stepper as the driver does."""
    if not JIT:
        return solver.stepper(given, what, told)
    import ctypes

    pointer = given.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
    return solver.stepper.ctypes(pointer, what, told)


def in_lanes(function, arity, form):
    """A function of lanes, compiled, as one of arrays of numbers; `form` is a module of a precision."""

    def body(x, out):
        store(out, 0, function(*(load(x, i) for i in range(arity))))

    run = _compiled(body, form) if JIT else body

    def apply(*columns):
        rows = [np.asarray(c, form.FLOAT) for c in columns]
        n = len(rows[0])
        result = np.empty(n, form.FLOAT)
        for first in range(0, n, form.WIDTH):
            x = np.ones((arity, form.WIDTH), form.FLOAT)
            part = slice(first, min(first + form.WIDTH, n))
            for i, row in enumerate(rows):
                x[i, : part.stop - first] = row[part]
            out = np.zeros((1, form.WIDTH), form.FLOAT)
            with np.errstate(all="ignore"):
                run(x, out)
            result[part] = out[0, : part.stop - first]
        return result

    return apply


def _compiled(body, form):
    import ctypes

    import numba as nb

    from mtorsim.kernel.calls import SIGNATURE, model_functions

    traced = model_functions({0: (body, 2)}, form.WIDTH, single=form.SINGLE)

    def entry(own, columns, scratch, a, b, c, d, e):
        traced(own, columns, scratch, a, b, c, d, e)

    made = nb.cfunc(SIGNATURE)(entry)
    bytes_ = ctypes.POINTER(ctypes.c_uint8)

    def run(x, out):
        pointers = [a.ctypes.data_as(bytes_) for a in (x, x, out, out, out, out)]
        made.ctypes(0, form.WIDTH, *pointers)

    return run
