"""Sensitivities: elasticities beside differences of tight solves, ends of ranges beside runs, closed forms."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.analysis.sensitivity import sensitivity as module
from mtorsim.errors import ArgumentError

mpl.use("Agg")

NAMES = ["everolimus.CL", "mtor.gI", "mtor.t_action", "glucose_insulin.EGP0"]


@pytest.fixture(scope="module")
def scenario(sensitive):
    return sensitive


@pytest.fixture(scope="module")
def found(scenario):
    return mt.sensitivity(scenario, subjects=1, parameters=NAMES)


def glucose(scenario, settings, arm="sensitive"):
    run = mt.simulate(scenario, settings=settings, rtol=1e-7, precision="double")
    arm = arm if arm in run.visits.arm else str(run.visits.arm[0].item())
    return float(run.visits.fasting_glucose.sel(arm=arm, time=2 * 168)[0])


def test_elasticities_are_differences_of_tight_solves(scenario, found):
    base = glucose(scenario, {})
    assert found.answer == pytest.approx(base, rel=1e-5)
    assert len(found.rows) == len(NAMES)
    for row in found.rows:
        value = mt.load_model(scenario.modules).parameters[row.name][0].value
        up, down = (glucose(scenario, {row.name: value * f}) for f in (1.001, 0.999))
        tight = (up - down) / 0.002 / base
        assert row.elasticity == pytest.approx(tight, abs=2e-3), row.name
        assert row.per_percent == pytest.approx(row.elasticity * base / 100)


def test_the_ends_of_a_range_are_runs_with_these_values(scenario, found):
    for row in found.rows[:2]:
        for end, shown in zip(row.between, (row.low, row.high), strict=True):
            assert shown == pytest.approx(glucose(scenario, {row.name: end}), rel=1e-4), row.name
    swings = [row.swing for row in found.rows]
    assert swings == sorted(swings, reverse=True)


def test_a_level_is_proportional_to_the_dose_that_arrives():
    scenario = mt.Scenario(
        name="level",
        model=["glucose_insulin", "mtor", "sirolimus"],
        population="typical",
        subjects=1,
        duration="10 weeks",
        doses=[mt.Dose("sirolimus", "2 mg", every="24 h")],
        visits=["0 weeks", "10 weeks"],
        arms={"placebo": mt.Arm(without="sirolimus")},
    )
    (row,) = mt.sensitivity(scenario, of="drug_level", subjects=1, parameters=["sirolimus.F"]).rows
    assert row.elasticity == pytest.approx(1.0, abs=1e-3)


def test_the_effect_is_the_difference_of_both_arms(scenario):
    both = mt.sensitivity(scenario, subjects=1, effect=True, parameters=["glucose_insulin.EGP0", "mtor.gI"])
    with_drug = mt.sensitivity(scenario, subjects=1, parameters=["glucose_insulin.EGP0", "mtor.gI"])
    untreated = mt.sensitivity(
        scenario.replace(arms=None), arm=with_drug.arm, subjects=1, parameters=["mtor.gI"], effect=True
    )
    assert both.answer == pytest.approx(untreated.answer, abs=2e-3)
    rows = {r.name: r for r in both.rows}
    alone = {r.name: r for r in with_drug.rows}
    # The untreated person does not depend on a gain of the drug's.
    assert rows["mtor.gI"].per_percent == pytest.approx(alone["mtor.gI"].per_percent, rel=1e-3)
    assert rows["glucose_insulin.EGP0"].per_percent != pytest.approx(alone["glucose_insulin.EGP0"].per_percent, rel=0.2)


def test_batches_and_threads_change_no_bit(scenario, monkeypatch):
    usual = mt.sensitivity(scenario, subjects=1, parameters=NAMES[:3], threads=2)
    monkeypatch.setattr(module, "ROWS", 4)
    one = mt.sensitivity(scenario, subjects=1, parameters=NAMES[:3], threads=1)
    assert usual.rows == one.rows


def test_a_parameter_that_nothing_reads_is_idle(scenario):
    assert "mtor.t_4e" in mt.sensitivity(scenario, subjects=1, parameters=["mtor.t_4e", "mtor.gI"]).idle


def test_what_an_answer_rests_on_sums_to_one(found):
    assert sum(found.by_evidence.values()) == pytest.approx(1)
    assert set(found.by_evidence) <= {"design", "fit", "seen", "seen-secondary", "recalled", "derived", "placeholder"}
    figure = mt.plot.tornado(found, most=4)
    axis = figure.axes[0]
    assert len(axis.patches) == 4
    assert axis.patches[0].get_width() == pytest.approx(found.rows[0].high - found.rows[0].low)
    assert found.table.loc[found.rows[0].name, "swing"] == found.rows[0].swing


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--parameter", "mtor.gi"), "did you mean `mtor.gI`"),
        (("--at", "40 weeks"), "not within the scenario"),
        (("--of", "hba1"), "did you mean `hba1c`"),
        (("--subjects", "0"), "subjects = 0"),
        (("--figure", "x.bmp"), "is not a picture"),
    ],
)
def test_a_wrong_input_is_one_message(mtorsim, words, said):
    shown = mtorsim("sensitivity", "everolimus_breast", "--quiet", *words)
    assert shown.code == 2
    assert said in shown.err


def test_the_command_prints_and_draws(mtorsim, tmp_path):
    words = ("sensitivity", "everolimus_breast", "--at", "1 week", "--subjects", 1, "--quiet")
    some = ("--parameter", "everolimus.CL", "--parameter", "mtor.gS")
    shown = mtorsim(*words, *some, "--figure", tmp_path / "t.svg")
    assert (shown.code, shown.err) == (0, "")
    assert "everolimus.CL" in shown.out
    assert "evidence behind it" in shown.out
    assert (tmp_path / "t.svg").is_file()
    data = json.loads(mtorsim(*words, *some, "--json").out)
    assert {r["name"] for r in data["rows"]} == {"everolimus.CL", "mtor.gS"}
    assert np.isfinite([r["swing"] for r in data["rows"]]).all()


def test_nobody_can_be_asked_for(scenario):
    with pytest.raises(ArgumentError, match="subjects"):
        mt.sensitivity(scenario, subjects=0)
