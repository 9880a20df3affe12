"""Tolerances: given by the user, stated by a module, or the default."""

from __future__ import annotations

import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, ModelError
from mtorsim.files.library import Library
from mtorsim.model.read import read_module
from mtorsim.run.options import ATOL_SHARE, RTOL, Options
from mtorsim.run.plan import draft_plan

STATED = 1e-2


@pytest.mark.parametrize(
    ("scenario", "given", "rtol", "atol"),
    [
        ("everolimus_breast", {}, STATED, STATED * ATOL_SHARE),
        ("everolimus_breast", {"rtol": 1e-4}, 1e-4, 1e-4 * ATOL_SHARE),
        ("everolimus_breast", {"atol": 1e-6}, STATED, 1e-6),
        ("topp_insulin_resistance", {}, RTOL, RTOL * ATOL_SHARE),
    ],
)
def test_the_users_tolerance_wins_then_the_models(scenario, given, rtol, atol):
    options = draft_plan(scenario, options=Options.given(**given)).options
    assert (options.rtol, options.atol) == (pytest.approx(rtol), pytest.approx(atol))


def test_options_written_out_are_kept():
    exact = Options(method="tsit5", precision="double", rtol=1e-9, atol=1e-10)
    assert draft_plan("everolimus_breast", options=exact).options == exact


def test_a_stored_run_keeps_its_tolerance(tmp_path):
    mt.simulate("everolimus_healthy", subjects=2, rtol=2e-3, out=tmp_path / "out")
    assert mt.extend(tmp_path / "out", 3).manifest["rtol"] == 2e-3


def test_a_module_states_a_tolerance_in_range(tmp_path):
    text = Library().module("everolimus").read_text(encoding="utf-8")
    path = tmp_path / "everolimus.toml"
    path.write_text(text.replace('time = "h"', 'time = "h"\nrtol = 0.5', 1), encoding="utf-8")
    with pytest.raises(ModelError, match=r"rtol"):
        read_module(path)
    with pytest.raises(ArgumentError, match=r"outside 1e-13 to 0\.1"):
        mt.simulate("everolimus_healthy", subjects=1, rtol=0.5)
