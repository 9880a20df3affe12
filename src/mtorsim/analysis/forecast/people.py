"""Read many people from one CSV file: a row for each day of measurements, and one for each dose."""

from __future__ import annotations

import datetime as dt
import math
import re
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, DataError, did_you_mean
from mtorsim.tables.cells import ADAM, DIALECTS, MISSING, Cells, number, read_cells

from .file import MEASURED

__all__ = ["read_people"]

PERSON = ("population", "sex", "age", "bmi", "height", "weight", "diabetic", "ahead")
DOSE = ("drug", "amount", "every", "stop")
ROW = ("date", "day", "time", "meter")
_UNIT = re.compile(r"(?P<name>[^(\[]+?)\s*[(\[]\s*(?P<unit>[^)\]]+?)\s*[)\]]")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_people(path: str | Path, dialect: str = "comma") -> dict[str, dict[str, Any] | DataError]:
    """Read people from a table, for `forecasts`.

    Parameters
    ----------
    path
        A table as for `read_events`, with the columns `id`; `date` or `day`; measured quantities with units, such as
        `fasting_glucose (mg/dL)`; `drug`, `amount`, `every` and `stop` of doses; and what is known of the person, such
        as `sex`, `age`, `bmi` and `diabetic`, in any of its rows. A later row of a drug replaces its dose.
    dialect
        `comma`, `semicolon` or `tab`.

    Returns
    -------
    dict
        The tables of each person, as of a person's file, by `id`; or the first thing that is wrong in their rows, which
        `forecasts` passes on.

    Raises
    ------
    ArgumentError
        If the dialect is unknown.
    DataError
        If the table has no such columns, no rows, or a row of nobody.
    """
    if dialect == ADAM:
        help = "choose from comma, semicolon, tab"
        raise ArgumentError(f"people are not read from the dialect `{dialect}`", help=help)
    cells = read_cells(Path(path), dialect)
    columns = [_column(name, cells) for name in cells.head]
    names = [name for name, _ in columns]
    for name in ("id", "day" if "date" not in names else "date"):
        if name not in names:
            raise DataError(f"{cells.path}:1: column `{name}` is missing", help=did_you_mean(name, names))
    if not cells.rows:
        raise DataError(f"{cells.path}: the table has no rows")
    mark = DIALECTS[dialect][1]
    found: dict[str, dict[str, Any] | DataError] = {}
    for line, row in zip(cells.lines, cells.rows, strict=True):
        values = {name: (text, unit) for (name, unit), text in zip(columns, row, strict=True) if text not in MISSING}
        where = f"{cells.path}:{line}"
        if "id" not in values:
            raise DataError(f"{where}: the cell `id` is empty")
        who = values.pop("id")[0]
        person = found.setdefault(who, {"person": {"name": who}, "dose": [], "measured": []})
        if isinstance(person, DataError):
            continue
        try:
            _add(person, values, where, mark)
        except DataError as error:
            found[who] = error
    return found


def _column(head: str, cells: Cells) -> tuple[str, str]:
    """Name of a column, and the unit in its brackets."""
    match = _UNIT.fullmatch(head)
    name, unit = (match["name"], match["unit"]) if match else (head, "")
    name = name.strip().lower().replace(" ", "_")
    known = ("id", *ROW, *PERSON, *DOSE, *MEASURED)
    if name not in known:
        help = did_you_mean(name, known) or "known columns are " + ", ".join(known)
        raise DataError(f"{cells.path}:1: unknown column `{head}`", help=help)
    if name in MEASURED and not unit:
        raise DataError(f"{cells.path}:1: column `{head}` has no unit", help=f"write for example `{name} (mg/dL)`")
    return name, unit


def _add(person: dict[str, Any], values: dict[str, tuple[str, str]], where: str, mark: str) -> None:
    """Add a row to a person."""
    head = person["person"]
    for name in PERSON:
        if name in values:
            value = _plain(name, values[name][0], where, mark)
            if head.get(name, value) != value:
                raise DataError(f"{where}: `{name}` of {head['name']} is {value} here and {head[name]} before")
            head[name] = value
    when = {n: _day(n, values[n][0], where) for n in ("date", "day") if n in values}
    taken = [n for n in MEASURED if n in values]
    if "drug" in values:
        dose: dict[str, Any] = {n: values[n][0] for n in ("drug", "amount", "every") if n in values}
        for name in ("amount", "every"):
            if name not in dose:
                raise DataError(f"{where}: the dose of {dose['drug']} has no `{name}`")
        if when:
            dose["start"] = next(iter(when.values()))
        if "stop" in values:
            text = values["stop"][0]
            dose["stop"] = _day("day" if text.isdigit() else "date", text, where)
        _give(person["dose"], dose)
    if taken:
        row: dict[str, Any] = {**when, **{n: f"{values[n][0].replace(mark, '.')} {values[n][1]}" for n in taken}}
        if "time" in values:
            row["time"] = values["time"][0]
        if "meter" in values:
            row["meter"] = _plain("meter", values["meter"][0], where, mark)
        person["measured"].append(row)


def _plain(name: str, text: str, where: str, mark: str) -> Any:
    """A cell as a person's file has it."""
    if name in ("population", "sex", "ahead"):
        return text
    if name in ("diabetic", "meter"):
        if text.lower() not in _FLAGS:
            raise DataError(f"{where}: `{name}` = `{text}` is neither true nor false")
        return _FLAGS[text.lower()]
    value = number(text, mark)
    if not math.isfinite(value):
        raise DataError(f"{where}: `{name}` = `{text}` is not a number")
    return value


def _give(doses: list[dict[str, Any]], dose: dict[str, Any]) -> None:
    """Add a dose; it ends an earlier one of the same drug, and is nothing new if that one is the same."""
    before = next((d for d in reversed(doses) if d["drug"] == dose["drug"] and "stop" not in d), None)
    if before is None or "start" not in dose:
        doses.append(dose)
    elif (before["amount"], before["every"]) == (dose["amount"], dose["every"]):
        before |= {"stop": dose["stop"]} if "stop" in dose else {}
    else:
        if before.get("start") == dose["start"]:
            doses.remove(before)
        else:
            before["stop"] = dose["start"]
        doses.append(dose)


def _day(name: str, text: str, where: str) -> dt.date | int:
    """A date, or the number of a day."""
    try:
        return int(text) if name == "day" else dt.date.fromisoformat(text)
    except ValueError:
        help = "write dates as 2026-01-31" if name == "date" else None
        raise DataError(f"{where}: `{name}` = `{text}` is not a {name}", help=help) from None
