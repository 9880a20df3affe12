"""Names and labels that statistical packages accept."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.results.export.names import KNOWN, RESERVED, short_label, short_names, told

NAMES = st.lists(st.text(min_size=1, max_size=60), unique=True, max_size=40)


@given(NAMES, st.sampled_from([8, 32, 64]))
def test_every_name_is_allowed_and_none_is_doubled(names, longest):
    short = list(short_names(names, longest).values())
    for name in short:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name), name
        assert len(name) <= longest
        assert name.lower() not in RESERVED
        assert not re.fullmatch(r"str\d+", name, re.IGNORECASE)
    assert len({name.upper() for name in short}) == len(names)
    if longest == 8:
        assert all(name == name.upper() for name in short)


@given(NAMES, st.integers(0, 40))
def test_a_further_column_changes_no_name_before_it(names, n):
    whole, part = short_names(names, 8), short_names(names[:n], 8)
    assert {name: whole[name] for name in part} == part


@given(st.lists(st.from_regex(r"[A-Z][A-Z0-9_]{0,7}", fullmatch=True), unique=True, max_size=20))
def test_a_name_that_fits_is_kept(names):
    names = [n for n in names if n.lower() not in RESERVED and n not in KNOWN and not re.fullmatch(r"STR\d+", n)]
    assert short_names(names, 8) == {name: name for name in names}


def test_of_a_full_name_the_last_part_is_kept():
    found = short_names(["everolimus.CL", "glucose_insulin.CL", "group diabetic", "fasting_glucose", "mtor.by"], 8)
    assert list(found.values()) == ["CL", "CL2", "DIABETIC", "GLUCFAST", "BY2"]
    assert told(found)[0] == "everolimus.CL is CL"
    assert short_names(["everolimus.CL", "by"], 32) == {"everolimus.CL": "everolimus_CL", "by": "by2"}


@given(st.text(max_size=300), st.sampled_from([40, 80, 256]))
def test_a_label_is_never_too_long(label, longest):
    short = short_label(label, longest)
    assert len(short) <= longest
    assert short == label or len(label) > longest


@pytest.mark.parametrize("unit", ["mg/dL", "umol/kg/min"])
def test_a_long_label_keeps_its_unit(unit):
    short = short_label(f"a very long description of what was measured in whole blood ({unit})", 40)
    assert short.startswith("a very long")
    assert short.endswith(f"({unit})")
    assert 38 <= len(short) <= 40
