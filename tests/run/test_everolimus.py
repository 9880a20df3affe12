"""Everolimus: exposures as measured, the drug acts through its mechanisms and through nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from helpers import bits, scenario, typical
from mtorsim.validation import exposures


@pytest.mark.parametrize("drug", ["everolimus", "everolimus_haematocrit"])
def test_the_typical_subject_has_the_exposure_that_was_measured(drug):
    checked = 0
    for row in exposures.rows():
        trusted = any(s in row.source for s in ("Verheijen", "deWit", "de Wit", "EVEREST"))
        whole = any(s in row.regimen for s in ("SS", "n-weighted", "n=467"))
        if row.drug != "everolimus" or not (trusted and whole) or row.metric == "Cmin_Q3":
            continue
        value = exposures.predict(row, drug)
        assert value is not None
        print(f"{drug} {row.regimen} {row.metric}: {value:.3g}, measured {row.value}")
        assert 0.8 < value / float(row.value) < 1.2, row
        checked += 1
    assert checked == 10


READ = ("everolimus.Cu", "mtor.R", "mtor.M2_liver", "mtor.Z_liver", "mtor.B_loss", "glucose_insulin.f_hepatic")


def test_what_is_lost_at_steady_state_is_the_mean_of_a_steep_function_of_the_unbound_level():
    model = mt.load_model(["glucose_insulin", "mtor", "everolimus"])
    half, gain = (model.parameters[n][0].value for n in ("everolimus.K2_liver", "mtor.gI"))
    result = mt.simulate(typical("84 d", record="0.25 h", observe=READ))
    day = result.series.isel(arm=0, subject=0).sel(time=slice(83 * 24, None))

    def mean(values):
        return float(np.trapezoid(values, day.time) / 24)

    # A linear state follows its input on average, however the level moves within the day.
    lost = mean((day["everolimus.Cu"] / half) ** 3 / (1 + (day["everolimus.Cu"] / half) ** 3))
    print(f"mTORC2 lost in the liver: {lost:.3f}; S6K bound: {mean(day['mtor.R']):.3f}")
    assert 0.15 < lost < 0.6
    assert mean(day["mtor.R"]) > 0.9  # S6K is nearly off, and cannot tell 5 from 10 mg
    assert mean(1 - day["mtor.M2_liver"]) == pytest.approx(lost, abs=2e-3)
    for slow in ("mtor.Z_liver", "mtor.B_loss"):
        assert mean(day[slow]) == pytest.approx(lost, abs=5e-3), slow
    assert mean(day["glucose_insulin.f_hepatic"]) == pytest.approx(1 - gain * lost, abs=5e-3)


def test_fasting_glucose_rises_on_the_drug_and_falls_back_after_it():
    weeks = '["0 weeks", "12 weeks", "20 weeks"]'
    on = mt.simulate(typical("20 weeks", more='stop = "12 weeks"', visits=weeks)).visits.fasting_glucose
    off = mt.simulate(typical("20 weeks", amount="0 mg", visits=weeks)).visits.fasting_glucose
    rise = (on - off).isel(arm=0, subject=0).to_numpy()
    print(f"rise of fasting glucose: {rise[1]:.2f} mg/dL at week 12, {rise[2]:.2f} mg/dL 8 weeks after stopping")
    assert rise[0] == 0
    # In the typical person less glucagon and less insulin action nearly cancel.
    assert 1 < rise[1] < 15
    assert rise[2] < 0.5 * rise[1]


MECHANISMS = """
title = "mechanisms"
model = ["glucose_insulin", "mtor", "mtor_alternatives", "everolimus"]
population = "igt"
subjects = 1
duration = "28 d"

