"""Event records: a table of doses and observations in NONMEM format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mtorsim.errors import DataError, one_line, shortened

__all__ = ["INTERPOLATIONS", "EventTable", "Frame"]


Frame: TypeAlias = Any
"""A table of pandas; its own types are too loose for a type checker to follow."""

INTERPOLATIONS = ("locf", "nocb", "linear")
"""Interpolation of a covariate between records: last value carried forward, next value carried backward, linear."""


@dataclass(frozen=True, repr=False)
class EventTable:
    """Records in the order of the file.

    Attributes
    ----------
    frame
        The table as read, with all columns under their original names.
    path
        The file.
    lines
        Line of the file on which each record begins, shape (records,).
    labels
        ID of each subject.
    subject
        Number of the subject of each record, from 0 in order of appearance, shape (records,).
    time, ii, dur
        In hours; `dur` is NaN if no duration is given.
    amt, rate
        In the unit of the route, and per hour; with a rate of -1 or -2, the model defines rate or duration.
    evid, addl, ss
        Whole numbers.
    cmt
        State or route by name, a number as text, or empty.
    covariates
        Values of each additional numeric column, NaN if a record gives none.
    texts
        Additional columns with text: the first such record, and its text.
    interpolation
        The interpolation of each covariate, if given.
    used
        The file's column for each reserved name.
    notes
        Rows left out, irregularities, and conventions.
    time_unit
        Unit of the times in the file.
    additional
        Whether lag and duration of additional doses are those of the `record`, or of their `own time`.
    options
        Arguments of `read_events` that read the table again, without the rows that were left out.
    """

    frame: Frame
    path: str
    lines: np.ndarray
    labels: Sequence[str]
    subject: np.ndarray
    time: np.ndarray
    evid: np.ndarray
    amt: np.ndarray
    rate: np.ndarray
    dur: np.ndarray
    ii: np.ndarray
    addl: np.ndarray
    ss: np.ndarray
    cmt: Sequence[str]
    covariates: Mapping[str, np.ndarray]
    texts: Mapping[str, tuple[int, str]]
    interpolation: Mapping[str, str]
    used: Mapping[str, str]
    notes: Sequence[str]
    time_unit: str
    additional: str
    options: Mapping[str, Any]

    def __repr__(self) -> str:
        records = f"{len(self.frame):,} records of {self.subjects:,} subjects"
        columns = f"; covariates: {shortened(list(self.covariates), 8)}" if self.covariates else ""
        return f"EventTable({self.path}: {records}, {self.time_unit}{columns})"

    def changing(self, name: str) -> int | None:
        """The first record at which a covariate changes within a subject; None if it never does."""
        values = self.covariates[name]
        known = np.flatnonzero(~np.isnan(values))
        changed = known[1:][(np.diff(values[known]) != 0) & (np.diff(self.subject[known]) == 0)]
        return int(changed[0]) if len(changed) else None

    def reading(self, replaced: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """How the table was read, as plain values; `replaced` are the parameters that covariates replace."""
        names = {*self.covariates, *self.texts}
        return {
            "records": len(self.frame),
            "subjects": self.subjects,
            "columns": dict(self.used),
            "time unit": self.time_unit,
            "replaced parameters": {
                name: {"parameters": list(full), "interpolation": self.interpolation.get(name, "constant")}
                for name, full in replaced.items()
            },
            "copied": sorted(c for c in self.frame.columns if c not in self.used.values() and c not in replaced),
            "not used": sorted(names - set(replaced)),
            "notes": list(self.notes),
        }

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return len(self.labels)

    def fail(self, record: int, column: str, message: str, help: str | None = None) -> Any:
        """Raise an error in one record.

        Raises
        ------
        DataError
            Always, with file, line, subject, column and fault.
        """
        label = one_line(self.labels[int(self.subject[record])], 40)
        own = self.used.get(column, column)
        place = f"{self.path}:{self.lines[record]}: subject {label}, column {own}"
        raise DataError(f"{place}: {message}", help=help)
