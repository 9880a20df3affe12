"""What a user sees first: names, what objects say of themselves, and errors of wrong arguments."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import ClassVar

import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, SettingError
from mtorsim.results.compare import compare
from mtorsim.simulation.replay import replay_subject


@pytest.fixture(scope="module")
def objects():
    scenario = mt.read_scenario("everolimus_breast")
    model = mt.load_model(list(scenario.modules))
    return {
        "Model": model,
        "Population": mt.load_population(scenario.population, model),
        "Scenario": scenario,
        "Result": mt.simulate(scenario, subjects=8),
        "Examination": mt.examine("ogtt", "ngt"),
        "TrialReport": mt.run_trial("bolero_2", subjects=8, sets=1, variants=False),
    }


KINDS = ("Model", "Population", "Scenario", "Result", "Examination", "TrialReport")


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_says_in_few_words_what_it_is(objects, kind):
    found = objects[kind]
    assert isinstance(found, getattr(mt, kind))
    assert repr(found).startswith(kind)
    assert len(repr(found)) < 2000


def test_tables_replays_and_comparisons_are_one_line_too(objects, tmp_path):
    (tmp_path / "data.csv").write_text("ID,TIME,AMT,weight\n" + "".join(f"{i},0,10,70\n" for i in range(50)))
    table = mt.read_events(tmp_path / "data.csv")
    assert repr(table).endswith("data.csv: 50 records of 50 subjects, h; covariates: weight)")
    result = mt.simulate(objects["Scenario"], subjects=2, out=tmp_path / "out")
    same = compare(result, result)
    visits = result.visits.sizes["time"]
    assert repr(same) == f"Comparison(2 subjects and {visits} visits in both, identical to the bit)"
    assert repr(replay_subject(tmp_path / "out", 1)).endswith("subject 1: ok; identical to the bit)")


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_notebook_shows_is_whole_html(objects, kind):
    page = objects[kind]._repr_html_()
    root = ET.fromstring(page.replace("&nbsp;", " "))
    words = " ".join(root.itertext())
    assert root.attrib["class"] == "mtorsim"
    assert "nan" not in words.split()
    wanted = {"Model": "mtor.gS", "Population": "diabetic", "Scenario": "everolimus 10 mg every 24 h"}
    assert wanted.get(kind, {"Examination": "matsuda", "TrialReport": "> ULN"}.get(kind, "> 126")) in words
    assert (kind in ("Result", "Examination")) == bool(root.findall(".//{http://www.w3.org/2000/svg}polyline"))


def test_the_public_names_are_listed_and_there():
    assert set(mt.__all__) <= set(dir(mt))
    for name in mt.__all__:
        assert getattr(mt, name).__name__ == {"plot": "mtorsim.plots.api"}.get(name, name)
    with pytest.raises(AttributeError, match="has no attribute `simulat`"):
        _ = mt.simulat


def test_one_name_is_a_model():
    assert [m.name for m in mt.load_model("minimal").modules] == ["minimal"]
    with pytest.raises(ArgumentError, match="must be names of modules"):
        mt.load_model([3])


class Wrong:
    """Calls with an argument of a wrong type, and what is said."""

    calls: ClassVar = [
        (lambda: mt.simulate("ogtt", settings={"SIp": "a"}), SettingError, "`SIp` must be a finite number"),
        (lambda: mt.simulate("ogtt", settings=[1]), ArgumentError, "`settings` must be numbers by name"),
        (lambda: mt.simulate("ogtt", subjects=2.5), ArgumentError, "`subjects` must be a whole number, not 2.5"),
        (lambda: mt.simulate("ogtt", subject=2), ArgumentError, "did you mean `subjects`"),
        (lambda: mt.simulate(3), ArgumentError, "`scenario` must be a `Scenario`"),
        (lambda: mt.simulate("ogtt", rules=3), ArgumentError, "`rules` must be a list that holds only functions"),
        (lambda: mt.simulate("ogtt", force=True), ArgumentError, "`force=True` needs a result folder"),
        (lambda: mt.simulate("ogtt", kernel="fast"), ArgumentError, "there is no kernel `fast`"),
        (lambda: mt.run_trial("bolero_2", sets=1.5), ArgumentError, "`sets` must be a whole number"),
        (lambda: mt.run_trial("bolero_2", uln="110 mg/dL"), ArgumentError, "`uln` must be a finite number"),
        (lambda: mt.calibrate("trials", thread=1), ArgumentError, "did you mean `threads`"),
        (lambda: mt.validate(library=3), ArgumentError, "`library` must be a `Library`"),
        (lambda: mt.sweep("ogtt", {}), ArgumentError, "`scenario` must be a `Scenario`"),
    ]


@pytest.mark.parametrize("call", range(len(Wrong.calls)))
def test_a_wrong_argument_is_one_helpful_error(call):
    function, kind, words = Wrong.calls[call]
    with pytest.raises(kind) as caught:
        function()
    assert words in str(caught.value)
    assert not str(caught.value).startswith("error")
    assert "--" not in str(caught.value)
