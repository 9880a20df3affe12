"""When to measure next, beside closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from mtorsim.analysis.forecast.next_day import next_days

DAYS = np.array([7.0, 14.0, 21.0])


def test_what_has_passed_and_what_was_not_seen():
    true = np.array([[100.0, 170.0, 170.0], [100.0, 100.0, 170.0], [100.0, 100.0, 100.0], [170.0, 100.0, 100.0]])
    found = next_days(DAYS, true, true, 160.0)
    assert [d.passed for d in found] == [0.25, 0.5, 0.75]
    # A week above the limit for one person in four on day 7, two by day 14, four by day 21.
    assert [d.unseen for d in found] == [7 / 4, 14 / 4, 28 / 4]


def test_a_value_that_decides_is_worth_a_bit_and_one_that_says_nothing_none():
    rng = np.random.default_rng(1)
    n = 4000
    high = np.arange(n) % 2 == 0
    true = np.where(high, 200.0, 100.0)[:, None] * np.ones((1, 3))
    true[:, :2] = 100.0
    deciding = np.where(high, 150.0, 100.0) + rng.normal(size=n)
    nothing = rng.normal(100.0, 5.0, n)
    found = next_days(DAYS, true, np.stack([nothing, deciding, deciding], axis=1), 160.0)
    assert found[0].information == pytest.approx(0.0, abs=0.005)
    assert found[1].information == pytest.approx(0.8, abs=0.05)  # five classes, the middle one mixed


def test_nothing_is_to_be_learnt_where_nothing_can_happen():
    true = np.full((50, 3), 100.0)
    assert [d.information for d in next_days(DAYS, true, true, 160.0)] == [0.0, 0.0, 0.0]
