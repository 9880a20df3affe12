"""Analysis datasets with the names of CDISC are read as event records when asked, and never by a guess."""

from __future__ import annotations

import pytest

import mtorsim as mt

TABLE = (
    "STUDYID,USUBJID,SUBJID,AFRLT,NFRLT,FRLTU,EVID,AMT,CMT,DV,AGE\n"
    "S,S-1,1,0,0,HOURS,1,10,oral,.,50\n"
    "S,S-1,1,2.5,2,HOURS,0,.,,20,50\n"
)


def read(tmp_path, text, **given):
    path = tmp_path / "adppk.csv"
    path.write_text(text, encoding="utf-8")
    return mt.read_events(path, **given)


def test_subjects_and_times_have_their_names(tmp_path):
    table = read(tmp_path, TABLE, dialect="adam")
    assert list(table.labels) == ["S-1"]
    assert table.time.tolist() == [0.0, 2.5]
    assert table.used["ID"] == "USUBJID"
    assert table.used["TIME"] == "AFRLT"
    assert table.covariates["AGE"].tolist() == [50.0, 50.0]


def test_times_have_the_unit_of_their_column(tmp_path):
    assert read(tmp_path, TABLE.replace("HOURS", "DAYS"), dialect="adam").time.tolist() == [0.0, 60.0]
    with pytest.raises(mt.MtorsimError, match="column FRLTU has `days`, `hours`\n  help: all times of"):
        read(tmp_path, TABLE.replace("HOURS", "DAYS", 1), dialect="adam")
    with pytest.raises(mt.MtorsimError, match="column FRLTU has `mg`"):
        read(tmp_path, TABLE.replace("HOURS", "mg"), dialect="adam")


def test_other_columns_are_chosen_by_name(tmp_path):
    table = read(tmp_path, TABLE, dialect="adam", columns={"NFRLT": "TIME", "SUBJID": "ID"})
    assert table.time.tolist() == [0.0, 2.0]
    assert list(table.labels) == ["1"]


def test_names_are_not_guessed(tmp_path):
    with pytest.raises(mt.MtorsimError, match='there is no column TIME\n  help: pass `dialect="adam"`'):
        read(tmp_path, TABLE)
