"""Who is drawn: medians, spreads, correlations, groups and covariates as the file says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mtorsim.errors import SettingError
from mtorsim.files.library import Library
from mtorsim.model.compose import load_model
from mtorsim.population.read import load_population
from mtorsim.population.settings import apply_settings

N = 60_000


@pytest.fixture(scope="module")
def women():
    model = load_model(["glucose_insulin", "mtor", "everolimus"])
    population = load_population("breast_postmenopausal", model)
    values, plausible = population.draw(4, np.arange(N))
    return population, values, plausible


def logs(values, name):
    return np.log(values[f"glucose_insulin.{name}"])


def test_medians_and_spreads_are_the_files(women):
    _, values, _ = women
    for name, median, iiv in (("kmax", 0.07732, 0.37), ("RT", 215, 0.07)):
        x = values[f"glucose_insulin.{name}"]
        assert np.median(x) == pytest.approx(median, rel=0.01)
        assert np.log(x).std() == pytest.approx(iiv, rel=0.02)
    weight = values["glucose_insulin.BW"]
    assert np.median(weight) == pytest.approx(77, rel=0.01)
    assert np.log(weight).std() == pytest.approx(0.17, rel=0.02)
    assert values["age"].mean() == pytest.approx(62, abs=0.2)
    assert values["age"].std() == pytest.approx(10, rel=0.02)


def test_a_cv_is_turned_into_the_sd_of_the_logarithm_exactly(women):
    _, values, _ = women
    for name, cv in (("everolimus.CL", 0.36), ("everolimus.V1", 0.60)):
        assert np.log(values[name]).std() == pytest.approx(math.sqrt(math.log1p(cv**2)), rel=0.02)
        assert values[name].std() / values[name].mean() == pytest.approx(cv, rel=0.04)


def test_correlations_are_those_of_the_file(women):
    population, values, _ = women
    outside = (values["group susceptible"] == 0) & (values["group diabetic"] == 0)
    age = values["age"]

    def deviate(name):
        if name == "bmi":
            return np.log(values["bmi"])[outside]
        x = logs(values, name)
        if name in ("SIp", "SIh", "SIa"):
            x = x + 0.0081 * (age - 45)
        if name == "phis":
            x = x + 0.153 * (logs(values, "SIp") + logs(values, "SIh"))
        if name == "CLI":
            x = x - 0.05 * (logs(values, "SIp") + logs(values, "SIh"))
        return x[outside]

    assert len(population.correlation) == 13
    for (a, b), value in population.correlation.items():
        found = np.corrcoef(deviate(a.rpartition(".")[2]), deviate(b.rpartition(".")[2]))[0, 1]
        assert found == pytest.approx(value, abs=0.015), (a, b)


def test_medians_follow_their_covariates(women):
    _, values, _ = women
    outside = (values["group susceptible"] == 0) & (values["group diabetic"] == 0)
    slope = np.polyfit(values["age"][outside], logs(values, "SIp")[outside], 1)[0]
    assert slope == pytest.approx(-0.0081, abs=0.001)
    assert np.array_equal(values["everolimus.Hct"], values["haematocrit"])


def test_men_and_women_have_their_share_and_their_size():
    model = load_model(["glucose_insulin", "mtor", "everolimus"])
    kidney = load_population("renal_cell", model)
    values, _ = kidney.draw(4, np.arange(N))
    men = values["male"] == 1
    assert set(np.unique(values["male"])) == {0.0, 1.0}
    assert men.mean() == pytest.approx(0.77, abs=0.005)
    for name, wanted in (("height", 0.13), ("haematocrit", 0.03)):
        x = values[name]
        assert x[men].mean() - x[~men].mean() == pytest.approx(wanted, rel=0.05)
        assert x[men].std() == pytest.approx(x[~men].std(), rel=0.03)  # the spread is that of one sex
    surface = np.sqrt(100 * values["height"] * values["glucose_insulin.BW"] / 3600)
    assert np.allclose(values["bsa"], surface, rtol=1e-12)
    volume = np.where(men, 1.92 * surface + 0.64, 1.11 * surface + 2.04)
    assert np.allclose(values["glucose_insulin.VC"], volume, rtol=1e-12)
    women, _ = apply_settings(kidney, {"male": 0})
    with pytest.raises(SettingError, match="share of `male` is 2"):
        apply_settings(kidney, {"male": 2})
    others, _ = women.draw(4, np.arange(N))
    assert not others["male"].any()
    assert np.array_equal(others["height"][~men], values["height"][~men])  # who was a woman stays the same woman


def test_a_group_has_its_share_and_its_factors(women):
    _, values, _ = women
    known = values["group diabetic"] == 1
    assert known.mean() == pytest.approx(next(g.share for g in women[0].groups if g.name == "diabetic"), abs=0.005)
    member = (values["group susceptible"] == 1)[~known]
    values = {name: np.broadcast_to(x, known.shape)[~known] for name, x in values.items()}
    assert member.mean() == pytest.approx(0.13, abs=0.005)
    for name, factor in (("kap", 0.3), ("phid", 0.5)):
        x = values[f"glucose_insulin.{name}"]
        assert np.median(x[member]) / np.median(x[~member]) == pytest.approx(factor, rel=0.04)


def test_shares_stay_between_0_and_1(women):
    _, values, _ = women
    for name, median in (("mtor.gZ", 0.3110), ("mtor.gS", 0.2096)):
        x = values[name]
        assert 0 < x.min() < x.max() < 1
        assert np.median(x) == pytest.approx(median, rel=0.02)
        assert np.log(x / (1 - x)).std() == pytest.approx(0.7, rel=0.02)


def test_people_outside_a_range_are_not_plausible(women):
    _, values, plausible = women
    inside = (values["age"] >= 35) & (values["age"] <= 90)
    inside &= (values["haematocrit"] >= 0.22) & (values["haematocrit"] <= 0.50)
    inside &= (values["height"] >= 1.40) & (values["height"] <= 2.05)
    inside &= (values["bmi"] >= 15) & (values["bmi"] <= 55)
    inside &= (values["glucose_insulin.kmax"] >= 0.025) & (values["glucose_insulin.kmax"] <= 0.2)
    assert np.array_equal(plausible, inside)
    assert not plausible.all()


def test_a_setting_moves_the_median_and_leaves_the_spread(women):
    population, values, _ = women
    moved, switches = apply_settings(population, {"kmax": 0.1, "haematocrit": 0.30, "mtorc2": 0})
    other, _ = moved.draw(4, np.arange(N))
    assert np.allclose(other["glucose_insulin.kmax"], values["glucose_insulin.kmax"] * 0.1 / 0.07732, rtol=1e-12)
    assert np.allclose(other["everolimus.Hct"], values["haematocrit"] - 0.07, rtol=1e-12)
    assert np.array_equal(other["everolimus.CL"], values["everolimus.CL"])
    assert {v for n, v in switches.items() if n.startswith("mtorc2.")} == {0.0}
    assert switches["mtorc1.secretion"] == 1


def test_every_population_of_the_library_has_sources_and_grades():
    import tomllib

    for path in Library().populations.values():
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        lines = [*data.get("covariates", {}).values(), *data.get("parameters", {}).values()]
        assert all(line["source"] and line["evidence"] for line in lines), path
