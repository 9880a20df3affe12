"""Read a table, a file or a DataFrame, as cells of text, each row with its line number."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, DataError, choose_from, did_you_mean, one_line, shown_path

from .binary import BINARY, binary_cells
from .columns import is_frame, rows_of_frame

__all__ = ["ADAM", "DIALECTS", "MISSING", "Cells", "number", "read_cells", "renamed"]

ADAM = "adam"
"""The dialect of analysis datasets: cells are separated by commas, and columns have the names of CDISC's ADaM."""
DIALECTS = {"comma": (",", "."), "semicolon": (";", ","), "tab": ("\t", "."), ADAM: (",", ".")}
"""Separator of cells and decimal mark, by name."""
MISSING = ("", ".", "NA")
"""Cells without a value."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")


@dataclass(frozen=True)
class Cells:
    """A table of text.

    Attributes
    ----------
    path
        The file, as shown to the user.
    head
        Names of the columns, without surrounding blanks.
    rows
        Cells without surrounding blanks; every row is as long as the head.
    lines
        Line of the file on which each row begins; of files that have no lines, counted as in a CSV of the table.
    notes
        Irregularities that were corrected.
    """

    path: str
    head: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: list[str]


FRAME = "the data frame"
"""How a table that is not a file is named in messages."""


def read_cells(given: str | Path | Any, dialect: str, ignore: Sequence[str] = ()) -> Cells:
    """Read a table; blank lines are skipped, and empty cells beyond the head are dropped.

    Parameters
    ----------
    given
        A DataFrame, or the path of a file: CSV, or by its suffix .xpt, .sas7bdat, .dta, .sav, .rds, .feather or
        .parquet.
    dialect
        Name of separator and decimal mark of a CSV file, or `adam`.
    ignore
        Rows to leave out, of which only `#` matters here.

    Lines above the head that begin with `#` are comments; `#` must be in `ignore`, as for any comment.

    Raises
    ------
    ArgumentError
        If the dialect is unknown, or not that of such a file.
    DataError
        If the file cannot be read, has no head, a column without a name or with the name of another one, or a row
        with more cells than the head.
    """
    if dialect not in DIALECTS:
        help = choose_from(dialect, DIALECTS)
        raise ArgumentError(f"unknown dialect `{dialect}`", help=help)
    if is_frame(given):
        shown, (lines, rows) = FRAME, rows_of_frame(given)
    else:
        path = Path(given)
        shown = shown_path(path)
        if path.suffix.lower() in BINARY:
            if dialect not in ("comma", ADAM):
                help = "leave out the dialect: the file has neither separators nor decimal marks"
                raise ArgumentError(f"`{shown}` is not a text file of dialect `{dialect}`", help=help)
            head, rows = binary_cells(path)
            _check_head(shown, 1, head)
            return Cells(shown, head, rows, list(range(2, len(rows) + 2)), [])
        lines, rows = _rows(path, DIALECTS[dialect][0])
    if not rows:
        raise DataError(f"{shown}: the file is empty")
    above = _comments_above(rows)
    if above and "#" not in ignore:
        raise DataError(f"{shown}:{lines[0]}: this line begins with `#`", help='pass `ignore=["#"]` to leave it out')
    lines, rows = lines[above:], rows[above:]
    at, head = lines.pop(0), rows.pop(0)
    while head and not head[-1] and all(len(row) < len(head) or not row[len(head) - 1] for row in rows):
        head.pop()
    if len(head) == 1 and any(mark in head[0] for mark in ",;\t|"):
        fitting = next((name for name, (mark, _) in DIALECTS.items() if mark in head[0]), None)
        help = f'pass `dialect="{fitting}"`' if fitting else "separate columns by commas"
        raise DataError(f"{shown}:{at}: there is only one column", help=help)
    _check_head(shown, at, head)
    notes = [f"comment lines above the head: {above}"] if above else []
    notes += _squared(shown, head, rows, lines)
    return Cells(shown, head, rows, lines, notes)


def _check_head(shown: str, at: int, head: Sequence[str]) -> None:
    for i, name in enumerate(head):
        if not name:
            raise DataError(f"{shown}:{at}: column {i + 1} has no name")
        if name in head[:i]:
            raise DataError(f"{shown}:{at}: column `{one_line(name)}` appears twice")


def renamed(cells: Cells, columns: Mapping[str, str], drop: Sequence[str]) -> list[str | None]:
    """Name under which each column is used; None for one that is only copied.

    Raises
    ------
    DataError
        If a column does not exist, or two are used under the same name.
    """
    for own in (*columns, *drop):
        if own not in cells.head:
            raise DataError(f"{cells.path}:1: there is no column `{own}`", help=did_you_mean(own, cells.head))
    names = [None if own in drop else columns.get(own, own).strip() for own in cells.head]
    for i, name in enumerate(names):
        if name is not None and name in names[:i]:
            raise DataError(f"{cells.path}:1: two columns are used as `{name}`")
    return names


def number(text: str, mark: str) -> float:
    """The number in a cell, whose decimal mark is `mark`; NaN if there is none, or it is too large."""
    if mark != ".":
        text = text.replace(".", "x").replace(mark, ".")
    # Python also reads underscores and words such as `infinity`.
    if not _NUMBER.fullmatch(text):
        return math.nan
    value = float(text.lower().replace("d", "e"))
    return value if math.isfinite(value) else math.nan


def _rows(path: Path, separator: str) -> tuple[list[int], list[list[str]]]:
    shown = shown_path(path)
    lines: list[int] = []
    rows: list[list[str]] = []
    before = 0
    try:
        # Reading a pipe or a device might never end.
        if path.exists() and not path.is_file():
            raise DataError(f"cannot read `{shown}`: it is not a file")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    lines.append(before + 1)
                    rows.append(cells)
                before = reader.line_num
    except UnicodeDecodeError:
        raise DataError(f"cannot read `{shown}`: it is not UTF-8 text") from None
    except csv.Error as problem:
        raise DataError(f"{shown}:{before + 1}: {problem}") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise DataError(f"cannot read `{shown}`: {reason}") from None
    return lines, rows


def _comments_above(rows: Sequence[Sequence[str]]) -> int:
    """The number of comments above the head; a `#` that is followed by numbers begins the head itself."""
    for k, (row, below) in enumerate(pairwise(rows)):
        if not row[0].startswith("#") or any(_is_number(cell) for cell in below):
            return k
    return 0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _squared(shown: str, head: Sequence[str], rows: list[list[str]], lines: Sequence[int]) -> list[str]:
    """Give every row the length of the head, and note what was changed."""
    n, long, short = len(head), 0, 0
    for row, line in zip(rows, lines, strict=True):
        if any(row[n:]):
            message = f"{shown}:{line}: there are {len(row)} cells, the head has {n}"
            raise DataError(message, help="a decimal comma needs quotes, or a dialect that has it")
        long += len(row) > n
        short += len(row) < n
        row[n:] = []
        row += [""] * (n - len(row))
    notes = [f"rows with empty cells beyond the head, which are dropped: {long:,}"] if long else []
    return notes + ([f"short rows, whose missing cells are empty: {short:,}"] if short else [])
