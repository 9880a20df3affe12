"""The virtual laboratory: indices by hand, the minimal model recovered, clamps that hold, undisturbed subjects."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import mtorsim as mt
from helpers import scenario
from mtorsim.cli import main
from mtorsim.protocols import indices as ix
from mtorsim.protocols.ivgtt import FSIGT
from mtorsim.protocols.minimal_model import fit_minimal_model, minimal_model
from mtorsim.protocols.registry import laboratory_tests, protocol


def run(capsys, *args):
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in args])
    out = capsys.readouterr()
    return end.value.code, out.out, out.err


# ---------------------------------------------------------------- indices


def test_indices_by_hand():
    t = np.array([0.0, 30, 60, 90, 120])
    g = np.array([[90.0, 150, 150, 120, 100]])
    i = np.array([[6.0, 60, 60, 40, 20]])
    assert ix.area(t, g, 0, 120)[0] == pytest.approx(30 * (45 + 150 + 150 + 120 + 50))
    assert ix.incremental_area(t, g, 0, 120)[0] == pytest.approx(ix.area(t, g, 0, 120)[0] - 90 * 120)
    assert ix.at(t, g, 45)[0] == 150
    assert ix.at(t, g, 15)[0] == 120
    assert ix.insulinogenic(t, g, i)[0] == pytest.approx(54 / 60)
    assert ix.matsuda(t, g, i)[0] == pytest.approx(1e4 / np.sqrt(90 * 6 * 122 * 37.2))
    # 5 mmol/L and 9 uU/mL: HOMA-IR 2, HOMA-B 120 %.
    assert ix.homa_ir(np.array([5 * 18.016]), np.array([9.0]))[0] == pytest.approx(2.0)
    assert ix.homa_b(np.array([5 * 18.016]), np.array([9.0]))[0] == pytest.approx(120.0)
    assert np.isnan(ix.homa_b(np.array([60.0]), np.array([9.0]))[0])
    assert ix.quicki(np.array([100.0]), np.array([10.0]))[0] == pytest.approx(1 / 3)


def test_metrics_of_a_sensor():
    day = np.concatenate([np.full(72, 60.0), np.full(144, 110.0), np.full(48, 200.0), np.full(24, 300.0)])[None]
    found = {n: float(v[0]) for n, v in ix.cgm(day).items()}
    assert found["time_70_180"] == pytest.approx(50)
    assert found["time_71_120"] == pytest.approx(50)
    assert found["time_below_70"] == pytest.approx(25)
    assert found["time_above_180"] == pytest.approx(25)
    assert found["time_above_250"] == pytest.approx(100 / 12)
    assert found["mean_glucose"] == pytest.approx((60 * 6 + 110 * 12 + 200 * 4 + 300 * 2) / 24)
    assert found["gmi"] == pytest.approx(3.31 + 0.02392 * found["mean_glucose"])
    wave = 100 - 40 * np.cos(np.linspace(0, 6 * np.pi, 289))[None]
    assert ix.mage(wave)[0] == pytest.approx(80, rel=0.02)
    # A dip of less than 1 SD (38.7) belongs to the excursion from 90 to 200 that it interrupts.
    dipped = np.array([[90.0, 150, 130, 200, 90, 180, 100]])
    assert dipped.std(ddof=1) > 20
    assert ix.mage(dipped)[0] == pytest.approx((110 + 110 + 90 + 80) / 4)


@given(st.floats(0.2, 5.0), st.floats(0.0, 1.0))
def test_an_area_scales_and_splits(factor, share):
    t = np.linspace(0, 120, 13)
    y = (80 + 50 * np.sin(t / 30))[None]
    cut = 120 * share
    whole = ix.area(t, y, 0, 120)[0]
    assert ix.area(t, factor * y, 0, 120)[0] == pytest.approx(factor * whole)
    parts = ix.area(t, y, 0, cut)[0] + ix.area(t, y, cut, 120)[0]
    # A cut between samples moves on the straight line between them.
    assert parts == pytest.approx(whole, rel=1e-12)


# ---------------------------------------------------------------- minimal model


def insulin_of_a_test(t):
    first = 60 * np.exp(-t / 4) * (t > 0)
    return 8 + first + 25 * np.exp(-(((t - 22) / 6) ** 2)) + 12 * np.exp(-(((t - 50) / 25) ** 2))


@pytest.mark.parametrize("truth", [(0.02, 4e-4, 0.03, 270.0), (0.012, 0.8e-4, 0.05, 300.0), (0.03, 9e-4, 0.02, 240.0)])
def test_the_minimal_model_is_recovered_from_its_own_glucose(truth):
    t = np.array(FSIGT, float)
    insulin = insulin_of_a_test(t)
    s_g, s_i, p2, start = truth

    def slope(time, y):
        glucose, action = y
        now = np.interp(time, t, insulin) - insulin[0]
        return [-(s_g + action) * glucose + s_g * 90, -p2 * action + p2 * s_i * now]

    exact = solve_ivp(slope, (0, t[-1]), [start, 0.0], t_eval=t, rtol=1e-10, atol=1e-10, max_step=0.5).y[0]
    ours = minimal_model(t, insulin, (90.0, float(insulin[0])), truth)
    assert np.abs(ours - exact).max() < 0.05
    seen = exact.copy()
    seen[0] = 90.0  # before glucose is given
    fit = fit_minimal_model(t, seen, insulin)
    assert (fit.S_G, fit.S_I, fit.p2) == pytest.approx((s_g, s_i, p2), rel=0.02)
    assert fit.cv < 1e-3


# ---------------------------------------------------------------- tests in people


@pytest.fixture(scope="module")
def igt():
    return {name: mt.examine(name, "igt") for name in laboratory_tests()}


def test_a_clamp_holds_its_target_and_what_is_given_is_what_is_used(igt):
    test = igt["clamp"]
    end = {n: c[0, -1] for n, c in test.curves.items()}
    assert end["glucose"] == pytest.approx(90, abs=0.3)
    # Nothing is left over: infused and produced = used and lost, when glucose stands still.
    assert end["glucose_infusion"] + end["production"] == pytest.approx(end["disposal"] + end["urinary_loss"], abs=0.05)
    units, m = test.indices["M_2"]
    assert units == "mg/kg/min"
    assert m[0] == pytest.approx(end["glucose_infusion"], rel=0.03)
    assert (test.curves["glucose_infusion"] >= 0).all()


def test_a_hyperglycaemic_clamp_holds_each_subject_above_their_own_fasting_glucose():
    test = mt.examine("hyperglycaemic-clamp", "healthy_adults", subjects=5)
    above = test.curves["glucose"][:, -1] - test.curves["glucose"][:, 0]
    assert above == pytest.approx(np.full(5, 125.0), abs=4.0)
    assert np.ptp(test.curves["glucose"][:, 0]) > 1
    assert (test.indices["secretion_fold"][1] > 2).all()


def test_a_clamp_may_hold_each_subject_at_fasting_glucose():
    test = mt.examine("clamp", "t2d", target=0, insulin=1)
    assert test.curves["glucose"][0, -1] == pytest.approx(test.curves["glucose"][0, 0], abs=0.5)


def test_where_glucose_is_not_held_yet_there_is_no_m():
    test = mt.examine("clamp", "t2d")
    assert test.indices["glucose_1"][1][0] > 95
    assert np.isnan(test.indices["M_1"][1][0])
    assert np.isfinite(test.indices["M_2"][1][0])


def test_an_oral_test_is_the_scenario_of_that_name():
    ours = mt.examine("ogtt", "ngt", rtol=1e-6)
    theirs = mt.simulate("ogtt", rtol=1e-6).visits.isel(arm=0, subject=0)
    assert ours.protocol.minutes / 60 == pytest.approx(theirs.time.to_numpy())
    for name in ("glucose", "insulin", "c_peptide", "ffa"):
        assert ours.drawn(name)[0] == pytest.approx(theirs[name].to_numpy(), rel=1e-4)


def test_what_is_drunk_is_absorbed_and_what_is_injected_arrives(igt):
    oral = igt["ogtt"]
    absorbed = np.trapezoid(oral.curves["appearance"][0], oral.minutes) * 80 / 1000
    assert absorbed == pytest.approx(0.9 * 75, rel=0.01)
    intravenous = igt["ivgtt"].curves["glucose"][0]
    # 300 mg/kg into 1.1 dL/kg, of which some has left within 2 min.
    assert 150 < intravenous[2] - intravenous[0] < 300 / 1.09


def test_a_person_is_the_same_alone_and_among_others():
    several = mt.examine("clamp", "healthy_adults", subjects=6)
    alone = mt.examine("clamp", "healthy_adults", subjects=1)
    for name in several.curves:
        assert several.curves[name][0].tobytes() == alone.curves[name][0].tobytes(), name


IN_A_SCENARIO = """
title = "tests"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "healthy_adults"
subjects = 4
duration = "15 d"

