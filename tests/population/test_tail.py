"""Oversampled tails: shares, weights that make up for them, and wrong input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.model.compose import load_model
from mtorsim.population.population import WEIGHT
from mtorsim.population.read import load_population
from mtorsim.population.tail import tail_of

LIBRARY = Library()
N = 20_000


@pytest.fixture(scope="module")
def people():
    return load_population("breast_postmenopausal", load_model(["glucose_insulin"], LIBRARY), LIBRARY)


@pytest.mark.parametrize("side", ["lowest", "highest"])
def test_the_tail_is_drawn_more_often_and_weighs_less(people, side):
    name = people.deviating[0]
    plain, _ = people.draw(1, np.arange(N))
    more, _ = replace(people, tails={name: tail_of(f"{side} 10 % as 40 %")}).draw(1, np.arange(N))
    limit = np.quantile(plain[name], 0.1 if side == "lowest" else 0.9)
    inside = more[name] < limit if side == "lowest" else more[name] > limit
    assert inside.mean() == pytest.approx(0.4, abs=0.015)
    weights = more[WEIGHT]
    assert weights.mean() == pytest.approx(1.0, abs=0.02)
    assert set(np.round(weights, 6)) == {0.25, 1.5}
    assert np.average(inside, weights=weights) == pytest.approx(0.1, abs=0.005)
    for moment in (1, 2):
        a, b = np.mean(plain[name] ** moment), np.average(more[name] ** moment, weights=weights)
        assert b == pytest.approx(a, rel=0.03)


def test_it_goes_with_sobol_points_and_is_the_same_person_for_any_number(people):
    tails = replace(people, tails={people.deviating[0]: tail_of("highest 5 % as 30 %")}, draws="sobol")
    whole, _ = tails.draw(1, np.arange(100))
    some, _ = tails.draw(1, np.array([97, 3]))
    for name in some:
        np.testing.assert_array_equal(some[name], whole[name][[97, 3]])


@pytest.mark.parametrize("text", ["lowest 10 %", "top 10 % as 50 %", "lowest 0 % as 50 %", "highest 10 % as 100 %"])
def test_wrong_tails(text):
    with pytest.raises(ArgumentError, match=r"not a tail|between 0 and 100"):
        tail_of(text)


def test_an_unknown_quantity_is_named_with_the_nearest():
    with pytest.raises(ArgumentError, match="`weigth` does not vary"):
        mt.simulate("everolimus_breast", subjects=1, tails={"weigth": "lowest 10 % as 50 %"})
