"""Predictive checks of people of a model: true ones pass, others fail, and no number depends on how work is split."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mtorsim as mt
from mtorsim.analysis.predictive_check import replicates as split
from mtorsim.analysis.predictive_check.correction import predictions
from mtorsim.analysis.predictive_check.design import design_of
from mtorsim.analysis.predictive_check.normality import error_tests
from mtorsim.analysis.predictive_check.npde import prediction_errors
from mtorsim.analysis.predictive_check.panels import panels_of
from mtorsim.event_records.read import read_events
from mtorsim.run.options import Options


def designed(scenario, table, **more):
    given = {"seed": 1, "population": None, "settings": more.pop("settings", None), "options": Options.given()}
    asked = {
        "of": "glucose",
        "arm": None,
        "cv": None,
        "sd": None,
        "dv_unit": None,
        "lloq": None,
        "dvid": None,
        "by": None,
    }
    return design_of(scenario, read_events(table), given, None, None, **asked | more)


def test_people_with_their_doses_in_the_table_are_those_of_the_scenario(known, measured, dosed):
    planned = designed(known, measured, arm="known").simulate(3, 1).values
    own = designed(known, dosed, cv=0.05).simulate(3, 1).values
    np.testing.assert_allclose(own, planned, rtol=2e-3)
    none = designed(known, measured, arm="none").simulate(3, 1).values
    assert (none[:, 3::4] < planned[:, 3::4]).all()


def test_a_replicate_is_a_run_of_its_subjects(known, measured):
    values = designed(known, measured, arm="known").simulate(3, 1).values
    seen = mt.simulate(known, subjects=20, first=2 * split.APART, seed=1).visits.glucose_measured.sel(arm="known")
    assert (values[2].reshape(20, 4) == seen.to_numpy()).all()


@pytest.mark.parametrize("kind", ["measured", "dosed"])
def test_no_number_depends_on_how_the_work_is_split(known, kind, request, monkeypatch):
    table = request.getfixturevalue(kind)
    arm = {"arm": "known"} if kind == "measured" else {}
    few = designed(known, table, **arm).simulate(4, 1).values
    monkeypatch.setattr(split, "LANES", 7)
    monkeypatch.setattr(split, "FEW", 3)
    assert (designed(known, table, **arm).simulate(9, 2).values[:4] == few).all()
    first = table[table.ID.isin(["P0", "P1", "P2"])]
    alone = designed(known, first, **arm).simulate(4, 1).values
    assert (few[:, :12] == alone).all()


def checks(design, sets, replicates=200):
    """Share of percentiles outside, and tests, of data sets."""
    found = []
    for first in range(0, len(sets), 10):
        values = design.simulate(replicates, 2, seed=50 + first).values
        for own in sets[first : first + 10]:
            observed = replace(design.observed, value=own)
            errors = prediction_errors(observed, values, 1)
            out = []
            for prediction in (None, predictions(values)):
                panel = panels_of(observed, values, prediction, "auto", (5.0, 50.0, 95.0))[0]
                out.append(np.mean([c.outside for b in panel.bins for c in b.percentiles]))
            found.append((*out, error_tests(errors.npde, errors.exchangeable)))
    return found


@pytest.fixture(scope="module")
def sets(known, measured):
    """Data sets that the model makes."""
    return designed(known, measured, arm="known").simulate(60, 2, seed=900).values


def test_data_of_the_model_itself_are_covered_as_they_must_be(known, measured, sets):
    found = checks(designed(known, measured, arm="known"), sets)
    assert np.mean([f[0] for f in found]) == pytest.approx(0.05, abs=0.03)
    assert np.mean([f[1] for f in found]) == pytest.approx(0.05, abs=0.03)
    for name in ("simulated_mean", "simulated_variance", "simulated_normal"):
        p = np.array([getattr(f[2], name) for f in found])
        assert stats.kstest(p, "uniform").pvalue > 0.01, name
        assert (p < 0.05).mean() < 0.15, name
    assert np.mean([f[2].mean for f in found]) == pytest.approx(0, abs=0.06)
    assert np.mean([f[2].variance for f in found]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "wrong", [{"settings": {"known.k": 0.0289 * 1.5, "known.gain": 1.0}}, {"cv": 0.2}, {"settings": {"known.base": 80}}]
)
def test_a_wrong_model_is_found_out_by_percentiles_and_by_errors(known, measured, sets, wrong):
    found = checks(designed(known, measured, arm="known", **wrong), sets[:10])
    assert np.mean([f[0] for f in found]) > 0.12
    assert np.mean([f[2].simulated_global < 0.05 for f in found]) > 0.6
    assert np.mean([f[2].p_global < 0.05 for f in found]) > 0.6


def test_half_the_variability_is_found_out(known, measured, sets, tmp_path):
    text = '[population]\nname = "half"\nabout = "half the spread"\n'
    for name, iiv in (("base", 0.05), ("gain", 0.25)):
        text += f'[parameters."known.{name}"]\niiv = {iiv}\nsource = "this_work"\nevidence = "design"\n'
    (tmp_path / "half.toml").write_text(text, encoding="utf-8")
    library = mt.Library((tmp_path, *known.library.extra))
    found = checks(designed(known.replace(population="half", library=library), measured, arm="known"), sets[:10])
    assert np.mean([f[0] for f in found]) > 0.2
    assert np.mean([f[2].simulated_variance < 0.05 for f in found]) > 0.6


def test_everything_is_in_the_result(known, dosed):
    table = dosed.assign(SEX=np.where(dosed.ID.str[1:].astype(int) % 2, "f", "m"))
    found = mt.predictive_check(known, table, of="glucose", by="SEX", cv=0.05, replicates=40, lloq=80.0, seed=3)
    frame = found.percentiles
    assert sorted(set(frame.stratum)) == ["f", "m"]
    assert len(frame) == 2 * 4 * 3
    assert frame.samples.unique().tolist() == [10]
    # Percentiles below the limit of quantification are NaN.
    assert (frame.simulated_low.fillna(0) <= frame.simulated_high).all()
    assert found.below.observed.sum() * 10 == pytest.approx(found.observed.below.sum())
    assert found.npde.id.tolist()[:5] == ["P0"] * 4 + ["P1"]
    assert found.npde.line.tolist()[0] == 2
    assert list(found.tests) == ["all", "m", "f"]
    assert (found.doses, found.error, found.failed, found.status) == ("those of the table", "5 %", 0, {"ok": 800})
    assert json.loads(json.dumps(found.to_json(), allow_nan=True))["samples"] == 80
    assert "80 samples of glucose in 20 people" in repr(found)
    assert "p_global" in found._repr_html_()
    again = mt.predictive_check(known, table, of="glucose", by="SEX", cv=0.05, replicates=40, lloq=80.0, seed=3)
    pd.testing.assert_frame_equal(again.percentiles, frame)
    pd.testing.assert_frame_equal(again.npde, found.npde)


def test_time_after_the_dose_is_that_of_the_table_and_of_the_arm(known, measured, dosed):
    for table, more in ((measured, {"arm": "known"}), (dosed, {"cv": 0.05})):
        found = mt.predictive_check(known, table, of="glucose", versus="tad", replicates=20, **more)
        # The first sample is before any dose, the others before the next one.
        assert found.observed.time.tolist() == [24.0] * 60
        assert "samples before any dose: 20" in found.notes
        assert found.clock == "the last dose"


def test_correction_narrows_a_bin_of_people_with_different_doses(known, dosed):
    dose = dosed.ID.str[1:].astype(int) % 3 + 1
    table = dosed.assign(AMT=dosed.AMT * 4 * dose)
    widths = []
    for is_corrected in (False, True):
        found = mt.predictive_check(known, table, of="glucose", replicates=50, prediction_corrected=is_corrected)
        last = found.percentiles[found.percentiles.time_h == 96]
        widths.append(np.ptp(np.log(last.simulated_median)))
        assert found.is_corrected == is_corrected
    assert widths[1] < 0.8 * widths[0]


def test_each_person_follows_the_arm_that_the_table_names(known, measured):
    arms = np.where(measured.ID.str[1:].astype(int) < 5, "none", "known")
    found = mt.predictive_check(known, measured.assign(ARM=arms), of="glucose", by="ARM", replicates=20)
    frame = found.percentiles
    middle = frame[(frame.percentile == 50) & (frame.time_h == 96)].set_index("stratum").simulated_median
    assert middle["known"] > middle["none"] + 10
    assert found.doses == "those of the scenario, arms none, known"


AGED = """
[population]
name = "aged"
about = "untreated glucose rises with age"
[covariates]
age = { median = 50, sd = 12, range = [20, 90], unit = "y", about = "age", source = "this_work", evidence = "design" }
decade = { median = "age / 10", unit = "1", about = "decade", source = "this_work", evidence = "design" }
[parameters."known.base"]
median = "60 + 0.7 * age"
iiv = 0.05
source = "this_work"
evidence = "design"
"""


@pytest.fixture
def aged(known, tmp_path):
    (tmp_path / "aged.toml").write_text(AGED, encoding="utf-8")
    return known.replace(population="aged", library=mt.Library((tmp_path, *known.library.extra)))


def test_people_of_an_arm_have_the_covariates_of_the_table(aged, measured):
    age = 20 + 3 * measured.ID.str[1:].astype(int)
    found = mt.predictive_check(aged, measured.assign(Age=age), of="glucose", arm="none", replicates=200, cv=0.0)
    assert "covariates of each person: age" in found.notes
    predicted = found.npde[found.npde.time_h == 0].predicted
    np.testing.assert_allclose(predicted, (60 + 0.7 * np.array(age)[::4]), rtol=0.02)
    without = mt.predictive_check(aged, measured, of="glucose", arm="none", replicates=200, cv=0.0)
    assert np.ptp(without.npde[without.npde.time_h == 0].predicted) < 8
    for column, values, said in (
        ("age", age.where(measured.ID != "P4"), "subject P4, column age: this covariate is missing"),
        ("age", age + measured.TIME / 100, "this covariate changes"),
        ("age", age + 60, "is outside the range of `age`, 20 to 90 y"),
        ("decade", age / 10, "`decade` follows from `age / 10` in population aged"),
        ("age", "old", "`old` is not a number"),
    ):
        with pytest.raises(mt.MtorsimError, match=said):
            mt.predictive_check(aged, measured.assign(**{column: values}), of="glucose", arm="none", replicates=20)


def test_rows_of_one_person_and_without_error_are_checked_as_far_as_they_can_be(known, measured):
    one = measured[measured.ID == "P3"]
    found = mt.predictive_check(known, one, of="glucose", arm="known", replicates=20)
    assert found.people == 1
    assert found.percentiles_outside[1] == 12
    exact = mt.predictive_check(known, one, of="glucose", arm="known", replicates=40, cv=0.0)
    # Two quantities vary, and there are four samples: the covariance is singular.
    assert (exact.errors.dependent, exact.tests) == (1, {})
    with pytest.raises(mt.MtorsimError, match="only 0 samples have a prediction error"):
        mt.plot.npde(exact)


def test_a_likely_mistake_of_the_unit_is_a_warning(known, measured):
    table = measured.assign(DV=measured.DV / 18.016)
    found = mt.predictive_check(known, table, of="glucose", arm="known", replicates=20)
    assert "is their unit mg/dL?" in found.warnings[0]
    right = mt.predictive_check(known, table, of="glucose", arm="known", replicates=20, dv_unit="mmol/L")
    assert right.warnings == ()
    np.testing.assert_allclose(right.observed.value, measured.DV, rtol=1e-12)


def test_people_without_differences_are_a_warning(known, measured):
    one = measured.assign(EVID=np.where(measured.TIME == 48, 2, 0))
    found = mt.predictive_check(known, one, of="glucose", arm="known", replicates=20, population="typical")
    assert found.warnings == (
        "people of population typical do not differ from each other: name another, such as `modelled`",
    )
    # An event that is neither sample nor dose leaves the doses to the scenario.
    assert (found.doses, len(found.observed)) == ("those of the scenario, arm known", 60)


def test_figures_show_all_strata_and_what_is_below(known, dosed):
    table = dosed.assign(half=np.where(dosed.ID.str[1:].astype(int) < 10, "first", "second"))
    found = mt.predictive_check(known, table, of="glucose", by="half", cv=0.05, replicates=40, lloq=85.0)
    figure = found.plot()
    assert [axis.get_title(loc="left") for axis in figure.axes[:2]] == ["first", "second"]
    assert [axis.get_ylabel() for axis in figure.axes] == ["Glucose (mg/dL)", "", "below limit, %", ""]
    one = mt.plot.vpc(found, stratum="second")
    assert len(one.axes) == 2
    assert len(mt.plot.npde(found).axes) == 4
    with pytest.raises(mt.MtorsimError, match="no stratum `third`"):
        mt.plot.vpc(found, stratum="third")
    lines = [line for line in one.axes[0].lines if line.get_color() == "#222222" and len(line.get_xdata()) == 4]
    middle = found.percentiles.query("stratum == 'second' and percentile == 50").observed
    assert any(np.allclose(line.get_ydata(), middle) for line in lines)


TOML = """
title = "known drug"
model = ["known"]
population = "modelled"
duration = "4 d"
[[dose]]
drug = "known"
amount = "10 mg"
every = "24 h"
[visits]
at = ["0 d", "4 d"]
assay = { glucose = 0.05 }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, known, measured):
    from helpers import made_up

    made_up(tmp_path, "known")
    (tmp_path / "trial.toml").write_text(TOML, encoding="utf-8")
    measured.to_csv(tmp_path / "glucose.csv", index=False)
    measured.to_parquet(tmp_path / "glucose.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


CHECK = ("vpc", "trial.toml", "--of", "glucose", "--replicates", "40")


def test_the_command_saves_tables_and_figures_and_prints_tests(mtorsim, folder):
    found = mtorsim(*CHECK, "--data", "glucose.parquet", "--out", "check", "--quiet")
    assert (found.code, found.err) == (0, "")
    assert "of 12 percentiles are outside their 95 % interval; 0.6 are expected" in found.out
    assert "by replicates" in found.out
    there = {path.name for path in (folder / "check").iterdir()}
    tables = {"percentiles.csv", "npde.csv", "tests.csv", "check.json", "run.json"}
    assert there == tables | {f"{name}.{suffix}" for name in ("vpc", "npde") for suffix in ("png", "svg")}
    assert len(pd.read_csv(folder / "check" / "npde.csv")) == 80
    again = mtorsim(*CHECK, "--data", "glucose.csv", "--out", "check", "--quiet")
    assert (again.code, "already exists" in again.err) == (2, True)
    again = mtorsim(*CHECK, "--data", "glucose.csv", "--out", "check", "--force", "--json", "--no-figures")
    assert again.code == 0
    printed = json.loads(again.out)
    kept = json.loads((folder / "check" / "check.json").read_text(encoding="utf-8"))
    assert {k: v for k, v in printed.items() if k != "files"} == kept
    assert not (folder / "check" / "vpc.png").exists()
    other = mtorsim("plot", "check")
    assert (other.code, "holds a predictive check" in other.err) == (2, True)


MISTAKES = {
    "1,24,abc": ((), "subject 1, column DV: `abc` is not a number"),
    "1,240,99": ((), "240 h is after the end of the scenario, 96 h"),
    "1,-2,99": ((), "time goes back"),
    "1,0,99": ((), "two values of `glucose` at the same time"),
    "1,24,BLQ": ((), "below a limit that is not given\n  help: give `--lloq`"),
    "1,24,98": (("--of", "glucos"), "no observable `glucos`\n  help: did you mean `glucose`?"),
    "1,24,97": (("--dv-unit", "kg"), "`--dv-unit` = kg: `kg` cannot be converted to `mg/dL`"),
    "1,24,96": (("--bins", "0,30,48"), "no sample from 30 to 48 h"),
    "1,24,95": (("--bins", "many"), "help: auto, a number of bins, or their edges"),
    "1,24,94": (("--cv", "15"), "help: write 0.15 for 15 %"),
    "1,24,93": (("--by", "sex"), "the table has no such column"),
    "1,24,92": (("--arm", "known drug"), "unknown arm `known drug`"),
    "1,24,91": (("--replicates", "3"), "replicates = 3: from 20 to 10,000"),
    "1,24,90": (("--lloq", "-1"), "a limit of quantification is positive"),
    "1,24,89": (("--percentiles", "50,5"), "between 0 and 100, in order"),
    "1,24,88": (("--dvid", "2"), "the table has no column DVID"),
    "1,24,87": (("--versus", "tda"), "it is `time` or `tad`"),
    "1,24,86": (("--column", "DV=level"), "there is no column of measured values"),
}


@pytest.mark.parametrize("row", MISTAKES)
def test_a_mistake_is_one_message_that_says_how_to_mend_it(mtorsim, folder, row):
    more, said = MISTAKES[row]
    (folder / "wrong.csv").write_text(f"ID,TIME,DV\n1,0,95\n{row}\n", encoding="utf-8")
    found = mtorsim(*CHECK, *more, "--data", "wrong.csv", "--quiet")
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert found.err.count("error:") == 1
    assert "Traceback" not in found.err
