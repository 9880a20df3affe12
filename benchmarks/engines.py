"""Who solves it: each engine gives glucose and the CPU seconds it took, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from problems import Setting, carried

__all__ = ["ENGINES", "Engine", "Trial"]

Array = np.ndarray


@dataclass(frozen=True)
class Trial:
    """One engine at one tolerance.

    Attributes
    ----------
    solve
        Solves for the first `subjects`; states (n, times, states).
    """

    method: str
    rtol: float
    subjects: int
    solve: Callable[[], Array]


@dataclass(frozen=True)
class Engine:
    """A way to solve the problems."""

    name: str
    trials: Callable[[Setting], Iterator[Trial]]


def _mtorsim(setting: Setting) -> Iterator[Trial]:
    subjects = len(setting.people.subjects)
    for method, precision, tolerances in (
        ("grk4t", "single", (1e-2, 3e-3, 1e-3)),
        ("grk4t", "double", (1e-2, 3e-3, 1e-3, 1e-4)),
        ("tsit5", "single", (1e-2, 1e-3)),
        ("tsit5", "double", (1e-3, 1e-4, 1e-5)),
    ):
        for rtol in tolerances:
            share = 0.01 if method == "tsit5" else 0.1
            run = lambda m=method, p=precision, r=rtol, s=share: carried(setting, m, r, s * r, p)  # noqa: E731
            yield Trial(f"{method} {precision}", rtol, subjects, run)


def _scipy(setting: Setting) -> Iterator[Trial]:
    subjects = min(2, len(setting.people.subjects))
    for method in ("LSODA", "DOP853"):
        for rtol in (1e-4, 1e-6):
            run = lambda m=method, r=rtol: _by_scipy(setting, m, r, subjects)  # noqa: E731
            yield Trial(method, rtol, subjects, run)


def _by_scipy(setting: Setting, method: str, rtol: float, subjects: int) -> Array:
    """SciPy with a right-hand side that numba has compiled: one subject after the other, stop by stop."""
    from scipy.integrate import solve_ivp

    function = _compiled_right_hand_side(setting)
    events, people = setting.events, setting.people
    scales = setting.plan.scales(setting.plan.kernel)
    out = np.zeros((subjects, setting.days, people.start.shape[1]))
    for i in range(subjects):
        y, t, p = people.start[i].copy(), 0.0, people.parameters[i]
        stops = [(events.time[k], events.row[k], events.amount[k]) for k in range(events.first[i], events.last[i])]
        for stop in sorted({*(s[0] for s in stops), *setting.times}):
            if stop > t:
                slope = lambda _, y, p=p: function(y, p)  # noqa: E731
                y = solve_ivp(slope, (t, stop), y, method=method, rtol=rtol, atol=rtol * 0.01 * scales).y[:, -1]
                t = stop
            if stop % 24 == 0 and stop > 0:
                out[i, round(stop / 24) - 1] = y
            for time_, row, amount in stops:
                if time_ == stop:
                    y[row] += amount
    return out


_COMPILED: dict[str, Callable[[Array, Array], Array]] = {}


def _compiled_right_hand_side(setting: Setting) -> Callable[[Array, Array], Array]:
    """The equations of a setting as one plain numba function, made once."""
    name = setting.plan.kernel.name
    if name not in _COMPILED:
        _COMPILED[name] = _compile(setting)
    return _COMPILED[name]


def _compile(setting: Setting) -> Callable[[Array, Array], Array]:
    import numba as nb
    import sympy

    from mtorsim.system import build_system

    system = build_system(setting.plan.model, dict(setting.plan.variant.switches))
    done: dict = {}
    for name, expression in {**system.constants, **system.needed}.items():
        done[sympy.Symbol(name, real=True)] = expression.xreplace(done)
    rows = [
        system.derivatives[s].xreplace(done) * sympy.nsimplify(system.factors[s], rational=True) for s in system.states
    ]
    functions = {
        "logistic": nb.njit(lambda x: 1.0 / (1.0 + np.exp(-x))),
        "softplus": nb.njit(lambda x: np.log1p(np.exp(x))),
        "ln": nb.njit(lambda x: np.log(x)),
        "minimum": nb.njit(lambda a, b: min(a, b)),
        "maximum": nb.njit(lambda a, b: max(a, b)),
    }
    y = [sympy.Symbol(n, real=True) for n in system.states]
    p = [sympy.Symbol(n, real=True) for n in system.parameters]
    written = sympy.lambdify([y, p], rows, modules=[functions, "numpy"], cse=True)
    inner = nb.njit(written)
    return nb.njit(lambda y, p: np.array(inner(y, p)))


def cpu(run: Callable[[], Array]) -> tuple[Array, float]:
    """What a run gives, and the CPU seconds of this thread."""
    started = time.thread_time()
    found = run()
    return found, time.thread_time() - started


ENGINES = {e.name: e for e in (Engine("mtorsim", _mtorsim), Engine("scipy", _scipy))}
