"""What the page asks: one person, a drug and its schedule, therapies, and mechanisms that are spared; as a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mtorsim.analysis.forecast.options import THERAPIES as LOWERING
from mtorsim.errors import ArgumentError, choose_from, did_you_mean
from mtorsim.files.library import Library
from mtorsim.scenario.scenario import Scenario

__all__ = ["ARMS", "DRUGS", "PEOPLE", "PERSON", "THERAPIES", "Drug", "Question", "read_numbers", "read_question"]

ARMS = "with treatment", "without"
"""Names of the two arms."""


@dataclass(frozen=True)
class Drug:
    """A drug as the page offers it.

    Attributes
    ----------
    amount, highest, step
        Usual and highest amount on the slider, and its step, in `unit`.
    lowest
        Lowest amount that is tried in search of a given effect.
    every, days
        Usual interval in days, and days of each week on which it is given; 7 for all.
    more
        Further keys of its `[[dose]]`.
    """

    label: str
    amount: float
    highest: float
    step: float
    every: int = 1
    days: int = 7
    unit: str = "mg"
    hours: int = 24
    lowest: float = 0.5
    more: Mapping[str, str] = field(default_factory=dict)


DRUGS: Mapping[str, Drug] = {
    "everolimus": Drug("everolimus", 10, 20, 0.5),
    "sirolimus": Drug("sirolimus", 2, 10, 0.5),
    "temsirolimus": Drug("temsirolimus, into a vein", 25, 75, 5, every=7, lowest=1, more={"over": "30 min"}),
    "sapanisertib": Drug("sapanisertib (ATP-competitive, a placeholder)", 4, 12, 0.5),
    "alpelisib": Drug("alpelisib (PI3K inhibitor)", 300, 400, 50),
    "capivasertib": Drug("capivasertib (AKT inhibitor)", 400, 600, 40, hours=12, days=4),
}
"""Drugs by the name of their module."""

THERAPIES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "metformin": ("metformin 1 g twice a day", LOWERING["metformin"]),
    "sglt2_inhibitor": ("SGLT2 inhibitor (empagliflozin 25 mg)", LOWERING["sglt2_inhibitor"]),
    "dpp4_inhibitor": ("DPP-4 inhibitor (sitagliptin 100 mg)", {"amount": "100 mg", "every": "24 h"}),
    "basal_insulin": ("basal insulin 20 U", LOWERING["basal_insulin"]),
    "prednisolone": ("prednisolone 20 mg", {"amount": "20 mg", "every": "24 h"}),
    "tacrolimus": ("tacrolimus 3 mg twice a day", {"amount": "3 mg", "every": "12 h"}),
}
"""Drugs that may be given besides, by the name of their module: label and dose."""

PEOPLE: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "lean": ("healthy, lean", {"age": 30, "bmi": 22, "sensitivity": 1, "capacity": 1}),
    "obese": ("obese, normal glucose", {"age": 45, "bmi": 34, "sensitivity": 0.9, "capacity": 1.1}),
    "impaired": ("prediabetes", {"age": 60, "bmi": 30, "sensitivity": 0.75, "capacity": 0.6}),
    "diabetic": ("type 2 diabetes", {"age": 62, "bmi": 31, "sensitivity": 0.6, "capacity": 0.35}),
}
"""People to begin with, by name: label and values."""

PERSON = "male", "age", "bmi", "sensitivity", "capacity"
"""Keys that describe the person."""


def _listed(value: Any) -> Any:
    """A list, also from text with commas."""
    if isinstance(value, str):
        return [part for part in value.split(",") if part]
    return value


Names = Annotated[list[str], BeforeValidator(_listed)]


class Question(BaseModel):
    """The state of the page; every field has a limit, so that the work that it asks for is bounded."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    drug: str = Field("everolimus", description="name of the drug")
    dose: float = Field(10, ge=0, le=1000, description="amount of each dose, in the drug's unit")
    every: int = Field(1, ge=1, le=28, description="days between doses")
    days: int = Field(7, ge=1, le=7, description="days of each week with doses, for a daily drug")
    weeks: int = Field(24, ge=1, le=52, description="duration")
    stop: int | None = Field(None, ge=1, le=52, description="week in which the drug is stopped")
    male: int = Field(0, ge=0, le=1, description="1 for a man")
    age: float = Field(30, ge=18, le=90, description="years")
    bmi: float = Field(22, ge=16, le=50, description="body mass index")
    sensitivity: float = Field(1, ge=0.2, le=3, description="insulin sensitivity relative to the expected")
    capacity: float = Field(1, ge=0.1, le=3, description="secretory capacity relative to the expected")
    therapies: Names = Field(default=[], description="drugs given besides")
    off: Names = Field(default=[], description="mechanisms that are switched off")

    @property
    def modules(self) -> list[str]:
        """Names of the modules."""
        return ["glucose_insulin", "mtor", self.drug, "lipids", *self.therapies]

    def scenario(self, library: Library, observe: Sequence[str] = ()) -> Scenario:
        """The scenario of the question, with additional quantities to record.

        Raises
        ------
        MtorsimError
            If the scenario is invalid.
        """
        person = {key: float(getattr(self, key)) for key in PERSON}
        return Scenario(
            name="patient",
            title=f"{self.drug} in one person",
            model=self.modules,
            population="one_adult",
            subjects=1,
            seed=1,
            duration=f"{self.weeks} weeks",
            doses=[self._dose(), *({"drug": t, **THERAPIES[t][1]} for t in self.therapies)],
            visits=["0 d", "every 1 d"],
            arm_name=ARMS[0],
            arms={ARMS[1]: {"without": [self.drug, *self.therapies]}},
            settings={**person, **dict.fromkeys(self.off, 0.0)},
            observe=list(observe) or None,
            library=library,
        )

    def _dose(self) -> dict[str, Any]:
        """The drug's `[[dose]]`."""
        drug = DRUGS[self.drug]
        hours = drug.hours if drug.hours < 24 else 24 * self.every
        line: dict[str, Any] = {"drug": self.drug, "amount": f"{self.dose:g} {drug.unit}", "every": f"{hours} h"}
        if self.days < 7 and hours <= 24:
            line |= {"on": f"{self.days} d", "off": f"{7 - self.days} d"}
        if self.stop is not None and self.stop < self.weeks:
            line["stop"] = f"{self.stop} weeks"
        return {**line, **drug.more}


