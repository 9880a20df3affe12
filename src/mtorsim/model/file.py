"""Module files: schema, and a module as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mtorsim.errors import Where
from mtorsim.files.record import Line, Record
from mtorsim.files.toml import TomlFile

from .expressions import Expression, parse_expression

__all__ = ["SECTIONS", "Contribution", "Delay", "Evidence", "Module", "ModuleFile", "Parameter", "RouteLine", "State"]


Evidence = Literal[
    "seen",
    "seen-secondary",
    "recalled",
    "recalled-high",
    "recalled-medium",
    "recalled-low",
    "fit",
    "design",
    "derived",
    "placeholder",
    "convention",
]
"""Kinds of evidence for a value; `recalled` means not checked against its source."""


def _as_text(value: Any) -> Any:
    """Accept a bare number as an equation."""
    return repr(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Equation = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | float)]
Numbers = Annotated[list[float], Field(min_length=2, max_length=2)]
Distribution = Literal["log-normal", "normal", "logit-normal"]


class Head(Record):
    """The `[module]` table."""

    name: Line = Field(description="the module's name, with which full names begin; same as the file's name")
    about: Line = Field(description="one sentence on the module")
    time: Literal["s", "min", "h", "d"] = Field(description="the unit of time of the derivatives")
    reads: list[Line] = Field(default=[], description="modules whose names this one uses")
    unitless: bool = Field(
        False, description="whether neither units nor sources are checked, as in an imported model; every unit is `1`"
    )
    rtol: Annotated[float, Field(ge=1e-9, le=0.1)] | None = Field(
        None, description="relative tolerance of a step that is tight enough for this module, by measurement"
    )


class Spread(Record):
    """Variability of a quantity between subjects."""

    iiv: Annotated[float, Field(ge=0, le=3)] | None = Field(None, description="SD between subjects, on the log scale")
    cv: Annotated[float, Field(ge=0, le=5)] | None = Field(None, description="coefficient of variation, a fraction")
    variance: Annotated[float, Field(ge=0, le=9)] | None = Field(
        None, description="variance between subjects on the log scale, as in NONMEM's OMEGA"
    )
    distribution: Distribution = Field("log-normal", description="type of distribution")
    df: Annotated[int, Field(ge=3, le=100)] | None = Field(
        None, description="degrees of freedom, for heavier tails: the random effect is t-distributed"
    )
    box_cox: Annotated[float, Field(ge=-5, le=5)] | None = Field(
        None, description="shape of a skewed random effect: (exp(shape * eta) - 1) / shape"
    )
    iov: Annotated[float, Field(ge=0, le=3)] | None = Field(
        None, description="SD between occasions of a subject, on the log scale"
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Spread:
        if len(self.measures) > 1:
            raise ValueError(f"has two measures of variability: give `{self.measures[0]}` or `{self.measures[1]}`")
        if self.distribution == "normal" and self.measures:
            raise ValueError("with a normal distribution belongs in a population file, with its `sd`")
        if self.df is not None and self.box_cox is not None:
            raise ValueError("give `df` or `box_cox`, not both")
        if self.iov is not None and self.distribution != "log-normal":
            raise ValueError("with `iov` must have a log-normal distribution")
        return self

    @property
    def measures(self) -> list[str]:
        """The measures of variability that are given."""
        return [name for name in ("iiv", "cv", "variance") if getattr(self, name) is not None]


class Parameter(Spread):
    """A line of `[parameters]`."""

    value: float | None = Field(None, description="the typical value")
    unit: Line = Field(description="its unit, `1` for a pure number")
    about: Line = Field(description="meaning")
    source: Line | None = Field(None, description="a key of references.bib")
    evidence: Evidence | None = Field(None, description="kind of evidence for the value")
    range: Numbers | None = Field(None, description="lowest and highest plausible value")
    covariate: Line | None = Field(None, description="the population's covariate that replaces the value")
    origin: Literal["run_in"] | None = Field(None, alias="from", description="`run_in` if computed per subject")


class State(Record):
    """A line of `[states]`."""

    unit: Line = Field(description="its unit")
    about: Line = Field(description="meaning")
    initial: Equation | None = Field(None, description="value at t = 0, unless [rest] gives it")
    scale: Annotated[float, Field(gt=0)] = Field(1.0, description="a typical size, for the absolute tolerance")


class Named(Record):
    """A line of `[expressions]` or `[observables]`."""

    is_: Equation = Field(alias="is", description="the equation")
    unit: Line = Field(description="its unit")
    about: Line = Field(description="meaning")
    source: Line | None = Field(None, description="a key of references.bib")
    evidence: Evidence | None = Field(None, description="kind of evidence")


class Port(Record):
    """A line of `[inputs]` or `[modifiers]`."""

    unit: Line = Field(description="its unit")
    about: Line = Field(description="meaning of the target for other modules")


class Contribution(Record):
    """A `[[contributes]]` table."""

    to: Line = Field(description="full name of an input or a modifier, such as `glucose_insulin.f_hepatic`")
    is_: Equation = Field(alias="is", description="the equation")
    unit: Line = Field(description="its unit")
    mechanism: Line = Field(description="name of its switch, such as `mtorc2.liver`")
    about: Line = Field(description="meaning")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")
    default: Annotated[float, Field(ge=0, le=1)] = Field(1.0, description="default of the switch: 1 on, 0 off")


class Transit(Record):
    """A chain of transit compartments through which a dose reaches its state."""

    stages: Annotated[int, Field(ge=1, le=100)] = Field(description="number of compartments")
    time: Equation = Field(description="mean transit time, an equation of parameters")


class Delay(Record):
    """A line of `[delays]`: a quantity as it was some time ago, by a chain of stages."""

    of: Equation = Field(description="the quantity")
    by: Equation = Field(description="the mean delay, an equation of parameters")
    stages: Annotated[int, Field(ge=1, le=100)] = Field(
        description="number of stages; the delay has a coefficient of variation of 1 / sqrt(stages)"
    )
    unit: Line = Field(description="its unit")
    about: Line = Field(description="meaning")
    initial: Equation = Field(description="its value at t = 0 and before")
    scale: Annotated[float, Field(gt=0)] = Field(1.0, description="a typical size, for the absolute tolerance")


class RouteLine(Record):
    """A line of `[doses]`."""

    to: Line = Field(description="the state or input a dose goes to")
    unit: Line = Field(description="the unit of the amount")
    about: Line = Field(description="route of administration")
    range: Numbers | None = Field(None, description="smallest and largest plausible amount; 0 is always allowed")
    bioavailability: Equation = Field("1", description="bioavailable fraction")
    lag: Equation = Field("0", description="lag time")
    appetite: Equation = Field("1", description="share of a meal plan's amount that a subject eats")
    rate: Equation | None = Field(None, description="rate of infusions with RATE = -1")
    duration: Equation | None = Field(None, description="duration of infusions with RATE = -2")
    transit: Transit | None = Field(None, description="transit compartments before the state")


class Condition(Record):
    """A line of `[conditions]`: temporary factors on parameters of this module."""

    about: Line = Field(description="description, such as another drug, a meal or liver failure")
    multiply: dict[str, Annotated[float, Field(ge=0)]] = Field(description="factors on this module's parameters")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")


class Node(Record):
    """A line of `[nodes]`: a quantity in the diagram of the mechanism."""

    of: Line = Field(description="the quantity: a state or an expression of this module")
    organ: Line = Field(description="the organ or pathway in which it is drawn")
    label: Line = Field(description="its name in the diagram, in a few words")
    plain: Line = Field("", description="what it is, in a sentence that a student understands")
    parts: list[Line] = Field(default=[], description="further quantities of this module that belong to it")


class Effect(Record):
    """A line of `[effects]`: mechanisms through which a drug acts, under one name, for explanations."""

    mechanisms: list[Line] = Field(description="switches of this module's contributions")
    label: Line = Field(description="its name in tables and figures")
    family: Line = Field(description="what it is a part of, such as insulin action")


class Inner(Record):
    """The `[rest.inner]` table: a second unknown, solved for at each value of the first."""

    unknown: Line = Field(description="name of the second unknown")
    unit: Line = Field(description="the unit of the second unknown")
    between: Numbers = Field(description="the two values that enclose its root")
    balance: Equation = Field(
        description="the equation that is zero at its root, positive below, finite at both bounds"
    )


class Rest(Record):
    """The `[rest]` table: the untreated fasting state as one bracketed root."""

    unknown: Line = Field(description="name of the unknown")
    unit: Line = Field(description="the unit of the unknown")
    between: Numbers = Field(description="the two values that enclose the root")
    balance: Equation = Field(description="the equation that is zero at rest, positive below the root")
    inner: Inner | None = Field(None, description="a second unknown, solved for at each value of the first")
    states: dict[str, Equation] = Field(description="each state, in the order of evaluation")


class RunIn(Record):
    """The `[run_in]` table: parameters computed from each subject's untreated day."""

    hold: list[Line] = Field(default=[], description="states held constant")
    mean: dict[str, Equation] = Field(default={}, description="averages over the untreated day")
    then: dict[str, Equation] = Field(default={}, description="parameters that follow from them, in order")


