"""Models that go out are the same models: in other engines, and when they are read back."""

from __future__ import annotations

import io
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import mtorsim as mt
from interop.conftest import HOURS, apart, roadrunner_states, run_table, with_samples
from mtorsim.interop.export import SUFFIXES, export_model, written
from mtorsim.interop.flatten import flatten
from mtorsim.interop.imports import import_model
from mtorsim.interop.person import person_of
from mtorsim.interop.trajectory import trajectory

libsbml = pytest.importorskip("libsbml")
CLOSE = 1e-6


def test_sbml_is_clean_units_included(week):
    document = libsbml.readSBMLFromString(written(week[1], "sbml").text)
    assert document.checkConsistency() == 0, document.getErrorLog().toString()
    model = document.getModel()
    assert (model.getNumRules(), model.getNumEvents()) == (169, 28)
    assert model.getParameter("CL").getNotesString().count("deWit2016") == 1
    assert "doi.org" in model.getParameter("CL").getAnnotationString()


def test_a_wrong_unit_would_be_found(week):
    text = written(week[1], "sbml").text
    wrong = re.sub(r'(<parameter [^>]*id="V1"[^>]*units=")L"', r'\1h"', text)
    assert wrong != text
    assert libsbml.readSBMLFromString(wrong).checkConsistency() > 0


def test_roadrunner_computes_the_same_week(week):
    _, flat, ours = week
    theirs = roadrunner_states(written(flat, "sbml").text, flat.states, HOURS)
    assert apart(flat, ours, lambda n: theirs[:, list(flat.states).index(n)]) < CLOSE


def test_antimony_says_the_same(week):
    antimony = pytest.importorskip("antimony")
    _, flat, ours = week
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(written(flat, "antimony").text) >= 0, antimony.getLastError()
    sbml = antimony.getSBMLString(antimony.getMainModuleName())
    theirs = roadrunner_states(sbml, flat.states, HOURS)
    assert apart(flat, ours, lambda n: theirs[:, list(flat.states).index(n)]) < CLOSE


@pytest.mark.parametrize("language", ["sbml", "antimony"])
def test_sbml_and_antimony_come_back(week, language, tmp_path):
    _, flat, ours = week
    file = tmp_path / f"model{SUFFIXES[language]}"
    written(flat, language).save(file)
    found = import_model(file, "back", unitless=language == "antimony")
    found.save(tmp_path / "back.toml", scenario=tmp_path / "doses.toml")
    if language == "sbml":
        fill_in(tmp_path / "back.toml")
    assert found.problem(tmp_path / "back.toml") is None
    scenario = mt.read_scenario(tmp_path / "doses.toml").replace(duration="1 week")
    again = trajectory(person_of(scenario), HOURS)
    assert apart(flat, ours, lambda n: again[f"back.{found.module.names[n]}"]) < CLOSE


def fill_in(path):
    """Answer the questions for sources; units are known."""
    text = path.read_text()
    assert 'unit = "?"' not in text
    text = text.replace('source = "?"', 'source = "this_work"').replace('evidence = "?"', 'evidence = "placeholder"')
    path.write_text(text)


@pytest.mark.parametrize("language", ["mrgsolve", "rxode2", "nonmem"])
def test_code_is_read_back_with_its_units(week, language, tmp_path):
    _, flat, ours = week
    file = tmp_path / f"model{SUFFIXES[language]}"
    written(flat, language, "model_events.csv").save(file)
    found = import_model(file, "back", time="h")
    found.save(tmp_path / "back.toml")
    fill_in(tmp_path / "back.toml")
    assert found.problem(tmp_path / "back.toml") is None
    again = run_table(
        tmp_path,
        "back",
        [found.module.names[s] for s in found.flat.states],
        with_samples(pd.read_csv(tmp_path / "model_events.csv"), HOURS),
    )
    order = list(flat.states)
    assert apart(flat, ours, lambda n: again.iloc[:, order.index(n)].to_numpy()) < CLOSE


