"""Tables of event records: what holds for any regimen, how they are read, and the command that runs them."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtorsim as mt
from helpers import made_up
from mtorsim.scenario.scenario import scenario_from_text
from tables import HERE, at, dose, scenario, table, written

TIMES = (5.0, 13.5, 24.0, 40.0)

amounts = st.floats(0.5, 200).map(lambda x: round(x, 3))
doses = st.lists(
    st.builds(
        lambda t, a, route, kind, n: dose(
            t, a, CMT=route, ADDL=n, II=6.5, **({"RATE": 7.0} if kind == 1 else {"DUR": 2.5} if kind == 2 else {})
        ),
        st.floats(0, 30).map(lambda x: round(x, 2)),
        amounts,
        st.sampled_from(["gut", "blood"]),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=4,
)


def seen(tmp_path_factory, rows, model="two", **values):
    path = tmp_path_factory.mktemp("records") / "data.csv"
    path.write_text(rows if isinstance(rows, str) else written(rows), encoding="utf-8")
    described, library = scenario(model, values)
    alone = "ID" not in path.read_text(encoding="utf-8").partition("\n")[0].upper().split(",")
    return mt.simulate_events(
        described, mt.read_events(path, one_subject=alone), precision="double", rtol=1e-10, atol=1e-12, library=library
    )


def blood(frame, own=None):
    kept = frame[frame.EVID.astype(float) == 0]
    return (kept if own is None else kept[own == kept.ID])["two.blood"].to_numpy()


@settings(max_examples=25, deadline=None)
@given(doses)
def test_doses_of_a_linear_drug_add_up(tmp_path_factory, regimen):
    parts = [table(d, at(*TIMES, ID=f"alone {i}")) for i, d in enumerate(regimen)]
    alone = [{**r, "ID": f"alone {i}"} for i, rows in enumerate(parts) for r in rows]
    together = [{**r, "ID": "all"} for r in table(*regimen, at(*TIMES))]
    frame = seen(tmp_path_factory, [*alone, *together], F_gut=0.7, lag_gut=0.8)
    total = sum(blood(frame, f"alone {i}") for i in range(len(regimen)))
    assert np.allclose(blood(frame, "all"), total, rtol=1e-7, atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(doses, st.floats(0.5, 100).map(lambda x: round(x, 2)))
def test_everything_later_by_an_hour_is_seen_an_hour_later(tmp_path_factory, regimen, later):
    rows = table(*regimen, at(*TIMES))
    shifted = [{**r, "TIME": r["TIME"] + later, "ID": "later"} for r in rows]
    frame = seen(tmp_path_factory, [*({**r, "ID": "now"} for r in rows), *shifted], lag_blood=0.3)
    assert np.allclose(blood(frame, "now"), blood(frame, "later"), rtol=1e-7, atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(doses)
def test_a_dose_in_two_halves_is_the_dose_and_nothing_is_lost(tmp_path_factory, regimen):
    halves = [{**d, "AMT": d["AMT"] / 2, **({"RATE": 3.5} if "RATE" in d else {})} for d in regimen for _ in range(2)]
    rows = [{**r, "ID": "whole"} for r in table(*regimen, at(200.0))]
    rows += [{**r, "ID": "halves"} for r in table(*halves, at(200.0))]
    frame = seen(tmp_path_factory, rows, F_gut=0.6)
    assert np.allclose(blood(frame, "whole"), blood(frame, "halves"), rtol=1e-7, atol=1e-8)
    last = frame[frame.EVID.astype(float) == 0]
    total = sum(last[f"two.{c}"] for c in ("gut", "blood", "tissue", "gone"))
    given_ = sum((0.6 if d["CMT"] == "gut" else 1.0) * d["AMT"] * (d["ADDL"] + 1) for d in regimen)
    assert np.allclose(total, given_, rtol=1e-9)


def test_the_default_precision_sees_the_same_to_a_tenth_of_a_percent(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(written(table(dose(0, 100, ADDL=3, II=8), dose(5, 50, CMT="blood", RATE=9), at(*TIMES))))
    described, library = scenario("two", {})
    fast, careful = (
        mt.simulate_events(described, mt.read_events(path, one_subject=True), library=library, **o)
        for o in ({}, {"precision": "double", "rtol": 1e-10})
    )
    assert np.allclose(blood(fast), blood(careful), rtol=1e-3, atol=1e-3)


def test_columns_in_any_case_and_further_ones_are_carried(tmp_path_factory):
    text = "id,Time,amt,evid,cmt,site,weight\na,0,100,1,BLOOD,north,70\na,1,.,0,,north,\n"
    frame = seen(tmp_path_factory, text)
    assert frame.site.tolist() == ["north", "north"]
    assert frame["two.blood"][1] == pytest.approx(100 * 0.63, rel=0.05)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ID,TIM,AMT\n1,0,5\n", "data.csv:1: there is no column TIME"),
        ("ID,TIME,time\n1,0,5\n", "columns `TIME` and `time` are both TIME"),
        ("ID,TIME,AMT\n1,0,5\n2,0,5\n1,3,5\n", "data.csv:4: the records of subject 1 are not contiguous"),
        ("ID,TIME,AMT\n1,0,5\n,1,5\n", "data.csv:3: column ID: the subject is missing"),
        ("ID,TIME,EVID\n1,0,9\n", "data.csv:2: subject 1, column EVID: EVID must be a whole number from 0 to 7"),
        ("ID,TIME,AMT\n1,inf,5\n", "data.csv:2: column TIME: `inf` is not a number"),
        ("", "the file is empty"),
        ("ID,TIME,AMT\n", "the table has no records"),
        ("ID,TIME,AMT,TIME\n1,0,5,3\n", "data.csv:1: column `TIME` appears twice"),
        ("ID;TIME;AMT\n1;0;5\n", "data.csv:1: there is only one column"),
        ("ID,TIME,AMT\n1,1e300,5\n", "column TIME: time is more than 100 years from the start"),
        ("ID,TIME,AMT,ADDL,II\n1,0,5,1e9,1\n", "column ADDL: there are more than 1,000,000 additional doses"),
    ],
)
def test_a_malformed_table_is_one_message(tmp_path, text, message):
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(mt.MtorsimError) as found:
        mt.read_events(path)
    assert message in str(found.value)


def test_time_may_begin_before_nothing_and_additional_doses_go_on_past_the_end(tmp_path_factory):
    rows = table(dose(-5, 100, CMT="blood", ADDL=900_000, II=10), at(0.0, 4.0))
    frame = seen(tmp_path_factory, rows)
    assert frame.tad.tolist() == [0.0, 5.0, 9.0]
    later = seen(tmp_path_factory, table(dose(0, 100, CMT="blood"), at(5.0, 9.0)))
    assert np.allclose(blood(frame), blood(later), rtol=1e-9)


def test_a_covariate_that_a_parameter_cannot_be_is_named(tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "data.csv"
    described = scenario_from_text(
        'title = "x"\nmodel = ["everolimus"]\npopulation = "ngt"\nduration = "1 d"\n[visits]\nat = "0 d"\n',
        HERE / "x.toml",
    )
    path.write_text("ID,TIME,AMT,haematocrit\n1,0,5,0.4\n1,2,.,4\n")
    table_ = mt.read_events(path, interpolation={"haematocrit": "locf"})
    with pytest.raises(mt.MtorsimError, match=r"data.csv:3: subject 1, column haematocrit: .*plausible range"):
        mt.simulate_events(described, table_)
    path.write_text("ID,TIME,AMT,haematocrit\n1,0,5,0.4\n1,2,.,0.3x\n")
    table_ = mt.read_events(path)
    with pytest.raises(mt.MtorsimError, match=r"data.csv:3: subject 1, column haematocrit: `0.3x` is not a number"):
        mt.simulate_events(described, table_)


def test_a_hundred_thousand_records_are_read_as_they_stand(tmp_path):
    n = 100_000
    rows = pd.DataFrame({"ID": np.arange(n) // 10, "TIME": np.arange(n) % 10, "EVID": 0})
    rows.to_csv(tmp_path / "data.csv", index=False)
    started = time.perf_counter()
    found = mt.read_events(tmp_path / "data.csv")
    print(f"{n} records in {time.perf_counter() - started:.2f} s")
    assert (found.subjects, len(found.time)) == (10_000, n)


def test_the_command_runs_a_table_and_refuses_what_it_cannot(mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up(tmp_path, "two")
    (tmp_path / "s.toml").write_text(
        'title = "x"\nmodel = ["two"]\npopulation = "ngt"\nduration = "1 d"\nobserve = ["two.blood"]\n'
        '[visits]\nat = "0 d"\n'
    )
    (tmp_path / "data.csv").write_text(written(table(dose(0, 100, CMT="blood", SS=1, II=12), at(3.0))))
    assert "there is no column ID" in mtorsim("events", "s.toml", "data.csv").err
    found = mtorsim("events", "s.toml", "data.csv", "--one-subject", "--out", "o", "--json")
    assert (found.code, found.err.count("error")) == (0, 0)
    assert json.loads(found.out) == {"subjects": 1, "records": 2, "failed": {}, "table": "o/records.csv"}
    kept = pd.read_csv(tmp_path / "o" / "records.csv")
    assert list(kept.columns) == [
        "TIME",
        "EVID",
        "AMT",
        "CMT",
        "SS",
        "II",
        "subject_number",
        "time_h",
        "tad",
        "status",
        "two.blood",
    ]
    assert "events.csv" in json.loads((tmp_path / "o" / "run.json").read_text())["files"]
    assert "already exists" in mtorsim("events", "s.toml", "data.csv", "--one-subject", "--out", "o").err
    assert mtorsim("events", "s.toml", "data.csv", "--one-subject", "--out", "o", "--force", "--quiet").code == 0
    assert "agree with the stored ones to the bit" in mtorsim("replay", "o", "--subject", "0").out
    assert "no such option" in mtorsim("events", "s.toml", "data.csv", "--subjects", "3").err
    assert "is not NAME=VALUE" in mtorsim("events", "s.toml", "data.csv", "--interpolate", "x").err
    assert "cannot read `none.csv`" in mtorsim("events", "s.toml", "none.csv").err
    (tmp_path / "data.csv").write_text(written(table(dose(0, 100, CMT="blood", SS=1, II=12), at(3.0))))
    wrong = mtorsim("events", "s.toml", "data.csv", "--one-subject", "--set", "two.F_blood=-1")
    assert wrong.code == 1
    assert "the lag or bioavailability of a dose is negative" in wrong.out


def test_a_sample_that_repeats_a_covariate_and_a_longer_neighbour_change_no_bit(tmp_path_factory):
    def rows(own, *times):
        return [{**r, "ID": own, "CL": 2.5} for r in table(dose(0, 100, ADDL=3, II=8), at(*times))]

    alone = seen(tmp_path_factory, rows("a", 3, 30))
    together = seen(tmp_path_factory, [*rows("a", 3, 11.3, 30), *rows("b", 5, 400)])
    mine = together[(together.ID == "a") & (together.TIME != "11.3")]
    assert mine["two.blood"].tolist() == alone["two.blood"].tolist()
