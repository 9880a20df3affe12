"""What is decided at visits, on people whose glucose is known: each rule, its time to the hour, its dose to the bit.

The made-up drug raises glucose by 20 mg/dL for each mg in the body and half of it goes in a day, so that the
trough of 10 mg a day is 10 mg (1/2 + 1/4 + ...): glucose 90 + 200 (1 - 2^-day). A tablet takes 60 mg/dL off.
"""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest

import mtorsim as mt
from helpers import made_up
from mtorsim.compiler.solver import Solver
from mtorsim.errors import ScenarioError
from mtorsim.kernel.arguments import Subjects
from mtorsim.kernel.status import OK, STEP_TOO_SMALL
from mtorsim.run.follow import follow
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare
from mtorsim.scenario.actions import read_action
from mtorsim.scenario.conditions import read_condition

POPULATION = """
[population]
name = "made"
about = "one person"
spread = false
"""

SCENARIO = """
title = "known glucose"
model = ["sweet", "pill"]
population = "made"
subjects = {subjects}
seed = 3
duration = "{duration}"
{top}

[meals]
habit = "none"

[[dose]]
drug = "sweet"
amount = "10 mg"
every = "24 h"

[[dose]]
drug = "pill"
amount = "10 mg"
every = "24 h"
waits = true

[visits]
at = {visits}
{visit}

{rules}
"""


@pytest.fixture
def made(tmp_path):
    """A scenario of the made-up drug."""
    made_up(tmp_path, "sweet", "pill")
    (tmp_path / "made.toml").write_text(POPULATION)

    def write(rules="", visits='["0 d", "every 1 d"]', duration="10 d", subjects=1, top="", visit=""):
        path = tmp_path / "known.toml"
        text = SCENARIO.format(rules=rules, visits=visits, duration=duration, subjects=subjects, top=top, visit=visit)
        path.write_text(text)
        return path

    return write


def decided(result, *columns):
    return [tuple(row) for row in result.ledger[list(columns)].itertuples(index=False)]


def glucose(result):
    return result.visits.glucose.to_numpy()[0, 0]


def known(days, doses):
    """Glucose at each day's visit, before that day's dose."""
    A, found = 0.0, []
    for day in range(days + 1):
        found.append(90 + 20 * A)
        A = 0.5 * (A + (doses[day] if day < len(doses) else 0.0))
    return found


def test_the_hand_made_person_is_as_it_was_made(made):
    assert np.allclose(glucose(mt.simulate(made())), known(10, [10] * 10), atol=0.05)


def test_grade_3_holds_until_grade_1_and_resumes_at_half(made):
    # 90, 190, 240, 265 on day 3: held; 177.5 on day 4, 133.75 on day 5: resumed at 5 mg.
    rule = '[[rule]]\nname = "G3"\nwhen = "grade >= 3"\n'
    rule += 'do = "hold sweet until fasting_glucose <= 160 mg/dL, then resume at 50 %"\n'
    result = mt.simulate(made(rule))
    assert decided(result, "time_h", "rule", "what", "before", "after") == [
        (72.0, "G3", "hold", 10.0, 0.0),
        (120.0, "G3", "resume", 0.0, 5.0),
    ]
    assert np.allclose(result.ledger["value"], [265, 133.75], atol=0.05)
    assert np.allclose(glucose(result), known(10, [10, 10, 10, 0, 0, 5, 5, 5, 5, 5]), atol=0.05)
    assert result.treatment.set_index("drug").dose_intensity["sweet"] == pytest.approx(5.5 / 10)


def test_grade_4_stops_for_good(made):
    rule = '[[rule]]\nname = "G4"\nwhen = "grade >= 4"\ndo = "stop sweet"\n'
    # Gain 60 passes 500 mg/dL on day 2: 90 + 60 x 7.5 = 540.
    result = mt.simulate(made(rule, top="set.sweet.gain = 60"))
    assert decided(result, "time_h", "what", "before", "after") == [(48.0, "stop", 10.0, 0.0)]
    assert glucose(result)[-1] == pytest.approx(90 + 60 * 7.5 / 2**8, abs=0.05)


