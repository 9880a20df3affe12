"""Detection, best days and adaptive follow-up beside made-up courses; no model is run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtorsim.analysis.follow_up.adaptive import adaptive_days, bank_of
from mtorsim.analysis.follow_up.detection import detect, detect_at
from mtorsim.analysis.follow_up.mornings import onset
from mtorsim.analysis.follow_up.schedules import best_days, published, regular

LIMIT, SEVERE = 160.0, 250.0


def courses(n: int, seed: int = 0, days: int = 169):
    """Glucose that rises in some people, each at a rate of their own, with a day-to-day variation of 5 %."""
    rng = np.random.default_rng(seed)
    rate = np.where(rng.uniform(size=n) < 0.4, rng.uniform(0.3, 2.0, n), 0.05)
    start = rng.uniform(85, 120, n)
    expected = start[:, None] + rate[:, None] * np.arange(days)[None, :]
    true = expected * np.exp(0.05 * rng.normal(size=expected.shape))
    return true, expected, true * np.exp(0.02 * rng.normal(size=true.shape))


def test_what_is_found_is_the_first_value_above_the_limit():
    true = np.full((1, 30), 100.0)
    true[0, 10:] = 170.0
    true[0, 20:] = 260.0
    found = detect(true, true, np.array([7, 14, 21]), LIMIT, SEVERE)
    assert (found.found[0], found.begins[0], found.severe[0]) == (14, 10, 20)
    # Days 10 to 13 were above the limit and nobody knew; the second of three visits found it, in time.
    assert (found.above[0], found.samples[0], bool(found.in_time[0])) == (4, 2, True)
    assert found.delay.tolist() == [4.0]
    late = detect(true, true, np.array([7, 21]), LIMIT, SEVERE)
    assert (late.found[0], bool(late.in_time[0])) == (21, False)


def test_nobody_is_found_without_visits():
    true, _, measured = courses(50)
    found = detect(true, measured, np.array([], int), LIMIT, SEVERE)
    assert (found.found == found.days).all()
    assert found.samples.sum() == 0
    assert found.share_in_time()[0] == 0.0


def test_a_first_day_that_is_high_does_not_count_as_passing():
    values = np.array([[170.0, 100.0, 100.0], [100.0, 170.0, 100.0]])
    assert onset(values, LIMIT).tolist() == [3, 1]


@settings(max_examples=40)
@given(st.sets(st.integers(1, 168), min_size=1, max_size=10), st.sets(st.integers(1, 168), max_size=10))
def test_more_visits_never_find_later_in_the_same_people(some, more):
    true, _, measured = courses(60, seed=3)
    few = detect(true, measured, np.array(sorted(some)), LIMIT, SEVERE)
    many = detect(true, measured, np.array(sorted(some | more)), LIMIT, SEVERE)
    assert (many.found <= few.found).all()
    assert (many.above <= few.above).all()
    assert many.in_time.sum() >= few.in_time.sum()


def test_the_best_days_are_no_worse_than_any_that_were_tried():
    true, _, measured = courses(200)
    best = best_days(true, measured, 3, LIMIT, SEVERE)
    assert len(best) == 3
    cost = detect(true, measured, best, LIMIT, SEVERE).above.sum()
    rng = np.random.default_rng(1)
    for _ in range(60):
        days = np.sort(rng.choice(np.arange(7, 169, 7), 3, replace=False))
        assert cost <= detect(true, measured, days, LIMIT, SEVERE).above.sum() * 1.001


def test_published_schedules_begin_and_go_on_as_they_say():
    found = published(337)
    assert found["2-weekly for a month, then monthly"][0][:4].tolist() == [14, 28, 56, 84]
    assert found["week 2 and 4, then 6-weekly"][0][:4].tolist() == [14, 28, 70, 112]
    assert len(found["yearly"][0]) == 0
    assert regular(28, 100).tolist() == [28, 56, 84]


def test_adaptive_follow_up_measures_those_more_often_whose_glucose_rises():
    true, expected, measured = courses(300, seed=5)
    bank = bank_of(true, expected, measured, LIMIT)
    weekly = measured[:, ::7]
    weeks, samples = adaptive_days(bank, weekly, LIMIT, 0.05, 12)
    rising = expected[:, 168] > 140
    # Until they are found; people who stay low are seen every 12 weeks.
    rate = samples / np.minimum(weeks, 24)
    assert rate[rising].mean() > 1.5 * rate[~rising].mean()
    assert (samples[~rising] >= 2).all()
    found = detect_at(true, np.minimum(7 * weeks, 169), samples, LIMIT, SEVERE)
    fixed = detect(true, measured, regular(56, 169), LIMIT, SEVERE)
    assert found.samples.mean() < 1.2 * fixed.samples.mean()
    assert found.above.sum() < fixed.above.sum()


def test_a_lower_risk_is_measured_more_often():
    true, expected, measured = courses(200, seed=2)
    bank = bank_of(true, expected, measured, LIMIT)
    counts = [adaptive_days(bank, measured[:, ::7], LIMIT, risk, 12)[1].mean() for risk in (0.01, 0.1, 0.5)]
    assert counts[0] > counts[1] > counts[2]


def test_a_person_is_not_a_candidate_for_themself():
    true, expected, measured = courses(40, seed=8)
    bank = bank_of(true, expected, measured, LIMIT)
    own, _ = adaptive_days(bank, measured[:1, ::7], LIMIT, 0.1, 12, np.array([0]))
    twice = bank_of(*(np.concatenate([x[1:], x[1:]]) for x in (true, expected, measured)), LIMIT)
    other, _ = adaptive_days(twice, measured[:1, ::7], LIMIT, 0.1, 12, np.array([-1]))
    assert own.shape == other.shape == (1,)
    np.testing.assert_array_equal(own, other)


def test_the_noise_of_a_bank_is_that_of_its_people():
    true, expected, measured = courses(400, seed=4)
    assert bank_of(true, expected, measured, LIMIT).sd == pytest.approx(np.hypot(0.05, 0.02), rel=0.05)
