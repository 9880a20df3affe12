"""Module files: schema and reading."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mtorsim.errors import ModelError, Where
from mtorsim.files.record import Line, Record, read_record
from mtorsim.files.toml import TomlFile

from .expressions import Expression, is_identifier, parse_expression

__all__ = ["Contribution", "Evidence", "Module", "ModuleFile", "Parameter", "State", "read_module"]


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


class Spread(Record):
    """Variability of a quantity between subjects."""

    iiv: Annotated[float, Field(ge=0, le=3)] | None = Field(None, description="SD between subjects, on the log scale")
    cv: Annotated[float, Field(ge=0, le=5)] | None = Field(None, description="coefficient of variation, a fraction")
    distribution: Distribution = Field("log-normal", description="type of distribution")

    @model_validator(mode="after")
    def _one_measure(self) -> Spread:
        if self.iiv is not None and self.cv is not None:
            raise ValueError("give `iiv` or `cv`, not both")
        if self.distribution == "normal" and (self.iiv is not None or self.cv is not None):
            raise ValueError("with a normal distribution belongs in a population file, with its `sd`")
        return self


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


class RouteLine(Record):
    """A line of `[doses]`."""

    to: Line = Field(description="the state or input a dose goes to")
    unit: Line = Field(description="the unit of the amount")
    about: Line = Field(description="route of administration")
    range: Numbers | None = Field(None, description="smallest and largest plausible amount; 0 is always allowed")
    bioavailability: Equation = Field("1", description="bioavailable fraction")
    lag: Equation = Field("0", description="lag time")
    rate: Equation | None = Field(None, description="rate of infusions with RATE = -1")
    duration: Equation | None = Field(None, description="duration of infusions with RATE = -2")


class Condition(Record):
    """A line of `[conditions]`: temporary factors on parameters of this module."""

    about: Line = Field(description="description, such as another drug, a meal or liver failure")
    multiply: dict[str, Annotated[float, Field(ge=0)]] = Field(description="factors on this module's parameters")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")


class Rest(Record):
    """The `[rest]` table: the untreated fasting state as one bracketed root."""

    unknown: Line = Field(description="name of the unknown")
    unit: Line = Field(description="the unit of the unknown")
    between: Numbers = Field(description="the two values that enclose the root")
    balance: Equation = Field(description="the equation that is zero at rest, positive below the root")
    states: dict[str, Equation] = Field(description="each state, in the order of evaluation")


class RunIn(Record):
    """The `[run_in]` table: parameters computed from each subject's untreated day."""

    hold: list[Line] = Field(default=[], description="states held constant")
    mean: dict[str, Equation] = Field(description="averages over the untreated day")
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
    doses: dict[str, RouteLine] = Field(default={}, description="routes of doses")
    conditions: dict[str, Condition] = Field(default={}, description="temporary factors on parameters")
    rest: Rest | None = Field(None, description="the untreated fasting state")
    run_in: RunIn | None = Field(None, description="parameters computed from the untreated day")


_SECTIONS = ("parameters", "states", "expressions", "inputs", "modifiers", "observables")


@dataclass(frozen=True)
class Module:
    """A module: its data, and the place of each part."""

    data: ModuleFile
    file: TomlFile

    @property
    def name(self) -> str:
        """The module's name."""
        return self.data.module.name

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The section in which each name is declared."""
        return {name: section for section in _SECTIONS for name in getattr(self.data, section)}

    def where(self, *key: str | int, needle: str | None = None) -> Where:
        """Place of a part of the file."""
        return self.file.where(key, needle)

    def expression(self, text: str, *key: str | int) -> Expression:
        """Parse an equation of this file, keeping its place."""
        return parse_expression(text, self.file.where(key, needle=text))


def read_module(path: Path) -> Module:
    """Read a module file and check it against the schema.

    Raises
    ------
    ModelError
        For the first error: not TOML, an unknown key, a wrong type, an invalid name.
    """
    file = TomlFile.read(path, ModelError)
    module = Module(read_record(file, ModuleFile), file)
    _check_names(module)
    return module


_COLUMNS = ("arm", "subject", "visit", "time", "time_h", "status", "fasting_glucose", "units")


def _check_names(module: Module) -> None:
    name = module.name
    if not is_identifier(name):
        message = f"`{name}` cannot be the name of a module"
        module.file.fail(message, ("module", "name"), "use a letter, then letters, digits and underscores")
    if name != module.file.path.stem:
        message = f"the module is named `{name}` but its file is `{module.file.path.name}`"
        module.file.fail(message, ("module", "name"), "give both the same name")
    seen: dict[str, str] = {}
    for section in _SECTIONS:
        for quantity in getattr(module.data, section):
            _check_name(module, section, quantity)
            if section == "observables" and quantity in _COLUMNS:
                module.file.fail(
                    f"`{quantity}` cannot be the name of an observable",
                    (section, quantity),
                    "tables already have this column",
                )
            if quantity in seen:
                message = f"`{quantity}` is already in [{seen[quantity]}]"
                module.file.fail(message, (section, quantity), "rename one of them")
            seen[quantity] = section
    for route in module.data.doses:
        _check_name(module, "doses", route)
    for i, contribution in enumerate(module.data.contributes):
        if not all(is_identifier(p) for p in contribution.mechanism.split(".")):
            message = f"`{contribution.mechanism}` cannot be the name of a mechanism"
            module.file.fail(message, ("contributes", i, "mechanism"), "write for example `mtorc2.liver`")


def _check_name(module: Module, section: str, name: str) -> None:
    if not is_identifier(name) or keyword.iskeyword(name) or name in ("t", "y", "p"):
        reserved = "it is reserved" if is_identifier(name) else "use a letter, then letters, digits and underscores"
        module.file.fail(f"`{name}` cannot be the name of a quantity", (section, name), reserved)
