"""Rows of text from typed columns: a Parquet file, or a DataFrame."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, DataError, one_line, shown_path

__all__ = ["PARQUET", "is_frame", "rows_of_frame", "rows_of_parquet"]

PARQUET = (".parquet", ".pq")
"""Endings of a Parquet file."""
_EXACT = 1e15
"""Whole numbers below it are written without a decimal point, as labels of subjects are."""


def is_frame(given: Any) -> bool:
    """Whether something is a DataFrame."""
    return hasattr(given, "itertuples") and hasattr(given, "columns")


def rows_of_parquet(path: Path, dialect: str) -> tuple[list[int], list[list[str]]]:
    """The head and the rows of a Parquet file, as those of a CSV file: the k-th row, from 1, is line k + 1.

    Raises
    ------
    ArgumentError
        If a dialect is given: numbers have no decimal mark here.
    DataError
        If it cannot be read.
    """
    shown = shown_path(path)
    if dialect != "comma":
        raise ArgumentError(f"`{shown}` is a Parquet file, which has no dialect", help="leave out `dialect`")
    if not path.is_file():
        raise DataError(f"cannot read `{shown}`: " + ("it is not a file" if path.exists() else "no such file"))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as problem:
        raise DataError(f"cannot read `{shown}`: {one_line(str(problem), 120)}") from None
    columns = [[_text(value) for value in table.column(i).to_pylist()] for i in range(table.num_columns)]
    return _numbered([str(name).strip() for name in table.column_names], columns)


def rows_of_frame(frame: Any) -> tuple[list[int], list[list[str]]]:
    """The head and the rows of a DataFrame, without its index."""
    columns = [[_text(value) for value in frame.iloc[:, i].tolist()] for i in range(frame.shape[1])]
    return _numbered([str(name).strip() for name in frame.columns], columns)


def _numbered(head: list[str], columns: list[list[str]]) -> tuple[list[int], list[list[str]]]:
    """Head and rows with their lines, without empty rows."""
    rows = [list(row) for row in zip(*columns, strict=True)]
    kept = [(k + 2, row) for k, row in enumerate(rows) if any(row)]
    return [1, *(line for line, _ in kept)], [head, *(row for _, row in kept)]


def _text(value: Any) -> str:
    """A cell as it would stand in a CSV file."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        whole = math.isfinite(value) and value.is_integer() and abs(value) < _EXACT
        return str(int(value)) if whole else repr(value)
    return str(value).strip()
