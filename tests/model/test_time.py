"""Equations that depend on time: clocks, conditions, waves, delays and transit compartments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma

import mtorsim as mt
from helpers import TESTS
from mtorsim.compiler.solver import METHODS
from mtorsim.files.library import Library
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model
from mtorsim.run.layout import following
from mtorsim.stats.draws import uniform

LIBRARY = Library((TESTS,))
W, K, R0, MTT = 0.7, 0.3, 10.0, 2.0


@pytest.fixture
def records(tmp_path):
    """`records(rows, ...)`: the records of a table, run through `clocked` or a module written here."""

    def go(rows, module=None, **options):
        path = tmp_path / "data.csv"
        path.write_text("ID,TIME,EVID,AMT,CMT,II,ADDL,SS\n" + rows, encoding="utf-8")
        library, name = LIBRARY, "clocked"
        if module is not None:
            (tmp_path / "written.toml").write_text(module, encoding="utf-8")
            library, name = Library((tmp_path,)), "written"
        options = {"rtol": 1e-10, **options}
        return mt.simulate_events([name], mt.read_events(path), library=library, **options)

    return go


def seen(times):
    return "".join(f"1,{t},0,,,,,\n" for t in times)


def by_chain(t, amount=100.0, stages=5):
    """Amount after a dose through transit compartments: the Erlang density followed by elimination."""
    density = lambda s: gamma.pdf(s, stages, scale=MTT / stages) * np.exp(-K * (t - s))  # noqa: E731
    return amount * quad(density, 0, t, epsabs=1e-13, epsrel=1e-13, points=[min(2.0, t / 2)])[0] if t > 0 else 0.0


@pytest.mark.parametrize("method", METHODS)
def test_closed_forms(records, method):
    times = np.array([0, 1, 4, 4.999, 5, 5.5, 8, 24])
    frame = records("1,0,1,100,formula,,,\n1,0,1,100,chain,,,\n" + seen(times), method=method).iloc[2:]
    assert np.allclose(frame.clock, times, atol=1e-9)
    assert np.allclose(frame.x, 1 - np.cos(W * times), atol=2e-8)
    infused = R0 / K * (1 - np.exp(-K * np.minimum(times, 5))) * np.exp(-K * np.maximum(times - 5, 0))
    assert np.allclose(frame.a, infused, rtol=1e-8, atol=1e-8)
    wanted = [by_chain(t) for t in times]
    assert np.allclose(frame.b, wanted, rtol=1e-8, atol=1e-7)
    # Savic's formula with lgamma and the time after the dose is the same chain.
    assert np.allclose(frame.g, wanted, rtol=1e-6, atol=1e-5)


def test_several_doses_superpose(records):
    times = np.array([3, 12, 15, 27, 40])
    frame = records("1,0,1,100,chain,12,2,\n" + seen(times)).iloc[1:]
    assert np.allclose(frame.b, [sum(by_chain(t - s) for s in (0, 12, 24) if s < t) for t in times], rtol=1e-8)
    frame = records("1,0,1,100,formula,12,2,\n" + seen(times)).iloc[1:]
    # The formula forgets a dose when the next one comes; after six mean transit times there is nothing left of it.
    assert np.allclose(frame.g, [sum(by_chain(t - s) for s in (0, 12, 24) if s < t) for t in times], rtol=1e-5)


def test_steady_state_of_a_formula_of_the_time_after_dose(records):
    times = np.array([0, 2, 7, 11.9])
    rate = "last_dose * k * exp(5 * log(max(k * tad, 1e-9)) - k * tad - lgamma(6)) - 0.3 * k * A"
    steady = records("1,0,1,100,iv,12,,1\n" + seen(times), one(rate, to="dummy")).iloc[1:]
    written = records("1,0,1,100,iv,12,30,\n" + seen(times + 360), one(rate, to="dummy")).iloc[1:]
    assert np.allclose(steady.a, written.a, rtol=1e-7)
    with pytest.raises(mt.MtorsimError, match="valid only for a linear drug"):
        records("1,0,1,100,iv,12,,2\n" + seen(times), one(rate, to="dummy"))


def test_the_clock_is_the_time_of_the_table(records):
    rows = "1,-3,0,,,,,\n1,-1,0,,,,,\n1,4,0,,,,,\n1,6,0,,,,,\n1,0,3,,,,,\n1,2,0,,,,,\n1,6,0,,,,,\n"
    frame = records(rows)
    assert np.allclose(frame.clock, [-3, -1, 4, 6, 0, 2, 6], atol=1e-9)
    infused = lambda t, since: R0 / K * (1 - np.exp(-K * (min(t, 5) - since))) * np.exp(-K * max(t - 5, 0))  # noqa: E731
    wanted = [*(infused(t, -3) for t in (-3, -1, 4, 6)), *(infused(t, 0) for t in (0, 2, 6))]
    assert np.allclose(frame.a, wanted, rtol=1e-8, atol=1e-8)


def test_a_delay_is_a_gamma_distribution(records):
    """The wave that starts at 0, spread by the distribution of the delay."""
    times = np.array([0.5, 2, 5, 9])
    frame = records(seen([0, *times])).iloc[1:]
    for t, found in zip(times, frame.l, strict=True):
        spread = lambda s, t=t: gamma.pdf(s, 30, scale=1.5 / 30) * (1 - np.cos(W * (t - s)))  # noqa: E731
        assert found == pytest.approx(quad(spread, 0, t, epsabs=1e-12)[0], abs=1e-8)
    # The error against a sharp delay is about tau**2 / (2 n) times the second derivative.
    late = frame.l.to_numpy()[1:] - (1 - np.cos(W * (times[1:] - 1.5)))
    assert np.allclose(late, 1.5**2 / 60 * W**2 * np.cos(W * (times[1:] - 1.5)), atol=2e-3)


def test_in_a_scenario_the_clocks_follow_doses_that_are_taken():
    scenario = mt.Scenario(
        model=["clocked"],
        population="typical",
        subjects=12,
        duration="2 d",
        visits={"at": [f"{h} h" for h in (0, 3, 13, 26, 47)], "sample": "random"},
        doses=[mt.Dose("clocked", "100 mg", every="12 h", route="formula", missed=0.4)],
        observe=["clocked.tad", "clocked.last_dose", "clocked.t", "clocked.A", "clocked.G"],
        library=LIBRARY,
    )
    result = mt.simulate(scenario, rtol=1e-8)
    data = result.visits.isel(arm=0)
    assert np.allclose(data["clocked.t"], [[0, 3, 13, 26, 47]] * 12, atol=1e-8)
    tad, last = data["clocked.tad"].to_numpy(), data["clocked.last_dose"].to_numpy()
    assert set(last[:, 1:].ravel()) == {0.0, 100.0}
    for j, t in enumerate((0, 3, 13, 26, 47)):
        since = [t - 12 * k for k in range(5) if 12 * k < t] + [t]
        assert all(min(abs(np.array(since) - x)) < 1e-8 for x in tad[:, j])
    # A missed dose leaves the time after the last one running.
    assert len(set(np.round(tad[:, 3], 6))) > 1
    wanted = R0 / K * (1 - np.exp(-K * 5)) * np.exp(-K * (13 - 5))
    assert np.allclose(data["clocked.A"].to_numpy()[:, 2], wanted, rtol=1e-7)


@pytest.mark.parametrize("interval", [3, 8])
@pytest.mark.parametrize("missed", [0.0, 0.5])
def test_a_release_of_fixed_duration(tmp_path, interval, missed):
    """Zero-order release for five hours after each dose; an earlier dose prolongs it, a missed one does not."""
    rate = "where(tad < 2.5 * T1 and last_dose > 0, A0 * k, 0)"
    (tmp_path / "written.toml").write_text(one(rate, to="dummy"), encoding="utf-8")
    scenario = mt.Scenario(
        model=["written"],
        population="typical",
        subjects=9,
        duration="24 h",
        visits={"at": "24 h", "sample": "random"},
        doses=[mt.Dose("written", "7 mg", every=f"{interval} h", missed=missed)],
        library=Library((tmp_path,)),
    )
    result = mt.simulate(scenario, rtol=1e-9)
    given = np.arange(0, 24, interval)
    taken = (
        uniform(scenario.seed, ["missed written.iv"], np.arange(9)[:, None], np.arange(len(given))[None, :])[0]
        >= missed
    )
    for subject in range(9):
        doses = given[taken[subject]]
        # The union of the five hours after each dose, to the end; before the first dose there is nothing to release.
        minutes = (np.arange(24 * 60) + 0.5) / 60
        wanted = sum(any(d <= t < d + 5 for d in doses) for t in minutes) / 60
        assert float(result.visits.a[0, subject, 0]) == pytest.approx(1 + wanted, abs=1e-7)


ONE = """
[module]
name = "written"
about = "one state"
time = "{time}"
[parameters]
T1 = {{ value = 2, unit = "h", about = "a time", source = "this_work", evidence = "convention" }}
k = {{ value = 1, unit = "1/h", about = "a rate", source = "this_work", evidence = "convention" }}
A0 = {{ value = 1, unit = "mg", about = "amount at the start", source = "this_work", evidence = "convention" }}
[states]
A = {{ unit = "mg", initial = "A0", about = "amount" }}
dummy = {{ unit = "mg", initial = 0, about = "where doses end" }}
[derivatives]
A = "{rate}"
dummy = "0"
[doses.iv]
to = "{to}"
unit = "mg"
about = "bolus"
bioavailability = "{fraction}"
[observables]
a = {{ is = "A", unit = "mg", about = "amount" }}
"""


def one(rate, fraction="1", time="h", to="A"):
    return ONE.format(rate=rate, fraction=fraction, time=time, to=to)


@pytest.mark.parametrize(
    ("condition", "decays"),
    [
        ("t < T1", [(0, 2)]),
        ("t >= T1", [(2, 9)]),
        ("T1 > t", [(0, 2)]),
        ("t > 1 * T1 and t <= 3.5 * T1", [(2, 7)]),
        ("t < 0.5 * T1 or t > 4 * T1", [(0, 1), (8, 9)]),
    ],
)
def test_conditions(records, condition, decays):
    times = [0, 0.5, 1, 2, 3, 6.9, 7.1, 8, 9]
    frame = records(seen(times), one(f"-where({condition}, k, 0 * k) * A"))
    hours = [sum(max(0.0, min(t, b) - a) for a, b in decays) for t in times]
    assert np.allclose(frame.a, np.exp(-np.array(hours)), rtol=1e-8)


def test_the_clock_is_in_hours_in_any_module(records):
    frame = records(seen([0, 1, 3]), one("-0.01 * A * t * k * k", time="min"))
    assert np.allclose(frame.a, np.exp(-0.005 * np.array([0, 1, 9])), rtol=1e-8)


@pytest.mark.parametrize(
    ("rate", "fraction", "said"),
    [
        ("-where(k, k, k) * A", "1", "`k` is not a condition"),
        ("-where(t < T1 < 5 * T1, k, k) * A", "1", "`t < T1 < 5 . T1` is not a condition"),
        ("-where(t == T1, k, k) * A", "1", "`t == T1` is not a condition"),
        ("-(t < T1) * A", "1", "`t < T1` is not allowed in an equation"),
        ("-where(t < k, k, k) * A", "1", "`t` is in h but `k` is in 1/h"),
        ("-where(t < T1, k, T1) * A", "1", "`k` is in 1/h but `T1` is in h"),
        ("-k * A * sin(t)", "1", "`sin` needs a pure number but `t` is in h"),
        ("-k * A * t / T1", "t / T1", "`t` changes with time; a dose may depend on parameters only"),
        ("-k * A * TIME / T1", "1", "unknown name `TIME`\n.*\n.*\n.*`t` is the time since the start"),
    ],
)
def test_messages(tmp_path, rate, fraction, said):
    path = tmp_path / "written.toml"
    path.write_text(one(rate, fraction), encoding="utf-8")
    with pytest.raises(mt.MtorsimError, match=said):
        check_model(load_model("written", Library((tmp_path,))), {"this_work": None})


def test_the_clock_has_no_steady_state(records):
    with pytest.raises(mt.MtorsimError, match="equations with `t` have no steady state"):
        records("1,0,1,10,iv,12,,1\n", one("-k * A * (1 + sin(k * t))"))


@settings(max_examples=100, deadline=None)
@given(starts=st.lists(st.integers(0, 6), min_size=1, max_size=8), data=st.data())
def test_the_following_dose_is_the_first_that_is_given_later(starts, data):
    """Several may fall on one time, and those that are missed restart no clock."""
    real = data.draw(st.lists(st.booleans(), min_size=len(starts), max_size=len(starts)))
    wanted = [min((s for s, g in zip(starts, real, strict=True) if g and s > own), default=np.inf) for own in starts]
    assert following(np.array([starts], float), np.array([real]))[0].tolist() == wanted
