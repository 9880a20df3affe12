"""Indices of measured data, against published worked examples, two public implementations, and our own laboratory."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.protocols.minimal_model import minimal_model

OGTT = "ID,TIME,glucose (mg/dL),insulin (uU/mL)\n" + "".join(
    f"1,{t},{g},{i}\n"
    for t, g, i in zip((0, 30, 60, 90, 120), (93, 129, 178, 164, 97), (12.8, 30.7, 68.5, 74.1, 44.0), strict=True)
)
"""The worked example of the R package tabletools (JMLuther), which was checked with Matsuda's web calculator."""


@pytest.fixture
def measured(tmp_path):
    """`measured(text, test, ...)`: the indices of a table."""

    def go(text, test, **options):
        path = tmp_path / "data.csv"
        path.write_text(text, encoding="utf-8")
        return mt.indices(path, test, **options)

    return go


def first(found):
    return found.frame.iloc[0]


def test_worked_example_of_an_oral_test(measured):
    row = first(measured(OGTT, "ogtt"))
    assert row.matsuda_trapezoids == pytest.approx(3.43125, abs=5e-6)
    # The original formula, with plain means, as in the R package ISIcalc (jcpsantiago).
    assert row.matsuda == pytest.approx(1e4 / np.sqrt(93 * 12.8 * 132.2 * 46.02))
    assert row.homa_ir == pytest.approx(93 * 12.8 / 405, rel=2e-3)
    assert row.insulinogenic_index == pytest.approx((30.7 - 12.8) / (129 - 93))
    assert row.oral_disposition_index == pytest.approx(row.matsuda * row.insulinogenic_index)
    assert row.glucose_area == pytest.approx(30 * (93 / 2 + 129 + 178 + 164 + 97 / 2))
    assert row.insulin_area_above_fasting == pytest.approx(30 * (12.8 / 2 + 30.7 + 68.5 + 74.1 + 22) - 120 * 12.8)
    assert (row.peak_glucose, row.peak_glucose_time, row.peak_insulin_time) == (178, 60, 90)


def test_homa_of_gutch_2015(measured):
    row = first(measured("ID,glucose (mg/dL),insulin (uU/mL)\n1,100,5\n", "fasting"))
    assert round(row.homa_ir, 2) == 1.23
    assert row.quicki == pytest.approx(1 / (np.log10(5) + 2))


@pytest.mark.parametrize("shape", ["long", "wide", "semicolon", "renamed", "hours"])
@pytest.mark.parametrize("si", [False, True])
def test_shapes_and_units_do_not_matter(measured, shape, si):
    times, glucose, insulin = (0, 30, 60, 120), np.array([90.0, 140, 120, 100]), np.array([6.0, 60, 50, 25])
    expected = first(
        measured(
            "ID,TIME,glucose [mg/dL],INS [uU/mL]\n"
            + "".join(f"1,{t},{g},{i}\n" for t, g, i in zip(times, glucose, insulin, strict=True)),
            "ogtt",
        )
    )
    g, i = (glucose / 18.016, insulin * 6) if si else (glucose, insulin)
    units = {"glucose": "mmol/L", "insulin": "pmol/L"} if si else {"glucose": "mg/dL", "insulin": "uU/mL"}
    options = {}
    if shape in ("wide", "semicolon"):
        head = ["ID", *(f"G{t}" for t in times), *(f"I_{t}" for t in times)]
        rows = [head, ["1", *map(repr, map(float, g)), *map(repr, map(float, i))]]
    else:
        name = "BZ" if shape == "renamed" else "Glucose"
        scale = 60 if shape == "hours" else 1
        rows = [["Patient", "time", name, "insulin"]]
        rows += [["1", repr(t / scale), repr(float(a)), repr(float(b))] for t, a, b in zip(times, g, i, strict=True)]
        options = {"columns": {"BZ": "glucose"}} if shape == "renamed" else {}
        options |= {"time_unit": "h"} if shape == "hours" else {}
    mark = ";" if shape == "semicolon" else ","
    text = "\n".join(mark.join(row) for row in rows) + "\n"
    if shape == "semicolon":
        text, options = text.replace(".", ","), {"dialect": "semicolon"}
    row = first(measured(text, "ogtt", units=units, **options))
    for name in expected.index[1:]:
        assert row[name] == pytest.approx(expected[name], rel=1e-12, nan_ok=True), name


def test_few_points_of_matsuda_are_said(measured):
    rows = [line for line in OGTT.splitlines(keepends=True) if not line.startswith(("1,30", "1,90"))]
    found = measured("".join(rows), "ogtt")
    means = (93 / 4 + 178 / 2 + 97 / 4), (12.8 / 4 + 68.5 / 2 + 44 / 4)
    assert first(found).matsuda == pytest.approx(1e4 / np.sqrt(93 * 12.8 * means[0] * means[1]))
    assert "matsuda is by trapezoids over samples at 0, 60, 120 min" in found.notes[0]
    assert np.isnan(first(found).insulinogenic_index)
    short = measured("".join(rows[:-1]), "ogtt")
    assert np.isnan(first(short).matsuda)
    assert np.isnan(first(short).glucose_area)


