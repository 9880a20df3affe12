"""Sketches of quantiles: their stated error, weights, and merging."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.stats.sketch import ERROR, Sketch

SHARES = (0.0, 0.05, 0.5, 0.975, 1.0)


def sketch(values, weights=None):
    made = Sketch()
    made.add(np.asarray(values, float), np.ones(len(values)) if weights is None else weights)
    return made


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_a_quantile_is_one_of_the_values_within_the_stated_error(values):
    values = np.where(np.abs(values) < 1e-9, 0.0, values)
    exact = np.quantile(values, SHARES, method="inverted_cdf")
    np.testing.assert_allclose(sketch(values).quantiles(SHARES), exact, rtol=1.01 * ERROR, atol=1e-9)


def test_many_values_of_a_skewed_quantity():
    values = np.random.default_rng(1).lognormal(4.6, 0.3, 100_000)
    found = sketch(values).quantiles([0.01, 0.5, 0.99])
    np.testing.assert_allclose(found, np.quantile(values, [0.01, 0.5, 0.99]), rtol=1.1 * ERROR)


@given(st.lists(st.floats(-100, 100), max_size=40), st.integers(0, 40))
def test_sketches_of_parts_merged_are_that_of_the_whole(values, cut):
    whole, first, rest = sketch(values), sketch(values[:cut]), sketch(values[cut:])
    first.merge(rest)
    assert first.total == whole.total
    np.testing.assert_array_equal(first.quantiles(SHARES), whole.quantiles(SHARES))
    assert first.size == pytest.approx(whole.size)


def test_a_weight_counts_as_so_many_values():
    values, weights = np.array([1.0, 2.0, 3.0, 50.0]), np.array([1.0, 5.0, 2.0, 4.0])
    repeated = sketch(np.repeat(values, weights.astype(int)))
    weighted = sketch(values, weights)
    np.testing.assert_array_equal(weighted.quantiles(SHARES[1:4]), repeated.quantiles(SHARES[1:4]))
    assert weighted.size == pytest.approx(144 / 46)


def test_nothing_has_no_quantile():
    assert np.isnan(Sketch().quantiles([0.5])).all()
