"""exp, log and their kin, in lanes and for draws, against mpmath."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from handmade import in_lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from mtorsim.kernel import double, single
from mtorsim.kernel import functions as f
from mtorsim.kernel.lanes import JIT
from mtorsim.stats import portable as exact

mpmath.mp.dps = 40


def ulps(found, exact_values):
    """Largest error in units of the last place of the exact value, in the precision of what was found."""
    rounded = np.array([float(v) for v in exact_values]).astype(found.dtype)
    errors = [abs(mpmath.mpf(float(a)) - v) for a, v in zip(found, exact_values, strict=True)]
    return max(float(e / float(np.spacing(abs(d)))) for e, d in zip(errors, rounded, strict=True) if np.isfinite(d))


rng = np.random.default_rng(7)
EXP = np.concatenate([rng.uniform(-708, 709, 3000), rng.uniform(-1, 1, 2000), [0.0, 1e-300, -1e-17]])
LOG = np.concatenate([10 ** rng.uniform(-307, 308, 3000), rng.uniform(0.5, 2.0, 2000), [1.0, 1 + 2**-52, 1 - 2**-53]])


@pytest.mark.parametrize("mine", [in_lanes(double.exp, 1, double), exact.exp], ids=["lanes", "draws"])
def test_exp_is_within_one_ulp_over_its_whole_range(mine):
    assert ulps(mine(EXP), [mpmath.exp(mpmath.mpf(float(x))) for x in EXP]) < 1.0


@pytest.mark.parametrize("mine", [in_lanes(double.log, 1, double), exact.log], ids=["lanes", "draws"])
def test_log_is_within_one_ulp_over_its_whole_range(mine):
    assert ulps(mine(LOG), [mpmath.log(mpmath.mpf(float(x))) for x in LOG]) < 1.0


def test_in_single_precision_too():
    short = np.concatenate([rng.uniform(-87, 88, 3000), EXP[-2003:]]).astype(np.float32)
    found = in_lanes(single.exp, 1, single)(short)
    assert ulps(found, [mpmath.exp(mpmath.mpf(float(x))) for x in short]) < 1.0
    wide = np.concatenate([10 ** rng.uniform(-37, 38, 3000), rng.uniform(0.5, 2.0, 2000)]).astype(np.float32)
    assert ulps(in_lanes(single.log, 1, single)(wide), [mpmath.log(mpmath.mpf(float(x))) for x in wide]) < 1.0


@pytest.mark.parametrize("form", [double, single], ids=["double", "single"])
def test_functions_of_lanes_answer_at_the_edges(form):
    exp, log = in_lanes(form.exp, 1, form), in_lanes(form.log, 1, form)
    assert exp([1000.0, -1000.0, np.inf, -np.inf]).tolist() == [np.inf, 0.0, np.inf, 0.0]
    assert np.isnan(exp([np.nan])).all()
    assert log([0.0, np.inf]).tolist() == [-np.inf, np.inf]
    assert np.isnan(log([-1.0, np.nan])).all()


@pytest.mark.parametrize(
    ("mine", "theirs", "low", "high"),
    [
        (f.tanh, mpmath.tanh, -30, 30),
        (f.logistic, lambda x: 1 / (1 + mpmath.exp(-x)), -600, 600),
        (f.softplus, lambda x: mpmath.log(1 + mpmath.exp(x)), -600, 600),
    ],
    ids=["tanh", "logistic", "softplus"],
)
def test_smooth_steps_are_accurate(mine, theirs, low, high):
    x = np.concatenate([rng.uniform(low, high, 1000), rng.uniform(-2, 2, 1000)])
    found, wanted = in_lanes(mine, 1, double)(x), np.array([float(theirs(mpmath.mpf(float(v)))) for v in x])
    # tanh loses relative accuracy near 0, where it is a difference; its error stays below 1e-15.
    assert np.all(np.abs(found - wanted) <= 4e-15 * np.abs(wanted) + 1e-15)


def digamma(x):
    return mpmath.psi(0, x)


@pytest.mark.parametrize(
    ("name", "theirs", "x", "error"),
    [
        ("sin", mpmath.sin, np.concatenate([rng.uniform(-10, 10, 1000), rng.uniform(-1e5, 1e5, 1000), [0.0]]), 3e-16),
        ("cos", mpmath.cos, np.concatenate([rng.uniform(-10, 10, 1000), rng.uniform(-1e5, 1e5, 1000), [0.0]]), 3e-16),
        (
            "lgamma",
            mpmath.loggamma,
            np.concatenate([rng.uniform(0.01, 30, 1000), 10 ** rng.uniform(-3, 4, 500)]),
            2e-14,
        ),
        ("digamma", digamma, np.concatenate([rng.uniform(0.01, 30, 500), 10 ** rng.uniform(-2, 4, 500)]), 2e-11),
    ],
)
def test_waves_and_gamma_functions(name, theirs, x, error):
    if not JIT and "gamma" not in name:
        # fma rounds twice in plain Python, so that whole turns are taken off x with the rounding of x.
        error += 1.2e-16 * np.abs(x).max()
    wanted = np.array([float(theirs(mpmath.mpf(float(v)))) for v in x])
    for mine in (in_lanes(getattr(f, name), 1, double), getattr(exact, name, None)):
        if mine is not None:
            assert np.abs((mine(x) - wanted) / np.maximum(1, np.abs(wanted))).max() <= error
    # In single precision, the argument itself is rounded.
    short = x[np.abs(x) < 30].astype(np.float32)
    wanted = np.array([float(theirs(mpmath.mpf(float(v)))) for v in short])
    found = in_lanes(getattr(f, name), 1, single)(short)
    assert np.abs((found - wanted) / np.maximum(1, np.abs(wanted))).max() <= 2e-5 if "gamma" in name else 3e-7


@settings(max_examples=60, deadline=None)
@given(x=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20), k=st.floats(1e-3, 1e3), n=st.floats(0.2, 12))
def test_hill_is_a_share_that_rises(x, k, n):
    x = np.sort(np.array(x))
    value = HILL(x, np.full(len(x), k), np.full(len(x), n))
    assert np.all((value >= 0) & (value <= 1))
    assert np.all(np.diff(value) >= 0)
    wanted = np.array([1 / (1 + (mpmath.mpf(k) / mpmath.mpf(float(v))) ** mpmath.mpf(n)) for v in x], float)
    # An exponential of t errs by t roundings.
    roundings = 20 + 2 * np.abs(n * np.log(x / k))
    assert (np.abs(value / wanted - 1) <= roundings * np.finfo(float).eps).all()


HILL = in_lanes(f.hill, 3, double)


def test_hill_is_nothing_at_nothing():
    zero = np.zeros(3)
    assert HILL(zero, np.full(3, 2.0), np.array([0.5, 1.0, 3.0])).tolist() == [0.0, 0.0, 0.0]


def test_the_normal_quantile_agrees_with_scipy():
    from scipy.special import ndtri

    u = np.concatenate([rng.uniform(0, 1, 5000), 10 ** rng.uniform(-16, -1, 2000)])
    assert np.allclose(exact.normal_quantile(u), ndtri(u), rtol=2e-9, atol=2e-9)
