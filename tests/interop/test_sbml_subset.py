"""The supported subset of SBML, a construct a case with its closed form; everything else is refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mtorsim as mt
from interop.conftest import EXACT
from mtorsim.errors import ModelError
from mtorsim.interop.imports import import_model

pytest.importorskip("libsbml")

M = "http://www.w3.org/1998/Math/MathML"
TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'
VOLUME = '<compartment id="c" size="2" spatialDimensions="3" constant="true"/>'


def math_of(inside):
    return f'<math xmlns="{M}">{inside}</math>'


def apply(operator, *parts):
    return f"<apply><{operator}/>{''.join(p if p.startswith('<') else ci(p) for p in parts)}</apply>"


def ci(word):
    try:
        return f"<cn>{float(word)!r}</cn>"
    except ValueError:
        return f"<ci>{word}</ci>"


def species(name, start, *, amount=False, boundary=False, constant=False, by="initialAmount"):
    flags = {"hasOnlySubstanceUnits": amount, "boundaryCondition": boundary, "constant": constant}
    said = " ".join(f'{k}="{str(v).lower()}"' for k, v in flags.items())
    given = "" if start is None else f'{by}="{start}"'
    return f'<species id="{name}" compartment="c" {given} {said}/>'


def parameter(name, value=None, constant=True):
    given = "" if value is None else f'value="{value}"'
    return f'<parameter id="{name}" {given} constant="{str(constant).lower()}"/>'


def reaction(name, reactants, products, law, more=""):
    def side(kind, found):
        rows = "".join(f'<speciesReference species="{s}" stoichiometry="{n}" constant="true"/>' for s, n in found)
        return f"<listOf{kind}>{rows}</listOf{kind}>" if rows else ""

    inner = side("Reactants", reactants) + side("Products", products)
    return f'<reaction id="{name}" reversible="false">{inner}<kineticLaw>{math_of(law)}{more}</kineticLaw></reaction>'


def event(name, trigger, assignments, *, more="", initial="false", use="false"):
    rows = "".join(f'<eventAssignment variable="{v}">{math_of(m)}</eventAssignment>' for v, m in assignments.items())
    head = f'<event id="{name}" useValuesFromTriggerTime="{use}">'
    trigger = f'<trigger initialValue="{initial}" persistent="true">{math_of(trigger)}</trigger>'
    return f"{head}{trigger}{more}<listOfEventAssignments>{rows}</listOfEventAssignments></event>"


ORDER = {
    "functions": "FunctionDefinitions",
    "units": "UnitDefinitions",
    "compartments": "Compartments",
    "species": "Species",
    "parameters": "Parameters",
    "starts": "InitialAssignments",
    "rules": "Rules",
    "reactions": "Reactions",
    "events": "Events",
}


def sbml(model="", **parts):
    parts.setdefault("compartments", VOLUME)
    body = "".join(f"<listOf{n}>{parts[k]}</listOf{n}>" for k, n in ORDER.items() if parts.get(k))
    space = "http://www.sbml.org/sbml/level3/version2/core"
    return (
        f'<?xml version="1.0"?><sbml xmlns="{space}" level="3" version="2"><model id="m" {model}>{body}</model></sbml>'
    )


def start(name, inside):
    return f'<initialAssignment symbol="{name}">{math_of(inside)}</initialAssignment>'


def rate(name, inside):
    return f'<rateRule variable="{name}">{math_of(inside)}</rateRule>'


def rule(name, inside):
    return f'<assignmentRule variable="{name}">{math_of(inside)}</assignmentRule>'


def function(name, arguments, body):
    bound = "".join(f"<bvar><ci>{a}</ci></bvar>" for a in arguments)
    return f'<functionDefinition id="{name}">{math_of(f"<lambda>{bound}{body}</lambda>")}</functionDefinition>'


DECAY = reaction("r", [("S", 1)], [], apply("times", "c", "k", "S"))
E = math.exp

CASES = {
    "an amount over its volume is what a symbol means": (
        sbml(species=species("S", 6), parameters=parameter("k", 0.5), reactions=DECAY),
        {"S": lambda t: 3 * E(-0.5 * t)},
    ),
    "a concentration is given": (
        sbml(species=species("S", 6, by="initialConcentration"), parameters=parameter("k", 0.5), reactions=DECAY),
        {"S": lambda t: 6 * E(-0.5 * t)},
    ),
    "only substance units: the symbol is the amount": (
        sbml(
            species=species("S", 6, amount=True),
            parameters=parameter("k", 0.5),
            reactions=reaction("r", [("S", 1)], [], apply("times", "k", "S")),
        ),
        {"S": lambda t: 6 * E(-0.5 * t)},
    ),
    "stoichiometry": (
        sbml(
            species=species("S", 6, amount=True) + species("P", 0, amount=True),
            parameters=parameter("k", 0.5),
            reactions=reaction("r", [("S", 2)], [("P", 3)], apply("times", "k", "S")),
        ),
        {"S": lambda t: 6 * E(-t), "P": lambda t: 9 * (1 - E(-t))},
    ),
    "a boundary species does not change": (
        sbml(
            species=species("S", 6, boundary=True) + species("P", 0),
            parameters=parameter("k", 0.5),
            reactions=reaction("r", [("S", 1)], [("P", 1)], apply("times", "c", "k", "S")),
        ),
        {"P": lambda t: 1.5 * t},
    ),
    "local parameters hide global ones": (
        sbml(
            species=species("S", 6),
            parameters=parameter("k", 99),
            reactions=reaction(
                "r",
                [("S", 1)],
                [],
                apply("times", "c", "k", "S"),
                '<listOfLocalParameters><localParameter id="k" value="0.5"/></listOfLocalParameters>',
            ),
        ),
        {"S": lambda t: 3 * E(-0.5 * t)},
    ),
    "a conversion factor": (
        sbml(
            model='conversionFactor="f"',
            species=species("S", 6),
            parameters=parameter("k", 0.5) + parameter("f", 3),
            reactions=DECAY,
        ),
        {"S": lambda t: 3 * E(-1.5 * t)},
    ),
    "functions are put in": (
        sbml(
            functions=function("law", "ab", apply("times", "a", "b")),
            parameters=parameter("x", 4, False) + parameter("k", 0.5),
            rules=rate("x", apply("minus", "<apply><ci>law</ci><ci>k</ci><ci>x</ci></apply>")),
        ),
        {"x": lambda t: 4 * E(-0.5 * t)},
    ),
    "initial assignments, also of what rules determine": (
        sbml(
            parameters=parameter("x", 1, False) + parameter("k") + parameter("a", 2) + parameter("b", None, False),
            starts=start("k", apply("divide", "a", "4")) + start("x", apply("plus", "b", "1")),
            rules=rule("b", apply("times", "a", "3")) + rate("x", apply("minus", apply("times", "k", "x"))),
        ),
        {"x": lambda t: 7 * E(-0.5 * t)},
    ),
    "a rule for a species": (
        sbml(
            species=species("S", 6) + species("Q", None),
            parameters=parameter("k", 0.5),
            rules=rule("Q", apply("times", "10", "S")),
            reactions=DECAY,
        ),
        {"Q": lambda t: 30 * E(-0.5 * t)},
    ),
    "rates of reactions are symbols": (
        sbml(
            species=species("S", 6),
            parameters=parameter("k", 0.5) + parameter("v", None, False),
            rules=rule("v", apply("times", "2", "r")),
            reactions=DECAY,
        ),
        {"v": lambda t: 6 * E(-0.5 * t)},
    ),
    "the time": (
        sbml(parameters=parameter("x", 0, False), rules=rate("x", apply("times", "2", TIME))),
        {"x": lambda t: t * t},
    ),
    "a parameter called t is not the time": (
        sbml(parameters=parameter("t", 3) + parameter("x", 0, False), rules=rate("x", apply("times", "t", "1"))),
        {"x": lambda t: 3 * t},
    ),
    "pieces": (
        sbml(
            parameters=parameter("x", 0, False),
            rules=rate(
                "x",
                f"<piecewise><piece><cn>1</cn>{apply('lt', TIME, '1')}</piece>"
                f"<piece><cn>5</cn>{apply('and', apply('geq', TIME, '1'), apply('lt', TIME, '2'))}</piece>"
                "<otherwise><cn>0</cn></otherwise></piecewise>",
            ),
        ),
        {"x": lambda t: t if t < 1 else 1 + 5 * (min(t, 2) - 1)},
    ),
    "functions of MathML": (
        sbml(
            parameters=parameter("x", 0, False) + parameter("y", None, False),
            rules=rate("x", "<cn>1</cn>")
            + rule(
                "y",
                apply(
                    "plus",
                    apply("sinh", "x"),
                    apply("root", apply("plus", "x", "1")),
                    apply("log", apply("plus", "x", "1")),
                    apply("abs", apply("minus", "x", "1")),
                    apply("arctanh", apply("divide", "x", "9")),
                    apply("factorial", "3"),
                    apply("max", "x", "1"),
                ),
            ),
        ),
        {
            "y": lambda t: (
                math.sinh(t) + math.sqrt(t + 1) + math.log10(t + 1) + abs(t - 1) + math.atanh(t / 9) + 6 + max(t, 1)
            )
        },
    ),
    "an event is a dose": (
        sbml(
            species=species("S", 6, amount=True),
            parameters=parameter("k", 0.5) + parameter("F", 0.5),
            reactions=reaction("r", [("S", 1)], [], apply("times", "k", "S")),
            events=event("d", apply("geq", TIME, "1.5"), {"S": apply("plus", "S", apply("times", "F", "8"))}),
        ),
        {"S": lambda t: 6 * E(-0.5 * t) + (4 * E(-0.5 * (t - 1.5)) if t > 1.5 else 0)},
    ),
    "an event at 0 happens if its trigger is false before": (
        sbml(
            species=species("S", 6, amount=True),
            parameters=parameter("k", 0.5),
            reactions=reaction("r", [("S", 1)], [], apply("times", "k", "S")),
            events=event("d", apply("geq", TIME, "0"), {"S": apply("plus", "S", "2")}),
        ),
        {"S": lambda t: (8 if t > 0 else 6) * E(-0.5 * t)},
    ),
    "an event at 0 never happens if its trigger is true before": (
        sbml(
            species=species("S", 6, amount=True),
            parameters=parameter("k", 0.5),
            reactions=reaction("r", [("S", 1)], [], apply("times", "k", "S")),
            events=event("d", apply("geq", TIME, "0"), {"S": apply("plus", "S", "2")}, initial="true"),
        ),
        {"S": lambda t: 6 * E(-0.5 * t)},
    ),
    "events change parameters at known times": (
        sbml(
            parameters=parameter("x", 0, False) + parameter("k", 1, False),
            rules=rate("x", ci("k")),
            events=event("a", apply("gt", TIME, "1"), {"k": apply("plus", "k", "2")})
            + event("b", apply("geq", TIME, "2"), {"k": "<cn>0</cn>"}),
        ),
        {"x": lambda t: min(t, 1) + 3 * min(max(t - 1, 0), 1)},
    ),
    "a delay that is known shifts a dose": (
        sbml(
            parameters=parameter("x", 0, False),
            rules=rate("x", "<cn>0</cn>"),
            events=event(
                "d",
                apply("geq", TIME, "1"),
                {"x": apply("plus", "x", "3")},
                more=f"<delay>{math_of(ci('0.5'))}</delay>",
            ),
        ),
        {"x": lambda t: 3.0 * (t > 1.5)},
    ),
    "names that the importer makes are new": (
        sbml(
            species=species("S", 6, amount=True),
            parameters=parameter("k", 0.5, False) + parameter("k_0", 2) + parameter("r_q", 3),
            reactions=reaction(
                "r",
                [("S", 1)],
                [],
                apply("times", apply("plus", "q", apply("times", "0", "r_q")), apply("times", "k_0", "k", "S")),
                '<listOfLocalParameters><localParameter id="q" value="0.1"/></listOfLocalParameters>',
            ),
            events=event("e", apply("geq", TIME, "1"), {"k": "<cn>0</cn>"}),
        ),
        {"S": lambda t: 6 * E(-0.1 * min(t, 1))},
    ),
    "Level 2 with its own defaults": (
        '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">'
        '<listOfCompartments><compartment id="c" size="2"/></listOfCompartments>'
        '<listOfSpecies><species id="S" compartment="c" initialAmount="6"/></listOfSpecies>'
        '<listOfParameters><parameter id="k" value="0.5"/></listOfParameters><listOfReactions><reaction id="r">'
        '<listOfReactants><speciesReference species="S"/></listOfReactants><kineticLaw>'
        + math_of(apply("times", "c", "k", "S"))
        + "</kineticLaw></reaction></listOfReactions></model></sbml>",
        {"S": lambda t: 3 * E(-0.5 * t)},
    ),
}

TIMES = [0.0, 0.4, 0.9, 1.3, 1.7, 2.2, 3.1]


@pytest.mark.parametrize("case", CASES)
def test_a_construct_means_what_sbml_says(case, tmp_path):
    text, wanted = CASES[case]
    (tmp_path / "m.xml").write_text(text)
    found = import_model(tmp_path / "m.xml", "model", unitless=True)
    found.save(tmp_path / "model.toml", scenario=tmp_path / "s.toml")
    unit = found.flat.time or "h"
    shown = {n: f"model.{found.module.names[n]}" for n in wanted}
    scenario = mt.read_scenario(tmp_path / "s.toml")
    changes = {"duration": f"4 {unit}", "visits": [f"{t} {unit}" for t in TIMES], "observe": list(shown.values())}
    visits = mt.simulate(scenario.replace(**changes), subjects=1, **EXACT).visits
    for name, solution in wanted.items():
        seen = visits[shown[name]].to_numpy().ravel()
        # A sample at 0 precedes a dose at 0.
        assert seen[1:] == pytest.approx(np.array([solution(t) for t in TIMES])[1:], rel=1e-7, abs=1e-9), name


X = parameter("x", 1, False)
MOVES = rate("x", "<cn>1</cn>")
REFUSED = {
    "an algebraic rule": sbml(
        parameters=X + parameter("y", 1, False),
        rules=f"<algebraicRule>{math_of(apply('minus', 'y', 'x'))}</algebraicRule>{MOVES}",
    ),
    "the csymbol `delay`": sbml(
        parameters=X,
        rules=rate(
            "x",
            '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay">d</csymbol>'
            "<ci>x</ci><cn>1</cn></apply>",
        ),
    ),
    "`floor`": sbml(parameters=X, rules=rate("x", apply("floor", "x"))),
    "`arcsin`": sbml(parameters=X, rules=rate("x", apply("arcsin", "x"))),
    "a `piecewise` without `otherwise`": sbml(
        parameters=X, rules=rate("x", f"<piecewise><piece><cn>1</cn>{apply('lt', TIME, '1')}</piece></piecewise>")
    ),
    "the compartment `c` of varying size": sbml(
        compartments='<compartment id="c" size="2" constant="false"/>', rules=rate("c", "<cn>1</cn>")
    ),
    "the priority of the event `e`": sbml(
        parameters=X,
        rules=MOVES,
        events=event(
            "e",
            apply("geq", TIME, "1"),
            {"x": apply("plus", "x", "1")},
            more=f"<priority>{math_of(ci('1'))}</priority>",
        ),
    ),
    "whose time is not known beforehand": sbml(
        parameters=X, rules=MOVES, events=event("e", apply("geq", "x", "2"), {"x": "<cn>0</cn>"})
    ),
    "which sets `x` instead of adding a known amount": sbml(
        parameters=X, rules=MOVES, events=event("e", apply("geq", TIME, "1"), {"x": "<cn>0</cn>"})
    ),
    "the event `e`, which sets `x` instead": sbml(
        parameters=X + parameter("D", 5),
        starts=start("D", "<cn>100</cn>"),
        rules=MOVES,
        events=event("e", apply("geq", TIME, "1"), {"x": apply("plus", "x", "D")}),
    ),
    "which takes 2 away from `x`": sbml(
        parameters=X, rules=MOVES, events=event("e", apply("geq", TIME, "1"), {"x": apply("minus", "x", "2")})
    ),
    "whose time is not known": sbml(
        parameters=X, rules=MOVES, events=event("e", apply("eq", TIME, "1"), {"x": apply("plus", "x", "1")})
    ),
    "which gives `k` a value that changes with time": sbml(
        parameters=X + parameter("k", 1, False),
        rules=rate("x", ci("k")),
        events=event("e", apply("geq", TIME, "1"), {"k": ci("x")}),
    ),
    "two events that change `k` at one time": sbml(
        parameters=X + parameter("k", 1, False),
        rules=rate("x", ci("k")),
        events="".join(event(e, apply("geq", TIME, "1"), {"k": ci(v)}) for e, v in (("e", "2"), ("f", "3"))),
    ),
    "the reaction `r` without a kinetic law": sbml(
        species=species("S", 1),
        reactions='<reaction id="r" reversible="false"><listOfReactants><speciesReference species="S" '
        'stoichiometry="1" constant="true"/></listOfReactants></reaction>',
    ),
    "the SBML package `qual`": sbml(parameters=X, rules=MOVES).replace(
        'version="2">',
        'version="2" xmlns:qual="http://www.sbml.org/sbml/level3/version1/qual/version1" qual:required="true">',
        1,
    ),
    "the fast reaction `r`": '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4">'
    '<model id="m"><listOfCompartments><compartment id="c" size="2"/></listOfCompartments><listOfSpecies>'
    '<species id="S" compartment="c" initialAmount="6"/></listOfSpecies><listOfReactions><reaction id="r" fast="true">'
    '<listOfReactants><speciesReference species="S"/></listOfReactants><kineticLaw>'
    + math_of(ci("S"))
    + "</kineticLaw></reaction></listOfReactions></model></sbml>",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_supported_is_refused_by_name(reason, tmp_path):
    (tmp_path / "m.xml").write_text(REFUSED[reason])
    with pytest.raises(ModelError) as refused:
        import_model(tmp_path / "m.xml", unitless=True)
    assert reason in refused.value.message


def test_submodels_are_flattened_and_other_files_are_not_read(tmp_path):
    comp = "http://www.sbml.org/sbml/level3/version1/comp/version1"
    text = (
        f'<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" xmlns:comp="{comp}" level="3" version="1" '
        'comp:required="true"><model id="whole"><comp:listOfSubmodels>'
        '<comp:submodel comp:id="a" comp:modelRef="part"/></comp:listOfSubmodels></model>'
        '<comp:listOfModelDefinitions><comp:modelDefinition id="part"><listOfParameters>'
        '<parameter id="x" value="4" constant="false"/></listOfParameters><listOfRules>'
        + rate("x", apply("minus", "x"))
        + "</listOfRules></comp:modelDefinition></comp:listOfModelDefinitions></sbml>"
    )
    (tmp_path / "m.xml").write_text(text)
    assert list(import_model(tmp_path / "m.xml", unitless=True).flat.states) == ["a__x"]
    outside = text.replace("comp:listOfModelDefinitions>", "comp:listOfExternalModelDefinitions>")
    outside = outside[: outside.index("<comp:modelDefinition")] + (
        '<comp:externalModelDefinition comp:id="part" comp:source="file:///etc/passwd"/>'
        "</comp:listOfExternalModelDefinitions></sbml>"
    )
    (tmp_path / "n.xml").write_text(outside)
    with pytest.raises(ModelError, match="another file, which is not read"):
        import_model(tmp_path / "n.xml", unitless=True)
