"""Trials: grades, endpoints, reports, predicted beside observed, and the fit behind it."""

from __future__ import annotations

import json
import math
import re
from urllib.parse import unquote

import numpy as np
import pytest

import mtorsim as mt
from helpers import made_up
from mtorsim.files.library import Library
from mtorsim.plots.trial import _at_risk
from mtorsim.scenario.grades import ctcae, read_grading
from mtorsim.scenario.scenario import read_scenario
from mtorsim.scenario.variants import ALTERNATIVES
from mtorsim.stats.shares import Share, paired_difference, quantiles, wilson
from mtorsim.trial.calibration import calibrate, plausible_sets
from mtorsim.trial.calibration_file import read_calibration
from mtorsim.trial.endpoints import incidence
from mtorsim.trial.reporting import read_reporting

TRIALS = ("bolero_2", "radiant_4", "exist_2")
FIT = json.loads((Library().calibration("trials").with_suffix(".json")).read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", ["3.0", "4.03", "v6.0", "CTCAE 4.03"])
def test_grades_are_those_of_the_table(version):
    grading = read_grading(ctcae(version), 106.0)
    values = np.array([np.nan, -np.inf, 90, 106, 106.01, 160, 160.1, 250, 250.1, 500, 500.1])
    assert grading.of(values).tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_a_sample_at_any_time_has_only_the_grades_that_do_not_ask_for_a_fast():
    values = np.array([120.0, 200, 260, 510])
    assert read_grading(ctcae("4.03"), 110.0, fasting=False).of(values).tolist() == [0, 0, 3, 4]
    # Version 3.0 takes values as fasting unless the protocol says otherwise, as this one does.
    assert read_grading(ctcae("3.0"), 110.0, fasting=False).of(values).tolist() == [1, 2, 3, 4]


def test_diabetes_and_hypoglycaemia_are_graded_at_their_limits():
    assert read_grading("ada", 106.0).of(np.array([99.9, 100, 125.9, 126])).tolist() == [0, 1, 1, 2]
    assert read_grading("hypoglycaemia", 106.0).of(np.array([80, 69.9, 54, 53.9])).tolist() == [0, 1, 1, 2]


def test_a_version_that_grades_no_value_is_refused_with_the_reason():
    with pytest.raises(mt.MtorsimError, match="by what was done"):
        read_grading(ctcae("5.0"), 110.0)


def test_the_reporting_layer_gives_what_it_was_fitted_to():
    # Of 482: 69 % above the ULN, 9.4 % above 250; of 238: 44 and 1.2 %. Grade 2 is that of the simulation.
    layer = read_reporting("bolero_2")
    drug = layer.shares(np.array([0, 1, 2, 3]), np.array([31.0, 69 - 9.4 - 17, 17, 9.4]))
    placebo = layer.shares(np.array([0, 1, 2, 3]), np.array([56.0, 44 - 1.2 - 2.3, 2.3, 1.2]))
    assert drug["any"] == pytest.approx(0.15, abs=0.015)
    assert drug["grade_3_4"] == pytest.approx(0.06, abs=0.005)
    assert placebo["any"] == pytest.approx(0.02, abs=0.01)
    assert placebo["grade_3_4"] < 0.01


def test_incidence_is_kaplan_and_meiers():
    # Five people, visits at weeks 1 to 3: events at 1 and 3, one leaves before 2, one before 3.
    times = np.array([0.0, 168, 336, 504])
    nan = np.nan
    glucose = np.array(
        [[90, 200, 90, 90], [90, 90, nan, nan], [90, 90, 90, nan], [90, 90, 90, 200], [90, 90, 90, 90.0]]
    )
    left = np.array([np.inf, 200.0, 400.0, np.inf, np.inf])
    at, shares = incidence(glucose, times, left, 160.0, np.ones(5))
    assert at.tolist() == [168, 336, 504]
    assert shares == pytest.approx([0.2, 0.2, 1 - 0.8 * (1 - 1 / 2)])
    double = incidence(np.repeat(glucose, 2, 0), times, np.repeat(left, 2), 160.0, np.ones(10))[1]
    assert incidence(glucose, times, left, 160.0, np.full(5, 2.0))[1] == pytest.approx(double)
    assert _at_risk(glucose, times, left, 160).tolist() == [5, 3, 2]


def test_a_weighted_share_says_as_much_as_its_effective_number():
    share = Share(30.0, 100, 40.0).as_dict()
    assert share["value"] == 0.3
    assert (share["low"], share["high"]) == pytest.approx(wilson(12, 40))


def test_a_difference_of_pairs_has_newcombes_interval():
    # Newcombe 1998, table II, method 10 (recalled): 36, 12, 2, 0 of 50.
    assert paired_difference(36, 12, 2, 0) == pytest.approx((0.2, 0.0569, 0.3404), abs=1e-4)
    value, low, high = paired_difference(2, 12, 36, 0)
    assert (value, low, high) == pytest.approx((-0.48, *(-x for x in paired_difference(2, 36, 12, 0)[:0:-1])))
    # Nobody apart is no proof that nobody is.
    value, low, high = paired_difference(0, 0, 0, 40)
    assert value == 0
    assert low == pytest.approx(-high)
    assert 0.05 < high < 0.15


def test_weighted_quantiles_are_those_of_repeated_people():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    assert quantiles(values, (0.5, 0.9), weights).tolist() == [1.0, 3.0]
    assert quantiles(values, (0.5,), np.ones(3)).tolist() == [2.0]


def test_everything_calibrated_stands_where_the_fit_put_it():
    data = read_calibration("trials")
    values = {q["name"]: q["value"] for q in FIT["quantities"]}
    assert list(values) == [q.name for q in data.quantity]
    assert len(values) <= 8
    model = mt.load_model(["glucose_insulin", "mtor", "everolimus", "alpelisib"])
    for line in data.quantity:
        for name in line.parameters:
            assert model.parameters[name][0].value == pytest.approx(values[line.name], rel=0.004), name
    trials = {name: read_scenario(name) for name in data.calibration.trials}
    spoilt = trials["bolero_2"].sampling.not_fasting.share
    assert spoilt == pytest.approx(values["samples that were not fasting"], rel=0.004)
    assert all(s.sampling.not_fasting is None for n, s in trials.items() if n != "bolero_2")
    for name in ("solar_1", "bolero_2", "radiant_4"):
        (illness,) = trials[name].episodes
        assert illness.per_year == pytest.approx(values["episodes of illness"], rel=0.004)
    # One upper limit of normal for all, which is not fitted.
    assert {s.uln for s in trials.values()} == {110.0}


def test_all_rates_of_the_calibration_arms_but_one_are_met_by_one_set():
    # Everolimus raises too many patients of EXIST-2 above the limit of normal, by less than a tenth of a point.
    outside = {("exist_2", "everolimus", ">ULN")}
    assert len(FIT["targets"]) == 13
    for t in FIT["targets"]:
        low, high = wilson(t["observed"] * t["of"], t["of"])
        low, high = (low - 0.05, high + 0.05) if t["endpoint"] == ">ULN" else (low / 1.5, high * 1.5)
        assert (low <= t["value"] <= high) is ((t["trial"], t["arm"], t["endpoint"]) not in outside), t
        row = next(
            o
            for o in read_scenario(t["trial"]).observed
            if o.role == "calibration" and (o.arm, o.endpoint) == (t["arm"], t["endpoint"])
        )
        assert row.percent == pytest.approx(100 * t["observed"])


def test_every_fitted_quantity_has_a_profile():
    for quantity in FIT["quantities"]:
        points = quantity["profile"]["points"]
        assert len(points) >= 4
        # The estimate is the best, apart from what finite differences and few patients leave.
        assert min(p["rise"] for p in points) > -1.5
        for end, edge in (("low", points[0]), ("high", points[-1])):
            told = quantity["profile"][end]
            assert told is None or abs(told - quantity["value"]) > 0.2 * abs(edge["value"] - quantity["value"])


def test_no_row_of_record_1_is_ever_fitted():
    assert "record_1" not in read_calibration("trials").calibration.trials
    assert {o.role for o in read_scenario("record_1").observed} == {"shown"}


def test_plausible_sets_are_the_fit_first_and_spread_as_its_covariance():
    data = read_calibration("trials")
    sets = plausible_sets(FIT, data, 400, seed=2)
    assert sets[0] == pytest.approx({q["name"]: q["value"] for q in FIT["quantities"]}, rel=1e-6)
    name = "potency of everolimus"
    potency = np.log([s[name] for s in sets[1:]])
    i = [q.name for q in data.quantity].index(name)
    assert potency.std() == pytest.approx(math.sqrt(FIT["covariance"][i][i]), rel=0.15)
    assert plausible_sets(FIT, data, 3, seed=2)[2] == sets[2]


SMALL = """
title = "known people"
model = ["known"]
population = "known"
subjects = 400
seed = 1
duration = "4 weeks"
uln = "110 mg/dL"
arm_name = "drug"
sampled.high = 0.5

[meals]
habit = "none"

[[dose]]
drug = "known"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 weeks", "1 week", "2 weeks", "4 weeks"]
assay = { fasting_glucose = 0.04 }

[[rule]]
name = "grade 3"
when = "grade >= 3"
do = "stop known"

[leaving]
median = "8 weeks"

[trial]
name = "known"
calibration = "none"

[[arm]]
name = "placebo"
without = "known"

[[observed]]
arm = "drug"
endpoint = ">ULN"
percent = 70
of = 100
role = "calibration"
source = "made up"
evidence = "placeholder"

[[observed]]
arm = "placebo"
endpoint = ">ULN"
percent = 30
of = 100
role = "calibration"
source = "made up"
evidence = "placeholder"

[[observed]]
arm = "placebo"
endpoint = "ae grade 3-4"
below = 1
of = 100
role = "shown"
source = "made up"
evidence = "placeholder"
"""


PEOPLE = """
[population]
name = "known"
about = "known people"

[[group]]
name = "high"
share = 0.1
about = "high from the start"
source = "this_work"
evidence = "design"

[group.multiply]
"known.base" = { by = 1.3 }
"""

CALIBRATION = """
[calibration]
name = "small"
about = "a known answer"
trials = ["small"]
endpoints = [">ULN"]
subjects = 400
sampled.high = 0.5

[[quantity]]
name = "gain"
about = "rise"
parameter = "known.gain"
scale = "log"
prior = 1
sd = 3
range = [0.1, 20]
step = 0.2

[[quantity]]
name = "base"
about = "untreated"
parameter = "known.base"
scale = "log"
prior = 100
sd = 0.2
range = [70, 140]
step = 0.02
"""


@pytest.fixture
def small(tmp_path):
    """A trial whose model, people and file are nowhere in the repository."""
    made_up(tmp_path, "known")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "known.toml").write_text(PEOPLE)
    (tmp_path / "calibration").mkdir()
    (tmp_path / "small.toml").write_text(SMALL)
    (tmp_path / "fit.toml").write_text(CALIBRATION)
    return tmp_path / "small.toml"


