"""Schema of scenario files."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mtorsim.files.record import Line, Record
from mtorsim.model.file import Evidence, Numbers
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


class Interruptions(Record):
    """A dose's `interruptions`: times without the drug, for reasons other than glucose."""

    per_year: Annotated[float, Field(ge=0, le=50)] = Field(description="interruptions a year")
    lasts: Line = Field(description="their mean length, such as `2 weeks`; lengths are exponential")
    about: Line = Field("", description="reason and origin")


class DoseLine(Record):
    """A `[[dose]]` table."""

    drug: Line = Field(description="name of the drug's module")
    amount: Line | None = Field(None, description="amount with unit, such as `10 mg`, `4.5 mg/m^2` or `0.1 mg/kg`")
    round_to: Line | None = Field(
        None, description="tablet to whose multiples doses by body size are rounded, at least one; default: no rounding"
    )
    every: Line | None = Field(None, description="dosing interval, such as `24 h`; default: a single dose")
    regimen: Line | None = Field(
        None, description="amounts and intervals in sequence: `10 mg q24h x 28 then 5 mg q12h x 56 then 5 mg q24h`"
    )
    over: Line | None = Field(None, description="duration of an infusion; default: a bolus")
    on: Line | None = Field(None, description="length of a period with doses, in alternation with `off`")
    off: Line | None = Field(None, description="length of a period without doses")
    start: Line = Field("0 h", description="time of the first dose's day, from the start")
    stop: Line | None = Field(None, description="no dose at or after this time; default: the end")
    time: Line = Field("07:30", description="clock time of the first dose")
    route: Line | None = Field(None, description="route of the drug's module; default: the first")
    missed: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="share of doses missed, drawn per subject")
    late: Line = Field("0 h", description="mean delay of a dose, drawn per subject")
    interruptions: Interruptions | None = Field(None, description="interruptions at random times")
    waits: bool = Field(False, description="whether the drug waits until a rule starts it")


class EpisodeLine(Record):
    """An `[[episode]]` table: something that befalls subjects at random times, in all arms alike."""

    what: Line = Field(description="the module that is dosed, such as `illness`")
    amount: Line | float = Field(description="amount with its unit; a number if it has none")
    route: Line | None = Field(None, description="route; default: the module's first")
    over: Line | None = Field(None, description="its length; default: at once")
    per_year: Annotated[float, Field(ge=0, le=50)] = Field(description="episodes a year")
    spread: Annotated[float, Field(ge=0, le=3)] = Field(
        0.0, description="SD of the logarithm of the amount between episodes"
    )
    about: Line = Field("", description="meaning and origin")


class Meal(Record):
    """A `[[meals.add]]` table."""

    at: Line = Field(description="time from the start")
    carbohydrate: Line = Field(description="amount with unit, such as `75 g`")
    protein: Line = Field("0 g", description="amount with unit")
    fat: Line = Field("0 g", description="amount with unit")
    solid: Annotated[float, Field(ge=0, le=1)] = Field(0.7, description="share of solid food")


class Meals(Record):
    """The `[meals]` table."""

    habit: Line = Field("three a day", description="habitual meal plan, before the start")
    plan: Line | None = Field(None, description="meal plan during the scenario; default: the habitual one")
    solid: Annotated[float, Field(ge=0, le=1)] = Field(0.7, description="share of solid food in a plan's meals")
    jitter: Line = Field("0 h", description="SD of a plan's mealtimes, drawn per subject and meal")
    fast: Lines = Field(default=[], description="times from which a plan's meals are skipped for a day")
    add: list[Meal] = Field(default=[], description="further meals")


class ChangeLine(Record):
    """A `[[change]]` table: temporary parameter changes, such as a clearance under an inhibitor."""

    about: Line = Field("", description="meaning")
    at: Line = Field(description="time of its start")
    until: Line | None = Field(None, description="time of its end; default: the scenario's end")
    condition: Line | None = Field(None, description="a condition defined by a module, such as `everolimus.rifampicin`")
    set: Settings = Field(default={}, description="parameters and their temporary values")
    multiply: Settings = Field(default={}, description="parameters and the factors on each subject's values")


