"""What is kept of a run: observables, series, draws; certificates; and disks that fail."""

from __future__ import annotations

import errno
import json
import shutil
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, DataError
from mtorsim.results import folder as folders
from mtorsim.results.manifest import read_manifest
from mtorsim.run.design import parse_numbers
from mtorsim.simulation.percentile import person_at
from mtorsim.simulation.replay import replay_subject

SMALL = "topp_insulin_resistance"
N = 24


@pytest.fixture(scope="module")
def usual():
    return mt.simulate(SMALL, subjects=N)


def test_fewer_observables_are_the_same_numbers(usual, tmp_path):
    few = mt.simulate(SMALL, subjects=N, observe=["insulin"], out=tmp_path / "out", chunk=10)
    assert list(few.manifest["observables"]) == ["fasting_glucose", "insulin"]
    for name in few.manifest["observables"]:
        np.testing.assert_array_equal(few.visits[name], usual.visits[name])
        np.testing.assert_array_equal(few.series[name], usual.series[name])
    assert few.summary["arms"]["unchanged"]["share"] == usual.summary["arms"]["unchanged"]["share"]
    assert replay_subject(few.folder, 23).same
    with pytest.raises(ArgumentError, match="`insuline` is not observed"):
        mt.simulate(SMALL, subjects=1, observe=["insuline"])


def test_the_series_of_chosen_subjects_is_kept(usual, tmp_path):
    few = mt.simulate(SMALL, subjects=N, series_of="2-3, 17", out=tmp_path / "out", chunk=10)
    assert few.series.subject.to_numpy().tolist() == [2, 3, 17]
    np.testing.assert_array_equal(few.series.glucose, usual.series.glucose.sel(subject=[2, 3, 17]))
    parts = [
        mt.simulate(SMALL, first=a, subjects=12, series_of="2-3, 17", out=tmp_path / str(a)).folder for a in (0, 12)
    ]
    whole = mt.merge(parts, tmp_path / "both")
    assert whole.series.equals(few.series)
    assert mt.simulate(SMALL, subjects=3, series_of="").series.sizes["subject"] == 0


def test_a_run_without_a_series_is_read_like_any_other(tmp_path, mtorsim):
    out = tmp_path / "out"
    mt.simulate(SMALL, first=2000, subjects=4, out=out)
    assert mt.open_result(out).series.sizes["subject"] == 0
    assert replay_subject(out, 2003).same
    assert mtorsim("compare", out, out).code == 0
    merged = mt.merge([out, mt.simulate(SMALL, first=2004, subjects=2, out=tmp_path / "b").folder], tmp_path / "c")
    assert mt.open_result(merged.folder).visits.sizes["subject"] == 6


def test_weights_count_in_percentiles_and_stand_in_tables(tmp_path):
    tails = {"glucose_insulin.phis": "lowest 20 % as 50 %"}
    result = mt.simulate("everolimus_healthy", subjects=40, tails=tails, out=tmp_path / "out")
    subject, value = person_at(result.folder, 90, "worst_fasting_glucose")
    seen = result.visits.fasting_glucose.sel(arm="everolimus")
    worst = seen.where(seen.time > 0).max("time").to_numpy()
    assert value == worst[subject] == np.quantile(worst, 0.9, weights=result.weights, method="inverted_cdf")
    assert value < np.quantile(worst, 0.9)
    frame = result.table()
    assert set(frame.columns[:5]) == {"arm", "subject", "visit", "weight", "time_h"}
    assert (frame.groupby("subject")["weight"].first().to_numpy() == result.weights).all()


@pytest.mark.parametrize("text", ["3-1", "a", "1-2-3", "-1", "0-200000"])
def test_what_is_no_list_of_subjects(text):
    with pytest.raises(ArgumentError, match=r"is not a range of subjects|at most 100,000"):
        mt.simulate(SMALL, subjects=1, series_of=text)


def test_ranges_are_put_in_order():
    assert parse_numbers("7, 1-3,5-5") == ((1, 3), (5, 5), (7, 7))


def test_sobol_points_are_other_people_and_the_same_in_any_split(usual, tmp_path):
    found = mt.simulate("everolimus_healthy", subjects=4, draws="sobol", chunk=2, out=tmp_path / "out")
    more = mt.simulate("everolimus_healthy", subjects=6, draws="sobol")
    random = mt.simulate("everolimus_healthy", subjects=4)
    assert found.people.equals(more.people.iloc[:4])
    assert not found.people.equals(random.people)
    assert read_manifest(found.folder)["draws"] == "sobol"
    assert mt.extend(found.folder, 6).manifest["result"] == more.manifest["result"]
    with pytest.raises(ArgumentError, match="use `random` or `sobol`"):
        mt.simulate(SMALL, subjects=1, draws="halton")


def test_a_certificate_is_kept_and_made_again_when_the_run_grows(tmp_path):
    out = tmp_path / "out"
    mt.simulate(SMALL, subjects=12, out=out, certify=True)
    found = json.loads((out / "certificate.json").read_text())
    assert (found["subjects"], found["sample"]) == (12, 8)
    assert found["how"].startswith("tsit5 in double precision at rtol 3e-05")
    mt.extend(out, 13)
    assert json.loads((out / "certificate.json").read_text())["subjects"] == 13
    plain = mt.simulate(SMALL, subjects=12, out=tmp_path / "plain").folder
    assert not (plain / "certificate.json").exists()
    with pytest.raises(ArgumentError, match="needs a result folder"):
        mt.simulate(SMALL, subjects=1, certify=True)


def failing(monkeypatch, after, problem):
    """Let writing of tables fail after some files."""
    write, count = pq.write_table, [0]

    def fail(table, path, **options):
        count[0] += 1
        if count[0] > after:
            path.write_bytes(b"half a fi")
            raise problem
        write(table, path, **options)

    monkeypatch.setattr(pq, "write_table", fail)


def test_a_full_disk_is_one_message_and_the_run_goes_on_later(usual, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        failing(patch, 13, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(DataError, match="No space left on device") as told:
            mt.simulate(SMALL, subjects=N, out=out, chunk=6)
    assert "12 of 24 subjects are saved" in str(told.value)
    assert not list(out.rglob("*.draft"))
    assert mt.resume(out).manifest["result"] == usual.manifest["result"]


def test_a_full_disk_at_the_end_costs_the_summary_only(usual, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:

        def full(path, data):
            if path.name == "summary.json":
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, data)

        write = folders.write_json
        patch.setattr("mtorsim.results.writer.write_json", full)
        with pytest.raises(DataError, match="No space left on device"):
            mt.simulate(SMALL, subjects=N, out=out, chunk=6)
    assert mt.resume(out).manifest["result"] == usual.manifest["result"]


def test_a_folder_that_vanishes_is_one_message(tmp_path):
    out = tmp_path / "out"

    def vanish(done, total):
        shutil.rmtree(out, ignore_errors=True)

    with pytest.raises(DataError, match="was removed during the run"):
        mt.simulate(SMALL, subjects=N, out=out, chunk=6, progress=vanish)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no permissions there")
def test_a_folder_that_cannot_be_written_to_is_one_message(tmp_path, monkeypatch):
    out = tmp_path / "out"

    def no(self, *args, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", no)
    with pytest.raises(DataError, match="Permission denied"):
        mt.simulate(SMALL, subjects=2, out=out)