def test_a_hold_is_checked_between_visits_only_of_those_who_wait(made):
    rule = '[[rule]]\nname = "G3"\nwhen = "grade >= 3"\n'
    rule += 'do = "hold sweet until fasting_glucose <= 160 mg/dL, checked every 1 d, then resume at 50 %"\n'
    result = mt.simulate(made(rule, visits='["0 d", "3 d", "10 d"]'))
    assert decided(result, "time_h", "what") == [(72.0, "hold"), (120.0, "resume")]
    # Of people beyond those whose finer series is kept, too.
    many = mt.simulate(made(rule, visits='["0 d", "3 d", "10 d"]', subjects=1002)).ledger
    assert (many.groupby("subject").size() == 2).all()
    assert set(many["time_h"]) == {72.0, 120.0}
    late = mt.simulate(made(rule.replace(", checked every 1 d", ""), visits='["0 d", "3 d", "10 d"]'))
    assert decided(late, "time_h", "what") == [(72.0, "hold"), (240.0, "resume")]


def test_a_hold_of_some_days_ends_at_its_hour(made):
    rule = '[[rule]]\nname = "pause"\nwhen = "grade >= 3"\nmost = 1\ndo = "hold sweet for 2 d, then resume at 50 %"\n'
    result = mt.simulate(made(rule, visits='["0 d", "3 d", "10 d"]'))
    assert decided(result, "time_h", "what", "after") == [(72.0, "hold", 0.0), (120.0, "resume", 5.0)]
    assert glucose(result)[-1] == pytest.approx(known(10, [10, 10, 10, 0, 0, 5, 5, 5, 5, 5])[-1], abs=0.05)


def test_rescue_begins_when_it_is_confirmed_and_is_titrated(made):
    rule = '[[rule]]\nname = "rescue"\nwhen = "fasting_glucose > 160 mg/dL"\nconfirmed = 2\n'
    rule += 'do = ["start pill", "increase pill by 5 mg, up to 20 mg"]\n'
    result = mt.simulate(made(rule, visits='["0 d", "every 1 d"]', duration="6 d"))
    # Above on days 1 and 2: begun on day 2, and not raised by the same decision.
    assert decided(result, "time_h", "what", "before", "after") == [
        (48.0, "start", 0.0, 10.0),
        (72.0, "change", 10.0, 15.0),
        (96.0, "change", 15.0, 20.0),
    ]
    pills, A = [0, 0, 10, 15, 20, 20], 0.0
    for given in pills:
        A = 0.5 * (A + given)
    assert glucose(result)[-1] == pytest.approx(known(6, [10] * 6)[-1] - 6 * A, abs=0.05)


def test_a_dose_follows_its_trough_into_the_window(made):
    rule = '[[rule]]\nname = "trough"\nwhen = "day >= 4"\n'
    rule += 'do = "titrate sweet to drug_level 2 to 4 ug/L, in steps of 0.5 mg, from 1 mg, up to 10 mg"\n'
    result = mt.simulate(made(rule, duration="20 d", visits='["0 d", "4 d", "8 d", "12 d", "20 d"]'))
    first = result.ledger.iloc[0]
    assert (first.time_h, first.what, first.before, first.after) == (96.0, "titrate", 10.0, 5.0)
    level = result.visits.drug_level.to_numpy()[0, 0]
    assert 2 <= level[-1] <= 4
    assert all((2 * v) == round(2 * v) for v in result.ledger["after"])


def test_whoever_leaves_is_seen_no_more_and_counts_in_the_denominator(made):
    rule = '[[rule]]\nname = "out"\nwhen = "fasting_glucose > 200 mg/dL"\ndo = "leave the study"\n'
    result = mt.simulate(made(rule))
    assert decided(result, "time_h", "rule", "what") == [(48.0, "out", "leave")]
    assert np.isnan(glucose(result)[3:]).all()
    assert not np.isnan(glucose(result)[:3]).any()
    assert result.summary["arms"]["sweet+pill"]["share"][">250"]["value"] == 0.0


