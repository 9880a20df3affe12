"""Reading of a person's file and of tables of people: what is understood, and what is refused with one message."""

from __future__ import annotations

import copy
import datetime as dt
import re

import pytest

from mtorsim.analysis.forecast.people import read_people
from mtorsim.analysis.forecast.person import read_person
from mtorsim.analysis.forecast.value import read_value
from mtorsim.errors import DataError, MtorsimError, PersonError
from mtorsim.files.places import Place, PythonSource
from mtorsim.run.plan import draft_plan

PERSON = {
    "person": {"sex": "female", "age": 61, "bmi": 29.0, "diabetic": False},
    "dose": [{"drug": "everolimus", "amount": "10 mg", "every": "24 h", "start": dt.date(2026, 1, 5)}],
    "measured": [
        {"date": dt.date(2026, 1, 5), "fasting_glucose": "104 mg/dL", "hba1c": "5.9 %"},
        {"date": dt.date(2026, 1, 19), "fasting_glucose": "131 mg/dL"},
    ],
}


def changed(**tables):
    """The person with other tables; keys of [person] are merged."""
    made = copy.deepcopy(PERSON)
    for name, table in tables.items():
        made[name] = {**made["person"], **table} if name == "person" else table
    return made


def planned(given) -> None:
    """Read a person and check the scenario behind it."""
    draft_plan(read_person(given).scenario)


def test_a_person_lies_on_one_axis_of_hours():
    person = read_person(PERSON)
    assert [(v.time, v.name, v.value) for v in person.values] == [
        (0.0, "fasting_glucose", 104.0),
        (0.0, "hba1c", 5.9),
        (336.0, "fasting_glucose", 131.0),
    ]
    assert person.given == {"age": 61.0, "bmi": 29.0, "male": 0.0}
    assert (person.now, person.end) == (336.0, 336.0 + 12 * 168)
    assert person.day(person.end) == "2026-04-13"
    assert [c.name for c in person.choices] == [
        "as now", "hold", "halve", "metformin", "sglt2_inhibitor", "basal_insulin",
    ]  # fmt: skip


def test_numbers_of_days_mean_what_dates_mean():
    rows = [{"day": 0, "fasting_glucose": "104 mg/dL", "hba1c": "5.9 %"}, {"day": 14, "fasting_glucose": "131 mg/dL"}]
    by_day = read_person(changed(measured=rows, dose=[{**PERSON["dose"][0], "start": 0}]))
    by_date = read_person(PERSON)
    assert [(v.time, v.value) for v in by_day.values] == [(v.time, v.value) for v in by_date.values]
    assert by_day.scenario.arms[0].regimens == by_date.scenario.arms[0].regimens


def test_a_known_diabetic_is_not_given_metformin_twice():
    assert "metformin" not in [c.name for c in read_person(changed(person={"diabetic": True})).choices]


def test_a_sample_before_the_first_tablet_may_be_early():
    early = read_person(changed(measured=[{**FIRST, "time": "07:00"}, {**PERSON["measured"][1], "time": "06:45"}]))
    assert [v.time for v in early.values] == [0.0, 336.0 - 0.75]
    assert early.now == 336.0


def test_doses_that_are_over_are_not_held():
    regimen = {"drug": "everolimus", "regimen": "10 mg q24h x 7"}
    over = read_person(changed(dose=[regimen]))
    assert "hold" not in [c.name for c in over.choices]


def test_a_model_of_ones_own_needs_no_therapies():
    person = read_person(changed(person={"model": ["glucose_insulin", "mtor", "everolimus", "weight"]}))
    assert "metformin" in person.scenario.modules


def test_body_size_follows_from_any_two():
    person = read_person(changed(person={"bmi": None, "height": 1.6, "weight": 74.24}))
    assert person.given["bmi"] == pytest.approx(29.0)
    person = read_person(changed(person={"weight": 74.24}))
    assert person.given["height"] == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("7.0 mmol/L", "fasting_glucose", 126.1),
        ("41 mmol/mol", "hba1c", 5.9),
        ("60 pmol/L", "insulin", 10.0),
        ("14 ng/mL", "drug_level", 14.0),
    ],
)
def test_values_are_read_in_the_units_of_clinics(text, name, value):
    found, beyond = read_value(text, name, Place(PythonSource("forecast", {}, PersonError)))
    assert (found, beyond) == (pytest.approx(value, rel=1e-3), 0)