def test_infusions_lags_and_clocks_go_through_sbml(tmp_path):
    (tmp_path / "drip.toml").write_text(DRIP)
    scenario = mt.Scenario(
        model=["drip"],
        population="typical",
        duration="2 d",
        visits=["0 d"],
        meals={"plan": "none"},
        doses=[
            mt.Dose("drip", "30 mg", over="2 h", every="12 h", route="vein"),
            mt.Dose("drip", "10 mg", every="24 h", route="oral"),
        ],
        library=mt.Library((tmp_path,)),
    )
    person = person_of(scenario)
    flat = flatten(person)
    hours = np.arange(1, 48) + 0.3
    ours = trajectory(person, hours)
    theirs = roadrunner_states(written(flat, "sbml").text, flat.states, hours)
    assert apart(flat, ours, lambda n: theirs[:, list(flat.states).index(n)]) < CLOSE
    assert ours["drip.A"].max() > 25
    with pytest.raises(mt.MtorsimError, match="cannot restart a clock"):
        written(flat, "nonmem")


def test_doses_at_one_time_are_the_last_dose_together(tmp_path):
    text = DRIP.replace("tad < T, 1, 0.5", "tad < T, 1, 0.5) * exp(-0.01 * last_dose / one").replace("[states]", ONE)
    (tmp_path / "drip.toml").write_text(text)
    doses = [mt.Dose("drip", f"{a} mg", every="12 h", route="oral") for a in (30, 10)]
    scenario = mt.Scenario(
        model=["drip"],
        population="typical",
        duration="2 d",
        visits=["0 d"],
        meals={"plan": "none"},
        doses=doses,
        library=mt.Library((tmp_path,)),
    )
    person = person_of(scenario)
    flat = flatten(person)
    hours = np.arange(1, 48) + 0.3
    ours = trajectory(person, hours)
    assert ours["drip.last_dose"].max() == pytest.approx(28)
    theirs = roadrunner_states(written(flat, "sbml").text, flat.states, hours)
    assert apart(flat, ours, lambda n: theirs[:, list(flat.states).index(n)]) < CLOSE


ONE = """one = { value = 1, unit = "mg", about = "1 mg", source = "this_work", evidence = "convention" }

[states]"""


@pytest.mark.parametrize("language", ["sbml", "nonmem", "mrgsolve", "rxode2"])
def test_a_bioavailability_that_changes_stands_in_the_doses(language, tmp_path):
    scenario = mt.Scenario(
        model=["everolimus"],
        population="typical",
        duration="4 d",
        visits=["0 d"],
        doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
        changes=[{"condition": "ketoconazole", "at": "36 h", "until": "60 h"}],
        observe=["everolimus.C"],
    )
    flat = flatten(person_of(scenario))
    found = written(flat, language)
    assert any("equations of lag and bioavailability" in line for line in found.left_out)
    if found.events is not None:
        amounts = pd.read_csv(io.StringIO(found.events)).rename(columns=str.upper).query("EVID == 1")["AMT"]
        assert amounts.astype(float).tolist() == [10.0, 10.0, 32.5, 10.0]


@pytest.mark.parametrize("language", ["mrgsolve", "nonmem", "rxode2"])
def test_infusions_that_are_not_fully_available_keep_their_duration(language, tmp_path):
    text = DRIP.replace("tad < T", "T < 0").replace('about = "infusion"', 'about = "infusion"\nbioavailability = "F"')
    (tmp_path / "drip.toml").write_text(text)
    scenario = mt.Scenario(
        model=["drip"],
        population="typical",
        duration="1 d",
        visits=["0 d"],
        meals={"plan": "none"},
        doses=[mt.Dose("drip", "30 mg", over="2 h", every="12 h", route="vein")],
        library=mt.Library((tmp_path,)),
    )
    person = person_of(scenario)
    flat = flatten(person)
    hours = np.arange(0, 24) + 0.3
    ours = trajectory(person, hours)
    found = written(flat, language, "model_events.csv")
    assert any("the table holds what arrives" in line for line in found.left_out)
    found.save(tmp_path / f"model{SUFFIXES[language]}")
    back = import_model(tmp_path / f"model{SUFFIXES[language]}", "back", unitless=True)
    back.save(tmp_path / "back.toml")
    table = with_samples(pd.read_csv(tmp_path / "model_events.csv"), hours)
    again = run_table(tmp_path, "back", [back.module.names[s] for s in back.flat.states], table)
    order = list(flat.states)
    assert apart(flat, ours, lambda n: again.iloc[:, order.index(n)].to_numpy()) < CLOSE


