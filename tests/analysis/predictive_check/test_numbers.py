"""Bins, percentiles, corrections, prediction errors and their tests: on numbers whose law is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtorsim.analysis.predictive_check.bins import bins_of
from mtorsim.analysis.predictive_check.correction import corrected, predictions
from mtorsim.analysis.predictive_check.normality import error_tests
from mtorsim.analysis.predictive_check.npde import decorrelated_errors, exchangeable_errors, prediction_errors
from mtorsim.analysis.predictive_check.observations import EVERYONE, Observations
from mtorsim.analysis.predictive_check.panels import panels_of
from mtorsim.analysis.predictive_check.percentiles import compared, interval_of, quantile
from mtorsim.errors import ArgumentError

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])


def people(rng, n, sets, clearance=0.25, omega=0.3, error=0.1):
    """Concentrations after a dose in people whose clearance and volume differ, (sets, n * times)."""
    cl = clearance * np.exp(omega * rng.normal(size=(sets, n, 1)))
    v = np.exp(omega * rng.normal(size=(sets, n, 1)))
    true = 100 / v * np.exp(-cl / v * TIMES)
    return (true * (1 + error * rng.normal(size=true.shape))).reshape(sets, -1)


def samples(value, n, limit=-np.inf):
    """Samples of n people at the times."""
    m = len(value)
    limit = np.full(m, limit)
    return Observations(
        of="level",
        unit="ug/L",
        labels=[str(i) for i in range(n)],
        person=np.repeat(np.arange(n), len(TIMES)),
        record=np.arange(m),
        line=np.arange(m),
        time=np.tile(TIMES, n),
        value=np.maximum(value, limit),
        limit=limit,
        below=value < limit,
        stratum=np.full(m, EVERYONE, object),
        notes=(),
    )


def outside(observed, simulated, prediction=None):
    panel = panels_of(observed, simulated, prediction, "auto", (5.0, 50.0, 95.0))[0]
    return [c.outside for b in panel.bins for c in b.percentiles]


def test_few_times_are_a_bin_each_and_planned_times_a_bin_with_what_is_around_them():
    assert [b.time for b in bins_of(np.tile(TIMES, 4), "auto")] == TIMES.tolist()
    rng = np.random.default_rng(1)
    planned = np.repeat([0.0, 1, 2, 4, 8, 24], 30)
    found = bins_of(planned + rng.uniform(-0.2, 0.2, len(planned)), "auto")
    assert [round(b.time) for b in found] == [0, 1, 2, 4, 8, 24]
    assert all((planned[b.samples] == planned[b.samples[0]]).all() for b in found)
    anywhere = bins_of(rng.uniform(0, 100, 300), "auto")
    assert 4 <= len(anywhere) <= 15
    assert sorted(np.concatenate([b.samples for b in anywhere]).tolist()) == list(range(300))


def test_a_number_of_bins_has_the_least_squares_within():
    rng = np.random.default_rng(2)
    times = np.sort(rng.exponential(10, 14))
    within = lambda cuts: sum(((part - part.mean()) ** 2).sum() for part in np.split(times, cuts))  # noqa: E731
    best = min(within([i, j]) for i in range(1, 13) for j in range(i + 1, 14))
    found = bins_of(times, 3)
    assert within(np.cumsum([len(b.samples) for b in found])[:-1]) == pytest.approx(best)


def test_bins_that_would_be_empty_are_an_error():
    assert [len(b.samples) for b in bins_of(TIMES, [0, 1, 5, 8])] == [1, 3, 1]
    for given, said in (([0, 3, 3.5, 8], "no sample from 3 to 3.5"), ([0, 4], "in no bin"), (6, "5 distinct times")):
        with pytest.raises(ArgumentError, match=said):
            bins_of(TIMES, given)
    for given in ("often", [4, 0], [1], 0):
        with pytest.raises(ArgumentError):
            bins_of(TIMES, given)


def test_quantiles_are_those_of_numpy_and_values_below_the_limit_come_first():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(6, 11))
    for q in (0.05, 0.5, 0.95):
        np.testing.assert_allclose(quantile(values, q), np.quantile(values, q, axis=1))
    gaps = np.array([[3.0, np.nan, 1.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_allclose(quantile(gaps, 0.5), [2.0, np.nan])
    low = np.array([-np.inf, -np.inf, 1.0, 2.0, 3.0])
    assert (quantile(low, 0.25), quantile(low, 0.3), quantile(low, 0.5)) == (-np.inf, -np.inf, 1.0)
    assert quantile(np.zeros((2, 0)), 0.5).shape == (2,)


def test_one_more_exchangeable_value_is_outside_as_often_as_said():
    # With 39 of them the interval is from the lowest to the highest: 2 of 40 are outside.
    rng = np.random.default_rng(4)
    values = rng.normal(size=(8000, 40))
    assert interval_of(values[0, 1:], 0.025) == values[0, 1:].min()
    share = np.mean([compared(row[0], row[1:]).outside for row in values])
    assert share == pytest.approx(0.05, abs=0.007)


def test_correction_takes_the_dose_out():
    rng = np.random.default_rng(5)
    dose = np.repeat([1.0, 2.0, 4.0], 50)
    level = dose * np.exp(0.2 * rng.normal(size=150))
    found = corrected(level, dose)
    assert np.median(found[dose == 1]) == pytest.approx(np.median(found[dose == 4]), rel=0.1)
    assert np.log(found).std() == pytest.approx(0.2, rel=0.15)
    assert np.log(level).std() > 0.5
    simulated = dose * np.exp(0.2 * rng.normal(size=(4001, 150)))
    np.testing.assert_allclose(predictions(simulated), np.median(simulated, axis=0))
    simulated[0] = np.nan
    np.testing.assert_allclose(predictions(simulated), np.median(simulated[1:], axis=0))


def test_errors_are_those_of_the_published_algorithm():
    rng = np.random.default_rng(6)
    simulated, observed = people(rng, 1, 400), people(rng, 1, 1)[0]
    mean, covariance = simulated.mean(axis=0), np.cov(simulated.T)
    inverse = np.linalg.inv(np.linalg.cholesky(covariance))
    apart, own = (simulated - mean) @ inverse.T, inverse @ (observed - mean)
    expected = stats.norm.ppf(np.clip((apart < own).mean(axis=0), 1 / 800, 1 - 1 / 800))
    np.testing.assert_allclose(decorrelated_errors(observed, simulated), expected, rtol=1e-9)
    np.testing.assert_allclose(np.corrcoef(apart.T), np.eye(5), atol=1e-9)
    far = decorrelated_errors(observed + 1e6, simulated)
    assert far[0] == pytest.approx(stats.norm.ppf(1 - 1 / 800))


def test_ties_count_half():
    simulated = np.repeat([[1.0], [2.0], [3.0], [4.0]], 5, axis=0)
    assert decorrelated_errors(np.array([2.0]), simulated)[0] == pytest.approx(stats.norm.ppf(0.375))


def test_dependent_values_have_no_errors():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(100, 1))
    assert decorrelated_errors(np.zeros(2), np.hstack([x, 2 * x])) is None
    nearly = np.hstack([x, x + 1e-7 * rng.normal(size=(100, 1))])
    assert decorrelated_errors(np.zeros(2), nearly) is None
    assert decorrelated_errors(np.zeros(5), rng.normal(size=(11, 5))) is None
    n = len(TIMES)
    simulated = np.ones((50, n)) * rng.normal(size=(50, 1))
    simulated[:, 0] = 3.0
    found = prediction_errors(samples(np.zeros(n), 1), simulated, 1)
    assert found.dependent == 1
    assert np.isnan(found.npde).all()
    assert found.flat.tolist() == [True] + [False] * (n - 1)
    assert np.isfinite(found.npd).tolist() == [False] + [True] * (n - 1)


@pytest.fixture(scope="module")
def true_sets():
    """Tests and shares outside of data from the model itself, each against replicates of its own."""
    rng = np.random.default_rng(8)
    found = []
    for _ in range(100):
        simulated = people(rng, 12, 200)
        observed = samples(people(rng, 12, 1)[0], 12)
        errors = prediction_errors(observed, simulated, 1)
        test = error_tests(errors.npde, errors.exchangeable)
        out, fixed = outside(observed, simulated), outside(observed, simulated, predictions(simulated))
        found.append((np.mean(out), np.mean(fixed), test, errors.npde))
    return found


def test_percentiles_of_the_true_model_are_outside_in_one_of_twenty(true_sets):
    for k in (0, 1):
        share = np.mean([found[k] for found in true_sets])
        assert share == pytest.approx(0.05, abs=0.013), k


def test_errors_of_the_true_model_are_standard_normal(true_sets):
    z = np.concatenate([found[3] for found in true_sets])
    assert z.mean() == pytest.approx(0, abs=0.03)
    assert z.var() == pytest.approx(1, abs=0.08)
    assert stats.kstest(z, "norm").statistic < 0.02


@pytest.mark.parametrize("name", ["simulated_mean", "simulated_variance", "simulated_normal", "p_mean"])
def test_p_values_of_the_true_model_are_uniform(true_sets, name):
    p = np.array([getattr(found[2], name) for found in true_sets])
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.035)


@pytest.mark.parametrize("wrong", [{"clearance": 0.375}, {"omega": 0.15}, {"error": 0.25}])
def test_a_wrong_model_is_found_out(wrong):
    rng = np.random.default_rng(9)
    out, ps = [], []
    for _ in range(8):
        simulated, observed = people(rng, 40, 200, **wrong), samples(people(rng, 40, 1)[0], 40)
        errors = prediction_errors(observed, simulated, 1)
        test = error_tests(errors.npde, errors.exchangeable)
        out.append(np.mean(outside(observed, simulated)))
        ps.append((test.p_global, test.simulated_global))
    assert np.mean(out) > 0.1
    assert (np.array(ps) < 0.05).all()


def test_values_below_the_limit_spoil_neither_percentiles_nor_errors():
    rng = np.random.default_rng(10)
    found = []
    for seed in range(60):
        simulated = people(rng, 12, 200)
        observed = samples(people(rng, 12, 1)[0], 12, limit=40.0)
        errors = prediction_errors(observed, simulated, seed)
        panel = panels_of(observed, simulated, None, "auto", (5.0, 50.0, 95.0))[0]
        shares = [b.below.outside for b in panel.bins]
        test = error_tests(errors.npde, errors.exchangeable)
        found.append((np.mean(outside(observed, simulated)), np.mean(shares), errors.npde, test.simulated_variance))
        assert np.isfinite(errors.npde).all()
    assert observed.below.mean() > 0.2
    # Shares of twelve people have few values, and percentiles below the limit are equal: rather too few are outside.
    assert np.mean([f[0] for f in found]) == pytest.approx(0.04, abs=0.02)
    assert np.mean([f[1] for f in found]) < 0.06
    z = np.concatenate([f[2] for f in found])
    assert (z.mean(), z.var()) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.1))
    assert stats.kstest([f[3] for f in found], "uniform").pvalue > 0.01


def test_too_few_or_equal_errors_are_not_tested():
    nothing = np.zeros((10, 5))
    assert error_tests(np.array([0.1, 0.2, np.nan, 0.3, np.nan]), nothing) is None
    assert error_tests(np.full(5, 0.7), nothing) is None
    rng = np.random.default_rng(11)
    many = rng.normal(size=6000)
    assert 0 < error_tests(many, np.stack([many, many[::-1]])).p_normal < 1


def test_measured_and_simulated_errors_are_ranked_alike():
    rng = np.random.default_rng(12)
    found = exchangeable_errors(people(rng, 1, 41))
    expected = stats.norm.ppf((np.arange(41) + 0.5) / 41)
    np.testing.assert_allclose(np.sort(found, axis=0), np.tile(expected[:, None], (1, 5)), rtol=1e-9)
