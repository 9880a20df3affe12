"""Files of SAS, Stata, SPSS and Arrow: numbers to the bit, and one message for what a format cannot hold."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import bits, made

from mtorsim.errors import ArgumentError, DataError
from mtorsim.results.export.formats import CLOSE, SUFFIXES, check_suffix, write_table
from mtorsim.results.export.source import Column, Source, of_frame

READ = {
    ".xpt": lambda p: pyreadstat.read_xport(str(p))[0],
    ".dta": lambda p: pyreadstat.read_dta(str(p))[0],
    ".sav": lambda p: pyreadstat.read_sav(str(p))[0],
    ".csv": pd.read_csv,
    ".parquet": pd.read_parquet,
    ".feather": pd.read_feather,
}
SIZE = st.floats(5.4e-79, 8.9e74) | st.floats(-8.9e74, -5.4e-79) | st.just(0.0)


@pytest.mark.parametrize("suffix", READ)
@given(values=st.lists(SIZE, min_size=1, max_size=20))
def test_numbers_come_back_to_the_bit(tmp_path_factory, suffix, values):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    n = len(values)
    assert write_table(made(["a\u00e9"] * n, range(n), np.array(values), [n // 2]), path) == []
    back = READ[suffix](path)
    assert list(back.columns.str.lower()) == ["arm", "subject", "level"]
    assert set(back.iloc[:, 0]) == {"a\u00e9"}
    assert back.iloc[:, 1].tolist() == list(range(n))
    assert bits(back.iloc[:, 2]) == bits(values)


@pytest.mark.parametrize("suffix", READ)
def test_what_is_missing_is_missing(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    write_table(made(["a", None], [1, 2], np.array([np.nan, 2.0])), path)
    assert READ[suffix](path).iloc[:, 2].isna().tolist() == [True, False]


def test_labels_have_units_and_the_title_says_simulated(tmp_path):
    for suffix, read in ((".xpt", pyreadstat.read_xport), (".dta", pyreadstat.read_dta), (".sav", pyreadstat.read_sav)):
        path = tmp_path / f"x{suffix}"
        write_table(made(["a"], [1], np.ones(1)), path)
        about = read(str(path))[1]
        assert about.column_labels == ["arm", "Number of the subject", "Level of the drug (ug/L)"]
        assert about.file_label == "SIMULATED: two arms"
    assert pyreadstat.read_xport(str(tmp_path / "x.xpt"))[1].table_name == "VISITS"


def test_units_lie_in_the_metadata_of_arrow(tmp_path):
    write_table(made(["a"], [1], np.ones(1)), tmp_path / "x.parquet")
    schema = pq.ParquetFile(tmp_path / "x.parquet").schema_arrow
    assert schema.field("level").metadata == {b"label": b"Level of the drug", b"unit": b"ug/L"} | {
        k: v for k, v in schema.field("level").metadata.items() if k.startswith(b"PARQUET")
    }
    assert schema.metadata[b"title"] == b"SIMULATED: two arms"


def test_what_is_shortened_is_told(tmp_path):
    long = "the concentration of a drug in whole blood before the next dose"
    frame = pd.DataFrame({"everolimus.CL": [1.0], "fasting_glucose": [1e-90]})
    source = of_frame("people", "SIMULATED", frame, {"everolimus.CL": "L/h"})
    source = Source(
        "people", "SIMULATED", [Column("everolimus.CL", "number", long, "L/h"), source.columns[1]], source.parts
    )
    told = write_table(source, tmp_path / "x.xpt")
    assert told == [
        "values too small for SAS transport format, version 5, written as 0: 1",
        "names in SAS transport format, version 5 have at most 8 letters, digits or underscores: everolimus.CL is CL, "
        "fasting_glucose is GLUCFAST",
        "labels are at most 40 characters long, shortened: the concentration of a drug in who (L/h)",
    ]
    frame, about = pyreadstat.read_xport(str(tmp_path / "x.xpt"))
    assert frame["GLUCFAST"].tolist() == [0.0]
    assert about.column_labels == ["the concentration of a drug in who (L/h)", "fasting_glucose"]
    assert len(write_table(source, tmp_path / "x.xpt", xpt_version=8)) == 2
    assert pyreadstat.read_xport(str(tmp_path / "x.xpt"))[1].column_labels[0] == f"{long} (L/h)"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            {"x": [1e75]},
            r"column `x` has the value 1e\+75\n  help: the largest number in SAS transport format, version 5",
        ),
        ({"x": [-np.inf]}, r"column `x` has the value -inf\n  help: the largest number"),
        ({"x": ["a" * 201]}, r"column `x` has a text of 201 bytes\n  help: SAS .* has at most 200: write .parquet"),
    ],
)
def test_a_value_that_sas_cannot_hold_is_one_message(tmp_path, frame, message):
    with pytest.raises(DataError, match=message):
        write_table(of_frame("x", "SIMULATED", pd.DataFrame(frame)), tmp_path / "x.xpt")


def test_a_table_that_memory_cannot_hold_is_refused_before_it_is_made(tmp_path, monkeypatch):
    from mtorsim.results.export import stat_files

    monkeypatch.setattr(stat_files, "MOST_CELLS", 8)
    with pytest.raises(
        DataError, match=r"too large for a file of Stata\n  help: write .parquet, .feather, .rds or .csv"
    ):
        write_table(made(["a"] * 3, range(3), np.ones(3)), tmp_path / "x.dta")


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(ArgumentError, match=r"`.xpt` needs a library .* pyreadstat\n  help: .*mtorsim\[tables\]"):
        write_table(made(["a"], [1], np.ones(1)), tmp_path / "x.xpt")


def test_there_are_two_versions_of_the_transport_format(tmp_path):
    with pytest.raises(ArgumentError, match="there is no version 6"):
        write_table(made(["a"], [1], np.ones(1)), tmp_path / "x.xpt", xpt_version=6)


def test_an_unknown_suffix_is_answered_with_the_nearest():
    for wrong, near in [(".sas7bdat", ".xpt"), (".parqet", ".parquet"), (".RDS", ".rds"), (".arrow", ".feather")]:
        with pytest.raises(DataError) as found:
            check_suffix(Path(f"x{wrong}"))
        assert found.value.help == f"did you mean `{near}`? End its name in {', '.join(SUFFIXES[:-1])} or .sav"
    assert set(CLOSE.values()) <= set(SUFFIXES)
    with pytest.raises(DataError, match="help: end its name in"):
        check_suffix(Path("x.docx"))
