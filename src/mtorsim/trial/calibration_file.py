"""Calibration files: fitted quantities, their priors and bounds, and the trials."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from mtorsim.errors import ScenarioError, did_you_mean
from mtorsim.files.library import Library, library_for
from mtorsim.files.record import Line, Record, read_record
from mtorsim.files.toml import TomlFile
from mtorsim.model.file import Numbers

__all__ = ["CalibrationFile", "QuantityLine", "read_calibration", "shifted"]


class Head(Record):
    """The `[calibration]` table."""

    name: Line = Field(description="the file's name")
    about: Line = Field(description="data of the fit")
    trials: list[Line] = Field(description="scenarios with `[[observed]]` rows")
    endpoints: Annotated[list[Literal[">ULN", ">126", ">160", ">250", ">500"]], Field(min_length=1)] = Field(
        description="fitted endpoints"
    )
    subjects: Annotated[int, Field(ge=20)] = Field(description="number of subjects per arm")
    seed: int = Field(1, description="seed of the draws")
    most_n: Annotated[int, Field(ge=1)] = Field(250, description="cap on the weight of an arm, in patients")
    sampled: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default={}, description="oversampled groups")


class QuantityLine(Record):
    """A `[[quantity]]` table: a fitted quantity."""

    name: Line = Field(description="name in reports")
    about: Line = Field(description="meaning")
    parameter: Line | list[Line] | None = Field(
        None, description="the parameter whose median is fitted, or several that take the same value"
    )
    group: Line | None = Field(None, description="the group whose share is fitted")
    not_fasting: bool = Field(False, description="the share of samples that were not fasting")
    episode: Line | None = Field(None, description="the kind of episode whose rate a year is fitted")
    trials: list[Line] | None = Field(None, description="the trials to which it applies; default: all")
    scale: Literal["linear", "log", "logit"] = Field("linear", description="scale of the fit")
    prior: float = Field(description="prior mean")
    sd: Annotated[float, Field(gt=0)] = Field(description="prior SD, on the scale")
    range: Numbers = Field(description="limits")
    step: Annotated[float, Field(gt=0)] = Field(description="step of finite differences, on the scale")

    @property
    def parameters(self) -> list[str]:
        """The parameters that take its value."""
        return [self.parameter] if isinstance(self.parameter, str) else list(self.parameter or ())


class CalibrationFile(Record):
    """A calibration file."""

    calibration: Head = Field(description="the table of data")
    quantity: Annotated[list[QuantityLine], Field(min_length=1, max_length=8)] = Field(
        description="fitted quantities, at most eight"
    )


def read_calibration(name: str, library: Library | None = None) -> CalibrationFile:
    """Read a calibration file.

    Raises
    ------
    ScenarioError
        If the file does not exist, or a quantity is ambiguous.
    """
    file = TomlFile.read((library or library_for()).calibration(name), ScenarioError)
    data = read_record(file, CalibrationFile)
    for i, q in enumerate(data.quantity):
        if sum((bool(q.parameters), q.group is not None, q.not_fasting, q.episode is not None)) != 1:
            file.fail(
                f"`{q.name}` must have exactly one target",
                ("quantity", i),
                "give `parameter`, `group`, `not_fasting` or `episode`",
            )
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
    """Transform a value to the scale of the fit."""
    if line.scale == "log":
        return math.log(max(value, 1e-9))
    if line.scale == "logit":
        return math.log(value / (1 - value)) if 0 < value < 1 else math.copysign(12.0, value - 0.5)
    return value


def _own(line: QuantityLine, fitted: float) -> float:
    """Transform a value back to its own unit, within its limits."""
    value = fitted if line.scale == "linear" else math.exp(fitted)
    if line.scale == "logit":
        value = value / (1 + value)
    return min(max(value, line.range[0]), line.range[1])


def shifted(line: QuantityLine, value: float, to: float, since: float) -> float:
    """Shift a value, on the scale of the fit, by the difference of two others."""
    moved = _fit(line, value) + _fit(line, to) - _fit(line, since)
    if line.scale == "linear":
        return min(max(moved, line.range[0]), line.range[1])
    return math.exp(moved) if line.scale == "log" else 1.0 / (1.0 + math.exp(-moved))