def test_basal_samples_are_averaged(measured):
    found = measured(OGTT.replace("1,0,93,12.8", "1,-10,91,11.8\n1,0,95,13.8"), "ogtt")
    assert first(found).fasting_glucose == 93
    assert first(found).matsuda_trapezoids == pytest.approx(3.43125, abs=5e-6)
    assert "basal values are means of 2 samples" in found.notes[0]


def test_visits_of_a_person(measured):
    rows = OGTT.splitlines(keepends=True)
    text = "VISIT," + rows[0] + "".join(f"{v},{line}" for v in ("before", "after") for line in rows[1:])
    found = measured(text.replace("after,1,120,97", "after,1,120,190"), "ogtt", by=["VISIT"])
    assert found.frame[["ID", "VISIT"]].to_numpy().tolist() == [["1", "before"], ["1", "after"]]
    assert found.frame.glucose_120.tolist() == [97, 190]
    with pytest.raises(mt.MtorsimError, match=r"data.csv:7: .*two values of glucose at the same time"):
        measured(text, "ogtt")


def sensor(days=3):
    hours = np.arange(288 * days) / 12
    waves = 45 * np.sin(2 * np.pi * (hours - 9) / 24) + 40 * np.sin(2 * np.pi * hours / 7)
    return np.round(140 + waves + 12 * np.sin(2 * np.pi * hours / 0.9))


SENSOR = {
    "mean_glucose": 140.75462962962962,
    "sd_glucose": 42.686629034819475,
    "cv_glucose": 30.326980467457187,
    "lbgi": 1.1791610957417067,
    "hbgi": 3.797285587290323,
    "gmi": 6.676850740740741,
    "mage": 103.6,
    "time_70_180": 74.88425925925925,
    "time_70_140": 43.75,
    "time_above_180": 19.90740740740741,
    "time_above_250": 0.0,
    "time_below_70": 5.208333333333334,
    "time_below_54": 1.0416666666666665,
    "modd": 50.385416666666664,
}
"""iglu_python 0.4.3 on `sensor()`, but for MODD, which is of py_agata 0.0.8; both agree on the others they share, save
MAGE, of which there are many definitions, and the time in range, whose limits py_agata leaves out."""


def test_sensor_metrics_of_two_public_implementations(measured):
    stamps = [f"2024-01-{1 + k // 288:02d} {k % 288 // 12:02d}:{5 * (k % 12):02d}" for k in range(864)]
    text = "id,time,gl\n" + "".join(f"p,{t},{g:g}\n" for t, g in zip(stamps, sensor(), strict=True))
    found = measured(text, "cgm", units={"glucose": "mg/dL"})
    for name, value in SENSOR.items():
        assert first(found)[name] == pytest.approx(value, rel=1e-9), name
    assert first(found).active == 100
    # The order of rows and a gap do not matter to the mean.
    lines = text.splitlines(keepends=True)
    gap = measured(lines[0] + "".join(reversed(lines[1:300] + lines[700:])), "cgm", units={"glucose": "mg/dL"})
    assert first(gap).active == pytest.approx(100 * 464 / 864, abs=0.2)
    assert "only 54 % of the readings" in gap.notes[0][0]


def test_clamp(measured):
    """Falling glucose gives its space back: 1.9 dL/kg times 1 mg/dL in 10 min."""
    rows = "".join(
        f"1,{t},{95 - (t - 90) / 10},{6 if t <= 0 else 70},{8 if t >= 90 else 3}\n" for t in range(0, 121, 10)
    )
    found = measured("ID,TIME,glucose (mg/dL),insulin (uU/mL),GIR (mg/kg/min)\n" + rows, "clamp")
    assert pytest.approx(8 + 0.19) == first(found).M
    assert first(found).M_over_I == pytest.approx(8.19 / 70)
    assert first(found).S_I_clamp == pytest.approx(1e4 * 8.19 / (93.5 * 64))
    early = measured("ID,TIME,glucose (mg/dL),insulin (uU/mL),GIR (mg/kg/min)\n" + rows, "clamp", window=(60, 80))
    assert pytest.approx(3 + 0.19) == first(early).M
    molar = rows.replace(",8\n", f",{8 / 0.18016}\n").replace(",3\n", f",{3 / 0.18016}\n")
    found = measured("ID,TIME,glucose (mg/dL),insulin (uU/mL),GIR (umol/kg/min)\n" + molar, "clamp")
    assert pytest.approx(8 + 0.19) == first(found).M


def test_minimal_model_is_recovered(measured):
    times = np.array([0, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 19, 22, 25, 30, 40, 60, 80, 100, 120, 150, 180], float)
    insulin = 8 + 60 * np.exp(-times / 6) * (times > 0) + 90 * np.exp(-np.abs(times - 22) / 9) * (times > 19)
    glucose = minimal_model(times, insulin, (90.0, 8.0), (0.02, 5e-4, 0.04, 280.0))
    glucose[0] = 90
    rows = "".join(
        f"1,{t},{g!r},{i!r}\n" for t, g, i in zip(times, map(float, glucose), map(float, insulin), strict=True)
    )
    row = first(measured("ID,TIME,glucose (mg/dL),insulin (uU/mL)\n" + rows, "ivgtt"))
    assert pytest.approx(5.0, rel=1e-3) == row.S_I
    assert pytest.approx(0.02, rel=1e-3) == row.S_G
    early = insulin[(times >= 2) & (times <= 10)]
    assert row.AIRg == pytest.approx(early.mean() - 8)
    assert row.disposition_index == pytest.approx(row.S_I * row.AIRg)


