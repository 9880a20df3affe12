"""The integrator on equations whose answer is known: order, stops, private clocks, outcomes as values."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from handmade import advance, kernel, one_step

from mtorsim.kernel import status, tsit5
from mtorsim.kernel.lanes import JIT

# y' = y cos t depends on time: a stage at the wrong time shows. y = exp(sin t).
COSINE = """
now = load(t, 0)
t2 = now * now
c = 1.0 - t2 / 2.0 * (1.0 - t2 / 12.0 * (1.0 - t2 / 30.0 * (1.0 - t2 / 56.0 * (1.0 - t2 / 90.0 * (1.0 - t2 / 132.0)))))
store(dy, 0, load(y, 0) * c * load(p, 0))
"""
DECAY = "store(dy, 0, -load(p, 0) * load(y, 0))"


@pytest.fixture(scope="module")
def cosine():
    return kernel(COSINE)


@pytest.fixture(scope="module")
def decay():
    return kernel(DECAY)


@pytest.fixture(scope="module")
def bateman():
    lines = (
        "gut = load(y, 0)\nstore(dy, 0, -load(p, 0) * gut)\nstore(dy, 1, load(p, 0) * gut - load(p, 1) * load(y, 1))"
    )
    return kernel(lines, states=2, parameters=2)


def test_the_tableau_adds_up():
    for c, row in zip(tsit5.C[1:], tsit5.A[1:], strict=True):
        assert math.isclose(sum(row), c, abs_tol=2e-15)
    assert math.isclose(sum(tsit5.B), 1.0, abs_tol=2e-15)
    assert math.isclose(sum(tsit5.ERROR), 0.0, abs_tol=1e-15)
    c = np.array(tsit5.C)
    for power in range(1, 5):
        assert math.isclose(np.dot(tsit5.B, c**power), 1 / (power + 1), abs_tol=1e-14)


def test_the_method_has_the_order_it_says(cosine):
    def error(n):
        y, t, h = np.array([1.0]), 0.0, 1.0 / n
        for i in range(n):
            y, _ = one_step(cosine, y, t + i * h, h, [1.0])
        return abs(y[0] - math.exp(math.sin(1.0)))

    ratios = [error(n) / error(2 * n) for n in (4, 8)]
    assert min(ratios) > 0.9 * 2**tsit5.ORDER


def test_the_estimated_error_is_of_one_order_less_and_bounds_the_true_one(cosine):
    for h in (0.4, 0.2, 0.1):
        y, estimate = one_step(cosine, [1.0], 0.0, h, [1.0])
        true = abs(y[0] - math.exp(math.sin(h)))
        assert true < abs(estimate[0]) < 3e3 * true + 1e-13


def test_dense_output_has_order_four(cosine):
    times = np.linspace(0.05, 0.95, 19)
    exact = np.exp(np.sin(times))
    found = []
    for rtol in (1e-5, 1e-7, 1e-9):
        _, out, _ = advance(cosine, [[1.0]], [1.0], 1.0, samples=times, rtol=rtol, atol=1e-14)
        found.append(np.abs(out[0, :, 0] - exact).max())
    assert found[0] < 1e-4
    # An interpolant of order 4 loses a factor of about 100**(4/5) = 40 for each two digits of rtol.
    assert found[0] > 15 * found[1] > 15 * 15 * found[2]


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8, 1e-10])
def test_the_error_follows_the_tolerance(bateman, rtol):
    times = np.linspace(0.5, 24, 48)
    _, out, _ = advance(
        bateman, [[0.0, 0.0]], [1.2, 0.15], 24.0, samples=times, doses=[(0.0, 0, 100.0)], rtol=rtol, atol=rtol
    )
    exact = 100 * 1.2 / (1.2 - 0.15) * (np.exp(-0.15 * times) - np.exp(-1.2 * times))
    assert np.abs(out[0, :, 1] - exact).max() < 100 * 20 * rtol


def test_doses_fall_exactly_where_they_are_due(bateman):
    # Geometric sum: bolus to the second state each 8 h, looked at just there, before the dose.
    times = np.arange(0.0, 80.0, 8.0)
    doses = [(t, 1, 10.0) for t in times]
    _, out, _ = advance(bateman, [[0.0, 0.0]], [1.0, 0.1], 80.0, samples=times, doses=doses, rtol=1e-10, atol=1e-12)
    n = np.arange(len(times))
    exact = 10 * math.exp(-0.8) * (1 - np.exp(-0.8 * n)) / (1 - math.exp(-0.8))
    assert np.allclose(out[0, :, 1], exact, rtol=1e-9, atol=1e-12)


def test_a_sample_at_a_dose_is_a_trough_and_two_doses_at_one_instant_add(decay):
    _, out, _ = advance(decay, [[5.0]], [0.5], 2.0, samples=[1.0, 1.0 + 1e-9], doses=[(1.0, 0, 3.0), (1.0, 0, 4.0)])
    assert out[0, 0, 0] == pytest.approx(5 * math.exp(-0.5), rel=1e-8)
    assert out[0, 1, 0] == pytest.approx(5 * math.exp(-0.5) + 7, rel=1e-8)


def test_more_samples_change_no_bit(bateman):
    doses = [(0.0, 0, 50.0), (12.0, 0, 50.0)]
    few = advance(bateman, [[0.0, 1.0]], [1.0, 0.2], 24.0, samples=[6.0, 24.0], doses=doses)
    many = advance(bateman, [[0.0, 1.0]], [1.0, 0.2], 24.0, samples=np.linspace(0, 24, 97), doses=doses)
    assert few[0].tobytes() == many[0].tobytes()
    assert few[1][0, 0].tobytes() == many[1][0, 24].tobytes()


def test_a_subjects_digits_do_not_depend_on_its_neighbours(decay):
    rng = np.random.default_rng(0)
    start, rates = rng.uniform(1, 100, (37, 1)), 10 ** rng.uniform(-3, 2, (37, 1))
    doses = [(t, 0, 5.0) for t in (3.0, 7.5, 9.0)]
    together = advance(decay, start, rates, 12.0, samples=[1.0, 5.0, 12.0], doses=doses)
    order = rng.permutation(37)
    shuffled = advance(decay, start[order], rates[order], 12.0, samples=[1.0, 5.0, 12.0], doses=doses)
    assert together[1][order].tobytes() == shuffled[1].tobytes()
    for i in (0, 8, 36):
        alone = advance(decay, start[i : i + 1], rates[i : i + 1], 12.0, samples=[1.0, 5.0, 12.0], doses=doses)
        assert alone[1][0].tobytes() == together[1][i].tobytes()
        assert alone[0][0].tobytes() == together[0][i].tobytes()


def test_a_run_cut_at_a_stop_goes_on_with_the_same_bits(bateman):
    doses = [(0.0, 0, 50.0), (12.0, 0, 50.0), (24.0, 0, 50.0)]
    whole, _, _ = advance(bateman, [[0.0, 1.0]], [1.0, 0.2], 36.0, doses=doses)
    memory = bateman.memory(1)
    half, _, _ = advance(bateman, [[0.0, 1.0]], [1.0, 0.2], 24.0, doses=doses, memory=memory)
    rest, _, _ = advance(bateman, half, [1.0, 0.2], 36.0, doses=doses, memory=memory, t0=24.0)
    assert rest.tobytes() == whole.tobytes()


def test_the_step_after_a_dose_is_the_one_that_went_well_before(bateman):
    row = 2 + 0
    memory = bateman.memory(1)
    doses = [(24.0 * d, 0, 50.0) for d in range(3)]
    state = [[0.0, 0.0]]
    learned = []
    for day in range(3):
        state, _, _ = advance(
            bateman, state, [2.0, 0.2], 24.0 * (day + 1), doses=doses, memory=memory, t0=24.0 * day, rtol=1e-6
        )
        learned.append(memory[0, row])
    assert memory[0, row + 1] == 0.0  # nothing has been given to the other state
    # It settles at a step that the tolerance allows, far below the one the end of the day allows.
    assert 0.9 < learned[2] / learned[1] < 1.1
    assert learned[2] < 0.5 * memory[0, 0]


def test_a_subject_that_fails_is_named_and_harms_nobody():
    # y' = y**2 is infinite at t = 1 / y(0).
    blow_up = kernel("store(dy, 0, load(p, 0) * load(y, 0) * load(y, 0))")
    start = np.array([[0.01], [1.0], [0.02]])
    _, out, ended = advance(blow_up, start, [[1.0]] * 3, 5.0, samples=[0.5, 5.0])
    assert ended.tolist() == [status.OK, ended[1], status.OK]
    assert ended[1] in (status.STEP_TOO_SMALL, status.NOT_FINITE)
    assert out[1, 0, 0] == pytest.approx(2.0, rel=1e-6)
    assert np.isnan(out[1, 1, 0])
    assert out[2, 1, 0] == pytest.approx(1 / (50 - 5), rel=1e-6)


def test_a_state_that_is_no_number_is_an_outcome(decay):
    _, _, ended = advance(decay, [[1.0], [np.nan]], [[1.0]] * 2, 1.0)
    assert ended.tolist() == [status.OK, status.NOT_FINITE]


def test_every_status_has_a_sentence():
    codes = [v for n, v in vars(status).items() if n.isupper() and isinstance(v, int)]
    assert sorted(codes) == sorted(status.SENTENCES)
    assert len(set(status.SENTENCES.values())) == len(codes)


def test_the_root_at_rest_is_found_to_the_last_bits(decay):
    wanted = np.array([4.0, 2.0, 1234.5, 9.0])
    state, ended = np.zeros((4, 1)), np.zeros(4, np.int64)
    decay.rest(wanted[:, None].copy(), (1.0, 20.0, 0.0, 0.0), state, ended)
    assert np.allclose(state[[0, 1, 3], 0], np.sqrt(wanted[[0, 1, 3]]), rtol=1e-15)
    assert ended.tolist() == [0, 0, status.NO_REST, 0]


ALLOCATIONS = """
import sys
sys.path.insert(0, {tests!r})
from handmade import advance, kernel
from numba.core.runtime import rtsys
decay = kernel("store(dy, 0, -load(p, 0) * load(y, 0))")
counts = []
for until in (10.0, 1000.0):
    advance(decay, [[1.0]], [0.5], 1.0)  # counting begins with the first compiled function
    before = rtsys.get_allocation_stats().alloc
    advance(decay, [[1.0]] * 9, [0.5], until, samples=[5.0], doses=[(float(t), 0, 1.0) for t in range(10)])
    counts.append(rtsys.get_allocation_stats().alloc - before)
