"""Regimens of a scenario file: text, infusions, cycles, late doses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_truth_table import K, bolus, infused

import mtorsim as mt
from helpers import TESTS
from mtorsim.files.library import Library
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare
from mtorsim.scenario.regimen import in_turn, read_regimen
from mtorsim.scenario.scenario import scenario_from_text

TEXT = """
title = "regimens"
model = ["one"]
population = "ngt"
duration = "{days} d"
observe = ["one.blood"]
{dose}
[visits]
at = {visits}
sample = "random"
[record]
every = "{every}"
"""


def described(dose, days=7, visits='["0 d"]', every="12 h"):
    library = Library((TESTS,))
    text = TEXT.format(dose=dose, days=days, visits=visits, every=every)
    return scenario_from_text(text, Path("regimens.toml"), library), library


def blood(dose, **more):
    scenario, library = described(dose, **more)
    series = mt.simulate(scenario, subjects=1, rtol=1e-9, library=library).series
    return series["one.blood"].to_numpy()[0, 0], series.time.to_numpy()


def iv(**more):
    return '[[dose]]\ndrug = "one"\nroute = "iv"\n' + "".join(f'{k} = "{v}"\n' for k, v in more.items())


def test_a_regimen_as_text_is_the_doses_written_out():
    text, _ = blood(iv(regimen="10 mg q24h x 3 then 5 mg q12h x 4 then 2 mg q24h"))
    lines, _ = blood(
        iv(amount="10 mg", every="24 h", stop="3 d")
        + iv(amount="5 mg", every="12 h", start="3 d", stop="5 d")
        + iv(amount="2 mg", every="24 h", start="5 d")
    )
    assert text.tobytes() == lines.tobytes()
    assert text.max() > 0.5


def test_a_loading_dose_is_followed_at_once():
    parts, unit = read_regimen("30 mg then 10 mg q24h x 2")
    assert in_turn(parts, 1.0, 100.0) == [(1.0, 30.0), (1.0, 10.0), (25.0, 10.0)]
    assert str(unit) == "mg"


@pytest.mark.parametrize(
    ("text", "doses"),
    [
        ("10 mg q24h x 2 then 500 ug q12h x 1", [(0, 10), (24, 10), (48, 0.5)]),
        ("5 mg q2d x 2", [(0, 5), (48, 5)]),
        ("5 mg q 1 week x 2", [(0, 5), (168, 5)]),
        ("5 mg", [(0, 5)]),
    ],
)
def test_regimens_are_read(text, doses):
    found = in_turn(read_regimen(text)[0], 0.0, 1000.0)
    assert np.allclose(found, doses, rtol=1e-12)


def test_an_infusion_runs_for_as_long_as_it_says_and_overlaps_with_the_next():
    found, times = blood(iv(amount="100 mg", every="12 h", over="15 h"), days=2, every="1 h")
    wanted = sum(infused(times - 12 * i, 100 / 15, 15) for i in range(4))
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_five_days_on_and_two_off():
    found, times = blood(iv(amount="10 mg", every="24 h", on="5 d", off="2 d"), days=14)
    given = [24.0 * d for d in range(14) if d % 7 < 5]
    wanted = sum(np.where(times > t, bolus(times - t, 10), 0.0) for t in given)
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_late_doses_are_each_subjects_own_and_the_same_for_any_number_of_subjects():
    scenario, library = described(iv(amount="10 mg", every="24 h", late="2 h"), days=100)
    plan = make_plan(scenario, library=library)

    def times(n):
        people = prepare(plan, np.arange(n))
        named = {name: people.parameters[:, j] for j, name in enumerate(plan.kernel.parameters)}
        events, _ = plan.arms[0].schedule.events(plan.kernel.states, named, plan.seed, people.subjects)
        return np.stack([events.time[a:b] for a, b in zip(events.first, events.last, strict=True)])

    many = times(40)
    assert many[:7].tobytes() == times(7).tobytes()
    late = np.sort(many, axis=1) - np.arange(many.shape[1]) * 24.0
    assert late.min() > 0
    assert late.mean() == pytest.approx(2.0, rel=0.05)
    assert np.corrcoef(late[0], late[1])[0, 1] < 0.3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (iv(regimen="10 mg q24h then 5 mg q24h"), "`10 mg q24h` has no end, so no part can follow it"),
        (iv(regimen="10 mg x 5"), "`10 mg x 5`: the interval is missing"),
        (iv(regimen="10 mg q24h x 3", amount="5 mg"), "a regimen already contains amount and interval"),
        (iv(regimen="10 mL q24h"), "one is dosed in mg"),
        (iv(regimen="ten mg q24h"), "`regimen`:"),
        (iv(every="24 h"), "the amount is missing"),
        (iv(amount="5 mg", every="24 h", on="5 d"), "`on` and `off` must be given together"),
        (iv(amount="5 mg", over="-1 h"), "`over` cannot be negative"),
        (iv(regimen="10 mg q0h x 3"), "an interval must be longer than 0"),
    ],
)
def test_a_regimen_that_cannot_be_meant_is_one_message(line, message):
    def planned():
        scenario, library = described(line)
        make_plan(scenario, library=library)

    with pytest.raises(mt.MtorsimError) as found:
        planned()
    assert message in str(found.value)
    assert "regimens.toml:" in str(found.value)


def change(**more):
    lines = "".join(f"{k} = {v}\n" for k, v in more.items())
    return f"[[change]]\n{lines}"


def test_a_clearance_that_is_another_for_a_while():
    text = iv(amount="100 mg") + change(at='"6 h"', until='"18 h"', **{'multiply."one.CL"': 3.0})
    found, times = blood(text, days=2, every="3 h")
    eliminated = K * np.clip(times, 0, 6) + 3 * K * np.clip(times - 6, 0, 12) + K * np.clip(times - 18, 0, None)
    assert np.allclose(found[1:], 100 * np.exp(-eliminated)[1:], rtol=1e-6)


def test_a_fraction_is_that_of_the_doses_own_time_and_changes_that_overlap_multiply():
    text = iv(amount="100 mg", every="24 h") + change(at='"1 d"', until='"3 d"', **{"multiply.F_blood": 0.5})
    text += change(at='"2 d"', **{"multiply.F_blood": 0.5}) + change(at='"4 d"', **{"set.F_blood": 0.9})
    found, times = blood(text, days=6, every="12 h")
    fractions = [1, 0.5, 0.25, 0.5, 0.45, 0.45]
    wanted = sum(np.where(times > 24 * i, bolus(times - 24.0 * i, 100 * f), 0) for i, f in enumerate(fractions))
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_what_is_observed_follows_a_change_of_what_it_is_made_of():
    text = """
