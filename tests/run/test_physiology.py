"""The untreated person: the oral test as measured, a steady self, conservation."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mtorsim as mt
from helpers import PUBLISHED, published, scenario
from mtorsim.validation.check import reference


def test_the_oral_test_of_the_reference_person_is_as_measured():
    rows = list(reference("ogtt_healthy.csv"))
    found = mt.simulate("ogtt").visits.isel(arm=0, subject=0)
    inside = 0
    for row in rows:
        data = found[row["analyte"]]
        assert data.attrs["units"] == row["unit"]
        value = float(data.sel(time=float(row["minute"]) / 60, method="nearest"))
        inside += abs(value - float(row["mean"])) <= float(row["sd"])
    assert len(rows) == 52
    print(f"{inside} of {len(rows)} points inside 1 SD")
    assert inside == len(rows)


@pytest.fixture(scope="module")
def untreated():
    text = """
    title = "untreated"
    model = ["glucose_insulin", "mtor", "everolimus"]
    population = "{0}"
    duration = "181 d"
    observe = ["glucose_insulin.beta"]
    [visits]
    at = {1}
    sample = "random"
    """
    at = [f'"{24 * day + hour} h"' for day in (0, 180) for hour in range(24)]
    return {
        population: mt.simulate(scenario(text.format(population, "[" + ", ".join(at) + "]")), subjects=200)
        for population in ("healthy_adults", "breast_postmenopausal")
    }


@pytest.mark.parametrize("population", ["healthy_adults", "breast_postmenopausal"])
def test_nobody_drifts_untreated(untreated, population):
    result = untreated[population]
    assert result.status == {"ok": 200}
    glucose = result.visits.glucose.isel(arm=0)
    first, last = glucose.isel(time=slice(0, 24)).mean("time"), glucose.isel(time=slice(24, 48)).mean("time")
    drift = np.abs(last / first - 1)
    print(f"largest drift of daily mean glucose over 180 days, {population}: {100 * float(drift.max()):.4f} %")
    assert float(drift.max()) < 0.0015


def test_entry_criteria_hold_for_everyone(untreated):
    healthy = untreated["healthy_adults"].visits
    fasting = healthy.fasting_glucose.isel(arm=0, time=0)
    assert float(fasting.min()) >= 70
    assert float(fasting.max()) <= 99
    ill = untreated["breast_postmenopausal"].visits
    assert float(ill.fasting_glucose.isel(arm=0, time=0).max()) <= 165
    assert float(ill.hba1c.isel(arm=0, time=0).max()) < 8
    # Both populations vary: a filter that lets one kind of person through would show here.
    assert float(fasting.std()) > 3
    assert float(ill.fasting_glucose.isel(arm=0, time=0).std()) > 8


@pytest.mark.parametrize("preset", ["ngt", "ngt_obese", "igt", "t2d_mild", "t2d", "t1d"])
def test_every_preset_rests_and_stays_at_rest(preset):
    text = f"""
    title = "fasting"
    model = ["glucose_insulin"]
    population = "{preset}"
    subjects = 1
    duration = "7 d"
    [visits]
    at = ["0 d", "1 d", "7 d"]
    """
    result = mt.simulate(scenario(text), rtol=1e-4)
    values = result.visits.fasting_glucose.to_numpy().ravel()
    assert result.status == {"ok": 1}
    assert np.ptp(values) < 0.05
    low, high = {
        "ngt": (85, 97),
        "ngt_obese": (85, 105),
        "igt": (90, 115),
        "t2d_mild": (110, 160),
        "t2d": (140, 260),
        "t1d": (90, 180),
    }[preset]
    assert low < values[0] < high


def test_ingested_glucose_is_neither_made_nor_lost():
    """What left the gut and the blood of a meal equals what was eaten: the sum of all fluxes closes."""
    from equations import right_hand_side
    from mtorsim.compiler.build import build_system
    from mtorsim.model.compose import load_model
    from mtorsim.model.inflow import is_inflow

    system = build_system(load_model(["glucose_insulin"]))
    index = {n.removeprefix("glucose_insulin."): i for i, n in enumerate(system.states)}
    function = right_hand_side(system)
    rng = np.random.default_rng(5)
    p = np.array(
        [
            0.0 if is_inflow(n) else system.model.parameters[n][0].value or 1.0 if n in system.model.parameters else 1.0
            for n in system.parameters
        ]
    )
    named = dict(zip((n.partition(".")[2] for n in system.parameters), p, strict=True))
    for _ in range(20):
        y = rng.uniform(0.5, 1.5, len(system.states)) * np.array([system.scales[s] for s in system.states])
        dy = function(y, p) / 60.0
        gut = dy[index["Qs1"]] + dy[index["Qs2"]] + dy[index["Qg"]]
        absorbed = named["kabs"] * y[index["Qg"]]
        assert gut == pytest.approx(-absorbed, rel=1e-12)
        # C-peptide: what the two pools gain and lose is secretion less elimination.
        secreted = dy[index["C1"]] + dy[index["C2"]] + named["k01"] * y[index["C1"]]
        pool = -dy[index["R"]] + y[index["Y"]]
        assert secreted == pytest.approx(pool * named["BW"] / named["VC"], rel=1e-10)


def test_the_oral_test_agrees_with_an_independent_implementation():
    """tests/published/oracle_ogtt.py: the same equations typed by hand, at parameters that stand beside its results."""
    rows = published("oracle_ogtt.csv")
    given = json.loads((PUBLISHED / "oracle_ogtt.json").read_text(encoding="utf-8"))
    presets = sorted({row["population"] for row in rows})
    assert presets == ["igt", "ngt", "ngt_obese", "t2d", "t2d_mild"]
    largest = dict.fromkeys(("glucose", "insulin", "c_peptide", "ffa"), 0.0)
    for preset in presets:
        found = mt.simulate("ogtt", population=preset, settings=given[preset], rtol=1e-6).visits.isel(arm=0, subject=0)
        for row in (r for r in rows if r["population"] == preset):
            for name in largest:
                value = float(found[name].sel(time=float(row["minute"]) / 60, method="nearest"))
                largest[name] = max(largest[name], abs(value / float(row[name]) - 1))
    print({name: f"{100 * x:.4f} %" for name, x in largest.items()})
    assert max(largest.values()) < 1e-3


@pytest.mark.parametrize("population", ["healthy_adults", "breast_postmenopausal"])
def test_nobody_is_admitted_whose_stomach_cannot_empty_what_is_eaten(population):
    from mtorsim.model.compose import load_model
    from mtorsim.population.read import load_population

    people = load_population(population, load_model(["glucose_insulin"]))
    values, plausible = people.draw(1, np.arange(50_000))
    capacity = values["glucose_insulin.kmax"] * values["glucose_insulin.Qsat"] * 1440 / 1000  # g a day
    assert capacity[plausible].min() > 1.3 * 220
    assert capacity.min() < 1.3 * 220  # such people are drawn, and turned away


def meals(population, *lines, observe="[]"):
    """A fasting day of a preset with the meals of some lines, sampled every half hour for six hours."""
    added = "\n".join(f"[[meals.add]]\n{line}" for line in lines)
    text = f"""
    title = "meals"
    model = ["glucose_insulin"]
    population = "{population}"
    subjects = 1
    duration = "1 d"
    observe = {observe}
    [meals]
    plan = "none"
    {added}
    [visits]
    at = ["0 h", "every 0.5 h"]
    sample = "random"
    """
    return mt.simulate(scenario(text)).visits.isel(arm=0, subject=0)


def test_protein_raises_glucagon_and_insulin_and_fat_delays_glucose():
    plain = meals("ngt", 'at = "0 h"\ncarbohydrate = "60 g"')
    protein = meals("ngt", 'at = "0 h"\ncarbohydrate = "60 g"\nprotein = "40 g"')
    fat = meals("ngt", 'at = "0 h"\ncarbohydrate = "60 g"\nfat = "40 g"')
    hours = slice(1, 6)
    glucagon = [float(x.glucagon.isel(time=hours).mean()) for x in (plain, protein)]
    insulin = [float(x.insulin.isel(time=hours).mean()) for x in (plain, protein)]
    print(f"glucagon {glucagon[0]:.2f}, {glucagon[1]:.2f}; insulin {insulin[0]:.1f}, {insulin[1]:.1f}")
    assert glucagon[0] < 0.9 < glucagon[1]
    assert insulin[1] > 1.05 * insulin[0]
    peak = [float(x.glucose.max()) for x in (plain, protein, fat)]
    assert abs(peak[1] - peak[0]) < 10
    assert peak[2] < peak[0] - 5
    # Fat delays and takes nothing away: two hours after the peak there is more of it to come.
    assert float(fat.glucose.isel(time=8)) > float(plain.glucose.isel(time=8))


def test_protein_alone_keeps_glucose_where_it_is():
    alone = meals("ngt", 'at = "0 h"\ncarbohydrate = "0 g"\nprotein = "50 g"')
    assert float(np.abs(alone.glucose - alone.glucose[0]).max()) < 10
    assert float(alone.glucagon.max()) > 1.3
    # With hardly any insulin of one's own, glucagon raises glucose.
    type_1 = meals("t1d", 'at = "0 h"\ncarbohydrate = "0 g"\nprotein = "50 g"')
    assert float(type_1.glucose.max() - type_1.glucose[0]) > 20


def test_a_plan_is_eaten_by_energy_need_and_a_meal_that_is_added_as_written():
    text = """
    title = "eaten"
    model = ["glucose_insulin"]
    population = "adults"
    subjects = 12
    duration = "1 d"
    observe = ["glucose_insulin.Qp"]
    {}
    [visits]
    at = ["0.1 h"]
    sample = "random"
    """
    planned = mt.simulate(scenario(text.format('[meals]\nplan = "three a day"')))
    added = mt.simulate(
        scenario(
            text.format('[meals]\nplan = "none"\n[[meals.add]]\nat = "0 h"\ncarbohydrate = "0 g"\nprotein = "20 g"')
        )
    )
    people = planned.people
    need = 10 * people.bmi * people.height**2 + 625 * people.height - 5 * people.age + 166 * people.male - 161
    left = float(np.exp(-0.015 * 6))
    # What was left of the day before is in there too, a thousandth.
    eaten, written = (r.visits["glucose_insulin.Qp"].to_numpy().ravel() / left for r in (planned, added))
    assert np.allclose(eaten, 20 * need / 1649, rtol=2e-3)
    assert np.allclose(written, 20, rtol=2e-3)
