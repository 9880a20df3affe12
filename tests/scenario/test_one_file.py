"""A verb of rules is one file: put into the folder it is read, resolved and acted upon."""

from __future__ import annotations

import pytest

import mtorsim as mt
import mtorsim.scenario.actions as actions
from mtorsim.scenario.actions import verbs

OWN = '''
"""`halve DRUG down to 2 mg`: half the dose at each visit, not below a limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtorsim.scenario.actions.action import Action, Amount, AtVisit, Deed, Resolver, cannot_be_read
from mtorsim.units.units import parse_quantity


@dataclass(frozen=True)
class Halve(Action):
    drug: str
    least: Amount

    forms: ClassVar = {"halve": ("halve DRUG down to 2 mg",)}

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Halve:
        match = re.fullmatch(r"(\\w+) down to (.+)", rest)
        if match is None:
            raise cannot_be_read(said, *cls.forms["halve"])
        return cls(said, match[1], parse_quantity(match[2]))

    def resolve(self, resolver: Resolver) -> Deed:
        return _Halved(self.drug, resolver.regimen(self.drug), resolver.share(self.drug, self.least, 0.0))


@dataclass(frozen=True)
class _Halved(Deed):
    least: float

    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        visit.set(self.drug, who, np.maximum(visit.level(self.drug) / 2, self.least), "halve")
'''


@pytest.fixture
def halve(tmp_path, monkeypatch):
    (tmp_path / "halve.py").write_text(OWN)
    monkeypatch.setattr(actions, "__path__", [*actions.__path__, str(tmp_path)])
    verbs.cache_clear()
    yield
    verbs.cache_clear()


def scenario(do):
    return mt.Scenario(
        model=["everolimus"],
        population="ngt",
        subjects=1,
        duration="4 d",
        doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
        visits=["0 d", "1 d", "2 d", "3 d"],
        rules=[{"when": "day >= 1", "do": do}],
        observe=["everolimus.C"],
    )


def test_a_verb_of_its_own_file_acts(halve):
    ledger = mt.simulate(scenario("halve everolimus down to 2 mg")).ledger
    # 10 to 5 on day 1, to 2.5 on day 2, to the least on day 3.
    assert ledger["after"].tolist() == [5, 2.5, 2]
    assert ledger["what"].unique().tolist() == ["halve"]


def test_its_form_is_offered_where_a_verb_is_not_known(halve):
    with pytest.raises(mt.MtorsimError, match="halve DRUG down to 2 mg"):
        scenario("quarter everolimus")
    with pytest.raises(mt.MtorsimError, match="write for example `halve DRUG down to 2 mg`"):
        scenario("halve everolimus")
    with pytest.raises(mt.MtorsimError, match="dosed in mg"):
        mt.simulate(scenario("halve everolimus down to 2 U"))


def test_without_its_file_it_is_not_known():
    assert "halve" not in verbs()
