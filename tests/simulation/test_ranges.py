"""Ranges of subjects run apart and put together, runs that grow, people at percentiles, and verification."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import mtorsim as mt
from helpers import bits, scenario
from mtorsim.errors import ArgumentError, DataError
from mtorsim.simulation.percentile import person_at
from mtorsim.simulation.replay import replay_subject

RULED = """
title = "ruled"
model = ["glucose_insulin", "mtor", "everolimus", "metformin"]
population = "oncology"
subjects = 20
seed = 3
duration = "2 weeks"

[[dose]]
drug = "everolimus"
amount = "20 mg"
every = "24 h"

[[dose]]
drug = "metformin"
amount = "1000 mg"
every = "12 h"
waits = true

[visits]
at = ["0 d", "7 d", "14 d"]
assay = { fasting_glucose = 0.02 }

[leaving]
median = "4 weeks"

[[rule]]
name = "rescue"
when = "fasting_glucose > 105 mg/dL"
do = "start metformin"

[[test]]
kind = "ogtt"
at = "14 d"

[record]
every = "7 d"

[[arm]]
name = "placebo"
without = "everolimus"
"""
SMALL = "topp_insulin_resistance"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    return mt.simulate(scenario(RULED), chunk=8, out=folder)


@pytest.fixture(scope="module")
def ranges(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranges")
    mt.simulate(scenario(RULED), subjects=7, chunk=4, threads=1, out=folder / "a")
    mt.simulate(scenario(RULED), first=7, subjects=13, chunk=5, out=folder / "b")
    return folder


def same(one: mt.Result, other: mt.Result) -> None:
    """Two results hold the same numbers, tables and summaries."""
    assert one.manifest["result"] == other.manifest["result"]
    assert bits(one) == bits(other)
    for name in ("people", "ledger", "treatment", "tests"):
        assert getattr(one, name).equals(getattr(other, name)), name
    assert one.series.equals(other.series)
    kept = [{k: v for k, v in r.summary.items() if k != "seconds"} for r in (one, other)]
    assert kept[0] == kept[1]


def test_ranges_merged_are_one_run(whole, ranges, tmp_path):
    merged = mt.merge([ranges / "b", ranges / "a"], tmp_path / "both", chunk=8)
    same(merged, whole)
    same(mt.open_result(tmp_path / "both"), whole)
    assert sorted(p.name for p in (tmp_path / "both" / "people.parquet").iterdir()) == sorted(
        p.name for p in (whole.folder / "people.parquet").iterdir()
    )


def test_a_range_is_a_result_of_its_own(ranges):
    result = mt.open_result(ranges / "b")
    assert result.visits.subject.to_numpy().tolist() == list(range(7, 20))
    assert replay_subject(ranges / "b", 12, "placebo").same
    with pytest.raises(DataError, match="numbered from 7 to 19"):
        replay_subject(ranges / "b", 3)


def test_a_run_grows_to_the_same_bits(whole, ranges, tmp_path):
    shutil.copytree(ranges / "a", tmp_path / "grown")
    # The last of its chunks, of 4, is not full, and is computed again.
    same(mt.extend(tmp_path / "grown", 20, threads=2), whole)
    with pytest.raises(DataError, match="has 20 subjects already"):
        mt.extend(tmp_path / "grown", 20)


def test_what_does_not_belong_together_is_not_merged(ranges, tmp_path):
    out = tmp_path / "out"
    other = mt.simulate(scenario(RULED), first=7, subjects=2, seed=4, out=tmp_path / "other").folder
    gap = mt.simulate(scenario(RULED), first=9, subjects=2, out=tmp_path / "gap").folder
    for folders, message in (
        ([ranges / "a", other], r"not ranges of one run: they differ in seed \(3 and 4\)"),
        ([ranges / "a", gap], "subjects 7 to 8 are missing between"),
        ([ranges / "a", ranges / "a"], "subjects 0 to 6 are in both"),
        ([ranges / "a", tmp_path / "none"], "is not a result"),
    ):
        with pytest.raises(DataError, match=message):
            mt.merge(folders, out)
        assert not (out / "run.json").exists()
    with pytest.raises(ArgumentError, match="at least two"):
        mt.merge([ranges / "a"], out)
    with pytest.raises(ArgumentError, match="one of the folders"):
        mt.merge([ranges / "a", ranges / "b"], ranges / "b")


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_a_damaged_range_is_not_merged(ranges, tmp_path, damage):
    shutil.copytree(ranges / "b", tmp_path / "b")
    arm = tmp_path / "b" / "visits.parquet" / "arm=placebo"
    if damage == "lost":
        (arm / "chunk-000001.parquet").unlink()
    else:
        shutil.copy(arm / "chunk-000000.parquet", arm / "chunk-000001.parquet")
    with pytest.raises(DataError, match=r"lacks subjects 12 to 16|are not those of its run"):
        mt.merge([ranges / "a", tmp_path / "b"], tmp_path / "out")
    assert not (tmp_path / "out" / "run.json").exists()


def test_visits_are_a_dataset_that_other_tools_partition(whole):
    import pyarrow.dataset as dataset

    found = dataset.dataset(whole.folder / "visits.parquet", partitioning="hive").to_table()
    assert found.num_rows == 2 * 20 * 3
    assert set(found.column("arm").to_pylist()) == set(whole.manifest["arms"])


def test_the_person_at_a_percentile_is_replayed_to_the_bit(whole):
    worst = whole.visits.fasting_glucose.isel(arm=0, time=slice(1, None)).max("time").to_numpy()
    there = np.sort(worst[np.isfinite(worst)])  # some left before the first visit
    for percentile in (0, 50, 97.5, 100):
        subject, value = person_at(whole.folder, percentile, "worst_fasting_glucose")
        assert value == there[max(int(np.ceil(percentile / 100 * len(there))), 1) - 1]
        assert worst[subject] == value
    assert replay_subject(whole.folder, subject).same
    with pytest.raises(ArgumentError, match="did you mean `worst_fasting_glucose`"):
        person_at(whole.folder, 50, "worst_fasting_glucos")
    with pytest.raises(ArgumentError, match="between 0 and 100"):
        person_at(whole.folder, 101, "hba1c")


def test_a_result_is_verified_by_other_means(whole, tmp_path):
    found = mt.verify(whole.folder)
    assert found.sample == 8
    assert found.suspicious == ()
    assert 0 < found.worst["fasting_glucose"][0] < 0.05
    assert json.loads(json.dumps(found.to_json()))["sample"] == 8
    assert "8 solved again by tsit5" in repr(found)
    strict = mt.verify(whole.folder, limit=0.0)
    assert strict.suspicious or strict.decided
    shutil.copytree(whole.folder, tmp_path / "copy")
    arm = tmp_path / "copy" / "visits.parquet" / "arm=placebo"
    shutil.copy(arm / "chunk-000000.parquet", arm / "chunk-000001.parquet")
    with pytest.raises(DataError, match=r"lacks subjects 8 to 15|are not those of its run"):
        mt.verify(tmp_path / "copy")


def test_the_command_line(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = ("run", SMALL, "--quiet", "--no-figures")
    assert mtorsim(*run, "--subjects", "9", "--out", "whole").code == 0
    assert mtorsim(*run, "--last", "3", "--out", "a").code == 0
    assert mtorsim(*run, "--first", "4", "--last", "8", "--out", "b").code == 0
    merged = mtorsim("merge", "a", "b", "--out", "both", "--quiet", "--no-figures")
    assert merged.code == 0, merged.err
    assert "agree to the bit" in mtorsim("compare", "whole", "both").out
    assert mtorsim("extend", "a", "--subjects", "9", "--quiet", "--no-figures").code == 0
    assert "agree to the bit" in mtorsim("compare", "whole", "a").out
    assert "are those of the run" in mtorsim("verify", "whole").out
    at = mtorsim("replay", "whole", "--percentile", "50", "--of", "worst_glucose")
    assert "percentile 50 of worst_glucose: subject" in at.err
    assert "agree with the stored ones to the bit" in at.out
    for words, message in (
        ((*run, "--first", "5", "--last", "4"), "is before"),
        ((*run, "--last", "5", "--subjects", "4"), "say the same"),
        ((*run, "--first", "-1"), "numbered from 0"),
        (("replay", "whole"), "either `--subject` or `--percentile`"),
        (("merge", "a", "--out", "c"), "at least two"),
        (("extend", "whole", "--subjects", "5"), "has 9 subjects already"),
    ):
        wrong = mtorsim(*words)
        assert wrong.code == 2
        assert message in wrong.err, wrong.err
