"""Tests of the laboratory in a scenario: told apart by their options, exported, compared, replayed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mtorsim as mt
from helpers import scenario
from mtorsim.protocols.registry import protocol
from mtorsim.tables.cells import read_cells

TWO_CLAMPS = """
title = "two clamps"
model = ["glucose_insulin"]
population = "healthy_adults"
subjects = 3
duration = "1 d"
[visits]
at = ["0 d"]
[[test]]
kind = "clamp"
at = "0 d"
options.insulin = 1
[[test]]
kind = "clamp"
at = "0 d"
options.insulin = 4
options.step = 60
[[test]]
kind = "ogtt"
at = "0 d"
[[test]]
kind = "ivgtt"
at = "0 d"
[[test]]
kind = "profile"
at = "0 d"
[[test]]
kind = "hyperglycaemic-clamp"
at = "0 d"
"""
SLOW, FAST = "insulin = 1 mU/kg/min", "insulin = 4 mU/kg/min; step = 60 min"


def test_options_say_what_differs_from_the_standard_test():
    assert protocol("clamp").options == ""
    assert protocol("clamp", insulin=[0.25, 1], target=90).options == ""
    assert protocol("clamp", step=60.0, insulin=[0.5, 2]).options == "insulin = 0.5, 2 mU/kg/min; step = 60 min"
    assert protocol("ivgtt", insulin=0.05).options == "insulin = 0.05 U/kg"
    assert protocol("mixed-meal", solid=0).options == "solid = 0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("kept") / "out"
    path = out.with_name("two.toml")
    path.write_text(TWO_CLAMPS, encoding="utf-8")
    mt.simulate(path, out=out, chunk=2)
    return out


def test_two_clamps_at_one_time_are_told_apart(folder, mtorsim):
    table = pd.concat(pd.read_parquet(p) for p in sorted((folder / "tests.parquet").iterdir()))
    rates = table[(table["index"] == "M_1")].groupby("options")["value"].median()
    assert rates[FAST] > 1.1 * rates[SLOW]
    assert set(table["options"]) == {SLOW, FAST, ""}
    shown = mtorsim("run", folder.with_name("two.toml")).out
    assert FAST in shown
    assert SLOW in shown


def test_the_same_test_twice_is_refused():
    with pytest.raises(mt.MtorsimError, match="two tests `clamp`"):
        scenario(TWO_CLAMPS.replace("options.insulin = 4\noptions.step = 60", "options.insulin = [1.0]"))


def test_tests_are_exported(folder, mtorsim, tmp_path):
    for name, read in (("tests.csv", pd.read_csv), ("tests.parquet", pd.read_parquet)):
        found = mtorsim("export", folder, tmp_path / name, "--tests")
        assert found.code == 0, found.err
        table = read(tmp_path / name)
        assert {"options", "unit", "value"} <= set(table.columns)
        assert set(table["subject"]) == {0, 1, 2}
    refused = mtorsim("export", folder, tmp_path / "tests.nc", "--tests")
    assert refused.code == 2
    assert "end its name in .csv, .parquet, .feather" in refused.err


@pytest.mark.parametrize("suffix", [".rds", ".feather", ".xpt"])
def test_tests_are_exported_to_the_bit(folder, mtorsim, tmp_path, suffix):
    path = tmp_path / f"tests{suffix}"
    assert mtorsim("export", folder, path, "--as", "tests").code == 0
    cells = read_cells(path, "comma")
    column = {name.lower(): i for i, name in enumerate(cells.head)}
    stored = mt.open_result(folder).tests
    assert [row[column["index"]] for row in cells.rows] == stored["index"].tolist()
    assert [row[column["options"]] for row in cells.rows] == stored["options"].tolist()
    values = np.array([float(row[column["value"]] or "nan") for row in cells.rows])
    assert np.array_equal(values, stored["value"], equal_nan=True)
    assert "are two tables" in mtorsim("export", folder, path, "--tests", "--as", "adlb").err


def test_replay_repeats_the_tests(folder, mtorsim):
    for subject in range(3):
        found = json.loads(mtorsim("replay", folder, "--subject", subject, "--json").out)
        assert found["same_bits"]
        assert {t["options"] for t in found["tests"]} == {SLOW, FAST, ""}
    assert "clamp at 0 h, " + SLOW in mtorsim("replay", folder, "--subject", "2").out


def test_replay_sees_a_test_that_is_another(folder, mtorsim, tmp_path):
    changed = altered(folder, tmp_path / "changed", subject=2)
    assert mtorsim("replay", changed, "--subject", "1").code == 0
    found = mtorsim("replay", changed, "--subject", "2")
    assert found.code == 1
    assert "these differ" in found.out


def test_compare_looks_at_the_tests(folder, mtorsim, tmp_path):
    assert mtorsim("compare", folder, folder).code == 0
    found = mtorsim("compare", folder, altered(folder, tmp_path / "changed", subject=2), "--json")
    assert found.code == 1
    gaps = [t for t in json.loads(found.out)["max_difference_of_tests"] if t["difference"]]
    assert [(t["options"], t["index"]) for t in gaps] == [(SLOW, "M_1")]
    assert gaps[0]["difference"] == pytest.approx(0.5)
    alone = tmp_path / "alone"
    mt.simulate(scenario(TWO_CLAMPS.split("[[test]]")[0]), out=alone)
    assert f"tests only in the first: clamp ({SLOW}) at 0 h" in mtorsim("compare", folder, alone).out


def altered(folder, to, subject):
    """A copy in which M of one clamp of one subject is another."""
    import shutil

    shutil.copytree(folder, to)
    for path in (to / "tests.parquet").iterdir():
        table = pd.read_parquet(path)
        row = (table["subject"] == subject) & (table["options"] == SLOW) & (table["index"] == "M_1")
        table["value"] = np.where(row, table["value"] + 0.5, table["value"])
        table.to_parquet(path)
    return to


def test_a_table_of_records_goes_without_tests(mtorsim, tmp_path):
    (tmp_path / "two.toml").write_text(TWO_CLAMPS, encoding="utf-8")
    (tmp_path / "events.csv").write_text("ID,TIME,EVID,AMT,CMT\n1,0,1,75000,meal_liquid\n1,1,0,,\n", encoding="utf-8")
    found = mtorsim("events", tmp_path / "two.toml", tmp_path / "events.csv")
    assert found.code == 2
    assert "event records" in found.err
    assert "[[test]]" in found.err


def test_what_changes_at_the_hour_of_a_test_comes_after_it():
    change = '[[change]]\nat = "{at}"\nmultiply = {{ "glucose_insulin.phis" = 2, "glucose_insulin.phid" = 2 }}\n'
    text = TWO_CLAMPS.split("[[test]]")[0].replace('"1 d"', '"3 d"')
    text += '[[test]]\nkind = "ogtt"\nat = "1 d"\n'

    def insulin(change):
        table = mt.simulate(scenario(text + change)).tests
        return table[table["index"] == "insulin_area"]["value"].to_numpy()

    plain = insulin("")
    assert np.array_equal(insulin(change.format(at="1 d")), plain)
    assert (insulin(change.format(at="23 h")) > 1.05 * plain).all()
