"""Every mistake gets one message, whole as written here, before any work; nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

MESSAGES = Path(__file__).parent / "messages"
FAULTY = sorted(p.stem for p in MESSAGES.glob("*.toml"))


@pytest.mark.parametrize("name", FAULTY)
def test_a_mistake_in_a_file_gets_this_message(name, mtorsim, monkeypatch):
    monkeypatch.chdir(MESSAGES)
    found = mtorsim("check", f"{name}.toml")
    assert found.code == 2
    assert found.err == (MESSAGES / f"{name}.txt").read_text(encoding="utf-8")
    assert found.out == ""


@pytest.mark.parametrize("name", [n for n in FAULTY if n.startswith("scenario_")])
def test_running_a_faulty_scenario_says_the_same_and_writes_nothing(name, mtorsim, monkeypatch, tmp_path):
    monkeypatch.chdir(MESSAGES)
    before = sorted(MESSAGES.iterdir())
    found = mtorsim("run", f"{name}.toml", "--out", tmp_path / "out")
    assert found.code == 2
    assert found.err == (MESSAGES / f"{name}.txt").read_text(encoding="utf-8")
    assert not (tmp_path / "out").exists()
    assert sorted(MESSAGES.iterdir()) == before


def test_a_scenario_that_names_a_faulty_module_shows_the_modules_line(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("unit_slip.toml").write_text((MESSAGES / "unit_slip.toml").read_text())
    Path("mine.toml").write_text(
        'title = "mine"\nmodel = ["unit_slip"]\npopulation = "ngt"\nduration = "1 d"\n[visits]\nat = "0 d"\n'
    )
    found = mtorsim("run", "mine.toml", "--out", "out")
    assert found.code == 2
    assert found.err == (MESSAGES / "unit_slip.txt").read_text()
    assert not Path("out").exists()


MISTYPED = """
$ run ogt
error: there is no scenario `ogt`
  help: did you mean `ogtt`?
$ rnu
error: there is no command `rnu`
  help: did you mean `run`?
$ run nowhere.toml
error: there is no file `nowhere.toml`
$ run ogtt --set CL
error: `--set CL` is not NAME=VALUE
  help: write for example `--set mtor.gS=0.1`
$ run ogtt --set SIp=much
error: `--set SIp=much`: `much` is not a number
$ run ogtt --set SIp=nan
error: `--set SIp=nan`: the value must be finite
$ run ogtt --set SIpp=1
error: there is no parameter or mechanism `SIpp`
  help: did you mean `glucose_insulin.SIp`?
$ run ogtt --subjects 0
error: subjects = 0: there must be at least 1
$ run ogtt --threads -1
error: threads = -1: there must be at least 1
$ run ogtt --method rk4
error: there is no method `rk4`
  help: choose from grk4t, tsit5
$ run ogtt --precision half
error: there is no precision `half`
  help: choose from single, double
$ run ogtt --precision single --rtol 1e-6
error: rtol = 1e-06 is too tight for single precision
  help: single needs rtol of 3e-05 or more; omit `precision`, or use double
$ run ogtt --rtol 2
error: rtol = 2 is outside 1e-13 to 0.1
$ run ogtt --seed -1
error: seed = -1: it must be at least 0
$ run ogtt --units mg/L
error: glucose cannot be shown in `mg/L`
  help: did you mean `mg/dL`?
$ run ogtt --population ngtt
error: there is no population `ngtt`
  help: did you mean `ngt`?
$ run ogtt --subjects many
error: invalid value for `--subjects`: `many` is not a valid integer
  help: `mtorsim run --help` lists what it takes
$ run
error: missing argument `SCENARIO`
  help: `mtorsim run --help` lists what it takes
$ plot nowhere
error: `nowhere` is not a result: it has no run.json
  help: name the folder given by `--out DIR`
$ show mtr
error: there is no scenario, population or module `mtr`
  help: did you mean `mtor`?
$ new scenario 2nd
error: `2nd` cannot be the name of a scenario
  help: use a letter, then letters, digits, `_` and `-`
"""
TYPED = [entry.partition("\n")[::2] for entry in MISTYPED.strip().removeprefix("$ ").split("\n$ ")]


@pytest.mark.parametrize(("words", "message"), TYPED, ids=[words for words, _ in TYPED])
def test_a_mistake_on_the_command_line_gets_this_message(words, message, mtorsim, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = mtorsim(*words.split())
    assert (found.code, found.err, found.out) == (2, message + "\n", "")
    assert list(tmp_path.iterdir()) == []