def test_people_leave_by_the_distribution_and_in_the_same_order_in_every_arm(made):
    arms = '[[arm]]\nname = "other"\nwithout = "sweet"\nleaving = { median = "4 d" }\n'
    top = 'leaving = { median = "8 d", shape = 1.5 }'
    result = mt.simulate(made(arms, subjects=400, top=top))
    one, other = (result.left[a] for a in ("sweet+pill", "other"))
    assert abs((one < 192).mean() - 0.5) < 0.08
    assert abs((one < 96).mean() - (1 - 0.5 ** (0.5**1.5))) < 0.07
    assert abs((other < 96).mean() - 0.5) < 0.08
    gone = np.isfinite(one)
    assert 0 < (~gone).sum() < 400
    assert (np.argsort(one[gone]) == np.argsort(other[gone])).all()
    assert np.isfinite(other[gone]).all()
    there = ~np.isnan(result.visits.glucose.sel(arm="other").to_numpy())
    assert (there == (result.visits.time.to_numpy() <= other[:, None])).all()


def test_assay_error_is_of_its_size_and_the_same_in_every_arm(made):
    arms = '[[arm]]\nname = "again"\n'
    visit = "assay = { fasting_glucose = 0.06 }"
    result = mt.simulate(made(arms, subjects=300, visit=visit))
    visits = result.visits
    ratio = (visits.fasting_glucose_measured / visits.fasting_glucose).to_numpy()
    assert abs(ratio.std() - 0.06) < 0.003
    assert abs(ratio.mean() - 1) < 0.003
    assert (ratio[0] == ratio[1]).all()
    # Errors of one person at two visits have nothing to do with each other.
    assert abs(np.corrcoef(ratio[0, :, 2], ratio[0, :, 3])[0, 1]) < 0.2


def test_samples_that_were_not_fasting_are_of_their_share_and_from_the_day_before():
    visits = {"at": ["0 weeks", "1 week", "2 weeks", "3 weeks"], "not_fasting": {"share": 0.3, "hours": [1, 1]}}
    scenario = mt.Scenario(
        model=["glucose_insulin"],
        population="adults",
        subjects=80,
        duration="3 weeks",
        occasion="1 day",
        visits=visits,
        record="1 h",
    )
    result = mt.simulate(scenario)
    true, measured = result.visits.fasting_glucose.to_numpy()[0], result.visits.fasting_glucose_measured.to_numpy()[0]
    assert (measured[:, 0] == true[:, 0]).all()  # nothing is known of the day before the start
    spoilt = measured != true
    assert abs(spoilt[:, 1:].mean() - 0.3) < 0.06
    # One hour after breakfast, on the day before.
    series, at = result.series.glucose.to_numpy()[0], result.series.time.to_numpy()
    for k, hour in enumerate((168.0, 336.0, 504.0), start=1):
        before = series[:, int(np.searchsorted(at, hour - 23))]
        assert measured[spoilt[:, k], k] == pytest.approx(before[spoilt[:, k]], rel=1e-3)
    few = mt.simulate(scenario, subjects=9, chunk=4).visits.fasting_glucose_measured.to_numpy()[0]
    assert few.tobytes() == np.ascontiguousarray(measured[:9]).tobytes()


EPISODES = """
title = "episodes"
model = ["known"]
population = "typical"
subjects = 400
duration = "100 weeks"
observe = ["known.A"]
record = {{ every = "1 week" }}
[meals]
habit = "none"
[[episode]]
what = "known"
amount = "1 mg"
per_year = {rate}
spread = 0.5
[visits]
at = ["0 weeks", "100 weeks"]
[[arm]]
name = "again"
"""