def test_a_trial_file_from_anywhere_gives_every_endpoint_as_json(small, mtorsim):
    shown = mtorsim("trial", small, "--json", "--quiet")
    assert (shown.code, shown.err) == (0, "")
    data = json.loads(shown.out)
    assert set(data["arms"]) == {"drug", "placebo"}
    for arm in data["arms"].values():
        assert arm["n"] == 400
        assert 150 < arm["n_effective"] < 400
        for limit in (">ULN", ">126", ">160", ">250", ">500"):
            share = arm["share"][limit]
            assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
        assert sum(g["value"] for g in arm["grades"].values()) == pytest.approx(1)
        assert 0 <= arm["ae"]["grade_3_4"]["value"] <= arm["ae"]["any"]["value"] <= 1
        assert [v["week"] for v in arm["glucose"]] == [0, 1, 2, 4]
        assert arm["glucose"][0]["n"] == 400
        assert arm["discontinuation"]["left"]["value"] == pytest.approx(1 - 0.5**0.5, abs=0.07)
        assert set(arm["new_onset_diabetes"]) == {"of", "value", "low", "high", "definition"}
        assert set(arm["hba1c_change"]) == {"unit", "between", "n", "mean", "sd"}
    assert data["arms"]["drug"]["share"][">ULN"]["value"] > data["arms"]["placebo"]["share"][">ULN"]["value"]
    difference = data["difference"]["arms"]["drug"][">ULN"]
    shares = [data["arms"][a]["share"][">ULN"]["value"] for a in ("drug", "placebo")]
    assert difference["value"] == pytest.approx(shares[0] - shares[1])
    assert data["difference"]["reference"] == "placebo"
    rows = {(o["arm"], o["endpoint"]): o for o in data["observed"]}
    assert rows["placebo", "ae grade 3-4"]["observed"] is None
    assert rows["drug", ">ULN"]["predicted"] == pytest.approx(shares[0])
    flow = data["flow"]["arms"]["drug"]
    assert flow["allocated"] == flow["left"] + flow["completed"] + flow["failed"]