DRIP = """
[module]
name = "drip"
about = "a drug by vein and by mouth; its clearance depends on the time since the last dose"
time = "h"

[parameters]
k = { value = 0.3, unit = "1/h", about = "elimination", source = "this_work", evidence = "design" }
ka = { value = 0.9, unit = "1/h", about = "absorption", source = "this_work", evidence = "design" }
lag = { value = 0.6, unit = "h", about = "lag", source = "this_work", evidence = "design" }
F = { value = 0.7, unit = "1", about = "bioavailability", source = "this_work", evidence = "design" }
T = { value = 5, unit = "h", about = "from then on elimination slows", source = "this_work", evidence = "design" }

[states]
G = { unit = "mg", initial = 0, about = "gut" }
A = { unit = "mg", initial = 0, about = "body" }

[expressions]
slow = { is = "where(tad < T, 1, 0.5)", unit = "1", about = "slowing" }

[derivatives]
G = "-ka * G"
A = "ka * G - slow * k * A"

[doses.oral]
to = "G"
unit = "mg"
bioavailability = "F"
lag = "lag"
about = "tablet"

[doses.vein]
to = "A"
unit = "mg"
about = "infusion"
"""


def test_changes_of_parameters_are_steps_in_time(tmp_path):
    scenario = mt.Scenario(
        model=["everolimus"],
        population="typical",
        duration="2 d",
        visits=["0 d"],
        doses=[mt.Dose("everolimus", "10 mg", every="12 h")],
        changes=[{"condition": "rifampicin", "at": "20 h", "until": "40 h"}],
        observe=["everolimus.C"],
    )
    person = person_of(scenario)
    flat = flatten(person)
    hours = np.arange(1, 48) + 0.3
    theirs = roadrunner_states(written(flat, "sbml").text, flat.states, hours)
    assert apart(flat, trajectory(person, hours), lambda n: theirs[:, list(flat.states).index(n)]) < CLOSE


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_desolve_runs_in_r(tmp_path):
    if subprocess.run(["Rscript", "-e", "library(deSolve)"], capture_output=True, check=False).returncode:
        pytest.skip("the R package deSolve is not installed")
    person = person_of(mt.read_scenario("minimal_ivgtt"))
    flat = flatten(person)
    (tmp_path / "model.R").write_text(written(flat, "desolve").text)
    subprocess.run(["Rscript", "model.R"], cwd=tmp_path, check=True, capture_output=True)
    out = pd.read_csv(tmp_path / f"{flat.name}.csv")
    out = out[out["time"] > 1.5]
    ours = trajectory(person, out["time"].to_numpy() / 60)
    assert apart(flat, ours, lambda n: out[n if n in out else f"{n}_"].to_numpy()) < CLOSE


@pytest.mark.parametrize("language", ["mrgsolve", "rxode2", "nonmem"])
def test_variability_of_a_drug_goes_out_and_comes_back(language, tmp_path):
    found = export_model("everolimus", language)
    file = tmp_path / f"model{SUFFIXES[language]}"
    found.save(file)
    back = import_model(file, "back", time="h").flat
    names = {n.upper(): c for n, c in back.parameters.items()}
    for name, constant in found.flat.parameters.items():
        mine = names.get(name.upper()) or names[f"{name.upper()}_"]
        assert mine.value == pytest.approx(constant.value, rel=1e-12), name
        assert (mine.variance or 0) == pytest.approx(constant.variance or 0, rel=1e-9), name
        assert (mine.unit, mine.source, mine.evidence) == (constant.unit, constant.source, constant.evidence), name


def test_what_cannot_be_said_is_listed(week):
    told = " ".join(written(week[1], "sbml").left_out)
    assert "population" in told
    assert export_model("everolimus", "sbml").left_out == ()
    ruled = export_model(mt.read_scenario("bolero_2"), "sbml", duration=48.0)
    assert any(line.startswith("rules that change doses") for line in ruled.left_out)


def test_julia_and_desolve_have_every_equation(week):
    _, flat, _ = week
    for language in ("julia", "desolve"):
        text = written(flat, language).text
        for name in (*flat.lines, *flat.parameters):
            assert re.search(rf"\b{name}_?\b", text), (language, name)
    julia = written(flat, "julia").text
    assert all(f"du[{k}] = " in julia for k in range(1, len(flat.states) + 1))


def test_the_same_numbers_for_the_same_person(week):
    again = flatten(person_of(mt.read_scenario("everolimus_breast").replace(duration="1 week", visits=["0 d", "7 d"])))
    assert written(again, "sbml").text == written(week[1], "sbml").text
