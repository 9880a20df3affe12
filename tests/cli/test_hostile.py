"""Nasty files and half-broken results: wrong numbers are refused, nothing is lost, nothing hangs or falls over."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.cli.console import print_json, progress_bar
from mtorsim.files.library import bundled_folder

MODELS = bundled_folder("models")

MODULE = """
[module]
name = "m"
about = "x"
time = "h"
[parameters]
k = {{ value = 1.0, unit = "1/h", about = "k", source = "this_work", evidence = "design" }}
a = {{ value = 2.0, unit = "1", about = "a", source = "this_work", evidence = "design"{a} }}
{parameters}
[states]
s = {{ unit = "1", initial = 1, about = "s" }}
{states}
[expressions]
{expressions}
[derivatives]
s = "-k * s"
{derivatives}
[modifiers]
f = {{ unit = "1", about = "f" }}
[observables]
o = {{ is = "{o}", unit = "1", about = "o" }}
{observables}
[doses.iv]
to = "s"
unit = "1"
about = "iv"
{dose}
{more}
"""
BLANK = dict.fromkeys(
    ("a", "parameters", "states", "expressions", "derivatives", "observables", "dose", "more"), ""
) | {"o": "s * a"}
POPULATION = '[population]\nname = "pp"\nabout = "x"\n{}'
SCENARIO = """
title = "t"
model = ["m"]
population = "pp"
subjects = 2
duration = "24 h"
{}
[visits]
at = ["0 h", "12 h"]
sample = "random"
"""
GIVEN = 'source = "this_work", evidence = "design"'


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes the three files, with parts replaced; returns the scenario's path."""
    monkeypatch.chdir(tmp_path)

    def files(population="", scenario="", **parts):
        Path("m.toml").write_text(MODULE.format(**{**BLANK, **parts}))
        Path("pp.toml").write_text(POPULATION.format(population))
        Path("s.toml").write_text(SCENARIO.format(scenario))
        return Path("s.toml")

    return files


def parameter(name, value, unit="1"):
    return f'{name} = {{ value = {value}, unit = "{unit}", about = "x", {GIVEN} }}\n'


def first(result, name="o"):
    return float(result.visits[name].isel(arm=0, subject=0, time=0))


# ---------------------------------------------------------------- numbers that would be wrong


def test_names_that_collide_and_powers_of_negative_numbers_keep_their_values(write):
    # All in one model: a kernel takes seconds to make.
    wanted = {
        "load * 100 + load_": 203,
        "f": 60,
        "(s - 5)**4": 256,
        "(s - 3)**-3": -0.125,
        "(s - 3)**7": -128,
        "sqrt((s - 3)**2)": 2,
        "2**(s * a)": 4,
        "s * min(3, 2)": 2,
    }
    lines = [f'p{i} = {{ is = "{text}", unit = "1", about = "p" }}' for i, text in enumerate(wanted)]
    mechanisms = "".join(
        f'[[contributes]]\nto = "m.f"\nis = "{n} * a"\nunit = "1"\nmechanism = "{m}"\nabout = "x"\n'
        'source = "this_work"\nevidence = "design"\n'
        for m, n in (("liver.x", 3), ("liver_x", 5))
    )
    path = write(parameters=parameter("load", 2) + parameter("load_", 3), observables="\n".join(lines), more=mechanisms)
    result = mt.simulate(path)
    for i, (text, value) in enumerate(wanted.items()):
        assert first(result, f"p{i}") == pytest.approx(value, rel=1e-14), text


def test_a_lag_in_minutes_is_in_minutes(write):
    path = write(
        parameters=parameter("tl", 30, "min") + parameter("none", 0, "1/h"),
        dose='lag = "tl"',
        scenario='[[dose]]\ndrug = "m"\namount = "1000 1"\n[record]\nevery = "0.25 h"\n',
    )
    s = mt.simulate(path).series.o.isel(arm=0, subject=0)
    assert float(s.sel(time=0.25)) < 3
    assert float(s.sel(time=0.75)) > 1000


