"""Tables of measured values as they come: which rows are samples, of what, in which unit, and below which limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mtorsim.analysis.predictive_check.observations import observed_in, read_observations
from mtorsim.errors import MtorsimError
from mtorsim.event_records.read import read_events

HEAD = "ID,TIME,EVID,MDV,AMT,DV"
ROWS = ["1,0,1,1,10,.", "1,1,0,0,.,5.0", "1,2,0,1,.,6.0", "1,4,0,0,.,.", "2,1,0,.,.,7.5", "2,3,2,.,.,1", "3,0,1,1,10,."]


@pytest.fixture
def read(tmp_path):
    """`read([rows], head, of="glucose")`: the samples in a table."""

    def go(rows, head="ID,TIME,DV", of="glucose", unit="mg/dL", columns=None, **more):
        path = tmp_path / "data.csv"
        path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        return read_observations(read_events(path, columns=columns), of, unit, **more)

    return go


def test_samples_are_rows_of_evid_0_with_a_value_and_no_mdv(read):
    found = read(ROWS, HEAD)
    assert (found.value.tolist(), found.time.tolist()) == ([5.0, 7.5], [1.0, 1.0])
    assert (found.person.tolist(), found.line.tolist()) == ([0, 1], [3, 6])
    assert "rows without a value: 1" in found.notes
    assert "1 person has no sample" in found.notes


@pytest.mark.parametrize("head", ["ID,TIME,value", "ID,TIME,Conc", "ID,TIME,glucose"])
def test_values_may_stand_under_usual_names(read, head):
    assert read(["1,0,95"], head).value.tolist() == [95.0]


def test_a_parquet_file_and_a_data_frame_are_read_as_a_csv_file_is(tmp_path):
    frame = pd.DataFrame({"ID": [1, 1, 2], "TIME": [0.0, 0.1, 4.0], "DV": [1.5, None, 2.25], "SEX": ["m", "m", "f"]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    # Labels that were read as floating-point numbers are the same labels.
    floats = frame.astype({"ID": float})
    tables = [read_events(given) for given in (tmp_path / "a.csv", tmp_path / "a.parquet", floats)]
    found = [read_observations(table, "glucose", "mg/dL", by="SEX") for table in tables]
    for other in found[1:]:
        assert other.value.tolist() == found[0].value.tolist() == [1.5, 2.25]
        assert other.labels == found[0].labels == ["1", "2"]
        assert (other.time.tolist(), other.line.tolist()) == (found[0].time.tolist(), found[0].line.tolist())
        assert other.stratum.tolist() == ["m", "f"]
    with pytest.raises(MtorsimError, match="the data frame:4: subject 2, column TIME: the time is missing"):
        read_events(frame.assign(TIME=[0.0, 0.1, None]))
    with pytest.raises(MtorsimError, match="not a text file of dialect"):
        read_events(tmp_path / "a.parquet", dialect="semicolon")


def test_one_observable_is_chosen_by_its_name_or_by_its_number(read, tmp_path):
    rows = ["1,0,95,glucose", "1,0,6,insulin", "1,1,110,glucose"]
    assert read(rows, "ID,TIME,DV,DVID").value.tolist() == [95.0, 110.0]
    assert read(rows, "ID,TIME,DV,DVID", dvid="insulin").value.tolist() == [6.0]
    table = read_events(tmp_path / "data.csv")
    assert observed_in(table, None, ["hba1c"]) == "hba1c"
    with pytest.raises(MtorsimError, match="which observable"):
        observed_in(table, None, ["glucose", "insulin"])
    assert observed_in(table, None, ["glucose", "hba1c"]) == "glucose"
    with pytest.raises(MtorsimError, match="several kinds of values: 1, 2"):
        read(["1,0,95,1", "1,0,6,2"], "ID,TIME,DV,DVID")


@pytest.mark.parametrize(
    ("of", "unit", "given", "value", "expected"),
    [
        ("glucose", "mg/dL", "mmol/L", 5.0, 90.08),
        ("insulin", "uU/mL", "pmol/L", 60.0, 10.0),
        ("hba1c", "%", "mmol/mol", 48.0, 6.543),
        ("drug_level", "ug/L", "ng/mL", 7.0, 7.0),
        ("everolimus.C", "ug/L", "mg/L", 0.01, 10.0),
    ],
)
def test_values_and_limits_are_converted_to_the_unit_of_the_model(read, of, unit, given, value, expected):
    found = read([f"1,0,{value}"], of=of, unit=unit, dv_unit=given, lloq=value / 2)
    assert found.value[0] == pytest.approx(expected, rel=1e-3)
    assert (found.unit, found.below.any()) == (unit, False)
    assert read([f"1,0,{value},{given}"], "ID,TIME,DV,UNIT", of=of, unit=unit).value[0] == found.value[0]
    assert found.limit[0] < found.value[0]


@pytest.mark.parametrize(
    ("rows", "head", "more"),
    [
        (["1,0,5", "1,1,<2"], "ID,TIME,DV", {}),
        (["1,0,5", "1,1,BLQ"], "ID,TIME,DV", {"lloq": 2.0}),
        (["1,0,5", "1,1,1.5"], "ID,TIME,DV", {"lloq": 2.0}),
        (["1,0,5,0,2", "1,1,.,1,2"], "ID,TIME,DV,BLQ,LLOQ", {}),
        (["1,0,5,0", "1,1,2,1"], "ID,TIME,DV,CENS", {}),
        (["1,0,5,0", "1,1,0,1"], "ID,TIME,DV,BLQ", {"lloq": 2.0}),
    ],
)
def test_what_is_below_the_limit_may_be_marked_in_many_ways(read, rows, head, more):
    found = read(rows, head, **more)
    assert found.below.tolist() == [False, True]
    assert (found.value.tolist(), found.limit.tolist()) == ([5.0, 2.0], [2.0, 2.0])
    assert found.censored


def test_limits_that_differ_must_be_given_for_every_sample(read):
    with pytest.raises(MtorsimError, match="only some samples have a limit"):
        read(["1,0,5", "1,1,<2", "1,2,<3"])
    found = read(["1,0,5,2", "1,1,2.5,3"], "ID,TIME,DV,LLOQ")
    assert (found.below.tolist(), found.limit.tolist()) == ([False, True], [2.0, 3.0])
    with pytest.raises(MtorsimError, match="`2` is neither 0 nor 1"):
        read(["1,0,5,2"], "ID,TIME,DV,BLQ")


def test_a_clock_that_restarts_goes_on(read):
    rows = ["1,0,1,10,.", "1,5,0,.,3.0", "1,0,4,10,.", "1,5,0,.,3.5"]
    assert read(rows, "ID,TIME,EVID,AMT,DV").time.tolist() == [5.0, 10.0]


def test_strata_are_texts_of_a_column(read):
    found = read(["1,0,5,low", "2,0,6,high"], "ID,TIME,DV,dose", by="DOSE")
    assert found.strata == ["low", "high"]
    assert len(found.select(np.array([True, False]), "why")) == 1
    many = [f"{k},0,5,{k}" for k in range(20)]
    with pytest.raises(MtorsimError, match="20 strata, at most 12"):
        read(many, "ID,TIME,DV,dose", by="dose")
    with pytest.raises(MtorsimError, match="did you mean `dose`"):
        read(many, "ID,TIME,DV,dose", by="dosee")
    with pytest.raises(MtorsimError, match="there is no measured value"):
        read(["1,0,."])
