"""Read analysis datasets with the names of CDISC's ADLB, one row per value, as a table with one row per sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtorsim.errors import DataError, UnitError, did_you_mean, one_line
from mtorsim.tables.cells import MISSING, Cells
from mtorsim.units.units import convert, parse_unit

from .quantities import quantity_of

__all__ = ["samples_of"]

SUBJECTS = ("USUBJID", "SUBJID")
TIMES = {"ARRLT": "RRLTU", "AFRLT": "FRLTU", "NRRLT": "RRLTU", "NFRLT": "FRLTU", "ARELTM": "ARELTMU"}
"""Columns of times, the first of which is read, and those of their units."""


def samples_of(cells: Cells, names: Sequence[str], by: Sequence[str], time_unit: str) -> Cells:
    """Make a table with the columns ID, TIME (minutes), those of `by`, and one for each measured quantity.

    Parameters
    ----------
    names
        Names under which the columns are used.
    time_unit
        Unit of times without a column of units.

    Raises
    ------
    DataError
        If columns are missing, a quantity has several units, or two values at one time.
    """
    at = {name: i for i, name in enumerate(names)}
    subject = _column(cells, at, SUBJECTS, "subjects")
    time = _column(cells, at, tuple(TIMES), "times")
    code, value, unit = (_column(cells, at, (name,), name) for name in ("PARAMCD", "AVAL", "AVALU"))
    for name in by:
        if name not in at:
            raise DataError(f"{cells.path}:1: there is no column `{name}`", help=did_you_mean(name, names))
    minutes = _minutes(cells, at, names[time], time_unit)
    units: dict[str, str] = {}
    ignored: dict[str, int] = {}
    found: dict[tuple[str, ...], dict[str, tuple[str, int]]] = {}
    for row, line in zip(cells.rows, cells.lines, strict=True):
        quantity = quantity_of(row[code])
        if quantity is None:
            ignored[row[code]] = ignored.get(row[code], 0) + 1
            continue
        if row[value] in MISSING:
            continue
        place = f"{cells.path}:{line}: {quantity.name}"
        if units.setdefault(quantity.name, row[unit]) != row[unit]:
            raise DataError(f"{place} is in {one_line(row[unit], 20)} here and in {units[quantity.name]} before")
        key = (row[subject], row[time], *(row[at[name]] for name in by))
        mine = found.setdefault(key, {})
        if quantity.name in mine:
            help = "name the column that distinguishes visits with `by`"
            raise DataError(f"{place} has two values at the same time", help=help)
        mine[quantity.name] = row[value], line
    if not found:
        said = ", ".join(f"`{one_line(c, 20)}`" for c in list(ignored)[:6])
        help = "codes are GLUC, INSULIN and CPEPTIDE; `accept` chooses rows, other codes are renamed in the file"
        raise DataError(f"{cells.path}: PARAMCD has no glucose or insulin, but {said or 'no codes'}", help=help)
    head = ["ID", "TIME", *by, *(f"{name} ({unit})" for name, unit in units.items())]
    rows = [
        [key[0], _scaled(key[1], minutes), *key[2:], *(mine.get(name, ("", 0))[0] for name in units)]
        for key, mine in found.items()
    ]
    lines = [min(line for _, line in mine.values()) for mine in found.values()]
    notes = [f"parameters that are not measured quantities: {', '.join(ignored)}"] if ignored else []
    notes.append(f"subjects are {names[subject]}, times {names[time]}")
    return Cells(cells.path, head, rows, lines, [*cells.notes, *notes])


def _column(cells: Cells, at: Mapping[str, int], names: Sequence[str], what: str) -> int:
    for name in names:
        if name in at:
            return at[name]
    wanted = " or ".join(names)
    help = did_you_mean(names[0], cells.head) or f'rename the column of {what}: `columns={{"OLD": "{names[0]}"}}`'
    raise DataError(f"{cells.path}:1: there is no column {wanted}", help=help)


def _minutes(cells: Cells, at: Mapping[str, int], time: str, time_unit: str) -> float:
    """Minutes in the unit of the times."""
    beside = TIMES[time]
    units = [time_unit]
    if beside in at:
        units = list(dict.fromkeys(row[at[beside]].lower() for row in cells.rows if row[at[beside]] not in MISSING))
    try:
        if len(units) != 1:
            raise UnitError("not one unit")
        return convert(1.0, parse_unit(units[0]), parse_unit("min"))
    except UnitError:
        said = ", ".join(f"`{one_line(unit, 20)}`" for unit in units[:4]) or "no unit"
        help = "all times of a table are in one unit, such as HOURS or MINUTES"
        raise DataError(f"{cells.path}: column {beside} has {said}", help=help) from None


def _scaled(text: str, minutes: float) -> str:
    """A time in minutes; what is no number is left to the reader, which says so."""
    try:
        return repr(float(text) * minutes)
    except ValueError:
        return text
