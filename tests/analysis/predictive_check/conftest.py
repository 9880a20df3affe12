"""A drug that raises glucose in people who differ, and tables of what was measured in them."""

from __future__ import annotations

import pandas as pd
import pytest

import mtorsim as mt
from helpers import TESTS
from mtorsim.files.library import Library

DAYS = (0, 24, 48, 96)


@pytest.fixture(scope="session")
def known():
    """Ten milligrams a day, or none; the laboratory errs by 5 %."""
    return mt.Scenario(
        name="known",
        model=["known"],
        population="modelled",
        duration="4 d",
        doses=[mt.Dose("known", "10 mg", every="24 h")],
        visits={"at": ["0 d", "1 d", "2 d", "4 d"], "assay": {"glucose": 0.05}},
        arms={"none": mt.Arm(without="known")},
        library=Library((TESTS / "models",)),
    )


@pytest.fixture(scope="session")
def measured(known):
    """Glucose of twenty people of another seed, each in the first arm."""
    seen = mt.simulate(known, subjects=20, seed=11).visits.glucose_measured.sel(arm="known")
    rows = [(f"P{i}", t, float(seen.sel(subject=i, time=t))) for i in range(20) for t in DAYS]
    return pd.DataFrame(rows, columns=["ID", "TIME", "DV"])


@pytest.fixture(scope="session")
def dosed(measured):
    """The same with the doses in the table."""
    doses = [(f"P{i}", 24.0 * k, 1, 10.0) for i in range(20) for k in range(5)]
    doses = pd.DataFrame(doses, columns=["ID", "TIME", "EVID", "AMT"])
    whole = pd.concat([measured.assign(EVID=0), doses])
    whole["number"] = whole.ID.str[1:].astype(int)
    # A sample precedes a dose at its time, as in a scenario.
    return whole.sort_values(["number", "TIME", "EVID"]).drop(columns="number").reset_index(drop=True)
