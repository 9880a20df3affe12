"""A small run of a drug beside placebo, in memory and in a folder of several chunks."""

from __future__ import annotations

import pytest

import mtorsim as mt

SUBJECTS = 5


@pytest.fixture(scope="session")
def memory():
    return mt.simulate("everolimus_breast", subjects=SUBJECTS, seed=3)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("tables") / "out"
    mt.simulate("everolimus_breast", subjects=SUBJECTS, seed=3, chunk=2, out=out)
    return out
