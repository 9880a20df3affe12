"""Kernels around a hand-written `problem.py`: what generated ones are, with equations whose answer is known."""

from __future__ import annotations

import importlib
import itertools
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from mtorsim.compiler import cache

_COUNT = itertools.count()

HEAD = """
from mtorsim.kernel.lanes import compiled

from .functions import exp, hill
from .precision import load, splat, store

N_STATES = {states}
N_PARAMETERS = {parameters}
N_ROWS = {parameters}
N_QUANTITIES = {states}


@compiled
def constants(p):
    pass


@compiled
def initial(p, y):
    pass


@compiled
def rhs(t, y, p, dy):
{rhs}


@compiled
def observe(t, y, p, q):
    for i in range(N_STATES):
        store(q, i, load(y, i))


@compiled
def balance(x, p, y):
    store(y, 0, x)
    return load(p, 0) - x * x
"""


def folder(where: Path, rhs: str, states: int = 1, parameters: int = 1) -> dict[str, ModuleType]:
    """Write and import a kernel whose `rhs` has these lines."""
    name = f"handmade_{next(_COUNT)}"
    target = where / name
    target.mkdir()
    for file in (*cache._COPIED, "kernel/method.py", "kernel/precision.py", "kernel/tsit5.py"):
        shutil.copyfile(cache._HERE / file, target / Path(file).name)
    body = "".join(f"    {line}\n" for line in rhs.strip().splitlines())
    text = (target / "precision.py").read_text()
    (target / "precision.py").write_text(text.replace("from .double", "from mtorsim.kernel.double"))
    (target / "problem.py").write_text(HEAD.format(states=states, parameters=parameters, rhs=body.rstrip()))
    (target / "__init__.py").write_text("")
    sys.path.insert(0, str(where))
    try:
        names = ("problem", "method", "control", "drive", "rest")
        return {n: importlib.import_module(f"{name}.{n}") for n in names}
    finally:
        sys.path.remove(str(where))


def advance(modules, start, parameters, until, *, samples=(), doses=(), rtol=1e-8, atol=1e-10, memory=None, t0=0.0):
    """Carry subjects and return (state, out, status); `doses` are (time, row, amount) for everyone."""
    state = np.array(start, float)
    n, size = state.shape
    # What is not given is an inflow: nothing runs in.
    p = np.zeros((n, modules["problem"].N_PARAMETERS))
    p[:, : np.shape(parameters)[-1]] = parameters
    doses = sorted(doses)
    out = np.full((n, len(samples), size), np.nan)
    status = np.zeros(n, np.int64)
    kept = np.zeros((n, modules["drive"].MEMORY)) if memory is None else memory
    modules["drive"].advance(
        state,
        kept,
        p,
        np.array([d[0] for d in doses], float),
        np.ones(len(doses), np.int64),
        np.array([d[1] for d in doses], np.int64),
        np.array([d[2] for d in doses], float),
        np.zeros(n, np.int64),
        np.full(n, len(doses), np.int64),
        np.array(samples, float),
        np.arange(size),
        t0,
        until,
        rtol,
        np.full(size, atol),
        np.ones(size),
        out,
        status,
        np.zeros(1, np.int64),
    )
    return state, out, status


def one_step(modules, y, t, h, p):
    """State after one step of the method, and its estimated error; every lane the same subject."""
    size, width, kind = len(y), modules["drive"].WIDTH, modules["drive"].FLOAT
    rows = np.repeat(np.array(y, kind)[:, None], width, axis=1)
    parameters = np.ones((modules["problem"].N_ROWS, width), kind)
    parameters[: modules["problem"].N_PARAMETERS] = 0.0
    parameters[: len(p)] = np.array(p, float)[:, None]
    modules["problem"].constants(parameters)
    change, errors = np.zeros((size, width), kind), np.zeros((size, width), kind)
    STEPPERS.setdefault(id(modules["method"]), _stepper(modules))(t, h, rows, parameters, change, errors)
    return y + change[:, 0].astype(float), errors[:, 0]


STEPPERS: dict = {}


def _stepper(modules):
    import numba as nb

    step, error, rhs = modules["method"].step, modules["method"].error, modules["problem"].rhs
    n_slopes, size = modules["method"].N_SLOPES, modules["problem"].N_STATES
    rows = modules["method"].N_WORK
    width, kind, store = (vars(modules["drive"])[n] for n in ("WIDTH", "FLOAT", "store"))
    splat = modules["control"].splat

    @nb.njit
    def apply(t, h, x, p, change, errors):
        k = np.zeros((n_slopes, size, width), kind)
        work = np.zeros((rows, width), kind)
        rhs(splat(t), x, p, k[0])
        step(splat(t), splat(h), splat(t + h), x, p, k, work, change)
        for i in range(size):
            store(errors, i, error(i, splat(h), k))

    return apply
