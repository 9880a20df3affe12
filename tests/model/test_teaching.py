"""The teaching models against closed forms, SciPy on equations typed here, and published facts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import mtorsim as mt
from helpers import scenario

SG, SI, P2, V, GB, IB = 0.0192, 3.5e-4, 0.0254, 1.70, 91.34, 4.50


def whole(data):
    """The only subject of the only arm."""
    return data.isel(arm=0, subject=0)


@cache
def minimal(dose="", more="", duration="5 h", every="1 min", rtol=1e-9):
    """The series of one test in the minimal model; `dose` as lines of a `[[dose]]` table."""
    text = f"""
    title = "test"
    model = ["minimal"]
    population = "ngt"
    subjects = 1
    duration = "{duration}"
    observe = ["minimal.X", "minimal.S"]
    {dose and "[[dose]]"}
    {dose}
    [meals]
    plan = "none"
    {more}
    [visits]
    at = "0 h"
    [record]
    every = "{every}"
    """
    return whole(mt.simulate(scenario(text), rtol=rtol).series)


INJECTED = 'drug = "minimal"\nroute = "iv_glucose"\namount = "300 mg/kg"'
INSULIN = 'drug = "minimal"\nroute = "iv_insulin"\namount = "0.03 U/kg"'
DRUNK = 'drug = "minimal"\namount = "75 g"'
NO_SECRETION = "[set]\nminimal.beta = 0\nminimal.K = 0"


def equations(t, y):
    """The minimal model as in docs/teaching.md, per minute, glucose in mg/dL and insulin in uU/mL."""
    stomach, gut, G, X, Y, P, Gd, I = y
    Ra = 0.90 * 0.027 * gut / 77.9
    wanted = max(0.06 * (1 + 1.15 * Ra / (3.1 + Ra)) * (G - GB), -0.20 * IB)
    secretion = 0.20 * IB + 0.817 * P + 0.817 * 0.90 * max(G - Gd, 0)
    return [
        -0.027 * stomach,
        0.027 * stomach - 0.027 * gut,
        -(SG + X) * G + SG * GB + Ra / V,
        -P2 * X + P2 * SI * (I - IB),
        0.061 * (wanted - Y),
        Y - 0.817 * P,
        0.817 * (G - Gd),
        secretion - 0.20 * I,
    ]


@pytest.mark.parametrize(("dose", "start"), [(INJECTED, (2, 300 / V)), (INSULIN, (7, 30 / 0.078)), (DRUNK, (0, 75000))])
def test_the_minimal_model_agrees_with_scipy(dose, start):
    found = minimal(dose)
    y = np.array([0, 0, GB, 0, 0, 0, GB, IB])
    y[start[0]] += start[1]
    minutes = np.arange(1, 301)
    exact = solve_ivp(equations, (0, 300), y, method="LSODA", t_eval=minutes, rtol=1e-11, atol=1e-11)
    for name, row in (("glucose", 2), ("insulin", 7)):
        value = found[name].to_numpy()[1:]
        assert np.abs(value / exact.y[row] - 1).max() < 1e-6, name


def test_at_rest_the_minimal_model_stays():
    found = minimal(duration="30 d", every="6 h")
    assert np.abs(found.glucose / GB - 1).max() < 1e-9
    assert np.abs(found.insulin / IB - 1).max() < 1e-9


def test_with_basal_insulin_glucose_returns_at_the_rate_of_its_own_effectiveness():
    found = minimal(INJECTED, NO_SECRETION)
    minutes = 60 * found.time.to_numpy()[1:]
    assert np.abs(found.insulin - IB).max() < 1e-9
    assert np.abs(found.glucose.to_numpy()[1:] - GB - 300 / V * np.exp(-SG * minutes)).max() < 1e-5
    half_life = np.interp(0.5, (found.glucose.to_numpy()[:0:-1] - GB) / (300 / V), minutes[::-1])
    assert half_life == pytest.approx(36.1, abs=0.05)


def test_injected_insulin_decays_and_its_action_is_a_difference_of_exponentials():
    found = minimal(INSULIN, "[set]\nminimal.beta = 0\nminimal.K = 0\nminimal.SI = 1e-4")
    minutes, n, peak = 60 * found.time.to_numpy()[1:], 0.20, 30 / 0.078
    assert np.allclose(found.insulin[1:], IB + peak * np.exp(-n * minutes), rtol=1e-6)
    action = P2 * 1e-4 * peak / (n - P2) * (np.exp(-P2 * minutes) - np.exp(-n * minutes))
    assert np.allclose(found["minimal.X"][1:], action, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("si", [1e-4, SI, 1e-3])
def test_insulin_sensitivity_is_recovered_from_the_curves(si):
    """Areas alone: the integral of X is SI times the integral of I - Ib, and follows from G."""
    found = minimal(INJECTED, f"[set]\nminimal.SI = {si}", duration="14 h", every="0.1 min")
    minutes, G, I = 60 * found.time.to_numpy(), found.glucose.to_numpy(), found.insulin.to_numpy()
    G = np.array([GB + 300 / V, *G[1:]])  # the first sample was before the injection
    action = np.log(G[0] / G[-1]) - SG * np.trapezoid(1 - GB / G, minutes)
    assert action / np.trapezoid(I - IB, minutes) == pytest.approx(si, rel=1e-3)


def test_what_is_drunk_is_disposed_of():
    found = minimal(DRUNK, duration="20 h")
    minutes, G = 60 * found.time.to_numpy(), found.glucose.to_numpy()
    disposed = np.trapezoid(V * (SG * (G - GB) + found["minimal.X"].to_numpy() * G), minutes)
    assert disposed == pytest.approx(0.90 * 75000 / 77.9, rel=1e-4)


def test_the_first_phase_is_the_packet_and_of_usual_size():
    found = minimal(INJECTED, "[set]\nminimal.beta = 0\nminimal.SG = 0.002\nminimal.SI = 0", every="0.05 min")
    # Glucose hardly falls: all of K times its jump is released, once.
    above = found["minimal.S"].to_numpy() - 0.20 * IB
    above[0] = 0.817 * 0.90 * 300 / V  # the first sample was before the injection
    assert np.trapezoid(above, 60 * found.time.to_numpy()) == pytest.approx(0.90 * 300 / V, rel=0.02)
    # 60 uU/mL over ten minutes, SD 55, in people with normal tolerance.
    acute = minimal(INJECTED).insulin.to_numpy()[:11]
    assert np.trapezoid(acute, dx=1) / 10 - IB == pytest.approx(60, abs=5)


def test_the_disposition_index_is_what_counts_by_mouth():
    result = mt.simulate("minimal_ogtt", rtol=1e-6)
    assert result.status == {"ok": 1}
    glucose = result.series.glucose.isel(subject=0)
    healthy, compensated = glucose.sel(arm="healthy"), glucose.sel(arm="resistant and compensated")
    assert np.abs(healthy - compensated).max() < 0.5
    two_hours = glucose.sel(time=2)
    assert [round(float(two_hours.sel(arm=a))) for a in two_hours.arm.values] == [136, 188, 136, 164]
    peaks = result.series.insulin.isel(subject=0).max("time")
    assert [round(float(peaks.sel(arm=a))) for a in peaks.arm.values] == [66, 78, 187, 41]
    above = (result.series.insulin.isel(subject=0) - IB).mean("time")
    assert float(above.sel(arm="healthy")) == pytest.approx(20.3, abs=0.05)
    assert float(above.sel(arm="no incretin effect")) == pytest.approx(15.5, abs=0.05)


def test_the_arms_of_the_intravenous_test_part_late():
    glucose = mt.simulate("minimal_ivgtt", rtol=1e-6).series.glucose.isel(subject=0)
    spread = glucose.max("arm") - glucose.min("arm")
    assert float(spread.sel(time=5 / 60, method="nearest")) < 5
    assert float(spread.sel(time=1.25, method="nearest")) > 30


def topp(arm="", more="", duration="3 y", every="7 d", rtol=1e-7):
    """The series of Topp's model in the only person; `arm` as settings from t = 0 on."""
    arms = f'[[arm]]\nname = "changed"\n{arm}' if arm else ""
    text = f"""
    title = "test"
    model = ["topp"]
    population = "ngt"
    subjects = 1
    duration = "{duration}"
    observe = ["topp.B", "topp.S", "topp.growth"]
    {more}
    [meals]
    plan = "none"
    [visits]
    at = "0 h"
    [record]
    every = "{every}"
    {arms}
    """
    return mt.simulate(scenario(text), rtol=rtol).series.isel(arm=-1, subject=0)


