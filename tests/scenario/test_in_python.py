"""A scenario given in Python: the same as the file that says the same, with errors that name the argument."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import mtorsim as mt
from helpers import bits
from mtorsim.errors import ArgumentError, ScenarioError
from mtorsim.files.library import Library
from mtorsim.scenario.scenario import scenario_from_text

WRITTEN = """
title = "two doses"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "healthy_adults"
subjects = 6
duration = "2 weeks"

[[dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 weeks", "2 weeks"]

[[arm]]
name = "placebo"
without = "everolimus"

[[arm]]
name = "half"
dose = [{ drug = "everolimus", amount = "5 mg", every = "24 h" }]
set."insulin_action" = 0.5

[[rule]]
name = "high"
when = "fasting_glucose > 120 mg/dL"
do = "reduce everolimus by 50 %"
"""


def given(**changes):
    arguments = {
        "title": "two doses",
        "model": ["glucose_insulin", "mtor", "everolimus"],
        "population": "healthy_adults",
        "subjects": 6,
        "duration": "2 weeks",
        "doses": [mt.Dose("everolimus", "10 mg", every="24 h")],
        "visits": ["0 weeks", "2 weeks"],
        "arms": {
            "placebo": mt.Arm(without="everolimus"),
            "half": mt.Arm(doses=[mt.Dose("everolimus", "5 mg", every="24 h")], settings={"insulin_action": 0.5}),
        },
        "rules": [{"name": "high", "when": "fasting_glucose > 120 mg/dL", "do": "reduce everolimus by 50 %"}],
    }
    return mt.Scenario(**{**arguments, **changes})


def same(a, b, *but):
    """The names of resolved attributes that differ."""
    names = [f.name for f in fields(a) if f.compare and f.name not in ("library", "name", *but)]
    return [n for n in names if getattr(a, n) != getattr(b, n)]


def test_python_and_file_say_the_same():
    assert same(given(), scenario_from_text(WRITTEN, Path("two_doses.toml"))) == []


def test_python_and_file_give_the_same_bits():
    written = scenario_from_text(WRITTEN, Path("two_doses.toml"))
    assert bits(mt.simulate(given())) == bits(mt.simulate(written))


@pytest.mark.parametrize("name", list(Library().scenarios))
def test_every_bundled_scenario_survives_python_and_text(name):
    read = mt.read_scenario(name)
    in_python = read.replace()
    assert same(read, in_python) == []
    again = scenario_from_text(in_python.text, Path(f"{name}.toml"))
    assert same(read, again) == []


def test_replacing_and_adding_leave_the_scenario_as_it_was():
    scenario = given()
    other = scenario.replace(subjects=3, duration="1 week", visits="1 week")
    assert (other.subjects, other.duration, other.visits) == (3, 168.0, (168.0,))
    more = scenario.with_arm("spared", settings={"insulin_action": 0})
    assert [a.name for a in more.arms] == ["everolimus", "placebo", "half", "spared"]
    assert (scenario.subjects, len(scenario.arms)) == (6, 3)
    assert scenario.replace(rules=None).arms[0].rules == ()


def test_a_run_of_a_python_scenario_is_kept_and_replayed(tmp_path):
    stored = mt.simulate(given(), out=tmp_path / "out")
    assert mt.open_result(tmp_path / "out").manifest["result"] == stored.manifest["result"]
    from mtorsim.simulation.replay import replay_subject

    assert replay_subject(tmp_path / "out", 3, "half").same


def test_a_sweep_is_an_arm_for_each_combination():
    base = given(arms=None, rules=None)
    swept = mt.sweep(base, {"everolimus.dose": ["5 mg", "10 mg"], "secretion.capacity": [0, 1]})
    switch = "secretion.capacity"
    names = [f"everolimus 5 mg + {switch} 0", f"everolimus 5 mg + {switch} 1", f"everolimus 10 mg + {switch} 0"]
    assert [a.name for a in swept.arms] == ["everolimus", *names, f"everolimus 10 mg + {switch} 1"]
    result = mt.simulate(swept)
    # The written dose with the switch as it is: the same people, the same numbers.
    whole = result.visits.sel(arm=f"everolimus 10 mg + {switch} 1")
    assert np.array_equal(whole.glucose, result.visits.sel(arm="everolimus").glucose)
    amounts = [a.regimens[0].amounts[0] for a in swept.arms]
    assert amounts == [10, 5, 5, 10, 10]


def test_a_sweep_of_regimens_and_its_mistakes():
    base = given(arms=None, rules=None)
    swept = mt.sweep(base, {"everolimus.regimen": ["20 mg then 5 mg q24h"]})
    assert swept.arms[1].regimens[0].amounts[:2] == (20, 5)
    for values, words in (
        ({"sirolimus.dose": ["2 mg"]}, "`sirolimus` is not dosed"),
        ({}, "no values are given"),
        ({"insulin_action": 0.5}, "must be a list of values"),
        ({"insulin_action": np.linspace(0, 1, 2000).tolist()}, "at most 1,000"),
        ({"everolimus.dose": ["5 mg"], "everolimus.regimen": ["5 mg q24h"]}, "not both"),
    ):
        with pytest.raises(ArgumentError, match=words):
            mt.sweep(base, values)
    with pytest.raises(ScenarioError, match="there is no parameter or mechanism"):
        mt.simulate(mt.sweep(base, {"mtorc3": [1]}))


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"model": ["mtr"]}, "Scenario(model[0])", "there is no module `mtr`"),
        ({"population": "helthy_adults"}, "Scenario(population)", "there is no population"),
        ({"duration": 8}, "Scenario(duration)", "must be text"),
        ({"doses": [mt.Dose("everolimus", "10 mg", every="2 x")]}, "Scenario(doses[0].every)", "unknown unit `x`"),
        ({"visits": ["9 weeks"]}, "Scenario(visits", "is after the end"),
        ({"arms": {"x": mt.Arm(without="sirolimus")}}, "Scenario(arms[0].without)", "is not dosed"),
        ({"arms": {"x": 3}}, "Scenario(arms)", "an arm must be an `Arm`"),
        ({"doses": [3]}, "Scenario(doses[0])", "must be a table"),
        ({"rules": [{"when": "grade > 2", "do": "stp everolimus"}]}, "Scenario(rules[0].do)", "unknown action"),
    ],
)
def test_a_mistake_names_its_argument(changes, where, words):
    with pytest.raises(ScenarioError) as caught:
        given(**changes)
    assert str(caught.value).startswith(where), str(caught.value)
    assert words in str(caught.value)


def test_nothing_given_is_dropped():
    base = given()
    with pytest.raises(ScenarioError, match="give `settings` as an argument of the `Arm`"):
        base.with_arm("more", mt.Arm(doses=[]), settings={"insulin_action": 0.5})
    with pytest.raises(ScenarioError, match="both `doses` and `dose`"):
        given(dose=[mt.Dose("everolimus", "5 mg")])
    assert base.with_arm("more", mt.Arm(name="other")).arms[-1].name == "more"


def test_an_unknown_argument_has_its_nearest_name():
    for make in (lambda: given(visitss=1), lambda: mt.Dose("everolimus", "10 mg", evry="24 h")):
        with pytest.raises(ScenarioError, match="did you mean"):
            make()


def test_errors_of_what_is_replaced_name_the_call_and_those_of_the_rest_the_file():
    written = scenario_from_text(WRITTEN, Path("two_doses.toml"))
    with pytest.raises(ScenarioError, match=r"Scenario\.replace\(duration\)"):
        written.replace(duration="x weeks")
    # Shorter than the last visit, which stands in the file.
    with pytest.raises(ScenarioError, match=r"two_doses\.toml:14"):
        written.replace(duration="1 week")


def test_a_scenario_shows_itself_in_few_words():
    many = mt.sweep(given(arms=None, rules=None), {"insulin_action": np.linspace(0, 1, 200).tolist()})
    assert len(repr(many)) < 2000
    assert "healthy_adults" in repr(many)
