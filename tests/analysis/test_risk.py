"""Risks from what is known at the start: the regression, its judges and its picture, beside closed forms."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.analysis.risk import risk as module
from mtorsim.analysis.risk.logistic import SeparatedError, choose, logistic, probability
from mtorsim.analysis.risk.performance import brier, c_statistic, calibration, performance, tenths
from mtorsim.analysis.risk.predictors import HIDDEN, LABORATORY, TRAITS
from mtorsim.errors import ArgumentError
from mtorsim.run.plan import draft_plan
from mtorsim.simulation.simulate import simulate
from mtorsim.trial.endpoints import arm_report
from mtorsim.trial.matching import matched
from mtorsim.trial.run import values_of

mpl.use("Agg")
PERSON = {"fasting_glucose": 105, "hba1c": 5.8, "bmi": 31, "known_diabetes": 0}


@pytest.fixture(scope="module")
def scenario():
    return mt.Scenario(
        name="who",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="breast_postmenopausal",
        subjects=160,
        duration="5 weeks",
        doses=[mt.Dose("everolimus", "20 mg", every="24 h")],
        visits=["0 weeks", "2 weeks", "4 weeks", "5 weeks"],
        matches=[{"of": "bmi", "mean": 31.0, "source": "made up", "evidence": "design"}],
        arms={"placebo": mt.Arm(without="everolimus")},
    )


@pytest.fixture(scope="module")
def run(scenario):
    """The treated arm, once for all tests."""
    whole = scenario.as_trial()
    return simulate(whole.but(arms=whole.arms[:1]), threads=2)


@pytest.fixture(scope="module")
def found(scenario, run):
    outcomes = ["grade 1", "grade 2", "new diabetes", "grade 4"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "simulate", lambda *_, **__: run)
        return mt.risk(scenario, outcomes=outcomes, predictors=[*PERSON, "male"])


@pytest.fixture(scope="module")
def made():
    """Two predictors, outcomes drawn from known coefficients, and weights."""
    draw = np.random.default_rng(4)
    x = {"one": draw.normal(100, 15, 3000), "two": (draw.random(3000) < 0.3).astype(float)}
    risk = probability(-6.0 + 0.05 * x["one"] + 0.8 * x["two"])
    y = (draw.random(3000) < risk).astype(float)
    return x, y, draw.uniform(0.2, 3.0, 3000), risk


def test_the_fit_recovers_known_coefficients_with_the_sandwich_as_covariance(made):
    x, y, w, _ = made
    rows = np.column_stack(list(x.values()))
    fit = logistic(rows, y, w)
    assert (np.abs(fit.coefficients - [-6.0, 0.05, 0.8]) < 3 * fit.errors).all()
    assert (fit.errors < [0.6, 0.006, 0.15]).all()
    full = np.column_stack([np.ones(len(y)), rows])
    risk = probability(full @ fit.coefficients)
    np.testing.assert_allclose(full.T @ (w * (y - risk)), 0.0, atol=1e-5)
    bread = np.linalg.inv((full * (w * risk * (1 - risk))[:, None]).T @ full)
    meat = full.T @ (full * ((w * (y - risk)) ** 2)[:, None])
    np.testing.assert_allclose(fit.covariance, bread @ meat @ bread, rtol=1e-5)
    logit, error = fit.logits(rows[:1])
    assert logit[0] == pytest.approx(full[0] @ fit.coefficients)
    assert error[0] == pytest.approx((full[0] @ fit.covariance @ full[0]) ** 0.5)


def test_a_weight_of_three_is_three_people_in_the_coefficients_and_one_in_the_intervals(made):
    x, y, *_ = made
    rows, y = np.column_stack(list(x.values()))[:300], y[:300]
    times = np.where(np.arange(300) % 2, 3, 1)
    weighted = logistic(rows, y, times.astype(float))
    copied = logistic(np.repeat(rows, times, axis=0), np.repeat(y, times), np.ones(times.sum()))
    np.testing.assert_allclose(weighted.coefficients, copied.coefficients, rtol=1e-6)
    assert (weighted.errors > 1.48 * copied.errors).all()
    doubled = logistic(rows, y, 2.0 * times)
    np.testing.assert_allclose(weighted.covariance, doubled.covariance, rtol=1e-9)


def test_the_c_statistic_is_the_share_of_ordered_pairs_with_the_interval_of_delong():
    draw = np.random.default_rng(2)
    y = (np.arange(60) % 3 == 0).astype(float)
    risk, w = np.round(draw.random(60) * 0.6 + 0.3 * y, 1), draw.uniform(0.5, 2, 60)
    ones, others = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    wins = (risk[ones][:, None] > risk[others]) + 0.5 * (risk[ones][:, None] == risk[others])
    pairs = w[ones][:, None] * w[others]
    assert c_statistic(risk, y, w).value == pytest.approx((wins * pairs).sum() / pairs.sum())
    even = c_statistic(risk, y, np.ones(60))
    error = (wins.mean(axis=1).var(ddof=1) / len(ones) + wins.mean(axis=0).var(ddof=1) / len(others)) ** 0.5
    width = np.log(even.high / (1 - even.high)) - np.log(even.low / (1 - even.low))
    assert width == pytest.approx(2 * 1.96 * error / (even.value * (1 - even.value)), rel=1e-4)
    assert c_statistic(y, y, w).value == pytest.approx(1.0)
    assert np.isnan(c_statistic(risk, np.zeros(60), w).value)


def test_calibration_is_one_and_zero_for_true_risks_and_tells_wrong_ones(made):
    _, y, w, risk = made
    slope, shift = calibration(risk, y, w)
    assert slope.low < 1.0 < slope.high
    assert shift.low < 0.0 < shift.high
    logit = np.log(risk / (1 - risk))
    assert calibration(probability(2 * logit), y, w)[0].value == pytest.approx(slope.value / 2)
    assert calibration(probability(logit + 0.7), y, w)[1].value == pytest.approx(shift.value - 0.7)
    assert np.isnan(calibration(np.full(len(y), 0.3), y, w)[0].value)


def test_scores_and_tenths_add_up(made):
    _, y, w, risk = made
    assert brier(np.array([0.2, 0.9]), np.array([0.0, 1.0]), np.array([3.0, 1.0])) == pytest.approx(0.0325)
    base = np.average(y, weights=w)
    whole = performance(risk, y, w)
    assert whole.brier < whole.brier_base == pytest.approx(base * (1 - base))
    even = tenths(risk, y, np.ones(len(y)))
    assert [row.n for row in even] == [300] * 10
    assert np.mean([row.predicted for row in even]) == pytest.approx(risk.mean())
    assert np.mean([row.observed.value for row in even]) == pytest.approx(y.mean())
    assert even[9].observed.value == y[np.argsort(risk)[-300:]].mean()
    assert [row.n for row in tenths(np.full(50, 0.1), y[:50], w[:50])] == [50]


def test_predictors_that_cannot_be_used_are_named(made):
    x, y, w, _ = made
    some = slice(0, 400)
    y, w = y[some].copy(), w[some]
    rare = np.zeros(400)
    rare[np.flatnonzero(y == 0)[:4]] = 1.0
    given = {name: v[some] for name, v in x.items()}
    given |= {"same": np.full(400, 7.0), "rare": rare, "twin": 2 * given["one"] + 3, "told": y + 0.1 * given["two"]}
    choice = choose(given, y, w)
    assert choice.names == ("one", "two")
    assert choice.dropped["same"] == "it is the same in everybody"
    assert choice.dropped["rare"] == "nobody with the value 1 has the outcome"
    assert choice.dropped["twin"] == "it follows from one"
    assert choice.dropped["told"].startswith("alone it separates")
    few = np.concatenate([np.flatnonzero(y == 1)[:15], np.flatnonzero(y == 0)])
    fewer = choose({k: given[k][few] for k in ("one", "two")}, y[few], w[few])
    assert len(fewer.names) == 1
    assert set(fewer.dropped.values()) == {"too few events: 15, of which each predictor needs 10"}
    with pytest.raises(SeparatedError):
        logistic(given["told"][:, None], y, w)


def test_two_predictors_that_separate_together_are_reduced_to_the_stronger():
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=(2, 200))
    y = (2 * a + b > 0).astype(float)
    choice = choose({"a": a, "b": b}, y, np.ones(200))
    assert choice.names == ("a",)
    assert choice.dropped["b"].startswith("with the others it separates")


def test_cross_validation_is_fixed_and_blind_to_the_own_fold(made):
    x, y, w, _ = made
    x, y, w = {k: v[:300] for k, v in x.items()}, y[:300], w[:300]
    who = np.arange(300)
    first = module.cross_validated(x, y, w, who)
    mixed = np.random.default_rng(1).permutation(300)
    again = module.cross_validated({k: v[mixed] for k, v in x.items()}, y[mixed], w[mixed], who[mixed])
    np.testing.assert_allclose(again, first[mixed], rtol=1e-6)
    turned = np.where(who % 5 == 2, 1 - y, y)
    other = module.cross_validated(x, turned, w, who)
    np.testing.assert_array_equal(other[who % 5 == 2], first[who % 5 == 2])
    assert np.abs(other - first)[who % 5 != 2].min() > 0


def test_outcomes_are_those_of_a_trial_and_weights_those_of_the_match(scenario, run, found):
    whole, result = scenario.as_trial(), run
    weights = matched(whole, result)
    values = values_of(whole, result, weights)["everolimus"]
    report = arm_report(result, values, whole.uln, None)
    assert np.ptp(weights) > 0.1
    assert found.model("grade 2").rate.value == pytest.approx(report.share[">160"].value)
    assert found.model("grade 1").rate.value == pytest.approx(report.share[">ULN"].value)
    new = report.new_onset_diabetes
    assert found.model("new diabetes").n == new.of
    assert found.model("new diabetes").rate.value == pytest.approx(new.value)
    people = found.people
    start = result.visits.sel(arm="everolimus", time=0)
    np.testing.assert_array_equal(people["fasting_glucose"], start.fasting_glucose)
    np.testing.assert_array_equal(people["known_diabetes"], result.people["group diabetic"])
    np.testing.assert_array_equal(people["sampling weight"], weights)
    again = logistic(
        np.column_stack([people[name] for name in found.model().names]), (values.grade >= 1).astype(float), weights
    )
    np.testing.assert_allclose(again.coefficients, found.model().fit.coefficients, rtol=1e-7)


def test_odds_ratios_are_per_step_and_the_table_says_why_others_are_missing(found):
    model, table = found.model("grade 1"), found.table.set_index(["outcome", "predictor"])
    j = model.names.index("fasting_glucose") + 1
    middle, error = model.fit.coefficients[j], model.fit.errors[j]
    row = table.loc[("grade 1", "fasting_glucose")]
    assert (row["step"], row["unit"]) == (10.0, "mg/dL")
    assert row["odds_ratio"] == pytest.approx(np.exp(10 * middle))
    assert row["high"] == pytest.approx(np.exp(10 * (middle + 1.959964 * error)))
    assert row["alone_low"] < row["alone"] < row["alone_high"]
    assert table.loc[("grade 1", "male"), "dropped"] == "it is the same in everybody"
    assert "male" not in model.names
    assert found.unfit["grade 4"].startswith("0 of 160 people have it")
    assert json.loads(json.dumps(found.to_json()))["outcomes"]["grade 1"]["events"] == model.events
    assert found.told in repr(found)
    assert "odds ratio" in found._repr_html_()


def test_points_of_the_nomogram_give_the_probability_of_the_model(found):
    for outcome, model in found.models.items():
        for i in (0, 17, 80):
            person = {name: v[i] for name, v in found.values.items()}
            risk = model.risk(person)
            chart = model.nomogram
            assert chart.risk(chart.total(person)) == pytest.approx(risk.value), outcome
            assert chart.total_of(risk.value) == pytest.approx(chart.total(person))
            assert risk.low < risk.value < risk.high
        assert max(axis.most for axis in chart.axes) == pytest.approx(100.0)
        assert all(min(axis.points(axis.low), axis.points(axis.high)) == 0.0 for axis in chart.axes)
    assert set(found.probability(**PERSON)) == set(found.models)


def test_pictures_show_what_was_computed(found):
    axis = mt.plot.nomogram(found, "grade 2", person=PERSON).axes[0]
    marks = [line.get_xdata() for line in axis.lines if line.get_marker() in ("o", "o-")]
    chart = found.model("grade 2").nomogram
    places = {round(float(np.ravel(m)[0]), 6) for m in marks}
    assert {round(a.points(PERSON[a.predictor.name]), 6) for a in chart.axes} <= places
    assert str(found.probability(**PERSON)["grade 2"]) in axis.get_title("right")
    figure = mt.plot.reliability(found)
    assert len(figure.axes) == len(found.models)
    for panel, model in zip(figure.axes, found.models.values(), strict=True):
        points = panel.containers[1].lines[0]
        np.testing.assert_allclose(points.get_xdata(), [100 * t.predicted for t in model.validation.tenths])
        np.testing.assert_allclose(points.get_ydata(), [100 * t.observed.value for t in model.validation.tenths])


WRONG_PEOPLE = [
    ({"bmj": 30}, "did you mean `bmi`"),
    ({"bmi": None}, "a value is missing: `bmi`"),
    ({"bmi": 300}, "`bmi` = 300 is outside of what people had"),
    ({"bmi": float("nan")}, "`bmi` must be a finite number"),
    ({"known_diabetes": 0.5}, "it is 0 or 1"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_PEOPLE)
def test_a_wrong_person_is_one_message(found, change, said):
    person = {name: value for name, value in {**PERSON, **change}.items() if value is not None}
    with pytest.raises(ArgumentError, match=said):
        found.probability(**person)


def test_an_outcome_without_a_model_says_why(found):
    with pytest.raises(ArgumentError, match="`grade 4` has no model: 0 of 160"):
        mt.plot.nomogram(found, "grade 4")
    with pytest.raises(ArgumentError, match="did you mean `grade 2`"):
        found.model("grade2")


WRONG = [
    (("--outcome", "grade3"), "did you mean `grade 3`"),
    (("--outcome", "death"), "choose from grade 1, grade 2, grade 3, grade 4, new diabetes"),
    (("--predictor", "hba1"), "did you mean `hba1c`"),
    (("--predictor", "mtor.gS"), "`mtor.gS` is a parameter of the model, which no clinic can measure"),
    (("--predictor", "decline"), "`decline` is a parameter of the model"),
    (("--arm", "placebo"), "no drug is given in arm `placebo`"),
    (("--arm", "everolimu"), "did you mean `everolimus`"),
    (("--subjects", "5"), "at least 10 with it and 10 without"),
    (("--subjects", "0"), "subjects = 0"),
    (("--figure", "who.doc"), "is not a picture"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_a_wrong_input_is_one_message(mtorsim, words, said):
    shown = mtorsim("risk", "everolimus_breast", "--quiet", *words)
    assert shown.code == 2
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_scenarios_without_a_drug_glucose_or_a_first_visit_are_refused(scenario):
    with pytest.raises(ArgumentError, match="no arm gives a drug"):
        mt.risk("untreated")
    alone = scenario.replace(model=["everolimus"], population="typical", matches=None, visits=["2 weeks"])
    with pytest.raises(ArgumentError, match="no glucose and HbA1c"):
        mt.risk(alone)
    with pytest.raises(ArgumentError, match="no visit is at the start"):
        mt.risk(scenario.replace(visits=["2 weeks", "4 weeks"]), subjects=2)


def test_a_missing_library_is_told_before_anything_is_simulated(scenario, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.families", None)
    monkeypatch.setattr(module, "simulate", None)
    with pytest.raises(ArgumentError, match=r'pip install "mtorsim\[risk\]"'):
        mt.risk(scenario)


def test_hidden_covariates_of_bundled_populations_are_never_predictors():
    for name in ("adults", "children", "kidney_transplant", "one_adult"):
        people = draft_plan("everolimus_breast", population=name).population
        assert people.covariates <= HIDDEN | set(TRAITS) | set(LABORATORY), name


def test_failed_subjects_are_left_out_and_told(scenario, monkeypatch):
    def fails(*words, **named):
        result = simulate(*words, **named)
        status = result.block.status.copy()
        status[0, 3] = 1
        return replace(result, block=replace(result.block, status=status))

    monkeypatch.setattr(module, "simulate", fails)
    found = mt.risk(scenario, subjects=60, outcomes=["grade 1"], predictors=["hba1c", "weight"])
    assert found.failed == {3: "the step became too small"}
    assert found.model().n == 59
    assert 3 not in found.model().people
    assert np.isnan(found.people.loc[3, "risk of grade 1"])
    assert list(found.people.columns[:3]) == ["sampling weight", "hba1c", "weight"]


def test_the_command_prints_tables_json_and_figures(scenario, run, mtorsim, tmp_path, monkeypatch):
    (tmp_path / "who.toml").write_text(scenario.text)
    words = ["risk", tmp_path / "who.toml", "--outcome", "grade 1", "--predictor", "hba1c", "--predictor", "bmi"]
    words += ["--subjects", 60, "--quiet"]
    shown = mtorsim(*words, "--figure", tmp_path / "who.svg", "--calibration", tmp_path / "new" / "c.png")
    assert (shown.code, shown.err) == (0, "")
    for part in ("HbA1c, per 0.5 %", "in people not used to fit (5 folds): c 0.", "people, by risk"):
        assert part in shown.out
    assert shown.out.rstrip().endswith("for research and teaching, not for patient care.")
    assert (tmp_path / "who.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "new" / "c.png").exists()
    monkeypatch.setattr(module, "simulate", lambda *_, **__: run)
    data = json.loads(mtorsim(*words, "--json").out)
    assert set(data["outcomes"]["grade 1"]["coefficients"]) <= {"hba1c", "bmi"}
    assert data["caution"].endswith("not for patient care.")
