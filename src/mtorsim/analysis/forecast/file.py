"""Schema of a person's file: who it is, which doses were given, what was measured, and which options to compare."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from mtorsim.files.record import Line, Record
from mtorsim.scenario.file import DoseLine

__all__ = ["MEASURED", "DoseGiven", "Measured", "OptionLine", "PersonFile"]


def _as_date(value: Any) -> Any:
    """Drop the time of a date; raise for text."""
    if isinstance(value, str):
        raise ValueError("is text: write a date without quotes, such as 2026-01-31")
    return value.date() if isinstance(value, dt.datetime) else value


Date = Annotated[dt.date, BeforeValidator(_as_date)]
Day = Annotated[int | dt.date, BeforeValidator(_as_date)]
"""A date, or a day number from the start."""


class Head(Record):
    """The `[person]` table."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: Line = Field("this person", description="a label, which appears in the output only")
    population: Line = Field("oncology", description="the population to which the person belongs before measurements")
    model: list[Line] | None = Field(
        None, description="modules; default: glucose_insulin, mtor, and the drugs that are dosed"
    )
    sex: Line | None = Field(None, description="female or male")
    weight: float | None = Field(None, ge=1, le=400, description="body weight in kg; with `height` or `bmi`")
    covariates: dict[str, float] = Field(default={}, description="covariates of the population, such as haematocrit")
    age: float | None = Field(None, ge=0, le=120, description="years")
    bmi: float | None = Field(None, ge=8, le=100, description="body mass index in kg/m^2")
    height: float | None = Field(None, ge=0.3, le=2.6, description="body height in m")
    groups: dict[str, bool] = Field(default={}, description="whether the person is a member of a group, by its name")
    diabetic: bool | None = Field(None, description="whether the person was known to be diabetic before treatment")
    start: Date | None = Field(None, description="first day; default: that of the first dose or measurement")
    now: Day | None = Field(None, description="day from which the forecast looks ahead; default: the last measurement")
    ahead: Line = Field("12 weeks", description="how far the forecast looks")
    meals: Line = Field("three a day", description="plan of the meals")
    occasion: Line = Field("2 days", description="length of an occasion of the variability from day to day")
    uln: Line | None = Field(None, description="the laboratory's upper limit of normal of fasting glucose")
    ctcae: Line = Field("4.03", description="version of the CTCAE that grades glucose")


class DoseGiven(DoseLine):
    """A `[[dose]]` table: as in a scenario, with dates or day numbers."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    start: Day | None = Field(None, description="first day; default: the start")  # pyright: ignore[reportIncompatibleVariableOverride]
    stop: Day | None = Field(None, description="first day without a dose; default: it goes on")  # pyright: ignore[reportIncompatibleVariableOverride]


MEASURED = ("fasting_glucose", "glucose", "hba1c", "insulin", "c_peptide", "drug_level", "weight")
"""Quantities that can be measured."""


class Measured(Record):
    """A `[[measured]]` table: what was measured on one day; amounts with units, `< 2 uU/mL` below a limit."""

    date: Date | None = Field(None, description="the date")
    day: Annotated[int, Field(ge=0)] | None = Field(None, description="instead of a date: the day from the start")
    time: Line = Field("07:30", description="clock time; before breakfast unless it says otherwise")
    meter: bool = Field(False, description="whether glucose is from a home meter, with a larger error")
    fasting_glucose: Line | None = Field(None, description="such as `131 mg/dL` or `7.3 mmol/L`")
    glucose: Line | None = Field(None, description="glucose at a time that is not fasting")
    hba1c: Line | None = Field(None, description="such as `5.9 %` or `41 mmol/mol`")
    insulin: Line | None = Field(None, description="such as `9 uU/mL` or `54 pmol/L`")
    c_peptide: Line | None = Field(None, description="such as `2.1 ng/mL` or `0.7 nmol/L`")
    drug_level: Line | None = Field(None, description="such as `14 ug/L`")
    weight: Line | None = Field(None, description="such as `71 kg`; needs a model with body weight")

    @model_validator(mode="after")
    def _one_day(self) -> Measured:
        if self.date is not None and self.day is not None:
            raise ValueError("has both a `date` and a `day`: leave one of them out")
        if self.date is None and self.day is None:
            raise ValueError("needs a `date` or a `day`")
        if all(getattr(self, name) is None for name in MEASURED):
            raise ValueError('has no value: write for example `fasting_glucose = "131 mg/dL"`')
        return self


class OptionLine(Record):
    """An `[[option]]` table: what could be done from now on."""

    name: Line = Field(description="its name")
    factor: dict[str, Annotated[float, Field(ge=0, le=10)]] = Field(
        default={}, description="factor on later doses of a drug, such as `everolimus = 0.5`; 0 holds it"
    )
    dose: list[dict[str, Any]] = Field(default=[], description="doses that begin now, as `[[dose]]` of a scenario")


class PersonFile(Record):
    """A person's file, table by table."""

    person: Head = Field(description="who it is")
    dose: list[DoseGiven] = Field(default=[], description="doses given")
    measured: Annotated[list[Measured], Field(min_length=1)] = Field(description="what was measured, in order of time")
    option: list[OptionLine] = Field(default=[], description="what could be done; default: the usual options")
    errors: dict[str, Annotated[float, Field(ge=0.001, le=0.5)]] = Field(
        default={}, description="coefficient of variation of the error of a measured quantity"
    )
