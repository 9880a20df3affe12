"""Tables of statistical packages, of R and of Arrow are read as a CSV of the same table would be."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.errors import ArgumentError, DataError
from mtorsim.results.export.formats import write_table
from mtorsim.results.export.source import of_frame
from mtorsim.tables.binary import BINARY
from mtorsim.tables.cells import read_cells
from r import needs_r, run_r

FRAME = pd.DataFrame({"ID": ["p1", "p1", "p\u00e9"], "TIME": [0.0, 0.1, 1 / 3], "AMT": [100.0, np.nan, 1e-7]})
CELLS = [["p1", "0", "100"], ["p1", "0.1", ""], ["p\u00e9", "0.3333333333333333", "1e-07"]]
WRITTEN = [suffix for suffix in BINARY if suffix != ".sas7bdat"]


@pytest.mark.parametrize("suffix", WRITTEN)
def test_a_table_is_read_as_its_text(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    write_table(of_frame("x", "made up", FRAME), path)
    cells = read_cells(path, "comma")
    assert cells.head == ["ID", "TIME", "AMT"]
    assert cells.rows == CELLS
    assert cells.lines == [2, 3, 4]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_the_text_of_a_number_has_its_bits(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "numbers.feather"
    pd.DataFrame({"x": values}).to_feather(path)
    read = np.array([float(row[0]) for row in read_cells(path, "comma").rows])
    assert read.tobytes() == np.array(values).tobytes()


def test_whole_numbers_beside_missing_ones_stay_whole(tmp_path):
    pq.write_table(pa.table({"n": [2**53 + 1, None], "b": [True, False]}), tmp_path / "x.parquet")
    assert read_cells(tmp_path / "x.parquet", "comma").rows == [[str(2**53 + 1), "1"], ["", "0"]]


R_TABLE = (
    'x <- data.frame(ID = factor(c("b", "b", "a")), D = as.Date(c("2024-01-31", NA, "2024-02-01")),\n'
    '  P = as.POSIXct(c("2024-07-01 08:30:00", NA, "2024-07-01 09:00:00"), tz = "Europe/Berlin"),\n'
    "  L = c(TRUE, NA, FALSE), I = c(1L, NA, 3L), X = c(0.1, NA, 1/3))\n"
    'attr(x$X, "label") <- "a label"\n'
)


@needs_r
@pytest.mark.parametrize("compress", ['"gzip"', '"xz"', '"bzip2"', "FALSE"])
def test_a_data_frame_of_r_is_read_with_its_dates(tmp_path, compress):
    run_r(R_TABLE + f'saveRDS(x, "x.rds", compress = {compress})', tmp_path)
    cells = read_cells(tmp_path / "x.rds", "comma")
    assert cells.head == ["ID", "D", "P", "L", "I", "X"]
    assert cells.rows == [
        ["b", "2024-01-31", "2024-07-01 08:30:00", "1", "1", "0.1"],
        ["b", "", "", "", "", ""],
        ["a", "2024-02-01", "2024-07-01 09:00:00", "0", "3", "0.3333333333333333"],
    ]


@needs_r
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x <- list(a = 1)", "does not hold a data frame of R\n  help: save one data frame with `saveRDS`"),
        ('x$X <- as.difftime(x$X, units = "hours")', "has a column of R's class difftime\n  help: convert it"),
    ],
)
def test_what_is_no_plain_table_of_r_is_refused(tmp_path, code, message):
    run_r(R_TABLE + code + '; saveRDS(x, "x.rds")', tmp_path)
    with pytest.raises(DataError, match=message):
        read_cells(tmp_path / "x.rds", "comma")


@pytest.mark.parametrize("suffix", BINARY)
def test_a_damaged_or_missing_file_is_one_message(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    with pytest.raises(DataError, match=r"cannot read `.*`: No such file or directory"):
        read_cells(path, "comma")
    path.write_bytes(b"rubbish" * 100)
    with pytest.raises(DataError, match=f"cannot read `.*` as {suffix}: "):
        read_cells(path, "comma")


def test_such_a_file_has_no_dialect(tmp_path):
    FRAME.to_feather(tmp_path / "x.feather")
    with pytest.raises(ArgumentError, match="not a text file of dialect `semicolon`\n  help: leave out the dialect"):
        read_cells(tmp_path / "x.feather", "semicolon")


@pytest.mark.parametrize(("suffix", "library"), [(".xpt", "pyreadstat"), (".rds", "rdata")])
def test_without_its_library_the_extra_is_named(tmp_path, monkeypatch, suffix, library):
    write_table(of_frame("x", "made up", FRAME), tmp_path / f"x{suffix}")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ArgumentError, match=rf"library that is not installed: {library}\n  help: .*mtorsim\[tables\]"):
        read_cells(tmp_path / f"x{suffix}", "comma")