def end(series):
    last = series.isel(time=-1)
    return tuple(float(last[n]) for n in ("glucose", "insulin", "topp.B"))


def test_topp_starts_at_the_published_equilibrium_and_stays():
    found = topp(duration="10 y", every="30 d")
    for name, value in (("glucose", 100), ("insulin", 10), ("topp.B", 300)):
        assert np.allclose(found[name], value, rtol=1e-6), name


PUT = """ID,TIME,EVID,AMT,CMT
1,0,5,{glucose},G
1,0,5,{insulin},I
1,0,5,{mass},B
1,0,0,,
1,{hours},0,,
"""


def carried(glucose, insulin, mass, days, tmp_path):
    """Glucose and mass some days after states were put where we want them."""
    (tmp_path / "put.csv").write_text(PUT.format(glucose=glucose, insulin=insulin, mass=mass, hours=24 * days))
    (tmp_path / "look.toml").write_text(
        'title = "t"\nmodel = ["topp"]\npopulation = "ngt"\nduration = "1 d"\nobserve = ["topp.B", "topp.growth"]\n'
        '[visits]\nat = "0 d"\n'
    )
    frame = mt.simulate_events(tmp_path / "look.toml", mt.read_events(tmp_path / "put.csv"), rtol=1e-9)
    return frame.iloc[-1]


