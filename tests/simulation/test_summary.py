"""The summary is of everybody, exactly; its tables line up, and its figures hold many arms."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import mtorsim as mt
from helpers import TESTS
from mtorsim.cli.console import column, fixed, print_table
from mtorsim.files.library import Library
from mtorsim.plots.run import shares, time_course
from mtorsim.units.display import display_units

LIBRARY = Library((TESTS,))
N = 2100


def drugs(**more):
    return mt.Scenario(
        model=["one"],
        population="modelled",
        subjects=N,
        duration="2 d",
        visits={"at": ["6 h", "30 h"], "sample": "random"},
        doses=[mt.Dose("one", "100 mg", every="12 h", route="iv", late="2 h")],
        observe=["one.blood"],
        arms={"half": mt.Arm(dose=[{"drug": "one", "amount": "50 mg", "every": "12 h", "route": "iv", "late": "2 h"}])},
        library=LIBRARY,
        **more,
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    return mt.simulate(drugs(), out=folder / "out", chunk=512, quantiles=[0.025])


def test_bands_are_of_everybody(kept):
    assert kept.summary["quantiles_within"] == 0.0
    for arm, found in kept.summary["arms"].items():
        values = kept.visits["one.blood"].sel(arm=arm).to_numpy()
        for v, row in enumerate(found["visits"]):
            for name, q in (("q2.5", 0.025), ("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
                assert row["one.blood"][name] == np.quantile(values[:, v], q)
            low, high = (row["one.blood"][f"q50_{end}"] for end in ("low", "high"))
            assert np.sum(values[:, v] < low) == pytest.approx(N / 2 - 0.98 * math.sqrt(N), abs=1.5)
            assert low <= row["one.blood"]["q50"] <= high
    treated, half = (kept.visits["one.blood"].sel(arm=arm).to_numpy() for arm in kept.visits.arm.to_numpy())
    apart = kept.summary["arms"]["half"]["difference"][1]["one.blood"]["q50"]
    assert apart == np.median((half - treated)[:, 1])


def test_they_do_not_depend_on_the_split(kept):
    again = mt.simulate(drugs(), chunk=999, threads=1, quantiles=[0.025])
    assert json.dumps(again.summary["arms"]) == json.dumps(kept.summary["arms"])


def test_quantiles_on_the_command_line(mtorsim):
    asked = ("run", "minimal_ogtt", "--json", "--no-figures")
    arms = json.loads(mtorsim(*asked, "--quantiles", "0.1,0.999").out)["arms"]
    row = next(iter(arms.values()))["visits"][0]
    assert {"q10", "q99.9", "q50"} <= set(row["glucose"])
    assert "the quantile 2 is outside 0 to 1" in mtorsim(*asked, "--quantiles", "2").err
    assert "is not a list of numbers" in mtorsim(*asked, "--quantiles", "x").err


def test_columns_line_up():
    assert column([1.5, 12.25, 100.0, None, float("nan")]) == ["1.5", "12.2", "100.0", "-", "-"]
    assert column([-1e-9, 2.0, 1e-7]) == ["-1e-09", "2.000", "1e-07"]
    assert column([0.0, 123456.7, -0.0]) == ["0", "123457", "0"]
    assert [fixed(x, 2) for x in (-0.001, 0.0, -1.5)] == ["0.00", "0.00", "-1.50"]
    assert [fixed(x, 1, "+") for x in (-0.04, 0.0, 2.0)] == ["+0.0", "+0.0", "+2.0"]


def test_tables_in_a_pipe_stay_whole(capsys, monkeypatch):
    head, row = ["name", *(f"a long heading {i}" for i in range(20))], ["x", *map(str, range(20))]
    monkeypatch.delenv("COLUMNS")
    print_table(head, [row])
    assert len([line for line in capsys.readouterr().out.splitlines() if line.lstrip().startswith("name")]) == 1
    monkeypatch.setenv("COLUMNS", "80")
    print_table(head, [row])
    narrow = capsys.readouterr().out.splitlines()
    assert len([line for line in narrow if line.lstrip().startswith("name")]) > 1
    assert max(map(len, narrow)) <= 80


@pytest.mark.parametrize("count", [2, 7, 13])
def test_figures_hold_many_arms(count):
    arms = {
        f"dose level {i}": mt.Arm(dose=[{"drug": "everolimus", "regimen": f"{i} mg q24h"}]) for i in range(1, count)
    }
    scenario = mt.Scenario(
        model=["glucose_insulin", "mtor", "everolimus"],
        population="ngt",
        subjects=2,
        duration="1 d",
        visits=["0 d", "1 d"],
        doses=[mt.Dose("everolimus", "10 mg")],
        arms=arms,
    )
    result = mt.simulate(scenario)
    for draw in (shares, time_course):
        figure = draw(result, display_units("mg/dL"))
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box, whole = legend.get_window_extent(), figure.bbox
        assert box.x0 >= 0
        assert box.x1 <= whole.x1
        # Nothing lies below the legend's last line.
        assert box.y0 >= max(axis.get_tightbbox().y1 for axis in figure.axes if axis.axison) - 1
        assert len(legend.get_texts()) == count
    points = sorted(
        x for line in shares(result, display_units("mg/dL")).axes[0].lines for x in np.unique(line.get_xdata())
    )
    apart = np.diff(np.unique(np.round(points, 6)))
    assert apart.min() > 0.05
    assert apart.max() < 0.9