class ModuleFile(Record):
    """A module file, table by table."""

    module: Head = Field(description="the table that names the module")
    parameters: dict[str, Parameter] = Field(default={}, description="constants of a subject")
    states: dict[str, State] = Field(default={}, description="quantities with a derivative")
    expressions: dict[str, Named] = Field(default={}, description="quantities that follow from the others")
    derivatives: dict[str, Equation] = Field(default={}, description="right-hand sides of the states")
    inputs: dict[str, Port] = Field(default={}, description="sums of what other modules contribute")
    modifiers: dict[str, Port] = Field(default={}, description="products of what other modules contribute")
    contributes: list[Contribution] = Field(default=[], description="effects of this module on others")
    observables: dict[str, Named] = Field(default={}, description="recorded quantities")
    delays: dict[str, Delay] = Field(default={}, description="quantities as they were some time ago")
    doses: dict[str, RouteLine] = Field(default={}, description="routes of doses")
    conditions: dict[str, Condition] = Field(default={}, description="temporary factors on parameters")
    rest: Rest | None = Field(None, description="the untreated fasting state")
    run_in: RunIn | None = Field(None, description="parameters computed from the untreated day")
    nodes: dict[str, Node] = Field(default={}, description="quantities in the diagram of the mechanism")
    effects: dict[str, Effect] = Field(default={}, description="mechanisms of a drug by name, for explanations")


SECTIONS = ("parameters", "states", "expressions", "inputs", "modifiers", "observables")
"""Sections that declare names."""
Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Module:
    """A module: its data, and the place of each part.

    Attributes
    ----------
    data
        All lines, with those that others stand for: clocks, delays and transit compartments.
    file
        The file.
    origins
        For each line that is not in the file, the line that stands for it.
    clocks
        Those of the states `t`, `tad` and `last_dose` that its equations use without declaring them.
    """

    data: ModuleFile
    file: TomlFile
    origins: Mapping[Key, Key] = field(default_factory=dict, repr=False)
    clocks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The module's name."""
        return self.data.module.name

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The section in which each name is declared."""
        return {name: section for section in SECTIONS for name in getattr(self.data, section)}

    def where(self, *key: str | int, needle: str | None = None) -> Where:
        """Place of a part of the file."""
        return self.file.where(self.origins.get(key[:2], key), needle)

    def expression(self, text: str, *key: str | int) -> Expression:
        """Parse an equation of this file, keeping its place."""
        if key[:2] in self.origins:
            return parse_expression(text, replace(self.where(*key), column=None))
        return parse_expression(text, self.file.where(key, needle=text))