def test_a_lag_that_is_negative_is_an_outcome(write):
    path = write(
        parameters=parameter("one", 1, "h"),
        dose='lag = "0 - a * one"',
        scenario='[[dose]]\ndrug = "m"\namount = "9 1"\n',
    )
    result = mt.simulate(path)
    assert result.status == {"the lag or bioavailability of a dose is negative or not a number": 2}


def test_a_median_that_is_no_number_for_somebody_is_an_outcome(write):
    population = (
        f'[covariates]\nc = {{ median = 1, sd = 3, unit = "1", about = "c", {GIVEN} }}\n'
        f'[parameters]\n"m.a" = {{ median = "sqrt(c)", {GIVEN} }}\n'
    )
    result = mt.simulate(write(population), subjects=64)
    bad = result.status["a drawn parameter is not a finite number"]
    assert 5 < bad < 40
    assert result.status["ok"] == 64 - bad


def test_without_glucose_nothing_is_said_of_glucose(write):
    assert mt.simulate(write()).summary["arms"]["untreated"]["share"][">126"]["value"] is None


def test_the_command_line_overrides_the_file_whatever_the_order(write, mtorsim):
    mechanism = (
        '[[contributes]]\nto = "m.f"\nis = "5"\nunit = "1"\nmechanism = "x.y"\nabout = "x"\nsource = "this_work"\n'
        'evidence = "design"\n'
    )
    path = write(o="f", more=mechanism, scenario='[set]\n"x.y" = 1\n')
    assert first(mt.simulate(path)) == 5
    assert first(mt.simulate(path, settings={"x": 0})) == 1


# ---------------------------------------------------------------- files that are refused

MECHANISM = (
    '[[contributes]]\nto = "m.f"\nis = "3"\nunit = "1"\nmechanism = "m.a"\nabout = "x"\nsource = "this_work"\n'
    'evidence = "design"\n'
)
MODULES = {
    "cannot be the name of a mechanism": {"more": MECHANISM},
    "a dose in g goes to `s`": {"dose": "", "_dose_unit": "g"},
    "is not a finite real number": {"o": "1/0 * s"},
    "`1/(a-a)` is not a finite": {"expressions": 'e = { is = "1/(a-a)", unit = "1", about = "e" }'},
    "`s * exp(800)` is not a finite": {"o": "s * exp(800)"},
    "`(0 - 8)**0.5 * s` is not a finite": {"o": "(0 - 8)**0.5 * s"},
    "this number is too large": {"o": "s * " + "9" * 400},
    "cannot be the name of an observable": {"observables": 'status = { is = "a", unit = "1", about = "x" }'},
    "is in mmol/L, but results are in mg/dL": {
        "parameters": parameter("g", 20, "mmol/L"),
        "observables": 'glucose = { is = "g", unit = "mmol/L", about = "x" }',
    },
    "a power of 99999999 is too large": {"parameters": parameter("q", 1, "ug**99999999")},
    "must be finite": {"parameters": parameter("q", "nan")},
    "with its `sd`": {"a": ', cv = 0.3, distribution = "normal"'},
}


@pytest.mark.parametrize("message", MODULES)
def test_a_module_that_cannot_be_right_is_refused(write, mtorsim, message):
    parts = dict(MODULES[message])
    unit = parts.pop("_dose_unit", None)
    path = write(**parts)
    if unit:
        text = Path("m.toml").read_text().replace('to = "s"\nunit = "1"', f'to = "s"\nunit = "{unit}"')
        Path("m.toml").write_text(text)
    found = mtorsim("run", path, "--out", "out")
    assert found.code == 2
    assert found.err.startswith("error: ")
    assert "fault in mtorsim" not in found.err
    if message != "must be finite":
        assert message in found.err, found.err
    assert not Path("out").exists()


C = f'[covariates]\nc = {{ median = 1, sd = 1, unit = "1", about = "c", {GIVEN} }}\n'


def line(name, text):
    return f'[parameters]\n"{name}" = {{ {text}, {GIVEN} }}\n'