def test_episodes_befall_people_at_their_rate_in_all_arms_alike(tmp_path):
    made_up(tmp_path, "known")
    path = tmp_path / "episodes.toml"

    def amounts(rate, **more):
        path.write_text(EPISODES.format(rate=rate))
        return mt.simulate(path, **more).series["known.A"].to_numpy()

    often = amounts(4)
    # Nothing but decay lies between episodes, so a rise is an episode.
    rises = (np.diff(often[0], axis=1) > 1e-4).sum(axis=1)
    years = 100 * 7 / 365.25
    assert rises.mean() == pytest.approx(4 * years, rel=0.1)
    assert rises.var() == pytest.approx(rises.mean(), rel=0.25)
    assert often[0].tobytes() == often[1].tobytes()
    # Who falls ill, when and how badly depends on nobody else and on no split of the work.
    assert amounts(4, subjects=7, chunk=3)[0].tobytes() == np.ascontiguousarray(often[0, :7]).tobytes()
    assert not amounts(0).any()


def test_rules_read_what_was_measured_not_what_was_there(made):
    rule = '[[rule]]\nname = "G3"\nwhen = "fasting_glucose > 250 mg/dL"\ndo = "stop sweet"\n'
    result = mt.simulate(made(rule, subjects=60, visit="assay = { fasting_glucose = 0.1 }"))
    assert (result.ledger["value"] > 250).all()
    times = result.ledger["time_h"]
    assert times.nunique() > 2


def test_the_same_decisions_for_any_split_of_the_work(made):
    rule = '[[rule]]\nname = "G3"\nwhen = "fasting_glucose > 230 mg/dL"\n'
    rule += 'do = "hold sweet until fasting_glucose <= 160 mg/dL, then resume at 50 %"\n'
    top = 'leaving = { median = "8 d" }'
    path = made(rule, subjects=70, visit="assay = { fasting_glucose = 0.1 }", top=top)
    one = mt.simulate(path, threads=1, chunk=16)
    other = mt.simulate(path, threads=2, chunk=70)
    assert one.manifest["result"] == other.manifest["result"]
    assert one.ledger.equals(other.ledger)
    few = mt.simulate(path, subjects=20)
    assert few.ledger.equals(one.ledger[one.ledger["subject"] < 20].reset_index(drop=True))


def test_a_result_with_decisions_is_kept_resumed_and_replayed(made, tmp_path):
    rule = '[[rule]]\nname = "G3"\nwhen = "grade >= 3"\n'
    rule += 'do = "hold sweet until fasting_glucose <= 160 mg/dL, then resume at 50 %"\n'
    rule += '[[arm]]\nname = "placebo"\nwithout = "sweet"\n'
    path = made(rule, subjects=40, visit="assay = { fasting_glucose = 0.05 }", top='leaving = { median = "8 d" }')
    memory = mt.simulate(path)
    stored = mt.simulate(path, out=tmp_path / "out", chunk=16)
    opened = mt.open_result(tmp_path / "out")
    assert opened.ledger.equals(memory.ledger)
    assert opened.treatment.equals(memory.treatment)
    assert (opened.left["sweet+pill"] == memory.left["sweet+pill"]).all()
    assert (opened.weights == memory.weights).all()
    assert stored.manifest["result"] == memory.manifest["result"]


def test_replay_repeats_a_subject_about_whom_was_decided(made, tmp_path, mtorsim):
    rule = '[[rule]]\nname = "G3"\nwhen = "grade >= 3"\ndo = "stop sweet"\n'
    mt.simulate(made(rule, subjects=20, visit="assay = { fasting_glucose = 0.05 }"), out=tmp_path / "out")
    shown = mtorsim("replay", tmp_path / "out", "--arm", "sweet+pill", "--subject", 7)
    assert shown.code == 0
    assert "agree with the stored ones to the bit" in shown.out + shown.err


def test_placebo_is_decided_about_and_given_nothing(made):
    rule = '[[rule]]\nname = "low"\nwhen = "fasting_glucose < 100 mg/dL and day >= 2"\nmost = 1\n'
    rule += 'do = "reduce sweet to 5 mg"\n[[arm]]\nname = "placebo"\nwithout = "sweet"\n'
    result = mt.simulate(made(rule))
    assert decided(result, "arm", "time_h", "before", "after") == [("placebo", 48.0, 10.0, 5.0)]
    assert np.allclose(result.visits.glucose.sel(arm="placebo"), 90, atol=1e-6)