def test_a_trial_keeps_report_figures_and_a_page_without_a_network(small, mtorsim, tmp_path):
    shown = mtorsim("trial", small, "--subjects", 60, "--out", tmp_path / "out")
    assert shown.code == 0, shown.err
    for name in ("trial.json", "trial.html", "forest.svg", "incidence.svg", "waterfall.svg", "run.json"):
        assert (tmp_path / "out" / name).is_file(), name
    page = (tmp_path / "out" / "trial.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert "<script src" not in page
    data = json.loads((tmp_path / "out" / "trial.json").read_text())
    found, rest = page.split("</h2>", 1)[0], page
    share = data["arms"]["drug"]["share"][">160"]["value"]
    # What came out stands before the first heading, and the page names what made it.
    assert f"above 160 mg/dL <b>{100 * share:.1f} %</b> on drug" in found
    judged = [row["agreement"] for row in data["observed"] if row["agreement"]]
    assert f"Of {len(judged)} observed rates, {judged.count('inside')} predictions lie inside" in found
    assert rest.count("<figcaption>") == 3
    assert re.search(r"<dt>command</dt><dd><code>mtorsim ", rest)
    linked = re.search(r"href='data:application/json;charset=utf-8,([^']+)'", rest)[1]
    assert json.loads(unquote(linked))["arms"] == data["arms"]
    assert len(list((tmp_path / "out" / "ledger.parquet").glob("*.parquet"))) == 1
    again = mtorsim("trial", small, "--subjects", 60, "--out", tmp_path / "out")
    assert again.code == 2
    assert "--force" in again.err
    last = ("--out", tmp_path / "out", "--force", "--figures", "pdf")
    assert mtorsim("trial", small, "--subjects", 60, *last).code == 0
    assert (tmp_path / "out" / "forest.pdf").read_bytes()[:4] == b"%PDF"


def test_another_uln_moves_grade_1_and_nothing_else(small):
    low, high = (mt.run_trial(small, uln=u).to_json()["arms"]["drug"]["share"] for u in (100, 115))
    assert low[">ULN"]["value"] > high[">ULN"]["value"]
    assert low[">126"] == high[">126"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--uln", "110"], "has no unit"),
        (["--uln", "10 mg/dL"], "outside 50 to 300"),
        (["--sets", "0"], "at least 1"),
        (["--subjects", "0"], "at least 1"),
        (["--set", "known.gan=1"], "known.gain"),
    ],
)
def test_what_a_trial_cannot_take_is_one_clear_error(small, mtorsim, words, said):
    shown = mtorsim("trial", small, *words)
    assert shown.code == 2
    assert shown.err.startswith("error: ")
    assert said in shown.err