def entry(text):
    return f'[[entry]]\nobservable = "o"\nunit = "1"\nabout = "x"\nsource = "this_work"\nevidence = "design"\n{text}\n'


POPULATIONS = {
    "must be a finite number": line("m.a", 'median = "log(0 - 3)"'),
    "is inf: it must be a finite number": line("m.a", 'median = "exp(1000)"'),
    "is nan: it must be a finite number": line("m.a", 'median = "1/0"'),
    "must be a positive number": line("m.a", 'median = "0 - 1", iiv = 0.1'),
    "must be a number between 0 and 1": line("m.a", 'median = 1.5, iiv = 0.1, distribution = "logit-normal"'),
    "two measures of variability": line("m.a", "sd = 1, iiv = 0.1"),
    "is not in references.bib": '[parameters]\n"m.a" = { median = 3, source = "nobody", evidence = "design" }\n',
    "the range of `m.a` is empty": line("m.a", "iiv = 0.1, range = [6, 5]"),
    "outside its own range": line("m.a", "median = 3, iiv = 0.1, range = [5, 6]"),
    "a quantity with itself": C + '[[correlation]]\nof = ["c", "c"]\nvalue = 0.5\n',
    "no subject can meet this criterion": entry("at_least = 3\nat_most = 2"),
    "not computed over the untreated day": entry('at_most = 3\nstatistic = "maximum"'),
    "unknown unit `banana`": C.replace('unit = "1"', 'unit = "banana"'),
    "a group multiplies parameters": C
    + '[[group]]\nname = "g"\nshare = 0.5\nabout = "x"\nsource = "this_work"\nevidence = "design"\n'
    "[group.multiply]\nc = { by = 2 }\n",
}


@pytest.mark.parametrize("message", POPULATIONS)
def test_a_population_that_cannot_be_right_is_refused(write, mtorsim, message):
    found = mtorsim("run", write(POPULATIONS[message]), "--out", "out")
    assert (found.code, found.err[:7]) == (2, "error: ")
    assert message in found.err, found.err
    assert not Path("out").exists()


DOSE = '[[dose]]\ndrug = "m"\namount = "{}"\n'
SCENARIOS = {
    "a scenario lasts 100 years at most": ('duration = "24 h"', 'duration = "1e9 weeks"'),
    "is too large a number": ('duration = "24 h"', 'duration = "1e999 h"'),
    "too short an interval": ("[visits]", '[record]\nevery = "1e-12 h"\n[visits]'),
    "must be at most 1e+09": ("subjects = 2", "subjects = 1000000000000"),
    "adds no visit": ('"12 h"]', '"12 h", "every 30 weeks"]'),
    "this line gives no dose": ("[visits]", DOSE.format("1 1") + 'start = "24 h"\n[visits]'),
    "an amount cannot be negative": ("[visits]", '[[meals.add]]\nat = "1 h"\ncarbohydrate = "-75 g"\n[visits]'),
    "`uln` must be more than 0": ('duration = "24 h"', 'duration = "24 h"\nuln = "-5 mg/dL"'),
    "`uln` = 10 mg/dL is outside 50 to 300": ('duration = "24 h"', 'duration = "24 h"\nuln = "10 mg/dL"'),
    "no reporting layer `bolero2`": ("[visits]", '[trial]\nname = "t"\nreporting = "bolero2"\n[visits]'),
    "there is no calibration `trals`": ("[visits]", '[trial]\nname = "t"\ncalibration = "trals"\n[visits]'),
    "there is no grading scale `ctcae_7_0`": ("[visits]", '[trial]\nname = "t"\nctcae = "7.0"\n[visits]'),
    "no subject can meet this criterion": (
        "[visits]",
        '[[entry]]\nobservable = "o"\nunit = "1"\nat_least = 3\nat_most = 2\nabout = "x"\n'
        'source = "this_work"\nevidence = "design"\n[visits]',
    ),
    "`m.a` is set twice": ("[visits]", '[set]\na = 2\n"m.a" = 3\n[visits]'),
    "must be a finite number": ("[visits]", '[[arm]]\nname = "nan"\nset = { m.a = nan }\n[visits]'),
    "at least 1 value, not 0": ('model = ["m"]', "model = []"),
    "not TOML": ("subjects = 2", "subjects = " + "9" * 5000),
}