[[dose]]
drug = "everolimus"
regimen = "10 mg q24h"

[visits]
at = ["0 d", "14 d"]
{0}
[[arm]]
name = "placebo"
without = "everolimus"
"""
TESTED = """
[[test]]
kind = "ogtt"
at = ["0 d", "14 d"]
options.hours = 3

[[test]]
kind = "profile"
at = "14 d"
"""


def test_tests_in_a_scenario_disturb_nobody_and_are_kept(tmp_path):
    plain = mt.simulate(scenario(IN_A_SCENARIO.format("")))
    tested = mt.simulate(scenario(IN_A_SCENARIO.format(TESTED)), out=tmp_path / "out", chunk=2)
    for name in plain.visits:
        assert plain.visits[name].to_numpy().tobytes() == tested.visits[name].to_numpy().tobytes(), name
    keys = ["arm", "test", "at_h", "index", "subject"]
    table = tested.tests.set_index(keys).value.sort_index()
    # In memory and in one chunk: the same numbers.
    again = mt.simulate(scenario(IN_A_SCENARIO.format(TESTED))).tests.set_index(keys).value.sort_index()
    assert table.index.equals(again.index)
    assert table.to_numpy().tobytes() == again.to_numpy().tobytes()
    fasting = tested.visits.fasting_glucose.sel(arm="everolimus", time=14 * 24.0).to_numpy()
    for test in ("ogtt", "profile"):
        assert table["everolimus", test, 336.0, "fasting_glucose"].to_numpy() == pytest.approx(fasting, abs=1e-6)
    drug, placebo = (table[arm, "ogtt", 336.0, "matsuda"] for arm in ("everolimus", "placebo"))
    assert (drug < placebo).all()
    before = (table[arm, "ogtt", 0.0, "matsuda"] for arm in ("everolimus", "placebo"))
    assert np.array_equal(*map(np.asarray, before))
    median = next(t for t in tested.summary["tests"] if (t["arm"], t["test"], t["at_h"]) == ("everolimus", "ogtt", 336))
    assert median["indices"]["matsuda"]["q50"] == pytest.approx(float(drug.median()))


def test_a_test_after_doses_is_that_of_the_scenario():
    found = mt.examine("ogtt", "healthy_adults", dose="everolimus 10 mg q24h", at="14 d", subjects=4, rtol=3e-3)
    kept = mt.simulate(scenario(IN_A_SCENARIO.format(TESTED))).tests
    theirs = kept[(kept.arm == "everolimus") & (kept["index"] == "matsuda") & (kept.at_h == 336)].value.to_numpy()
    assert found.indices["matsuda"][1] == pytest.approx(theirs, rel=1e-3)


# ---------------------------------------------------------------- command line


def test_the_command_gives_times_curves_and_indices(capsys):
    code, out, _ = run(capsys, "test", "ogtt", "--preset", "NGT", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["times"] == [0, 10, 20, 30, 45, 60, 75, 90, 120, 150, 180, 210, 240]
    assert {len(c) for c in found["curves"].values()} == {13}
    assert {"glucose", "insulin", "c_peptide", "ffa"} <= set(found["curves"])
    assert found["indices"]["glucose_120"] == pytest.approx(found["curves"]["glucose"][8])
    assert found["units"]["glucose"] == "mg/dL"
    code, out, _ = run(capsys, "test", "ogtt", "--preset", "NGT", "--set", "glucose_insulin.SIp=0.5", "--json")
    resistant = json.loads(out)
    assert resistant["indices"]["matsuda"] < found["indices"]["matsuda"]
    code, out, _ = run(capsys, "test", "ogtt", "--preset", "NGT", "--units", "mmol/L", "--json")
    assert json.loads(out)["indices"]["fasting_glucose"] == pytest.approx(found["indices"]["fasting_glucose"] / 18.016)


def test_the_command_prints_and_draws(capsys, tmp_path):
    picture = tmp_path / "clamp.png"
    code, out, _ = run(capsys, "test", "clamp", "--preset", "igt", "--with", "insulin=0.25,1", "--figure", picture)
    assert code == 0
    assert "M_2" in out
    assert "infusion" in out
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_switch_of_another_module_may_be_set(capsys):
    args = ("test", "ogtt", "--preset", "igt", "--dose", "everolimus 10 mg q24h", "--at", "14 d", "--json")
    _, out, _ = run(capsys, *args)
    _, without, _ = run(capsys, *args, "--set", "insulin_action=0.5", "--set", "secretion=0.5")
    assert json.loads(without)["indices"]["matsuda"] > json.loads(out)["indices"]["matsuda"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("test", "ogt", "--preset", "NGT"), ["there is no test `ogt`", "did you mean `ogtt`"]),
        (("test", "ogtt", "--preset", "NGTT"), ["no population", "ngt"]),
        (("test", "ogtt", "--preset", "NGT", "--with", "gram=50"), ["has no option `gram`", "did you mean `grams`"]),
        (("test", "ogtt", "--preset", "NGT", "--with", "grams=5000"), ["outside 1 to 300 g"]),
        (("test", "ogtt", "--preset", "NGT", "--with", "grams"), ["is not NAME=NUMBER"]),
        (("test", "ogtt", "--preset", "NGT", "--at", "2 h"), ["is not fasting", "07:30"]),
        (("test", "ogtt", "--preset", "NGT", "--at", "-1 h"), ["before the start"]),
        (("test", "ogtt", "--preset", "NGT", "--at", "soon"), ["`at`"]),
        (("test", "ogtt", "--preset", "NGT", "--set", "glucose_insulin.SIq=1"), ["SIq", "did you mean"]),
        (("test", "ogtt", "--preset", "NGT", "--dose", "everolimuss 10 mg q24h"), ["everolimuss", "everolimus"]),
        (("test", "ogtt", "--preset", "NGT", "--dose", "everolimus"), ["regimen"]),
        (("test", "ogtt", "--preset", "NGT", "--figure", "x.docx"), ["not a picture"]),
        (("test", "ogtt", "--preset", "NGT", "--scenario", "ogtt"), ["both a population and a scenario"]),
        (("test", "ogtt", "--scenario", "everolimus_healthy", "--arm", "placbo"), ["unknown arm", "placebo"]),
        (("test", "profile", "--scenario", "everolimus_healthy", "--at", "20 weeks"), ["ends after the scenario"]),
        (("test", "ogtt", "--preset", "NGT", "--with", "grams=50,75"), ["`grams` must be one number"]),
        (("test", "ogtt", "--preset", "NGT", "--dose", "everolimus 10 mg q24h"), ["no dose has been given"]),
        (("test", "clamp", "--preset", "NGT", "--set", "clamp.target=200"), ["belongs to the test"]),
        (("test", "ogtt", "--preset", "NGT", "--subjects", "0"), ["at least 1"]),
        (("test", "ogtt", "--preset", "NGT", "--subjects", "1000000000"), ["at most 10,000"]),
    ],
)
def test_a_mistake_is_one_message(capsys, args, said):
    code, out, err = run(capsys, *args)
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    for part in said:
        assert part in err, err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[[test]]\nkind = "ogt"\nat = "0 d"', "there is no test `ogt`"),
        ('[[test]]\nkind = "ogtt"\nat = "2 h"', "is not fasting"),
        ('[[test]]\nkind = "profile"\nat = "15 d"', "ends after the scenario"),
        ('[[test]]\nkind = "ogtt"\nat = "0 d"\noptions.gram = 5', "has no option `gram`"),
        ('[[test]]\nkind = "ogtt"\nat = "16 d"', "after the end"),
        ('[[test]]\nkind = "ogtt"\nat = ["0 d", "0 d"]', "two tests `ogtt`"),
        ('[[test]]\nkind = "ogtt"\nat = []', "the time is missing"),
    ],
)
def test_a_wrong_test_in_a_scenario_is_one_message(table, said):
    with pytest.raises(mt.MtorsimError, match=said):
        scenario(IN_A_SCENARIO.format(table))


def test_every_test_has_its_defaults_within_its_own_limits():
    for name in laboratory_tests():
        assert protocol(name).name == name


# ---------------------------------------------------------------- insulin from outside


OF_SECRETION = ("homa_b", "insulinogenic_index", "oral_disposition_index", "issi_2")


def test_insulin_of_a_pump_is_not_taken_for_secreted(capsys):
    pumped, own = mt.examine("ogtt", "t1d"), mt.examine("ogtt", "t2d")
    for name in OF_SECRETION:
        assert np.isnan(pumped.indices[name][1][0]), name
        assert np.isfinite(own.indices[name][1][0]), name
    assert "includes exogenous insulin" in pumped.notes[0]
    assert own.notes == ()
    # What a constant infusion leaves alone stays: the rise of insulin within the test.
    assert mt.examine("ivgtt", "t1d").indices["AIRg"][1][0] == pytest.approx(0, abs=0.2)
    _, out, _ = run(capsys, "test", "ogtt", "--preset", "t1d")
    assert "includes exogenous insulin" in out
    _, out, _ = run(capsys, "test", "ogtt", "--preset", "t1d", "--json")
    found = json.loads(out)
    assert found["indices"]["homa_b"] is None
    assert found["notes"] == list(pumped.notes)


def test_insulin_under_the_skin_is_not_taken_for_secreted():
    basal = scenario(
        """
        title = "basal insulin"
        model = ["glucose_insulin", "metformin", "sglt2_inhibitor", "basal_insulin", "dpp4_inhibitor"]
        population = "t2d"
        subjects = 1
        duration = "8 d"
        dose = [{ drug = "basal_insulin", regimen = "20 U q24h" }]
        [visits]
        at = ["0 d"]
        [[test]]
        kind = "ogtt"
        at = ["0 d", "7 d"]
        """
    )
    found = mt.simulate(basal).tests
    found = found[found["index"] == "homa_b"].set_index("at_h")["value"]
    assert np.isfinite(found[0.0])
    assert np.isnan(found[168.0])
