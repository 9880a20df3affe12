"""Event records: a table of doses and observations as data sets of the trade have it, read and checked."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mtorsim.errors import DataError, did_you_mean, shown_path
from mtorsim.units.units import convert, parse_unit

__all__ = ["INTERPOLATIONS", "EventTable", "read_events"]


Frame: TypeAlias = Any
"""A table of pandas; its own types are too loose for a type checker to follow."""

INTERPOLATIONS = ("locf", "nocb", "linear")
"""How a covariate goes on between records: its last value, its next one, or straight from one to the other."""

LONGEST = 100 * 8766.0
"""Hours."""
MOST_DOSES = 1_000_000

_NUMBERS = ("TIME", "EVID", "AMT", "RATE", "DUR", "II", "ADDL", "SS")
_KNOWN = ("ID", *_NUMBERS, "CMT", "DV", "MDV")
_OBSERVE, _DOSE, _OTHER, _RESET, _RESET_AND_DOSE, _REPLACE, _MULTIPLY, _PHANTOM = range(8)


@dataclass(frozen=True)
class EventTable:
    """Records in the order of the file.

    Attributes
    ----------
    frame
        The table as it was read, all columns under their own names.
    path
        Where it came from.
    subject
        Which subject each record belongs to, counted from 0 in order of appearance, shape (records,).
    time, ii, dur
        In hours; `dur` is NaN where no duration is given.
    amt, rate
        In the unit of the route, and that per hour; a rate of -1 or -2 is left to the model.
    evid, addl, ss
        Whole numbers.
    cmt
        State or route by name, a number as text, or empty.
    covariates
        Values of each further column of numbers, NaN where a record gives none.
    interpolation
        How each of them goes on between records, where that has been named.
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
        """The first record where a covariate changes within a subject; None where it never does."""
        values = self.covariates[name]
        known = np.flatnonzero(~np.isnan(values))
        changed = known[1:][(np.diff(values[known]) != 0) & (np.diff(self.subject[known]) == 0)]
        return int(changed[0]) if len(changed) else None

    def not_a_number(self, name: str) -> int:
        """The first record where a column holds something else than a number."""
        bad = np.isnan(_as_numbers(self.frame[name])) & self.frame[name].notna().to_numpy()
        return int(np.flatnonzero(bad)[0])

    @property
    def subjects(self) -> int:
        """How many there are."""
        return int(self.subject.max()) + 1 if len(self.subject) else 0

    def fail(self, record: int, column: str, message: str, help: str | None = None) -> Any:
        """Raise a mistake in one record.

        Raises
        ------
        DataError
            Always: file, line, subject and column, and what is wrong.
        """
        label = self.frame.iloc[record, self._column("ID")] if self._column("ID") is not None else "1"
        place = f"{self.path}:{record + 2}: subject {label}, column {column}"
        raise DataError(f"{place}: {message}", help=help)

    def _column(self, name: str) -> int | None:
        return next((i for i, c in enumerate(self.frame.columns) if c.upper() == name), None)


def read_events(
    path: str | Path, *, time_unit: str = "h", interpolation: Mapping[str, str] | None = None
) -> EventTable:
    """Read a CSV of event records.

    Parameters
    ----------
    path
        The file. Columns by name, in any case: ID, TIME, EVID, AMT, RATE, DUR, II, ADDL, SS, CMT, MDV,
        DV; every other one is carried to the result, and is a covariate where the model has a
        parameter for it. A full stop or nothing at all is a missing value.
    time_unit
        The unit of TIME, II and DUR; rates are per this unit.
    interpolation
        For each covariate that changes within a subject, `locf`, `nocb` or `linear`.

    Raises
    ------
    DataError
        For the first record that cannot be meant as it stands, with its line, subject and column.
    """
    import pandas as pd

    path = Path(path)
    _check_head(path)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=["", "."], skipinitialspace=True)
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise DataError(f"cannot read `{shown_path(path)}`: {problem}") from None
    hours = convert(1.0, parse_unit(time_unit), parse_unit("h"))
    return _Reader(frame, shown_path(path), hours, dict(interpolation or {})).table()


