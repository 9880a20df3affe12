"""The command line as others script against it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import mtorsim as mt
from mtorsim.run import prepare

OBSERVABLES = {
    "fasting_glucose": "mg/dL",
    "insulin": "uU/mL",
    "hba1c": "%",
    "c_peptide": "ng/mL",
    "ffa": "mmol/L",
    "drug_level": "ug/L",
    "mtorc1": "1",
    "mtorc2_liver": "1",
}


def words(*rest):
    return ["run", "everolimus_breast", "--subjects", "40", "--seed", "3", *rest]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A result made as a user makes it, in another process; what that printed."""
    folder = tmp_path_factory.mktemp("cli") / "out"
    command = [sys.executable, "-m", "mtorsim", *words("--out", str(folder), "--chunk", "16")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_help_costs_next_to_nothing():
    code = (
        "import sys, mtorsim.cli\n"
        "try: mtorsim.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'sympy', 'pydantic', 'xarray', 'pandas', 'matplotlib', 'scipy', 'rich'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    assert "Commands:" in done.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, mtorsim; print(sorted({'numpy', 'numba', 'sympy', 'xarray', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_command_has_help(mtorsim):
    from mtorsim.cli import COMMANDS

    for name in COMMANDS:
        found = mtorsim(name, "--help")
        assert found.code == 0
        assert found.out.startswith(f"Usage: mtorsim {name}")


def test_a_run_says_where_everything_lies(kept):
    folder, done = kept
    for name in ("run.json", "visits.parquet", "shares.csv", "time_course.png", "shares.png"):
        assert str(folder / name) in done.stdout
        assert (folder / name).exists()
    assert "100" in done.stdout or "%" in done.stdout


def test_visits_lie_by_arm_and_chunk_with_units(kept):
    folder, _ = kept
    for arm in ("everolimus", "placebo"):
        parts = sorted((folder / "visits.parquet" / f"arm={arm}").iterdir())
        assert [p.name for p in parts] == [f"chunk-{i:06d}.parquet" for i in range(3)]
        schema = pq.ParquetFile(parts[0]).schema_arrow
        assert schema.names[:4] == ["subject", "visit", "time_h", "status"]
        for name, unit in OBSERVABLES.items():
            assert schema.field(name).metadata[b"unit"].decode() == unit
    table = ds.dataset(folder / "visits.parquet", format="parquet").to_table().to_pandas()
    assert len(table) == 2 * 40 * 8
    assert sorted(table["subject"].unique()) == list(range(40))
    assert set(table["status"]) == {0}


def test_the_summary_counts_what_the_visits_hold(kept):
    folder, _ = kept
    summary = json.loads((folder / "summary.json").read_text())
    visits = mt.open_result(folder).visits.fasting_glucose
    worst = visits.where(visits.time > 0, drop=True).max("time")
    for arm in ("everolimus", "placebo"):
        for name, limit in ((">126", 126), (">160", 160), (">250", 250), (">500", 500), (">ULN", 110)):
            share = summary["arms"][arm]["share"][name]
            assert share["value"] == pytest.approx(float((worst.sel(arm=arm) > limit).mean()))
            assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
    middle = float(visits.sel(arm="placebo").isel(time=-1).median())
    assert summary["arms"]["placebo"]["visits"][-1]["fasting_glucose"]["q50"] == pytest.approx(middle)


def test_json_is_one_object_of_the_promised_form(mtorsim, tmp_path):
    found = mtorsim(*words("--json", "--out", tmp_path / "o", "--no-figures"))
    assert found.code == 0
    data = json.loads(found.out)
    assert (data["scenario"], data["seed"], data["subjects"]) == ("everolimus_breast", 3, 40)
    assert data["status"] == {"ok": 40}
    assert data["uln_mg_dl"] == 110
    assert data["out"] == str(tmp_path / "o")
    assert data["seconds"] > 0
    assert list(data["arms"]) == ["everolimus", "placebo"]
    assert set(data["arms"]["placebo"]["share"]) == {">ULN", ">126", ">160", ">250", ">500"}


def test_units_change_what_is_shown_and_nothing_else(mtorsim, tmp_path):
    plain, other = (json.loads(mtorsim(*words("--json", "--units", units)).out) for units in ("mg/dL", "mmol/L"))
    for arm in ("everolimus", "placebo"):
        assert plain["arms"][arm]["share"] == other["arms"][arm]["share"]
        a, b = (x["arms"][arm]["visits"][2] for x in (plain, other))
        assert b["fasting_glucose"]["q50"] == pytest.approx(a["fasting_glucose"]["q50"] / 18.016)
        assert b["hba1c"]["q50"] == pytest.approx((a["hba1c"]["q50"] - 2.152) / 0.09148)
        assert b["insulin"] == a["insulin"]
    assert (other["units"]["fasting_glucose"], other["units"]["hba1c"]) == ("mmol/L", "mmol/mol")


def test_settings_reach_the_model(mtorsim):
    def level(*more):
        data = json.loads(mtorsim(*words("--json", *more)).out)
        return data["arms"]["everolimus"]["visits"][3]

    usual, slow, off = level(), level("--set", "everolimus.CL=10.5"), level("--set", "everolimus.exposure=0")
    assert slow["drug_level"]["q50"] > 1.5 * usual["drug_level"]["q50"]
    assert off["mtorc1"]["q50"] == 1


def test_nothing_is_overwritten_unasked(kept, mtorsim, tmp_path):
    folder, _ = kept
    found = mtorsim(*words("--out", folder))
    assert found.code == 2
    assert "already exists" in found.err
    (tmp_path / "precious.txt").write_text("mine")
    found = mtorsim(*words("--out", tmp_path, "--force"))
    assert found.code == 2
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_replay_and_compare_agree_to_the_bit(kept, mtorsim, tmp_path):
    folder, _ = kept
    found = mtorsim("replay", folder, "--arm", "placebo", "--subject", "17", "--json")
    assert found.code == 0
    data = json.loads(found.out)
    assert data["same_bits"] is True
    assert len(data["visits"]) == 8
    assert data["parameters"]["glucose_insulin.BW"] > 30
    mtorsim(*words("--out", tmp_path / "again", "--threads", "1", "--chunk", "7", "--no-figures"))
    assert mtorsim("compare", folder, tmp_path / "again").code == 0
    mtorsim(*words("--out", tmp_path / "other", "--set", "mtor.gS=0.1", "--no-figures"))
    found = mtorsim("compare", folder, tmp_path / "other", "--json")
    assert found.code == 1
    data = json.loads(found.out)
    assert data["inputs"][0]["name"] == "settings"
    assert data["max_difference"]["placebo"]["fasting_glucose"] == 0
    assert data["max_difference"]["everolimus"]["fasting_glucose"] > 0.1


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_figures_are_drawn_again_the_same(kept, mtorsim, tmp_path, suffix, start):
    folder, _ = kept
    for to in ("one", "two"):
        assert mtorsim("plot", folder, "--format", suffix, "--to", tmp_path / to).code == 0
    for name in ("time_course", "shares"):
        one, two = ((tmp_path / to / f"{name}.{suffix}").read_bytes() for to in ("one", "two"))
        assert one.startswith(start)
        assert one == two


def test_export_writes_what_the_result_holds(kept, mtorsim, tmp_path):
    import pandas as pd
    import xarray as xr

    folder, _ = kept
    for name in ("v.csv", "v.nc", "v.parquet"):
        assert mtorsim("export", folder, tmp_path / name).code == 0
    visits = mt.open_result(folder).visits
    tidy = pd.read_csv(tmp_path / "v.csv")
    row = tidy[(tidy.arm == "placebo") & (tidy.subject == 5) & (tidy.visit == 2) & (tidy.name == "insulin")]
    assert row["unit"].item() == "uU/mL"
    assert row["value"].item() == pytest.approx(float(visits.insulin.sel(arm="placebo", subject=5).isel(time=2)))
    with xr.open_dataset(tmp_path / "v.nc", engine="scipy") as stored:
        assert stored.insulin.attrs["units"] == "uU/mL"
        assert np.array_equal(stored.insulin.to_numpy(), visits.insulin.to_numpy())
        assert json.loads(stored.attrs["manifest"])["seed"] == 3
    assert pq.read_table(tmp_path / "v.parquet").num_rows == 2 * 40 * 8
    assert "already exists" in mtorsim("export", folder, tmp_path / "v.csv").err
    assert "unsupported format" in mtorsim("export", folder, tmp_path / "v.xlsx").err


def test_everything_bundled_is_listed_and_well(mtorsim):
    listed = json.loads(mtorsim("list", "--json").out)
    assert {m["name"] for m in listed["modules"]} >= {"glucose_insulin", "mtor", "everolimus", "everolimus_haematocrit"}
    assert all("cannot be read" not in x["about"] for kind in listed.values() for x in kind)
    found = mtorsim("check")
    assert (found.code, found.err) == (0, "")
    assert found.out.count("ok: ") == sum(len(kind) for kind in listed.values())


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_show_lays_everything_open(mtorsim, form):
    found = mtorsim("show", "glucose_insulin", "mtor", "everolimus", "--format", form)
    assert found.code == 0
    for wanted in ("Pavel2017", "design", "nmol/L", "half-time of mTORC1 recovery", "O'Donnell"):
        assert wanted in found.out, wanted
    model = mt.load_model(["glucose_insulin", "mtor", "everolimus"])
    if form != "latex":
        for name in model.parameters:
            assert name.partition(".")[2] in found.out
        for equation in model.equations.values():
            assert equation.expression.text in found.out


def test_show_prints_the_generated_code(mtorsim):
    found = mtorsim("show", "everolimus_breast", "--kernel")
    assert "Gp = load(y, " in found.out
    assert "# mg/kg: glucose in plasma and rapidly exchanging tissue" in found.out
    compile(found.out, "problem.py", "exec")


def test_a_population_is_shown_with_its_grades(mtorsim):
    found = mtorsim("show", "breast_postmenopausal")
    for wanted in ("diabetic", "(118 - glucose)", "glucose_insulin.SIp", "-1.8 * log(bmi / 27)", "165 mg/dL"):
        assert wanted in found.out


def test_a_new_scenario_is_well_and_runs(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mtorsim("new", "scenario", "mine").code == 0
    assert mtorsim("check", "mine.toml").code == 0
    assert "already exists" in mtorsim("new", "scenario", "mine").err
    found = mtorsim("run", "mine.toml", "--subjects", "4", "--json")
    assert json.loads(found.out)["status"] == {"ok": 4}


def test_every_commented_line_of_the_new_scenario_may_be_switched_on(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mtorsim("new", "scenario", "mine")
    lines = Path("mine.toml").read_text().splitlines()
    head, rest = lines[:3], lines[3:]
    # The second arm's doses stop and start like the first's; all else is taken as it stands.
    Path("all.toml").write_text("\n".join([*head, *(x.removeprefix("# ") for x in rest)]) + "\n")
    found = mtorsim("check", "all.toml")
    assert (found.code, found.err) == (0, "")


def test_the_schema_accepts_every_bundled_file(mtorsim):
    import tomllib

    import jsonschema

    from mtorsim.files.library import Library

    library = Library()
    kinds = {"scenario": library.scenarios, "population": library.populations, "module": library.modules}
    for kind, files in kinds.items():
        schema = json.loads(mtorsim("schema", kind).out)
        check = jsonschema.Draft202012Validator(schema)
        for path in files.values():
            assert list(check.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))) == []
        assert list(check.iter_errors({"titel": "x"})) != []


def test_warmup_compiles_what_a_run_then_finds(mtorsim, tmp_path, monkeypatch):
    from mtorsim.compiler.warm import was_compiled
    from mtorsim.run.plan import make_plan

    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(
        'title = "x"\nmodel = ["everolimus"]\npopulation = "ngt"\nduration = "1 d"\n[visits]\nat = "0 d"\n'
    )
    plan = make_plan(tmp_path / "s.toml")
    for marker in plan.kernel.folder.glob("compiled-*"):
        marker.unlink()
    found = json.loads(mtorsim("warmup", "s.toml", "--json").out)
    assert found[0]["kernel"] == plan.kernel.name
    assert was_compiled(plan.kernel, plan.solver)


def test_doctor_finds_this_installation_well(mtorsim):
    found = mtorsim("doctor", "--json")
    data = json.loads(found.out)
    assert found.code == 0, data
    assert data["compiler"]["ok"]


def test_failed_subjects_are_named_and_counted(mtorsim, tmp_path, monkeypatch):
    # Nobody is both normal and at 60 mg/dL: entry criteria that no attempt can meet.
    assert prepare.MOST_ATTEMPTS == 1000, "as the message says"
    monkeypatch.setattr(prepare, "MOST_ATTEMPTS", 10)
    models = tmp_path / "models"
    models.mkdir()
    (models / "nobody.toml").write_text(
        '[population]\nname = "nobody"\nabout = "nobody"\n'
        '[parameters]\n"glucose_insulin.SIp" = { iiv = 0.3, source = "this_work", evidence = "design" }\n'
        '[[entry]]\nobservable = "glucose"\nat_most = 60\nunit = "mg/dL"\nabout = "x"\nsource = "this_work"\n'
        'evidence = "design"\n'
    )
    (tmp_path / "s.toml").write_text(
        'title = "x"\nmodel = ["glucose_insulin"]\npopulation = "nobody"\nsubjects = 2\nduration = "7 d"\n'
        '[visits]\nat = ["0 d", "7 d"]\n'
    )
    found = mtorsim("run", tmp_path / "s.toml", "--out", tmp_path / "out", "--json")
    assert found.code == 1
    data = json.loads(found.out)
    assert data["status"] == {"no person met the entry criteria in 1,000 attempts": 2}
    assert data["arms"]["untreated"]["share"][">126"] == {
        "value": 0.0,
        "low": 0.0,
        "high": pytest.approx(0.658, abs=1e-3),
    }
    assert "2 of 2 subjects failed" in found.err
    assert "subjects 0, 1" in found.err
    assert "relax the entry criteria" in found.err
    rows = (tmp_path / "out" / "failed.csv").read_text().splitlines()
    assert rows[:2] == ["arm,subject,status", "untreated,0,no person met the entry criteria in 1,000 attempts"] or (
        rows[1] == 'untreated,0,"no person met the entry criteria in 1,000 attempts"'
    )
    assert len(rows) == 3
    visits = mt.open_result(tmp_path / "out").visits
    assert np.isnan(visits.fasting_glucose.to_numpy()).all()
    assert (visits.status.to_numpy() == 6).all()


def test_control_c_keeps_finished_chunks_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "long"
    command = [sys.executable, "-m", "mtorsim", *words("--subjects", "5000", "--chunk", "8", "--out", str(folder))]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
        # A shell that runs the tests in the background lets its children ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    parts = folder / "parts"
    try:
        while process.poll() is None and len(list(parts.glob("chunk-*.npz"))) < 2:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "finished chunks are saved" in said
    assert f"mtorsim resume {folder}" in said
    assert len(list(parts.glob("chunk-*.npz"))) >= 2


def test_a_group_that_nobody_can_be_in_is_said(mtorsim, tmp_path):
    file = tmp_path / "alone.toml"
    file.write_text(
        'title = "alone"\nmodel = ["everolimus"]\npopulation = "adults"\nsubjects = 2\nduration = "1 d"\n'
        '[[dose]]\ndrug = "everolimus"\namount = "10 mg"\n[visits]\nat = ["12 h"]\nsample = "random"\n'
    )
    shown = mtorsim("run", file, "--out", tmp_path / "out")
    assert shown.code == 0
    assert "nobody is in the group diabetic" in shown.err
