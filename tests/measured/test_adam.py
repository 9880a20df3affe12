"""Laboratory datasets with the names of CDISC, one row per value, give the indices of a table of samples."""

from __future__ import annotations

import pytest

import mtorsim as mt

GLUCOSE, INSULIN = (90, 150, 140, 130, 110), (6, 60, 70, 50, 40)
HEAD = "STUDYID,USUBJID,PARAMCD,AVAL,AVALU,ARRLT,RRLTU,AVISIT\n"


def rows(visit="V1", unit="MINUTES", scale=1.0):
    lines = [
        f"S,S-1,{code},{value},{of},{30 * k * scale:g},{unit},{visit}\n"
        for code, values, of in (("GLUC", GLUCOSE, "mg/dL"), ("INSULIN", INSULIN, "uU/mL"))
        for k, value in enumerate(values)
    ]
    return "".join([*lines, f"S,S-1,HBA1C,5.5,%,0,{unit},{visit}\n"])


def read(tmp_path, text, **given):
    path = tmp_path / "adlb.csv"
    path.write_text(text, encoding="utf-8")
    return mt.indices(path, "ogtt", **given)


@pytest.fixture
def expected(tmp_path):
    text = "ID,TIME,glucose (mg/dL),insulin (uU/mL)\n"
    text += "".join(f"S-1,{30 * k},{g},{i}\n" for k, (g, i) in enumerate(zip(GLUCOSE, INSULIN, strict=True)))
    return read(tmp_path, text).frame


@pytest.mark.parametrize(("unit", "scale"), [("MINUTES", 1.0), ("HOURS", 1 / 60), ("min", 1.0)])
def test_indices_are_those_of_a_table_of_samples(tmp_path, expected, unit, scale):
    found = read(tmp_path, HEAD + rows(unit=unit, scale=scale), dialect="adam")
    assert found.frame.drop(columns="ID").equals(expected.drop(columns="ID"))
    assert "parameters that are not measured quantities: HBA1C" in " ".join(found.reading)


def test_visits_are_told_apart_by_a_column(tmp_path):
    both = HEAD + rows("V1") + rows("V2")
    assert len(read(tmp_path, both, dialect="adam", by=["AVISIT"]).frame) == 2
    with pytest.raises(mt.MtorsimError, match=r"glucose has two values at the same time\n  help: .* with `by`"):
        read(tmp_path, both, dialect="adam")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MINUTES", "mg", "column RRLTU has `mg`"),
        ("S,S-1,GLUC,150,mg/dL", "S,S-1,GLUC,8,mmol/L", "adlb.csv:3: glucose is in mmol/L here and in mg/dL before"),
        ("AVALU", "UNIT", "there is no column AVALU"),
        ("ARRLT", "HOUR", "there is no column ARRLT or AFRLT"),
        ("USUBJID", "WHO", "there is no column USUBJID or SUBJID"),
    ],
)
def test_what_is_missing_or_mixed_is_told(tmp_path, old, new, message):
    with pytest.raises(mt.MtorsimError, match=message):
        read(tmp_path, (HEAD + rows()).replace(old, new), dialect="adam")


def test_a_table_without_glucose_names_its_codes(tmp_path):
    text = (HEAD + rows()).replace("GLUC", "GLUCOX").replace("INSULIN", "INS2")
    with pytest.raises(mt.MtorsimError, match="PARAMCD has no glucose or insulin, but `GLUCOX`, `INS2`, `HBA1C`"):
        read(tmp_path, text, dialect="adam")


def test_names_are_not_guessed(tmp_path):
    with pytest.raises(mt.MtorsimError, match='help: pass `dialect="adam"`'):
        read(tmp_path, HEAD + rows())