def test_a_function_may_be_a_rule(made):
    seen = []

    def careful(visit):
        seen.append(visit.time)
        visit.set("sweet", visit.measured("fasting_glucose") > 200, 0.5)

    result = mt.simulate(made(), rules=[careful])
    assert seen == [24.0 * d for d in range(11)]
    assert decided(result, "time_h", "rule", "what", "after") == [(48.0, "function", "change", 5.0)]
    assert glucose(result)[-1] == pytest.approx(known(10, [10, 10, *[5] * 8])[-1], abs=0.05)


def test_weights_give_back_the_population(made, tmp_path):
    (tmp_path / "made.toml").write_text(
        POPULATION.replace("spread = false", "spread = true")
        + '[[group]]\nname = "high"\nshare = 0.1\nabout = "x"\nsource = "this_work"\nevidence = "design"\n'
        + '[group.multiply]\n"sweet.base" = { by = 1.5 }\n'
    )
    plain = mt.simulate(made(subjects=2000, duration="1 d", visits='["0 d", "1 d"]'))
    apart = mt.simulate(made(subjects=2000, duration="1 d", visits='["0 d", "1 d"]', top="sampled.high = 0.5"))
    assert plain.people["group high"].mean() == pytest.approx(0.1, abs=0.02)
    assert apart.people["group high"].mean() == pytest.approx(0.5, abs=0.03)
    high = apart.people["group high"].to_numpy()
    assert apart.weights @ high / apart.weights.sum() == pytest.approx(0.1, abs=0.01)
    arm = "sweet+pill"
    shares = [r.summary["arms"][arm]["share"][">160"]["value"] for r in (plain, apart)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02) or shares == [1.0, 1.0]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('when = "fasting_glucos > 250 mg/dL"\ndo = "stop sweet"', "fasting_glucose"),
        ('when = "fasting_glucose > 250"\ndo = "stop sweet"', "mg/dL"),
        ('when = "fasting_glucose > 250 mg/dL"\ndo = "stop sweat"', "sweet"),
        ('when = "fasting_glucose > 250 mg/dL"\ndo = "halt sweet"', "known actions are"),
        ('when = "fasting_glucose about 250"\ndo = "stop sweet"', "is not a condition"),
        ('when = "grade >= 3 mg"\ndo = "stop sweet"', "has no unit"),
        ('when = "grade >= 3"\ndo = "start sweet"', "waits = true"),
        ('when = "grade >= 3"\ndo = "increase pill by 5 U"', "dosed in mg"),
        ('when = "grade >= 3"\ndo = "hold sweet until grade < 1"', "then resume"),
        ('when = "grade >= 3"\ndo = []', "has no action"),
        ('when = "grade >= 3"\ndo = "reduce sweet by 150 %"', "more than 100 %"),
        ('when = "grade >= 3"\ndo = "titrate sweet to drug_level 4 to 2 ug/L"', "is not a window"),
        ('when = "grade >= 3"\ndo = "titrate sweet to drug_level 2 to 4 mg"', "measured in ug/L"),
        ('when = "grade >= 3"\ndo = "titrate sweet to drug_level 2 to 4 ug/L"', "may raise `sweet` above"),
        ('when = "grade >= 3"\ndo = "increase sweet by 50 %"', "write a highest dose, such as `, up to 100 mg`"),
        ('when = "grade >= 3"\ndo = "increase sweet by 50 %, up to 9000 %"', "outside its plausible range"),
        ('when = "grade >= 3"\ndo = "set sweet to 9000 %"', "outside its plausible range"),
    ],
)
def test_a_rule_that_cannot_be_is_one_clear_error(made, mtorsim, rule, words):
    shown = mtorsim("run", made(f"[[rule]]\n{rule}\n"))
    assert shown.code == 2
    assert shown.err.startswith("error: ")
    assert words in shown.err
    assert "Traceback" not in shown.err


