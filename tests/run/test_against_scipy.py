"""Every bundled model against SciPy on equations that never went through the code generator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy

from equations import FUNCTIONS, arguments, right_hand_side, solve
from helpers import scenario
from mtorsim.compiler.build import build_system
from mtorsim.compiler.solver import load_solver
from mtorsim.run.options import ATOL_SHARE, RTOL, Options
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare
from mtorsim.run.solve import recording, subjects_at, tolerance
from mtorsim.run.solve import solve as carry

MODELS = {
    "glucose_insulin": ["glucose_insulin"],
    "everolimus": ["glucose_insulin", "mtor", "mtor_alternatives", "lipids", "everolimus"],
    "everolimus_haematocrit": ["everolimus_haematocrit"],
}

WAYS = [("grk4t", "single"), ("grk4t", "double"), ("tsit5", "double")]

TEXT = """
title = "one week"
model = {model}
population = "{population}"
subjects = 2
duration = "7 days"
{doses}
[set]
{switches}
[visits]
at = ["0 d", "7 d"]
"""

ALL_ON = (
    "mtorc1.gluconeogenesis",
    "mtorc2.glucokinase",
    "mtorc1.lipolysis",
    "mtorc1.proliferation",
    "mtorc2.apoptosis",
    "lipotoxicity",
    "fat_loss",
    "secretion.growth",
)


def plan_of(name, population, method="grk4t", precision="double"):
    model = MODELS[name]
    drug = None if name == "glucose_insulin" else model[-1]
    doses = f'[[dose]]\ndrug = "{drug}"\namount = "10 mg"\nevery = "24 h"' if drug else ""
    # Every alternative arm is switched on half, so that no equation is out of sight.
    switches = "\n".join(f"{s} = 0.5" for s in ALL_ON) if "mtor" in model else ""
    text = TEXT.format(model=model, population=population, doses=doses, switches=switches)
    return make_plan(scenario(text), options=Options(method, precision))


def carried(plan, people, times, options):
    """States of every subject at `times`, by the kernel."""
    kernel = plan.kernel
    n, size = people.start.shape
    named = kernel.named(people.parameters)
    events, _ = plan.arms[0].schedule.events(kernel.states, named, plan.seed, people.subjects)
    subjects = subjects_at(kernel, people.start, people.parameters)
    error = tolerance(kernel, options.rtol, options.atol * plan.scales(kernel), plan.arms[0].steering)
    seen = recording(times, np.arange(size), n)
    carry(kernel, plan.solver, subjects, events, (0.0, 168.0), error, seen)
    assert (subjects.status == 0).all()
    return seen.out, events


@pytest.mark.parametrize("name", MODELS)
def test_the_kernel_agrees_with_scipy_for_a_week_of_doses_and_meals(name):
    population = "ngt" if name != "everolimus" else "t2d_mild"
    exact = None
    for method, precision in WAYS:
        exact = agrees(plan_of(name, population, method, precision), precision == "double", exact)


def agrees(plan, in_double, exact):
    """The usual tolerance against SciPy, and a tight one in double precision; returns SciPy's states."""
    people = prepare(plan, np.array([0]))
    times = np.arange(2.0, 169.0, 2.0)
    usual, events = carried(plan, people, times, Options())
    system = build_system(plan.model)
    assert system.states == plan.kernel.states
    listed = list(zip(events.time, events.row, events.amount, strict=True))[: int(events.last[0])]
    if exact is None:
        exact = solve(right_hand_side(system), people.start[0], people.parameters[0], listed, 168.0, times)
    largest = np.abs(exact).max(axis=0)
    if in_double:
        tight, _ = carried(plan, people, times, Options(rtol=1e-8, atol=1e-10))
        assert np.all(np.abs(tight[0] - exact).max(axis=0) <= 1e-5 * np.maximum(largest, 1e-12))
    if "glucose_insulin.Gp" in system.states:
        row = system.states.index("glucose_insulin.Gp")
        volume = people.parameters[0, system.parameters.index("glucose_insulin.VG")]
        assert np.abs(usual[0, :, row] - exact[:, row]).max() / volume < 0.02
    assert np.all(np.abs(usual[0] - exact).max(axis=0) <= 0.02 * np.maximum(largest, 0.1 * plan.scales(plan.kernel)))
    return exact


