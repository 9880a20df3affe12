"""Rows of text from a DataFrame."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["is_frame", "rows_of_frame"]

_EXACT = 1e15
"""Whole numbers below it are written without a decimal point, as labels of subjects are."""


def is_frame(given: Any) -> bool:
    """Whether something is a DataFrame."""
    return hasattr(given, "itertuples") and hasattr(given, "columns")


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