def test_our_own_oral_test_read_back(measured):
    test = mt.examine("ogtt", "igt")
    columns = [test.protocol.minutes, *(test.drawn(n)[0] for n in ("glucose", "insulin", "c_peptide"))]
    rows = "".join(",".join(["1", *(repr(float(v)) for v in row)]) + "\n" for row in zip(*columns, strict=True))
    found = measured("ID,TIME,glucose (mg/dL),insulin (uU/mL),c_peptide (ng/mL)\n" + rows, "ogtt")
    shared = {n for n in test.indices if n in found.units and "peak" not in n}
    assert {"matsuda", "homa_b", "issi_2", "c_peptide_area"} <= shared
    for name in shared:
        assert first(found)[name] == pytest.approx(float(test.indices[name][1][0]), rel=1e-9), name
        assert found.units[name] == test.indices[name][0]


@pytest.mark.parametrize(
    ("text", "test", "options", "said"),
    [
        (OGTT, "ogt", {}, "there is no test `ogt`.*\n.*did you mean `ogtt`"),
        ("TIME,glucose (mg/dL)\n0,90\n", "ogtt", {}, "no column ID"),
        ("ID,TIME,DV\n1,0,90\n", "ogtt", {}, "no column of glucose or insulin"),
        ("ID,TIME,glucose\n1,0,5.1\n", "ogtt", {}, 'unit of column `glucose` is not given\n.*"mmol/L"'),
        ("ID,TIME,glucose (mg/dL)\n1,0,5.1\n", "ogtt", {}, "implausible in mg/dL\n.*did you mean mmol/L"),
        ("ID,TIME,glucose (mg)\n1,0,5.1\n", "ogtt", {}, "`mg` is not a unit of glucose"),
        ("ID,TIME,glucose (mg/dL)\n1,0,90\n1,x,95\n", "ogtt", {}, "data.csv:3: column TIME: `x` is not a time"),
        ("ID,TIME,glucose (mg/dL)\n1,0,90\n1,,95\n", "ogtt", {}, "data.csv:3: column TIME: the time is missing"),
        ("ID,TIME,glucose (mg/dL)\n1,2024-02-30 08:00,90\n", "cgm", {}, "is not a date and time"),
        ("ID,TIME,glucose (mg/dL)\n1,0,90\n1,5,LOW\n", "cgm", {}, "data.csv:3: .*`LOW` is not a number\n.*limits"),
        ("ID,TIME,glucose (mg/dL)\n1,0,-90\n", "ogtt", {}, "-90 is negative"),
        ("ID,TIME,glucose (mg/dL)\n,0,90\n", "ogtt", {}, "data.csv:2: column ID: the cell is empty"),
        ("ID,TIME,glucose (mg/dL),BG\n1,0,90,90\n", "ogtt", {}, "`glucose .mg/dL.` and `BG` are both glucose"),
        (OGTT, "ogtt", {"units": {"glukose": "mg/dL"}}, "did you mean `glucose`"),
        (OGTT, "ogtt", {"by": ["VIST"]}, "there is no column `VIST`"),
        (OGTT, "ogtt", {"window": (90, 120)}, "`window` is the first and the last minute of a clamp"),
        ("ID,TIME,glucose (mg/dL)\n", "ogtt", {}, "has no rows"),
    ],
)
def test_bad_input_costs_one_message(measured, text, test, options, said):
    with pytest.raises(mt.MtorsimError, match=said):
        measured(text, test, **options)


def test_on_the_command_line(mtorsim, tmp_path):
    path = tmp_path / "ogtt.csv"
    path.write_text(OGTT.replace(" (uU/mL)", ""), encoding="utf-8")
    assert "pass `--unit insulin=uU/mL`, or pmol/L" in mtorsim("indices", path, "--test", "ogtt").err
    asked = ("indices", path, "--test", "ogtt", "--unit", "insulin=uU/mL")
    shown = mtorsim(*asked, "--units", "mmol/L")
    assert shown.code == 0
    assert shown.out.split("fasting_glucose")[1].split()[:5] == ["5.162", "mmol/L", "up", "to", "5.5"]
    record = json.loads(mtorsim(*asked, "--json").out)
    assert record["rows"][0]["matsuda_trapezoids"] == pytest.approx(3.43125, abs=5e-6)
    out = tmp_path / "out.csv"
    assert mtorsim(*asked, "--out", out).code == 0
    assert "matsuda (1e-4/(mg/dL*uU/mL))" in out.read_text(encoding="utf-8").splitlines()[0]
    assert "already exists" in mtorsim(*asked, "--out", out).err
