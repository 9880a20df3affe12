"""Write files of SAS, Stata and SPSS through pyreadstat, within the limits of each format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, DataError, shortened

from .names import short_label, short_names, told
from .source import Source

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LIMITS", "Limits", "write_stat_file"]

MOST_CELLS = 60_000_000
"""Largest number of cells that are put together in memory, about 3 GB, since these formats are not written in parts."""


@dataclass(frozen=True)
class Limits:
    """What a format can hold.

    Attributes
    ----------
    name, label, text
        Longest name, label and text, characters.
    smallest, largest
        Of numbers but zero; smaller ones become 0, larger ones cannot be written.
    writer
        Name of the function of pyreadstat, and its further arguments.
    """

    said: str
    name: int
    label: int
    text: int
    smallest: float
    largest: float
    writer: str
    more: Mapping[str, Any]


SAS = "SAS transport format, version"
LIMITS = {
    ".xpt": Limits(f"{SAS} 5", 8, 40, 200, 5.4e-79, 9.0e74, "write_xport", {"file_format_version": 5}),
    ".dta": Limits("Stata", 32, 80, 2045, 0.0, 8.9e307, "write_dta", {"version": 15}),
    ".sav": Limits("SPSS", 64, 256, 32767, 0.0, 1.7e308, "write_sav", {}),
}
"""By suffix. Numbers of SAS are those of an IBM mainframe: with all digits of a double, but of a smaller range."""
VERSION_8 = Limits(f"{SAS} 8", 32, 256, 32767, 5.4e-79, 9.0e74, "write_xport", {"file_format_version": 8})


def write_stat_file(source: Source, path: Path, limits: Limits) -> list[str]:
    """Write a table, and return what the format made shorter.

    Raises
    ------
    ArgumentError
        If pyreadstat is not installed.
    DataError
        If the format cannot hold a value, or the table is too large to be put together in memory.
    """
    try:
        import pyreadstat
    except ModuleNotFoundError as lacking:
        help = 'install it with `pip install "mtorsim[tables]"`'
        raise ArgumentError(
            f"`{path.suffix}` needs a library that is not installed: {lacking.name}", help=help
        ) from None
    frame, notes = _frame(source, limits)
    names = short_names(frame.columns, limits.name)
    said = {c.name: c.said for c in source.columns}
    labels = {short: short_label(said[name], limits.label) for name, short in names.items()}
    cut = [labels[names[name]] for name, label in said.items() if len(label) > limits.label]
    renamed = told(names)
    if renamed:
        notes.append(
            f"names in {limits.said} have at most {limits.name} letters, digits or underscores: {shortened(renamed, 6)}"
        )
    if cut:
        notes.append(f"labels are at most {limits.label} characters long, shortened: {shortened(cut, 4)}")
    more = dict(limits.more)
    if limits.writer == "write_xport":
        more["table_name"] = short_names([source.name], 8)[source.name]
    # Labels of a whole file are bytes of a fixed number in all three formats.
    title = source.title.encode("ascii", "replace").decode()[:40]
    getattr(pyreadstat, limits.writer)(
        frame.rename(columns=names), str(path), file_label=title, column_labels=labels, **more
    )
    return notes


def _frame(source: Source, limits: Limits) -> tuple[pd.DataFrame, list[str]]:
    """The table in memory with values that the format can hold, and what had to be changed."""
    cells = 0
    for part in source.parts():
        cells += part.num_rows * len(source.columns)
        if cells > MOST_CELLS:
            help = "write .parquet, .feather, .rds or .csv, which are written part by part"
            raise DataError(f"the table is too large for a file of {limits.said}", help=help)
    frame, notes, vanished = source.frame(), [], 0
    for column in source.columns:
        values = frame[column.name]
        if column.kind == "text":
            # The formats count bytes.
            longest = max((len(str(text).encode()) for text in values.unique()), default=0)
            if longest > limits.text:
                message = f"column `{column.name}` has a text of {longest:,} bytes"
                help = f"{limits.said} has at most {limits.text:,}: write .parquet, .feather, .rds or .csv"
                raise DataError(message, help=help)
            continue
        numbers = values.to_numpy(float)
        size = np.abs(numbers)
        if np.any(size > limits.largest):
            message = f"column `{column.name}` has the value {numbers[size > limits.largest][0]:g}"
            help = f"the largest number in {limits.said} is {limits.largest:g}: write .parquet, .feather, .rds or .csv"
            raise DataError(message, help=help)
        lost = (size > 0) & (size < limits.smallest)
        vanished += int(lost.sum())
        frame[column.name] = np.where(lost, 0.0, numbers)
    if vanished:
        notes.append(f"values too small for {limits.said}, written as 0: {vanished:,}")
    return frame, notes