def test_a_value_below_a_limit_is_not_a_value():
    place = Place(PythonSource("forecast", {}, PersonError))
    assert read_value("< 2 uU/mL", "insulin", place) == (2.0, -1)
    assert read_value("> 500 mg/dL", "glucose", place) == (500.0, 1)


DOSE = PERSON["dose"][0]
FIRST = {"date": dt.date(2026, 1, 5), "fasting_glucose": "104 mg/dL"}
WRONG = [
    ({"measured": [{**FIRST, "fasting_glucose": "5 mg/dL"}]}, "outside what a living person", "is it 5 mmol/L"),
    ({"measured": [{**FIRST, "fasting_glucose": "131 mmol/L"}]}, "outside what a living person", "is it 131 mg/dL"),
    ({"measured": [{**FIRST, "hba1c": "41 %"}]}, "outside what a living person", "is it 41 mmol/mol, which is 5.9"),
    ({"measured": [{**FIRST, "hba1c": "5.9"}]}, "has no unit", "% or mmol/mol"),
    ({"measured": [{**FIRST, "fasting_glucose": "104 mg"}]}, "cannot be converted", "mg/dL or mmol/L"),
    ({"measured": [FIRST, {**FIRST, "date": dt.date(2026, 1, 4)}]}, "out of order", "day and month"),
    ({"measured": [FIRST, FIRST]}, "measured twice", None),
    ({"measured": [{"fasting_glucose": "104 mg/dL"}]}, "needs a `date` or a `day`", None),
    ({"measured": [{"day": 0}]}, "has no value", None),
    ({"measured": [{"day": 0, "fasting_glucos": "104 mg/dL"}]}, "unknown key", "did you mean `fasting_glucose`?"),
    ({"measured": [{**FIRST, "time": "14:30"}]}, "less than eight hours after a meal", "write `glucose`"),
    ({"measured": [{**FIRST, "time": "25:00"}]}, "not a clock time", "14:30"),
    ({"measured": []}, "at least 1 value", None),
    ({"dose": [{**DOSE, "start": dt.date(2026, 3, 1)}]}, "begins after the last value", "[[option]]"),
    ({"dose": [{**DOSE, "stop": dt.date(2026, 1, 5)}]}, "not after the first dose", None),
    ({"dose": [{**DOSE, "drug": "everolimuss"}]}, "no module", "everolimus"),
    ({"dose": [{**DOSE, "missed": 0.1}]}, "those that were taken", None),
    ({"dose": [{**DOSE, "start": 3}]}, "some days are dates", "start"),
    ({"person": {"sex": "f"}}, "`sex` cannot be", "female"),
    ({"person": {"age": 300}}, "must be at most 120", None),
    ({"person": {"bmi": 1.65}}, "must be at least 8", "body mass index"),
    ({"person": {"bmi": None, "height": 165.0, "weight": 70.0}}, "must be at most 2.6", "in m"),
    ({"person": {"covariates": {"age": 30.0}}}, "`age` is given twice", "covariates"),
    ({"person": {"now": 14}}, "some days are dates", "as a date"),
    ({"person": {"start": "2026-01-05"}}, "is text", None),
    ({"measured": [{**FIRST, "day": 0}]}, "has both a `date` and a `day`", None),
    ({"measured": [{**FIRST, "fasting_glucose": "<< 100 mg/dL"}]}, "is not a number with a unit", None),
    ({"errors": {"fasting_glucos": 0.05}}, "is not measured", "did you mean `fasting_glucose`"),
    ({"errors": {"fasting_glucose": 1e-12}}, "must be at least 0.001", None),
    ({"dose": [DOSE, DOSE]}, "two lines dose `everolimus` at 07:30", "`stop`"),
    ({"dose": [{**DOSE, "every": "1 s"}]}, "are too often", "24 h"),
    (
        {"option": [{"name": "x", "dose": [{"drug": "metformin", "amount": "1 g", "every": "12 h", "start": "1 d"}]}]},
        "begin now",
        "leave `start` out",
    ),
    ({"person": {"weight": 120.0, "height": 1.6}}, "contradicts `bmi` and `height`", None),
    ({"person": {"bmi": None, "weight": 70.0}}, "alone says little", "height"),
    ({"person": {"population": "oncologi"}}, "oncologi", "oncology"),
    ({"person": {"now": dt.date(2026, 1, 6)}}, "before the last measurement", None),
    ({"person": {"ahead": "1 h"}}, "between a day and ten years", None),
    ({"option": [{"name": "less", "factor": {"sirolimus": 0.5}}]}, "not taken now", "everolimus"),
]


