"""Leave rows of a table out, as NONMEM's IGNORE and ACCEPT do."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence

from mtorsim.errors import ArgumentError, DataError, did_you_mean

from .cells import Cells

__all__ = ["chosen"]

_COMPARE: dict[str, Callable[[float | str, float | str], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_FORTRAN = {".EQ.": "==", ".NE.": "!=", ".LE.": "<=", ".GE.": ">=", ".LT.": "<", ".GT.": ">", "=": "=="}
_COMPARISON = re.compile(
    r"(?P<name>[^<>=!]+?)\s*(?P<sign>\.(?:EQ|NE|LE|GE|LT|GT)\.|==|!=|<=|>=|=|<|>)\s*(?P<value>.+)", re.IGNORECASE
)


def chosen(cells: Cells, ignore: Sequence[str], accept: Sequence[str]) -> tuple[Cells, list[str]]:
    """Leave rows out.

    Parameters
    ----------
    ignore
        Rows to leave out: `#` or `@` (the first cell begins with `#`, or with a letter or `@`), the name of a column
        (the cell begins with a letter), or a comparison such as `EVID == 2` or `STUDY.NE.1`.
    accept
        Comparisons, of which each remaining row must satisfy one.

    Returns
    -------
    cells
        The remaining rows.
    notes
        How many rows were left out, by reason.

    Raises
    ------
    ArgumentError
        If a text is not of these forms.
    DataError
        If a column does not exist, or a row looks like a comment but comments are not ignored.
    """
    keep = [True] * len(cells.rows)
    notes = []
    for text in ignore:
        out = _rule(cells, text)
        hit = [k and out(row) for k, row in zip(keep, cells.rows, strict=True)]
        notes.append(f"rows left out by ignore `{text}`: {sum(hit):,}")
        keep = [k and not h for k, h in zip(keep, hit, strict=True)]
    if accept:
        rules = [_comparison(cells, text) for text in accept]
        hit = [k and not any(rule(row) for rule in rules) for k, row in zip(keep, cells.rows, strict=True)]
        notes.append(f"rows left out by accept `{'`, `'.join(accept)}`: {sum(hit):,}")
        keep = [k and not h for k, h in zip(keep, hit, strict=True)]
    rows = [row for row, k in zip(cells.rows, keep, strict=True) if k]
    lines = [line for line, k in zip(cells.lines, keep, strict=True) if k]
    for row, line in zip(rows, lines, strict=True):
        if row[0].startswith("#"):
            help = 'pass `ignore=["#"]` to leave such rows out'
            raise DataError(f"{cells.path}:{line}: the row begins with `#`", help=help)
    return Cells(cells.path, cells.head, rows, lines, cells.notes), notes


def _rule(cells: Cells, text: str) -> Callable[[list[str]], bool]:
    if text == "#":
        return lambda row: row[0].startswith("#")
    if text == "@":
        return lambda row: row[0][:1].isalpha() or row[0].startswith("@")
    if _COMPARISON.fullmatch(text.strip()):
        return _comparison(cells, text)
    column = _column(cells, text.strip(), text)
    return lambda row: row[column][:1].isalpha()


def _comparison(cells: Cells, text: str) -> Callable[[list[str]], bool]:
    found = _COMPARISON.fullmatch(text.strip())
    if not found:
        raise ArgumentError(f"`{text}` is not a comparison", help="write for example `STUDY == 2`")
    column = _column(cells, found["name"].strip(), text)
    sign = _FORTRAN.get(found["sign"].upper(), found["sign"])
    value = found["value"].strip().strip("\"'")
    number = _number(value)
    compare = _COMPARE[sign]

    def holds(row: list[str]) -> bool:
        own = _number(row[column])
        if number is not None:
            return (own is not None and compare(own, number)) or (own is None and sign == "!=")
        return compare(row[column], value)

    return holds


def _column(cells: Cells, name: str, text: str) -> int:
    for i, own in enumerate(cells.head):
        if own == name:
            return i
    for i, own in enumerate(cells.head):
        if own.lower() == name.lower():
            return i
    raise DataError(f"{cells.path}: there is no column `{name}` for `{text}`", help=did_you_mean(name, cells.head))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