# Validated by the protocol itself, so that errors name the option.
Option = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]})]


class TestLine(Record):
    """A `[[test]]` table: a laboratory test, on copies of the subjects."""

    kind: Line = Field(description="the test's name, such as `ogtt`; `mtorsim test --help` lists them")
    at: Lines = Field(description="times from the start")
    options: dict[str, Option] = Field(
        default={}, description="options that differ from the standard test, such as `insulin = [0.25, 1]`"
    )


class NotFasting(Record):
    """The `[visits.not_fasting]` table: samples that count as fasting but were drawn after a meal."""

    share: Annotated[float, Field(ge=0, le=0.5)] = Field(description="share of samples")
    hours: Numbers = Field(
        default=[0.5, 2.5], description="earliest and latest hour after breakfast, taken from the subject's day before"
    )
    about: Line = Field("", description="origin")


class Visits(Record):
    """The `[visits]` table."""

    at: Lines = Field(description="times from the start; `every 4 weeks` repeats from the last one")
    sample: Line = Field("fasting", description="`fasting`, or `random` for any time of day")
    assay: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="coefficient of variation of the measurement of an observable"
    )
    not_fasting: NotFasting | None = Field(None, description="the table of samples that were not fasting")


class Leaving(Record):
    """The `[leaving]` table: time on study, for all reasons but the rules."""

    median: Line = Field(description="time by which half have left, such as `24 weeks`")
    shape: Annotated[float, Field(gt=0, le=10)] = Field(1.0, description="Weibull shape: 1 is a constant hazard")
    about: Line = Field("", description="meaning")


class RuleLine(Record):
    """A `[[rule]]` table: a condition and actions at visits."""

    name: Line | None = Field(None, description="the rule's name in the ledger; default: its number")
    when: Line = Field(description="a condition on measured quantities, such as `fasting_glucose > 250 mg/dL`")
    do: Lines = Field(description="actions, such as `stop everolimus`; several in order")
    confirmed: Annotated[int, Field(ge=1, le=20)] = Field(
        1, description="number of consecutive visits at which the condition must hold"
    )
    most: Annotated[int, Field(ge=1)] | None = Field(None, description="maximum number of times per subject")
    since: Line = Field("0 h", description="time before which the rule does not apply")
    among: Line | None = Field(None, description="the group to which it applies, or `not` and an excluded group")
    about: Line = Field("", description="origin of the rule")


class Observed(Record):
    """An `[[observed]]` table: a reported rate of one arm of a trial."""

    arm: Line = Field(description="the arm of this scenario")
    endpoint: Literal[">ULN", ">126", ">160", ">250", ">500", "ae any", "ae grade 3-4"] = Field(
        description="`>ULN`, `>126`, `>160`, `>250`, `>500`, `ae any` or `ae grade 3-4`"
    )
    percent: Annotated[float, Field(ge=0, le=100)] | None = Field(None, description="share of subjects, %")
    below: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None, description="upper bound, if only a bound is reported, %"
    )
    of: Annotated[int, Field(ge=1)] = Field(description="number of subjects in the arm")
    role: Literal["calibration", "shown", "context", "prediction"] = Field(
        description="its use: calibration, prediction, shown or context"
    )
    source: Line = Field(description="a key of references.bib, or the citation in words")
    evidence: Evidence = Field(description="kind of evidence")


class Match(Record):
    """A `[[match]]` table: reported patient characteristics, to which virtual patients are weighted."""

    of: Annotated[Lines, Field(min_length=1, max_length=2)] = Field(
        description="a covariate or parameter of the subjects, an observable at the first visit, or an index of a "
        "`[[test]]` at the start such as `ogtt.glucose_120`; two of them for their correlation"
    )
    mean: float | None = Field(None, description="the mean")
    sd: Annotated[float, Field(gt=0)] | None = Field(None, description="the SD")
    correlation: Annotated[float, Field(gt=-1, lt=1)] | None = Field(None, description="correlation of two quantities")
    source: Line = Field(description="a key of references.bib, or the citation in words")
    evidence: Evidence = Field(description="kind of evidence")