@pytest.mark.parametrize(("tables", "message", "help"), WRONG)
def test_bad_input_gets_one_clear_message(tables, message, help):
    with pytest.raises(MtorsimError) as raised:
        planned(changed(**tables))
    assert message in str(raised.value)
    assert help is None or help in str(raised.value)


def test_an_error_points_to_the_line_of_the_file(tmp_path):
    path = tmp_path / "patient.toml"
    path.write_text(
        '[person]\nsex = "female"\nage = 61\ndiabetic = false\n\n[[dose]]\ndrug = "everolimus"\namount = "10 kg"\n'
        'every = "24 h"\n\n[[measured]]\nday = 0\nfasting_glucose = "104 mg/dL"\n'
    )
    with pytest.raises(PersonError) as raised:
        planned(path)
    assert "patient.toml:8" in str(raised.value)


TABLE = """id,sex,age,bmi,diabetic,date,drug,amount,every,fasting_glucose (mmol/L),hba1c (%)
A,female,61,27,false,2026-01-05,everolimus,10 mg,24 h,5.6,5.8
A,,,,,2026-01-19,,,,6.5,
B,male,55,31,yes,2026-01-05,everolimus,5 mg,24 h,7.1,6.8
"""


def test_a_table_is_the_files_of_its_people(tmp_path):
    path = tmp_path / "clinic.csv"
    path.write_text(TABLE)
    people = read_people(path)
    assert list(people) == ["A", "B"]
    one = read_person(people["A"])
    assert [round(v.value, 1) for v in one.values] == [100.9, 5.8, 117.1]
    assert one.scenario.arms[0].regimens[0].amounts[0] == 10.0
    assert read_person(people["B"]).members == {"diabetic": True}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fasting_glucose (mmol/L)", "fasting_glucose", "has no unit"),
        ("hba1c (%)", "hba1k (%)", "did you mean `hba1c`"),
        ("id,", "name,", "unknown column `name`"),
        (TABLE[TABLE.index("A,") :], "", "has no rows"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, old, new, message):
    path = tmp_path / "clinic.csv"
    path.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(message)) as raised:
        read_people(path)
    assert "clinic.csv" in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "who", "message"),
    [
        ("2026-01-19", "19/01/2026", "A", "write dates as 2026-01-31"),
        (",61,", ",sixty,", "A", "`age` = `sixty` is not a number"),
        (",61,", ",nan,", "A", "`age` = `nan` is not a number"),
        ("A,,,", "A,male,,", "A", "`sex` of A is male here and female before"),
        ("yes", "perhaps", "B", "neither true nor false"),
        (",10 mg,24 h,", ",10 mg,,", "A", "the dose of everolimus has no `every`"),
    ],
)
def test_a_wrong_cell_costs_only_its_person(tmp_path, old, new, who, message):
    path = tmp_path / "clinic.csv"
    path.write_text(TABLE.replace(old, new, 1))
    people = read_people(path)
    assert isinstance(people[who], DataError)
    assert message in str(people[who]) + str(people[who].help)
    assert "clinic.csv:" in str(people[who])
    assert isinstance(people["B" if who == "A" else "A"], dict)


def test_decimal_commas_and_later_doses(tmp_path):
    path = tmp_path / "clinic.csv"
    path.write_text(
        "id;bmi;sex;diabetic;day;drug;amount;every;fasting_glucose (mmol/L)\n"
        "A;27,5;female;no;0;everolimus;10 mg;24 h;5,6\nA;;;;7;everolimus;10 mg;24 h;6,1\n"
        "A;;;;14;everolimus;5 mg;24 h;6,6\n"
    )
    person = read_people(path, "semicolon")["A"]
    assert person["person"]["bmi"] == 27.5
    # The same dose again is nothing new; another one ends it.
    assert [(d["amount"], d.get("stop")) for d in person["dose"]] == [("10 mg", 14), ("5 mg", None)]
    assert [round(v.value) for v in read_person(person).values] == [101, 110, 119]
