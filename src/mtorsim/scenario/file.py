"""The form of scenario files: tables and keys, checked for type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mtorsim.files.record import Line, Record
from mtorsim.model.file import Evidence
from mtorsim.population.file import Entry

__all__ = ["ChangeLine", "DoseLine", "Leaving", "RuleLine", "ScenarioFile", "Trial"]


MOST_SUBJECTS = 10**9


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Lines = Annotated[list[Line], BeforeValidator(_many, json_schema_input_type=str | list[str])]


def _flat(value: Any) -> Any:
    """Tables within tables as dotted names: `everolimus.CL = 25` needs no quotes."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        more = {f"{key}.{k}": v for k, v in _flat(inner).items()} if isinstance(inner, dict) else {key: inner}
        if set(more) & set(flat):
            raise ValueError(f"gives `{next(iter(set(more) & set(flat)))}` twice")
        flat |= more
    return flat


Settings = Annotated[dict[str, float], BeforeValidator(_flat, json_schema_input_type=dict[str, Any])]


class DoseLine(Record):
    """A `[[dose]]` table."""

    drug: Line = Field(description="name of the drug's module")
    amount: Line | None = Field(None, description="amount with unit, such as `10 mg`")
    every: Line | None = Field(None, description="dosing interval, such as `24 h`; once when left out")
    regimen: Line | None = Field(
        None, description="both as text, in turn: `10 mg q24h x 28 then 5 mg q12h x 56 then 5 mg q24h`"
    )
    over: Line | None = Field(None, description="duration of an infusion; at once when left out")
    on: Line | None = Field(None, description="doses are given for so long, and then withheld for `off`, in turn")
    off: Line | None = Field(None, description="how long doses are withheld after each `on`")
    start: Line = Field("0 h", description="time of the first dose's day, from the start")
    stop: Line | None = Field(None, description="no dose at or after this time; the end when left out")
    time: Line = Field("07:30", description="clock time of the first dose")
    route: Line | None = Field(None, description="route of the drug's module; its first when left out")
    missed: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="share of doses missed, drawn per subject")
    late: Line = Field("0 h", description="mean delay of a dose, drawn per subject")
    waits: bool = Field(False, description="given only from when a rule starts it")


class Meal(Record):
    """A `[[meals.add]]` table."""

    at: Line = Field(description="time from the start")
    carbohydrate: Line = Field(description="amount with unit, such as `75 g`")
    solid: Annotated[float, Field(ge=0, le=1)] = Field(0.7, description="share eaten as solid food")


class Meals(Record):
    """The `[meals]` table."""

    habit: Line = Field("three a day", description="plan of the untreated days before the start")
    plan: Line | None = Field(None, description="plan during the scenario; the habit when left out")
    solid: Annotated[float, Field(ge=0, le=1)] = Field(0.7, description="share of a plan's meals eaten as solid food")
    jitter: Line = Field("0 h", description="standard deviation of a plan's mealtimes, drawn per subject and meal")
    fast: Lines = Field(default=[], description="times from which a plan's meals are left out for a day")
    add: list[Meal] = Field(default=[], description="further meals")


class ChangeLine(Record):
    """A `[[change]]` table: parameters that are others for a while, such as a clearance beside an inhibitor."""

    about: Line = Field("", description="what it stands for")
    at: Line = Field(description="when it begins, from the start")
    until: Line | None = Field(None, description="when it ends; the end when left out")
    condition: Line | None = Field(None, description="a condition that a module knows, such as `everolimus.rifampicin`")
    set: Settings = Field(default={}, description="parameters and their values meanwhile")
    multiply: Settings = Field(default={}, description="parameters and the factors on everybody's own values")


# What it must be is the test's to say, so that a mistake names the option.
Option = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]})]


class TestLine(Record):
    """A `[[test]]` table: a test of the virtual laboratory, on copies of the subjects."""

    kind: Line = Field(description="the test's name, such as `ogtt`; `mtorsim test --help` lists them")
    at: Lines = Field(description="times from the start")
    options: dict[str, Option] = Field(
        default={}, description="what differs from the standard test, such as `insulin = [0.25, 1]`"
    )


class Stray(Record):
    """The `[visits.stray]` table: samples that are not what they are taken for; no biology."""

    share: Annotated[float, Field(ge=0, le=0.5)] = Field(description="share of fasting samples that are stray")
    factor: Annotated[float, Field(gt=0, le=5)] = Field(1.42, description="median factor on glucose")
    log_sd: Annotated[float, Field(ge=0, le=2)] = Field(0.35, description="SD of the factor's logarithm")
    about: Line = Field("", description="what it stands for")


class Visits(Record):
    """The `[visits]` table."""

    at: Lines = Field(description="times from the start; `every 4 weeks` goes on from the last one")
    sample: Line = Field("fasting", description="`fasting`, or `random` for whatever the hour brings")
    assay: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="coefficient of variation with which an observable is measured"
    )
    stray: Stray | None = Field(None, description="samples that are not what they are taken for")


class Leaving(Record):
    """The `[leaving]` table: how long people stay, for all reasons but the rules."""

    median: Line = Field(description="time by which half have left, such as `24 weeks`")
    shape: Annotated[float, Field(gt=0, le=10)] = Field(1.0, description="Weibull shape: 1 is a steady hazard")
    about: Line = Field("", description="what it stands for")