def test_more_work_gives_more_digits_and_the_default_is_as_good_as_we_say():
    """Fasting glucose of eight people over a week of doses, against the tightest tolerance."""
    plan = replace(plan_of("everolimus", "healthy_adults", "grk4t", "single"), seed=5)
    people = prepare(plan, np.arange(8))
    times = np.arange(1.0, 8.0) * 24.0
    row = plan.kernel.states.index("glucose_insulin.Gp")
    volume = people.parameters[:, plan.kernel.parameters.index("glucose_insulin.VG")][:, None]

    def glucose(solver, rtol):
        states, _ = carried(replace(plan, solver=solver), people, times, Options(rtol=rtol, atol=rtol * ATOL_SHARE))
        return states[:, :, row] / volume

    exact = glucose(load_solver("tsit5", "double"), 1e-10)
    errors = {rtol: np.abs(glucose(plan.solver, rtol) - exact).max() for rtol in (1e-1, RTOL, 1e-3)}
    assert errors[RTOL] < 0.01
    assert errors[1e-1] > 2 * errors[RTOL] > 2 * 2 * errors[1e-3]
    assert errors[1e-3] < 2e-3


@pytest.mark.parametrize("name", MODELS)
def test_the_generated_jacobian_agrees_with_differences(name):
    plan = plan_of(name, "ngt", "grk4t", "double")
    system = build_system(plan.model)
    people = prepare(plan, np.array([0]))
    state, _ = carried(plan, people, np.array([13.3]), Options())
    # Off the special points (a full stomach, drug on board), every state a little moved.
    y = state[0, 0] * 1.01 + 1e-3
    J = generated_jacobian(plan.kernel, y, people.parameters[0])
    symbols, parameters = arguments(system)
    for i, row in enumerate(exact_jacobian(system, symbols, parameters)(y, people.parameters[0])):
        scale = np.abs(row).max() or 1.0
        assert np.allclose(J[i], row, rtol=1e-9, atol=1e-11 * scale), system.states[i]


def generated_jacobian(kernel, y, parameters):
    problem = kernel.problem
    J, dy, t = np.zeros((problem.N_LU, 1)), np.zeros((len(y), 1)), np.zeros((1, 1))
    p = np.ones((problem.N_ROWS, 1))
    p[: len(parameters), 0] = parameters
    problem.constants(p)
    problem.linearise(t, y[:, None], p, dy, J)
    whole = np.zeros((len(y), len(y)))
    for k, (i, j) in enumerate(kernel.entries):
        whole[i, j] = J[k, 0]
    return whole


def exact_jacobian(system, symbols, parameters):
    """Rows of complex-step derivatives: exact to rounding, and no symbolic differentiation in them."""
    from equations import whole_expressions

    whole = whole_expressions(system)
    rows = [whole[s] * sympy.nsimplify(system.factors[s], rational=True) for s in system.states]
    function = sympy.lambdify([symbols, parameters], rows, modules=[COMPLEX, "numpy"], cse=True)

    def at(y, p):
        columns = []
        for j in range(len(y)):
            moved = y.astype(complex)
            moved[j] += 1e-30j
            columns.append(np.imag(np.array(function(moved, p), complex)) / 1e-30)
        return np.array(columns).T

    return at


COMPLEX = {
    **FUNCTIONS,
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "minimum": lambda a, b: a if np.real(a) < np.real(b) else b,
    "maximum": lambda a, b: a if np.real(a) > np.real(b) else b,
}
