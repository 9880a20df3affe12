"""The posterior of deviates beside closed forms and an independent sampler; no model is run."""

from __future__ import annotations

import numpy as np
import pytest

from mtorsim.analysis.forecast.posterior import Evaluated, Sampled, find_mode, resampled, sample
from mtorsim.stats.draws import normal

D, M = 12, 4


def linear(seed: int):
    """A linear problem: its matrix, its data, and the function."""
    rng = np.random.default_rng(seed)
    slopes, data = rng.normal(size=(M, D)), rng.normal(size=M)
    return slopes, data, lambda z: Evaluated(z @ slopes.T - data, np.zeros(len(z)))


def curved(seed: int):
    """A problem in which responses saturate and multiply, as those of people do."""
    rng = np.random.default_rng(seed)
    one, two, data = rng.normal(size=(M, D)), rng.normal(size=(M, D)), rng.normal(size=M)

    def problem(z: np.ndarray) -> Evaluated:
        response = 3.0 * np.tanh(z @ one.T / 3.0) * np.exp(0.15 * (z @ two.T))
        return Evaluated(response - data, np.zeros(len(z)))

    return problem


def normals(number: int) -> np.ndarray:
    return normal(1, [f"z {j}" for j in range(D + 1)], np.arange(512), number).T


def test_a_linear_problem_has_the_posterior_of_the_closed_form():
    slopes, data, problem = linear(3)
    covariance = np.linalg.inv(np.eye(D) + slopes.T @ slopes)
    mean = covariance @ slopes.T @ data
    mode = find_mode(problem, np.zeros(D))
    np.testing.assert_allclose(mode.deviates, mean, atol=1e-6)
    np.testing.assert_allclose(mode.covariance, covariance, atol=1e-6)
    found = sample(problem, mode, normals, enough=4000, rounds=16)
    assert found.effective > 4000
    np.testing.assert_allclose(found.mean, mean, atol=0.05)
    np.testing.assert_allclose(found.sd, np.sqrt(np.diag(covariance)), rtol=0.05)


def metropolis(problem, start: np.ndarray, scale: float, steps: int, chains: int) -> np.ndarray:
    """An independent sampler: random walks of Metropolis, the second half of each."""
    rng = np.random.default_rng(9)

    def log_density(z: np.ndarray) -> np.ndarray:
        return -0.5 * (np.sum(z**2, axis=1) + np.sum(problem(z).residuals ** 2, axis=1))

    here = np.tile(start, (chains, 1))
    value, kept = log_density(here), []
    for step in range(steps):
        there = here + scale * rng.normal(size=here.shape)
        new = log_density(there)
        moves = np.log(rng.uniform(size=chains)) < new - value
        here[moves], value[moves] = there[moves], new[moves]
        if step >= steps // 2:
            kept.append(here.copy())
    return np.concatenate(kept)


@pytest.mark.parametrize("seed", range(10))
def test_importance_sampling_agrees_with_metropolis(seed):
    problem = curved(seed)
    mode = find_mode(problem, np.zeros(D))
    found = sample(problem, mode, normals, enough=3000, rounds=16)
    walked = metropolis(problem, mode.deviates, 0.35, 2000, 200)
    assert found.effective > 1000
    np.testing.assert_allclose(found.mean, walked.mean(axis=0), atol=0.12)
    np.testing.assert_allclose(found.sd, walked.std(axis=0), rtol=0.12)


def test_the_mode_of_a_curved_problem_is_a_minimum():
    problem = curved(4)
    mode = find_mode(problem, np.zeros(D))
    rng = np.random.default_rng(1)
    near = mode.deviates + 0.3 * rng.normal(size=(500, D))
    found = problem(near)
    values = 0.5 * (np.sum(near**2, axis=1) + np.sum(found.residuals**2, axis=1))
    assert values.min() > mode.objective - 0.02


def test_log_weights_move_the_mode_and_the_samples():
    def problem(z: np.ndarray) -> Evaluated:
        return Evaluated(np.zeros((len(z), 1)), 2.0 * z[:, 0])

    mode = find_mode(problem, np.zeros(D))
    assert mode.deviates[0] == pytest.approx(2.0, abs=0.05)
    found = sample(problem, mode, normals, enough=2000, rounds=8)
    assert found.mean[0] == pytest.approx(2.0, abs=0.1)
    assert found.sd[0] == pytest.approx(1.0, abs=0.08)


def test_candidates_that_fail_have_no_weight():
    def problem(z: np.ndarray) -> Evaluated:
        residuals = z[:, :1] - 1.0
        return Evaluated(np.where(z[:, :1] > 1.0, np.nan, residuals), np.zeros(len(z)))

    mode = find_mode(problem, np.zeros(D))
    found = sample(problem, mode, normals, enough=500, rounds=8)
    assert (found.weights[found.deviates[:, 0] > 1.0] == 0).all()
    assert found.effective > 200


def test_nothing_is_found_where_the_problem_cannot_be_computed():
    assert find_mode(lambda z: Evaluated(np.full((len(z), 1), np.nan), np.zeros(len(z))), np.zeros(D)) is None


def test_resampling_keeps_shares_to_one_in_the_count():
    weights = np.array([0.5, 0.0, 0.3, 0.2])
    counts = np.bincount(resampled(Sampled(np.zeros((4, 1)), weights), 100), minlength=4)
    assert (np.abs(counts - 100 * weights) <= 1).all()
