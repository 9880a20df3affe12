"""From graded laboratory values to adverse events as investigators report them: a layer of its own, no biology."""

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
    about: Line = Field(description="on what it was fitted")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="how sure we are of it")


class GradeLine(Record):
    """A `[[grade]]` table."""

    grade: Annotated[int, Field(ge=0, le=4)] = Field(description="worst laboratory grade")
    any: Share = Field(description="probability that hyperglycaemia is reported at all")
    severe: Share = Field(description="probability that it is reported as grade 3 or 4")
    about: Line = Field("", description="where it comes from")


class ReportingFile(Record):
    """A reporting layer."""

    reporting: Head = Field(description="the table that names it")
    grade: list[GradeLine] = Field(description="one line a grade")


@dataclass(frozen=True)
class Reporting:
    """Probability of a report by worst laboratory grade, 0 to 4."""

    name: str
    about: str
    any: np.ndarray
    severe: np.ndarray

    def shares(self, grades: np.ndarray, weights: np.ndarray) -> dict[str, float]:
        """Share of subjects with a report at all, and with a severe one."""
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
        If there is none of that name, or it contradicts itself.
    """
    file = TomlFile.read((library or library_for()).reporting(name), ScenarioError)
    data = read_record(file, ReportingFile)
    any_of, severe = np.zeros(5), np.zeros(5)
    for i, line in enumerate(data.grade):
        if line.severe > line.any:
            file.fail("more is reported as severe than at all", ("grade", i))
        any_of[line.grade], severe[line.grade] = line.any, line.severe
    return Reporting(data.reporting.name, data.reporting.about, any_of, severe)
