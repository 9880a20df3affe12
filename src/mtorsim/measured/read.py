"""Read a table of measured glucose, insulin and C-peptide."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, DataError, choose_from, did_you_mean, one_line
from mtorsim.tables.cells import ADAM, DIALECTS, MISSING, Cells, number, read_cells, renamed
from mtorsim.tables.choose import chosen
from mtorsim.tables.clock import as_clock, is_clock
from mtorsim.units.units import convert, parse_unit

from .adam import samples_of
from .quantities import QUANTITIES, Quantity, plain, quantity_of
from .samples import Samples, Series

__all__ = ["Measurements", "read_measurements"]

IDS = ("ID", "SUBJECT", "SUBJ", "SUBJID", "USUBJID", "PATIENT", "PATIENTID", "PAT", "#ID", "PERSON")
TIMES = ("TIME", "MIN", "MINUTE", "MINUTES", "T", "TIMESTAMP", "DATETIME", "TIMEMIN")
BEYOND = 5
"""A value above this multiple of the plausible range's upper limit is an error; so is one of glucose as far below."""
Point = tuple[int, int, float, float]
"""Row, column, minute and value of a sample."""
_IN_BRACKETS = re.compile(r"[(\[]\s*(?P<unit>[^)\]]+?)\s*[)\]]")
_WIDE = re.compile(r"(?P<letters>[A-Za-z][A-Za-z_-]*?)[ _-]*(?P<minute>\d+)\s*(?:min)?", re.IGNORECASE)
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


@dataclass(frozen=True)
class Measurements:
    """Measurements of a file.

    Attributes
    ----------
    path
        The file.
    people
        Samples of each person at each visit, in order of appearance.
    heads
        Names of the columns that make up a label: the subject's, and those of `by`.
    units
        Unit in the file of each quantity measured.
    notes
        How the file was read.
    """

    path: str
    people: Sequence[Samples]
    heads: tuple[str, ...]
    units: Mapping[str, str]
    notes: Sequence[str]


def read_measurements(
    path: str | Path | Any,
    units: Mapping[str, str],
    *,
    time_unit: str = "min",
    columns: Mapping[str, str] | None = None,
    by: Sequence[str] = (),
    ignore: Sequence[str] = (),
    accept: Sequence[str] = (),
    dialect: str = "comma",
    one_subject: bool = False,
) -> Measurements:
    """Read measurements, with one row per sample, or one row per person and columns such as `G0` and `I120`.

    Of the dialect `adam`, one row per value: codes in PARAMCD, values in AVAL, units in AVALU.

    Parameters
    ----------
    units
        Unit of each quantity whose column does not name it in brackets.
    by
        Columns that distinguish visits of a person.

    Other parameters are those of `indices`.

    Raises
    ------
    ArgumentError
        If an option is wrong.
    DataError
        For the first invalid cell, or if a quantity's unit is missing or implausible.
    """
    cells, notes = chosen(read_cells(path, dialect, ignore), ignore, accept)
    names = [name or "" for name in renamed(cells, columns or {}, ())]
    if dialect == ADAM:
        cells, time_unit = samples_of(cells, names, by, time_unit), "min"
        names = cells.head
    for name in units:
        if name not in QUANTITIES:
            help = choose_from(name, QUANTITIES)
            raise ArgumentError(f"`{name}` is not a measured quantity", help=help)
    reader = _Reader(cells, names, DIALECTS[dialect][1], time_unit, units, by, one_subject)
    return reader.read((*cells.notes, *notes))


