"""SciPy's solvers around a right-hand side that numba has compiled: one subject after the other, stop by stop."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from plain import Plain
from problems import Setting
from trial import Trial, between

__all__ = ["trials"]


def trials(setting: Setting) -> Iterator[Trial]:
    """LSODA and DOP853 at two tolerances, for two subjects."""
    import numba as nb

    plain = Plain(setting)
    space = {n: getattr(math, n) for n in ("exp", "log", "sqrt", "tanh")}
    exec(plain.python("def slope(y, p, dy):", "dy[{i}] = {value}"), space)
    slope = nb.njit(space["slope"])
    for method in ("LSODA", "DOP853"):
        for rtol in (1e-4, 1e-6):
            yield Trial(f"{method}", rtol, 2, lambda m=method, r=rtol: _solve(setting, plain, slope, m, r, 2))


def _solve(setting: Setting, plain: Plain, slope, method: str, rtol: float, subjects: int) -> np.ndarray:
    from scipy.integrate import solve_ivp

    row = setting.tape.states.index(setting.glucose_state)
    out = np.zeros((subjects, len(setting.times)))
    for i in range(subjects):
        y, p, dy = setting.start[i].copy(), plain.values[i], np.zeros(len(plain.states))

        def at(_: float, y: np.ndarray, p: np.ndarray = p, dy: np.ndarray = dy) -> np.ndarray:
            slope(y, p, dy)
            return dy.copy()  # SciPy keeps what it is given

        for t0, t1, given, looked in between(setting, i):
            for state, amount in given:
                y[state] += amount
            grid = np.union1d(setting.times[looked], [t1])
            found = solve_ivp(at, (t0, t1), y, method, grid, rtol=rtol, atol=rtol * setting.atol_share).y
            out[i, looked] = found[row, : looked.stop - looked.start]
            y = found[:, -1].copy()
    return setting.shown(out)
