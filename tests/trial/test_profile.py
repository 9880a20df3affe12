"""Profile likelihood: exact where it is known, open where the data say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from mtorsim.trial.profile import bounds, profiles

WIDE = np.array([[-1e3, 1e3], [-1e3, 1e3]])


def profiled(residuals, x, jacobian, limits=WIDE, rows=None):
    covariance = np.linalg.inv(jacobian.T @ jacobian)
    rows = len(residuals(x)) if rows is None else rows
    return profiles(residuals, np.array(x), jacobian, covariance, limits, rows), covariance


def test_of_a_linear_problem_it_is_the_normal_interval():
    design = np.array([[1.0, 0.8], [0.3, 1.0], [0.5, -0.2]])
    best = np.array([2.0, -1.0])
    found, covariance = profiled(lambda x: design @ (x - best), best, design)
    for i, points in enumerate(found):
        sd = np.sqrt(covariance[i, i])
        assert [p.at for p in points] == pytest.approx(best[i] + sd * np.array([-2, -1, 0, 1, 2]))
        assert [p.rise for p in points] == pytest.approx([4, 1, 0, 1, 4])
        low, high = bounds(points, best[i], (-1e3, 1e3))
        assert (low, high) == pytest.approx((best[i] - 1.959964 * sd, best[i] + 1.959964 * sd), abs=1e-5)


def test_a_curved_problem_shows_its_asymmetry():
    # One quantity is seen through its exponential: the likelihood is steeper above than below.
    def residuals(x):
        return np.array([4 * (np.exp(x[0]) - 1), x[1]])

    found, _ = profiled(residuals, np.zeros(2), np.array([[4.0, 0.0], [0.0, 1.0]]))
    rise = [p.rise for p in found[0]]
    assert rise[-1] > 4 > rise[0] > 1
    low, high = bounds(found[0], 0.0, (-1e3, 1e3))
    assert np.exp(high) == pytest.approx(1 + 1.96 / 4, rel=0.02)
    assert np.exp(low) == pytest.approx(1 - 1.96 / 4, rel=0.05)


def test_the_others_are_fitted_again():
    # Far from linear in the second quantity, which must follow the first: x1 = x0 ** 2.
    def residuals(x):
        return np.array([5 * (x[1] - x[0] ** 2), x[0] - 1, 0.1 * (x[1] - 1)])

    found, _ = profiled(residuals, np.ones(2), np.array([[-10.0, 5.0], [1.0, 0.0], [0.0, 0.1]]))
    for point in found[0]:
        least = min((residuals([point.at, v]) ** 2).sum() for v in np.linspace(-10, 20, 30001))
        assert point.rise == pytest.approx(least, abs=0.02)


def test_an_end_beyond_the_range_is_open_and_the_prior_is_told_from_the_rates():
    design = np.eye(2)
    limits = np.array([[-0.5, 5.0], [-5.0, 5.0]])
    found, _ = profiled(lambda x: design @ x, np.zeros(2), design, limits, rows=1)
    assert bounds(found[0], 0.0, (-0.5, 5.0)) == (None, pytest.approx(1.95996, rel=1e-4))
    assert [p.of_data for p in found[1]] == pytest.approx([0.0] * 5)
    assert [p.rise for p in found[1]] == pytest.approx([4, 1, 0, 1, 4])
