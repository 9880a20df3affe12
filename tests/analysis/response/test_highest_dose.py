"""The dose that keeps a risk low, beside closed forms; no model is run."""

from __future__ import annotations

import numpy as np
import pytest

from mtorsim.analysis.response.highest_dose import highest_dose

DOSES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def people(n: int, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    """Whether each of some people is above a limit, which each reaches at a log-normal dose of median 8."""
    own = 8.0 * np.exp(spread * np.random.default_rng(seed).normal(size=n))
    return own[:, None] < DOSES[None, :]


def found(above, risk, weights=None):
    weights = np.ones(len(above)) if weights is None else weights
    return highest_dose(DOSES, above, weights, risk, np.random.default_rng(1))


def test_the_dose_is_where_the_share_reaches_the_risk():
    above = np.zeros((100, 5), bool)
    above[:10, 2:], above[:30, 3:], above[:60, 4:] = True, True, True
    # From 10 % at 4 to 30 % at 8, linear in the logarithm of the dose.
    assert found(above, 0.20).dose == pytest.approx(4.0 * np.sqrt(2.0))
    assert found(above, 0.10).dose == pytest.approx(4.0)
    assert found(above, 0.45).dose == pytest.approx(8.0 * np.sqrt(2.0))


def test_no_dose_is_low_or_high_enough():
    above = people(200)
    assert found(above, 0.001).dose == 0
    assert np.isinf(found(above, 0.99).dose)
    assert found(np.ones((20, 5), bool), 0.5).dose == 0
    assert found(np.ones((20, 5), bool), 0.5).told(DOSES, "mg") == "below 1 mg"


def test_a_share_that_falls_by_chance_counts_as_level():
    above = np.zeros((100, 5), bool)
    above[:20, 1], above[:10, 2], above[:40, 3:] = True, True, True
    # 20 and 10 % are 15 % both.
    assert found(above, 0.15).dose == pytest.approx(4.0)


def test_the_interval_covers_the_truth():
    # A fifth of the people are above their limit at the dose exp(-0.8416) times the median.
    truth = 8.0 * np.exp(-0.8416)
    covered = [f.low <= truth <= f.high for f in (found(people(150, seed), 0.2) for seed in range(60))]
    assert 0.85 <= np.mean(covered) <= 1.0


def test_a_person_of_weight_two_counts_twice():
    above = people(120)
    twice = np.concatenate([above, above[:40]])
    weights = np.ones(120)
    weights[:40] = 2.0
    assert found(above, 0.3, weights).dose == pytest.approx(found(twice, 0.3).dose)
