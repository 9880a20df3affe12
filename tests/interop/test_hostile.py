"""Files from strangers: nothing is executed, nothing else is read, and every answer comes soon."""

from __future__ import annotations

import pytest

from mtorsim.errors import MtorsimError
from mtorsim.interop.imports import LARGEST, import_model
from mtorsim.interop.sbml import safe

LEVEL = 'xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"'
BOMB = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 12))
MATH = "http://www.w3.org/1998/Math/MathML"


def rule(inside):
    """A model of one state."""
    state = '<listOfParameters><parameter id="x" value="1" constant="false"/></listOfParameters>'
    rate = f'<rateRule variable="x"><math xmlns="{MATH}">{inside}</math></rateRule>'
    return f'<sbml {LEVEL}><model id="m">{state}<listOfRules>{rate}</listOfRules></model></sbml>'


PASSWORDS = '<!ENTITY f SYSTEM "file:///etc/passwd">'
XML = {
    "entities that grow": f'<!DOCTYPE s [<!ENTITY l0 "ha">{BOMB}]><sbml {LEVEL}><model id="m" name="&l11;"/></sbml>',
    "an external entity": f'<!DOCTYPE s [{PASSWORDS}]><sbml {LEVEL}><model id="&f;"/></sbml>',
    "an external document type": f'<!DOCTYPE s SYSTEM "http://example.org/s.dtd"><sbml {LEVEL}/>',
    "tags nested without end": "<a>" * 100_000,
    "mathematics nested without end": rule("<apply><minus/>" * 400 + "<ci>x</ci>" + "</apply>" * 400),
    "a function of itself": rule("<apply><ci>f</ci><ci>x</ci></apply>").replace(
        "<listOfParameters>",
        f'<listOfFunctionDefinitions><functionDefinition id="f"><math xmlns="{MATH}"><lambda><bvar><ci>a</ci></bvar>'
        "<apply><ci>f</ci><ci>a</ci></apply></lambda></math></functionDefinition></listOfFunctionDefinitions>"
        "<listOfParameters>",
    ),
    "not XML": "this is not <xml",
    "no SBML": "<html><body/></html>",
    "nothing": "",
    "bytes": "\x00\x01\x02",
}


@pytest.mark.parametrize("case", XML)
def test_hostile_xml_is_refused(case, tmp_path):
    pytest.importorskip("libsbml")
    (tmp_path / "m.xml").write_text(XML[case])
    with pytest.raises(MtorsimError) as refused:
        import_model(tmp_path / "m.xml", unitless=True)
    assert "root:" not in str(refused.value)


def test_functions_that_multiply_are_bounded(tmp_path):
    pytest.importorskip("libsbml")
    functions = "".join(
        f'<functionDefinition id="f{k}"><math xmlns="{MATH}"><lambda><bvar><ci>a</ci></bvar><apply><plus/>'
        + (f"<apply><ci>f{k - 1}</ci><ci>a</ci></apply>" if k else "<ci>a</ci>") * 10
        + "</apply></lambda></math></functionDefinition>"
        for k in range(12)
    )
    text = rule("<apply><ci>f11</ci><ci>x</ci></apply>").replace(
        "<listOfParameters>", f"<listOfFunctionDefinitions>{functions}</listOfFunctionDefinitions><listOfParameters>"
    )
    (tmp_path / "m.xml").write_text(text)
    with pytest.raises(MtorsimError, match=r"too large|nested"):
        import_model(tmp_path / "m.xml", unitless=True)


def test_large_files_are_refused_unread(tmp_path, monkeypatch):
    (tmp_path / "m.ctl").write_bytes(b"; \n" * (LARGEST // 3 + 2))
    with pytest.raises(MtorsimError, match="too much for a model"):
        import_model(tmp_path / "m.ctl")
    monkeypatch.setattr(safe, "LARGEST", 10)
    (tmp_path / "m.xml").write_text("<sbml/>" * 10)
    with pytest.raises(MtorsimError, match="the limit is"):
        import_model(tmp_path / "m.xml")


CODE = {
    "deep.cpp": "$CMT A\n$ODE\ndxdt_A = " + "(" * 5000 + "A" + ")" * 5000 + ";\n",
    "long.cpp": "$CMT A\n$ODE\ndxdt_A = " + "A+" * 50_000 + "A;\n",
    "minus.cpp": "$CMT A\n$ODE\ndxdt_A = " + "-" * 200_000 + "A;\n",
    "macro.cpp": "$CMT A\n$GLOBAL\n#define X (Y)\n#define Y (X)\n$ODE\ndxdt_A = X;\n",
    "blow.cpp": "$CMT A\n$GLOBAL\n"
    + "".join(f"#define X{k} ({'+'.join([f'X{k - 1}'] * 10) if k else 'A'})\n" for k in range(12))
    + "$ODE\ndxdt_A = X11;\n",
    "braces.cpp": "$CMT A\n$ODE\n" + "{" * 3000 + "}" * 3000 + "\n",
    "ifs.cpp": "$CMT A\n$ODE\n" + "if(A>0) " * 3000 + "x = 1;\n",
    "nots.cpp": "$CMT A\n$ODE\nif(" + "!" * 5000 + "(A>0)) x = 1;\n",
    "powers.ctl": "$SUBS ADVAN13\n$MODEL COMP=(A)\n$DES\nDADT(1) = " + "2**" * 3000 + "2\n",
    "many.ctl": "$SUBS ADVAN13\n$MODEL NCOMP=99999999\n$DES\nDADT(1) = 1\n",
    "system.cpp": '$CMT A\n$ODE\nsystem("touch hacked");\ndxdt_A = -A;\n',
    "env.cpp": '$CMT A\n$ENV\nsystem("touch hacked")\n$ODE\ndxdt_A = unlink(A);\n',
    "r.R": "rxode2({ x <- eval(parse(text = \"file.create('hacked')\")); d/dt(A) <- -A })",
    "import.R": "rxode2({ d/dt(A) <- __import__(A) })",
    "dunder.ctl": "$SUBS ADVAN13\n$MODEL COMP=(A)\n$DES\nDADT(1) = A.__class__\n",
}


@pytest.mark.parametrize("name", CODE)
def test_hostile_code_is_refused_and_not_executed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(CODE[name])
    with pytest.raises(MtorsimError):
        import_model(name, unitless=True)
    assert not (tmp_path / "hacked").exists()
