"""Read event records: a file of any kind of table, or a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtorsim.errors import ArgumentError, DataError, choose_from, did_you_mean, one_line, spoken
from mtorsim.run.arguments import checked
from mtorsim.tables.cells import ADAM, DIALECTS, MISSING, Cells, number, read_cells, renamed
from mtorsim.tables.choose import chosen
from mtorsim.tables.clock import DATES, as_clock, as_date, is_clock, relative
from mtorsim.units.units import convert, parse_unit

from .adam import NAMES, event_columns, hours_in
from .checks import check_records
from .table import INTERPOLATIONS, EventTable, Frame

__all__ = ["read_events"]

ADDITIONAL = ("record", "own time")
NUMBERS = ("EVID", "AMT", "RATE", "DUR", "ADDL", "SS")
TIMES = ("TIME", "II")
RESERVED = ("ID", "TIME", *DATES, "EVID", "AMT", "RATE", "DUR", "II", "ADDL", "SS", "CMT", "DV", "MDV")
"""Columns with a meaning of their own, in any case."""
UNSUPPORTED = ("CALL", "CONT", "PCMT", "L1", "L2")
"""Columns that have a meaning in NONMEM, but none here, unless they are 0 or missing."""
PEOPLE = ("SUBJ", "SUBJECT", "SUBJID", "USUBJID", "NMID", "PATIENT", "PAT", "#ID", "ANIMAL", "C1")
"""Usual names of the column ID in other data sets."""


@checked
def read_events(
    path: str | Path | Frame,
    *,
    time_unit: str = "h",
    interpolation: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    ignore: Sequence[str] = (),
    accept: Sequence[str] = (),
    dialect: str = "comma",
    one_subject: bool = False,
    additional: str = "record",
) -> EventTable:
    """Read a table of event records.

    Parameters
    ----------
    path
        A DataFrame, or the file: CSV, or by its suffix .xpt, .sas7bdat, .dta, .sav, .rds, .feather or .parquet. Columns
        by name, in any case: ID, TIME, EVID, AMT, RATE, DUR, II, ADDL, SS, CMT, MDV, DV, and DATE, DAT1, DAT2 or DAT3;
        all others are copied to the result, and are covariates if the model has a parameter for them. A full stop, `NA`
        or an empty cell is a missing value. With clock times or dates, times are relative to the first record of each
        subject.
    time_unit
        Unit of TIME, II and DUR; rates are per this unit.
    interpolation
        For each covariate that changes within a subject, `locf`, `nocb` or `linear`.
    columns
        New names of columns: `{"WT": "weight"}` reads the column WT as `weight`.
    drop
        Columns that are only copied to the result, whatever their names.
    ignore, accept
        Rows to leave out, and conditions of which each row must satisfy one: `#` (rows that begin with it), `@` (rows
        that begin with a letter), a column (rows with a letter in it), or comparisons such as `STUDY == 2`.
    dialect
        `comma`, `semicolon` (with decimal commas), `tab`, or `adam` for the names of CDISC's ADPPK: USUBJID (or
        SUBJID) is ID, and AFRLT (or NFRLT) is TIME, in the unit of FRLTU.
    one_subject
        Whether the table has no column ID, since all records are of one subject.
    additional
        Whether the lag and duration of additional doses are those of the `record`, as in NONMEM, or those of their
        `own time`.

    Raises
    ------
    ArgumentError
        If an option is wrong.
    DataError
        For the first invalid record, with its line, subject and column.
    """
    if additional not in ADDITIONAL:
        raise ArgumentError(f"`additional` must be `record` or `own time`, not {spoken(additional)}")
    cells, notes = chosen(read_cells(path, dialect, ignore), ignore, accept)
    if dialect == ADAM:
        columns, time_unit = event_columns(cells, columns or {}), hours_in(cells, time_unit)
    hours = convert(1.0, parse_unit(time_unit), parse_unit("h"))
    names = renamed(cells, columns or {}, drop)
    reader = _Reader(cells, names, DIALECTS[dialect][1], hours, one_subject)
    options = {
        "time_unit": time_unit,
        "interpolation": dict(interpolation or {}),
        "columns": dict(columns or {}),
        "drop": list(drop),
        "dialect": dialect,
        "one_subject": one_subject,
        "additional": additional,
    }
    table = reader.table(dict(interpolation or {}), (*cells.notes, *notes), time_unit)
    table = replace(table, additional=additional, options=options)
    check_records(table)
    return table


@dataclass
class _Reader:
    cells: Cells
    names: list[str | None]
    mark: str
    hours: float
    one_subject: bool

    def __post_init__(self) -> None:
        self.path = self.cells.path
        self.at = self._places()
        self._check_names()

    def _places(self) -> dict[str, int]:
        """Position of each reserved column."""
        found: dict[str, int] = {}
        for i, name in enumerate(self.names):
            upper = (name or "").upper()
            if upper in (*RESERVED, *UNSUPPORTED):
                if upper in found:
                    first = self.cells.head[found[upper]]
                    message = f"columns `{first}` and `{self.cells.head[i]}` are both {upper}"
                    raise DataError(f"{self.path}:1: {message}", help=f'`drop=["{first}"]` only copies one of them')
                found[upper] = i
        return found

    def _check_names(self) -> None:
        head = self.cells.head
        if "TIME" not in self.at and not any(d in self.at for d in DATES):
            adam = (
                'pass `dialect="adam"` for columns with the names of CDISC' if set(NAMES["TIME"]) & set(head) else None
            )
            raise DataError(f"{self.path}:1: there is no column TIME", help=did_you_mean("TIME", head) or adam)
        if "ID" not in self.at and not self.one_subject:
            near = next((name for name in head if name.upper() in PEOPLE), None)
            meant = f'did you mean `{near}`? Pass `columns={{"{near}": "ID"}}`' if near else did_you_mean("ID", head)
            help = meant or "pass `one_subject=True` if all records are of one subject"
            raise DataError(f"{self.path}:1: there is no column ID", help=help)
        dates = [d for d in DATES if d in self.at]
        if len(dates) > 1:
            raise DataError(f"{self.path}:1: there are two columns of dates, {dates[0]} and {dates[1]}")

    def table(self, interpolation: dict[str, str], notes: Sequence[str], time_unit: str) -> EventTable:
        """Make the table of all remaining rows."""
        import pandas as pd

        if not self.cells.rows:
            raise DataError(f"{self.path}: the table has no records")
        subject, labels = self._subjects()
        values = {name: self._numbers(name) for name in NUMBERS}
        self._check_unsupported()
        zero = {name: np.nan_to_num(v) for name, v in values.items()}
        time, dated = self._times(subject)
        interval = np.nan_to_num(self._hours("II", self.at.get("II")))
        dosing = (zero["AMT"] != 0) | (zero["RATE"] != 0) | (zero["SS"] != 0) | (zero["ADDL"] > 0)
        covariates = self._covariates()
        self._check_interpolation(interpolation, covariates)
        texts = [[None if cell in MISSING else cell for cell in row] for row in self.cells.rows]
        rate = zero["RATE"]
        return EventTable(
            frame=pd.DataFrame(texts, columns=self.cells.head, dtype=object),
            path=self.path,
            lines=np.array(self.cells.lines),
            labels=labels,
            subject=subject,
            time=time,
            evid=np.where(np.isnan(values["EVID"]), dosing * 1.0, values["EVID"]),
            amt=zero["AMT"],
            rate=np.where(rate > 0, rate / self.hours, rate),
            dur=values["DUR"] * self.hours,
            ii=interval,
            addl=zero["ADDL"],
            ss=np.where(zero["SS"] == 3, 1.0, zero["SS"]),
            cmt=self._text("CMT"),
            covariates=covariates,
            texts=self._texts(covariates),
            interpolation=interpolation,
            used={name: self.cells.head[i] for name, i in self.at.items() if name not in UNSUPPORTED},
            notes=(*notes, *(["times are relative to the first record of each subject"] if dated else [])),
            time_unit=time_unit,
            additional="record",
            options={},
        )

    def _column(self, i: int) -> list[str]:
        return ["" if row[i] in MISSING else row[i] for row in self.cells.rows]

    def _text(self, name: str) -> list[str]:
        return self._column(self.at[name]) if name in self.at else [""] * len(self.cells.rows)

    def _fail(self, row: int, column: int | str, message: str, help: str | None = None) -> None:
        name = column if isinstance(column, str) else self.cells.head[column]
        raise DataError(f"{self.path}:{self.cells.lines[row]}: column {name}: {message}", help=help)

    def _subjects(self) -> tuple[np.ndarray, list[str]]:
        """Number of the subject of each record, and the label of each subject."""
        if "ID" not in self.at:
            return np.zeros(len(self.cells.rows), np.int64), ["1"]
        numbers: dict[str, int] = {}
        found = np.empty(len(self.cells.rows), np.int64)
        before = None
        for row, label in enumerate(self._text("ID")):
            if not label:
                self._fail(row, self.at["ID"], "the subject is missing")
            if label != before and label in numbers:
                said = f"the records of subject {one_line(label)} are not contiguous"
                help = "sort the table by ID and TIME"
                raise DataError(f"{self.path}:{self.cells.lines[row]}: {said}", help=help)
            before = label
            found[row] = numbers.setdefault(label, len(numbers))
        return found, list(numbers)

    def _numbers(self, name: str) -> np.ndarray:
        """Values of a reserved column of numbers, NaN if missing."""
        if name not in self.at:
            return np.full(len(self.cells.rows), np.nan)
        found = np.full(len(self.cells.rows), np.nan)
        for row, text in enumerate(self._column(self.at[name])):
            if text:
                found[row] = self._number(text)
                if not np.isfinite(found[row]):
                    self._fail(row, self.at[name], f"`{one_line(text)}` is not a number", self._mark_help(text))
        return found

    def _number(self, text: str) -> float:
        return number(text, self.mark)

    def _mark_help(self, text: str) -> str | None:
        if self.mark == "." and "," in text:
            return 'pass `dialect="semicolon"` for a table with decimal commas'
        return "missing values are an empty cell, `.` or `NA`"

    def _check_unsupported(self) -> None:
        for name in UNSUPPORTED:
            if name in self.at:
                found = np.array([self._number(t) if t else 0.0 for t in self._column(self.at[name])])
                if np.any(found != 0):
                    row = int(np.flatnonzero(found != 0)[0])
                    own = self.cells.head[self.at[name]]
                    self._fail(row, own, f"{name} has no meaning here", f'`drop=["{own}"]` only copies the column')

    def _times(self, subject: np.ndarray) -> tuple[np.ndarray, bool]:
        """Time of each record in hours, and whether it is relative to the subject's first record."""
        clocked = "TIME" in self.at and any(is_clock(t) for t in self._text("TIME"))
        date = next((d for d in DATES if d in self.at), None)
        if (clocked or date) and self.hours != 1.0:
            raise ArgumentError("clock times and dates are in hours", help='leave out `time_unit`, or pass "h"')
        time = self._hours("TIME", self.at.get("TIME"))
        if "TIME" not in self.at:
            time = np.zeros(len(self.cells.rows))
        if date is not None:
            days = np.full(len(time), np.nan)
            for row, text in enumerate(self._text(date)):
                days[row] = as_date(text, DATES[date]) if text else np.nan
                if np.isnan(days[row]):
                    order = {"m": "month", "d": "day", "y": "year"}
                    said = f"`{one_line(text)}` is not a date" if text else "the date is missing"
                    wanted = ", ".join(order[c] for c in DATES[date])
                    self._fail(row, self.at[date], said, f"{date} has {wanted}; DATE, DAT1, DAT2, DAT3 differ in order")
            time = time + 24.0 * days
        dated = clocked or date is not None
        return (relative(time, subject) if dated else time), dated

    def _hours(self, name: str, column: int | None) -> np.ndarray:
        """Hours of a column of times, each a number or a clock time."""
        found = np.full(len(self.cells.rows), np.nan)
        if column is None:
            return found
        for row, text in enumerate(self._column(column)):
            if text:
                found[row] = as_clock(text) if is_clock(text) else self._number(text) * self.hours
                if not np.isfinite(found[row]):
                    what = "clock time" if is_clock(text) else "number"
                    self._fail(row, column, f"`{one_line(text)}` is not a {what}", self._mark_help(text))
        return found

    def _covariates(self) -> dict[str, np.ndarray]:
        """Values of each additional column of numbers, by the name under which it is used."""
        found = {}
        for i, name in enumerate(self.names):
            if name is None or name.upper() in (*RESERVED, *UNSUPPORTED):
                continue
            texts = self._column(i)
            values = np.array([self._number(t) if t else np.nan for t in texts])
            if np.array_equal(np.isnan(values), np.array([not t for t in texts])):
                found[name] = values
            elif name.upper() == "C":
                row = next(r for r, (t, v) in enumerate(zip(texts, values, strict=True)) if t and np.isnan(v))
                own = self.cells.head[i]
                help = f'`ignore=["{own}"]` leaves such rows out, `drop=["{own}"]` keeps them'
                self._fail(row, own, "a letter marks this row", help)
        return found

    def _texts(self, covariates: Mapping[str, np.ndarray]) -> dict[str, tuple[int, str]]:
        """For each additional column with text, the first record that is not a number, and its text."""
        found = {}
        for i, name in enumerate(self.names):
            if name is not None and name.upper() not in (*RESERVED, *UNSUPPORTED) and name not in covariates:
                for row, text in enumerate(self._column(i)):
                    if text and np.isnan(self._number(text)):
                        found[name] = (row, text)
                        break
        return found

    def _check_interpolation(self, interpolation: Mapping[str, str], covariates: Mapping[str, np.ndarray]) -> None:
        for name, kind in interpolation.items():
            if name not in covariates:
                message = f"{self.path}:1: there is no covariate `{name}` to interpolate"
                raise DataError(message, help=did_you_mean(name, covariates))
            if kind not in INTERPOLATIONS:
                help = choose_from(kind, INTERPOLATIONS)
                raise DataError(f"`{kind}` is not an interpolation", help=help)
