"""A scenario in which changed parameters are cheap."""

from __future__ import annotations

import pytest

import mtorsim as mt


@pytest.fixture(scope="session")
def sensitive():
    return mt.Scenario(
        name="sensitive",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="typical",
        subjects=1,
        duration="2 weeks",
        doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
        visits=["0 weeks", "2 weeks"],
        arms={"placebo": mt.Arm(without="everolimus")},
    )