def test_a_row_that_belongs_to_no_arm_is_refused(small, mtorsim):
    small.write_text(SMALL.replace('arm = "placebo"\nendpoint = ">ULN"', 'arm = "placeb"\nendpoint = ">ULN"'))
    shown = mtorsim("trial", small)
    assert shown.code == 2
    assert "did you mean `placebo`" in shown.err
    small.write_text(SMALL.replace('endpoint = "ae grade 3-4"', 'endpoint = "ae grade 3"'))
    shown = mtorsim("check", small)
    assert shown.code == 2
    assert "ae grade 3-4" in shown.err


def test_people_are_weighted_to_what_was_published(small, mtorsim):
    match = """
[[match]]
of = "known.base"
mean = 101
sd = 14
source = "made up"
evidence = "placeholder"

[[match]]
of = "known.gain"
mean = 2.5
sd = 1.3
source = "made up"
evidence = "placeholder"

[[match]]
of = ["known.base", "known.gain"]
correlation = 0.3
source = "made up"
evidence = "placeholder"
"""
    small.write_text(SMALL + match)
    report = mt.run_trial(small, subjects=600)
    weights, people = report.values["drug"].weights, report.result.people
    base, gain = people["known.base"].to_numpy(), people["known.gain"].to_numpy()
    w = weights / weights.sum()
    assert w @ base == pytest.approx(101, abs=0.05)
    assert math.sqrt(w @ (base - 101) ** 2) == pytest.approx(14, abs=0.05)
    assert w @ ((base - 101) / 14 * (gain - 2.5) / 1.3) == pytest.approx(0.3, abs=0.005)
    told = report.to_json()["matched"]
    assert told["of"] == 600
    assert told["n_effective"] == pytest.approx(1 / (w @ w), rel=1e-9)
    assert report.to_json()["arms"]["drug"]["n_effective"] == pytest.approx(told["n_effective"], abs=0.1)
    small.write_text(SMALL + match.replace("mean = 101", "mean = 300"))
    shown = mtorsim("trial", small)
    assert shown.code == 2
    assert "no weights of these subjects" in shown.err
    small.write_text(SMALL + match.replace('of = "known.base"', 'of = "known.bas"'))
    assert "known.base" in mtorsim("trial", small).err


def test_a_population_like_another_takes_what_it_does_not_say(small, mtorsim):
    folder = small.parent / "models"
    (folder / "older.toml").write_text(
        '[population]\nname = "older"\nlike = "known"\nabout = "as known, half of them high"\n'
        '[[group]]\nname = "high"\nshare = 0.5\n'
    )
    small.write_text(SMALL.replace('population = "known"', 'population = "older"').replace("sampled.high = 0.5", ""))
    people = mt.simulate(small).people
    assert people["group high"].mean() == pytest.approx(0.5, abs=0.07)
    high = people["group high"] > 0.5
    assert people["known.base"][high].median() / people["known.base"][~high].median() == pytest.approx(1.3, abs=0.04)
    result = mt.simulate(small, out=small.parent / "out", subjects=20)
    assert "models/populations/known.toml" in result.manifest["files"]
    (folder / "known.toml").unlink()
    assert mtorsim("replay", small.parent / "out", "--arm", "drug", "--subject", 3).code == 0
    shown = mtorsim("check", small)
    assert shown.code == 2
    assert "there is no population `known`" in shown.err
    (folder / "older.toml").write_text('[population]\nname = "older"\nlike = "older"\nabout = "x"\n')
    assert "extends itself" in mtorsim("check", small).err


