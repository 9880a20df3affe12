"""A saved run of event records is a result: opened, drawn, exported, and each subject recomputed to the bit."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mtorsim as mt
from helpers import TESTS
from mtorsim.event_records.replay import replay_records
from mtorsim.tables.cells import read_cells

TABLE = (
    "ID;ZEIT;EVID;AMT;CMT;V;DV;OCC\n"
    + "".join(
        f"p{i};{t};{evid};{amt};{cmt};{v};{dv};1\n"
        for i in range(1, 71)
        for t, evid, amt, cmt, v, dv in (
            ("0", 1, "100", "iv", "20", ""),
            ("0,5", 0, "", "", "22,5", "4100,5"),
            ("12", 1, "50", "sc", "25", ""),
            ("24,25", 0, "", "", "30", "900"),
        )
    )
    + "# a comment;;;;;;;\n"
)
"""Decimal commas, a renamed column, a linear covariate, and more subjects than are integrated together."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "two_routes.toml").write_text((TESTS / "models" / "two_routes.toml").read_text(encoding="utf-8"))
    (folder / "data.csv").write_text(TABLE, encoding="utf-8")
    from mtorsim.cli import main

    typed = [
        "events",
        str(folder / "data.csv"),
        "--model",
        str(folder / "two_routes.toml"),
        "--out",
        str(folder / "out"),
    ]
    typed += ["--dialect", "semicolon", "--column", "ZEIT=TIME", "--interpolate", "V=linear", "--ignore", "#"]
    with pytest.raises(SystemExit) as ended:
        main([*typed, "--population", "modelled"])
    assert ended.value.code in (0, None)
    # The files of the run are no longer needed.
    (folder / "two_routes.toml").unlink()
    (folder / "data.csv").unlink()
    return folder / "out"


def test_it_is_opened(kept):
    result = mt.open_result(kept)
    assert isinstance(result, mt.RecordsResult)
    assert repr(result).startswith("RecordsResult(two_routes: 280 records of 70 subjects; status: 70 ok")
    assert result.frame.DV.iloc[1] == "4100,5"
    assert result.units["two_routes.C"] == "ug/L"
    assert "two_routes.C" in result._repr_html_()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_it_is_exported_with_units(kept, mtorsim, tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    told = json.loads(mtorsim("export", kept, path, "--json").out)
    assert told == {"table": "records", "file": str(path), "bytes": path.stat().st_size}
    frame = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert np.array_equal(frame["two_routes.C (ug/L)"], mt.open_result(kept).frame["two_routes.C"])
    assert "has no netCDF to export" in mtorsim("export", kept, tmp_path / "out.nc").err
    assert "has no tests to export" in mtorsim("export", kept, tmp_path / f"x.{suffix}", "--tests").err


def test_it_is_exported_with_the_names_of_adam(kept, mtorsim, tmp_path):
    tables = {}
    for kind in ("adsl", "adpc", "adex"):
        assert mtorsim("export", kept, tmp_path / f"{kind}.feather", "--as", kind).code == 0
        tables[kind] = pd.read_feather(tmp_path / f"{kind}.feather")
    stored = mt.open_result(kept).frame
    seen = stored[stored["EVID"] == "0"]
    assert tables["adpc"]["AVAL"].tolist() == seen["two_routes.C"].tolist()
    assert tables["adpc"]["USUBJID"].tolist()[:2] == ["two_routes-p1", "two_routes-p1"]
    assert tables["adpc"]["AFRLT"].tolist()[:2] == [0.5, 24.25]
    assert tables["adpc"]["ARRLT"].tolist()[:2] == [0.5, 12.25]
    assert tables["adex"][["AVAL", "AVALU", "ROUTE", "AFRLT", "ADY"]].to_numpy().tolist()[:2] == [
        [100.0, "mg", "iv", 0.0, 1],
        [50.0, "mg", "sc", 12.0, 1],
    ]
    assert len(tables["adsl"]) == 70
    assert set(tables["adsl"]["STATUS"]) == {"ok"}
    assert (
        "has no laboratory value\n  help: it observes two_routes.C"
        in mtorsim("export", kept, tmp_path / "x.csv", "--as", "adlb").err
    )
    assert "help: did you mean `records`?" in mtorsim("export", kept, tmp_path / "x.csv", "--as", "record").err
    assert "has no people to export" in mtorsim("export", kept, tmp_path / "x.csv", "--as", "people").err


@pytest.mark.parametrize("suffix", [".rds", ".feather", ".xpt"])
def test_records_are_exported_to_the_bit(kept, mtorsim, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert mtorsim("export", kept, path).code == 0
    cells, stored = read_cells(path, "comma"), mt.open_result(kept).frame
    level = next(i for i, name in enumerate(cells.head) if name in ("two_routes.C", "C"))
    assert [float(row[level]) for row in cells.rows] == stored["two_routes.C"].tolist()
    assert [row[cells.head.index("DV")] for row in cells.rows][:4] == ["", "4100,5", "", "900"]


@pytest.mark.parametrize("subject", [0, 63, 64, 69])
def test_each_subject_is_recomputed_to_the_bit(kept, subject):
    found = replay_records(kept, subject)
    assert found.same
    assert found.label == f"p{subject + 1}"
    assert len(found.frame) == 4


def test_a_changed_number_is_noticed(kept, mtorsim, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(kept, copy)
    frame = pd.read_csv(copy / "records.csv", dtype=str, keep_default_na=False)
    frame.loc[3, "two_routes.C"] = str(float(frame.loc[3, "two_routes.C"]) * 1.5)
    frame.to_csv(copy / "records.csv", index=False)
    shown = mtorsim("replay", copy, "--subject", 0)
    assert shown.code == 1
    assert "these differ from the stored numbers by up to 0.333 (relative)" in shown.out
    assert json.loads(mtorsim("replay", copy, "--subject", 1, "--json").out)["same_bits"]
    frame.iloc[:-1].to_csv(copy / "records.csv", index=False)
    assert "has 279 records instead of 280" in mtorsim("export", copy, tmp_path / "x.csv").err
    manifest = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    manifest["files"]["events.csv"] += "p71;0;0;;;;;1\n"
    (copy / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    frame.to_csv(copy / "records.csv", index=False)
    assert "`events.csv` in the manifest does not match its hash" in mtorsim("replay", copy, "--subject", 0).err


def test_messages(kept, mtorsim):
    assert "there is no subject 70" in mtorsim("replay", kept, "--subject", 70).err
    assert "has no arms" in mtorsim("replay", kept, "--subject", 0, "--arm", "one").err
    assert "holds a run of event records" in mtorsim("compare", kept, kept).err
    assert "`mtorsim events SCENARIO TABLE`" in mtorsim("run", "--events", "x.csv").err.replace(
        "[SCENARIO]", "SCENARIO"
    )
    nothing = mtorsim()
    assert nothing.code == 0
    assert nothing.out.startswith("Usage: mtorsim")
