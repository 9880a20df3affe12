"""The contract of bits: subject i is one person, and no split of the work changes a number."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import mtorsim as mt
from helpers import bits, scenario
from mtorsim.files.library import Library, bundled_folder
from mtorsim.simulation.replay import replay_subject

TEXT = """
title = "bits"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "breast_postmenopausal"
subjects = 64
seed = 5
duration = "2 weeks"

[[dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"
missed = 0.2

[visits]
at = ["0 d", "7 d", "14 d"]

[[arm]]
name = "placebo"
without = "everolimus"
"""


@pytest.fixture(scope="module")
def usual():
    return mt.simulate(scenario(TEXT))


def test_the_first_people_are_the_same_in_a_larger_population(usual):
    larger = mt.simulate(scenario(TEXT), subjects=200)
    for name in usual.visits.data_vars:
        few, many = usual.visits[name], larger.visits[name].sel(subject=slice(0, 63))
        assert few.to_numpy().tobytes() == many.to_numpy().tobytes(), name


@pytest.mark.parametrize(("threads", "chunk"), [(1, 64), (2, 64), (2, 7), (1, 5)])
def test_threads_and_chunks_change_no_bit(usual, threads, chunk):
    assert bits(mt.simulate(scenario(TEXT), threads=threads, chunk=chunk)) == bits(usual)


def test_both_arms_hold_the_same_people(usual):
    start = usual.visits.sel(time=0)
    for name in ("fasting_glucose", "insulin", "hba1c", "ffa", "c_peptide"):
        on, off = (start[name].sel(arm=a).to_numpy() for a in ("everolimus", "placebo"))
        assert on.tobytes() == off.tobytes(), name
    assert bits(usual)["everolimus"] != bits(usual)["placebo"]


def test_a_finer_series_changes_no_visit(usual):
    finer = mt.simulate(scenario(TEXT + '\n[record]\nevery = "1 h"\n'))
    assert bits(finer) == bits(usual)


def test_nobody_changes_when_a_model_gains_a_parameter(tmp_path):
    alone = TEXT.replace('["glucose_insulin", "mtor", "everolimus"]', '["everolimus"]') + "\n[record]\nevery = '7 d'\n"
    models = tmp_path / "models"
    models.mkdir()
    path = bundled_folder("models") / "drugs" / "everolimus.toml"
    text = path.read_text(encoding="utf-8").replace(
        "[parameters]\n",
        "[parameters]\n"
        'new = { value = 3, unit = "1", iiv = 0.5, about = "new", source = "this_work", evidence = "design" }\n',
    )
    (models / "everolimus.toml").write_text(text, encoding="utf-8")
    gained = mt.simulate(scenario(alone), library=Library((tmp_path,)))
    usual = mt.simulate(scenario(alone))
    assert bits(gained) == bits(usual)
    drawn = [c for c in usual.people.columns if c.startswith("everolimus.")]
    assert drawn
    assert gained.people[drawn].equals(usual.people[drawn])
    assert gained.people["everolimus.new"].std() > 0


def test_other_seeds_make_other_people(usual):
    other = mt.simulate(scenario(TEXT), seed=6).visits.fasting_glucose
    assert not np.any(other.to_numpy() == usual.visits.fasting_glucose.to_numpy())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "run"
    mt.simulate(scenario(TEXT), chunk=20, out=folder)
    return folder


def test_a_kept_result_is_the_same_result(usual, kept):
    opened = mt.open_result(kept)
    assert bits(opened) == bits(usual)
    assert opened.summary["arms"] == json.loads(json.dumps(usual.summary["arms"]))
    assert opened.manifest["result"] == usual.manifest["result"]


@pytest.mark.parametrize(("subject", "arm"), [(0, "everolimus"), (17, "placebo"), (63, "everolimus")])
def test_any_subject_is_computed_again_alone_to_the_bit(kept, subject, arm):
    found = replay_subject(kept, subject, arm)
    assert found.same
    assert found.status == "ok"
    assert found.versions_differ == ()


def test_a_run_is_repeated_from_its_manifest_after_its_files_have_changed(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace("subjects = 64", "subjects = 3"), encoding="utf-8")
    mt.simulate(path, out=tmp_path / "out", settings={"everolimus.CL": 30.0})
    path.unlink()
    assert replay_subject(tmp_path / "out", 2, "everolimus").same


def test_a_changed_number_is_noticed(kept, tmp_path):
    import pyarrow.parquet as pq

    copy = tmp_path / "copy"
    shutil.copytree(kept, copy)
    part = copy / "visits.parquet" / "arm=placebo" / "chunk-000000.parquet"
    table = pq.ParquetFile(part).read()
    at = table.schema.get_field_index("insulin")
    values = table.column("insulin").to_numpy().copy()
    values[0] *= 1 + 2**-52
    pq.write_table(table.set_column(at, table.schema.field(at), [values]), part)
    assert not replay_subject(copy, 0, "placebo").same
    assert replay_subject(copy, 5, "placebo").same
    with pytest.raises(mt.MtorsimError, match=r"the numbers of arm `placebo` in .* are not those of its run"):
        _ = mt.open_result(copy).visits


def test_an_interrupted_run_goes_on_to_the_same_bits(usual, tmp_path):
    folder = tmp_path / "run"

    def stop(done, total):
        if done >= 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mt.simulate(scenario(TEXT), chunk=20, out=folder, progress=stop)
    assert not json.loads((folder / "run.json").read_text())["finished"]
    with pytest.raises(mt.MtorsimError, match="was not finished"):
        mt.open_result(folder)
    started = []
    whole = mt.simulate(
        scenario(TEXT), chunk=20, out=folder, resume=True, progress=lambda done, _: started.append(done)
    )
    assert started[0] > 20
    assert bits(whole) == bits(usual)
    assert whole.manifest["result"] == usual.manifest["result"]
    assert len(list((folder / "parts").glob("chunk-*.npz"))) == 4


def test_another_run_is_not_taken_up(tmp_path):
    folder = tmp_path / "run"
    mt.simulate(scenario(TEXT), subjects=8, out=folder)
    again = mt.simulate(scenario(TEXT), subjects=8, out=folder, resume=True)
    assert again.visits.equals(mt.open_result(folder).visits)
    with pytest.raises(mt.MtorsimError, match="differs in seed"):
        mt.simulate(scenario(TEXT), subjects=8, seed=9, out=folder, resume=True)
    with pytest.raises(mt.MtorsimError, match="already exists"):
        mt.simulate(scenario(TEXT), subjects=8, out=folder)


def test_two_calling_threads_do_not_disturb_each_other(usual):
    found = {}

    def call(key):
        found[key] = bits(mt.simulate(scenario(TEXT), threads=2))

    threads = [threading.Thread(target=call, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == bits(usual)


def test_another_process_computes_the_same_bits(usual, tmp_path):
    path = tmp_path / "written_here.toml"
    path.write_text(TEXT, encoding="utf-8")
    code = f"import mtorsim as mt; print(*mt.simulate({str(path)!r}).manifest['result'].values())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(usual.manifest["result"].values())


def test_missed_doses_are_each_subjects_own(usual):
    levels = usual.visits.drug_level.sel(arm="everolimus").isel(time=2)
    assert len(np.unique(levels.to_numpy())) == 64
    adherent = mt.simulate(scenario(TEXT.replace("missed = 0.2", "missed = 0.0"))).visits.drug_level
    lower = (levels.to_numpy() < adherent.sel(arm="everolimus").isel(time=2).to_numpy()).mean()
    assert lower > 0.8


def test_a_folder_keeps_what_is_not_a_result_and_the_result_if_it_cannot_be_replaced(tmp_path):
    folder = tmp_path / "run"
    mt.simulate(scenario(TEXT), subjects=4, out=folder)
    for name in ("shares.xlsx", "time_course.tex", "notes.txt"):
        (folder / name).write_text("mine")
    (folder / "shares.d").mkdir()
    mt.simulate(scenario(TEXT), subjects=5, out=folder, force=True)
    assert {p.name for p in folder.iterdir()} >= {"shares.xlsx", "time_course.tex", "notes.txt", "shares.d"}
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    assert mt.open_result(folder).visits.sizes["subject"] == 5


def test_a_result_that_cannot_be_moved_aside_stays_whole(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    mt.simulate(scenario(TEXT), subjects=4, out=folder)
    rename = Path.rename

    def stuck(path, target):
        if path.name == "summary.json" and path.parent == folder:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(mt.MtorsimError, match=r"cannot write to .*Permission denied"):
        mt.simulate(scenario(TEXT), subjects=5, out=folder, force=True)
    monkeypatch.undo()
    assert mt.open_result(folder).visits.sizes["subject"] == 4


@pytest.mark.parametrize("damage", ["missing", "missing in every arm", "doubled", "swapped"])
def test_lost_and_changed_chunks_are_noticed_by_every_reader(tmp_path, damage):
    folder = tmp_path / "run"
    mt.simulate(scenario(TEXT), subjects=12, chunk=4, out=folder)
    arms = sorted((folder / "visits.parquet").iterdir())
    if damage == "swapped":
        spare = folder / "visits.parquet" / "spare"
        arms[0].rename(spare)
        arms[1].rename(arms[0])
        spare.rename(arms[1])
    for arm in arms if damage == "missing in every arm" else arms[:1]:
        if damage.startswith("missing"):
            (arm / "chunk-000001.parquet").unlink()
        elif damage == "doubled":
            shutil.copy(arm / "chunk-000000.parquet", arm / "chunk-000001.parquet")
    result = mt.open_result(folder)
    with pytest.raises(mt.MtorsimError, match=r"are not those of its run|does not have each of 12 subjects once"):
        _ = result.visits


def test_a_folder_that_loses_chunks_during_a_run_is_an_error(tmp_path):
    folder = tmp_path / "run"

    def lose(done, total):
        if done >= 8 and folder.exists():
            shutil.rmtree(folder / "visits.parquet", ignore_errors=True)

    with pytest.raises(mt.MtorsimError, match=r"cannot write to|chunks of arm"):
        mt.simulate(scenario(TEXT), subjects=24, chunk=4, out=folder, progress=lose)
