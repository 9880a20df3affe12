"""A fasting state with a second unknown, found for each value of the first."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from helpers import made_up
from mtorsim.errors import MtorsimError
from mtorsim.files.library import Library
from mtorsim.files.references import read_references
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare_given


@pytest.fixture
def plan(tmp_path):
    made_up(tmp_path, "nested")
    library = Library((tmp_path,))
    scenario = mt.Scenario(
        model=["nested"], population="typical", subjects=1, duration="24 h", visits=["0 h", "24 h"], library=library
    )
    return make_plan(scenario)


def test_both_unknowns_are_found_and_nothing_moves(plan):
    totals = np.array([6.0, 0.75, 2.0, 90.0, 6.0])
    people = prepare_given(plan, {"nested.total": totals})
    roots = (np.sqrt(1 + 4 * totals) - 1) / 2
    assert (people.status == 0).all()
    assert people.start[:, 1] == pytest.approx(roots, rel=1e-11)
    assert people.start[:, 0] == pytest.approx(roots**2, rel=1e-11)
    # A person's digits do not depend on who stands beside.
    alone = prepare_given(plan, {"nested.total": totals[:1]})
    assert people.start[4].tobytes() == people.start[0].tobytes() == alone.start[0].tobytes()


def test_without_a_root_the_subject_fails_with_a_reason(plan):
    people = prepare_given(plan, {"nested.total": np.array([6.0, -1.0, 400.0])})
    assert (people.status != 0).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('balance = "x - z * z"', 'balance = "x - z * y"', "unknown name `y`"),
        ('unit = "1"\nbetween = [0, 50]', 'unit = "mg"\nbetween = [0, 50]', "mg"),
        ("between = [0, 50]", "between = [0]", "between"),
    ],
)
def test_a_mistake_in_the_inner_unknown_has_its_place(tmp_path, old, new, said):
    made_up(tmp_path, "nested")
    path = tmp_path / "nested.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(MtorsimError, match=said) as problem:
        check_model(load_model(["nested"], library := Library((tmp_path,))), read_references(library.references))
    assert "nested.toml" in str(problem.value)