def test_what_the_population_does_not_say_the_scenario_declares(small, mtorsim):
    entry = '\n[[entry]]\nobservable = "glucose"\nat_most = 110\nunit = "mg/dL"\nabout = "x"\n'
    entry += 'source = "this_work"\nevidence = "design"\n'
    text = SMALL.replace("sampled.high = 0.5", "share.high = 0.4")
    small.write_text(text + entry)
    result = mt.simulate(small)
    assert float(result.visits.glucose.isel(time=0).max()) <= 110
    assert result.people["group high"].mean() < 0.35
    small.write_text(text.replace("share.high", "share.hihg"))
    assert "did you mean `high`" in mtorsim("check", small).err
    small.write_text(text + entry.replace('"glucose"', '"glucos"'))
    shown = mtorsim("check", small)
    assert shown.code == 2
    assert "small.toml" in shown.err


def test_a_fit_finds_what_made_the_data_and_finds_it_again(small):
    library = Library((small.parent,))
    truth = mt.simulate(small, subjects=4000, seed=9, settings={"known.gain": 2.5}, library=library)
    shares = [truth.summary["arms"][a]["share"][">ULN"]["value"] for a in ("drug", "placebo")]
    text = SMALL.replace("percent = 70", f"percent = {100 * shares[0]:.2f}")
    text = text.replace("percent = 30", f"percent = {100 * shares[1]:.2f}").replace("of = 100", "of = 5000")
    small.write_text(text)
    path = small.parent / "fit.toml"
    path.write_text(CALIBRATION.replace("subjects = 400", "subjects = 1500\nmost_n = 5000"))
    fit = calibrate(str(path), library=library)
    assert fit.values["gain"] == pytest.approx(2.5, rel=0.15)
    assert fit.values["base"] == pytest.approx(96, abs=1)
    assert all(t.inside for t in fit.targets)
    assert calibrate(str(path), library=library, threads=1).as_dict() == fit.as_dict()


def test_the_command_profiles_every_quantity(small, mtorsim):
    (small.parent / "fit.toml").write_text(CALIBRATION)
    shown = mtorsim("calibrate", small.parent / "fit.toml", "--profile", "--rounds", "2", "--json")
    assert (shown.code, shown.err) == (0, "")
    for quantity in json.loads(shown.out)["quantities"]:
        told = quantity["profile"]
        at = [p["value"] for p in told["points"]]
        assert at == sorted(at)
        assert quantity["value"] in at
        for end, side in (("low", -1), ("high", 1)):
            assert told[end] is None or side * (told[end] - quantity["value"]) > 0
    shown = mtorsim("calibrate", small.parent / "fit.toml", "--profile", "--rounds", "1", "--quiet")
    assert "profile likelihood" in shown.out


OWN_VISITS = """
visits = ["0 weeks", "3 weeks"]
"""


def test_an_arm_may_have_its_own_visits(small, mtorsim):
    small.write_text(SMALL.replace('without = "known"', 'without = "known"' + OWN_VISITS))
    shown = mtorsim("trial", small, "--json", "--quiet")
    assert (shown.code, shown.err) == (0, "")
    arms = json.loads(shown.out)["arms"]
    assert [v["week"] for v in arms["drug"]["glucose"]] == [0, 1, 2, 4]
    assert [v["week"] for v in arms["placebo"]["glucose"]] == [0, 3]
    assert arms["placebo"]["share"][">ULN"]["value"] < 1
    told = mtorsim("trial", small, "--out", small.parent / "report", "--quiet")
    assert told.code == 0
    assert "week 3" in told.out
    page = (small.parent / "report" / "trial.html").read_text()
    assert re.search(r">3</td>.{0,40}>-</td>", page)
    seen = mt.simulate(small, subjects=20, library=Library((small.parent,))).visits.fasting_glucose
    there = np.isfinite(seen).any("subject")
    assert there.sel(arm="placebo").to_numpy().tolist() == [True, False, False, True, False]
    assert there.sel(arm="drug").to_numpy().tolist() == [True, True, True, False, True]
    # A person's glucose does not depend on when others are seen.
    small.write_text(SMALL)
    same = mt.simulate(small, subjects=20, library=Library((small.parent,))).visits.fasting_glucose
    np.testing.assert_array_equal(
        same.sel(arm="drug", time=[0, 168, 336, 672]), seen.sel(arm="drug", time=[0, 168, 336, 672])
    )
    small.write_text(SMALL.replace('without = "known"', 'without = "known"\nvisits = ["2 weeks", "1 week"]'))
    wrong = mtorsim("check", small)
    assert wrong.code == 2
    assert "not after the previous visit" in wrong.err


