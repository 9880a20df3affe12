"""Clamps hold glucose: the prime, the plateau, no undershoot; and what is read from them."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt

PRESETS = ("ngt", "ngt_obese", "igt", "t2d_mild", "t2d", "t1d")


@pytest.mark.parametrize("preset", PRESETS)
def test_the_plateau_of_a_hyperglycaemic_clamp_stands_from_15_min(preset):
    test = mt.examine("hyperglycaemic-clamp", preset)
    glucose = test.curves["glucose"][0]
    wanted = glucose[0] + 125
    assert glucose[15:] == pytest.approx(np.full(len(glucose) - 15, wanted), rel=0.05)
    assert glucose.max() < 1.02 * wanted
    assert glucose[10] > 0.9 * wanted


def test_the_prime_falls_and_grows_with_the_step():
    test = mt.examine("hyperglycaemic-clamp", "ngt")
    given = test.curves["glucose_infusion"][0, 1:8]
    assert (np.diff(given) < 0).all()
    # It fills the rapid pool; while the slow one fills, glucose stays near what is held.
    held = test.curves["glucose"][0, 4:]
    assert np.abs(held / (test.curves["glucose"][0, 0] + 125) - 1).max() < 0.09
    less = mt.examine("hyperglycaemic-clamp", "ngt", above=62.5)
    assert less.curves["glucose_infusion"][0, 1] == pytest.approx(given[0] / 2, rel=0.05)
    # Nothing to fill: a clamp at fasting glucose has no prime.
    assert mt.examine("clamp", "ngt", target=0).curves["glucose_infusion"][0, 1] < 0.5


def test_the_first_phase_of_a_clamp_is_near_that_of_an_injection():
    for preset in ("ngt", "igt"):
        first = mt.examine("hyperglycaemic-clamp", preset).indices["first_phase"][1][0]
        assert first == pytest.approx(mt.examine("ivgtt", preset).indices["AIRg"][1][0], rel=0.35)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("target", [0, 90])
def test_a_euglycaemic_clamp_does_not_undershoot(preset, target):
    glucose = mt.examine("clamp", preset, target=target).curves["glucose"][0]
    assert glucose.min() > 0.95 * (target or glucose[0])


@pytest.mark.parametrize("preset", ["t2d", "t1d"])
def test_clearance_is_of_the_insulin_that_is_infused(preset):
    long = {"insulin": 1, "step": 180}
    # Where glucose is not moved, secretion nearly stays, and the rise of insulin is the infusion's.
    alone = mt.examine("clamp", preset, target=0, **long).indices
    rise = alone["insulin_1"][1] - alone["fasting_insulin"][1]
    assert alone["infused_insulin_clearance_1"][1] == pytest.approx(1000 / rise, rel=0.03)
    # Glucose that falls takes secretion along, and the liver, which saturates, clears more of what is left.
    fallen = mt.examine("clamp", preset, target=90, **long).indices
    assert fallen["infused_insulin_clearance_1"][1] == pytest.approx(1000 / rise, rel=0.20)
    assert fallen["infused_insulin_clearance_1"][0] == "mL/kg/min"
