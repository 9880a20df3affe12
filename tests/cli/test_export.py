"""`mtorsim export` as it is typed: every table in every format, and one message for whatever is wrong."""

from __future__ import annotations

import math

import pyarrow.parquet as pq
import pytest

import mtorsim as mt
from mtorsim.tables.cells import number, read_cells


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "out"
    mt.simulate("topp_insulin_resistance", subjects=3, chunk=2, out=out)
    return out


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather", ".rds", ".xpt", ".dta", ".sav"])
@pytest.mark.parametrize("kind", ["people", "adsl", "adlb"])
def test_every_table_is_the_same_in_every_format(kept, mtorsim, tmp_path, kind, suffix):
    path = tmp_path / "new folder" / f"x{suffix}"
    found = mtorsim("export", kept, path, "--as", kind)
    assert (found.code, found.out) == (0, f"{kind:9} {path}\n")
    reference = tmp_path / "reference.feather"
    mt.open_result(kept).export(reference, as_=kind)
    assert values(path) == values(reference)


def values(path):
    """Cells, and numbers by their bits, which may be written in two ways."""
    return [
        [n.hex() if math.isfinite(n := number(c, ".")) else c for c in row] for row in read_cells(path, "comma").rows
    ]


@pytest.mark.parametrize("suffix", [".feather", ".rds", ".xpt"])
def test_visits_have_the_numbers_of_the_parquet_file(kept, mtorsim, tmp_path, suffix):
    assert mtorsim("export", kept, tmp_path / "x.parquet").code == 0
    found = mtorsim("export", kept, tmp_path / f"x{suffix}")
    assert found.code == 0
    cells, table = read_cells(tmp_path / f"x{suffix}", "comma"), pq.read_table(tmp_path / "x.parquet")
    names = table.column_names
    at = names.index("insulin")
    assert [float(row[at]) for row in cells.rows] == table.column("insulin").to_pylist()
    assert ("fasting_glucose is GLUCFAST" in found.err) == (suffix == ".xpt")
    quiet = mtorsim("export", kept, tmp_path / f"x{suffix}", "--force", "--quiet")
    assert (quiet.code, quiet.err) == (0, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["x.sas7bdat"],
            "unsupported format: `x.sas7bdat`\n  help: did you mean `.xpt`? End its name in .csv, .nc, .par",
        ),
        (["x.parqet"], "help: did you mean `.parquet`?"),
        (["x.csv", "--as", "adpk"], "there is no table `adpk`\n  help: did you mean `adpc`?"),
        (["x.csv", "--as", "concentrations"], "help: choose from visits, people, tests, ledger, treatment, adsl"),
        (
            ["x.csv", "--as", "adpc"],
            "the run has no concentration of a drug\n  help: it observes fasting_glucose, insu",
        ),
        (["x.csv", "--as", "adex"], "does not keep each dose of each subject, which `adex` needs"),
        (["x.csv", "--as", "ledger"], "has no ledger\n  help: add `[[rule]]` to the scenario"),
        (["x.nc", "--as", "adlb"], "unsupported format: `x.nc`\n  help: end its name in .csv, .parquet"),
        (["x.xpt", "--xpt-version", "6"], "there is no version 6 of the SAS transport format\n  help: choose 5 or 8"),
        (["there.csv"], "`there.csv` already exists\n  help: pass `--force` to replace it"),
    ],
)
def test_what_is_wrong_is_one_message(kept, mtorsim, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.csv").touch()
    found = mtorsim("export", kept, *words)
    assert found.code == 2
    assert found.err.startswith("error: ")
    assert message in found.err
    assert [p.name for p in tmp_path.iterdir()] == ["there.csv"]