def test_rules_of_an_arm_are_asked_at_its_own_visits(small):
    text = SMALL.replace('when = "grade >= 3"', 'when = "day >= 0"')
    text = text.replace('without = "known"', 'about = "seen once"' + OWN_VISITS)
    small.write_text(text)
    ledger = mt.simulate(small, subjects=20, library=Library((small.parent,))).ledger
    stops = ledger[ledger["what"] == "stop"].groupby("arm")["time_h"].unique()
    assert stops["drug"].tolist() == [0.0]
    assert stops["placebo"].tolist() == [0.0]
    later = mt.simulate(
        mt.read_scenario(small, Library((small.parent,))).replace(
            rules=[{"name": "late", "when": "day > 0", "do": "stop known"}]
        ),
        subjects=20,
    ).ledger
    stops = later[later["what"] == "stop"].groupby("arm")["time_h"].unique()
    assert stops["drug"].tolist() == [168.0]
    assert stops["placebo"].tolist() == [504.0]


# ---------------------------------------------------------------- the whole model


@pytest.fixture(scope="module")
def bolero():
    """BOLERO-2 with few people: one run for every test of it."""
    return mt.run_trial("bolero_2", subjects=96, sets=2)


def test_a_trial_of_the_whole_model_stands_beside_what_was_observed(bolero):
    data = bolero.to_json()
    assert data["status"] == {"ok": 96}
    assert data["calibration"] == {"name": "trials", "sets": 2}
    rows = {(o["arm"], o["endpoint"]): o for o in data["observed"]}
    assert rows["everolimus", ">ULN"]["observed"] == 0.69
    # With 96 people a rate errs by up to a tenth.
    assert abs(rows["everolimus", ">ULN"]["predicted"] - 0.69) < 0.17
    assert abs(rows["placebo", ">ULN"]["predicted"] - 0.44) < 0.17
    assert set(data["variants"]) == {"everolimus"}
    assert set(data["variants"]["everolimus"]) == {"both", "secretion spared", "insulin action spared"}
    share = data["arms"]["everolimus"]["share"][">ULN"]
    assert share["high"] - share["low"] >= 0.9 * (share["high_sampling"] - share["low_sampling"])


def test_arms_share_their_people_and_their_assays(bolero):
    visits = bolero.result.visits
    first = visits.sel(time=0.0)
    for name in ("fasting_glucose", "fasting_glucose_measured"):
        assert (first[name].sel(arm="everolimus") == first[name].sel(arm="placebo")).all()


def test_denominators_are_of_those_who_were_seen_again_and_knew_nothing_before(bolero):
    visits, people = bolero.result.visits.sel(arm="everolimus"), bolero.result.people
    values = bolero.to_json()["arms"]["everolimus"]
    hba1c, glucose = visits.hba1c.to_numpy(), visits.fasting_glucose_measured.to_numpy()
    again = np.isfinite(hba1c[:, 1:]).any(axis=1)
    assert values["hba1c_change"]["n"] == again.sum() < len(again)
    known = people["group diabetic"].to_numpy() == 1
    free = (glucose[:, 0] < 126) & (hba1c[:, 0] < 6.5)
    assert (free & known).any()
    assert values["new_onset_diabetes"]["of"] == (free & ~known).sum()
    rescued = bolero.result.ledger
    rescued = rescued[(rescued["drug"] == "metformin") & (rescued["what"] == "start")]["subject"]
    assert len(rescued)
    assert not known[rescued].any()  # known diabetics are on their tablets from the start


def test_who_has_little_reserve_suffers_most(bolero):
    visits, people = bolero.result.visits, bolero.result.people
    rise = (visits.fasting_glucose.sel(arm="everolimus") - visits.fasting_glucose.sel(arm="placebo")).to_numpy()[:, 2]
    reserve = people["glucose_insulin.phis"] * (people["glucose_insulin.SIp"] * people["glucose_insulin.SIh"]) ** 0.2
    there = np.isfinite(rise)
    low = reserve.to_numpy() < reserve.quantile(0.25)
    high = reserve.to_numpy() > reserve.quantile(0.75)
    assert np.median(rise[there & low]) > 3 * np.median(rise[there & high]) > 0


