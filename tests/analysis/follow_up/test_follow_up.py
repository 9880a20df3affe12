"""Schedules of follow-up in people of the model: nested schedules, other halves, acting on what is found; bad input."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, MtorsimError

mpl.use("Agg")


@pytest.fixture(scope="module")
def scenario():
    return mt.Scenario(
        name="visits",
        model=["glucose_insulin", "mtor", "everolimus", "metformin"],
        population="oncology",
        duration="4 weeks",
        occasion="2 days",
        doses=[mt.Dose("everolimus", "20 mg", every="24 h"), mt.Dose("metformin", "1000 mg", every="12 h", waits=True)],
        visits=["0 weeks", "2 weeks", "4 weeks"],
        rules=[{"name": "hold", "when": "fasting_glucose > 120 mg/dL", "do": ["start metformin", "stop everolimus"]}],
    )


@pytest.fixture(scope="module")
def found(scenario):
    return mt.follow_up(
        scenario, limit=110, severe=130, budget=2, subjects=32, schedules={"mine": ["1 week", 14, "21"]}
    )


def test_all_ways_are_compared_in_the_same_half_of_the_people(found):
    assert (found.subjects % 2 == 1).all()
    cases = {way.detection.cases.sum() for way in found.ways}
    assert len(cases) == 1
    assert cases.pop() > 3


def test_more_visits_never_find_later(found):
    often, seldom = found.way("every 7 days").detection, found.way("every 14 days").detection
    assert (often.found <= seldom.found).all()
    assert often.weeks_undetected() <= seldom.weeks_undetected()
    assert found.way("mine").days == (7, 14, 21)
    assert found.way("home meter every day").visits == 0


def test_the_best_schedule_and_the_adaptive_one_keep_to_the_budget(found):
    best = found.way("best 2 visits")
    assert len(best.days) == 2
    assert best.visits <= 2.0
    low, high = found.gain(found.way("every 7 days"), best)[1:]
    assert -1.0 <= low <= high <= 1.0


def test_acting_on_what_is_found_early_spares_glucose(found):
    acted = {row.name: row for row in found.acted}
    assert acted["every cycle"].weeks_above >= acted["every 7 days"].weeks_above
    assert acted["every 7 days"].intensity < 1.0


def test_chance_does_not_depend_on_threads(scenario, found):
    again = mt.follow_up(scenario, limit=110, severe=130, budget=2, subjects=32, threads=1, acted=0)
    for name in ("every 7 days", "best 2 visits"):
        np.testing.assert_array_equal(again.way(name).detection.found, found.way(name).detection.found)
    assert again.acted == ()


def test_tables_json_and_picture(found):
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["ways"][0]["name"] == "2-weekly for a month, then monthly"
    assert len(found.table) == len(found.ways)
    assert "severe cases in time" in repr(found)
    assert mt.plot.pareto(found).axes[0].get_yscale() == "log"
    with pytest.raises(ArgumentError, match="did you mean `every 7 days`"):
        found.way("every 7 day")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": 250, "severe": 160}, "must be below severe"),
        ({"budget": 0}, "from 1 to the number of weeks, 4"),
        ({"subjects": 3}, "from 20"),
        ({"schedules": {"x": ["5 weeks"]}}, "is not within days 1 to 28"),
        ({"schedules": {"x": ["2 wekks"]}}, "unknown unit"),
        ({"schedules": {"x": []}}, "has no visit"),
        ({"by": "bmj"}, "did you mean `bmi`"),
        ({"arm": "everolimuss"}, "everolimus"),
    ],
)
def test_bad_input_gets_one_clear_message(scenario, given, message):
    with pytest.raises(MtorsimError) as raised:
        mt.follow_up(scenario, **given)
    assert message in str(raised.value)


def test_the_command_line(mtorsim, tmp_path):
    path = tmp_path / "few.toml"
    path.write_text(
        'title = "few"\nmodel = ["glucose_insulin", "mtor", "everolimus"]\npopulation = "oncology"\n'
        'duration = "2 weeks"\noccasion = "2 days"\n[[dose]]\ndrug = "everolimus"\namount = "10 mg"\nevery = "24 h"\n'
        '[visits]\nat = ["0 weeks", "2 weeks"]\n'
    )
    options = ("--limit", "105", "--severe", "115", "--budget", "1", "--subjects", "24", "--quiet")
    ran = mtorsim("follow-up", path, *options, "--schedule", "7", "--figure", tmp_path / "p.png")
    assert ran.code == 0, ran.err
    assert "home meter every day" in ran.out
    assert (tmp_path / "p.png").stat().st_size > 10_000
    wrong = mtorsim("follow-up", path, "--schedule", "7", "--schedule", "7")
    assert (wrong.code, "given twice" in wrong.err) == (2, True)
