"""Analysis datasets hold what the run holds, under the names of CDISC's ADaM, and nothing that it does not know."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, DataError
from mtorsim.results.export.contents import DATASETS, contents_of
from mtorsim.results.export.parameters import LABELS, relative_day, visit_name
from mtorsim.results.export.study import Planned
from r import needs_r, run_r


@pytest.fixture(scope="module")
def tables(memory):
    return {kind: contents_of(memory, kind).frame() for kind in ("adsl", "adlb", "adpc")}


def test_every_value_of_the_run_is_there_to_the_bit(memory, tables):
    everything = pd.concat([tables["adlb"], tables["adpc"]])
    codes = {"fasting_glucose": "GLUCFAST", "hba1c": "HBA1C", "c_peptide": "CPEPTIDE", "mtorc1": "MTORC1"}
    for name, code in {**codes, "drug_level": "DRUGLEV"}.items():
        own = everything[(everything["PARAMCD"] == code) & (everything["TRTP"] == "everolimus")]
        own = own.sort_values(["PERSONN", "AVISITN"])
        stored = memory.visits[name].sel(arm="everolimus").to_numpy()
        assert own["AVAL"].to_numpy().tobytes() == stored.tobytes()
        assert set(own["AVALU"]) == {memory.manifest["observables"][name].replace("1", "")}


def test_a_subject_is_a_person_in_one_arm(memory, tables):
    subjects = tables["adsl"]
    assert subjects["USUBJID"].is_unique
    assert len(subjects) == 2 * 5
    assert set(tables["adlb"]["USUBJID"]) == set(subjects["USUBJID"])
    pair = subjects[subjects["PERSONN"] == 3]
    assert pair["USUBJID"].tolist() == ["everolimus_breast-1-3", "everolimus_breast-2-3"]
    assert pair["TRT01P"].tolist() == ["everolimus", "placebo"]
    assert pair["AGE"].nunique() == 1
    assert pair["AGE"].iloc[0] == memory.people["age"].loc[3]
    assert pair["CL"].iloc[0] == memory.people["everolimus.CL"].loc[3]
    assert set(subjects["SEX"]) == {"F"}
    assert set(subjects["EOSSTT"]) == {"COMPLETED"}


def test_changes_are_from_the_sample_before_the_first_dose(tables):
    table = tables["adlb"]
    first = table[table["ABLFL"] == "Y"]
    assert set(first["ARELTM"]) == {0.0}
    assert len(first) == len(table) / 8
    later = table[table["ABLFL"] == ""]
    assert np.array_equal(later["CHG"], later["AVAL"] - later["BASE"])
    assert first["CHG"].isna().all()
    assert (table["AVAL"][table["ABLFL"] == "Y"] == table["BASE"][table["ABLFL"] == "Y"]).all()


def test_grades_are_those_of_the_scale_of_the_run(tables):
    table = tables["adlb"]
    graded = table[table["PARAMCD"] == "GLUCFAST"]
    expected = np.searchsorted([110.0, 160.0, 250.0, 500.0], graded["AVAL"], side="left")
    assert graded["ATOXGR"].astype(int).tolist() == expected.tolist()
    assert set(graded["ANRHI"]) == {110.0}
    assert set(table["ATOXGR"][table["PARAMCD"] == "INSULIN"]) == {""}


def test_concentrations_are_of_the_arm_that_gives_the_drug(tables):
    table = tables["adpc"]
    assert set(table["TRTP"]) == {"everolimus"}
    assert set(table["PARAM"]) == {"Rapalog in whole blood (ug/L)"}
    one = table[table["PERSONN"] == 0]
    assert one["NFRLT"].tolist() == [0, 336, 672, 1344, 2016, 2688, 3360, 4032]
    assert one["NRRLT"].tolist() == [0, 24, 24, 24, 24, 24, 24, 24]
    assert set(zip(one["DOSEP"], one["DOSEU"], strict=True)) == {(10.0, "mg")}
    assert one["ADY"].tolist()[:3] == [1, 15, 29]
    assert one["AVISIT"].tolist()[:3] == ["Week 0", "Week 2", "Week 4"]


def test_every_variable_fits_the_transport_format_and_says_simulated(memory):
    for kind in ("adsl", "adlb", "adpc"):
        source = contents_of(memory, kind)
        assert source.title.startswith("SIMULATED: ")
        assert len(source.title) <= 40
        for column in source.columns:
            assert len(column.name) <= 8
            assert len(column.label) <= 40
        assert set(source.frame()["SIMFL"]) == {"Y"}
    assert all(len(name) <= 8 and len(label) <= 40 for name, label in LABELS.items())
    assert not any(name.endswith(("DT", "DTM", "DTC")) for name in LABELS)


def test_a_folder_of_chunks_holds_the_table_of_memory(memory, folder):
    stored = mt.open_result(folder)
    for kind in ("visits", "people", "adsl", "adlb", "adpc"):
        one, two = (contents_of(result, kind) for result in (memory, stored))
        assert one.columns == two.columns
        assert one.frame().equals(two.frame()), kind
    assert len(list(contents_of(stored, "adlb").parts())) == 2 * 3


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("visits.parquet/arm=placebo/chunk-000001.parquet", "lacks `visits.parquet/arm=placebo/chunk-000001.parquet`"),
        ("people.parquet/chunk-000002.parquet", "lacks `people.parquet/chunk-000002.parquet`"),
    ],
)
def test_a_missing_chunk_is_told(folder, tmp_path, file, message):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / file).unlink()
    with pytest.raises(DataError, match=message):
        mt.open_result(copy).export(tmp_path / "x.rds", as_="adlb")
    assert not list(tmp_path.glob("*.rds")) + list(tmp_path.glob(".x*"))


def test_changed_numbers_are_told(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "visits.parquet" / "arm=placebo" / "chunk-000001.parquet"
    frame = pd.read_parquet(path)
    frame.loc[0, "insulin"] += 1e-9
    frame.to_parquet(path, index=False)
    with pytest.raises(DataError, match=r"numbers of arm `placebo` in .* are not those of its run"):
        mt.open_result(copy).export(tmp_path / "x.feather", as_="adlb")


def test_what_a_run_does_not_hold_is_told(memory, tmp_path):
    with pytest.raises(DataError, match="does not keep each dose of each subject, which `adex` needs"):
        memory.export(tmp_path / "x.csv", as_="adex")
    with pytest.raises(ArgumentError, match="there is no table `adpd`\n  help: did you mean `adpc`"):
        memory.export(tmp_path / "x.csv", as_="adpd")
    with pytest.raises(DataError, match=r"unsupported format: .*x.nc"):
        memory.export(tmp_path / "x.nc", as_="adlb")
    with pytest.raises(ArgumentError, match="`as_` must be the name of a table"):
        memory.export(tmp_path / "x.csv", as_=3)


def test_there_are_no_concentrations_without_a_drug(tmp_path):
    untreated = mt.simulate("topp_insulin_resistance", subjects=2)
    with pytest.raises(
        DataError, match="no concentration of a drug\n  help: it observes fasting_glucose, insulin, glucose"
    ):
        untreated.export(tmp_path / "x.csv", as_="adpc")
    table = contents_of(untreated, "adlb").frame()
    assert set(table["PARAMCD"]) == {"GLUCFAST", "GLUC", "INSULIN"}


def test_weights_and_leaving_are_those_of_the_run(memory):
    block = memory.block
    left = block.left.copy()
    left[1, 2] = 500.0
    status = block.status.copy()
    status[0, 4] = 3
    other = replace(memory, block=replace(block, weights=np.arange(1.0, 6.0), left=left, status=status))
    subjects, values = (contents_of(other, kind).frame() for kind in ("adsl", "adlb"))
    assert subjects["SAMPWT"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0] * 2
    assert (
        subjects["EOSSTT"].tolist()
        == ["COMPLETED"] * 4 + [""] + ["COMPLETED"] * 2 + ["DISCONTINUED"] + ["COMPLETED"] * 2
    )
    assert subjects["LEFTHR"].dropna().tolist() == [500.0]
    assert subjects["STATUS"].iloc[4] == "a state is not finite"
    assert (values["SAMPWT"] == values["PERSONN"] + 1).all()
    assert "weight" in contents_of(other, "visits").frame()
    assert "SAMPWT" not in contents_of(memory, "adlb").frame()


def test_days_and_visits_have_the_names_of_trials():
    assert relative_day([-25.0, -24.0, -0.5, 0.0, 23.9, 24.0, 336.0], 0.0) == [-2, -1, -1, 1, 1, 2, 15]
    assert [visit_name(h) for h in (0, 336, 24, 36, 0.5)] == ["Week 0", "Week 2", "Day 2", "Hour 36", "Hour 0.5"]


def test_a_sample_precedes_the_dose_of_its_instant():
    doses = Planned((0.0, 24.0, 48.0), (10.0, 10.0, 5.0), "mg")
    assert [doses.before(h) for h in (-1.0, 0.0, 24.0, 24.1, 500.0)] == [
        (0.0, 10.0), (0.0, 10.0), (0.0, 10.0), (24.0, 10.0), (48.0, 5.0)
    ]  # fmt: skip
    assert Planned((0.0,), (1.0,), "mg", waits=True).before(3.0) is None


@needs_r
def test_r_reads_a_dataset_to_the_bit(memory, tables, tmp_path):
    memory.export(tmp_path / "adlb.rds", as_="adlb")
    run_r('x <- readRDS("adlb.rds"); writeBin(as.numeric(x$AVAL), "x.bin")', tmp_path)
    assert (tmp_path / "x.bin").read_bytes() == tables["adlb"]["AVAL"].to_numpy().tobytes()


def test_all_datasets_are_documented_in_the_help(mtorsim):
    said = mtorsim("export", "--help").out
    assert all(kind in said for kind in DATASETS)
