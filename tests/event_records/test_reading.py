"""How tables are read: inputs that gave wrong numbers without a word, each beside its right value."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from helpers import TESTS, made_up
from mtorsim.files.library import Library
from mtorsim.scenario.scenario import scenario_from_text
from tables import HERE

LIBRARY = Library((TESTS,))
K = 1.1 / 20
SCENARIO = scenario_from_text(
    'title = "x"\nmodel = ["two_routes"]\npopulation = "ngt"\nduration = "1 d"\n'
    'observe = ["two_routes.C", "two_routes.both"]\n[visits]\nat = "0 d"\n',
    HERE / "x.toml",
    LIBRARY,
)


@pytest.fixture
def reads(tmp_path):
    """`reads(text, ...)`: the frame and the notes of a table."""

    def go(text, **options):
        path = tmp_path / "data.csv"
        path.write_text(text, encoding="utf-8")
        notes = []
        frame = mt.simulate_events(
            SCENARIO, mt.read_events(path, **options), library=LIBRARY, precision="double", rtol=1e-9, note=notes.append
        )
        return frame, " ".join(notes)

    return go


def level(frame):
    return frame["two_routes.C"].to_numpy()


def decay(hours, start=5000.0):
    return start * np.exp(-K * np.asarray(hours))


@pytest.mark.parametrize("kind", ["nocb", "locf", "linear"])
def test_a_record_reports_by_its_own_covariates(reads, kind):
    rows = "ID,TIME,EVID,AMT,CMT,V\n1,0,1,100,iv,20\n1,0,0,,,20\n1,4,0,,,40\n1,8,0,,,20\n1,12,0,,,10\n"
    found = level(reads(rows, interpolation={"V": kind})[0])
    if kind == "nocb":
        assert np.allclose(found[1:], [5000, 2239.5853, 3594.6187, 4630.1307], rtol=1e-7)
    volumes = np.array([20, 20, 40, 20, 10])
    amounts = found * volumes / 1000
    assert (np.diff(amounts[1:]) < 0).all()
    assert amounts[0] == pytest.approx(100)


def test_each_route_keeps_its_fraction_lag_and_rate(reads):
    found = level(reads("ID,TIME,EVID,AMT,CMT\n1,0,1,100,sc\n1,1,0,,\n1,4,0,,\n")[0])
    assert np.allclose(found, [0, 0, decay(2, 2500)])
    with pytest.raises(mt.MtorsimError, match=r"data.csv:2: .*RATE -1 takes the rate from the model"):
        reads("ID,TIME,EVID,AMT,RATE,CMT\n1,0,1,100,-1,sc\n1,1,0,,,\n")
    with pytest.raises(mt.MtorsimError, match=r"several routes lead to `A`\s+help: write `iv` or `sc`"):
        reads("ID,TIME,EVID,AMT,CMT\n1,0,1,100,1.0\n")


@pytest.mark.parametrize("name", ["SUBJ", "USUBJID", "NMID", "#ID"])
def test_a_table_without_ID_is_not_one_subject(reads, name):
    rows = f"{name},TIME,AMT,CMT\n1,0,10,iv\n1,24,,\n2,25,10,iv\n2,49,,\n"
    with pytest.raises(mt.MtorsimError, match=f"there is no column ID\\s+help: did you mean `{name}`"):
        reads(rows)
    frame, notes = reads(rows, columns={name: "ID"})
    assert np.allclose(level(frame), [500, decay(24, 500)] * 2)
    assert f"4 records of 2 subjects; columns {name} as ID" in notes


def test_one_subject_is_asked_for(reads):
    rows = "TIME,AMT,CMT\n0,100,iv\n5,,\n"
    with pytest.raises(mt.MtorsimError, match="no column ID"):
        reads(rows)
    assert np.allclose(level(reads(rows, one_subject=True)[0]), decay([0, 5]))


def test_columns_never_slide(reads):
    frame, notes = reads("ID,TIME,AMT,CMT\n1,0,100,iv,\n1,5,0,,\n1,10,0,,\n")
    assert np.allclose(level(frame), decay([0, 5, 10]))
    assert "empty cells beyond the head, which are dropped: 3" in notes
    frame, _ = reads("ID,TIME,AMT,CMT,\n1,0,100,iv,\n2,5,0,,\n")
    assert frame.ID.tolist() == ["1", "2"]
    assert "" not in frame.columns
    with pytest.raises(mt.MtorsimError, match=r"data.csv:3: there are 5 cells, the head has 4"):
        reads("ID,TIME,AMT,CMT\n1,0,100,iv\n1,5,0,,7\n")
    frame, notes = reads("ID,TIME,AMT,CMT\n1,0,100,iv\n1,5\n")
    assert np.allclose(level(frame), decay([0, 5]))
    assert "short rows, whose missing cells are empty: 1" in notes


@pytest.mark.parametrize(
    ("head", "first", "second", "hours"),
    [
        ("DATE,TIME", "1,8", "2,8", 24),
        ("DATE,TIME", "01/31/2024,23:00", "02/01/2024,5:30", 6.5),
        ("DAT1,TIME", "31-01-24,23:00", "01-02-24,05:30", 6.5),
        ("DAT2,TIME", "2024-01-31,23:00:00", "2024-02-01,05:30", 6.5),
        ("DAT3,TIME", "24/31/01,0", "24/01/02,1.5", 25.5),
        ("DATE,TIME", "2023-12-31,20", "2024-01-01,2", 6),
        ("TIME", "8:15", "14:45", 6.5),
    ],
)
def test_dates_and_clock_times_are_hours_after_the_first_record(reads, head, first, second, hours):
    frame, notes = reads(f"ID,{head},EVID,AMT,CMT\n1,{first},1,100,iv\n1,{second},0,.,\n")
    assert np.allclose(level(frame), decay([0, hours]))
    assert frame.tad.tolist() == pytest.approx([0, hours])
    assert "times are relative to the first record of each subject" in notes


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("ID,DATE,TIME,AMT,CMT\n1,13/13/2024,8,1,iv\n", "`13/13/2024` is not a date"),
        ("ID,DATE,TIME,AMT,CMT\n1,,8,1,iv\n", "the date is missing"),
        ("ID,TIME,AMT,CMT\n1,8:77,1,iv\n", "`8:77` is not a clock time"),
        ("ID,DATE,DAT1,TIME,AMT,CMT\n1,1,1,8,1,iv\n", "two columns of dates, DATE and DAT1"),
        ("ID,TIME,AMT,CMT\n1,23:00,1,iv\n1,2:00,,\n", "time goes back"),
    ],
)
def test_a_date_that_is_none_is_one_error(reads, rows, message):
    with pytest.raises(mt.MtorsimError, match=message):
        reads(rows)


def test_rows_are_left_out_where_asked_and_never_taken_for_data(reads):
    rows = "C,ID,TIME,EVID,AMT,CMT\n.,1,0,1,100,iv\nC,1,1,1,100,iv\n.,1,5,0,,\n"
    with pytest.raises(mt.MtorsimError, match=r"data.csv:3: column C: a letter marks this row"):
        reads(rows)
    frame, notes = reads(rows, ignore=["C"])
    assert np.allclose(level(frame), decay([0, 5]))
    assert "rows left out by ignore `C`: 1" in notes
    hashed = "ID,TIME,EVID,AMT,CMT\n# a remark\n1,0,1,100,iv\n#1,1,1,100,iv\n1,5,0,,\n"
    with pytest.raises(mt.MtorsimError, match=r"data.csv:2: the row begins with `#`"):
        reads(hashed)
    assert np.allclose(level(reads(hashed, ignore=["#"])[0]), decay([0, 5]))
    above = "# exported 2026\n# by hand, twice\n" + hashed
    frame, notes = reads(above, ignore=["#"])
    assert np.allclose(level(frame), decay([0, 5]))
    assert "comment lines above the head: 2" in notes
    with pytest.raises(mt.MtorsimError, match=r"csv:1: this line begins with `#`"):
        reads(above)


@pytest.mark.parametrize(
    ("ignore", "accept", "left"),
    [
        (["STUDY == 2"], [], [1, 3]),
        (["STUDY.EQ.2", "STUDY.GT.2"], [], [1]),
        ([], ["STUDY>=2"], [2, 3]),
        ([], ["STUDY=1", "SITE == north"], [1, 3]),
        (["SITE != north"], [], [3]),
    ],
)
def test_ignore_and_accept_compare(reads, ignore, accept, left):
    rows = "".join(f"{i},0,1,{site},{i},iv\n" for i, site in ((1, "east"), (2, "west"), (3, "north")))
    frame, _ = reads("ID,TIME,AMT,SITE,STUDY,CMT\n" + rows, ignore=ignore, accept=accept)
    assert frame.STUDY.astype(int).tolist() == left


def test_blanks_around_names_do_not_matter_and_case_does_where_both_exist(reads):
    frame, notes = reads("ID, TIME ,EVID,AMT,CMT,CL \n1,0,1,100,iv, 10\n1,5,0,,,10 \n")
    assert np.allclose(level(frame), 5000 * np.exp(-10 / 20 * np.array([0, 5])))
    assert "CL replaces two_routes.CL" in notes
    frame, _ = reads("ID,TIME,AMT,CMT,km,Km\n1,0,100,iv,3,5\n")
    assert frame["two_routes.both"].tolist() == [53.0]
    frame, _ = reads("ID,TIME,AMT,CMT,cl\n1,0,100,iv,10\n1,5,,,10\n")
    assert level(frame)[1] == pytest.approx(410.425, rel=1e-5)


def test_a_column_is_named_as_what_it_is_used_or_only_copied(reads):
    frame, notes = reads("ID,TIME,AMT,CMT,DV,WT,lag_sx,NOTE\n1,0,100,iv,.,70,3,a\n")
    assert "only copied: WT, lag_sx, NOTE, DV" in notes
    assert frame.attrs["manifest"]["reading"]["copied"] == ["NOTE", "WT", "lag_sx"]
    with pytest.raises(
        mt.MtorsimError, match=r"there is no parameter `two_routes.CLX`\s+help: did you mean `two_routes.CL`"
    ):
        reads("ID,TIME,AMT,CMT,two_routes.CLX\n1,0,100,iv,3\n")
    frame, _ = reads("ID,TIME,AMT,CMT,CL\n1,0,100,iv,50\n1,5,,,50\n", drop=["CL"])
    assert np.allclose(level(frame), decay([0, 5]))
    with pytest.raises(mt.MtorsimError, match="`CL` and `cl` both replace"):
        reads("ID,TIME,AMT,CMT,CL,cl\n1,0,100,iv,50,3\n")


def test_the_columns_of_a_table_are_not_overwritten(reads):
    frame, _ = reads("ID,TIME,AMT,CMT,tad,status,two_routes.C\n1,0,100,iv,7,x,8\n1,5,,,9,y,10\n")
    assert frame.tad.tolist() == ["7", "9"]
    assert frame.status.tolist() == ["x", "y"]
    assert frame["two_routes.C"].tolist() == ["8", "10"]
    assert np.allclose(frame["simulated_two_routes.C"].astype(float), decay([0, 5]))
    assert frame.simulated_status.tolist() == ["ok", "ok"]


def test_a_covariate_of_several_modules_is_ambiguous(tmp_path):
    (tmp_path / "d.csv").write_text("ID,TIME,AMT,CMT,CL\n1,0,5,everolimus.oral,3\n")
    both = SCENARIO.replace(model=["two_routes", "everolimus"])
    with pytest.raises(mt.MtorsimError, match="column `CL` is a parameter of several modules"):
        mt.simulate_events(both, mt.read_events(tmp_path / "d.csv"), library=LIBRARY)


def test_a_constant_infusion_at_steady_state_ends_at_its_record(reads):
    frame, _ = reads("ID,TIME,EVID,AMT,RATE,SS,CMT\n1,0,1,0,100,1,iv\n1,0,0,,,,\n1,1,0,,,,\n1,130,0,,,,\n")
    assert np.allclose(level(frame)[1:], decay([0, 1, 130], 100 / 1.1 * 1000))


def test_additional_doses_take_the_lag_of_their_record(reads):
    rows = "ID,TIME,EVID,AMT,II,ADDL,CMT,lag_sc\n1,0,1,100,24,3,sc,12.13\n1,30,0,,,,,0\n1,40,0,,,,,0\n"
    by_record = level(reads(rows, interpolation={"lag_sc": "locf"})[0])
    assert np.allclose(by_record[1:], [decay(30 - 12.13, 2500), decay(40 - 12.13, 2500) + decay(40 - 36.13, 2500)])
    own = level(reads(rows, interpolation={"lag_sc": "nocb"}, additional="own time")[0])
    assert np.allclose(own[1:], [decay(30 - 12.13, 2500) + decay(6, 2500), decay(40 - 12.13, 2500) + decay(16, 2500)])


def test_missing_values_numbers_and_lines(reads):
    frame, _ = reads("ID,TIME,EVID,AMT,CMT\n\n1,0,1,1E2,iv\n\n1,5,0,NA,\n")
    assert np.allclose(level(frame), decay([0, 5]))
    with pytest.raises(mt.MtorsimError, match=r"data.csv:5: column TIME: `x` is not a number\s+help: missing values"):
        reads('ID,TIME,EVID,AMT,CMT\n\n1,0,1,100,"iv"\n\n1,x,0,.,\n')
    for odd in ("1_000", "inf", "nan", "0x10"):
        with pytest.raises(mt.MtorsimError, match="is not a number"):
            reads(f"ID,TIME,AMT,CMT\n1,0,{odd},iv\n")


def test_a_dialect_has_its_separator_and_decimal_mark(reads):
    rows = "ID;TIME;EVID;AMT;CMT\n1;0;1;100,5;iv\n1;2,5;0;.;\n"
    with pytest.raises(mt.MtorsimError, match=r'only one column\s+help: pass `dialect="semicolon"`'):
        reads(rows)
    assert np.allclose(level(reads(rows, dialect="semicolon")[0]), decay([0, 2.5], 5025))
    tabbed = rows.replace(",", ".").replace(";", "\t")
    assert np.allclose(level(reads(tabbed, dialect="tab")[0]), decay([0, 2.5], 5025))
    with pytest.raises(mt.MtorsimError, match="decimal commas"):
        reads('ID,TIME,AMT,CMT\n1,0,"100,5",iv\n')


def test_what_has_no_meaning_here_is_said(reads):
    with pytest.raises(mt.MtorsimError, match="states cannot be turned off"):
        reads("ID,TIME,EVID,AMT,CMT\n1,0,1,100,iv\n1,2,2,.,-1\n")
    with pytest.raises(mt.MtorsimError, match="CALL has no meaning here"):
        reads("ID,TIME,AMT,CMT,CALL\n1,0,100,iv,1\n")
    assert np.allclose(level(reads("ID,TIME,AMT,CMT,CALL\n1,0,100,iv,0\n")[0]), [5000])


def test_a_dose_at_the_time_of_a_sample_leaves_exactly_nothing_before_it(reads):
    found = level(reads("ID,TIME,EVID,AMT,CMT\n1,0,0,,\n1,0,1,100,iv\n1,0,0,,\n1,0,1,100,sc\n1,0,0,,\n")[0])
    assert found.tolist() == [0.0, 5000.0, 5000.0, 5000.0, 5000.0]


def test_overlapping_infusions_are_bounded(reads):
    frame, _ = reads("ID,TIME,EVID,AMT,CMT,RATE,II,SS\n1,0,1,100,iv,1e-6,0.01,1\n1,5,0,,,,,\n")
    assert set(frame.status) == {"more than 1,000 infusions overlap"}
    frame, _ = reads("ID,TIME,EVID,AMT,CMT,RATE,II,ADDL\n1,0,1,100,iv,0.05,0.01,5000\n1,50,0,,,,,\n")
    assert set(frame.status) == {"more than 1,000 infusions overlap"}


def test_a_long_table_of_one_subject_takes_linear_time(reads):
    """Ten thousand records with a covariate: no quadratic loop, counted in calls and not in seconds."""
    import cProfile
    import pstats

    def calls(n):
        rows = "".join(f"1,{i},{5 if i % 2 else ''},{'iv' if i % 2 else ''},{1 + i % 7}\n" for i in range(n))
        profile = cProfile.Profile()
        profile.runcall(reads, "ID,TIME,AMT,CMT,CL\n1,0,5,iv,1\n" + rows, interpolation={"CL": "locf"})
        return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]

    calls(10)
    assert calls(2000) < 12 * calls(200)


@pytest.mark.parametrize("method", ["grk4t", "tsit5"])
@pytest.mark.parametrize("name", ["CL", "V"])
def test_a_linear_covariate_is_followed_and_not_stepped(tmp_path, method, name):
    """Closed forms: A' = -CL / V A with CL, or V, a straight line; the level holds V as it is at its record."""
    values = {"CL": (1.0, 4.0, 4.0, 0.5), "V": (20.0, 60.0, 60.0, 10.0)}[name]
    times = (0.0, 6.0, 10.0, 30.0)
    given = dict(zip(times, values, strict=True))
    looks = sorted({*np.linspace(0.5, 40, 30).round(2).tolist(), *times})
    rows = f"ID,TIME,EVID,AMT,CMT,{name}\n1,0,1,100,iv,{values[0]}\n"
    rows += "".join(f"1,{t},0,,,{given.get(t, '')}\n" for t in looks)
    (tmp_path / "d.csv").write_text(rows)
    table = mt.read_events(tmp_path / "d.csv", interpolation={name: "linear"})
    frame = mt.simulate_events(SCENARIO, table, library=LIBRARY, method=method, precision="double", rtol=1e-9)

    def exposure(t):
        """The integral of CL / V until t."""
        total = 0.0
        for (t0, v0), (t1, v1) in zip(given.items(), [*list(given.items())[1:], (1e9, values[-1])], strict=True):
            span = min(t, t1) - t0
            if span > 0:
                slope = (v1 - v0) / (t1 - t0)
                if name == "CL":
                    total += (v0 * span + slope * span**2 / 2) / 20
                else:
                    total += 1.1 * (span / v0 if slope == 0 else np.log1p(slope * span / v0) / slope)
        return total

    volume = np.interp(looks, times, values) if name == "V" else 20.0
    wanted = 1e5 / volume * np.exp([-exposure(t) for t in looks])
    assert np.allclose(level(frame)[1:], wanted, rtol=1e-8)


