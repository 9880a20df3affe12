"""Files of R: every number comes back to the bit, in R itself where it is installed."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
import rdata
from hypothesis import given
from hypothesis import strategies as st
from made import bits, made

from mtorsim.results.export.rds import write_rds
from r import needs_r, run_r

NUMBERS = [0.1, 1 / 3, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, float("inf"), float("-inf")]
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(
    st.lists(
        st.tuples(TEXT, st.integers(-(2**31) + 1, 2**31 - 1), st.floats(allow_nan=False)), min_size=1, max_size=20
    ),
    st.data(),
)
def test_rows_come_back_to_the_bit_however_they_are_cut(tmp_path_factory, rows, data):
    arms, subjects, values = (list(column) for column in zip(*rows, strict=True))
    path = tmp_path_factory.getbasetemp() / "any.rds"
    write_rds(made(arms, subjects, np.array(values)), path)
    whole = path.read_bytes()
    back = rdata.read_rds(path)
    assert back["arm"].tolist() == arms
    assert back["subject"].tolist() == subjects
    assert bits(back["level"]) == bits(values)
    write_rds(made(arms, subjects, np.array(values), [data.draw(st.integers(0, len(rows)))]), path)
    assert path.read_bytes() == whole


@needs_r
def test_r_reads_the_same_bits(tmp_path):
    values = np.concatenate([NUMBERS, np.random.default_rng(1).standard_cauchy(5000)])
    n = len(values)
    write_rds(made(["p\u00e9"] * n, range(n), values, [7, 7, 1000]), tmp_path / "x.rds")
    # Comparing with NULL gives nothing to be false, so that only `identical` tells that an attribute is there.
    code = """
        x <- readRDS("x.rds")
        stopifnot(is.data.frame(x), identical(as.vector(x$subject), seq_len(nrow(x)) - 1L))
        stopifnot(all(x$arm == "p\\u00e9"), Encoding(x$arm[1]) == "UTF-8")
        stopifnot(identical(attributes(x$level), list(label = "Level of the drug", units = "ug/L")))
        stopifnot(identical(attributes(x$subject), list(label = "Number of the subject")))
        stopifnot(identical(attr(x, "title"), "SIMULATED: two arms"))
        writeBin(as.numeric(x$level), "x.bin")
    """
    run_r(code, tmp_path)
    assert (tmp_path / "x.bin").read_bytes() == values.tobytes()


@needs_r
def test_what_is_missing_is_na_in_r(tmp_path):
    write_rds(made(["a", None, ""], [1, None, 2**31], np.array([1.0, np.nan, 3.0])), tmp_path / "x.rds")
    said = run_r('x <- readRDS("x.rds"); str(lapply(x, as.vector)); print(is.na(x))', tmp_path)
    assert ' $ arm    : chr [1:3] "a" NA ""' in said
    assert " $ subject: num [1:3] 1.00 NA 2.15e+09" in said
    assert " $ level  : num [1:3] 1 NA 3" in said


@needs_r
def test_an_empty_table_is_an_empty_data_frame(tmp_path):
    write_rds(made([], [], np.zeros(0)), tmp_path / "x.rds")
    assert run_r('x <- readRDS("x.rds"); cat(dim(x), names(x))', tmp_path) == "0 3 arm subject level"


def test_the_file_is_packed_without_a_date(tmp_path):
    write_rds(made(["a"], [1], np.ones(1)), tmp_path / "x.rds")
    packed = (tmp_path / "x.rds").read_bytes()
    assert packed[4:8] == bytes(4)
    assert gzip.decompress(packed).startswith(b"X\n")


def test_text_beyond_the_memory_of_texts_is_written_all_the_same(tmp_path, monkeypatch):
    from mtorsim.results.export import rds

    monkeypatch.setattr(rds, "MOST_KEPT", 3)
    arms = [None if i % 7 == 0 else f"arm {i % 11}" for i in range(40)]
    write_rds(made(arms, range(40), np.ones(40), range(1, 40)), tmp_path / "x.rds")
    assert [None if pd.isna(a) else a for a in rdata.read_rds(tmp_path / "x.rds")["arm"]] == arms


def test_r_counts_rows_in_32_bits(tmp_path, monkeypatch):
    from mtorsim.errors import DataError
    from mtorsim.results.export import rds

    monkeypatch.setattr(rds, "MOST_ROWS", 2)
    with pytest.raises(DataError, match=r"has at most 2 rows, the table has 3\n  help: write .parquet or .feather"):
        write_rds(made(["a"] * 3, range(3), np.ones(3)), tmp_path / "x.rds")
