"""Runs to a precision: where they stop, that nothing else matters, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from helpers import TESTS
from mtorsim.errors import ArgumentError, DataError
from mtorsim.files.library import Library
from mtorsim.results.goal import STEP, read_goal
from mtorsim.results.manifest import read_manifest
from mtorsim.results.outcome import outcome_of

UNITS = {"fasting_glucose": "mg/dL", "hba1c": "%", "insulin": "uU/mL"}
GOAL = "P(worst_one.blood > 70 mg) +- 2 %"


def drug(**more):
    return mt.Scenario(
        model=["one"],
        population="modelled",
        subjects=10,
        duration="2 d",
        visits={"at": ["6 h", "30 h"], "sample": "random"},
        doses=[mt.Dose("one", "100 mg", every="12 h", route="iv", late="2 h")],
        observe=["one.blood"],
        library=Library((TESTS,)),
        **more,
    )


def test_a_goal_is_read():
    goal = read_goal("P(worst_fasting_glucose > 13.9 mmol/L) in high dose +- 0.2 %", UNITS, ["placebo", "high dose"])
    assert (goal.outcome.name, goal.outcome.worst, goal.arms, goal.width) == (
        "fasting_glucose",
        True,
        ("high dose",),
        0.002,
    )
    assert goal.limit == pytest.approx(250.4, abs=0.1)
    assert read_goal("P(insulin > 60 pmol/L) +- 1 %", UNITS, ["a"]).limit == pytest.approx(10.0)
    assert read_goal("P(hba1c >= 6.5 %) ± 0.01", UNITS, ["a", "b"]).arms == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fasting_glucose > 250 mg/dL", "asks for no precision"),
        ("P(fasting_glucose > 250) +- 1 %", "has no unit"),
        ("P(insulin > 5 mg/dL) +- 1 %", "cannot be converted"),
        ("P(fasting_glucose > 250 kg h) +- 1 %", "not a unit"),
        ("P(worst_fasting_glucos > 250 mg/dL) +- 1 %", "unknown quantity `worst_fasting_glucos`"),
        ("P(insulin) +- 1 %", "`insulin` is not a condition"),
        ("P(insulin > 5 uU/mL or hba1c > 6 %) +- 1 %", "more than one quantity"),
        ("P(insulin > 5 uU/mL) +- 0 %", "not between 0 and 0.5"),
        ("P(insulin > 5 uU/mL) in placbo +- 1 %", "unknown arm `placbo`"),
    ],
)
def test_a_wrong_goal_is_one_message(text, message):
    with pytest.raises(ArgumentError, match=message):
        read_goal(text, UNITS, ["placebo", "drug"])


def test_an_outcome_is_the_highest_after_the_start_or_the_last():
    times = np.array([0.0, 1.0, 2.0])
    values = np.array([[9.0, 1.0, 2.0], [9.0, np.nan, np.nan], [9.0, 5.0, np.nan]])
    assert outcome_of("worst_insulin", UNITS).of(values, times).tolist() == [2.0, -np.inf, 5.0]
    np.testing.assert_array_equal(outcome_of("insulin", UNITS).of(values, times), [2.0, np.nan, np.nan])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return mt.simulate(drug(), until=GOAL, out=tmp_path_factory.mktemp("until") / "out")


def test_it_stops_at_the_precision_and_not_before(run):
    until, n = run.summary["until"], run.summary["subjects"]
    assert until["half_width"] <= 0.02
    assert n % STEP == 0
    assert n > STEP
    share = until["share"]["one"]
    values = run.visits["one.blood"].to_numpy()[0].max(axis=1)
    assert share == pytest.approx((values > 70).mean())
    # As many as the simplest formula asks for, to a step.
    assert abs(n - 1.96**2 * share * (1 - share) / 0.02**2) <= STEP


def test_its_subjects_are_those_of_any_other_run(run):
    n = run.summary["subjects"]
    plain = mt.simulate(drug(), subjects=n, chunk=1000)
    assert plain.manifest["result"] == run.manifest["result"]
    for split in ({"chunk": 256}, {"threads": 1, "chunk": 64}):
        assert mt.simulate(drug(), until=GOAL, **split).manifest["result"] == run.manifest["result"]


def test_an_interrupted_one_is_resumed_to_the_same_end(run, tmp_path):
    class StopError(Exception):
        pass

    def stop(done, total):
        if done > 1000:
            raise StopError

    with pytest.raises(StopError):
        mt.simulate(drug(), until=GOAL, chunk=256, out=tmp_path / "out", progress=stop)
    assert not read_manifest(tmp_path / "out")["finished"]
    assert mt.resume(tmp_path / "out").manifest["result"] == run.manifest["result"]
    with pytest.raises(DataError, match="differs in subjects, until"):
        mt.simulate(drug(), until=GOAL.replace("2", "3"), out=run.folder, resume=True)


def test_it_can_grow_and_ends_at_the_largest_number(run, tmp_path):
    capped = mt.simulate(drug(), until=GOAL, subjects=1100, out=tmp_path / "out")
    assert capped.summary["subjects"] == 1100
    assert capped.summary["until"]["half_width"] > 0.02
    n = run.summary["subjects"]
    assert mt.extend(capped.folder, n).manifest["result"] == run.manifest["result"]


def test_the_chunk_must_divide_a_step():
    with pytest.raises(ArgumentError, match="must divide 1,024"):
        mt.simulate(drug(), until=GOAL, chunk=1000)


def test_the_command_line_says_what_was_reached(mtorsim):
    found = mtorsim(
        "run",
        "topp_insulin_resistance",
        "--until",
        "P(worst_glucose > 126 mg/dL) in unchanged +- 3 %",
        "--subjects",
        "50",
        "--quiet",
    )
    assert found.code == 0
    assert "P(worst_glucose > 126 mg/dL): unchanged 0 %; half width of the 95 % CI 3.57 %, which is wider" in found.out
