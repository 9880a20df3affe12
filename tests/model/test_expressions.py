"""Equations: arithmetic goes through, everything else is refused and never run."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.describe.render import latex_equation
from mtorsim.errors import ModelError
from mtorsim.files.library import Library
from mtorsim.model.compose import load_model
from mtorsim.model.expressions import FUNCTIONS, evaluate, parse_expression

VALUES = {"a": 1.7, "b": 0.3, "k_1": 5.0, "m.R": 0.25}
PLAIN = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "min": min,
    "max": max,
    "hill": lambda x, k, n: x**n / (k**n + x**n),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "logistic": lambda x: 1 / (1 + math.exp(-x)),
    "power": lambda x, n: x**n,
}


def equations():
    leaf = st.sampled_from(["a", "b", "k_1", "m.R", "2", "0.5", "1e-3"])
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from([" + ", " - ", " * ", " / "]), inner).map(lambda x: f"({''.join(x)})"),
            inner.map(lambda x: f"tanh({x})"),
            inner.map(lambda x: f"(-{x})"),
            inner.map(lambda x: f"{x} ** 2"),
            st.tuples(inner, inner).map(lambda x: f"min({x[0]}, {x[1]})"),
        ),
        max_leaves=8,
    )


@given(equations())
def test_an_equation_is_worked_out_as_python_would(text):
    try:
        wanted = eval(text, {"tanh": math.tanh, "min": min, **VALUES, "m": type("m", (), {"R": 0.25})})
    except (ZeroDivisionError, OverflowError):
        return
    try:
        found = evaluate(parse_expression(text), VALUES, PLAIN)
    except (ModelError, OverflowError):
        return
    assert found == pytest.approx(wanted, rel=1e-12, abs=1e-300)


@given(equations())
def test_an_equation_prints_as_latex_with_balanced_braces(text):
    try:
        shown = latex_equation(parse_expression(text))
    except ModelError:
        return
    assert shown.count("{") == shown.count("}")
    assert shown.count("\\left(") == shown.count("\\right)")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.__class__",
        "().__class__",
        "open('x')",
        "lambda: 1",
        "[a]",
        "{a}",
        "a if b else 1",
        "a and b",
        "a < b",
        "'text'",
        "f'{a}'",
        "a[0]",
        "a @ b",
        "a // b",
        "a % b",
        "~a",
        "not a",
        "True",
        "None",
        "(a := 1)",
        "exp(*a)",
        "exp(x=a)",
        "exp",
        "a b",
        "1j",
        "a\nb",
        "9**9**9",
        "exp.f(a)",
        "a.b.c",
        "_a",
        "a__b",
        "eval(a)",
        "hill(a, b)",
        "ａ",
        "1e999",
        "a; b",
        "#",
        "",
        "-" * 400 + "a",
        "exp(" * 70 + "a" + ")" * 70,
    ],
)
def test_what_is_not_arithmetic_is_refused(text):
    with pytest.raises(ModelError):
        parse_expression(text)


@given(st.text(max_size=40))
def test_no_text_gets_past_the_whitelist_or_ends_in_another_error(text):
    try:
        tree = parse_expression(text).tree
    except ModelError:
        return
    allowed = (
        ast.BinOp,
        ast.UnaryOp,
        ast.Constant,
        ast.Name,
        ast.Attribute,
        ast.Call,
        ast.Compare,
        ast.cmpop,
        ast.BoolOp,
        ast.boolop,
        ast.operator,
        ast.unaryop,
        ast.Load,
    )
    for node in ast.walk(tree):
        assert isinstance(node, allowed)
        if isinstance(node, ast.Call):
            assert node.func.id in FUNCTIONS


@pytest.mark.parametrize(
    ("used", "help"), [("k * TIME", "`t` is the time"), ("piecewise(k, 1, 2)", "where"), ("gamma(k)", "lgamma")]
)
def test_what_equations_lack_has_an_equivalent(tmp_path, used, help):
    text = '[module]\nname = "m"\nabout = "x"\ntime = "h"\n[parameters]\n'
    text += 'k = { value = 1, unit = "1/h", about = "k", source = "this_work", evidence = "design" }\n'
    text += f'[states]\ns = {{ unit = "1", initial = 1, about = "s" }}\n[derivatives]\ns = "{used}"\n'
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(ModelError, match=help):
        load_model("m", Library((tmp_path,)))
