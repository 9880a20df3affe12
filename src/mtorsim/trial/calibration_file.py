"""A calibration file: which quantities are fitted, to what, within which bounds."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from mtorsim.errors import ScenarioError, did_you_mean
from mtorsim.files.library import Library, library_for
from mtorsim.files.record import Line, Record, read_record
from mtorsim.files.toml import TomlFile
from mtorsim.model.file import Numbers

__all__ = ["CalibrationFile", "read_calibration", "shifted"]


class Head(Record):
    """The `[calibration]` table."""

    name: Line = Field(description="the file's name")
    about: Line = Field(description="what it is fitted to")
    trials: list[Line] = Field(description="scenarios with `[[observed]]` rows")
    endpoints: Annotated[list[Literal[">ULN", ">126", ">160", ">250", ">500"]], Field(min_length=1)] = Field(
        description="the endpoints that are fitted"
    )
    subjects: Annotated[int, Field(ge=20)] = Field(description="subjects of each arm")
    seed: int = Field(1, description="of the draws")
    most_n: Annotated[int, Field(ge=1)] = Field(250, description="most patients an arm counts as: no model is better")
    sampled: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        default={}, description="groups that are sampled apart"
    )


class QuantityLine(Record):
    """A `[[quantity]]` table: what is fitted."""

    name: Line = Field(description="what it is called in reports")
    about: Line = Field(description="what it is")
    parameter: Line | None = Field(None, description="a parameter, whose median it is")
    group: Line | None = Field(None, description="a group of the population, whose share it is")
    stray: bool = Field(False, description="the share of stray samples")
    uln: bool = Field(False, description="the laboratory's upper limit of normal, mg/dL")
    trials: list[Line] | None = Field(None, description="the trials it is about; all when left out")
    scale: Literal["linear", "log", "logit"] = Field("linear", description="scale on which it is fitted")
    prior: float = Field(description="where it is expected")
    sd: Annotated[float, Field(gt=0)] = Field(description="SD of that, on the scale")
    range: Numbers = Field(description="limits")
    step: Annotated[float, Field(gt=0)] = Field(description="step of finite differences, on the scale")


class CalibrationFile(Record):
    """A calibration file."""

    calibration: Head = Field(description="what is fitted to what")
    quantity: Annotated[list[QuantityLine], Field(min_length=1, max_length=8)] = Field(
        description="what is fitted: at most eight quantities"
    )


def read_calibration(name: str, library: Library | None = None) -> CalibrationFile:
    """Read what is to be fitted to what.

    Raises
    ------
    ScenarioError
        If there is no such file, or a quantity is not one thing.
    """
    file = TomlFile.read((library or library_for()).calibration(name), ScenarioError)
    data = read_record(file, CalibrationFile)
    for i, q in enumerate(data.quantity):
        if sum((q.parameter is not None, q.group is not None, q.stray, q.uln)) != 1:
            file.fail(f"`{q.name}` is not one thing", ("quantity", i), "give `parameter`, `group`, `stray` or `uln`")
        for trial in q.trials or ():
            if trial not in data.calibration.trials:
                help = did_you_mean(trial, data.calibration.trials)
                file.fail(f"`{trial}` is not fitted", ("quantity", i, "trials"), help, needle=trial)
        if (q.scale == "logit" and not 0 < q.prior < 1) or (q.scale == "log" and q.prior <= 0):
            file.fail(f"the prior of `{q.name}` does not lie on its scale", ("quantity", i, "prior"))
        if not q.range[0] <= q.prior <= q.range[1]:
            file.fail(f"the prior of `{q.name}` is outside its range", ("quantity", i, "prior"))
    return data


def _fit(line: QuantityLine, value: float) -> float:
    """A value on the scale of the fit."""
    if line.scale == "log":
        return math.log(max(value, 1e-9))
    if line.scale == "logit":
        return math.log(value / (1 - value)) if 0 < value < 1 else math.copysign(12.0, value - 0.5)
    return value


def _own(line: QuantityLine, fitted: float) -> float:
    """A value in its own unit, inside its limits."""
    value = fitted if line.scale == "linear" else math.exp(fitted)
    if line.scale == "logit":
        value = value / (1 + value)
    return min(max(value, line.range[0]), line.range[1])


def shifted(line: QuantityLine, value: float, to: float, since: float) -> float:
    """A value moved on the scale of the fit by as much as lies between two others."""
    moved = _fit(line, value) + _fit(line, to) - _fit(line, since)
    if line.scale == "linear":
        return min(max(moved, line.range[0]), line.range[1])
    return math.exp(moved) if line.scale == "log" else 1.0 / (1.0 + math.exp(-moved))