@pytest.mark.parametrize("message", SCENARIOS)
def test_a_scenario_that_cannot_be_right_is_refused(write, mtorsim, message):
    path = write()
    old, new = SCENARIOS[message]
    path.write_text(path.read_text().replace(old, new))
    found = mtorsim("run", path, "--out", "out")
    assert (found.code, found.err[:7]) == (2, "error: ")
    assert message in found.err, found.err
    assert not Path("out").exists()


SMALL = [p for kind in ("calibration", "grades", "meals", "reporting") for p in sorted((MODELS / kind).glob("*.toml"))]


@pytest.mark.parametrize("path", SMALL, ids=lambda p: p.stem)
def test_a_small_file_is_checked_as_what_it_is(path, mtorsim, tmp_path):
    found = mtorsim("check", path)
    assert (found.code, found.err, found.out[:4]) == (0, "", "ok: "), found.err
    wrong = tmp_path / path.name
    wrong.write_text(path.read_text(encoding="utf-8") + "\n[[mel]]\nat = 3\n", encoding="utf-8")
    found = mtorsim("check", wrong)
    assert (found.code, "unknown key `mel`" in found.err) == (2, True), found.err


def test_a_source_in_one_word_is_a_key(write, mtorsim):
    row = (
        '[[observed]]\narm = "untreated"\nendpoint = ">126"\npercent = 3\nof = 10\nrole = "shown"\nevidence = "seen"\n'
    )
    path = write()
    path.write_text(path.read_text() + row + 'source = "Bergman1799"\n')
    found = mtorsim("check", path)
    assert (found.code, "did you mean `Bergman1979`?" in found.err) == (2, True), found.err
    path.write_text(path.read_text().replace("Bergman1799", "Bergman and others, 1979"))
    assert mtorsim("check", path).code == 0


