"""Kernels around a hand-written `problem.py`: what generated ones are, with equations whose answer is known."""

from __future__ import annotations

import importlib
import itertools
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from mtorsim import built
from mtorsim.kernel import WIDTH

_COUNT = itertools.count()

HEAD = """
from mtorsim.kernel.functions import exp, hill
from mtorsim.kernel.lanes import compiled, load, splat, store

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
    for file in (*built._COPIED, "kernel/method.py", "kernel/tsit5.py"):
        shutil.copyfile(Path(built.__file__).parent / file, target / Path(file).name)
    body = "".join(f"    {line}\n" for line in rhs.strip().splitlines())
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
    p = np.broadcast_to(np.asarray(parameters, float), (n, np.shape(parameters)[-1])).copy()
    doses = sorted(doses)
    out = np.full((n, len(samples), size), np.nan)
    status = np.zeros(n, np.int64)
    kept = np.zeros((n, 2)) if memory is None else memory
    modules["drive"].advance(
        state, kept, p, np.array([d[0] for d in doses], float), np.array([d[1] for d in doses], np.int64),
        np.array([d[2] for d in doses], float), np.zeros(n, np.int64), np.full(n, len(doses), np.int64),
        np.array(samples, float), np.arange(size), t0, until, rtol, np.full(size, atol), np.ones(size), out, status,
        np.zeros(1, np.int64),
    )  # fmt: skip
    return state, out, status


def one_step(modules, y, t, h, p):
    """State after one step of the method, and its estimated error; every lane the same subject."""
    size = len(y)
    rows = np.repeat(np.array(y, float)[:, None], WIDTH, axis=1)
    parameters = np.ones((modules["problem"].N_ROWS, WIDTH))
    parameters[: len(p)] = np.array(p, float)[:, None]
    modules["problem"].constants(parameters)
    y_new, errors = np.zeros((size, WIDTH)), np.zeros((size, WIDTH))
    STEPPERS.setdefault(id(modules["method"]), _stepper(modules))(t, h, rows, parameters, y_new, errors)
    return y_new[:, 0], errors[:, 0]


STEPPERS: dict = {}


def _stepper(modules):
    import numba as nb

    from mtorsim.kernel.lanes import splat, store

    step, error, rhs = modules["method"].step, modules["method"].error, modules["problem"].rhs
    stages, size = modules["method"].STAGES, modules["problem"].N_STATES
    rows = modules["method"].N_WORK

    @nb.njit
    def apply(t, h, y, p, y_new, errors):
        k = np.zeros((stages, size, WIDTH))
        work = np.zeros((rows, WIDTH))
        rhs(splat(t), y, p, k[0])
        step(splat(t), splat(h), splat(t + h), y, p, k, work, y_new)
        for i in range(size):
            store(errors, i, error(i, splat(h), k))

    return apply
