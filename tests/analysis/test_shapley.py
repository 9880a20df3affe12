"""Shapley shares: the axioms that define them, brute force over all orders, and sampling."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtorsim.analysis.explain.shapley import interactions, orders, shares, shares_by_orders


def games(most=6):
    return st.integers(1, most).flatmap(
        lambda causes: st.lists(st.floats(-100, 100), min_size=2**causes, max_size=2**causes)
    )


def brute_force(values):
    causes = len(values).bit_length() - 1
    found = np.zeros(causes)
    every = list(permutations(range(causes)))
    for order in every:
        mask = 0
        for cause in order:
            found[cause] += values[mask | 1 << cause] - values[mask]
            mask |= 1 << cause
    return found / len(every)


@settings(max_examples=60, deadline=None)
@given(games())
def test_shares_are_the_mean_over_all_orders_and_sum_to_the_whole(values):
    values = np.array(values)
    found = shares(values)
    np.testing.assert_allclose(found, brute_force(values), atol=1e-9)
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(games(5), st.data())
def test_what_does_nothing_has_no_share_and_equals_have_equal_shares(values, data):
    values = np.array(values)
    causes = len(values).bit_length() - 1
    numbers = np.arange(2 * len(values))
    # One more cause that changes nothing.
    with_dummy = values[numbers & (len(values) - 1)]
    found = shares(with_dummy)
    assert found[-1] == 0
    np.testing.assert_allclose(found[:-1], shares(values), atol=1e-9)
    # Two causes that may be exchanged.
    if causes >= 2:
        j, k = data.draw(st.permutations(range(causes)))[:2]
        numbers = np.arange(len(values))
        a, b = numbers >> j & 1, numbers >> k & 1
        swapped = numbers & ~(1 << j | 1 << k) | a << k | b << j
        even = (values + values[swapped]) / 2
        found = shares(even)
        assert found[j] == pytest.approx(found[k], abs=1e-9)


def test_an_interaction_is_that_of_a_product():
    # v = 2 a + 3 b + 5 a b: half of the product goes to each, and 5 is what both need each other for.
    values = np.array([[2.0 * a + 3.0 * b + 5.0 * a * b for b in (0, 1) for a in (0, 1)]])
    np.testing.assert_allclose(shares(values), [[4.5, 5.5]])
    np.testing.assert_allclose(interactions(values), [[[0, 5], [5, 0]]])
    alone = np.array([1.0 * (k & 1) + 2.0 * (k >> 1 & 1) + 4.0 * (k >> 2) for k in range(8)])
    np.testing.assert_allclose(interactions(alone), 0)
    assert interactions(np.array([1.0, 4.0])).shape == (1, 1)


def test_sampled_orders_agree_with_all_of_them_within_their_errors():
    rng = np.random.default_rng(3)
    causes = 7
    values = rng.normal(size=(20, 2**causes)) + 3.0 * np.bitwise_count(np.arange(2**causes))
    order = orders(causes, 60, 1)
    assert sorted(order[0]) == list(range(causes))
    assert order[1].tolist() == order[0][::-1].tolist()
    masks = np.array([np.concatenate([[0], np.cumsum(1 << row)]) for row in order])
    found, error = shares_by_orders(values[:, masks], order)
    exact = shares(values)
    np.testing.assert_allclose(found.sum(axis=1), values[:, -1] - values[:, 0])
    z = (found - exact) / error
    assert 0.6 < z.std() < 1.4
    assert np.abs(z).max() < 5


def test_a_table_that_is_not_of_all_coalitions_is_refused():
    with pytest.raises(ValueError, match="all coalitions"):
        shares(np.zeros(6))
