"""Doses by body surface and by weight: amounts to the bit, tablets, and what is said of a dose that cannot be given."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.errors import ScenarioError
from mtorsim.files.library import Library

DRUG = """
[module]
name = "known"
about = "a drug that stays"
time = "h"

[states]
A = { unit = "mg", initial = 0, scale = 10, about = "in the body" }

[derivatives]
A = "0 * A / day"

[parameters]
day = { value = 24, unit = "h", about = "a day", source = "this_work", evidence = "convention" }

[doses.oral]
to = "A"
unit = "mg"
about = "by mouth"
range = [0.5, 400]

[observables]
amount = { is = "A", unit = "mg", about = "in the body" }
"""

PEOPLE = """
[population]
name = "sized"
about = "people who differ in size"

[covariates]
weight = { median = 60, iiv = 0.3, unit = "kg", about = "weight", source = "this_work", evidence = "design" }
bsa = { median = "1.8 * (weight / 70) ** 0.5", unit = "m^2", about = "area", source = "this_work", evidence = "design" }
"""


@pytest.fixture
def library(tmp_path):
    (tmp_path / "known.toml").write_text(DRUG)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sized.toml").write_text(PEOPLE)
    return Library((tmp_path,))


def given(library, amount, **more):
    """Amount in the body after three doses, and people."""
    dose = {"drug": "known", "amount": amount, "every": "24 h"} | more.pop("dose", {})
    scenario = mt.Scenario(
        model=["known"],
        population="sized",
        subjects=40,
        duration="3 d",
        doses=[dose],
        meals="none",
        visits={"at": ["0 d", "60 h"], "sample": "random"},
        library=library,
        **more,
    )
    result = mt.simulate(scenario)
    return result.visits.amount.sel(time=60.0).to_numpy(), result.people


def test_a_dose_by_size_is_what_each_person_s_size_asks_for(library):
    for amount, size in (("20 mg/m^2", "bsa"), ("0.5 mg/kg", "weight"), ("500 ug/kg", "weight")):
        found, people = given(library, amount)
        each = 20.0 if size == "bsa" else 0.5
        np.testing.assert_allclose(found[0], 3 * each * np.asarray(people[size]), rtol=1e-6)


def test_tablets_are_whole_and_nobody_gets_none(library):
    found, people = given(library, "20 mg/m^2", dose={"round_to": "25 mg"})
    tablets = found[0] / 75
    np.testing.assert_allclose(tablets, np.rint(tablets), atol=1e-6)
    np.testing.assert_allclose(tablets, np.maximum(np.rint(20 * np.asarray(people["bsa"]) / 25), 1), atol=1e-6)
    few, _ = given(library, "1 mg/m^2", dose={"round_to": "25 mg"})
    np.testing.assert_allclose(few, 75, rtol=1e-6)


def test_placebo_by_size_is_nothing_and_a_rule_speaks_the_dose_s_unit(library):
    rules = [{"when": "amount > 0 mg", "do": "reduce known to 10 mg/m^2", "most": 1}]
    found, people = given(library, "20 mg/m^2", dose={"round_to": "1 mg"}, arms={"none": mt.Arm(without="known")})
    assert (found[1] == 0).all()
    scenario = {"rules": rules, "record": "12 h"}
    halved, people = given(library, "20 mg/m^2", **scenario)
    # The visit at 0 h is before the first dose, so nothing is reduced until the one at 60 h.
    np.testing.assert_allclose(halved[0], 60 * np.asarray(people["bsa"]), rtol=1e-6)
    early = [{"when": "day >= 0", "do": "set known to 10 mg/m^2", "most": 1}]
    less, people = given(library, "20 mg/m^2", rules=early)
    np.testing.assert_allclose(less[0], 30 * np.asarray(people["bsa"]), rtol=1e-6)


@pytest.mark.parametrize(
    ("amount", "more", "said"),
    [
        ("20 mg/m^3", {}, "cannot be converted"),
        ("300 mg/m^2", {}, "outside its plausible range"),
        ("20 mg", {"round_to": "25 mg"}, "only a dose by body size is rounded"),
        ("20 mg/m^2", {"round_to": "0 mg"}, "more than 0"),
        ("20 mg/m^2", {"round_to": "1 mL"}, "round_to"),
    ],
)
def test_what_cannot_be_given_is_said(library, amount, more, said):
    with pytest.raises(ScenarioError, match=said):
        given(library, amount, dose=more)


def test_a_population_without_sizes_is_named():
    with pytest.raises(ScenarioError, match="`ngt` has no covariate `bsa`"):
        mt.simulate(
            mt.read_scenario("everolimus_healthy").replace(population="ngt", doses=[mt.Dose("everolimus", "5 mg/m^2")])
        )


def test_a_rule_in_another_unit_is_refused(library):
    with pytest.raises(ScenarioError, match="mg/m"):
        given(library, "20 mg/m^2", rules=[{"when": "day >= 0", "do": "set known to 10 mg"}])