def test_the_ledger_explains_every_change_of_dose(bolero):
    ledger, treatment = bolero.result.ledger, bolero.result.treatment
    ledger, treatment = (t[t["arm"] == "everolimus"] for t in (ledger, treatment))
    changed = set(ledger[ledger["drug"] == "everolimus"]["subject"])
    given = treatment[treatment["drug"] == "everolimus"].set_index("subject")["dose_intensity"]
    assert set(given[given < 1].index) <= changed
    rescued = set(ledger[(ledger["drug"] == "metformin") & (ledger["what"] == "start")]["subject"])
    tablets = treatment[treatment["drug"] == "metformin"].set_index("subject")["dose_intensity"]
    assert set(tablets[tablets > 0].index) <= rescued
    left = treatment.groupby("subject")["left_h"].first()
    gone = set(ledger[ledger["what"] == "leave"]["subject"])
    assert set(left[left.notna()].index) == gone
    assert left.isna().any()
    assert left.max() <= bolero.result.manifest["duration_h"]


def test_young_and_lean_people_hardly_suffer_at_the_same_dose(bolero):
    young = mt.run_trial("exist_2", subjects=64, sets=1).to_json()["arms"]
    old = bolero.to_json()["arms"]

    def excess(arms, limit):
        return arms["everolimus"]["share"][limit]["value"] - arms["placebo"]["share"][limit]["value"]

    assert excess(young, ">160") < 0.5 * excess(old, ">160")
    assert young["everolimus"]["share"][">250"]["value"] <= 0.02
    assert young["everolimus"]["share"][">ULN"]["value"] < 0.35


def test_the_effect_wanes_within_weeks_of_stopping(tmp_path):
    text = read_scenario("bolero_2").text
    text = text[: text.index("[[observed]]")].replace('amount = "10 mg"', 'amount = "10 mg"\nstop = "8 weeks"')
    text = text.replace('duration = "48 weeks"', 'duration = "16 weeks"')
    visits = '["0 weeks", "2 weeks", "4 weeks", "10 weeks", "every 6 weeks"]'
    text = text.replace(visits, '["0 weeks", "8 weeks", "12 weeks", "16 weeks"]')
    (tmp_path / "stopped.toml").write_text(text)
    visits = mt.run_trial(tmp_path / "stopped.toml", subjects=48, sets=1).result.visits.fasting_glucose
    rise = (visits.sel(arm="everolimus") - visits.sel(arm="placebo")).median("subject").to_numpy()
    assert rise[1] > 3
    assert abs(rise[3]) < 0.35 * rise[1]


def test_the_body_built_otherwise_stands_beside_a_trial():
    data = mt.run_trial(
        "bolero_2", subjects=24, settings={"gmin": 0.4}, sets=1, variants=False, alternatives=True
    ).to_json()
    found = data["alternatives"]
    assert list(found) == ["standard model", *ALTERNATIVES]

    def rates(name, arm):
        return [found[name][arm][limit]["value"] for limit in (">ULN", ">126", ">160", ">250", ">500")]

    assert rates("standard model", "placebo") == [s["value"] for s in data["arms"]["placebo"]["share"].values()]

    # What acts through the drug alone leaves placebo as it is; what the body is built like does not.
    for name in ("compensation spared", "the beta cell's brake not released"):
        assert rates(name, "placebo") == rates("standard model", "placebo")
    weaker, there = rates("compensation spared", "everolimus"), rates("standard model", "everolimus")
    assert weaker != there
    assert all(w <= t for w, t in zip(weaker, there, strict=True))
    assert rates("glucose suppresses production completely", "placebo") != rates("standard model", "placebo")


def test_a_kept_trial_replays_its_arms_and_its_variants(tmp_path, mtorsim):
    out = tmp_path / "out"
    assert mtorsim("trial", "bolero_2", "--subjects", 4, "--sets", 1, "--out", out).code == 0
    for arm in ("everolimus", "everolimus | secretion spared"):
        shown = mtorsim("replay", out, "--arm", arm, "--subject", 3)
        assert shown.code == 0, shown.err
        assert "agree with the stored ones to the bit" in shown.out + shown.err


def test_where_nothing_fasting_was_measured_glucose_of_any_time_is_reported_and_said_so(mtorsim, tmp_path):
    text = read_scenario("bolero_2").text
    text = text[: text.index("# What the label says")] + text[text.index("[[arm]]") : text.index("[[observed]]")]
    text = text.replace('duration = "48 weeks"', 'duration = "2 weeks"')
    text = text.replace(
        'at = ["0 weeks", "2 weeks", "4 weeks", "10 weeks", "every 6 weeks"]',
        'at = ["0 h", "100 h", "200 h"]\nsample = "random"',
    )
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("assay", "not_fasting")))
    (tmp_path / "random.toml").write_text(text)
    page = tmp_path / "page.html"
    words = ("--subjects", 8, "--sets", 1, "--no-variants", "--html", page)
    assert mtorsim("trial", tmp_path / "random.toml", *words).code == 0
    assert "Highest glucose at any time of the day" in page.read_text(encoding="utf-8")
    data = json.loads(mtorsim("trial", tmp_path / "random.toml", *words, "--json").out)
    drug = data["arms"]["everolimus"]
    assert data["sample"] == "random"
    assert data["difference"]["arms"]["everolimus"][">ULN"]["value"] is not None
    assert [visit["n"] for visit in drug["glucose"]] == [8, 8, 8]
    assert "HbA1c" in drug["new_onset_diabetes"]["definition"]
    assert drug["hba1c_change"]["n"] == 8


