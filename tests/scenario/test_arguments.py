"""Arguments of public functions: a wrong type is one message, and a number of NumPy is a number."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt

MODEL = ["glucose_insulin", "mtor", "everolimus"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mt.Library(3), "`extra` must be folders, not 3"),
        (lambda: mt.load_model(3), "must be names of modules, not 3"),
        (lambda: mt.load_population(3, mt.load_model(MODEL)), "`name` must be the name of a population, not 3"),
        (lambda: mt.load_population("ngt", 3), "`model` must be a `Model`, not 3"),
        (lambda: mt.validate(3), "`sections` must be names of sections, not 3"),
        (lambda: mt.validate([3]), "`sections` must be names of sections, not a list"),
        (lambda: mt.calibrate(3), "`name` must be the name of a calibration"),
        (lambda: mt.read_events(3), "`path` must be a path or a DataFrame, not 3"),
        (lambda: mt.read_events("x", columns=3), "`columns` must be texts by name, not 3"),
        (lambda: mt.read_events("x", drop="a"), "`drop` must be a list of texts"),
        (lambda: mt.read_events("x", drp=["a"]), "`read_events` has no argument `drp`"),
        (lambda: mt.read_scenario("ogtt").replace(name=5), "`name` must be text, not 5"),
        (lambda: mt.sweep(3, {}), "`scenario` must be a `Scenario`, not 3"),
        (lambda: mt.run_trial("everolimus_breast", variants=3), "`variants` must be True or False, not 3"),
        (lambda: mt.simulate("ogtt", library=3), "`library` must be a `Library`, not 3"),
        (lambda: mt.simulate("ogtt", seed=np.float64(3)), "`seed` must be a whole number"),
    ],
)
def test_a_wrong_type_is_named(call, words):
    with pytest.raises(mt.MtorsimError, match=words):
        call()


def test_a_number_of_numpy_is_a_number():
    given = {"seed": np.uint64(3), "subjects": np.int32(2), "rtol": np.float32(1e-4), "chunk": np.int64(1)}
    result = mt.simulate("ogtt", settings={"glucose_insulin.tox": np.float64(0)}, **given)
    same = mt.simulate("ogtt", settings={"glucose_insulin.tox": 0}, **{k: v.item() for k, v in given.items()})
    assert result.visits.glucose.equals(same.visits.glucose)
    assert type(result.manifest["seed"]) is int


def test_folders_of_a_library_may_be_text(tmp_path):
    assert mt.Library([str(tmp_path)]) == mt.Library((tmp_path,))
