"""Weight, age and red cells: closed forms, and a person followed beside the same person drawn older."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.files.library import Library
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import fasting_values

FAMINE = """
[module]
name = "famine"
about = "a tenth less is eaten"
time = "d"
reads = ["weight"]

[parameters]
less = { value = 0.1, unit = "1", about = "share that is not eaten", source = "this_work", evidence = "design" }

[[contributes]]
to = "weight.f_intake"
is = "1 - less"
unit = "1"
mechanism = "famine"
about = "less is eaten"
source = "this_work"
evidence = "design"
"""


def test_weight_follows_the_energy_balance_in_closed_form(tmp_path):
    (tmp_path / "famine.toml").write_text(FAMINE)
    result = mt.simulate(
        mt.Scenario(
            model=["glucose_insulin", "weight", "famine"],
            population="ngt",
            subjects=1,
            duration="52 weeks",
            visits=["0 weeks", "8 weeks", "52 weeks"],
            # Insulin action is left as it is, so that nothing but energy moves weight.
            settings={"weight.muscle": 0, "weight.liver": 0, "weight.adipose": 0},
            library=Library((tmp_path,)),
        )
    )
    weight = result.visits.weight.isel(arm=0, subject=0)
    back = 24 + 55
    for weeks in (8, 52):
        lost = 183 / back * (1 - math.exp(-back / 9100 * 7 * weeks))
        assert float(weight.sel(time=168.0 * weeks)) == pytest.approx(75 - lost, abs=0.01)


def test_an_untreated_person_keeps_the_weight():
    scenario = mt.read_scenario("untreated").replace(model=["glucose_insulin", "weight"], subjects=4)
    weight = mt.simulate(scenario).visits.weight.isel(arm=0)
    # Urine loses the same every day, so only the error of the mean over the untreated day is left.
    np.testing.assert_allclose(weight, np.broadcast_to(weight.isel(time=0), weight.T.shape).T, rtol=2e-4)


def test_a_person_followed_for_two_years_ends_where_an_older_one_begins():
    ages = {}
    for age in (60, 62):
        plan = make_plan(mt.read_scenario("untreated").replace(population="adults"), settings={"age": age})
        ages[age] = fasting_values(plan, np.arange(40), ("glucose",))["untreated glucose"]
    scenario = mt.read_scenario("untreated").replace(
        model=["glucose_insulin", "ageing"],
        population="adults",
        subjects=40,
        duration="104 weeks",
        visits=["0 weeks", "104 weeks"],
        settings={"age": 60},
    )
    result = mt.simulate(scenario)
    glucose = result.visits.fasting_glucose.isel(arm=0).to_numpy()
    free = np.asarray(result.people["group diabetic"]) == 0
    assert free.sum() > 30
    followed, drawn = (glucose[:, 1] - glucose[:, 0])[free], (ages[62] - ages[60])[free]
    assert followed.mean() == pytest.approx(drawn.mean(), rel=0.25)
    assert followed.mean() > 0.3
    assert np.corrcoef(followed, drawn)[0, 1] > 0.9


def test_short_lived_red_cells_lower_hba1c_at_the_same_glucose():
    def hba1c(days):
        scenario = mt.read_scenario("ogtt").replace(settings={"glucose_insulin.LR": days})
        return float(mt.simulate(scenario).visits.hba1c.isel(arm=0, subject=0, time=0))

    # Glycation above the intercept is in proportion to the life of the cells.
    usual = hba1c(80) - 1.627
    assert hba1c(60) - 1.627 == pytest.approx(0.75 * usual, rel=1e-6)
    # Blood loss in the course of a run: HbA1c falls, glucose does not.
    bled = mt.simulate(
        mt.read_scenario("untreated").replace(
            population="t2d", subjects=1, changes=[{"at": "1 d", "multiply": {"glucose_insulin.LR": 0.75}}]
        )
    ).visits.isel(arm=0, subject=0)
    assert float(bled.hba1c[-1] - bled.hba1c[0]) == pytest.approx(-0.25 * (float(bled.hba1c[0]) - 1.627), rel=0.02)
    assert float(bled.fasting_glucose[-1]) == pytest.approx(float(bled.fasting_glucose[0]), rel=2e-3)
