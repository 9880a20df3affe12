"""Equations and control streams: what is written is read again, and what a language means is kept."""

from __future__ import annotations

import ast
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtorsim as mt
from interop.conftest import EXACT
from mtorsim.errors import MtorsimError, UnitError
from mtorsim.interop.comments import described
from mtorsim.interop.dosing import value_of
from mtorsim.interop.export import export_model
from mtorsim.interop.functions import called
from mtorsim.interop.grammar import Grammar, parse
from mtorsim.interop.imports import import_model
from mtorsim.interop.printing import Dialect, inlined, printed
from mtorsim.interop.program import substituted
from mtorsim.units.units import parse_unit

VALUES = {"a": 1.7, "b": 0.3, "n": 2.5}
FORTRAN = {ast.Lt: ".LT.", ast.LtE: ".LE.", ast.Gt: ".GT.", ast.GtE: ".GE."}
DIALECTS = {
    "c": (Dialect("pow(", {n: n for n in ("exp", "log", "sqrt")}, "({} ? {} : {})"), False),
    "r": (Dialect("^", {n: n for n in ("exp", "log", "sqrt", "min", "max")}, "ifelse({}, {}, {})"), False),
    "fortran": (
        Dialect("**", {"exp": "EXP", "log": "LOG", "sqrt": "SQRT", "min": "MIN", "max": "MAX"}, "", compared=FORTRAN),
        True,
    ),
}


def _quotient(pair):
    """A division that cannot fail."""
    below = ast.BinOp(ast.BinOp(pair[1], ast.Pow(), ast.Constant(2)), ast.Add(), ast.Constant(1))
    return ast.BinOp(pair[0], ast.Div(), below)


def trees(choices=True):
    """Equations of a, b and n that have a value."""
    numbers = st.sampled_from([0.5, 1, 2, 3.25]).map(lambda v: ast.Constant(v))
    leaves = st.one_of(numbers, st.sampled_from(list(VALUES)).map(ast.Name))

    def larger(inner):
        two = st.tuples(inner, inner)
        ops = st.sampled_from([ast.Add(), ast.Sub(), ast.Mult()])
        found = [
            st.tuples(two, ops).map(lambda x: ast.BinOp(x[0][0], x[1], x[0][1])),
            inner.map(lambda x: ast.UnaryOp(ast.USub(), x)),
            two.map(_quotient),
            inner.map(lambda x: ast.Call(ast.Name("logistic"), [x], [])),
            two.map(lambda x: ast.Call(ast.Name("max"), list(x), [])),
            inner.map(lambda x: ast.Call(ast.Name("hill"), [x, ast.Name("b"), ast.Name("n")], [])),
        ]
        if choices:
            found.append(
                st.tuples(two, two).map(
                    lambda x: ast.Call(ast.Name("where"), [ast.Compare(x[0][0], [ast.Lt()], [x[0][1]]), *x[1]], [])
                )
            )
        return st.one_of(found)

    return st.recursive(leaves, larger, max_leaves=8)


@pytest.mark.parametrize("language", DIALECTS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_printed_equation_is_read_with_the_same_value(language, data):
    dialect, fortran = DIALECTS[language]
    tree = data.draw(trees(choices=not fortran))
    text = printed(inlined(tree, dialect.functions), dialect)
    names = Grammar(lambda n, a: called(n.lower(), a), ast.Name, fortran)
    again = parse(text, names)
    assert value_of(again, VALUES) == pytest.approx(value_of(tree, VALUES), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2**2", -4.0),
        ("2**3**2", 512.0),
        ("8/4/2", 1.0),
        ("2-3-4", -5.0),
        ("1D-3*2.E3", 2.0),
        ("a.LT.2.AND.b.GT.0.1", 1.0),
        (".NOT.(a.GE.1)", 0.0),
        ("a == 1.7 || b > 1", 1.0),
        ("a > 1 ? b : n", 0.3),
        ("!(a < 1) && b != 0", 1.0),
        ("!a == b", 0.0),
        ("!a + 1", 1.0),
        ("(a>1)*5", 5.0),
        ("fmax(a, 2.0) + std::min(b, 1.0)", 2.3),
    ],
)
def test_operators_bind_as_in_their_languages(text, value):
    fortran = any(w in text for w in (".LT.", ".NOT."))
    c = text.startswith("!")
    assert value_of(parse(text, Grammar(called, ast.Name, fortran, c)), VALUES) == pytest.approx(value)