@dataclass
class _Reader:
    cells: Cells
    names: list[str]
    mark: str
    time_unit: str
    units: Mapping[str, str]
    by: Sequence[str]
    one_subject: bool

    def read(self, notes: Sequence[str]) -> Measurements:
        if not self.cells.rows:
            raise DataError(f"{self.cells.path}: the table has no rows")
        labels, heads = self._labels()
        time = next((i for i, name in enumerate(self.names) if plain(name) in TIMES), None)
        wide = self._wide() if time is None else {}
        found = {quantity_of(n).name: i for i, n in enumerate(self.names) if quantity_of(n)}  # pyright: ignore[reportOptionalMemberAccess]
        self._check_doubles()
        if not wide and not found:
            help = 'rename a column: `columns={"' + self.cells.head[-1] + '": "glucose"}`'
            if "PARAMCD" in self.names:
                help = 'pass `dialect="adam"` for columns with the names of CDISC'
            raise DataError(f"{self.cells.path}:1: the table has no column of glucose or insulin", help=help)
        minutes = self._minutes(time) if time is not None else np.zeros(len(self.cells.rows))
        points = self._wide_points(wide) if wide else self._long_points(found, minutes)
        units = self._units(wide, found, points)
        people = self._people(labels, points, units)
        used = [f"{name} ({unit})" for name, unit in units.items()]
        said = f"{f'{len(people):,}' if len(people) > 1 else 'one'} series of {', '.join(used)}"
        return Measurements(self.cells.path, people, heads, units, (said, *notes))

    def _fail(self, row: int, column: int, message: str, help: str | None = None) -> None:
        place = f"{self.cells.path}:{self.cells.lines[row]}: column {self.cells.head[column]}"
        raise DataError(f"{place}: {message}", help=help)

    def _labels(self) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
        """Subject and visit of each row, and the names of their columns."""
        who = next((i for i, name in enumerate(self.names) if plain(name) in IDS), None)
        if who is None and not self.one_subject:
            help = "pass `one_subject=True` if all rows are of one person"
            raise DataError(f"{self.cells.path}:1: there is no column ID", help=did_you_mean("ID", self.names) or help)
        at = [] if who is None else [who]
        for name in self.by:
            if name not in self.names:
                help = did_you_mean(name, self.names)
                raise DataError(f"{self.cells.path}:1: there is no column `{name}`", help=help)
            at.append(self.names.index(name))
        for row, cells in enumerate(self.cells.rows):
            for i in at:
                if cells[i] in MISSING:
                    self._fail(row, i, "the cell is empty")
        heads = tuple(self.cells.head[i] for i in at)
        if who is None:
            return [("1", *(row[i] for i in at)) for row in self.cells.rows], ("ID", *heads)
        return [tuple(row[i] for i in at) for row in self.cells.rows], heads

    def _check_doubles(self) -> None:
        found: dict[str, str] = {}
        for name, own in zip(self.names, self.cells.head, strict=True):
            quantity = quantity_of(name)
            if quantity and quantity.name in found:
                said = f"columns `{found[quantity.name]}` and `{own}` are both {quantity.name}"
                help = f'rename one: `columns={{"{own}": "other"}}`'
                raise DataError(f"{self.cells.path}:1: {said}", help=help)
            if quantity:
                found[quantity.name] = own

    def _wide(self) -> dict[int, tuple[Quantity, float]]:
        """Quantity and minute of each column such as `G120`, if there are at least two of glucose."""
        found: dict[int, tuple[Quantity, float]] = {}
        for i, name in enumerate(self.names):
            match = _WIDE.fullmatch(_IN_BRACKETS.sub("", name).strip())
            letters = plain(match["letters"]) if match else ""
            quantity = next((q for q in QUANTITIES.values() if letters in (*q.short, *q.names)), None)
            if match and quantity:
                found[i] = quantity, float(match["minute"])
        several = sum(q.name == "glucose" for q, _ in found.values()) > 1
        return found if several else {}

    def _minutes(self, column: int) -> np.ndarray:
        """Minute of each row; clock times and dates are absolute, and made relative by person later."""
        scale = convert(1.0, parse_unit(self.time_unit), parse_unit("min"))
        found = np.zeros(len(self.cells.rows))
        for row, cells in enumerate(self.cells.rows):
            text = cells[column]
            if _STAMP.fullmatch(text):
                try:
                    stamp = dt.datetime.fromisoformat(re.sub(r"[ T](\d):", r" 0\1:", text))
                except ValueError:
                    self._fail(row, column, f"`{one_line(text)}` is not a date and time")
                    raise
                found[row] = (stamp - dt.datetime(2000, 1, 1)).total_seconds() / 60
            else:
                found[row] = 60 * as_clock(text) if is_clock(text) else scale * number(text, self.mark)
            if not np.isfinite(found[row]):
                help = "write minutes, a clock time such as 8:30, or a date and time such as 2024-01-31 08:30"
                self._fail(row, column, f"`{one_line(text)}` is not a time" if text else "the time is missing", help)
        return found

    def _value(self, row: int, column: int) -> float:
        text = self.cells.rows[row][column]
        if text in MISSING:
            return np.nan
        value = number(text, self.mark)
        if np.isnan(value):
            help = "missing values are an empty cell, `.` or `NA`"
            if text[:1] in "<>" or text.lower() in ("low", "lo", "high", "hi"):
                help = "replace values beyond the limits of an assay or sensor, or leave these rows out"
            elif self.mark == "." and "," in text:
                help = 'pass `dialect="semicolon"` for a table with decimal commas'
            self._fail(row, column, f"`{one_line(text)}` is not a number", help)
        if value < 0:
            self._fail(row, column, f"{value:g} is negative")
        return value

    def _long_points(self, found: Mapping[str, int], minutes: np.ndarray) -> dict[str, list[Point]]:
        """Row, column, minute and value of each sample, by quantity."""
        return {
            name: [(row, i, minutes[row], self._value(row, i)) for row in range(len(minutes))]
            for name, i in found.items()
        }

    def _wide_points(self, wide: Mapping[int, tuple[Quantity, float]]) -> dict[str, list[Point]]:
        points: dict[str, list[Point]] = {}
        for i, (quantity, minute) in wide.items():
            rows = range(len(self.cells.rows))
            points.setdefault(quantity.name, []).extend((row, i, minute, self._value(row, i)) for row in rows)
        return points

    def _units(
        self, wide: Mapping[int, tuple[Quantity, float]], found: Mapping[str, int], points: Mapping[str, list[Point]]
    ) -> dict[str, str]:
        """Unit of each quantity: as given, or in brackets in the head."""
        units: dict[str, str] = {}
        for name in points:
            quantity = QUANTITIES[name]
            columns = [i for i, (q, _) in wide.items() if q.name == name] if wide else [found[name]]
            written = {m["unit"] for i in columns if (m := _IN_BRACKETS.search(self.names[i]))}
            unit = self.units.get(name) or (written.pop() if len(written) == 1 else None)
            values = np.array([v for *_, v in points[name] if v == v])
            if not len(values):
                continue
            likely = quantity.fitting(values)
            own = self.cells.head[columns[0]]
            if unit is None:
                shown = likely or list(quantity.units)
                help = f'pass `units={{"{name}": "{shown[0]}"}}`' + (
                    f", or {', '.join(shown[1:])}" if shown[1:] else ""
                )
                raise DataError(f"{self.cells.path}:1: the unit of column `{own}` is not given", help=help)
            middle = float(np.median(values))
            if not quantity.low <= middle * quantity.factor(unit) <= quantity.high:
                said = f"column `{own}` has a median of {middle:g}, which is implausible in {unit}"
                help = f"did you mean {likely[0]}?" if likely else None
                raise DataError(f"{self.cells.path}:1: {said}", help=help)
            units[name] = unit
            self._check_values(quantity, unit, points[name])
        return units

    def _check_values(self, quantity: Quantity, unit: str, points: Sequence[Point]) -> None:
        """Refuse single values that no person has, such as those with a slipped decimal point."""
        factor = quantity.factor(unit)
        for row, column, _, value in points:
            size = value * factor
            if size > BEYOND * quantity.high or (size < quantity.low / BEYOND and quantity.name == "glucose"):
                self._fail(
                    row, column, f"{value:g} {unit} is not a value of {quantity.name}", "leave it empty if missing"
                )

    def _people(
        self, labels: Sequence[tuple[str, ...]], points: Mapping[str, list[Point]], units: Mapping[str, str]
    ) -> list[Samples]:
        order = {label: k for k, label in enumerate(dict.fromkeys(labels))}
        series: list[dict[str, Series]] = [{} for _ in order]
        for name, unit in units.items():
            factor = QUANTITIES[name].factor(unit)
            theirs: list[list[tuple[float, float, int, int]]] = [[] for _ in order]
            for row, column, minute, value in points[name]:
                if value == value:
                    theirs[order[labels[row]]].append((minute, value * factor, row, column))
            for k, samples in enumerate(theirs):
                samples.sort(key=lambda s: s[0])
                for one, two in pairwise(samples):
                    if one[0] == two[0]:
                        help = "name the column that distinguishes visits with `by`"
                        self._fail(two[2], two[3], f"two values of {name} at the same time", help)
                if samples:
                    minutes, values = np.array([s[0] for s in samples]), np.array([s[1] for s in samples])
                    series[k][name] = Series(minutes, values)
        return [Samples(label, series[k]) for label, k in order.items()]
