"""Forecasts of the model, with few candidates: what they must obey, what they refuse, and the command line."""

from __future__ import annotations

import dataclasses
import json

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, PersonError

mpl.use("Agg")

PERSON = {"sex": "female", "age": 61, "bmi": 29.0, "diabetic": False, "ahead": "2 weeks"}
DOSE = [{"drug": "everolimus", "amount": "10 mg", "every": "24 h"}]
VALUES = [{"day": 0, "fasting_glucose": "104 mg/dL"}, {"day": 7, "fasting_glucose": "121 mg/dL"}]
FEW = {"candidates": 256, "enough": 10, "ahead": 24}


def tables(**more):
    return {"person": PERSON, "dose": DOSE, "measured": VALUES, **more}


@pytest.fixture(scope="module")
def found():
    options = [{"name": "halve", "factor": {"everolimus": 0.5}}, {"name": "hold", "factor": {"everolimus": 0.0}}]
    return mt.forecast(tables(option=options), **FEW)


def test_the_model_at_its_best_is_nearer_to_the_values_than_the_population(found):
    expected, noise = found.inferred.expected, found.inferred.noise_sd
    assert (np.abs(np.log(expected / [104.0, 121.0])) < 1.5 * noise).all()
    # The first value has the assay's error only, the second also that of a day.
    assert noise[0] == pytest.approx(np.log1p(0.02))
    assert noise[1] > 0.04


def test_bands_start_near_the_last_value_and_are_narrower_than_without_it(found):
    low, high = found.band("measured", 0.05)[0], found.band("measured", 0.95)[0]
    assert low < 118 < high
    assert high - low < found.unmeasured_band(0.95)[0] - found.unmeasured_band(0.05)[0]
    widths = [band(0.95)[-1] - band(0.05)[-1] for band in (lambda q: found.band("measured", q), found.unmeasured_band)]
    assert found.narrowed == pytest.approx(1.0 - widths[0] / widths[1])


def test_options_are_compared_in_the_same_candidates(found):
    assert list(found.ahead) == ["as now", "halve", "hold"]
    now = found.values()[found.compared]
    # Little has changed on the first morning; later a smaller dose raises glucose less in everybody.
    np.testing.assert_allclose(found.values(option="hold")[:, 0], now[:, 0], rtol=0.02)
    assert (found.values(option="hold")[:, -1] < now[:, -1]).all()
    assert found.change("hold")[0] < found.change("halve")[0] < 0


def test_grades_are_probabilities(found):
    np.testing.assert_allclose(found.grades().sum(axis=1), 1.0)
    worst = found.worst()
    assert (np.diff(worst, axis=0) >= 0).all()
    assert (np.diff(worst, axis=1) <= 0).all()
    assert len(worst) == len(found.weekly) == 2


def test_a_forecast_says_what_it_rests_on(found):
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["candidates"] == found.inferred.candidates
    assert "not for patient care" in plain["notice"]
    assert len(plain["values"]) == 2
    # So few candidates should not be relied on, and it says so.
    assert "effective candidates" in found.inferred.agreement
    assert "SD" in dataclasses.replace(found.inferred, effective=200.0).agreement
    assert len(found.table) == 3 * len(found.days)
    assert "fasting glucose on day 21" in repr(found)


def test_the_picture_has_the_values_and_the_options(found):
    figure = mt.plot.forecast(found)
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ["as now", "halve", "hold"]


def test_threads_and_company_change_no_bit():
    alone = mt.forecast(tables(), compare=False, threads=1, **FEW)
    other = tables(measured=[{"day": 0, "fasting_glucose": "5 mg/dL"}])
    together = mt.forecasts([tables(), other], threads=2, **FEW)
    assert isinstance(together[1], PersonError)
    np.testing.assert_array_equal(alone.values(), together[0].values())
    again = mt.forecast(tables(), compare=False, threads=2, **FEW)
    np.testing.assert_array_equal(alone.values(), again.values())
    assert alone.inferred.effective == again.inferred.effective