def read_question(given: Mapping[str, Any]) -> Question:
    """Read a question from the keys of an address or of a request.

    Raises
    ------
    ArgumentError
        For the first key that is unknown or value that is out of range.
    """
    try:
        question = Question.model_validate(dict(given))
    except ValidationError as problem:
        first = problem.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "question"
        if first["type"] == "extra_forbidden":
            raise ArgumentError(f"unknown key `{key[:40]}`", help=did_you_mean(key, Question.model_fields)) from None
        shown = str(first["input"])[:40]
        raise ArgumentError(f"`{key}` = {shown}: {first['msg'].lower()}") from None
    known = {"drug": ([question.drug], DRUGS), "therapies": (question.therapies, THERAPIES)}
    for key, (names, allowed) in known.items():
        for name in names:
            if name not in allowed:
                help = choose_from(name, allowed)
                raise ArgumentError(f"`{key}`: unknown name `{name[:40]}`", help=help)
    if len(question.off) > 20 or len(set(question.therapies)) < len(question.therapies):
        raise ArgumentError("`therapies` and `off` name each thing once")
    drug = DRUGS[question.drug]
    if question.dose > drug.highest:
        raise ArgumentError(f"`dose` = {question.dose:g}: at most {drug.highest:g} {drug.unit} of {question.drug}")
    return question


def read_numbers(text: str) -> list[float]:
    """Numbers with commas between them.

    Raises
    ------
    ArgumentError
        If one is not a number.
    """
    try:
        return [float(part) for part in text.split(",") if part]
    except ValueError:
        raise ArgumentError(f"`values` = {text[:40]}: not numbers", help="write for example values=5,7.5,10") from None
