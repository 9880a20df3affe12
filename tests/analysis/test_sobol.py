"""Sobol indices beside those of Ishigami's function, and of a small model; the command line of global analyses."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pytest

import mtorsim as mt
from mtorsim.analysis.sensitivity import person as persons
from mtorsim.analysis.sensitivity import variance as module
from mtorsim.analysis.sensitivity.saltelli import Answers, design, indices
from mtorsim.errors import ArgumentError
from mtorsim.kernel.status import NO_REST, NOT_AT_REST, OK

mpl.use("Agg")

NAMES = ["minimal.SI", "minimal.SG", "minimal.Gb"]
GIVEN = {"of": "glucose", "at": "30 min", "samples": 64, "within": 0.2}


@pytest.fixture(scope="module")
def found():
    return mt.sobol("minimal_ivgtt", **GIVEN, parameters=NAMES, threads=2)


def ishigami(places):
    x = np.pi * (2 * places - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def test_indices_of_ishigamis_function_are_those_of_its_closed_form():
    found = indices(Answers.of_rows(ishigami(design(3, 4096, 1)), 3), 1)
    a, b = 7, 0.1
    first = np.array([0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, 0.0])
    third = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    variance = first.sum() + third
    total = first + third * np.array([1, 0, 1])
    assert found.first == pytest.approx(first / variance, abs=0.015)
    assert found.total == pytest.approx(total / variance, abs=0.015)
    for interval, truth in ((found.first_interval, first), (found.total_interval, total)):
        assert (interval[:, 0] < truth / variance).all()
        assert (interval[:, 1] > truth / variance).all()
        assert (interval[:, 1] - interval[:, 0] < 0.15).all()
    assert found.interactions == pytest.approx(third / variance, abs=0.015)
    low, high = found.interactions_interval
    assert third / variance - 0.1 < low < third / variance < high < third / variance + 0.1


def test_a_design_takes_one_input_at_a_time_from_the_other_sample():
    rows = design(3, 16, 5).reshape(5, 16, 3)
    for j in range(3):
        others = [k for k in range(3) if k != j]
        assert (rows[2 + j][:, j] == rows[1][:, j]).all()
        assert (rows[2 + j][:, others] == rows[0][:, others]).all()
    # A net in base 2: each sixteenth of every input holds one sample.
    assert (np.sort(np.floor(16 * rows[0]), axis=0) == np.arange(16)[:, None]).all()
    assert (design(3, 16, 6) != design(3, 16, 5)).any()


def test_shares_of_a_small_model_are_those_of_many_samples(found):
    totals = [row.total for row in found.rows]
    assert totals == sorted(totals, reverse=True)
    many = {row.name: row for row in mt.sobol("minimal_ivgtt", **{**GIVEN, "samples": 1024}, parameters=NAMES).rows}
    for row in found.rows:
        low, high = row.total_interval
        assert low < many[row.name].total < high
        assert low < row.total < high
    # Within 20 % glucose is nearly linear in logarithms: shares are squares of elasticities.
    local = mt.sensitivity("minimal_ivgtt", of="glucose", at="30 min", subjects=1, parameters=NAMES)
    squares = {row.name: row.elasticity**2 for row in local.rows}
    for name, square in squares.items():
        assert many[name].first == pytest.approx(square / sum(squares.values()), abs=0.03)
        assert many[name].total == pytest.approx(many[name].first, abs=0.03)


def test_indices_are_told(found):
    first = found.rows[0]
    assert 0.9 * found.answer < found.mean < 1.1 * found.answer
    assert found.interactions == pytest.approx(1 - sum(row.first for row in found.rows))
    assert found.table.loc[first.name, "total"] == first.total
    assert json.loads(json.dumps(found.to_json()))["interactions"] == found.interactions
    assert repr(found).startswith("SobolIndices(glucose")
    assert first.name in repr(found)
    assert mt.SobolIndices is type(found)


def test_batches_and_threads_change_no_bit(found, monkeypatch):
    monkeypatch.setattr(persons, "BATCH", 37)
    assert mt.sobol("minimal_ivgtt", **GIVEN, parameters=NAMES, threads=1) == found


def test_without_names_the_first_of_a_screening_are_taken(monkeypatch):
    monkeypatch.setattr(module, "SCREENED", 3)
    told: list[tuple[int, int]] = []
    found = mt.sobol("minimal_ivgtt", **GIVEN, trajectories=2, progress=lambda *done: told.append(done))
    assert found.screening is not None
    assert {row.name for row in found.rows} == {row.name for row in found.screening.rows[:3]}
    assert found.to_json()["screening"]["trajectories"] == 2
    # One count for both parts.
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (found.screening.samples + 64 * 5,) * 2
    assert found.screening == mt.morris("minimal_ivgtt", of="glucose", at="30 min", within=0.2, trajectories=2)


def test_failed_samples_are_refused_and_blamed(monkeypatch):
    def failing(self, places, threads, progress):
        status = np.where(places[:, 1] > 0.7, NO_REST, OK)
        status[0] = NOT_AT_REST
        return np.where(status == OK, places.sum(axis=1), np.nan), status

    monkeypatch.setattr(persons.Person, "answers_at", failing)
    with pytest.raises(ArgumentError, match=r"of 320 samples failed: no state of rest .*; the untreated") as bad:
        mt.sobol("minimal_ivgtt", **GIVEN, parameters=NAMES)
    assert "leave out `minimal.SG`" in bad.value.help
    assert "`within`" in bad.value.help


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"samples": 100}, "samples = 100: a power of 2"),
        ({"samples": 4}, "from 8 to 16,384"),
        ({"parameters": ["minimal.SI"]}, "two parameters at least"),
        ({"parameters": ["minimal.kempt", "minimal.kabs"]}, "none of these parameters changes"),
    ],
)
def test_a_wrong_input_is_one_message(given, said):
    with pytest.raises(ArgumentError) as raised:
        mt.sobol("minimal_ivgtt", **{**GIVEN, **given})
    assert said in raised.value.message


def test_the_picture_shows_both_indices_with_intervals(found):
    axis = mt.plot.sobol(found).axes[0]
    widths = [bar.get_width() for bar in axis.patches]
    assert widths == pytest.approx([r.first for r in found.rows] + [r.total for r in found.rows])
    ends = np.array(axis.collections[1].get_segments())[:, :, 0]
    assert ends == pytest.approx(np.array([r.total_interval for r in found.rows]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--samples", "8"), "`--samples` is an option of `--by sobol`, not of `--by ranges`"),
        (("--by", "morris", "--subjects", "2"), "`--subjects` is an option of `--by ranges`"),
        (("--by", "morris", "--samples", "8"), "not of `--by morris`"),
        (("--within", "0.1"), "of `--by morris or sobol`, not of `--by ranges`"),
        (("--by", "sobol", "--parameter", "mtor.gI", "--trajectories", "3"), "which `--parameter` replaces"),
        (("--by", "sobol", "--samples", "9"), "samples = 9: a power of 2"),
        (("--by", "morris", "--trajectories", "1"), "trajectories = 1"),
    ],
)
def test_options_that_do_not_fit_are_one_message(mtorsim, words, said):
    shown = mtorsim("sensitivity", "everolimus_breast", "--quiet", *words)
    assert shown.code == 2
    assert said in shown.err


def test_the_command_prints_and_draws(mtorsim, tmp_path):
    some = [word for name in NAMES for word in ("--parameter", name)]
    words = ("sensitivity", "minimal_ivgtt", "--of", "glucose", "--at", "30 min", "--within", "0.2", *some)
    screened = mtorsim(*words, "--by", "morris", "--trajectories", "2", "--quiet", "--figure", tmp_path / "m.svg")
    assert (screened.code, screened.err) == (0, "")
    assert "mu*" in screened.out
    assert "0 parameters change nothing" in screened.out
    divided = mtorsim(*words, "--by", "sobol", "--samples", "8", "--quiet", "--figure", tmp_path / "s.svg")
    assert (divided.code, divided.err) == (0, "")
    assert "interactions: " in divided.out
    assert (tmp_path / "m.svg").is_file()
    assert (tmp_path / "s.svg").is_file()
    data = json.loads(mtorsim(*words, "--by", "sobol", "--samples", "8", "--json").out)
    assert {row["name"] for row in data["rows"]} == set(NAMES)