[[dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 d", "14 d", "27 d", "27.2 d", "28 d"]
sample = "random"
"""


def with_arms(arms):
    tables = "".join(
        f'[[arm]]\nname = "{name}"\n'
        + (f'without = "{without}"\n' if without else "")
        + "".join(f"set.{k} = {v}\n" for k, v in values.items())
        for name, without, values in arms
    )
    return mt.simulate(scenario(MECHANISMS + tables))


SWITCHES = {
    "mtorc1.relief": 0,
    "mtorc1.glucagon": 0,
    "insulin_action.muscle": 0,
    "insulin_action.liver": 0,
    "insulin_action.adipose": 0,
    "insulin_action.beta": 0,
    "secretion.capacity": 0,
    "secretion.compensation": 0,
    "secretion.growth": 1,
    "insulin_action.alpha": 1,
    "mtorc1.lipolysis": 1,
    "mtorc1.gluconeogenesis": 1,
    "mtorc2.glucokinase": 1,
    "mtorc1.proliferation": 1,
    "mtorc2.apoptosis": 1,
    "fat_loss": 1,
    "everolimus.exposure": 0,
}


def test_every_mechanism_has_a_switch_that_changes_the_result():
    model = mt.load_model(["glucose_insulin", "mtor", "mtor_alternatives", "everolimus"])
    # Those of infused amino acids do nothing where none are infused.
    assert set(SWITCHES) | {"amino_acids.muscle", "amino_acids.liver"} == set(model.switches)
    result = with_arms([(name.replace(".", " "), None, {name: value}) for name, value in SWITCHES.items()])
    glucose = result.visits.glucose.isel(subject=0)
    as_written = glucose.sel(arm="everolimus").to_numpy()
    for name in SWITCHES:
        change = np.abs(glucose.sel(arm=name.replace(".", " ")).to_numpy() - as_written)[1:].max()
        print(f"{name}: {change:.4f} mg/dL")
        assert change > 1e-4, name


def test_without_any_mechanism_the_drug_does_nothing_to_the_bit():
    heads = dict.fromkeys(("mtorc1", "mtorc2", "insulin_action", "secretion", "fat_loss"), 0)
    result = with_arms([("placebo", "everolimus", {}), ("all off", None, heads)])
    data = result.visits
    physiology = ["glucose", "fasting_glucose", "insulin", "c_peptide", "ffa", "hba1c"]
    for name in physiology:
        off, placebo = (data[name].sel(arm=a).to_numpy() for a in ("all off", "placebo"))
        assert off.tobytes() == placebo.tobytes(), name
    assert float(data.drug_level.sel(arm="all off").max()) > 5
    assert float(data.drug_level.sel(arm="placebo").max()) == 0
    # With the exposure off as well, nothing at all is left of the drug but its amounts.
    found = bits(with_arms([("placebo", "everolimus", {}), ("no exposure", None, {"everolimus.exposure": 0})]))
    assert found["no exposure"] == found["placebo"] != found["everolimus"]


def test_the_drug_is_neither_made_nor_lost():
    """Dose given = amount in the body + cleared; the cleared amount is CL times the integral of the level."""
    names = tuple(f"everolimus.{n}" for n in ("C", "A_gut", "A_c", "A_p"))
    alone = typical("5 d", every="5 d", record="0.02 h", observe=names)
    alone = alone.but(modules=("everolimus",))
    result = mt.simulate(alone, rtol=1e-9)
    s = result.series.isel(arm=0, subject=0)
    at = s.time.to_numpy() <= 119.9
    level, time = s["everolimus.C"].to_numpy()[at], s.time.to_numpy()[at]
    body = sum(float(s[n].to_numpy()[at][-1]) for n in names[1:])
    # The level has a kink where absorption begins, 0.2 h after the dose: a grid point.
    from scipy.integrate import simpson

    cut = int(np.searchsorted(time, 0.2))
    cleared = 21.0 * (simpson(level[: cut + 1], x=time[: cut + 1]) + simpson(level[cut:], x=time[cut:])) / 1000
    assert body + cleared == pytest.approx(10.0, rel=1e-6)