class Trial(Record):
    """The `[trial]` table: counting of endpoints."""

    name: Line = Field(description="the trial's name")
    ctcae: Line = Field("4.03", description="version of the CTCAE that grades glucose")
    reporting: Line | None = Field("bolero_2", description="layer from grades to reported adverse events")
    calibration: Line | None = Field("trials", description="fit whose uncertainty widens intervals; `none` for none")
    assumptions: list[Line] = Field(default=[], description="assumptions that no paper reports")


class RecordLine(Record):
    """The `[record]` table: a finer series for figures."""

    every: Line = Field("24 h", description="interval of the series")


class Arm(Record):
    """An `[[arm]]` table: a variant of the scenario as written."""

    name: Line = Field(description="the arm's name")
    about: Line = Field("", description="what differs")
    without: Lines = Field(default=[], description="drugs whose doses are placebo")
    dose: list[DoseLine] | None = Field(None, description="doses, replacing the scenario's")
    change: list[ChangeLine] | None = Field(None, description="changes, replacing the scenario's")
    set: Settings = Field(
        default={}, description="parameters and switches from t = 0 onwards, for all subjects in the arm"
    )
    rule: list[RuleLine] | None = Field(None, description="rules, replacing the scenario's")
    leaving: Leaving | None = Field(None, description="time on study in this arm")
    visits: Lines | None = Field(
        None, description="times of this arm's visits, replacing the scenario's; nothing is measured at those of others"
    )


class ScenarioFile(Record):
    """A scenario file, table by table."""

    title: Line = Field(description="the title of reports")
    about: Line = Field("", description="purpose of the scenario")
    model: Annotated[list[Line], Field(min_length=1)] = Field(description="names of the modules")
    population: Line = Field(description="name of the population")
    subjects: Annotated[int, Field(ge=1, le=MOST_SUBJECTS)] = Field(200, description="number of subjects")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(1, description="seed of the population's draws")
    duration: Line = Field(description="duration, such as `24 weeks`")
    occasion: Line | None = Field(None, description="length of an occasion, for variability between occasions (`iov`)")
    uln: Line = Field("110 mg/dL", description="the laboratory's upper limit of normal of fasting glucose")
    arm_name: Line | None = Field(None, description="name of the arm as written; default: its drugs")
    dose: list[DoseLine] = Field(default=[], description="doses of drugs")
    change: list[ChangeLine] = Field(default=[], description="temporary parameter changes")
    episode: list[EpisodeLine] = Field(default=[], description="what befalls subjects at random times")
    meals: Meals = Field(default=Meals(), description="the table of meals")  # pyright: ignore[reportCallIssue]
    visits: Visits = Field(description="times of measurements")
    test: list[TestLine] = Field(default=[], description="laboratory tests on copies of the subjects")
    record: RecordLine = Field(default=RecordLine(), description="a finer series for figures")  # pyright: ignore[reportCallIssue]
    observe: list[Line] = Field(default=[], description="additional quantities to record, by full name")
    set: Settings = Field(default={}, description="medians of parameters, and switches")
    arm: list[Arm] = Field(default=[], description="variants of the scenario as written")
    rule: list[RuleLine] = Field(default=[], description="rules at visits, in this order")
    leaving: Leaving | None = Field(None, description="time on study; default: to the end")
    share: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="share of a group of the population, by the group's name"
    )
    sampled: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        default={},
        description="share of a group among the simulated subjects, to oversample it; results are reweighted",
    )
    entry: list[Entry] = Field(default=[], description="additional entry criteria on the untreated subject")
    trial: Trial | None = Field(None, description="counting of endpoints")
    observed: list[Observed] = Field(default=[], description="reported rates")
    match: list[Match] = Field(
        default=[], description="reported patient characteristics for weighting, in `mtorsim trial`"
    )