@pytest.mark.parametrize(
    "comment",
    [
        "apparent clearance (L/h) [fit, deWit2016]",
        "a share (-) [design]",
        "a rate of (something) (1/min)",
        "words only",
    ],
)
def test_comments_say_units_and_sources(comment):
    about, unit, evidence, source = described(comment)
    assert unit == {"app": "L/h", "a s": "1", "a r": "1/min", "wor": None}[comment[:3]]
    assert (evidence, source) == {"app": ("fit", "deWit2016"), "a s": ("design", None)}.get(comment[:3], (None, None))
    assert "[" not in about


UNITS = ["mg/kg/min", "pmol/L", "1/h", "uU/mL/min/(mg/dL)", "L/h", "%", "kg", "ug*h/L", "mmol/L", "d", "kcal/d", "m^2"]


@pytest.mark.parametrize("unit", UNITS)
def test_units_go_through_sbml(unit):
    libsbml = pytest.importorskip("libsbml")
    from mtorsim.interop.sbml.units import add_unit, unit_text

    document = libsbml.SBMLDocument(3, 2)
    model = document.createModel()
    definition = model.getUnitDefinition(add_unit(model, unit))
    assert unit_text(definition) == unit
    definition.unsetName()
    spelt = unit_text(definition)
    if spelt is not None and "kg" not in unit:
        a, b = parse_unit(spelt), parse_unit(unit)
        assert a.same_kind(b)
        assert float(a.scale * a.hours) == pytest.approx(float(b.scale * b.hours), rel=1e-9)


def test_a_unit_that_sbml_has_and_we_do_not_is_unknown():
    libsbml = pytest.importorskip("libsbml")
    from mtorsim.interop.sbml.units import unit_text

    definition = libsbml.UnitDefinition(3, 2)
    part = definition.createUnit()
    part.initDefaults()
    part.setKind(libsbml.UNIT_KIND_BECQUEREL)
    assert unit_text(definition) is None
    with pytest.raises(UnitError, match="still asked for"):
        parse_unit("?")


NONMEM = """
$PROBLEM one compartment, first-order absorption
$INPUT ID TIME AMT DV WT SEX=DROP
$DATA data.csv IGNORE=@
$SUBROUTINES ADVAN2 TRANS2
$PK
TVCL = THETA(1)*(WT/70)**0.75
CL = TVCL*EXP(ETA(1)) ; clearance (L/h)
V = THETA(2)*EXP(ETA(2))
IF (WT.GT.100) THEN
  KA = THETA(3)/2
ELSE
  KA = THETA(3)
ENDIF
S2 = V/1000
$ERROR
IPRED = F
IRES = DV - IPRED
Y = IPRED*(1+EPS(1))
$THETA (0, 5) ; clearance
(0, 50, 500) ; volume (L)
1.2 FIX
$OMEGA BLOCK(2)
0.1
0.02 0.2
$SIGMA 0.04
$ESTIMATION METHOD=1
"""

MRGSOLVE = """
$PROB one compartment
$PARAM @annotated
TVCL : 5 : clearance (L/h)
TVV : 50 : volume (L)
KA : 1.2 : absorption (1/h)
WT : 70 : weight
$CMT GUT CENT
$GLOBAL
#define CP (CENT/V)
$MAIN
double CL = TVCL*pow(WT/70.0, 0.75)*exp(ECL);
double V = TVV*exp(EV);
$OMEGA @labels ECL EV
0.1 0.2
$ODE
dxdt_GUT = -KA*GUT;
dxdt_CENT = KA*GUT - CL*CP;
$TABLE
capture IPRED = 1000.0*CP;
"""

RXODE2 = """
one <- function() {
  ini({
    tcl <- log(5)  # log clearance
    tv <- log(50); label("log volume")
    ka <- c(0, 1.2, 9)
    eta.cl ~ 0.1
    eta.v ~ 0.2
    prop.sd <- 0.2
  })
  model({
    cl <- exp(tcl + eta.cl)
    v <- exp(tv + eta.v)
    d/dt(gut) <- -ka * gut
    d/dt(cent) <- ka * gut -
      cl / v * cent
    IPRED <- 1000 * cent / v
    IPRED ~ prop(prop.sd)
  })
}
"""


