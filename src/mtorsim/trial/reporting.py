"""The reporting layer: probabilities that investigators report laboratory grades as adverse events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from mtorsim.errors import ScenarioError
from mtorsim.files.library import Library, library_for
from mtorsim.files.record import Line, Record, read_record
from mtorsim.files.toml import TomlFile
from mtorsim.model.file import Evidence

__all__ = ["Reporting", "read_reporting"]


Share = Annotated[float, Field(ge=0, le=1)]


class Head(Record):
    """The `[reporting]` table."""

    name: Line = Field(description="the file's name")
    about: Line = Field(description="data of the fit")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")


class GradeLine(Record):
    """A `[[grade]]` table."""

    grade: Annotated[int, Field(ge=0, le=4)] = Field(description="worst laboratory grade")
    any: Share = Field(description="probability that hyperglycaemia is reported")
    severe: Share = Field(description="probability that it is reported as grade 3 or 4")
    about: Line = Field("", description="origin")


class ReportingFile(Record):
    """A reporting layer."""

    reporting: Head = Field(description="the table that names it")
    grade: list[GradeLine] = Field(description="one line per grade")


@dataclass(frozen=True)
class Reporting:
    """Probability of a report by worst laboratory grade, 0 to 4."""

    name: str
    about: str
    any: np.ndarray
    severe: np.ndarray

    def shares(self, grades: np.ndarray, weights: np.ndarray) -> dict[str, float]:
        """Shares of subjects with any report, and with a severe one."""
        total = weights.sum()
        return {
            "any": float(weights @ self.any[grades] / total),
            "grade_3_4": float(weights @ self.severe[grades] / total),
        }


def read_reporting(name: str, library: Library | None = None) -> Reporting:
    """Read a reporting layer.

    Raises
    ------
    ScenarioError
        If it is unknown or inconsistent.
    """
    file = TomlFile.read((library or library_for()).reporting(name), ScenarioError)
    data = read_record(file, ReportingFile)
    any_of, severe = np.zeros(5), np.zeros(5)
    for i, line in enumerate(data.grade):
        if line.severe > line.any:
            file.fail("more events are reported as severe than in total", ("grade", i))
        any_of[line.grade], severe[line.grade] = line.any, line.severe
    return Reporting(data.reporting.name, data.reporting.about, any_of, severe)
