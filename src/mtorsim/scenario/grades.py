"""Grading scales of a laboratory value: cited data, one file per version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mtorsim.errors import ScenarioError
from mtorsim.files.library import Library, library_for
from mtorsim.files.record import Line, Record, read_record
from mtorsim.files.toml import TomlFile
from mtorsim.model.file import Evidence

__all__ = ["Grading", "ctcae", "read_grading", "read_scale"]


class Head(Record):
    """The `[grades]` table."""

    name: Line = Field(description="the file's name")
    about: Line = Field(description="description")
    note: Line = Field("", description="remark")
    observable: Line = Field(description="the graded observable")
    unit: Line = Field(description="unit of the limits")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")
    refused: Line | None = Field(None, description="why a value alone cannot be graded")


class Grade(Record):
    """A `[[grade]]` table."""

    grade: Annotated[int, Field(ge=1, le=5)] = Field(description="the grade")
    above: float | Literal["ULN"] | None = Field(None, description="values above it have the grade")
    below: float | None = Field(None, description="values below it have the grade")
    includes: bool = Field(False, description="whether the limit itself has the grade")
    fasting: bool = Field(False, description="whether the limit is one of fasting values, and does not grade others")
    about: Line = Field(description="in words")


class GradesFile(Record):
    """A grading scale."""

    grades: Head = Field(description="the table that names the scale")
    grade: list[Grade] = Field(default=[], description="grades in ascending order")


@dataclass(frozen=True)
class Grading:
    """Limits of each grade for the laboratory's upper limit of normal.

    Attributes
    ----------
    limits
        Grade, limit, +1 if values above have it or -1 if values below, and whether the limit itself has it.
    """

    name: str
    about: str
    source: str
    evidence: str
    limits: tuple[tuple[int, float, int, bool], ...]
    file: TomlFile = field(repr=False, compare=False)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Grade of each value, 0 for none and for NaN."""
        found = np.zeros(np.shape(values), np.int64)
        with np.errstate(invalid="ignore"):
            for grade, limit, sign, included in self.limits:
                beyond = sign * (values - limit)
                found = np.where((beyond > 0) | (included & (beyond == 0)), grade, found)
        return found


def ctcae(version: str) -> str:
    """Name of the file for a version of the CTCAE, such as `4.03`."""
    return "ctcae_" + version.strip().lower().removeprefix("ctcae").strip().removeprefix("v").strip().replace(".", "_")


def read_scale(name: str, library: Library) -> GradesFile:
    """Read a grading scale as written.

    Raises
    ------
    ScenarioError
        If the scale is unknown, or a grade has no limit, or two.
    """
    return _scale(name, library)[1]


def _scale(name: str, library: Library) -> tuple[TomlFile, GradesFile]:
    file = TomlFile.read(library.grades(name), ScenarioError)
    data = read_record(file, GradesFile)
    for i, line in enumerate(data.grade):
        if (line.above is None) == (line.below is None):
            file.fail("a grade has one limit", ("grade", i), "give `above` or `below`")
    return file, data


def read_grading(name: str, uln: float, library: Library | None = None, *, fasting: bool = True) -> Grading:
    """Read a grading scale.

    Parameters
    ----------
    name
        Name of the scale.
    uln
        The laboratory's upper limit of normal, mg/dL.
    library
        Where the name is looked up.
    fasting
        Whether the values are fasting; others have only the grades that do not ask for it.

    Raises
    ------
    ScenarioError
        If the scale is unknown, or cannot grade a value.
    """
    file, data = _scale(name, library or library_for())
    if data.grades.refused:
        help = "choose 3.0, 4.03 or 6.0" if name.startswith("ctcae") else None
        raise ScenarioError(f"{data.grades.about} cannot be graded from glucose: {data.grades.refused}", help=help)
    limits = []
    for line in data.grade:
        if line.fasting and not fasting:
            continue
        if line.below is not None:
            limits.append((line.grade, float(line.below), -1, line.includes))
        else:
            limit = uln if line.above == "ULN" else float(line.above or 0.0)
            limits.append((line.grade, limit, 1, line.includes))
    head = data.grades
    return Grading(head.name, head.about, head.source, head.evidence, tuple(limits), file)
