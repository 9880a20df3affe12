"""Event records: a table of doses and observations in NONMEM format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mtorsim.errors import DataError

__all__ = ["INTERPOLATIONS", "EventTable", "Frame", "as_numbers"]


Frame: TypeAlias = Any
"""A table of pandas; its own types are too loose for a type checker to follow."""

INTERPOLATIONS = ("locf", "nocb", "linear")
"""Interpolation of a covariate between records: last value carried forward, next value carried backward, linear."""


@dataclass(frozen=True)
class EventTable:
    """Records in the order of the file.

    Attributes
    ----------
    frame
        The table as read, with all columns under their original names.
    path
        The file.
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
    interpolation
        The interpolation of each of them, if given.
    """

    frame: Frame
    path: str
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
    interpolation: Mapping[str, str]

    def changing(self, name: str) -> int | None:
        """The first record at which a covariate changes within a subject; None if it never does."""
        values = self.covariates[name]
        known = np.flatnonzero(~np.isnan(values))
        changed = known[1:][(np.diff(values[known]) != 0) & (np.diff(self.subject[known]) == 0)]
        return int(changed[0]) if len(changed) else None

    def not_a_number(self, name: str) -> int:
        """The first record at which a column does not hold a number."""
        bad = np.isnan(as_numbers(self.frame[name])) & self.frame[name].notna().to_numpy()
        return int(np.flatnonzero(bad)[0])

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return int(self.subject.max()) + 1 if len(self.subject) else 0

    def fail(self, record: int, column: str, message: str, help: str | None = None) -> Any:
        """Raise an error in one record.

        Raises
        ------
        DataError
            Always, with file, line, subject, column and fault.
        """
        label = self.frame.iloc[record, self._column("ID")] if self._column("ID") is not None else "1"
        place = f"{self.path}:{record + 2}: subject {label}, column {column}"
        raise DataError(f"{place}: {message}", help=help)

    def _column(self, name: str) -> int | None:
        return next((i for i, c in enumerate(self.frame.columns) if c.upper() == name), None)


def as_numbers(column: Frame) -> np.ndarray:
    """Convert a column of text to numbers, NaN if a cell is not a number, (records,)."""
    import pandas as pd

    return np.asarray(pd.to_numeric(column, errors="coerce"), float)