class RuleLine(Record):
    """A `[[rule]]` table: what is done at visits, and when."""

    name: Line | None = Field(None, description="the rule's name in the ledger; its number when left out")
    when: Line = Field(description="a condition on what is measured, such as `fasting_glucose > 250 mg/dL`")
    do: Lines = Field(description="what is done, such as `stop everolimus`; several in turn")
    confirmed: Annotated[int, Field(ge=1, le=20)] = Field(1, description="visits in a row at which it must hold")
    most: Annotated[int, Field(ge=1)] | None = Field(None, description="how often at most in one subject")
    since: Line = Field("0 h", description="time before which the rule is not asked")
    among: Line | None = Field(None, description="the group it is about, or `not` and the group it is not about")
    about: Line = Field("", description="where the rule comes from")


class Observed(Record):
    """An `[[observed]]` table: what a trial reported of one arm."""

    arm: Line = Field(description="the arm of this scenario it belongs to")
    endpoint: Literal[">ULN", ">126", ">160", ">250", ">500", "ae any", "ae grade 3-4"] = Field(
        description="`>ULN`, `>126`, `>160`, `>250`, `>500`, `ae any` or `ae grade 3-4`"
    )
    percent: Annotated[float, Field(ge=0, le=100)] | None = Field(None, description="share of subjects, %")
    below: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None, description="given where only a bound is reported, %"
    )
    of: Annotated[int, Field(ge=1)] = Field(description="how many subjects the arm had")
    role: Literal["calibration", "shown", "context", "prediction"] = Field(description="what it may be used for")
    source: Line = Field(description="where it was reported")
    evidence: Evidence = Field(description="how sure we are of it")


class Match(Record):
    """A `[[match]]` table: what a paper reports of its patients, which the virtual ones are weighted to."""

    of: Annotated[Lines, Field(min_length=1, max_length=2)] = Field(
        description="a covariate or parameter of the people, an observable at the first visit, or an index of a "
        "`[[test]]` at the start such as `ogtt.glucose_120`; two of them for their correlation"
    )
    mean: float | None = Field(None, description="the mean")
    sd: Annotated[float, Field(gt=0)] | None = Field(None, description="the SD")
    correlation: Annotated[float, Field(gt=-1, lt=1)] | None = Field(None, description="correlation of two quantities")
    source: Line = Field(description="where it was reported")
    evidence: Evidence = Field(description="how sure we are of it")


class Trial(Record):
    """The `[trial]` table: how a trial counts."""

    name: Line = Field(description="the trial's name")
    ctcae: Line = Field("4.03", description="version of the CTCAE that grades glucose")
    reporting: Line | None = Field("bolero_2", description="layer from grades to reported adverse events")
    calibration: Line | None = Field("trials", description="fit whose uncertainty goes into intervals; `none` for none")
    assumptions: list[Line] = Field(default=[], description="what no paper reports and was assumed, each varied")


class RecordLine(Record):
    """The `[record]` table: a finer series for figures."""

    every: Line = Field("24 h", description="interval of the series")


class Arm(Record):
    """An `[[arm]]` table: a variant of the scenario as written."""

    name: Line = Field(description="the arm's name")
    about: Line = Field("", description="what differs")
    without: Lines = Field(default=[], description="drugs whose doses are placebo")
    dose: list[DoseLine] | None = Field(None, description="doses that replace the scenario's")
    change: list[ChangeLine] | None = Field(None, description="changes that replace the scenario's")
    set: Settings = Field(default={}, description="parameters and switches from t = 0 on, for everyone in the arm")
    rule: list[RuleLine] | None = Field(None, description="rules that replace the scenario's")
    leaving: Leaving | None = Field(None, description="how long people stay in this arm")


class ScenarioFile(Record):
    """A scenario file, table by table."""

    title: Line = Field(description="one line for the head of reports")
    about: Line = Field("", description="what the scenario is for")
    model: Annotated[list[Line], Field(min_length=1)] = Field(description="names of the modules")
    population: Line = Field(description="name of the population")
    subjects: Annotated[int, Field(ge=1, le=MOST_SUBJECTS)] = Field(200, description="how many subjects there are")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(1, description="of the population's draws")
    duration: Line = Field(description="how long, such as `24 weeks`")
    uln: Line = Field("110 mg/dL", description="the laboratory's upper limit of normal of fasting glucose")
    arm_name: Line | None = Field(None, description="name of the arm as written; its drugs when left out")
    dose: list[DoseLine] = Field(default=[], description="doses of drugs")
    change: list[ChangeLine] = Field(default=[], description="parameters that are others for a while")
    meals: Meals = Field(default=Meals(), description="what is eaten")  # pyright: ignore[reportCallIssue]
    visits: Visits = Field(description="when it is measured")
    test: list[TestLine] = Field(default=[], description="tests of the virtual laboratory on copies of the subjects")
    record: RecordLine = Field(default=RecordLine(), description="a finer series for figures")  # pyright: ignore[reportCallIssue]
    observe: list[Line] = Field(default=[], description="further quantities to record, by full name")
    set: Settings = Field(default={}, description="medians of parameters, and switches")
    arm: list[Arm] = Field(default=[], description="variants of the scenario as written")
    rule: list[RuleLine] = Field(default=[], description="what is done at visits, in this order")
    leaving: Leaving | None = Field(None, description="how long people stay; to the end when left out")
    share: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="share of a group of the population, by the group's name"
    )
    sampled: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        default={}, description="share of a group among the subjects; each then counts by weight"
    )
    entry: list[Entry] = Field(default=[], description="further criteria on the untreated person")
    trial: Trial | None = Field(None, description="how a trial counts")
    observed: list[Observed] = Field(default=[], description="what was reported")
    match: list[Match] = Field(default=[], description="what the people are weighted to, in `mtorsim trial`")
