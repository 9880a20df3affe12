"""What the laboratory prints and draws: width, units, the clock, lines to compare with."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.cli.console import print_table
from mtorsim.laboratory.findings import clock_time
from mtorsim.plots.laboratory import figure_of_test
from mtorsim.protocols.minimal_model import fit_minimal_model, minimal_model
from mtorsim.protocols.registry import laboratory_tests
from mtorsim.units.display import display_units


@pytest.mark.parametrize("test", list(laboratory_tests()))
@pytest.mark.parametrize("who", [("--preset", "t2d"), ("--preset", "healthy_adults", "--subjects", "9")])
def test_tables_fit_a_terminal_of_80_columns(mtorsim, monkeypatch, test, who):
    monkeypatch.setenv("COLUMNS", "80")
    found = mtorsim("test", test, *who)
    # The line that says what is done may be longer: it is text, and wraps.
    assert max(map(len, found.out.splitlines()[2:])) <= 80


def test_a_wide_table_goes_on_below(capsys, monkeypatch):
    head = ["arm", *(f"a long name {i}" for i in range(9))]
    rows = [[name, *(str(i) for i in range(9))] for name in ("one", "two")]
    monkeypatch.setenv("COLUMNS", "80")
    print_table(head, rows)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert all(f"a long name {i}" in out for i in range(9))
    assert out.count("two") > 1
    monkeypatch.setenv("COLUMNS", "200")
    print_table(head, rows)
    assert capsys.readouterr().out.count("two") == 1


def test_units_are_those_of_the_formula():
    found = mt.examine("ogtt", "ngt").indices
    assert found["matsuda"][0] == "1e-4/(mg/dL*uU/mL)"
    assert found["oral_disposition_index"][0] == found["issi_2"][0] == "1e-4/(mg/dL)**2"
    assert found["glucose_area"][0] == "mg/dL*min"
    assert mt.examine("ivgtt", "ngt").indices["disposition_index"][0] == "1e-4/min"


def test_areas_and_ratios_of_glucose_are_converted(mtorsim):
    first, other = (
        json.loads(mtorsim("test", "ogtt", "--preset", "ngt", "--json", "--units", units).out)
        for units in ("mg/dL", "mmol/L")
    )
    for name, unit, factor in (
        ("glucose_area", "mmol/L*min", 1 / 18.016),
        ("glucose_area_above_fasting", "mmol/L*min", 1 / 18.016),
        ("insulinogenic_index", "uU/mL/(mmol/L)", 18.016),
        ("matsuda", "1e-4/(mg/dL*uU/mL)", 1),
    ):
        assert other["index_units"][name] == unit
        assert other["indices"][name] == pytest.approx(factor * first["indices"][name])


def test_lipids_are_not_taken_for_glucose():
    shown = display_units("mmol/L")
    for name in ("triglycerides", "ldl"):
        assert (shown.unit(name, "mg/dL"), shown.value(name, "mg/dL", 150.0)) == ("mg/dL", 150.0)
        assert shown.difference(name, "mg/dL", 10.0) == 10.0
    assert shown.value("glucose", "mg/dL", 180.16) == pytest.approx(10.0)


def test_si_units(mtorsim):
    typed = ("test", "ogtt", "--preset", "ngt", "--json", "--units")
    first, other = (json.loads(mtorsim(*typed, units).out) for units in ("mg/dL", "SI"))
    for name, unit, factor in (
        ("fasting_insulin", "pmol/L", 6),
        ("insulin_area", "pmol/L*min", 6),
        ("insulinogenic_index", "pmol/L/(mmol/L)", 6 * 18.016),
        ("fasting_c_peptide", "nmol/L", 1 / 3.0203),
        ("c_peptide_area", "nmol/L*min", 1 / 3.0203),
        ("fasting_glucose", "mmol/L", 1 / 18.016),
        ("homa_ir", "1", 1),
    ):
        assert other["index_units"][name] == unit
        assert other["indices"][name] == pytest.approx(factor * first["indices"][name])
    shown = display_units("si")
    assert shown.value("triglycerides", "mg/dL", 177.14) == pytest.approx(2.0)
    assert shown.value("ldl", "mg/dL", 116.01) == pytest.approx(3.0)
    assert shown.unit("drug_level", "ng/mL") == "ng/mL"


def test_a_day_is_shown_by_the_clock(mtorsim):
    assert [clock_time(h) for h in (0, 5, 16.5, 24, 167.5)] == ["07:30", "12:30", "00:00", "07:30", "07:00"]
    out = mtorsim("test", "profile", "--preset", "ngt").out
    rows = [line.split()[0] for line in out.splitlines() if line[1:4].count(":")]
    assert rows[:2] == ["07:30", "08:30"]
    found = json.loads(mtorsim("test", "profile", "--preset", "ngt", "--json").out)
    assert (found["clock"][12], found["times"][12]) == ("08:30", 60)


def lines(test, **options):
    """Horizontal lines and curves of the panel of glucose, by label."""
    found = mt.examine(test, "igt", **options)
    axis = figure_of_test(found, display_units("mg/dL"), "igt").axes[0]
    return found, {line.get_label(): line for line in axis.get_lines()}


def test_figures_show_what_glucose_is_held_at_or_came_from():
    found, drawn = lines("hyperglycaemic-clamp")
    assert drawn["target"].get_ydata()[0] == pytest.approx(found.curves["glucose"][0, 0] + 125)
    assert lines("clamp", target=100)[1]["target"].get_ydata()[0] == 100
    for test in ("ogtt", "mixed-meal"):
        found, drawn = lines(test)
        assert drawn["fasting"].get_ydata()[0] == found.curves["glucose"][0, 0]
    assert "fasting" not in lines("profile")[1]


def test_the_figure_of_an_intravenous_test_shows_samples_and_fit():
    found, drawn = lines("ivgtt")
    t, glucose, insulin = found.protocol.minutes, found.drawn("glucose")[0], found.drawn("insulin")[0]
    assert drawn["samples"].get_ydata() == pytest.approx(glucose)
    fit = fit_minimal_model(t, glucose, insulin)
    p = (fit.S_G, fit.S_I, fit.p2, fit.G_0)
    expected = minimal_model(t, insulin, (glucose[0], insulin[0]), p)[t >= 8]
    assert drawn["minimal model"].get_ydata() == pytest.approx(expected)
    assert np.abs(expected / glucose[t >= 8] - 1).max() < 0.1