def _check_head(path: Path) -> None:
    """Refuse what pandas would make the best of: no table at all, or a column that stands twice."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not text in UTF-8"
        raise DataError(f"cannot read `{shown_path(path)}`: {reason}") from None
    twice = next((name for name in head if head.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{shown_path(path)}:1: column `{twice}` stands twice")
    if len(head) == 1 and re.search(r"[;\t|]", head[0]):
        raise DataError(f"{shown_path(path)}:1: there is one column only", help="separate columns by commas")


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
        """The table, checked."""
        n = len(self.frame)
        values = {name: self._numbers(name, n) for name in _NUMBERS}
        evid = np.where(np.isnan(values["EVID"]), (values["AMT"] > 0) * 1.0, values["EVID"])
        cmt = self.frame[self.names["CMT"]].fillna("").tolist() if "CMT" in self.names else [""] * n
        further = [c for c in self.frame.columns if c.strip().upper() not in _KNOWN]
        covariates = {}
        for name in further:
            column = _as_numbers(self.frame[name])
            if np.array_equal(np.isnan(column), self.frame[name].isna().to_numpy()):
                covariates[name] = column
        for name, kind in self.interpolation.items():
            if name not in covariates:
                message = f"there is no covariate `{name}` to interpolate"
                raise DataError(f"{self.path}:1: {message}", help=did_you_mean(name, covariates))
            if kind not in INTERPOLATIONS:
                raise DataError(f"`{kind}` is no interpolation", help="known are " + ", ".join(INTERPOLATIONS))
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
            raise DataError(f"{self.path}: there are no records")
        _check(table)
        return table

    def _subjects(self, n: int) -> np.ndarray:
        if "ID" not in self.names:
            return np.zeros(n, np.int64)
        column = self.frame[self.names["ID"]]
        if column.isna().any():
            row = int(np.flatnonzero(column.isna())[0])
            raise DataError(f"{self.path}:{row + 2}: column ID: there is no subject")
        codes, labels = column.factorize()
        changes = np.flatnonzero(np.diff(codes) != 0) + 1
        if len(changes) + 1 > len(labels) and n:
            seen: set[int] = set()
            for start in (0, *changes):
                if codes[start] in seen:
                    label = labels[codes[start]]
                    message = f"{self.path}:{start + 2}: the records of subject {label} do not stand together"
                    raise DataError(message, help="sort the table by ID and TIME")
                seen.add(int(codes[start]))
        return codes.astype(np.int64)

    def _numbers(self, name: str, n: int) -> np.ndarray:
        if name not in self.names:
            return np.full(n, np.nan)
        column = self.frame[self.names[name]]
        found = _as_numbers(column)
        bad = np.isnan(found) & column.notna().to_numpy() | np.isinf(found)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(f"{self.path}:{row + 2}: column {name}: `{column.iloc[row]}` is not a number")
        return found


def _as_numbers(column: Frame) -> np.ndarray:
    import pandas as pd

    return np.asarray(pd.to_numeric(column, errors="coerce"), float)


def _check(table: EventTable) -> None:
    """Refuse what cannot be meant; the first record that is wrong is named."""
    dose = np.isin(table.evid, (_DOSE, _RESET_AND_DOSE))
    gives = dose | np.isin(table.evid, (_REPLACE, _MULTIPLY, _PHANTOM))
    timed = table.rate != 0
    lasting = ~np.isnan(table.dur)
    constant = dose & (table.amt == 0) & (table.rate > 0) & (table.ss == 1)
    reset = np.isin(table.evid, (_RESET, _RESET_AND_DOSE))
    same = np.diff(table.subject, prepend=-1) == 0
    back = same & (np.diff(table.time, prepend=np.nan) < 0) & ~reset
    whole = (table.evid % 1 != 0, table.addl % 1 != 0, table.ss % 1 != 0)
    faults = (
        ("TIME", np.isnan(table.time), "there is no time", None),
        ("TIME", np.abs(table.time) > LONGEST, "time is more than 100 years from the start", None),
        ("II", table.ii > LONGEST, "an interval is longer than 100 years", None),
        ("ADDL", table.addl > MOST_DOSES, f"there are more than {MOST_DOSES:,} further doses", None),
        ("TIME", back, "time goes back", "only after a reset (EVID 3 or 4) may it begin again"),
        ("EVID", (table.evid < 0) | (table.evid > 7) | whole[0], "EVID is a whole number from 0 to 7", None),
        ("AMT", ~gives & (table.amt != 0), "an observation has an amount", "a dose has EVID 1"),
        ("AMT", dose & (table.amt < 0), "an amount is negative", None),
        (
            "AMT",
            dose & (table.amt == 0) & (table.rate > 0) & (table.ss != 1),
            "a rate has no amount",
            "only a constant infusion at steady state (SS 1) has none",
        ),
        ("AMT", dose & (table.amt == 0) & ~constant, "a dose has no amount", None),
        ("ADDL", (table.addl < 0) | whole[1], "ADDL is a whole number of further doses", None),
        ("SS", ~np.isin(table.ss, (0, 1, 2)), "SS is 0, 1 (replace what is there) or 2 (add to it)", None),
        ("II", table.ii < 0, "an interval is negative", None),
        (
            "II",
            dose & (table.ss > 0) & (table.ii == 0) & ~constant,
            "a dose at steady state has no interval",
            "give II",
        ),
        ("II", dose & (table.addl > 0) & (table.ii == 0), "additional doses have no interval", "give II"),
        (
            "SS",
            constant & ((table.ii != 0) | (table.addl != 0) | lasting),
            "a constant infusion at steady state has no interval, further doses or duration",
            None,
        ),
        (
            "RATE",
            (table.rate < 0) & ~np.isin(table.rate, (-1, -2)),
            "a rate is negative",
            "-1 leaves the rate to the model, -2 the duration",
        ),
        ("DUR", lasting & (table.dur <= 0), "a duration is not positive", None),
        ("DUR", lasting & timed, "a dose has both a rate and a duration", None),
    )
    first: tuple[int, str, str, str | None] | None = None
    for column, bad, message, help in faults:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            if first is None or row < first[0]:
                first = row, column, message, help
    if first:
        table.fail(*first)
