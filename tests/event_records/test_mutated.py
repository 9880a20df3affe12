"""Some of the mutated tables and files of benchmarks/fuzz.py, which runs a hundred thousand."""

from __future__ import annotations

import pytest

import fuzz


@pytest.mark.parametrize("seed", [11])
def test_each_ends_in_a_result_or_one_message(seed):
    ended, faults = fuzz.cases(seed, 0, 400)
    assert not faults
    assert ended.total() == 400
    assert ended["records ran"] > 15
    assert ended["records refused"] > 100
    assert ended["module checked"] + ended["module ran"] > 5


def test_cases_do_not_depend_on_how_many_there_are():
    assert fuzz.case(3, 17) == fuzz.case(3, 17)
    assert fuzz.case(3, 17) != fuzz.case(4, 17)


def test_a_fault_is_noticed(monkeypatch):
    def broken(one, folder, rng):
        raise KeyError("x")

    monkeypatch.setitem(fuzz.RUN, "records", broken)
    ended, faults = fuzz.cases(1, 0, 10)
    assert ended["records FAULT"] == len(faults) > 0
    assert "KeyError" in faults[0][2]
    monkeypatch.setattr(fuzz, "LIMIT", 1)
    monkeypatch.setitem(fuzz.RUN, "records", lambda *_: __import__("time").sleep(5))
    first = next(i for i in range(20) if fuzz.case(1, i).kind == "records")
    assert fuzz.outcome(fuzz.case(1, first), 1) == ("FAULT", "took longer than 1 s")
