"""Dose-response of the model: each dose is the run of a scenario that gives it; schedules, bad input, command line."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.analysis.response.arms import compare_arms
from mtorsim.errors import ArgumentError, MtorsimError

mpl.use("Agg")
WEEK = 168.0


@pytest.fixture(scope="module")
def scenario():
    return mt.Scenario(
        name="doses",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="breast_postmenopausal",
        subjects=6,
        duration="2 weeks",
        doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
        visits=["0 weeks", "1 week", "2 weeks"],
        arms={"placebo": mt.Arm(without="everolimus")},
    )


@pytest.fixture(scope="module")
def found(scenario):
    return mt.dose_response(scenario, doses=[5, "10 mg", 20], schedules=["sirolimus 4 mg q24h"], subjects=6)


def test_every_dose_is_the_run_of_a_scenario_that_gives_it(scenario, found):
    swept = mt.simulate(mt.sweep(scenario, {"everolimus.dose": ["5 mg", "20 mg"]}))
    for k, arm in ((0, "everolimus 5 mg"), (1, "everolimus"), (2, "everolimus 20 mg")):
        glucose = swept.visits.fasting_glucose.sel(arm=arm, time=2 * WEEK).to_numpy()
        np.testing.assert_allclose(found.schedules[0].value[:, k], glucose, rtol=1e-4)
        trough = swept.visits.drug_level.sel(arm=arm, time=2 * WEEK).to_numpy()
        # The lowest of the week before, in which levels still rise a little.
        ratio = found.schedules[0].trough[:, k] / trough
        assert ((ratio > 0.85) & (ratio <= 1.0 + 1e-6)).all()
    without = swept.visits.fasting_glucose.sel(arm="placebo", time=2 * WEEK).to_numpy()
    np.testing.assert_allclose(found.untreated, without, rtol=1e-4)


def test_more_drug_is_a_higher_level_and_more_inhibition(found):
    for one in found.schedules:
        assert (np.diff(one.trough, axis=1) > 0).all()
        assert (np.diff(one.inhibition, axis=1) > 0).all()
        assert ((one.inhibition > 0) & (one.inhibition < 1)).all()
    # Levels rise in proportion to the dose.
    one = found.schedules[0]
    np.testing.assert_allclose(one.trough[:, 2] / one.trough[:, 1], 2.0, rtol=0.05)


def test_another_schedule_is_the_run_of_the_same_people(scenario, found):
    other = scenario.replace(
        model=["glucose_insulin", "mtor", "sirolimus"], doses=[mt.Dose("sirolimus", "4 mg", every="24 h")], arms={}
    )
    glucose = mt.simulate(other).visits.fasting_glucose.sel(time=2 * WEEK).to_numpy()[0]
    one = found.schedules[1]
    assert one.name == "sirolimus q24h"
    np.testing.assert_allclose(one.value[:, list(one.doses).index(4.0)], glucose, rtol=1e-4)


def test_schedules_are_compared_where_they_inhibit_alike(found):
    first, _ = found.at_equal("inhibition", limit=100.0)
    assert first.dose == pytest.approx(10.0)
    assert first.effect == pytest.approx(float((found.schedules[0].value[:, 1] - found.untreated).mean()))
    means = found.schedules[1].inhibition.mean(axis=0)
    target = float(means[2] + means[3]) / 2
    _, second = found.at_equal("inhibition", target, limit=100.0)
    assert second.dose == pytest.approx(float(np.exp(np.interp(target, means, np.log(found.schedules[1].doses)))))
    assert 0 <= second.above <= 1
    far = found.at_equal("trough", target=1e6)
    assert all(np.isnan(row.dose) for row in far)


def test_tables_shares_and_pictures(found):
    assert len(found.table) == len(found.schedules[0].doses) + len(found.schedules[1].doses)
    shares = found.above(100.0)
    assert [s.count for s in shares] == [float((found.schedules[0].value[:, k] > 100).sum()) for k in range(3)]
    plain = json.loads(json.dumps(found.to_json(100.0, 0.3)))
    assert plain["highest_dose"]["all"]["people"] == 6
    assert "everolimus q24h 10 mg" in repr(found)
    figure = mt.plot.responses(found, against="inhibition", limit=100.0)
    assert figure.axes[0].get_xlabel() == "inhibition of mTORC1 (%)"
    with pytest.raises(ArgumentError, match="not comparable"):
        mt.plot.responses(found)
    with pytest.raises(ArgumentError, match="cannot draw against `levels`"):
        mt.plot.responses(found, against="levels")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"doses": [500]}, "outside its plausible range"),
        ({"doses": ["10 ml"]}, "unknown unit"),
        ({"doses": ["10 h"]}, "cannot be converted"),
        ({"doses": [0]}, "is not more than 0"),
        ({"doses": []}, "from 1 to 50"),
        ({"drug": "sirolimus"}, "is not dosed in the arm"),
        ({"schedules": ["sirolimus daily"]}, "is not a schedule"),
        ({"schedules": ["siroliums 2 mg q24h"]}, "did you mean `sirolimus`"),
        ({"schedules": ["sirolimus 2 mgg q24h"]}, "unknown unit"),
        ({"of": "fasting_glucos"}, "did you mean `fasting_glucose`"),
        ({"by": "bmj"}, "did you mean `bmi`"),
        ({"subjects": 1}, "from 2"),
    ],
)
def test_bad_input_gets_one_clear_message(scenario, given, message):
    with pytest.raises(MtorsimError) as raised:
        mt.dose_response(scenario, **given)
    assert message in str(raised.value)


def test_a_risk_is_a_share(found):
    with pytest.raises(ArgumentError, match=r"10 % is 0\.1"):
        found.highest_dose(126.0, 10)


def test_arms_of_a_sweep_are_compared_in_the_same_people(scenario):
    result = mt.simulate(mt.sweep(scenario, {"everolimus.dose": ["5 mg"]}))
    told, arms = compare_arms(result, limits=[100.0])
    assert told == "fasting glucose (mg/dL), 2 weeks"
    values = result.visits.fasting_glucose.sel(time=2 * WEEK)
    apart = values.sel(arm="everolimus 5 mg") - values.sel(arm="everolimus")
    assert arms[2].change == pytest.approx(float(apart.mean()))
    assert arms[0].above[0] == pytest.approx(float((values.sel(arm="everolimus") > 100).mean()))
    with pytest.raises(ArgumentError, match="no visit is at 3 days"):
        compare_arms(result, at="3 d")


def test_the_command_line(mtorsim, tmp_path):
    path = tmp_path / "few.toml"
    path.write_text(
        'title = "few"\nmodel = ["glucose_insulin", "mtor", "everolimus"]\npopulation = "breast_postmenopausal"\n'
        'duration = "1 week"\n[[dose]]\ndrug = "everolimus"\namount = "10 mg"\nevery = "24 h"\n'
        '[visits]\nat = ["0 weeks", "1 week"]\n'
    )
    more = ("--subjects", "4", "--quiet")
    ran = mtorsim("dose-response", path, "--doses", "5,10", "--limit", "95", "--risk", "0.5", *more)
    assert ran.code == 0, ran.err
    assert "highest dose of everolimus q24h at which at most 50 % are above 95 mg/dL" in ran.out
    swept = mtorsim("sweep", path, "--over", "everolimus.dose=5 mg", "--over", "secretion=0,1", "--limit", "95", *more)
    assert swept.code == 0, swept.err
    assert "everolimus 5 mg + secretion 0" in swept.out
    for words, message in (
        (("sweep", path, "--over", "secretion"), "is not NAME=VALUE,VALUE"),
        (("sweep", path, "--over", "secretion=0,x"), "must be numbers"),
        (("sweep", path, "--over", "secretio=0"), "secretio"),
        (("dose-response", path, "--risk", "0.1"), "above `--limit`"),
    ):
        wrong = mtorsim(*words)
        assert wrong.code == 2
        assert message in wrong.err