print(*counts)
"""


@pytest.mark.skipif(not JIT, reason="is about compiled code")
def test_a_solve_allocates_the_same_however_long_it_runs():
    code = ALLOCATIONS.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "NUMBA_NRT_STATS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    short, long = map(int, done.stdout.split())
    # What is counted is the table of arguments; nothing would say that counting is off.
    assert short == long > 0


ROWS = """
import sys
sys.path.insert(0, {tests!r})
from handmade import advance, kernel
own = kernel("store(dy, 0, -load(p, 0) * hill(load(y, 0), spread(p, 2.0), spread(p, 3.0)))")
print(advance(own, [[5.0]], [0.5], 9.0, doses=[(2.0, 0, 1.0)])[0][0, 0].hex())
"""


@pytest.mark.skipif(not JIT, reason="compares with compiled code")
def test_lanes_and_plain_rows_compute_the_same():
    """The solver under NUMBA_DISABLE_JIT, where fma rounds twice, agrees to rounding."""
    found = []
    for off in ("0", "1"):
        code = ROWS.format(tests=str(Path(__file__).parent))
        environment = {**os.environ, "NUMBA_DISABLE_JIT": off}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.append(float.fromhex(done.stdout.strip()))
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.skipif(not JIT, reason="is about compiled code")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="asks for an x86 processor by name")
def test_an_old_processor_computes_the_same_bits():
    """Wide vectors and fused multiply-adds in hardware, or neither: no bit differs."""
    found = set()
    for name, features in (("", ""), ("x86-64", "+sse2")):
        code = ROWS.format(tests=str(Path(__file__).parent))
        chosen = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features} if name else {}
        environment = {**os.environ, **chosen}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout.strip())
    assert len(found) == 1
