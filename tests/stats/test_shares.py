"""Shares and their intervals; what counts as the worst fasting glucose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.results.limits import limits_of, ordered_limits, worst_fasting
from mtorsim.stats.shares import Share, wilson


def test_the_start_is_no_scheduled_visit_after_it():
    glucose = np.array([[180.0, 100.0, 120.0], [90.0, np.nan, 95.0], [200.0, np.nan, np.nan]])
    worst = worst_fasting(glucose, np.array([0.0, 24.0, 48.0]))
    assert worst.tolist() == [120.0, 95.0, -np.inf]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)],
)
def test_the_interval_is_wilsons(count, of, low, high):
    # First two: Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3 (values recalled).
    assert wilson(count, of) == pytest.approx((low, high), abs=2e-4)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_lies_between_0_and_1(pair):
    share = Share(*pair).as_dict()
    assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1


@pytest.mark.parametrize(
    ("uln", "names"), [(126, [">126", ">160", ">250", ">500"]), (99, [">ULN", ">126", ">160", ">250", ">500"])]
)
def test_no_limit_is_shown_twice(uln, names):
    found = ordered_limits(limits_of(uln))
    assert [n for n, *_ in found] == names
    assert [v for n, v, is_uln in found if is_uln] == [uln]
