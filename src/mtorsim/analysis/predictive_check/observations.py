"""Measured values of one observable: whose, when, how much, and which are below the limit of quantification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtorsim.errors import ArgumentError, DataError, choose_from, did_you_mean, one_line, shortened
from mtorsim.event_records.table import EventTable
from mtorsim.tables.cells import DIALECTS, MISSING, number

from .censoring import NO_LIMIT, limits_of, marked
from .value_units import converted

__all__ = ["EVERYONE", "Observations", "observed_in", "read_observations"]

EVERYONE = ""
"""The stratum of all samples, unless they are stratified."""
VALUES = ("VALUE", "CONC", "OBS", "OBSERVATION", "MEASURED")
"""Names of the column of values, beside DV and the observable's own name."""
KINDS = ("DVID", "OBSERVABLE", "NAME", "YTYPE", "PARAMCD")
"""Names of the column that says what was measured."""
UNITS = ("UNIT", "UNITS", "DVU")
_OBSERVATION = 0


@dataclass(frozen=True)
class Observations:
    """Measured values of one observable, in the order of the table.

    Attributes
    ----------
    of, unit
        The observable, and the unit of all values, which is the model's.
    labels
        ID of each person of the table, also of those without samples.
    person
        Number of the person of each sample, (n,).
    record
        Its row in the table of event records, (n,).
    line
        Its line in the file, (n,).
    time
        In hours, since the start, or since the last dose, (n,).
    value
        The measured value; the limit where it is below, (n,).
    limit
        Lower limit of quantification of each sample, -inf without one, (n,).
    below
        Whether it is below that limit, (n,).
    stratum
        The stratum of each sample, (n,).
    notes
        How the table was read, and what was left out.
    """

    of: str
    unit: str
    labels: Sequence[str]
    person: np.ndarray
    record: np.ndarray
    line: np.ndarray
    time: np.ndarray
    value: np.ndarray
    limit: np.ndarray
    below: np.ndarray
    stratum: np.ndarray
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.value)

    @property
    def people(self) -> np.ndarray:
        """Numbers of the persons with samples, in order."""
        return np.unique(self.person)

    @property
    def strata(self) -> list[str]:
        """Strata, in order of appearance."""
        return list(dict.fromkeys(self.stratum.tolist()))

    @property
    def censored(self) -> bool:
        """Whether there is a limit of quantification."""
        return bool((self.limit > NO_LIMIT).any())

    def select(self, kept: np.ndarray, *notes: str) -> Observations:
        """The samples in a mask (n,), or at some places."""
        parts = {name: getattr(self, name)[kept] for name in ("person", "record", "line", "time", "value")}
        parts |= {name: getattr(self, name)[kept] for name in ("limit", "below", "stratum")}
        return replace(self, **parts, notes=(*self.notes, *notes))


def observed_in(table: EventTable, of: str | None, known: Sequence[str]) -> str:
    """The observable that a table measures.

    Parameters
    ----------
    of
        As asked for; None if the table, or a model with one observable, says it.
    known
        Observables of the model.

    Raises
    ------
    ArgumentError
        If it is unknown, or not named and there are several.
    """
    if of is None:
        own = sorted({text for text in _cells(table, _kind_column(table)) or () if text in known})
        found = own if len(own) == 1 else list(known) if len(known) == 1 else []
        if not found:
            raise ArgumentError("which observable was measured is not said", help="`of` is one of " + ", ".join(known))
        return found[0]
    if of not in known:
        raise ArgumentError(f"the model has no observable `{of}`", help=choose_from(of, known))
    return of


def read_observations(
    table: EventTable,
    of: str,
    unit: str,
    *,
    dv_unit: str | None = None,
    lloq: float | None = None,
    dvid: str | None = None,
    by: str | None = None,
) -> Observations:
    """Read the measured values of one observable.

    Parameters
    ----------
    table
        Records, of which those with EVID 0, without MDV 1 and with a value are samples.
    of, unit
        The observable and its unit in the model.
    dv_unit
        Unit of the values in the table; default: its column UNIT, else that of the model.
    lloq
        Lower limit of quantification, in the unit of the table; its column LLOQ has precedence.
    dvid
        What the table calls the observable in its column DVID; default: by its name, or everything.
    by
        Column by which samples are stratified.

    Raises
    ------
    ArgumentError
        If an option does not fit the table.
    DataError
        For the first sample that is wrong, with its line, person and column.
    """
    column = _value_column(table, of)
    texts = _cells(table, column) or []
    mdv = _cells(table, table.used.get("MDV")) or [""] * len(texts)
    mine = (table.evid == _OBSERVATION) & np.array([text not in ("1", "1.0") for text in mdv])
    mine &= _of_kind(table, of, dvid, mine)
    flags = marked(table, texts, mine)
    empty = mine & np.array([not text for text in texts]) & ~flags
    mine &= ~empty
    notes = [f"rows without a value: {empty.sum():,}"] if empty.any() else []
    if not mine.any():
        raise DataError(f"{table.path}: there is no measured value of `{of}`", help=_why_none(table, column))
    mark = DIALECTS[table.options.get("dialect", "comma")][1]
    value = np.full(len(texts), np.nan)
    for row in np.flatnonzero(mine):
        text = texts[row]
        value[row] = number(text.lstrip("<= ") if text.startswith("<") else text, mark)
        if np.isnan(value[row]) and not flags[row]:
            help = (
                "missing values are an empty cell, `.` or `NA`; one below the limit is `<0.3`, or has 1 in column BLQ"
            )
            table.fail(int(row), column, f"`{one_line(text)}` is not a number", help)
    given = dv_unit or _unit_column(table, mine)
    rows = np.flatnonzero(mine)
    limit, below = limits_of(table, texts, value, flags, rows, lloq, mark)
    value, limit = (converted(x, given, of, unit) for x in (np.where(below, limit, value[rows]), limit))
    notes.append(
        f"values in {given}" + (f", shown in {unit}" if given != unit else "") if given else f"values in {unit}"
    )
    found = Observations(
        of=of,
        unit=unit,
        labels=table.labels,
        person=table.subject[rows],
        record=rows,
        line=table.lines[rows],
        time=_running(table)[rows],
        value=value,
        limit=limit,
        below=below,
        stratum=_strata(table, by, rows),
        notes=(*table.notes, *notes),
    )
    _check_doubles(table, found, column)
    without = table.subjects - len(found.people)
    some = "person has" if without == 1 else "people have"
    return replace(found, notes=(*found.notes, f"{without:,} {some} no sample")) if without else found


