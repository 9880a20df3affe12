"""What is worked out once: divisions, logarithms, and slopes in terms of values."""

from __future__ import annotations

import sympy

from mtorsim.compiler.build import build_system
from mtorsim.compiler.subexpressions import Sharer, hill, slope, symbol
from mtorsim.model.compose import load_model

x, y, a, b = (symbol(n) for n in "xyab")


def test_one_division_serves_every_use_of_a_denominator():
    shared = Sharer(["a", "b"])
    shared.add("u", x / (a + x))
    shared.add("v", y / (a + x) ** 2)
    divisions = [n for n, e in shared.intermediates.items() if e.is_Pow and e.exp == -1]
    assert divisions == ["u:inverse"]
    inverse = symbol("u:inverse")
    assert shared.intermediates["u"] == x * inverse
    assert shared.intermediates["v"] == y * inverse**2


def test_a_division_by_parameters_is_a_constant_of_the_subject():
    shared = Sharer(["a", "b"])
    shared.add("u", x / (a + b))
    assert all(not e.has(sympy.Pow) for e in shared.intermediates.values())
    assert any(e == 1 / (a + b) for e in shared.constants.values())


def test_slopes_are_those_of_the_whole():
    shared = Sharer(["a", "b"])
    whole = hill(x * y, a, b) / (1 + x)
    shared.add("u", whole)
    values = {x: 1.7, y: 0.4, a: 2.0, b: 3.0}
    slopes = {str(x): 1.0}
    known = dict(values)
    for name, expression in {**shared.constants, **shared.intermediates}.items():
        value = expression.subs(known)
        total = sum(
            slope(name, expression, s).subs({**known, symbol(name): value}) * slopes.get(str(s), 0.0)
            for s in expression.free_symbols
        )
        known[symbol(name)], slopes[name] = sympy.N(_plain(value)), float(_plain(total))

    def f(v):
        share = (v * 0.4) ** 3 / (2.0**3 + (v * 0.4) ** 3)
        return share / (1 + v)

    assert abs(slopes["u"] - (f(1.7 + 1e-6) - f(1.7 - 1e-6)) / 2e-6) < 1e-8


def _plain(expression):
    from mtorsim.compiler.subexpressions import ln, logistic, maximum

    expression = sympy.sympify(expression)
    for ours, theirs in ((logistic, lambda v: 1 / (1 + sympy.exp(-v))), (ln, sympy.log), (maximum, sympy.Max)):
        expression = expression.replace(ours, theirs)
    return expression


def test_a_quantity_knows_the_states_it_reads():
    system = build_system(load_model(["glucose_insulin"]))
    assert system.reads("glucose_insulin.G") == {"glucose_insulin.Gp"}
    assert system.reads("glucose_insulin.Gp") == {"glucose_insulin.Gp"}
    assert system.reads("glucose_insulin.BW") == frozenset()
    assert system.reads("glucose_insulin.EGP") > {"glucose_insulin.XL"}


def test_a_response_at_its_own_half_maximum_is_a_half():
    assert hill(x, x, a) == sympy.Rational(1, 2)
    assert hill(sympy.Integer(0), x, a) == 0
