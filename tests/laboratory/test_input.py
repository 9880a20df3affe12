"""What is given to the laboratory wrongly is one message that names it, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

import mtorsim as mt
from helpers import scenario
from mtorsim.protocols.registry import protocol


@pytest.mark.parametrize(
    ("args", "given", "said"),
    [
        ((1, "ngt"), {}, "the name of a test must be text, not 1"),
        ((None, "ngt"), {}, "the name of a test must be text, not none"),
        ((["ogtt"], "ngt"), {}, "the name of a test must be text, not a list"),
        (("ogtt", 1), {}, "`population` must be the name of a population, not 1"),
        (("ogtt",), {"scenario": 3}, "`scenario` must be"),
        (("ogtt", "ngt"), {"at": None}, "`at` must be text such as `4 weeks`, or hours, not none"),
        (("ogtt", "ngt"), {"at": float("nan")}, "`at` must be"),
        (("ogtt", "ngt"), {"arm": 1}, "`arm` must be"),
        (("ogtt", "ngt"), {"dose": ["everolimus"]}, "`dose` must be text"),
        (("ogtt", "ngt"), {"settings": [1]}, "`settings` must be numbers by name, not a list"),
        (("ogtt", "ngt"), {"settings": {"glucose_insulin.SIp": "x"}}, "`glucose_insulin.SIp` must be a finite number"),
        (("ogtt", "ngt"), {"settings": {1: 1}}, "a name in `settings` must be text"),
        (("ogtt", "ngt"), {"subjects": "3"}, '`subjects` must be a whole number, not "3"'),
        (("ogtt", "ngt"), {"subjects": 1.5}, "`subjects` must be a whole number"),
        (("ogtt", "ngt"), {"seed": True}, "`seed` must be a whole number, not true"),
        (("ogtt", "ngt"), {"rtol": None}, "`rtol` must be a finite number, not none"),
        (("ogtt", "ngt"), {"library": 1}, "`library` must be"),
        (("ogtt", "ngt"), {"note": 1}, "`note` must be"),
        (("ogtt", "ngt"), {"grams": "75"}, '`grams` must be a number, not "75"'),
        (("clamp", "ngt"), {"insulin": [1, None]}, "`insulin` must be a number, not none"),
        (("clamp", "ngt"), {"insulin": [1] * 200}, "it must have 1 to 12"),
        ((protocol("ogtt"), "ngt"), {"grams": 50}, "a protocol already has its options"),
    ],
)
def test_a_wrong_type_is_one_message(args, given, said):
    with pytest.raises(mt.MtorsimError) as error:
        mt.examine(*args, **given)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "foo"), "error: there is no population `foo`"),
        (("--dose", "everolimus 10 mgg q24h", "--at", "4 weeks"), "error: `dose`: unknown unit `mgg`"),
        (("--dose", "everolimuss 10 mg q24h", "--at", "4 weeks"), "error: `dose`: there is no drug `everolimuss`"),
        (("--dose", "minimal 10 mg q24h", "--at", "4 weeks"), "error: `minimal` is not a drug"),
        (("--dose", "glucose_insulin 10 mg q24h", "--at", "4 weeks"), "error: `glucose_insulin` is not a drug"),
        (("--dose", "metformin 10 mg q24h", "--at", "1 d"), "error: `dose`: `10 mg` of metformin is outside"),
        (("--dose", ""), "error: `dose` = `` has no drug"),
        (("--at", "200 years"), "error: `at` = 200 years is too late"),
        (("--with", "grams=50", "--with", "grams=60"), "error: `--with grams` is given twice"),
    ],
)
def test_a_message_names_the_option_and_no_file_that_nobody_wrote(mtorsim, words, said):
    found = mtorsim("test", "ogtt", *words)
    assert found.code == 2
    assert found.err.startswith(said)
    assert "laboratory" not in found.err


IN_A_SCENARIO = """
title = "t"
model = ["glucose_insulin"]
population = "ngt"
subjects = 1
duration = "2 d"
[visits]
at = ["0 d"]
[[test]]
kind = "{0}"
at = "0 d"
{1}
"""


@pytest.mark.parametrize(
    ("kind", "options", "said", "line"),
    [
        ("ogtt", 'options.grams = "75"', '`grams` must be a number, not "75"', 12),
        ("ogtt", "options.grams = true", "`grams` must be a number, not true", 12),
        ("ogtt", "options.gram = 5", "has no option `gram`", 12),
        ("ogtt", "options = { grams = 75, hours = 99 }", "`hours` = 99 is outside 2 to 12 h", 12),
        ("clamp", "\n[test.options]\nstep = 60\ninsulin = 99", "`insulin` = 99 is outside", 15),
        ("profile", "options.hours = 30", "`hours` = 30 is not a whole number of days", 12),
        ("ogt", "options.grams = 75", "there is no test `ogt`", 10),
    ],
)
def test_a_wrong_option_is_shown_where_it_stands(kind, options, said, line):
    with pytest.raises(mt.MtorsimError) as error:
        scenario(IN_A_SCENARIO.format(kind, options))
    assert said in error.value.message
    assert error.value.where is not None
    assert error.value.where.line == line


def test_a_test_lasts_as_long_as_asked():
    for name, option, value, minutes in (
        ("ogtt", "hours", 2.3, 138),
        ("mixed-meal", "hours", 3.1, 186),
        ("hyperglycaemic-clamp", "minutes", 95, 95),
        ("clamp", "step", 47.5, 95),
    ):
        found = protocol(name, **{option: value})
        assert found.minutes[-1] == minutes, name
        assert (found.minutes[1:] > found.minutes[:-1]).all()
    # Blood is drawn where one step ends and the next begins.
    assert 47.5 in protocol("clamp", step=47.5).minutes
    with pytest.raises(mt.MtorsimError, match="not a whole number of days"):
        protocol("profile", hours=30)


def test_an_odd_clamp_is_done_to_its_end():
    test = mt.examine("clamp", "ngt", insulin=[0.5, 1], step=47.5)
    assert test.minutes[-1] == 95
    assert test.indices["insulin_2"][1] > 1.5 * test.indices["insulin_1"][1]


@pytest.mark.parametrize(
    ("command", "option", "said"),
    [
        (("test", "ogtt"), ("--figure", "x.docx"), "not a picture"),
        (("test", "ogtt"), ("--figure", "file/x.png"), "cannot write"),
        (("test", "ogtt"), ("--figure", "folder.png"), "it is a folder"),
        (("validate", "--section", "pathway"), ("--html", "x.pdf"), "not a page"),
        (("validate", "--section", "pathway"), ("--html", "file/x.html"), "cannot write"),
    ],
)
def test_what_cannot_be_written_is_found_out_first(mtorsim, monkeypatch, tmp_path, command, option, said):
    def compute(*_args, **_given):
        raise AssertionError("computed first")

    monkeypatch.setattr("mtorsim.laboratory.examine.examine", compute)
    monkeypatch.setattr("mtorsim.validation.run.validate", compute)
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("not a folder", encoding="utf-8")
    Path("folder.png").mkdir()
    found = mtorsim(*command, *option)
    assert found.code == 2
    assert said in found.err


def test_a_page_that_is_there_outlives_a_mistake(mtorsim, tmp_path):
    page = tmp_path / "v.html"
    page.write_text("the last one", encoding="utf-8")
    assert mtorsim("validate", "--section", "nosuch", "--html", page).code == 2
    assert page.read_text(encoding="utf-8") == "the last one"


@pytest.mark.parametrize("test", ["ogtt", "clamp"])
@pytest.mark.parametrize(("name", "module"), [("minimal_ogtt", "minimal"), ("topp_insulin_resistance", "topp")])
def test_a_teaching_model_is_told_what_it_lacks(mtorsim, test, name, module):
    found = mtorsim("test", test, "--scenario", name)
    assert found.code == 2
    assert f"the test `{test}` cannot be done in `{module}`" in found.err
    assert "free fatty acids" in found.err
    assert "add it to" not in found.err


def test_a_test_in_a_teaching_scenario_is_refused_where_it_stands():
    text = IN_A_SCENARIO.format("clamp", "").replace('["glucose_insulin"]', '["minimal"]')
    with pytest.raises(mt.MtorsimError, match="cannot be done in `minimal`") as error:
        scenario(text)
    assert error.value.where is not None
    assert error.value.where.line == 10