def test_modules_that_read_each_other_are_read(tmp_path, mtorsim, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, other in (("a", "b"), ("b", "a")):
        text = (
            MODULE.format(**BLANK)
            .replace('name = "m"', f'name = "{name}"')
            .replace('time = "h"', f'time = "h"\nreads = ["{other}"]')
            .replace("\no = {", f"\no_{name} = {{")
        )
        Path(f"{name}.toml").write_text(text)
    assert mtorsim("check", "a.toml").code == 0


def test_what_lies_about_in_a_folder_is_passed_over(write, mtorsim):
    import os

    path = write()
    os.mkfifo("pipe.toml")
    Path("zero.toml").symlink_to("/dev/zero")
    Path("deep.toml").write_text("model = " + "[" * 5000)
    Path("latin.toml").write_bytes('title = "Bl\xe4ttler"\nmodel = 3\n'.encode("latin-1"))
    assert mtorsim("check", path).code == 0
    assert mtorsim("list").code == 0


def test_no_escape_sequence_of_a_file_reaches_the_terminal(write, mtorsim):
    path = write()
    path.write_text('"x\\u001b[31mK" = 3\n' + path.read_text())
    found = mtorsim("check", path)
    assert found.code == 2
    assert "\x1b" not in found.err
    path.write_text("title = \x1b[31m\n")
    assert "\x1b" not in mtorsim("check", path).err


# ---------------------------------------------------------------- results that are broken


@pytest.fixture
def result(write, mtorsim):
    path = write()
    assert mtorsim("run", path, "--out", "out", "--no-figures").code == 0
    return Path("out")


def test_force_replaces_a_result_and_touches_nothing_else(result, mtorsim):
    (result / "thesis.tex").write_text("mine")
    assert mtorsim("run", "s.toml", "--out", result, "--force", "--no-figures").code == 0
    assert (result / "thesis.tex").read_text() == "mine"
    other = Path("project")
    other.mkdir()
    (other / "run.json").write_text("{}")
    (other / "thesis.tex").write_text("mine")
    found = mtorsim("run", "s.toml", "--out", other, "--force")
    assert found.code == 2
    assert "`--force` does not touch it" in found.err
    assert sorted(p.name for p in other.iterdir()) == ["run.json", "thesis.tex"]


def damage(name):
    def text(old, new):
        def change(folder):
            path = folder / "run.json"
            path.write_text(path.read_text().replace(old, new))

        return change

    def write(file, content):
        return lambda folder: (folder / file).write_bytes(content)

    def drop(key):
        def change(folder):
            data = json.loads((folder / "run.json").read_text())
            del data[key]
            (folder / "run.json").write_text(json.dumps(data))

        return change

    part = "visits.parquet/arm=untreated/chunk-000000.parquet"
    return {
        "deep": write("run.json", b"[" * 100_000),
        "half": write("run.json", b'{"format": 1, "scen'),
        "no files": drop("files"),
        "no arms": drop("arms"),
        "no subjects": drop("subjects"),
        "no hashes": drop("hashes"),
        "seed": text('"seed": 1', '"seed": "x"'),
        "rtol": text('"rtol": 0.0001', '"rtol": null'),
        "method": text('"method": "grk4t"', '"method": "rk"'),
        "precision": text('"precision": "single"', '"precision": "half"'),
        "files up": text('"s.toml": ', '"../../up.toml": '),
        "files nul": text('"s.toml": ', '"s\\u0000.toml": '),
        "parquet": write(part, b"PAR1 junk PAR1"),
        "parquet empty": write(part, b""),
        "summary": write("summary.json", b"[]"),
        "series": write("series.nc", b"CDF\x01" + bytes(100)),
        "series junk": write("series.nc", b"junk"),
        "scenario markup": text('"scenario": "s"', '"scenario": "[/x]"'),
    }[name]


def test_a_table_that_lost_a_chunk_is_refused(write):
    mt.simulate(write(), out="parts", chunk=1)
    chunk = Path("parts/people.parquet/chunk-000001.parquet")
    whole = chunk.read_bytes()
    assert len(mt.open_result("parts").people) == 2
    chunk.write_bytes(whole[:100])
    with pytest.raises(mt.MtorsimError, match="people in `parts` is incomplete"):
        mt.open_result("parts").people  # noqa: B018
    chunk.unlink()
    with pytest.raises(mt.MtorsimError, match="people in `parts` has 1 of 2 chunks"):
        mt.open_result("parts").people  # noqa: B018


@pytest.mark.parametrize(
    "name",
    [
        "deep",
        "half",
        "no files",
        "no arms",
        "no subjects",
        "no hashes",
        "seed",
        "rtol",
        "method",
        "precision",
        "files up",
        "files nul",
        "parquet",
        "parquet empty",
        "summary",
        "series",
        "series junk",
        "scenario markup",
    ],
)
def test_a_damaged_result_costs_one_message(result, mtorsim, name, tmp_path):
    damage(name)(result)
    for words in (("replay", result, "--subject", "1"), ("export", result, "v.csv"), ("compare", result, result)):
        found = mtorsim(*words)
        assert found.code in (0, 1, 2)
        assert "fault in mtorsim" not in found.err, (words, found.err)
        assert found.err == "" or found.err.startswith(("error: ", "compiling")), found.err
        if found.code == 0:
            Path("v.csv").unlink(missing_ok=True)
    assert not Path("../../up.toml").exists()
    assert not list(tmp_path.glob(".*draft*"))


@pytest.mark.parametrize("kind", ["npz", "parquet", "foreign", "missing"])
def test_a_damaged_chunk_is_computed_again(write, kind):
    path = write(population=line("m.a", "iiv = 0.2"))
    whole = mt.simulate(path, subjects=12, chunk=4)

    def stop(done, total):
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mt.simulate(path, subjects=12, chunk=4, out="out", progress=stop)
    part = Path("out/parts/chunk-000000.npz")
    visits = Path("out/visits.parquet/arm=untreated/chunk-000000.parquet")
    {
        "npz": lambda: part.write_bytes(part.read_bytes()[:100]),
        "parquet": lambda: visits.write_bytes(b"PAR1"),
        "missing": lambda: visits.unlink(),
        "foreign": lambda: part.write_bytes(foreign(part)),
    }[kind]()
    again = mt.simulate(path, subjects=12, chunk=4, out="out", resume=True)
    assert again.manifest["result"] == whole.manifest["result"]


def test_a_run_is_resumed_from_its_folder_alone(write, mtorsim):
    path = write(population=line("m.a", "iiv = 0.2"))
    whole = mt.simulate(path, subjects=12, chunk=4, settings={"m.k": 2})

    def stop(done, total):
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mt.simulate(path, subjects=12, chunk=4, settings={"m.k": 2}, out="out", progress=stop)
    assert "the run in `out` was not finished\n  help: resume it: `mtorsim resume out`" in mtorsim("plot", "out").err
    for file in Path().rglob("*.toml"):
        file.unlink()
    found = mtorsim("resume", "out")
    assert found.code == 0, found.err
    assert mt.open_result("out").manifest["result"] == whole.manifest["result"]
    assert mt.resume("out").visits.equals(whole.visits)
    assert "is not a result" in mtorsim("resume", "none").err


def foreign(part):
    """The same chunk with the numbers of other subjects."""
    import io

    with np.load(part) as data:
        changed = {**data, "subjects": data["subjects"] + 4}
    buffer = io.BytesIO()
    np.savez(buffer, **changed)
    return buffer.getvalue()


def test_a_folder_has_one_writer_at_a_time(write, mtorsim, tmp_path):
    from mtorsim.results.folder import LOCK, claim, release

    out, path = tmp_path / "out", write()
    held = claim(out)
    for more in ((), ("--force",), ("--resume",)):
        found = mtorsim("run", path, "--out", out, *more)
        assert found.code == 2
        assert f"another process is writing to `{out}`" in found.err
    release(out, held)
    assert not out.exists()
    assert mtorsim("run", path, "--out", out).code == 0
    assert not (out / LOCK).exists()
    assert "already exists" in mtorsim("run", path, "--out", out).err
    assert not (out / LOCK).exists()
    # One left behind by a process that was killed does not matter.
    (out / LOCK).write_text("")
    assert mtorsim("run", path, "--out", out, "--force").code == 0


@pytest.mark.parametrize("name", ["hill", "where", "sin"])
def test_a_function_cannot_be_a_module(mtorsim, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert "it is a function of equations" in mtorsim("new", "module", name).err
    assert mtorsim("new", "module", "fine").code == 0
    text = (tmp_path / "fine.toml").read_text(encoding="utf-8").replace("fine", name)
    (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    assert "it is a function of equations" in mtorsim("check", f"{name}.toml").err


def test_a_half_run_tells_how_to_go_on(write, mtorsim, tmp_path):
    out = tmp_path / "half run"
    assert mtorsim("run", write(), "--out", out).code == 0
    manifest = json.loads((out / "run.json").read_text(encoding="utf-8"))
    (out / "run.json").write_text(json.dumps({**manifest, "finished": False}), encoding="utf-8")
    for typed in (("plot", out), ("export", out, tmp_path / "x.csv"), ("replay", out, "--subject", 0)):
        assert f"`mtorsim resume {out}`" in mtorsim(*typed).err
    assert f"`mtorsim resume {out}`" in mtorsim("run", write(), "--out", out).err


def test_a_full_disk_leaves_a_folder_that_can_be_used(write, mtorsim, tmp_path):
    import resource

    path, out = write(), tmp_path / "out"
    mtorsim("check", path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        found = mtorsim("run", path, "--out", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.code == 2
    assert f"error: cannot write to `{out}`: File too large" in found.err
    assert not out.exists()
    # A process that was killed while it wrote its first file.
    out.mkdir()
    (out / ".run.json.draft").write_text("{")
    assert mtorsim("run", path, "--out", out).code == 0
    assert sorted(p.name for p in out.iterdir() if p.name.startswith(".")) == []


def test_the_home_folder_is_one_folder(write, mtorsim, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    path = write()
    found = mtorsim("run", path, "--out=~/out")
    assert found.code == 0, found.err
    assert str(tmp_path / "home" / "out" / "time_course.png") in found.out
    assert not (tmp_path / "~").exists()
    assert mtorsim("export", "~/out", "~/visits.csv").code == 0
    assert (tmp_path / "home" / "visits.csv").is_file()
    assert mt.open_result("~/out").manifest["finished"]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full", "/dev/null", "/proc/self"])
def test_a_device_is_not_a_table(mtorsim, path):
    assert f"cannot read `{path}`: it is not a file" in mtorsim("events", path, "--model", "everolimus").err


def test_long_texts_cost_no_time(write, mtorsim):
    from mtorsim.errors import UnitError
    from mtorsim.scenario.regimen import read_regimen
    from mtorsim.units.units import parse_unit

    assert read_regimen("10 mg" + " " * 200_000 + "q24h")[0][0].every == 24
    for text in ("9" * 5000 + " mg", "10 mg q24h x " + "9" * 5000, "10 mg then " * 500):
        with pytest.raises(UnitError, match="is too long"):
            read_regimen(text)
    for unit in ("1/h**1." + "0" * 5000, "(" * 3000):
        with pytest.raises(UnitError, match="is too long"):
            parse_unit(unit)
    assert "at most 100,000 subjects in a file" in mtorsim("run", write(), "--chunk", 10**9).err


def test_visits_of_two_years_by_the_hour_are_read_at_once():
    """110,000 meals and visits: walking through all visits for each meal would take minutes."""
    scenario = mt.Scenario(
        model=["glucose_insulin"], population="ngt", duration="12 y", visits={"at": "every 1 h", "sample": "random"}
    )
    assert len(scenario.visits) > 100_000


def test_cells_cannot_command_the_terminal(write, mtorsim, tmp_path):
    (tmp_path / "data.csv").write_text("ID,TIME,NOTE\n1,0,\x1b]0;pwn\x07\n1,1,ok\n", encoding="utf-8")
    shown = mtorsim("events", write(), tmp_path / "data.csv")
    assert shown.code == 0
    assert "\x1b" not in shown.out


def test_a_cache_that_cannot_be_written_is_one_message(write, mtorsim, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTORSIM_CACHE", str(tmp_path / "file"))
    found = mtorsim("run", write())
    assert found.code == 2
    assert "name a writable folder in MTORSIM_CACHE" in found.err


def test_an_unforeseen_fault_is_one_line_too(mtorsim, monkeypatch):
    from mtorsim.files.library import Library

    def broken(*_):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(Library, "_files", broken)
    found = mtorsim("list")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: bug in mtorsim: ZeroDivisionError: of all things\n  help: ")


@pytest.mark.parametrize(
    "lines",
    [
        'covariates = "x"',
        "parameters = [1]",
        "group = 3",
        "correlation = 5",
        "correlation = [{of=3,value=0.1}]",
        "correlation = [{of=[[1],{a=1}],value=0.1}]",
        'group = [{name=["a"]}]',
        "entry = 1",
        "covariates = {age = 3}",
    ],
)
@pytest.mark.parametrize("like", ["own", "base"])
def test_a_population_like_another_has_tables_of_the_right_kind(mtorsim, tmp_path, monkeypatch, lines, like):
    monkeypatch.chdir(tmp_path)
    wrong = f'{lines}\n[population]\nname = "px"\nlike = "ngt"\nabout = "x"\n'
    Path("px.toml").write_text(wrong)
    Path("py.toml").write_text('[population]\nname = "py"\nlike = "px"\nabout = "y"\n')
    found = mtorsim("check", "px.toml" if like == "own" else "py.toml")
    assert found.code == 2
    assert found.err.startswith("error: px.toml:1: ")
    assert "must be" in found.err


def test_a_covariate_may_have_any_name(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = '{ median = 70, iiv = 0.2, unit = "kg", about = "x", source = "this_work", evidence = "design" }'
    Path("px.toml").write_text(
        f'[population]\nname = "px"\nlike = "healthy_adults"\nabout = "x"\n[covariates]\nweight = {line}\n'
        f"turned_away = {line}\n"
    )
    Path("s.toml").write_text(
        'title = "x"\nmodel = ["glucose_insulin"]\npopulation = "px"\nsubjects = 5\nduration = "1 d"\n'
        '[visits]\nat = ["0 d", "1 d"]\n'
    )
    assert mtorsim("check", "s.toml").code == 0
    assert mtorsim("run", "s.toml", "--out", "out").code == 0
    result = mt.open_result("out")
    assert (result.people.weight > 20).all()
    assert result.people.turned_away.nunique() == 5
    assert (result.weights == 1).all()


def test_an_interrupt_that_a_callback_swallows_is_one_word_all_the_same(mtorsim, monkeypatch):
    def swallowing(**_):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr("mtorsim.cli.cli.main", swallowing)
    found = mtorsim("list")
    assert (found.code, found.err.strip()) == (130, "interrupted")


def test_json_has_no_numbers_that_json_lacks(capsys):
    print_json({"a": [np.float64("nan"), np.inf, np.int64(3), True, None], "b": (1.5, "x")})
    assert json.loads(capsys.readouterr().out) == {"a": [None, None, 3, True, None], "b": [1.5, "x"]}


def test_a_terminal_without_unicode_shows_what_it_can():
    command = [sys.executable, "-m", "mtorsim", "check", "none \N{GREEK SMALL LETTER MU}"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr.count("\n")) == (2, 2), found.stderr
    assert "there is no scenario, population or module `none ?`" in found.stderr


def test_progress_off_a_terminal_is_a_line_now_and_then(capsys, monkeypatch):
    clock = iter([0.0, 5.0, 30.0, 65.0, 70.0, 125.0])
    monkeypatch.setattr("mtorsim.cli.console.time.monotonic", lambda: next(clock))
    with progress_bar(False) as tell:
        for done in (900, 925, 960, 965, 1020):
            tell(done, 2000)
    # 60 subjects in the 60 s since the first call: those of an interrupted run before it do not count.
    said = ["960 of 2,000 subjects, about 18 min left", "1,020 of 2,000 subjects, about 17 min left"]
    assert capsys.readouterr().err.splitlines() == said
    with progress_bar(True) as tell:
        assert tell is None


@pytest.mark.parametrize("kind", ["scenario", "trial", "module", "drug", "population"])
def test_a_new_file_of_each_kind_is_right_as_written(kind, mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mtorsim("new", kind, "mine").code == 0
    found = mtorsim("check", "mine.toml")
    assert (found.code, found.err) == (0, ""), found.err
    assert "already exists" in mtorsim("new", kind, "mine").err


def test_a_copy_has_its_own_name_and_effects(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mtorsim("new", "drug", "my_rapalog", "--like", "sirolimus").code == 0
    model = mt.load_model(["glucose_insulin", "mtor", "my_rapalog"], mt.Library((tmp_path,)))
    assert any(name.startswith("my_rapalog.") for name in model.switches)
    assert mtorsim("new", "population", "ours", "--like", "kidney_transplant").code == 0
    assert mtorsim("check", "ours.toml").code == 0
    assert mtorsim("new", "trial", "again", "--like", "bolero_2").code == 0
    assert mtorsim("check", "again.toml").code == 0
    found = mtorsim("new", "drug", "x", "--like", "sirolimu")
    assert (found.code, "did you mean `sirolimus`?" in found.err) == (2, True)
    assert "cannot be the name of a drug" in mtorsim("new", "drug", "a-b").err
