"""Regimens of a scenario file: text, infusions, cycles, late doses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tables import HERE
from test_truth_table import bolus, infused

import mtorsim as mt
from mtorsim.library import Library
from mtorsim.plan import make_plan
from mtorsim.prepare import prepare
from mtorsim.regimen import in_turn, read_regimen
from mtorsim.scenario import scenario_from_text

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
    library = Library((HERE,))
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
        iv(amount="10 mg", every="24 h", stop="3 d") + iv(amount="5 mg", every="12 h", start="3 d", stop="5 d")
        + iv(amount="2 mg", every="24 h", start="5 d")
    )  # fmt: skip
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
        (iv(regimen="10 mg q24h then 5 mg q24h"), "`10 mg q24h` has no end, so that nothing can follow it"),
        (iv(regimen="10 mg x 5"), "`10 mg x 5`: there is no interval"),
        (iv(regimen="10 mg q24h x 3", amount="5 mg"), "a regimen says how much and how often itself"),
        (iv(regimen="10 mL q24h"), "one is dosed in mg"),
        (iv(regimen="ten mg q24h"), "`regimen`:"),
        (iv(every="24 h"), "there is no amount"),
        (iv(amount="5 mg", every="24 h", on="5 d"), "`on` and `off` go together"),
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