def test_versions_that_cannot_grade_a_value_say_why(made, mtorsim):
    shown = mtorsim("run", made('[trial]\nname = "x"\nctcae = "5.0"\n'))
    assert shown.code == 2
    assert "grades by what was done" in shown.err
    shown = mtorsim("run", made('[trial]\nname = "x"\nctcae = "4.3"\n'))
    assert shown.code == 2
    assert "ctcae_4_03" in shown.err


def test_sentences_are_read_as_they_are_meant():
    hold = read_action("hold everolimus until fasting_glucose <= 160 mg/dL, checked every 1 week, then resume at 50 %")
    assert (hold.drug, hold.check, hold.resume) == ("everolimus", 168.0, 0.5)
    assert read_action("hold x for 2 weeks, then resume").hours == 336.0
    condition = read_condition("a > 1 and b < 2 or c >= 3")
    assert [[c.quantity for c in part] for part in condition.either] == [["a", "b"], ["c"]]
    with pytest.raises(ScenarioError):
        read_action("leave")


def test_a_rule_is_asked_at_the_start_before_the_first_dose(made):
    rule = '[[rule]]\nname = "low"\nwhen = "fasting_glucose > 80 mg/dL"\nmost = 1\ndo = "reduce sweet to 50 %"\n'
    result = mt.simulate(made(rule))
    assert decided(result, "time_h", "before", "after") == [(0.0, 10.0, 5.0)]
    assert glucose(result)[1] == pytest.approx(140, abs=0.05)


def test_amounts_are_those_that_a_regimen_comes_to_after_loading(made):
    path = made('[[rule]]\nname = "x"\nwhen = "day >= 4"\nmost = 1\ndo = "set sweet to 2.5 mg"\n')
    text = path.read_text().replace('amount = "10 mg"\nevery = "24 h"\n\n', 'regimen = "20 mg then 5 mg q24h"\n\n', 1)
    path.write_text(text)
    result = mt.simulate(path)
    assert decided(result, "time_h", "before", "after") == [(96.0, 5.0, 2.5)]
    assert glucose(result)[-1] == pytest.approx(known(10, [25, 5, 5, 5, *[2.5] * 6])[-1], abs=0.3)


def test_what_reduces_never_raises_and_what_increases_never_lowers(made):
    for action in (
        "reduce sweet by 1 mg, down to 15 mg",
        "increase sweet by 1 mg, up to 5 mg",
        "reduce sweet to 20 mg",
    ):
        rule = f'[[rule]]\nname = "x"\nwhen = "day >= 2"\nmost = 1\ndo = "{action}"\n'
        assert len(mt.simulate(made(rule, duration="4 d")).ledger) == 0, action


def test_a_level_above_the_window_never_raises_the_dose(made):
    rule = '[[rule]]\nname = "t"\nwhen = "day >= 4"\n'
    rule += 'do = "titrate sweet to drug_level 0.5 to 1 ug/L, in steps of 50 mg, up to 100 mg"\n'
    assert len(mt.simulate(made(rule)).ledger) == 0


def test_what_was_not_measured_answers_no_question(made):
    rule = '[[rule]]\nname = "g"\nwhen = "grade <= 0"\ndo = "stop sweet"\n'
    path = made(rule, visits='["0 d", "1 d"]', duration="2 d")
    assert decided(mt.simulate(path), "time_h") == [(0.0,)]
    text = path.read_text().replace('habit = "none"', 'habit = "three a day"')
    text = text.replace("grade <= 0", "fasting_glucose < 300 mg/dL")
    path.write_text(text.replace('at = ["0 d", "1 d"]', 'at = ["2 h"]\nsample = "random"'))
    with pytest.raises(ScenarioError, match="no visit is fasting"):
        mt.simulate(path)


