"""Read a CSV file of event records."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mtorsim.errors import ArgumentError, DataError, did_you_mean, shown_path, spoken
from mtorsim.units.units import convert, parse_unit

from .checks import check_records
from .table import INTERPOLATIONS, EventTable, Frame, as_numbers

__all__ = ["read_events"]

_NUMBERS = ("TIME", "EVID", "AMT", "RATE", "DUR", "II", "ADDL", "SS")
_KNOWN = ("ID", *_NUMBERS, "CMT", "DV", "MDV")


def read_events(
    path: str | Path, *, time_unit: str = "h", interpolation: Mapping[str, str] | None = None
) -> EventTable:
    """Read a CSV of event records.

    Parameters
    ----------
    path
        The file. Columns by name, in any case: ID, TIME, EVID, AMT, RATE, DUR, II, ADDL, SS, CMT, MDV,
        DV; all others are copied to the result, and are covariates if the model has a parameter for them. A full stop
        or an empty cell is a missing value.
    time_unit
        Unit of TIME, II and DUR; rates are per this unit.
    interpolation
        For each covariate that changes within a subject, `locf`, `nocb` or `linear`.

    Raises
    ------
    DataError
        For the first invalid record, with its line, subject and column.
    """
    import pandas as pd

    if not isinstance(path, (str, Path)):
        raise ArgumentError(f"`path` must be a path, not {spoken(path)}")
    path = Path(path)
    _check_head(path)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=["", "."], skipinitialspace=True)
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise DataError(f"cannot read `{shown_path(path)}`: {problem}") from None
    hours = convert(1.0, parse_unit(time_unit), parse_unit("h"))
    return _Reader(frame, shown_path(path), hours, dict(interpolation or {})).table()


def _check_head(path: Path) -> None:
    """Reject files that pandas would silently accept: not a table, or with a duplicate column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise DataError(f"cannot read `{shown_path(path)}`: {reason}") from None
    twice = next((name for name in head if head.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{shown_path(path)}:1: column `{twice}` appears twice")
    if len(head) == 1 and re.search(r"[;\t|]", head[0]):
        raise DataError(f"{shown_path(path)}:1: there is only one column", help="separate columns by commas")


class _Reader:
    def __init__(self, frame: Frame, path: str, hours: float, interpolation: dict[str, str]) -> None:
        self.frame = frame
        self.path = path
        self.hours = hours
        self.interpolation = interpolation
        self.names = self._names()

    def _names(self) -> dict[str, str]:
        """The file's own name of each known column."""
        found: dict[str, str] = {}
        for own in self.frame.columns:
            upper = own.strip().upper()
            if upper in found:
                raise DataError(f"{self.path}:1: columns `{found[upper]}` and `{own}` differ by case only")
            found[upper] = own
        for needed in ("TIME",):
            if needed not in found:
                near = did_you_mean(needed, self.frame.columns)
                raise DataError(f"{self.path}:1: there is no column {needed}", help=near)
        return found

    def table(self) -> EventTable:
        """Read and check the table."""
        n = len(self.frame)
        values = {name: self._numbers(name, n) for name in _NUMBERS}
        evid = np.where(np.isnan(values["EVID"]), (values["AMT"] > 0) * 1.0, values["EVID"])
        cmt = self.frame[self.names["CMT"]].fillna("").tolist() if "CMT" in self.names else [""] * n
        further = [c for c in self.frame.columns if c.strip().upper() not in _KNOWN]
        covariates = {}
        for name in further:
            column = as_numbers(self.frame[name])
            if np.array_equal(np.isnan(column), self.frame[name].isna().to_numpy()):
                covariates[name] = column
        for name, kind in self.interpolation.items():
            if name not in covariates:
                message = f"there is no covariate `{name}` to interpolate"
                raise DataError(f"{self.path}:1: {message}", help=did_you_mean(name, covariates))
            if kind not in INTERPOLATIONS:
                raise DataError(f"`{kind}` is not an interpolation", help="choose from " + ", ".join(INTERPOLATIONS))
        zero = lambda name: np.nan_to_num(values[name])  # noqa: E731
        rate = zero("RATE")
        table = EventTable(
            frame=self.frame,
            path=self.path,
            subject=self._subjects(n),
            time=values["TIME"] * self.hours,
            evid=evid,
            amt=zero("AMT"),
            rate=np.where(rate > 0, rate / self.hours, rate),
            dur=values["DUR"] * self.hours,
            ii=zero("II") * self.hours,
            addl=zero("ADDL"),
            ss=zero("SS"),
            cmt=cmt,
            covariates=covariates,
            interpolation=self.interpolation,
        )
        if not n:
            raise DataError(f"{self.path}: the table has no records")
        check_records(table)
        return table

    def _subjects(self, n: int) -> np.ndarray:
        if "ID" not in self.names:
            return np.zeros(n, np.int64)
        column = self.frame[self.names["ID"]]
        if column.isna().any():
            row = int(np.flatnonzero(column.isna())[0])
            raise DataError(f"{self.path}:{row + 2}: column ID: the subject is missing")
        codes, labels = column.factorize()
        changes = np.flatnonzero(np.diff(codes) != 0) + 1
        if len(changes) + 1 > len(labels) and n:
            seen: set[int] = set()
            for start in (0, *changes):
                if codes[start] in seen:
                    label = labels[codes[start]]
                    message = f"{self.path}:{start + 2}: the records of subject {label} are not contiguous"
                    raise DataError(message, help="sort the table by ID and TIME")
                seen.add(int(codes[start]))
        return codes.astype(np.int64)

    def _numbers(self, name: str, n: int) -> np.ndarray:
        if name not in self.names:
            return np.full(n, np.nan)
        column = self.frame[self.names[name]]
        found = as_numbers(column)
        bad = np.isnan(found) & column.notna().to_numpy() | np.isinf(found)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(f"{self.path}:{row + 2}: column {name}: `{column.iloc[row]}` is not a number")
        return found