def test_mass_stands_still_at_100_and_250_and_only_the_first_is_stable(tmp_path):
    """The roots of -d0 + r1 G - r2 G^2, and what a per cent of mass more or less does there."""
    assert sorted(np.roots([-0.24e-5, 0.84e-3, -0.06])) == pytest.approx([100, 250])
    insulin = (864 / 250 - 1.44) / 0.72
    mass = 432 * insulin * (20000 + 250**2) / (43.2 * 250**2)
    assert (insulin, mass) == pytest.approx((2.8, 36.96))
    still = carried(250, insulin, mass, 5, tmp_path)
    assert (still["glucose"], still["topp.B"]) == pytest.approx((250, mass), rel=1e-4)
    assert still["topp.growth"] == pytest.approx(0, abs=1e-6)
    assert carried(250, insulin, 0.99 * mass, 3000, tmp_path)["glucose"] == pytest.approx(600, abs=0.1)
    assert carried(250, insulin, 1.01 * mass, 3000, tmp_path)["glucose"] == pytest.approx(100, abs=0.1)
    for share in (0.7, 1.4):
        back = carried(100, 10, share * 300, 3000, tmp_path)
        assert (back["glucose"], back["topp.B"]) == pytest.approx((100, 300), rel=1e-4)


def test_without_beta_cells_glucose_is_that_of_production_over_effectiveness(tmp_path):
    assert carried(100, 10, 0, 30, tmp_path)["glucose"] == pytest.approx(864 / 1.44, rel=1e-6)


@pytest.mark.parametrize(("mass", "after"), [(36.5, 600), (37.0, 100)])
def test_how_much_mass_may_be_lost_at_once(mass, after, tmp_path):
    assert carried(100, 10, mass, 3000, tmp_path)["glucose"] == pytest.approx(after, abs=0.1)


def test_a_halved_sensitivity_is_made_up_for_by_doubled_mass():
    found = topp("set.topp.SI = 0.36")
    assert float(found.glucose.max()) > 125
    assert end(found) == pytest.approx((100, 20, 600), rel=1e-4)


def test_who_has_lived_with_it_is_at_rest_with_the_mass_it_takes():
    for name, value, rest in (("SI", 0.36, (100, 20, 600)), ("R0", 1296, (100, 16, 480))):
        found = topp(more=f"[set]\ntopp.{name} = {value}", duration="1 y")
        assert np.allclose(found.glucose, 100, rtol=1e-6)
        assert end(found) == pytest.approx(rest, rel=1e-6)


def test_more_production_is_made_up_for_too():
    assert end(topp("set.topp.R0 = 1296")) == pytest.approx((100, 16, 480), rel=1e-4)


@pytest.mark.parametrize(
    ("si", "tau", "lost"),
    [
        (0.086, 1, False),
        (0.084, 1, True),
        (0.072, 5, False),
        (0.072, 4.9, True),
        (0.036, 20, False),
        (0.036, 19.6, True),
    ],
)
def test_beta_cells_keep_up_with_a_fall_that_is_slow_enough(si, tau, lost):
    glucose, insulin, mass = end(topp(f"set.topp.SI = {si}\nset.topp.tau = {tau}", duration="6 y"))
    if lost:
        assert (glucose, mass) == pytest.approx((600, 0), abs=1e-2)
    else:
        assert (glucose, insulin, mass) == pytest.approx((100, 7.2 / si, 216 / si), rel=1e-3)


def test_topp_agrees_with_scipy_while_sensitivity_falls():
    def slope(t, y):
        G, I, B, S = y
        growth = -0.06 + 0.84e-3 * G - 0.24e-5 * G**2
        return [864 - (1.44 + S * I) * G, 43.2 * B * G**2 / (20000 + G**2) - 432 * I, growth * B, (0.072 - S) / 60]

    days = np.arange(7, 365, 7)
    exact = solve_ivp(slope, (0, 365), [100, 10, 300, 0.72], method="LSODA", t_eval=days, rtol=1e-11, atol=1e-11)
    found = topp("set.topp.SI = 0.072\nset.topp.tau = 60", duration="365 d", rtol=1e-9).isel(time=slice(1, None))
    for row, name in enumerate(("glucose", "insulin", "topp.B", "topp.S")):
        assert np.abs(found[name].to_numpy() / exact.y[row] - 1).max() < 1e-6, name
