"""numbalsoda: LSODA and DOP853 in compiled code, called from a compiled loop over stops."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from plain import Plain
from problems import Setting
from trial import Trial, between

__all__ = ["trials"]


def trials(setting: Setting) -> Iterator[Trial]:
    """Both solvers at several tolerances."""
    import numba as nb
    from numbalsoda import dop853, lsoda, lsoda_sig

    plain = Plain(setting)
    space = {n: getattr(math, n) for n in ("exp", "log", "sqrt", "tanh")}
    exec(plain.python("def slope(t, y, dy, p):", "dy[{i}] = {value}"), space)
    compiled = nb.cfunc(lsoda_sig)(space["slope"])
    subjects = min(len(setting.start), max(2, 16 // setting.days))
    for name, solver, tolerances in (("LSODA", lsoda, (1e-3, 1e-4, 1e-5, 1e-6)), ("DOP853", dop853, (1e-4, 1e-6))):
        through = _compiled_loop(solver, compiled.address)
        for rtol in tolerances:
            solve = lambda f=through, r=rtol: _solve(setting, plain, f, r, subjects)  # noqa: E731
            yield Trial(name, rtol, subjects, solve, keep=compiled)


def _compiled_loop(solver, address: int):
    import numba as nb

    @nb.njit
    def through(y, p, starts, ends, first, last, rows, amounts, from_, to, times, row, rtol, atol, out):
        for s in range(len(starts)):
            for e in range(first[s], last[s]):
                y[rows[e]] += amounts[e]
            n = to[s] - from_[s]
            inner = n > 0 and times[to[s] - 1] == ends[s]
            grid = np.empty(n + (1 if inner else 2))
            grid[0] = starts[s]
            grid[1 : n + 1] = times[from_[s] : to[s]]
            grid[-1] = ends[s]
            found, _ = solver(address, y, grid, p, rtol, atol)
            for k in range(n):
                out[from_[s] + k] = found[k + 1, row]
            y = found[-1].copy()

    return through


def _solve(setting: Setting, plain: Plain, through, rtol: float, subjects: int) -> np.ndarray:
    row = setting.tape.states.index(setting.glucose_state)
    out = np.zeros((subjects, len(setting.times)))
    for i in range(subjects):
        pieces = list(between(setting, i))
        given = [g for piece in pieces for g in piece[2]]
        counts = np.cumsum([0, *(len(piece[2]) for piece in pieces)])
        through(
            setting.start[i].copy(),
            plain.values[i].copy(),
            np.array([x[0] for x in pieces]),
            np.array([x[1] for x in pieces]),
            counts[:-1],
            counts[1:],
            np.array([g[0] for g in given]),
            np.array([g[1] for g in given]),
            np.array([x[3].start for x in pieces]),
            np.array([x[3].stop for x in pieces]),
            setting.times,
            row,
            rtol,
            rtol * setting.atol_share,
            out[i],
        )
    return setting.shown(out)