title = "levels"
model = ["everolimus"]
population = "ngt"
duration = "3 d"
observe = ["everolimus.C", "everolimus.A_c"]
[[dose]]
drug = "everolimus"
amount = "10 mg"
[[change]]
at = "1 d"
multiply.everolimus.V1 = 2
[visits]
at = ["0 d", "1 d", "2 d"]
sample = "random"
"""
    visits = mt.simulate(scenario_from_text(text, Path("levels.toml")), subjects=1).visits.isel(arm=0, subject=0)
    volume = 1000 * visits["everolimus.A_c"] / visits["everolimus.C"]
    assert np.allclose(volume[1:], [29, 58], rtol=1e-6)


EXPOSURE = """
title = "exposure"
model = ["everolimus"]
population = "ngt"
duration = "60 d"
observe = ["everolimus.C"]
[[dose]]
drug = "everolimus"
amount = "10 mg"
{change}
[visits]
at = "0 d"
[record]
every = "0.5 h"
"""


@pytest.mark.parametrize(
    ("condition", "peak", "area"),
    [
        ("ketoconazole", 3.9, 15.0),
        ("erythromycin", 2.0, 4.4),
        ("verapamil", 2.3, 3.5),
        ("rifampicin", 0.42, 0.37),
        ("ciclosporin", None, 2.2),
        ("high_fat_meal", 0.46, 0.73),
        ("child_pugh_a", None, 1.60),
        ("child_pugh_b", None, 3.26),
        ("child_pugh_c", None, 3.64),
    ],
)
def test_conditions_give_the_ratios_they_were_fitted_to(condition, peak, area):
    """In-sample: factors against the ratios of peak and area that they were made from."""

    def exposure(change):
        text = EXPOSURE.format(change=change)
        series = mt.simulate(scenario_from_text(text, Path("exposure.toml")), subjects=1).series
        level = series["everolimus.C"].to_numpy()[0, 0]
        return level.max(), np.trapezoid(level, series.time)

    usual = exposure("")
    found = exposure(f'[[change]]\nat = "0 d"\ncondition = "everolimus.{condition}"')
    assert found[1] / usual[1] == pytest.approx(area, rel=0.05)
    if peak is not None:
        assert found[0] / usual[0] == pytest.approx(peak, rel=0.2)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"at": '"1 d"'}, "nothing changes"),
        ({"at": '"2 d"', "until": '"1 d"', "set.CL": 3}, "the change ends before it begins"),
        ({"at": '"1 d"', "set.CLL": 3}, "there is no parameter `CLL` to change"),
        ({"at": '"1 d"', "multiply.CL": -1}, "a factor on `one.CL` cannot be negative"),
        ({"at": '"1 d"', "condition": '"one.grapefruit"'}, "no module defines the condition `one.grapefruit`"),
        ({"at": '"9 d"', "set.CL": 3}, "is after the end"),
    ],
)
def test_a_change_that_cannot_be_meant_is_one_message(lines, message):
    def planned():
        scenario, library = described(iv(amount="5 mg") + change(**lines))
        make_plan(scenario, library=library)

    with pytest.raises(mt.MtorsimError) as found:
        planned()
    assert message in str(found.value)
    assert "regimens.toml:" in str(found.value)


MEALS = """
title = "meals"
model = ["glucose_insulin"]
population = "ngt"
duration = "5 d"
{dose}
[meals]
{meals}
[visits]
at = ["0 d", "2 d"]
[record]
every = "10 min"
"""


def meal_times(meals, n=50):
    plan = make_plan(scenario_from_text(MEALS.format(meals=meals, dose=""), Path("meals.toml")))
    people = prepare(plan, np.arange(n))
    named = {name: people.parameters[:, j] for j, name in enumerate(plan.kernel.parameters)}
    events, _ = plan.arms[0].schedule.events(plan.kernel.states, named, plan.seed, people.subjects)
    return np.stack([events.time[a:b] for a, b in zip(events.first, events.last, strict=True)])


def test_mealtimes_stray_but_never_before_what_is_measured_first():
    found = meal_times('jitter = "20 min"').reshape(50, 15, 4)
    assert (found == found[:, :, :1]).all()  # solid and liquid carbohydrate, protein and fat come together
    nominal = np.array([24.0 * d + h for d in range(5) for h in (0.0, 5.0, 11.0)])
    off = found[:, :, 0] - nominal
    assert np.abs(off).max() <= 2.5 / 3 + 1e-9
    assert off[:, [0, 6]].min() > 0  # breakfast after the visits of day 0 and day 2
    assert off[:, 3].min() < -0.2
    assert off[:, 1].std() == pytest.approx(1 / 3, rel=0.25)
    assert len(np.unique(off[:, 1])) > 45


def test_a_day_of_fasting_has_no_meals():
    found = meal_times('fast = ["3 d"]', n=1)[0]
    assert len(found) == 4 * 12
    assert not ((found >= 72) & (found < 96)).any()


def test_glucose_into_a_vein_arrives_at_once_and_all_of_it():
    dose = """
[[dose]]
drug = "glucose_insulin"
route = "iv_glucose"
amount = "300 mg/kg"
over = "2 min"
start = "1 d"
"""
    text = MEALS.format(meals='plan = "none"', dose=dose).replace('at = ["0 d", "2 d"]', 'at = ["0 d"]')
    text = text.replace('every = "10 min"', 'every = "2 min"').replace("[visits]", "[visits]")
    series = mt.simulate(scenario_from_text(text, Path("ivgtt.toml")), subjects=1).series
    glucose = series.glucose.to_numpy()[0, 0]
    before, after = (glucose[np.argmin(np.abs(series.time.to_numpy() - t))] for t in (24.0, 24.0 + 2 / 60))
    # 300 mg/kg into 1.093 dL/kg, less what has gone into tissue within two minutes.
    assert 0.8 * 300 / 1.093 < after - before < 300 / 1.093
    assert abs(glucose[-1] - before) < 5
