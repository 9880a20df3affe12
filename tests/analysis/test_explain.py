"""Explanations: shares of a drug's effect in the model, beside runs in which each combination is spared by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.analysis.explain import explain as module
from mtorsim.analysis.explain.effects import effects_on
from mtorsim.errors import ArgumentError, ModelError

mpl.use("Agg")


@pytest.fixture(scope="module")
def scenario():
    return mt.Scenario(
        name="why",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="breast_postmenopausal",
        subjects=6,
        duration="4 weeks",
        doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
        visits=["0 weeks", "2 weeks", "4 weeks"],
        arms={"placebo": mt.Arm(without="everolimus")},
    )


@pytest.fixture(scope="module")
def why(scenario):
    return mt.explain(scenario, at="2 weeks")


def test_shares_sum_to_the_whole_effect_of_every_person(why):
    np.testing.assert_allclose(why.shares.sum(axis=1), why.treated - why.spared, atol=1e-9)
    assert why.names == ("muscle", "liver", "fat", "islet", "capacity", "compensation", "glucagon", "relief")
    # With all effects off the drug does nothing: the same person without it, but for the error of a step.
    np.testing.assert_allclose(why.spared, why.untreated, atol=1e-3)


def test_coalitions_are_the_runs_in_which_the_others_are_spared(scenario, why):
    effects = {e.name: e.mechanisms for e in why.effects}
    for acting in ({"liver", "capacity"}, set(effects), {"islet", "glucagon", "fat"}):
        off = {m: 0.0 for name, some in effects.items() if name not in acting for m in some}
        run = mt.simulate(scenario.with_arm("some", settings=off) if off else scenario.with_arm("some"))
        glucose = run.visits.fasting_glucose.sel(arm="some", time=2 * 168).to_numpy()
        number = sum(1 << j for j, name in enumerate(effects) if name in acting)
        np.testing.assert_allclose(why.coalitions[:, number], glucose, rtol=2e-5)


def test_the_treated_and_untreated_arms_are_those_of_a_run(scenario, why):
    run = mt.simulate(scenario).visits.fasting_glucose.sel(time=2 * 168)
    np.testing.assert_allclose(why.treated, run.sel(arm=why.arm), rtol=2e-5)
    np.testing.assert_allclose(why.untreated, run.sel(arm="placebo"), rtol=2e-5)


def test_families_and_classes_sum_up(why):
    means, families = {r.name: r for r in why.mean()}, {r.name: r for r in why.families()}
    of = {e.name: e.family for e in why.effects}
    for family, row in families.items():
        if family != "other":
            assert row.mean == pytest.approx(sum(means[n].mean for n, f in of.items() if f == family))
    whole = float((why.treated - why.untreated).mean())
    assert sum(r.mean for r in families.values()) == pytest.approx(whole)
    masks = why.classes("bmi")
    assert sum(mask.sum() for mask in masks.values()) == 6
    assert all(r.low <= r.mean <= r.high for r in families.values())
    above = why.above(100.0)
    assert sum(r.mean for r in above["shares"]) == pytest.approx(above["treated"] - above["untreated"])
    first = why.pairs()[0][2]
    assert abs(first.mean) == max(abs(row.mean) for *_, row in why.pairs())


def test_one_subject_is_the_same_as_among_others(scenario, why, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 300)
    alone = mt.explain(scenario, at="2 weeks", subject=4, threads=1)
    np.testing.assert_array_equal(alone.shares[0], why.shares[4])
    several = mt.explain(scenario, at="2 weeks", subjects=3, threads=2)
    np.testing.assert_array_equal(several.shares, why.shares[:3])


def test_effects_that_cannot_reach_a_quantity_are_left_out():
    model = mt.load_model(["glucose_insulin", "mtor", "everolimus", "lipids"])
    on_glucose = effects_on(model, "glucose", model.switches)
    on_lipids = effects_on(model, "triglycerides", model.switches)
    assert "ldl" not in {e.name for e in on_glucose}
    assert {"triglycerides"} <= {e.name for e in on_lipids} - {e.name for e in on_glucose}
    with pytest.raises(ArgumentError, match="no effect reaches `drug_level`"):
        effects_on(model, "drug_level", model.switches)
    off = {**model.switches, "insulin_action.muscle": 0.0}
    assert "muscle" not in {e.name for e in effects_on(model, "glucose", off)}


def test_more_than_ten_effects_are_sampled_with_an_error(scenario, why, monkeypatch):
    monkeypatch.setattr(module, "MOST_EXACT", 4)
    sampled = mt.explain(scenario, at="2 weeks", subjects=3, pairs=12)
    assert sampled.coalitions is None
    np.testing.assert_allclose(sampled.shares.sum(axis=1), sampled.treated - sampled.spared, atol=1e-9)
    off = np.abs(sampled.shares - why.shares[:3])
    assert (off < 5 * sampled.errors + 0.05).all()
    with pytest.raises(ArgumentError, match="all coalitions"):
        sampled.above(126)
    assert sampled.to_json([126])["interactions"] is None


def test_the_highest_value_at_visits_can_be_explained(scenario):
    found = mt.explain(scenario, at="highest", subjects=3)
    run = mt.simulate(scenario, subjects=3).visits.fasting_glucose.isel(time=slice(1, None)).max("time")
    np.testing.assert_allclose(found.treated, run.sel(arm=found.arm), rtol=2e-5)


def test_a_scenario_without_an_untreated_arm_gets_one(scenario):
    alone = mt.explain(scenario.replace(arms=None), at="2 weeks", subjects=2)
    both = mt.explain(scenario, at="2 weeks", subjects=2)
    assert alone.versus == "untreated"
    np.testing.assert_allclose(alone.untreated, both.untreated, rtol=1e-9)


def test_the_same_effect_of_another_drug_has_its_own_mechanisms():
    model = mt.load_model(["glucose_insulin", "mtor", "alpelisib"])
    effects = {e.name: e.mechanisms for e in effects_on(model, "glucose", model.switches)}
    assert effects["liver"] == ("insulin_action.liver", "pi3k.liver")


def test_an_effect_must_name_mechanisms_of_its_module(tmp_path):
    for wrong, said in (("no.such", "no contribution with the mechanism"), ("mtorc1.glucagon", "belongs to")):
        text = (mt.Library().module("mtor")).read_text()
        text = text.replace('mechanisms = ["mtorc1.relief"]', f'mechanisms = ["{wrong}"]')
        (tmp_path / "mtor.toml").write_text(text)
        with pytest.raises(ModelError, match=said):
            mt.explain("everolimus_breast", subjects=1, library=mt.Library((tmp_path,)))


def test_pictures_show_what_was_computed(why):
    axis = mt.plot.contributions(why).axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names[0] == "on placebo"
    widths = [bar.get_width() for bar in axis.patches]
    assert widths[0] == pytest.approx(why.untreated.mean())
    assert widths[-1] == pytest.approx(why.treated.mean())
    assert sum(widths[:-1]) == pytest.approx(widths[-1], abs=0.05 * abs(widths[-1] - widths[0]) + 0.05)
    axis = mt.plot.people(why).axes[0]
    heights = np.array([bar.get_height() for bar in axis.patches]).reshape(len(why.effects), -1)
    order = np.argsort(-(why.treated - why.untreated))
    np.testing.assert_allclose(heights, why.shares[order].T)


def test_means_are_weighted_and_leave_out_who_has_no_value(why):
    weights = np.array([1.0, 1.0, 3.0, 1.0, 0.5, 1.0])
    shares = why.shares.copy()
    shares[3, 0] = np.nan
    some = replace(why, weights=weights, shares=shares)
    assert some.well.tolist() == [True, True, True, False, True, True]
    kept = np.delete(np.arange(6), 3)
    fat = next(r for r in some.mean() if r.name == "fat")
    assert fat.mean == pytest.approx(np.average(why.shares[kept, 2], weights=weights[kept]))
    assert some.means()[1] == pytest.approx(np.average(why.treated[kept], weights=weights[kept]))
    # Equal weights give the usual interval.
    even = next(r for r in why.mean() if r.name == "fat")
    assert even.high - even.mean == pytest.approx(1.96 * why.shares[:, 2].std(ddof=1) / 6**0.5)
    nobody = replace(why, status=np.ones(6, np.int64))
    assert nobody.failed[5] == "the step became too small"
    for draw in (nobody.means, lambda: mt.plot.contributions(nobody), lambda: mt.plot.people(nobody)):
        with pytest.raises(ArgumentError, match="no subject has a value"):
            draw()


WRONG = [
    (("--at", "8"), "no unit"),
    (("--at", "8 moons"), "unknown unit"),
    (("--at", "200 weeks"), "not within the scenario, which lasts 24 weeks"),
    (("--of", "fasting_glucos"), "did you mean `fasting_glucose`"),
    (("--of", "drug_level"), "no effect reaches"),
    (("--arm", "everolimu"), "did you mean `everolimus`"),
    (("--subjects", "0"), "subjects = 0"),
    (("--subject", "-1"), "numbered from 0"),
    (("--by", "bmj"), "did you mean `bmi`"),
    (("--figure", "why.doc"), "is not a picture"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_a_wrong_input_is_one_message(mtorsim, words, said):
    shown = mtorsim("explain", "everolimus_breast", "--subjects", 1, "--quiet", *words)
    assert shown.code == 2
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_the_command_prints_tables_json_and_figures(mtorsim, tmp_path):
    words = (
        "explain",
        "everolimus_breast",
        "--at",
        "1 week",
        "--subjects",
        4,
        "--limit",
        100,
        "--by",
        "age",
        "--quiet",
    )
    shown = mtorsim(*words, "--figure", tmp_path / "why.svg", "--people", tmp_path / "people.png")
    assert (shown.code, shown.err) == (0, "")
    for part in (
        "insulin action in fat",
        "insulin secretion",
        "above 100 mg/dL",
        "pairs that need each other",
        "age 6",
    ):
        assert part in shown.out
    assert (tmp_path / "why.svg").read_bytes().startswith(b"<?xml")
    data = json.loads(mtorsim(*words, "--json").out)
    assert data["exact"] is True
    assert len(data["subjects"]["treated"]) == 4
    assert sum(r["mean"] for r in data["mean"]) == pytest.approx(
        np.mean(data["subjects"]["treated"]) - np.mean(data["subjects"]["untreated"])
    )
    assert {c["n"] for c in data["classes"].values()} <= {1, 2}


def test_all_combinations_of_three_switches_by_hand_give_the_shares(scenario, monkeypatch):
    # The factorial as a user would write it: one arm a combination, and the mean over the six orders.
    kept = effects_on(mt.load_model(scenario.modules), "glucose", mt.load_model(scenario.modules).switches)[:3]
    monkeypatch.setattr(module, "effects_on", lambda *_: kept)
    found = mt.explain(scenario, at="2 weeks", subjects=2)
    arms = {}
    for on in product((0, 1), repeat=3):
        off = {m: 0.0 for e, acts in zip(kept, on, strict=True) if not acts for m in e.mechanisms}
        arms["".join(map(str, on))] = mt.Arm(settings=off) if off else mt.Arm()
    run = mt.simulate(scenario.with_arms(arms), subjects=2).visits.fasting_glucose.sel(time=2 * 168)
    v = {name: run.sel(arm=name).to_numpy() for name in arms}
    first = (
        (v["100"] - v["000"]) / 3 + (v["110"] - v["010"]) / 6 + (v["101"] - v["001"]) / 6 + (v["111"] - v["011"]) / 3
    )
    np.testing.assert_allclose(found.shares[:, 0], first, atol=3e-3)
