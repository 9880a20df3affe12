"""What every integration method must do, on a model file whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import advance, one_step

from helpers import TESTS
from mtorsim.compiler.kernel import load_kernel
from mtorsim.compiler.solver import METHODS, PRECISIONS
from mtorsim.kernel import grk4t, tsit5
from mtorsim.model.compose import compose
from mtorsim.model.read import read_module

# bell depends on time through a clock: exp(-t^2); z is logistic growth; fast follows bell closely.
START = [[0.0, 1.0, 0.1, 1.0]]


def answer(t):
    return np.array([t, np.exp(-t * t), 0.1 * np.exp(t) / (0.9 + 0.1 * np.exp(t))])


@pytest.fixture(scope="module")
def model():
    return compose([read_module(TESTS / "models" / "closed_forms.toml")])


@pytest.fixture(scope="module")
def kernel(model):
    return load_kernel(model)


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


@pytest.fixture(params=[(m, p) for m in METHODS for p in PRECISIONS], ids="-".join)
def way(request):
    return request.param


def test_a_method_has_the_order_it_says(kernel, method):
    def error(n):
        y, h = np.array(START[0]), 0.5 / n
        y[3] = 0.0  # off the fast state's own solution, which a large step would not resolve
        for i in range(n):
            y = one_step(kernel, np.append(y[:3], y[1]), i * h, h, [1.0, 1.0], (method, "double"))[0]
        return np.abs(y[:3] - answer(0.5)).max()

    ratios = [error(n) / error(2 * n) for n in (16, 32)]
    assert min(ratios) > 0.85 * 2 ** {"grk4t": grk4t, "tsit5": tsit5}[method].ORDER


def test_the_estimated_error_bounds_the_true_one(kernel, method):
    for h in (0.4, 0.2, 0.1):
        y, estimate = one_step(kernel, [*START[0][:3], 1.0], 0.0, h, [1.0, 1.0], (method, "double"))
        true = np.abs(y[:3] - answer(h))
        assert np.all(true[1:] < np.abs(estimate[1:3]) + 1e-12)


def test_the_error_follows_the_tolerance_in_either_precision(kernel, way):
    times = np.linspace(0.05, 2.0, 40)
    _, out, status = advance(kernel, START, [1.0, 1.0], 2.0, samples=times, rtol=1e-3, atol=1e-5, way=way)
    assert status[0] == 0
    assert np.abs(out[0, :, :3] - answer(times).T).max() < 2e-3


@pytest.mark.parametrize("rtol", [1e-3, 1e-5, 1e-7])
def test_the_error_follows_the_tolerance_at_samples_too(kernel, method, rtol):
    times = np.linspace(0.05, 2.0, 40)
    _, out, status = advance(
        kernel, START, [1.0, 1.0], 2.0, samples=times, rtol=rtol, atol=rtol * 1e-2, way=(method, "double")
    )
    assert status[0] == 0
    assert np.abs(out[0, :, :3] - answer(times).T).max() < 60 * rtol


def test_digits_depend_on_no_neighbour_sample_or_cut(kernel, way):
    rng = np.random.default_rng(2)
    start = np.array(START) * rng.uniform(0.5, 1.5, (21, 1))
    k = np.stack([rng.uniform(0.3, 3, 21), np.ones(21)], axis=1)
    doses = [(t, 2, 0.05) for t in (0.5, 1.25, 2.0)]
    state, out, _ = advance(kernel, start, k, 3.0, samples=[1.0, 3.0], doses=doses, rtol=1e-4, way=way)
    more = advance(kernel, start, k, 3.0, samples=np.linspace(0, 3, 61), doses=doses, rtol=1e-4, way=way)
    assert more[0].tobytes() == state.tobytes()
    assert more[1][:, [20, 60]].tobytes() == out.tobytes()
    for i in (0, 9, 20):
        alone = advance(
            kernel, start[i : i + 1], k[i : i + 1], 3.0, samples=[1.0, 3.0], doses=doses, rtol=1e-4, way=way
        )
        assert alone[0].tobytes() == state[i : i + 1].tobytes()
        assert alone[1].tobytes() == out[i : i + 1].tobytes()
    memory = kernel.memory(21)
    half = advance(kernel, start, k, 2.0, doses=doses, rtol=1e-4, memory=memory, way=way)[0]
    assert (
        advance(kernel, half, k, 3.0, doses=doses, rtol=1e-4, memory=memory, t0=2.0, way=way)[0].tobytes()
        == state.tobytes()
    )


@pytest.mark.parametrize("h", [0.5, 0.05, 0.001])
def test_a_step_in_single_precision_errs_by_its_rounding_only(kernel, method, h):
    start = [0.3, np.exp(-0.09), 0.1, 0.8]
    single, double = (one_step(kernel, start, 0.0, h, [1.0, 1.0], (method, p))[0] for p in PRECISIONS)
    change = np.abs(double - start).max()
    assert 0 < np.abs(single - double).max() < 2e-5 * change


def test_states_that_creep_do_not_stick_in_single_precision(kernel):
    """A thousand steps of 1e-7 of the state each: added in single precision they would be lost."""
    start = [[0.0, 0.0, 0.5, 0.0]]
    doses = [(float(t), 2, 0.0) for t in range(1000)]
    state, _, _ = advance(
        kernel, start, [4e-8, 1.0], 1000.0, doses=doses, rtol=1e-3, atol=1e-5, way=("grk4t", "single")
    )
    wanted = 0.5 * np.exp(4e-5) / (0.5 + 0.5 * np.exp(4e-5)) - 0.5
    assert state[0, 2] - 0.5 == pytest.approx(wanted, rel=1e-5)


def test_the_implicit_method_damps_a_fast_state_in_one_large_step(kernel):
    # Late on the bell curve all is at rest but the fast state; h is a hundred of its time constants.
    state, _ = one_step(kernel, [0.0, 0.0, 1.0, 1.0], 0.0, 2.0, [0.0, 1.0], ("grk4t", "double"))
    assert abs(state[3]) < 0.5
    assert state[2] == 1.0


def test_the_factors_solve_what_the_jacobian_says(kernel):
    problem = kernel.problem
    rng = np.random.default_rng(4)
    n = problem.N_STATES
    y, b, p = rng.uniform(0.1, 1, (n, 8)), rng.uniform(-1, 1, (n, 8)), np.ones((problem.N_ROWS, 8))
    J, dy, also, t = np.zeros((problem.N_LU, 8)), np.zeros((n, 8)), np.zeros((n, 8)), np.zeros((1, 8))
    problem.constants(p)
    problem.rhs(t, y, p, dy)
    problem.linearise(t, y, p, also, J)
    LU, x = J.copy(), b.copy()
    problem.factor(np.full((1, 8), 3.0), LU)
    problem.solve(LU, x)
    assert np.allclose(also, dy, rtol=1e-14)
    whole = 3.0 * np.eye(n)
    for row, (i, j) in enumerate(problem.ENTRIES):
        whole[i, j] -= J[row, 5]
    assert np.allclose(whole @ x[:, 5], b[:, 5], rtol=1e-13, atol=1e-14)