def test_interruptions_are_times_without_the_drug(made):
    path = made(subjects=300, duration="365 d", visits='["0 d", "every 1 d"]')
    line = 'every = "24 h"\ninterruptions = { per_year = 2, lasts = "14 d" }'
    path.write_text(path.read_text().replace('every = "24 h"', line, 1))
    given = mt.simulate(path)
    share = given.treatment[given.treatment["drug"] == "sweet"]["dose_intensity"].to_numpy()
    # Two a year of 14 days on average, exponential; those that run into each other or past the end count once.
    assert 1 - share.mean() == pytest.approx(2 * 14 / 365, abs=0.012)
    assert share.std() == pytest.approx(np.sqrt(2 * 2) * 14 / 365, rel=0.25)
    # They are few and long: glucose, which halves in a day without the drug, is at rest or on its plateau.
    levels = given.visits.glucose.to_numpy()[0, :, 10:]
    assert np.mean(levels < 95) > 0.5 * (1 - share.mean())
    again = mt.simulate(path, subjects=20)
    assert np.array_equal(again.visits.glucose.to_numpy()[0], given.visits.glucose.to_numpy()[0, :20])


def test_two_doses_of_a_drug_have_their_own_interruptions(made):
    path = made(subjects=40, duration="200 d", visits='["0 d", "every 10 d"]')
    text = path.read_text()
    line = text[text.index("[[dose]]") : text.index("[[dose]]", text.index("[[dose]]") + 1)]
    own = 'every = "24 h"\ninterruptions = {{ per_year = {}, lasts = "20 d" }}\n'
    many, none = (line.replace('every = "24 h"\n', own.format(rate)) for rate in (20, 0))
    shares = []
    for lines in ((none, none), (none, many), (many, many)):
        path.write_text(text.replace(line, "".join(lines)))
        given = mt.simulate(path).treatment
        shares.append(given[given["drug"] == "sweet"]["dose_intensity"].mean())
    assert shares[0] == 1
    assert shares[1] == pytest.approx((1 + shares[2]) / 2)
    assert shares[2] < 0.7


def test_missed_doses_were_not_given(made):
    path = made(subjects=200, duration="20 d")
    path.write_text(path.read_text().replace('every = "24 h"', 'every = "24 h"\nmissed = 0.3', 1))
    given = mt.simulate(path, subjects=200)
    table = given.summary["status"]
    assert table == {"ok": 200}
    share = given.treatment[given.treatment["drug"] == "sweet"]["dose_intensity"]
    assert share.mean() == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('amount = "10 mg"\nevery = "24 h"\nwaits', 'regimen = "9 mg then 5 mg q24h"\nwaits', "one amount"),
        ('amount = "10 mg"\nevery = "24 h"\nwaits', 'amount = "10 mg"\nwaits', "one amount"),
        ('drug = "pill"', 'drug = "sweet"', "some doses of `sweet` wait"),
    ],
)
def test_what_waits_for_a_rule_is_simple(made, mtorsim, old, new, said):
    path = made()
    path.write_text(path.read_text().replace(old, new))
    shown = mtorsim("run", path)
    assert shown.code == 2
    assert said in shown.err


def test_hba1c_is_asked_in_percent_or_in_mmol_a_mol():
    from mtorsim.errors import UnitError
    from mtorsim.units.conversions import hba1c_in_percent
    from mtorsim.units.units import parse_unit

    assert hba1c_in_percent(48, parse_unit("mmol/mol")) == pytest.approx(6.54, abs=0.01)
    assert hba1c_in_percent(8, parse_unit("%")) == pytest.approx(8)
    with pytest.raises(UnitError):
        hba1c_in_percent(8, parse_unit("1"))


def test_a_function_that_asks_for_nonsense_gets_one_clear_error(made):
    for wrong in (
        lambda v: v.measured("glucos"),
        lambda v: v.stop("sweat", v.present),
        lambda v: v.set("sweet", v.present, -1.0),
        lambda v: v.hold("sweet", v.present, hours=float("nan")),
    ):
        with pytest.raises(mt.MtorsimError):
            mt.simulate(made(), rules=[wrong])


