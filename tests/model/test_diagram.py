"""The diagram: arrows follow from the equations, their signs from physiology."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

import mtorsim as mt
from mtorsim.describe.diagram import diagram_of
from mtorsim.describe.drawing import as_mermaid, as_svg


@pytest.fixture(scope="module")
def diagram():
    return diagram_of(mt.load_model(["glucose_insulin", "mtor", "everolimus"]))


KNOWN = {
    ("glucose_insulin.production", "glucose_insulin.glucose"): 1,
    ("glucose_insulin.uptake", "glucose_insulin.glucose"): -1,
    ("glucose_insulin.insulin", "glucose_insulin.production"): -1,
    ("glucose_insulin.insulin", "glucose_insulin.uptake"): 1,
    ("glucose_insulin.insulin", "glucose_insulin.lipolysis"): -1,
    ("glucose_insulin.insulin", "glucose_insulin.secretion"): -1,
    ("glucose_insulin.glucose", "glucose_insulin.secretion"): 1,
    ("glucose_insulin.glucagon", "glucose_insulin.production"): 1,
    ("glucose_insulin.glucose", "glucose_insulin.glucotoxicity"): -1,
    ("everolimus.level", "mtor.mtorc1"): -1,
    ("mtor.mtorc1", "glucose_insulin.glucagon"): 1,
    ("mtor.mtorc1", "glucose_insulin.uptake"): -1,
    ("everolimus.level", "mtor.mtorc2_liver"): -1,
    ("mtor.mtorc2_liver", "mtor.action_liver"): 1,
    ("mtor.action_liver", "glucose_insulin.production"): -1,
    ("mtor.mtorc2_beta", "glucose_insulin.capacity"): 1,
}


@pytest.mark.parametrize(("edge", "sign"), KNOWN.items())
def test_a_known_effect_has_its_sign(diagram, edge, sign):
    assert {(e.source, e.target): e.sign for e in diagram.edges}[edge] == sign


@pytest.mark.parametrize("drug", ["sirolimus", "temsirolimus", "sapanisertib", "alpelisib", "capivasertib"])
def test_every_drug_lowers_what_it_inhibits(drug):
    edges = diagram_of(mt.load_model(["glucose_insulin", "mtor", drug])).edges
    mine = [e for e in edges if e.source.partition(".")[0] == drug and e.target.partition(".")[0] != drug]
    inhibited = [e for e in mine if e.target.startswith(("mtor.mtorc", f"{drug}.akt", f"{drug}.pi3k"))]
    assert mine
    assert all(e.sign == -1 for e in inhibited), [(e.source, e.target, e.sign) for e in inhibited]


def test_an_effect_carries_the_switch_that_cuts_it(diagram):
    on = {(e.source, e.target): e.mechanisms for e in diagram.edges}
    assert on["mtor.action_liver", "glucose_insulin.production"] == ("insulin_action.liver",)
    assert on["mtor.mtorc2_beta", "glucose_insulin.capacity"] == ("secretion.capacity",)
    assert on["glucose_insulin.insulin", "glucose_insulin.production"] == ()


def test_nothing_acts_on_itself_and_every_end_is_a_node(diagram):
    names = {node.name for node in diagram.nodes}
    for edge in diagram.edges:
        assert edge.source != edge.target
        assert {edge.source, edge.target} <= names
    assert len({(e.source, e.target) for e in diagram.edges}) == len(diagram.edges)


def test_the_drawing_is_sound_and_holds_everything(diagram):
    for interactive in (False, True):
        root = ET.fromstring(as_svg(diagram, interactive=interactive))
        boxes = root.findall(".//{*}g[@class='node']")
        assert len(boxes) == len(diagram.nodes)
        assert len(root.findall(".//{*}path[@data-source]")) == len(diagram.edges)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        places = [[float(box.find("{*}rect").attrib[k]) for k in ("x", "y", "width", "height")] for box in boxes]
        for i, (x, y, w, h) in enumerate(places):
            assert 0 <= x <= width - w
            assert 0 <= y <= height - h
            for other in places[:i]:
                apart = abs(other[0] - x) >= w or abs(other[1] - y) >= h
                assert apart
    text = as_mermaid(diagram)
    assert text.count("subgraph") == len(diagram.organs)
    assert len(re.findall(r"-->|--x|---", text)) == len(diagram.edges)


def test_the_command_draws_and_says_when_there_is_nothing(mtorsim):
    assert mtorsim("show", "everolimus_breast", "--format", "svg").out.startswith("<svg")
    assert mtorsim("show", "glucose_insulin", "--format", "mermaid").out.startswith("flowchart LR")
    shown = mtorsim("show", "minimal", "--format", "svg")
    assert shown.code == 2
    assert "nothing to draw" in shown.err
