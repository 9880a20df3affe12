"""export-model, import-model and archive as they are typed."""

from __future__ import annotations

import json
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest

import mtorsim as mt
from interop.conftest import roadrunner_states

pytest.importorskip("libsbml")


def test_a_drug_goes_out_and_comes_in(mtorsim, tmp_path):
    file = tmp_path / "everolimus.ctl"
    out = mtorsim("export-model", "everolimus", "--as", "nonmem", "--out", file)
    assert out.out == f"model     {file}\nevents    {tmp_path / 'everolimus_events.csv'}\n"
    assert "CL = THETA(1)*EXP(ETA(1)) ; apparent clearance, whole blood (L/h) [fit, deWit2016]" in file.read_text()
    back = mtorsim("import-model", file, "--time", "h", "--out", tmp_path / "again.toml", "--json")
    assert back.code == 0
    told = json.loads(back.out)
    # The modifier that nothing uses is a number without a source.
    assert told["asked"] == [f"the {what} of `F_CLEARANCE`" for what in ("source", "evidence")]
    assert (told["states"], told["problem"]) == (3, None)
    text = (
        (tmp_path / "again.toml")
        .read_text()
        .replace('source = "?", evidence = "?"', 'source = "deWit2016", evidence = "design"')
    )
    (tmp_path / "again.toml").write_text(text)
    assert mtorsim("check", tmp_path / "again.toml").code == 0


def test_doses_go_beside_the_model(mtorsim, tmp_path):
    file = tmp_path / "m.cpp"
    out = mtorsim("export-model", "everolimus_breast", "--as", "mrgsolve", "--duration", "2 d", "--out", file)
    assert out.code == 0
    assert (tmp_path / "m_events.csv").read_text().startswith("ID,time,evid,cmt,amt,rate\n1,0.0,1,A_gut,10.0,0.0\n")
    assert "left out: the population `breast_postmenopausal`" in out.err
    again = mtorsim("export-model", "everolimus_breast", "--as", "mrgsolve", "--out", file)
    assert again.code == 2
    assert "already exists" in again.err


WRONG = {
    ("export-model", "everolimus", "--as", "nonmen"): "did you mean `nonmem`?",
    ("export-model", "everolimu", "--as", "sbml"): "did you mean `everolimus`?",
    ("export-model", "adults", "--as", "sbml"): "is a population",
    ("export-model", "everolimus_breast", "--as", "sbml", "--arm", "plcebo"): "did you mean `placebo`?",
    ("export-model", "everolimus_breast", "--as", "sbml", "--duration", "2"): "has no unit",
    ("export-model", "everolimus_breast", "--as", "sbml", "--duration", "2 mg"): "cannot be converted",
    ("export-model", "everolimus_breast", "--as", "sbml", "--subject", "-1"): "numbered from 0",
    ("import-model", "missing.xml"): "No such file",
    ("import-model", "missing.doc"): "the language of this model is not known",
    ("import-model", "a.ctl", "--from", "nonmen"): "did you mean `nonmem`?",
    ("import-model", "a.ctl", "--time", "hours"): "choose from s, min, h, d",
    ("import-model", "a.ctl", "--value", "WT"): "not NAME=NUMBER",
    ("import-model", "a.ctl", "--out", "a.txt"): "a module is a TOML file",
    ("import-model", "a.ctl", "--out", "1a.toml"): "cannot be the name of a module",
    ("import-model", "a.ctl", "--scenario", "a.toml"): "needs `--out`",
    ("archive", "nowhere", "--out", "a.omex"): "nowhere",
    ("archive", "nowhere", "--out", "a.zip"): "end in .omex",
}


@pytest.mark.parametrize("words", WRONG, ids=lambda w: " ".join(w))
def test_a_mistake_costs_one_message(words, mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = mtorsim(*words)
    assert found.code == 2
    assert WRONG[words] in found.err
    assert "Traceback" not in found.err


def test_an_archive_holds_what_repeats_the_run(mtorsim, tmp_path):
    scenario = mt.read_scenario("everolimus_breast").replace(duration="2 weeks", visits=["0 d", "7 d", "14 d"])
    mt.simulate(scenario, subjects=2, out=tmp_path / "run")
    file = tmp_path / "run.omex"
    made = mtorsim("archive", tmp_path / "run", "--out", file, "--subject", "1", "--duration", "2 d")
    assert (made.code, made.out) == (0, f"archive   {file}\n")
    with zipfile.ZipFile(file) as zipped:
        names = zipped.namelist()
        listed = ElementTree.fromstring(zipped.read("manifest.xml"))
        course = ElementTree.fromstring(zipped.read("simulation.sedml"))
        zipped.extractall(tmp_path / "out")
        models = {n: zipped.read(n).decode() for n in names if n.startswith("models/")}
    assert {c.attrib["location"].removeprefix("./") for c in listed} >= set(names) - {"manifest.xml"}
    space = {"s": "http://sed-ml.org/sed-ml/level1/version4"}
    assert [m.attrib["source"] for m in course.findall(".//s:model", space)] == list(models)
    assert course.find(".//s:algorithm", space).attrib["kisaoID"] == "KISAO:0000019"
    shown = [v.attrib["target"].split("'")[1] for v in course.findall(".//s:variable[@target]", space)]
    first = roadrunner_states(models["models/everolimus.xml"], shown[: len(shown) // 2], np.array([24.0, 47.0]))
    assert np.isfinite(first).all()
    again = mtorsim("replay", tmp_path / "out" / "results", "--subject", "1")
    # The parts that only serve to resume a run are not archived; the manifest and the tables are.
    assert again.code == 0, again.err