def test_a_value_that_contradicts_the_others_is_refused_by_name():
    wrong = [*VALUES, {"day": 14, "fasting_glucose": "600 mg/dL"}]
    with pytest.raises(PersonError, match="contradicts the model: in view of the other values") as raised:
        mt.forecast(tables(measured=wrong), compare=False, **FEW)
    assert "600 mg/dL on day 14" in str(raised.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"person": {k: v for k, v in PERSON.items() if k != "sex"}}, "say what `sex` is"),
        ({"person": {k: v for k, v in PERSON.items() if k != "diabetic"}}, "say whether the person was known"),
        ({"person": {**PERSON, "groups": {"diabetics": True}}}, "did you mean `diabetic`"),
        ({"person": {**PERSON, "covariates": {"haematocrite": 0.4}}}, "did you mean `haematocrit`"),
        ({"measured": [{"day": 0, "weight": "70 kg"}]}, "no `weight`"),
        ({"person": {**PERSON, "population": "breast_postmenopausal", "sex": "male"}}, "who are all women"),
        ({"person": {**PERSON, "population": "children"}}, "is outside `children`"),
    ],
)
def test_what_must_be_said_is_asked_for(more, message):
    with pytest.raises((PersonError, ArgumentError), match=message):
        mt.forecast(tables(**more), compare=False, **FEW)


def test_values_beyond_limits_that_exclude_each_other_are_refused():
    wrong = [{"day": 0, "fasting_glucose": "90 mg/dL"}, {"day": 7, "fasting_glucose": "> 800 mg/dL"}]
    with pytest.raises(PersonError, match="contradicts the model"):
        mt.forecast(tables(measured=wrong), compare=False, **FEW)


def test_a_level_without_a_drug_says_so():
    level = [{"day": 0, "drug_level": "15 ug/L"}]
    with pytest.raises(PersonError) as raised:
        mt.forecast(tables(measured=level), compare=False, **FEW)
    assert raised.value.help == "no drug is given by then"


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"candidates": 10}, {"ahead": 1}, {"enough": 0.5}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ArgumentError, match=f"{next(iter(wrong))} ="):
        mt.forecast(tables(), **{**FEW, **wrong})


def test_the_command_line(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mtorsim("new", "person", "patient").code == 0
    # With one option, as the comment in the file shows, instead of the usual ones.
    text = (tmp_path / "patient.toml").read_text().replace("12 weeks", "1 week")
    for line in ("[[option]]", 'name = "5 mg a day"', "factor = { everolimus = 0.5 }"):
        text = text.replace(f"# {line}", line, 1)
    (tmp_path / "patient.toml").write_text(text)
    monkeypatch.setattr("mtorsim.analysis.forecast.forecast.AHEAD", 12)
    ran = mtorsim("forecast", "patient.toml", "--candidates", "256", "--figure", "ahead.png", "--json", "--quiet")
    assert ran.code == 0, ran.err
    assert list(json.loads(ran.out)["options"]) == ["as now", "5 mg a day"]
    assert (tmp_path / "ahead.png").stat().st_size > 10_000
    wrong = mtorsim("run", "patient.toml")
    assert wrong.code == 2
    assert "`mtorsim forecast patient.toml` reads it" in wrong.err
    assert mtorsim("forecast", "none.toml").code == 2


def test_the_command_line_forecasts_whom_it_can(mtorsim, tmp_path):
    table = tmp_path / "clinic.csv"
    table.write_text(
        "id,sex,age,bmi,diabetic,ahead,day,drug,amount,every,fasting_glucose (mg/dL)\n"
        "A,female,61,27,no,1 week,0,everolimus,10 mg,24 h,101\nB,female,61,27,no,1 week,0,,,,5.6\n"
    )
    ran = mtorsim("forecast", table, "--candidates", "256", "--quiet")
    assert ran.code == 1
    assert "is it 5.6 mmol/L" in ran.err
    assert "day 7" in ran.out
    drawn = mtorsim("forecast", table, "--figure", tmp_path / "x.png")
    assert drawn.code == 2
    assert "draws one person" in drawn.err
