"""People of whom covariates are known: the same law as that of people who are drawn."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.population.known import people_at
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare_values
from mtorsim.run.run_in import CANDIDATE
from mtorsim.stats.draws import normal

N = np.arange(12)


@pytest.fixture(scope="module")
def plan():
    return make_plan(mt.read_scenario("everolimus_breast").replace(population="adults"))


@pytest.fixture(scope="module")
def deviates(plan):
    names = list(dict.fromkeys([*plan.population.correlated, *plan.population.deviating]))
    return dict(zip(names, normal(3, names, N), strict=True))


def test_the_deviates_of_a_draw_are_the_people_of_the_draw(plan, deviates):
    drawn, plausible = plan.population.draw(3, N)
    for male in (0.0, 1.0):
        mine = drawn["male"] == male
        found, implied, same = people_at(plan.population, deviates, {"male": male})
        assert mine.any()
        assert implied == {}
        np.testing.assert_array_equal(same[mine], plausible[mine])
        for name, values in drawn.items():
            np.testing.assert_array_equal(found[name][mine], values[mine], err_msg=name)


def test_a_known_covariate_has_the_deviate_that_drew_it(plan, deviates):
    drawn, _ = plan.population.draw(3, N)
    known = ("age", "bmi", "glucose_insulin.SIh")
    some = {name: z[:1] for name, z in deviates.items() if name not in known}
    given = {"male": drawn["male"][0], **{name: drawn[name][0] for name in known}}
    found, implied, _ = people_at(plan.population, some, given)
    for name in known:
        np.testing.assert_allclose(implied[name], deviates[name][:1], atol=1e-9)
    # What is correlated with it, and comes after it, is that of the draw.
    for name in ("glucose_insulin.SIa", "glucose_insulin.Fmax", "weight"):
        np.testing.assert_allclose(found[name], drawn[name][:1], rtol=1e-9)


def test_candidates_start_within_1e_5_of_where_subjects_do(plan, deviates):
    values, _, _ = people_at(plan.population, deviates, {"male": 1.0})
    subjects, candidates = (prepare_values(plan, dict(values), len(N), *how) for how in ((), (CANDIDATE,)))
    assert (candidates.status == subjects.status).all()
    glucose = plan.kernel.states.index("glucose_insulin.Gp")
    np.testing.assert_allclose(candidates.start[:, glucose], subjects.start[:, glucose], rtol=1e-5)
    assert (candidates.start[:, glucose] != subjects.start[:, glucose]).any()


def test_people_drawn_given_covariates_have_them_and_the_others_follow(plan):
    subjects = np.arange(4000)
    drawn, _ = plan.population.draw(1, subjects)
    same, _ = plan.population.draw(1, subjects, 0, {name: drawn[name] for name in ("male", "age", "bmi")})
    for name, values in drawn.items():
        np.testing.assert_allclose(same[name], values, rtol=1e-9)
    given, _ = plan.population.draw(1, subjects, 0, {"bmi": np.full(4000, 40.0)})
    assert (given["bmi"] == 40.0).all()
    weight = given["height"] ** 2 * 40.0
    np.testing.assert_allclose(given["weight"], weight)
    assert (given["age"] == drawn["age"]).all()


def test_what_is_correlated_with_a_known_covariate_is_drawn_given_it(plan):
    population = plan.population
    name = next(n for pair in population.correlation for n in pair if n != "bmi" and "bmi" in pair)
    r = next(v for pair, v in population.correlation.items() if set(pair) == {"bmi", name})
    q = next(q for q in population.quantities if q.name == name)
    own = next(q for q in population.quantities if q.name == "bmi")
    drawn, _ = population.draw(2, np.arange(20000))
    given, _ = population.draw(2, np.arange(20000), 0, {"bmi": np.full(20000, 27.0 * np.exp(2 * own.sigma))})
    effect = lambda values: np.log(values[name]) / q.sigma  # noqa: E731
    # Two SD above the median shift the other by 2 r, and leave the share 1 - r^2 of its variance.
    assert effect(given).mean() - effect(drawn).mean() == pytest.approx(2 * r, abs=0.04)
    assert effect(given).var() == pytest.approx(effect(drawn).var() * (1 - r**2), rel=0.04)