def test_what_is_done_in_turn_is_done_at_one_visit(made):
    # 190 on day 1: the dose is halved and held; what it waits for comes on day 3, at half of half.
    rule = '[[rule]]\nname = "both"\nwhen = "fasting_glucose > 180 mg/dL"\nmost = 1\n'
    rule += 'do = ["reduce sweet by 50 %", "hold sweet until fasting_glucose <= 120 mg/dL, then resume at 50 %"]\n'
    result = mt.simulate(made(rule))
    assert decided(result, "time_h", "what", "before", "after") == [
        (24.0, "change", 10.0, 5.0),
        (24.0, "hold", 5.0, 0.0),
        (72.0, "resume", 0.0, 2.5),
    ]
    assert np.allclose(glucose(result), known(10, [10, 0, 0] + [2.5] * 7), atol=0.05)


def test_a_hold_is_looked_at_when_it_says_and_not_at_anothers_checks(made):
    # Visits on days 0, 4 and 8. On day 4 glucose is 277.5; it is 121.9 on day 7 and at most 160 from day 6 on.
    hold = '[[rule]]\nname = "held"\nwhen = "grade >= 3"\n'
    hold += 'do = "hold sweet until fasting_glucose <= 160 mg/dL{check}, then resume"\n'
    other = '[[rule]]\nname = "other"\nwhen = "fasting_glucose > 900 mg/dL"\n'
    other += 'do = "hold pill until fasting_glucose <= 100 mg/dL, checked every 1 d, then resume"\n'
    for check, at in (("", 8), (", checked every 3 d", 7), (", checked every 1 d", 6)):
        text = hold.format(check=check) + other
        result = mt.simulate(made(text, visits='["0 d", "every 4 d"]'))
        assert decided(result, "time_h", "what")[:2] == [(96.0, "hold"), (24.0 * at, "resume")], check


def test_a_rule_may_be_about_a_group_or_about_all_others(made, tmp_path):
    groups = '\n[[group]]\nname = "known"\nshare = 0.4\nabout = "known before"\nsource = "this_work"\n'
    groups += 'evidence = "design"\n[group.multiply]\n"sweet.base" = { by = 1.0 }\n'
    (tmp_path / "made.toml").write_text(POPULATION.replace("spread = false", "") + groups)
    rule = '[[rule]]\nname = "r"\nwhen = "fasting_glucose > 180 mg/dL"\ndo = "start pill"\namong = "{who}"\n'
    for who, sign in (("known", 1.0), ("not known", 0.0)):
        result = mt.simulate(made(rule.format(who=who), subjects=40))
        belongs = np.flatnonzero(result.people["group known"] == sign)
        assert 5 < len(belongs) < 35
        assert sorted(result.ledger["subject"]) == belongs.tolist()
        assert set(result.ledger["time_h"]) == {24.0}


def test_a_subject_whose_steps_fail_is_carried_again_with_its_decisions(made):
    """The solver gives up on subject 1 of 4 in every span: the careful one carries it, and rules go on as before."""
    rule = '[[rule]]\nname = "G3"\nwhen = "grade >= 3"\n'
    rule += 'do = "hold sweet until fasting_glucose <= 160 mg/dL, then resume at 50 %"\n'
    plan = make_plan(made(rule, subjects=4))
    people = prepare(plan, np.arange(4))
    times = np.arange(0.0, 241.0, 24.0)

    class Failing(Solver):
        def integrate(self, table):
            super().integrate(table)
            address, n = (int(x) for x in table[4 + Subjects._fields.index("status"), :2])
            if n == 4:
                np.frombuffer((ctypes.c_int64 * n).from_address(address), np.int64)[1] = STEP_TOO_SMALL

    failing = replace(plan, solver=Failing(plan.solver.method, plan.solver.precision))
    well, again = (follow(p, p.arms[0], people, times, np.ones(len(times), bool)) for p in (plan, failing))
    assert (again.status == OK).all()
    assert np.allclose(again.values[1], well.values[1], rtol=1e-3, equal_nan=True)
    assert np.array_equal(again.values[[0, 2, 3]], well.values[[0, 2, 3]], equal_nan=True)
    assert (again.dose_intensity == well.dose_intensity).all()
    assert np.array_equal(again.ledger[["subject", "time_h", "what"]], well.ledger[["subject", "time_h", "what"]])