def test_settings_of_the_user_go_with_the_sets_of_the_fit():
    # A bare name, and a median at the end of its range: neither stops the runs behind the intervals.
    data = mt.run_trial("bolero_2", subjects=8, settings={"gI": 0.7, "mtor.gS": 0.6}, sets=3, variants=False).to_json()
    assert data["settings"]["mtor.gI"] == 0.7
    assert data["calibration"]["sets"] == 3


def test_a_model_that_has_no_alternatives_says_so(small, mtorsim):
    shown = mtorsim("trial", small, "--alternatives")
    assert shown.code == 2
    assert "none of the mechanisms" in shown.err


def test_a_scenario_that_is_no_trial_replays_as_the_trial_it_was_run_as(tmp_path, mtorsim):
    text = read_scenario("bolero_2").text
    text = text[: text.index("[trial]")] + text[text.index("[[dose]]") : text.index("[[observed]]")]
    text = text.replace('duration = "48 weeks"', 'duration = "4 weeks"').replace(', "10 weeks", "every 6 weeks"]', "]")
    (tmp_path / "plain.toml").write_text(text)
    out = tmp_path / "out"
    words = ("--subjects", 3, "--sets", 1, "--no-variants", "--out", out)
    assert mtorsim("trial", tmp_path / "plain.toml", *words).code == 0
    shown = mtorsim("replay", out, "--arm", "everolimus", "--subject", 2)
    assert shown.code == 0, shown.err
    assert "agree with the stored ones to the bit" in shown.out + shown.err


def test_a_trial_needs_a_visit_after_the_start(small, mtorsim):
    small.write_text(SMALL.replace('at = ["0 weeks", "1 week", "2 weeks", "4 weeks"]', 'at = ["0 weeks"]'))
    shown = mtorsim("trial", small)
    assert shown.code == 2
    assert "needs a visit a day or more after baseline" in shown.err


def test_people_are_counted_once_in_the_flow(small):
    rule = '[[rule]]\nname = "again"\nwhen = "fasting_glucose > 100 mg/dL"\n'
    rule += 'do = "hold known until fasting_glucose <= 100 mg/dL, then resume"\n'
    small.write_text(SMALL.replace("[trial]", rule + "\n[trial]").replace('median = "8 weeks"', 'median = "3 weeks"'))
    flow = mt.run_trial(small, subjects=200).to_json()["flow"]["arms"]
    for arm in flow.values():
        assert arm["allocated"] == arm["left"] + arm["completed"] + arm["failed"]
        assert 0 < arm["treatment_held"] <= 200


def test_samples_at_any_time_yield_every_endpoint_and_rules_use_them(small):
    text = SMALL.replace(
        'at = ["0 weeks", "1 week", "2 weeks", "4 weeks"]', 'at = ["0 h", "6 h", "1 week"]\nsample = "random"'
    )
    small.write_text(text.replace("{ fasting_glucose = 0.04 }", "{ glucose = 0.04 }"))
    report = mt.run_trial(small, settings={"known.gain": 8})
    drug = report.arms["drug"]
    assert report.sample == "random"
    assert drug.share[">250"].value > 0.05
    # CTCAE 4.03 grades values at any time from 250 mg/dL on only.
    assert drug.grades["1"].value == drug.grades["2"].value == 0
    assert drug.grades["3"].value + drug.grades["4"].value == pytest.approx(drug.share[">250"].value)
    assert any(d.rule == "grade 3" for d in drug.decisions)
    assert "HbA1c" in drug.new_onset_diabetes.definition
    assert "any time" in report._repr_html_()


def test_a_damaged_fit_is_one_clear_error(small, mtorsim):
    for text in ("{}", '{"mean": [1], "covariance": [[1]]}', '{"mean": [1, 2], "covariance": [[0, 0], [0, 0]]}'):
        (small.parent / "fit.json").write_text(text)
        path = str(small.parent / "fit.toml")
        small.write_text(SMALL.replace('calibration = "none"', f'calibration = "{path}"'))
        shown = mtorsim("trial", small, "--subjects", 30)
        assert shown.code == 2
        assert "is incomplete" in shown.err
    text = CALIBRATION.replace('parameter = "known.gain"\nscale = "log"', 'group = "hihg"\nscale = "log"')
    (small.parent / "fit.toml").write_text(text)
    with pytest.raises(mt.MtorsimError, match="no population has a group"):
        calibrate(str(small.parent / "fit.toml"), library=Library((small.parent,)))
