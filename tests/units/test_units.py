"""Units: read, compared, never converted in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.errors import UnitError
from mtorsim.units.conversions import glucose_in_mg_dl, hba1c_ifcc
from mtorsim.units.units import convert, parse_quantity, parse_unit

SYMBOLS = ["mg", "ug", "g", "kg", "L", "dL", "mL", "mol", "nmol", "pmol", "h", "min", "d", "uU", "mU", "1", "%"]
units = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4).map("*".join)


@given(units, units)
def test_a_quotient_of_units_has_the_quotient_of_their_sizes(a, b):
    one, other = parse_unit(a), parse_unit(b)
    both = parse_unit(f"({a})/({b})")
    assert both.same_kind(one / other)
    assert both.scale == one.scale / other.scale
    assert both.hours == one.hours / other.hours
    assert (both * other).same_kind(one)


@given(units)
def test_what_a_unit_prints_reads_as_the_same_unit(text):
    unit = parse_unit(text) * parse_unit("1")
    if unit.scale * unit.hours == 1:  # a printed factor such as `1000 mg` is for messages only
        again = parse_unit(str(unit))
        assert again.same_kind(unit)
        assert again.scale * again.hours == unit.scale * unit.hours


@given(
    st.floats(1e-6, 1e6), st.sampled_from([("mg", "g"), ("h", "d"), ("week", "min"), ("mL", "dL"), ("nmol", "pmol")])
)
def test_converting_there_and_back_changes_nothing(value, pair):
    a, b = map(parse_unit, pair)
    assert convert(convert(value, a, b), b, a) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "to", "value"),
    [
        ("10 mg", "ug", 10_000),
        ("24 weeks", "h", 4032),
        ("1.5 d", "h", 36),
        ("75 g", "mg", 75_000),
        ("5e-1 h", "min", 30),
    ],
)
def test_quantities_are_read_exactly(text, to, value):
    assert convert(*parse_quantity(text), parse_unit(to)) == value


@pytest.mark.parametrize(("a", "b"), [("mg", "mL"), ("g", "kg"), ("uU", "pmol"), ("mg/dL", "mmol/L"), ("h", "1")])
def test_what_is_not_the_same_kind_is_never_converted(a, b):
    # Body weight (kg) is no amount of substance (g): mg/kg/min must not pass for a pure rate.
    with pytest.raises(UnitError):
        convert(1.0, parse_unit(a), parse_unit(b))


def test_glucose_and_hba1c_in_the_units_of_other_countries():
    assert glucose_in_mg_dl(7.0, parse_unit("mmol/L")) == pytest.approx(126.1, abs=0.05)
    assert glucose_in_mg_dl(1.26, parse_unit("g/L")) == pytest.approx(126)
    # Values of the IFCC and NGSP conversion table.
    assert [round(hba1c_ifcc(p)) for p in (5.0, 6.5, 8.0)] == [31, 48, 64]


@pytest.mark.parametrize("text", ["", "mg/", "mg**x", "(mg", "mg)", "mg mg", "10", "fl oz", "mg//L", "m g"])
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(UnitError):
        parse_unit(text)
