"""A system evaluated by plain NumPy, apart from the generated code: the independent side of the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import sympy
from scipy.integrate import solve_ivp

from mtorsim.compiler.system import System

FUNCTIONS = {
    "ln": lambda x: np.log(np.maximum(x, 1e-300)),
    "hill": lambda x, k, n: x**n / (k**n + x**n),
    "logistic": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "minimum": min,
    "maximum": max,
    "less": lambda a, b: float(a < b),
}


def right_hand_side(system: System) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """f(y, p): derivatives per hour, from the system's equations put into one another."""
    whole = whole_expressions(system)
    rows = [whole[s] * sympy.nsimplify(system.factors[s], rational=True) for s in system.states]
    y, p = arguments(system)
    function = sympy.lambdify([y, p], rows, modules=[FUNCTIONS, "numpy"], cse=True)
    return lambda state, parameters: np.array(function(state, parameters), float)


def arguments(system: System) -> tuple[list[sympy.Symbol], list[sympy.Symbol]]:
    """Symbols of states and parameters."""
    names = (system.states, system.parameters)
    return tuple([sympy.Symbol(n, real=True) for n in part] for part in names)


def whole_expressions(system: System) -> Mapping[str, sympy.Expr]:
    """Every derivative as an expression of states and parameters alone."""
    done: dict[sympy.Symbol, sympy.Expr] = {}
    for name, expression in {**system.constants, **system.needed}.items():
        done[sympy.Symbol(name, real=True)] = expression.xreplace(done)
    return {name: expression.xreplace(done) for name, expression in system.derivatives.items()}


def solve(function, start, parameters, events, until, times, rtol=1e-10, atol=1e-12):
    """Carry one subject with SciPy from stop to stop; (time, row, amount) events; states at `times`."""
    y, t, found = np.array(start, float), 0.0, {}
    stops = sorted({*(e[0] for e in events), until})
    for stop in stops:
        if stop > t:
            inside = [x for x in times if t < x <= stop]
            looked_at = inside if stop in inside else [*inside, stop]
            slope = lambda _, y: function(y, parameters)  # noqa: E731
            solved = solve_ivp(slope, (t, stop), y, method="LSODA", rtol=rtol, atol=atol, t_eval=looked_at)
            assert solved.success, solved.message
            found.update(zip(inside, solved.y.T, strict=False))
            y, t = solved.y[:, -1].copy(), stop
        for time, row, amount in events:
            if time == stop:
                y[row] += amount
    return np.array([found[x] for x in times])
