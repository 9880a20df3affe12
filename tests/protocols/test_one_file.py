"""A test of the laboratory is one file: put into the folder it is known everywhere, its options and panels too."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mtorsim as mt
from mtorsim import protocols
from mtorsim.protocols.registry import laboratory_tests

OWN = '''
"""An arginine-free stand-in: glucose at once into a vein, looked at for an hour."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from mtorsim.protocols.curves import Curves, Index
from mtorsim.protocols.laboratory_test import Option, laboratory_test
from mtorsim.protocols.protocol import Administration, Protocol


def _indices(curves: Curves) -> dict[str, Index]:
    insulin = curves.drawn("insulin")
    return {"acute_response": Index("uU/mL", insulin[:, 1:].mean(axis=1) - insulin[:, 0], of_secretion=True)}


@laboratory_test("bolus", indices=_indices, panels=("glucose", "insulin"), dots=("insulin",))
def bolus(grams: Annotated[float, Option("g/kg", 0.1, 0.5, "glucose")] = 0.2) -> Protocol:
    """Glucose at once into a vein."""
    given = (Administration(0, "iv_glucose", 1000 * grams, over=1.0),)
    return Protocol(f"{grams:g} g/kg intravenous glucose", np.array([0.0, 3, 5, 10, 60]), given)
'''


@pytest.fixture
def bolus(tmp_path, monkeypatch):
    (tmp_path / "bolus.py").write_text(OWN)
    monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(tmp_path)])
    laboratory_tests.cache_clear()
    yield
    laboratory_tests.cache_clear()


def test_it_is_done_and_its_index_read(bolus):
    found = mt.examine("bolus", "ngt", grams=0.3)
    unit, values = found.indices["acute_response"]
    insulin = found.drawn("insulin")
    assert unit == "uU/mL"
    assert values[0] == pytest.approx(insulin[0, 1:].mean() - insulin[0, 0])
    assert values[0] > 10


def test_its_option_has_a_range_and_its_panels_are_drawn(bolus, mtorsim, tmp_path):
    wrong = mtorsim("test", "bolus", "--with", "grams=2")
    assert wrong.code == 2
    assert "`grams` = 2 is outside 0.1 to 0.5 g/kg" in wrong.err
    shown = mtorsim("test", "bolus", "--json", "--figure", tmp_path / "bolus.svg")
    assert shown.code == 0
    assert json.loads(shown.out)["index_units"] == {"acute_response": "uU/mL"}
    picture = (tmp_path / "bolus.svg").read_text()
    assert "C-peptide" not in picture


def test_a_scenario_has_it_and_help_names_it(bolus, mtorsim, tmp_path):
    text = 'title = "x"\nmodel = "glucose_insulin"\npopulation = "ngt"\nsubjects = 1\nduration = "1 d"\n'
    text = text.replace('"glucose_insulin"', '["glucose_insulin"]')
    text += '[visits]\nat = ["0 d"]\n[[test]]\nkind = "bolus"\nat = "0 d"\noptions.grams = 0.5\n'
    (tmp_path / "own.toml").write_text(text)
    tests = mt.simulate(tmp_path / "own.toml").tests
    assert tests["options"].unique().tolist() == ["grams = 0.5 g/kg"]
    assert np.isfinite(tests["value"]).all()
    assert "bolus" in mtorsim("test", "--help").out


def test_without_its_file_it_is_not_known():
    assert "bolus" not in laboratory_tests()