def _cells(table: EventTable, column: str | None) -> list[str] | None:
    """Cells of a column as text, empty where missing."""
    if column is None:
        return None
    return ["" if cell is None or cell in MISSING else str(cell).strip() for cell in table.frame[column]]


def named(table: EventTable, *names: str) -> str | None:
    """The first column of one of these names, in any case, also after renaming; None without one."""
    renamed = table.options.get("columns", {})
    for name in names:
        for own in table.frame.columns:
            if renamed.get(own, own).upper() == name.upper() and own not in table.options.get("drop", ()):
                return own
    return None


def _kind_column(table: EventTable) -> str | None:
    return named(table, *KINDS)


def _value_column(table: EventTable, of: str) -> str:
    """The column of measured values."""
    column = table.used.get("DV") or named(table, *VALUES, of, of.rpartition(".")[2])
    if column is None:
        free = [c for c in table.frame.columns if c not in table.used.values()]
        near = did_you_mean("DV", free)
        help = near or f'name the column of values `DV`: `columns={{"{free[-1] if free else "conc"}": "DV"}}`'
        raise DataError(f"{table.path}:1: there is no column of measured values", help=help)
    return column


def _of_kind(table: EventTable, of: str, dvid: str | None, mine: np.ndarray) -> np.ndarray:
    """Mask of the rows that measure the observable."""
    column = _kind_column(table)
    kinds = _cells(table, column)
    if kinds is None:
        if dvid is not None:
            raise ArgumentError(f"`dvid` = {dvid}: the table has no column DVID")
        return np.ones(len(mine), bool)
    there = sorted({kind for kind, here in zip(kinds, mine, strict=True) if here and kind})
    wanted = of if dvid is None and of in there else dvid
    if wanted is None:
        if len(there) > 1:
            known = ", ".join(there[:8])
            raise ArgumentError(f"column {column} has several kinds of values: {known}", help="choose one with `dvid`")
        return np.ones(len(mine), bool)
    if wanted not in there:
        raise ArgumentError(f"`dvid` = {one_line(wanted)}: not in column {column}", help=choose_from(wanted, there))
    return np.array([kind == wanted for kind in kinds])


def _why_none(table: EventTable, column: str) -> str:
    rows = int((table.evid == _OBSERVATION).sum())
    return f"{rows:,} rows have EVID 0; a sample also needs a value in `{column}` and no MDV 1"


def _unit_column(table: EventTable, mine: np.ndarray) -> str | None:
    """The unit that a column gives to all samples."""
    column = named(table, *UNITS)
    cells = _cells(table, column)
    if cells is None:
        return None
    units = sorted({cell for cell, here in zip(cells, mine, strict=True) if here and cell})
    if len(units) > 1:
        raise DataError(
            f"{table.path}: column {column} has several units: {shortened(units)}",
            help="convert the values to one, or choose rows with `accept`",
        )
    return units[0] if units else None


def _strata(table: EventTable, by: str | None, rows: np.ndarray) -> np.ndarray:
    """The stratum of each sample."""
    if by is None:
        return np.full(len(rows), EVERYONE, object)
    column = by if by in table.frame.columns else named(table, by)
    if column is None:
        help = did_you_mean(by, table.frame.columns) or "columns are " + shortened(table.frame.columns, 12)
        raise ArgumentError(f"`by` = {one_line(by)}: the table has no such column", help=help)
    cells = _cells(table, column) or []
    strata = np.array([cells[row] for row in rows], object)
    if (strata == "").any():
        table.fail(int(rows[np.flatnonzero(strata == "")[0]]), column, "the stratum of this sample is missing")
    if len(set(strata.tolist())) > MOST_STRATA:
        help = "make classes of it in the table: a column such as `weight_class`"
        message = f"`by` = {one_line(by)}: there are {len(set(strata.tolist())):,} strata, at most {MOST_STRATA}"
        raise ArgumentError(message, help=help)
    return strata


MOST_STRATA = 12


def _running(table: EventTable) -> np.ndarray:
    """Time of each record since the first occasion: a reset may restart the clock of the table."""
    found = table.time.copy()
    offset, before, who = 0.0, -np.inf, -1
    for r, (time, subject) in enumerate(zip(table.time, table.subject, strict=True)):
        if subject != who:
            offset, before, who = 0.0, -np.inf, subject
        if time + offset < before:
            offset = before - time
        before = found[r] = time + offset
    return found


def _check_doubles(table: EventTable, found: Observations, column: str) -> None:
    """Raise if a person has two samples at one time: their simulated values would be one and the same."""
    same = (np.diff(found.person) == 0) & (np.diff(found.time) == 0)
    if same.any():
        row = int(found.record[np.flatnonzero(same)[0] + 1])
        help = "keep one of them, or their mean; several kinds of values need a column DVID"
        table.fail(row, column, f"two values of `{found.of}` at the same time", help)