def test_modules_alone_are_enough(mtorsim, tmp_path, monkeypatch):
    """No scenario, population or duration: levels are the observables, and a figure stands beside the table."""
    monkeypatch.chdir(tmp_path)
    made_up(tmp_path, "two_routes")
    (tmp_path / "d.csv").write_text("ID,TIME,EVID,AMT,CMT,DV\n1,0,1,100,iv,.\n1,5,0,,,4000\n2,0,1,50,iv,.\n2,9,0,,,1\n")
    found = mtorsim("events", "d.csv", "--model", "two_routes", "--out", "o")
    assert found.code == 0
    assert "4 records of 2 subjects" in found.err
    assert "o/records.png" in found.out
    table = mt.read_events(tmp_path / "d.csv")
    frame = mt.simulate_events(["two_routes"], table, library=mt.Library((tmp_path,)), precision="double", rtol=1e-8)
    assert np.allclose(frame["two_routes.C"], [5000, decay(5), 2500, decay(9, 2500)])
    assert mtorsim("plot", "o", "--format", "svg").code == 0
    assert (tmp_path / "o" / "records.svg").is_file()
    assert "neither a scenario nor a model" in mtorsim("events", "d.csv").err
    assert "one argument too many" in mtorsim("events", "a", "d.csv", "--model", "b").err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("TIME,EVID,AMT,CMT\n0,1,100,gut\n5,0,,\n", None),
        ("TIME,EVID,AMT,CMT\n0,1,100,gt\n5,0,,\n", "there is no route or state `gt`"),
        ("TIME,EVID,AMT,CMT\n0,1,1O0,gut\n5,0,,\n", "column AMT"),
        ("TIME,EVID,AMT,CMT\n0,1,100,9\n5,0,,\n", "there is no state 9"),
    ],
)
def test_a_table_is_checked_as_it_is_run_and_nothing_runs(tmp_path, monkeypatch, mtorsim, rows, message):
    monkeypatch.chdir(tmp_path)
    made_up(tmp_path, "two")
    (tmp_path / "data.csv").write_text(rows)
    ran = mtorsim("events", "data.csv", "--model", "two", "--one-subject")
    monkeypatch.setattr("mtorsim.event_records.simulate.solve", None)
    found = mtorsim("check", "data.csv", "--model", "two", "--one-subject")
    if message is None:
        assert (found.code, ran.code) == (0, 0)
        assert "2 records of 1 subject; columns TIME, EVID, AMT, CMT; times in h, amounts in mg" in found.out
        assert "put a scenario before it" in mtorsim("check", "data.csv", "--one-subject").err
    else:
        assert (found.code, found.out) == (2, "")
        assert message in found.err
        assert ran.err.endswith(found.err)


def test_an_amount_in_another_unit_is_refused(tmp_path):
    (tmp_path / "data.csv").write_text("TIME,EVID,AMT\n0,1,10000\n5,0,\n")
    message = r"column AMT: 10000 mg is outside the plausible range 0.1 to 70 of `everolimus.oral`"
    with pytest.raises(mt.MtorsimError, match=message):
        mt.simulate_events(["everolimus"], mt.read_events(tmp_path / "data.csv", one_subject=True))


@pytest.mark.parametrize("value", ["1e309", "nan", "inf", "1_0", "0x10"])
def test_what_is_no_number_is_not_a_covariate(reads, value):
    with pytest.raises(mt.MtorsimError, match=rf"data.csv:2: .*column V: `{value}` is not a number"):
        reads(f"ID,TIME,EVID,AMT,CMT,V\n1,0,1,100,iv,{value}\n1,4,0,,,{value}\n")