def one_compartment(t, dose=100.0, ka=1.2, k=0.1, v=50.0):
    return 1000 * dose * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))


@pytest.mark.parametrize(("name", "text"), [("m.ctl", NONMEM), ("m.cpp", MRGSOLVE), ("m.R", RXODE2)])
def test_the_same_drug_in_three_languages(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    values = {"WT": 70.0} if name == "m.ctl" else None
    found = import_model(tmp_path / name, "model", unitless=True, values=values)
    found.save(tmp_path / "model.toml", scenario=tmp_path / "s.toml")
    first = found.module.names[next(iter(found.flat.states))]
    shown = f"model.{found.module.names[found.flat.observables['IPRED']]}"
    scenario = mt.Scenario(
        model=["model"],
        population="typical",
        duration="1 d",
        visits=["1 h", "5 h", "20 h"],
        doses=[mt.Dose("model", "100 1", route=f"into_{first}")],
        observe=[shown],
        meals={"plan": "none"},
        library=mt.Library((tmp_path,)),
    )
    seen = mt.simulate(scenario, subjects=1, **EXACT).visits[shown].to_numpy().ravel()
    assert seen == pytest.approx(one_compartment(np.array([1, 5, 20.0])), rel=1e-8)
    variances = sorted(c.variance for c in found.flat.parameters.values() if c.variance)
    assert variances == [0.1, 0.2]
    notes = " ".join(found.left_out)
    assert "residual error" in notes or name == "m.cpp"
    assert ("correlations" in notes) == (name == "m.ctl")


def test_a_typical_clearance_with_a_random_effect_is_one_parameter(tmp_path):
    text = NONMEM.replace("TVCL = THETA(1)*(WT/70)**0.75", "TVCL = THETA(1)")
    choice = text[text.index("IF (WT") : text.index("S2 =")]
    (tmp_path / "m.ctl").write_text(text.replace(choice, "KA = THETA(3)\n"))
    flat = import_model(tmp_path / "m.ctl", unitless=True).flat
    clearance = flat.parameters["CL"]
    assert (clearance.value, clearance.variance, clearance.unit) == (5.0, 0.1, "L/h")
    assert set(flat.parameters) == {"CL", "V", "KA"}


def test_missing_units_are_asked_for_and_the_module_waits(tmp_path, mtorsim):
    (tmp_path / "m.cpp").write_text(MRGSOLVE)
    asked = mtorsim("import-model", tmp_path / "m.cpp", "--out", tmp_path / "drug.toml")
    assert asked.code == 0
    assert "asked for in the module: " in asked.err
    checked = mtorsim("check", tmp_path / "drug.toml")
    assert checked.code == 2
    assert "?" in checked.err
    loose = mtorsim("import-model", tmp_path / "m.cpp", "--out", tmp_path / "drug.toml", "--unitless", "--force")
    assert loose.code == 0, loose.err
    assert mtorsim("check", tmp_path / "drug.toml").code == 0


INTEGER = MRGSOLVE.replace("1000.0*CP", "1/2*CP")
REFUSED = {
    "divides whole numbers": ("m.cpp", INTEGER),
    "its body is not in parentheses": ("m.cpp", MRGSOLVE.replace("(CENT/V)", "CENT/V")),
    "`return` is not supported": ("m.cpp", MRGSOLVE.replace("dxdt_GUT =", "if(KA > 9.0) return;\ndxdt_GUT =")),
    "a whole number is rounded down": ("m.cpp", MRGSOLVE.replace("double V", "int V")),
    "`^` is no power": ("m.cpp", MRGSOLVE.replace("-KA*GUT", "-KA^2*GUT")),
    "trans = 1 is not supported": ("m.cpp", '$PARAM CL=1, V=2\n$PKMODEL cmt="CENT", trans = 1\n'),
    "a second $PROBLEM": ("m.ctl", NONMEM + NONMEM),
    "TRANS2 with ADVAN3": ("m.ctl", NONMEM.replace("ADVAN2", "ADVAN3")),
    "`TSCALE` is not supported": ("m.ctl", NONMEM.replace("S2 =", "TSCALE = 24\nS2 =")),
    "has no initial estimate": ("m.ctl", NONMEM.replace("(0, 50, 500)", "(0,,500)")),
    "`S0` is not supported": ("m.ctl", NONMEM.replace("S2 =", "S0 =")),
    "`for` is not supported": ("m.cpp", MRGSOLVE.replace("dxdt_GUT", "for(int i=0;i<3;++i) x = i;\ndxdt_GUT")),
    "`EVID` is not supported": ("m.cpp", MRGSOLVE.replace("-KA*GUT;", "-KA*GUT*EVID;")),
    "is not a compartment": ("m.cpp", MRGSOLVE.replace("dxdt_GUT", "dxdt_GUTS")),
    "the block $PRED": ("m.cpp", MRGSOLVE + "\n$PRED\ndouble x = 1;\n"),
    "did you mean `KA`?": ("m.cpp", MRGSOLVE.replace("-KA*GUT", "-ka*GUT")),
    "the record $PRED": ("m.ctl", NONMEM.replace("$PK", "$PRED")),
    "ADVAN5 is not supported": ("m.ctl", NONMEM.replace("ADVAN2 TRANS2", "ADVAN5")),
    "THETA(9) has no initial estimate": ("m.ctl", NONMEM.replace("THETA(3)/2", "THETA(9)")),
    "ELSE has no ENDIF": ("m.ctl", NONMEM.replace("ENDIF", "")),
    "verbatim code": ("m.ctl", NONMEM.replace("S2 =", '" CALL SYSTEM("rm")\nS2 =')),
    "`CALL`": ("m.ctl", NONMEM.replace("S2 = V/1000", "CALL SIMETA(ETA)")),
    "the function `SYSTEM` is not known": ("m.ctl", NONMEM.replace("V/1000", "SYSTEM(1)")),
    "`linCmt()` is not supported": ("m.R", RXODE2.replace("IPRED <- 1000 * cent / v", "IPRED <- linCmt()")),
    "the function `system` is not known": ("m.R", RXODE2.replace("ka * gut -", 'system("ls") -').replace('"ls"', "ka")),
    "no model": ("m.R", "x <- 1"),
    "is not arithmetic": ("m.cpp", MRGSOLVE.replace("KA*GUT - CL*CP", "KA*GUT @ CP")),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_line(reason, tmp_path):
    name, text = REFUSED[reason]
    (tmp_path / name).write_text(text)
    with pytest.raises(MtorsimError) as refused:
        import_model(tmp_path / name, unitless=True, values={"WT": 70.0} if name == "m.ctl" else None)
    assert reason in f"{refused.value.message} {refused.value.help}"
    assert refused.value.where is None or refused.value.where.path.endswith(name)


def test_the_line_of_a_fault_is_told(tmp_path):
    (tmp_path / "m.ctl").write_text(NONMEM.replace("S2 = V/1000", "S2 = VV/1000"))
    with pytest.raises(MtorsimError) as refused:
        import_model(tmp_path / "m.ctl", unitless=True)
    assert refused.value.where.line == 1 + NONMEM[: NONMEM.index("S2 =")].count("\n")


def test_words_in_comments_are_no_options(tmp_path):
    text = NONMEM.replace("$OMEGA BLOCK(2)\n0.1\n0.02 0.2", "$OMEGA 0.04 ; CL, SD 0.2\n$OMEGA 0.09 ; same source")
    (tmp_path / "m.ctl").write_text(text)
    flat = import_model(tmp_path / "m.ctl", unitless=True, values={"WT": 70.0}).flat
    assert sorted(c.variance for c in flat.parameters.values() if c.variance) == [0.04, 0.09]


def test_annotated_thetas_are_not_numbers_of_their_comments(tmp_path):
    text = "$THETA @annotated\n0.5 : CL per 70 kg (L/h)\n$CMT A\n$ODE\ndxdt_A = -THETA(1)*A;\n"
    (tmp_path / "m.cpp").write_text(text)
    flat = import_model(tmp_path / "m.cpp", unitless=True).flat
    assert [c.value for c in flat.parameters.values()] == [0.5]


def test_hidden_assignments_and_covariates_of_rxode2(tmp_path):
    (tmp_path / "m.R").write_text("rxode2({\n k ~ 0.1\n if (WT > 70) { f <- 2 } else { f <- 1 }\n d/dt(A) = -k*f*A\n})")
    flat = import_model(tmp_path / "m.R", unitless=True, values={"WT": 80.0}).flat
    assert flat.parameters["k"].value == 0.1
    assert set(flat.observables) == {"f"}
    values = {n: c.value for n, c in flat.parameters.items()}
    assert value_of(substituted(ast.Name("f"), dict(flat.lines), set()), values) == 2.0
    assert flat.left_out == ()


def test_the_last_value_of_a_name_keeps_it(tmp_path):
    text = NONMEM.replace("IPRED = F\n", "IPRED = F\nIF (F.GT.0) IPRED = LOG(F)\n")
    (tmp_path / "m.ctl").write_text(text)
    flat = import_model(tmp_path / "m.ctl", unitless=True, values={"WT": 70.0}).flat
    assert flat.observables["IPRED"] == "IPRED"
    assert "log(" in ast.unparse(flat.lines["IPRED"].is_)


def test_bounds_of_theta_may_span_lines(tmp_path):
    theta = NONMEM[NONMEM.index("$THETA") : NONMEM.index("$OMEGA")]
    (tmp_path / "m.ctl").write_text(NONMEM.replace(theta, "$THETA (0, ; low\n 5) ; CL\n(0,50\n,500) (1.2, FIX)\n"))
    flat = import_model(tmp_path / "m.ctl", unitless=True, values={"WT": 70.0}).flat
    assert sorted(c.value for c in flat.parameters.values()) == [1.0, 1.2, 5.0, 50.0, 70.0]


def test_names_with_dots_stay_apart(tmp_path):
    (tmp_path / "m.R").write_text("rxode2({\nCL.1 = 2\nCL_1 = 50\nd/dt(A) = -CL.1*A\nd/dt(B) = -CL_1*B\n})")
    flat = import_model(tmp_path / "m.R", unitless=True).flat
    values = {n: c.value for n, c in flat.parameters.items()}
    rates = [value_of(s.derivative, {**values, "A": 1.0, "B": 1.0}) for s in flat.states.values()]
    assert rates == [-2.0, -50.0]


def test_labels_of_compartments_are_no_variables(tmp_path):
    head = "$SUBS ADVAN13\n$MODEL COMP=(C) COMP=(T)\n$PK\nK = THETA(1)\n$DES\n"
    text = head + "DADT(1) = -K*A(1)*EXP(-T)\nDADT(2) = 0\n$THETA 2\n"
    (tmp_path / "m.ctl").write_text(text)
    flat = import_model(tmp_path / "m.ctl", unitless=True).flat
    assert ast.unparse(flat.states["C"].derivative) == "-K * C * exp(-t)"


def test_what_only_one_language_says_is_written_so(tmp_path):
    (tmp_path / "clocked.toml").write_text(CLOCKED)
    library = mt.Library((tmp_path,))
    texts = {n: export_model("clocked", n, library=library).text for n in ("mrgsolve", "nonmem")}
    ode, table = texts["mrgsolve"].split("$TABLE")
    assert "SOLVERTIME" in ode
    assert "SOLVERTIME" not in table
    assert "TIME" in table
    code = re.sub(r";.*|\*\*", "", texts["nonmem"][texts["nonmem"].index("$DES") : texts["nonmem"].index("$THETA")])
    assert not re.search(r"[-+*/]\s*[-+*/]", code)
    assert "DADT(1) = -K * A * (-B) * LATE" in texts["nonmem"].replace("A_", "A").replace("B_", "B")


CLOCKED = """
[module]
name = "clocked"
about = "a state that decays faster with time"
time = "h"

[parameters]
k = { value = 0.3, unit = "1/h", about = "rate", source = "this_work", evidence = "design" }
T1 = { value = 12, unit = "h", about = "time of the step", source = "this_work", evidence = "design" }
b = { value = -1, unit = "1", about = "sign", source = "this_work", evidence = "design" }

[states]
a = { unit = "mg", initial = 0, about = "amount" }

[expressions]
late = { is = "where(t < T1, 1, 2)", unit = "1", about = "a step in time" }

[derivatives]
a = "-k * a * -b * late"

[observables]
shown = { is = "a * late", unit = "mg", about = "the amount, as shown" }
"""
