"""Read tables of statistical packages, of R and of Arrow as cells of text, as a CSV file would have them.

Numbers become the shortest text that has the same bits, dates and times that of ISO 8601, and missing values empty
cells. Nothing else is converted: what a table means is decided where its text is read.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mtorsim.errors import ArgumentError, DataError, one_line, shown_path

__all__ = ["BINARY", "binary_cells"]

_STATISTICAL = {".xpt": "read_xport", ".sas7bdat": "read_sas7bdat", ".dta": "read_dta", ".sav": "read_sav"}
_ARROW = (".feather", ".parquet")
BINARY = (*_STATISTICAL, ".rds", *_ARROW)
"""Suffixes of the files that are read here."""
_PLAIN = ("tbl_df", "tbl", "data.table", "numeric", "integer", "character", "labelled", "haven_labelled", "POSIXt")
"""Classes of R whose values are those of their basic type."""
_CLASS = re.compile(r'R class "(?P<name>[^"]+)"')


def binary_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read names and rows of a table.

    Raises
    ------
    ArgumentError
        If a library is not installed.
    DataError
        If the file cannot be read, holds something else than a table, or values that have no text.
    """
    shown = shown_path(path)
    if not path.is_file():
        reason = "it is not a file" if path.exists() else "No such file or directory"
        raise DataError(f"cannot read `{shown}`: {reason}")
    suffix = path.suffix.lower()
    read = _read_r if suffix == ".rds" else _read_arrow if suffix in _ARROW else _read_statistical
    try:
        frame = read(path, suffix)
    except (ArgumentError, DataError):
        raise
    except ModuleNotFoundError as lacking:
        help = 'install it with `pip install "mtorsim[tables]"`'
        raise ArgumentError(f"`{shown}` needs a library that is not installed: {lacking.name}", help=help) from None
    except Exception as problem:  # readers of damaged files raise many kinds of errors
        said = one_line(str(problem), 120) or type(problem).__name__
        raise DataError(f"cannot read `{shown}` as {suffix}: {said}") from None
    head = [str(name).strip() for name in frame.columns]
    columns = [_texts(frame.iloc[:, i].tolist(), f"{shown}: column {name}") for i, name in enumerate(head)]
    return head, [list(row) for row in zip(*columns, strict=True)]


def _read_statistical(path: Path, suffix: str) -> Any:
    import pyreadstat

    frame, _ = getattr(pyreadstat, _STATISTICAL[suffix])(str(path))
    return frame


def _read_arrow(path: Path, suffix: str) -> Any:
    import pandas as pd

    read = pd.read_parquet if suffix == ".parquet" else pd.read_feather
    # Types of Arrow keep whole numbers whole beside missing values.
    table = read(path, dtype_backend="pyarrow")
    return table if isinstance(table.index, pd.RangeIndex) else table.reset_index()


def _read_r(path: Path, suffix: str) -> Any:
    import pandas as pd
    import rdata

    own: dict[str, Callable[..., Any]] = {"Date": _dates, "POSIXct": _stamps}
    constructors: Any = {**rdata.conversion.DEFAULT_CLASS_MAP, **own}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = rdata.read_rds(path, constructor_dict=constructors)
    if not isinstance(found, pd.DataFrame):
        help = "save one data frame with `saveRDS`"
        raise DataError(f"`{shown_path(path)}` does not hold a data frame of R", help=help)
    for warning in said:
        match = _CLASS.search(str(warning.message))
        if match and match["name"] not in _PLAIN:
            message = f"`{shown_path(path)}` has a column of R's class {match['name']}"
            raise DataError(message, help="convert it to numbers or text in R, for example by `as.numeric`")
    return found


def _dates(days: Any, attributes: Any) -> Any:
    """R's dates, days after 1970."""
    import pandas as pd

    start = dt.date(1970, 1, 1)
    return pd.array([None if math.isnan(d) else start + dt.timedelta(days=int(d)) for d in days], dtype=object)


def _stamps(seconds: Any, attributes: Any) -> Any:
    """R's dates with times, seconds after 1970, in the time zone that they are kept in, or in UTC."""
    import pandas as pd

    zones = (attributes or {}).get("tzone")
    name = str(zones[0]) if zones is not None and len(zones) and str(zones[0]) else "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise DataError(f"unknown time zone `{one_line(name, 60)}`", help="convert the times to UTC in R") from None
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    stamps = [None if math.isnan(s) else (start + dt.timedelta(seconds=float(s))).astimezone(zone) for s in seconds]
    return pd.array([None if s is None else s.replace(tzinfo=None) for s in stamps], dtype=object)


def _texts(values: list[Any], place: str) -> list[str]:
    """Cells of a column."""
    found = []
    for value in values:
        text = _text(value)
        if text is None:
            raise DataError(f"{place}: a value of type {type(value).__name__} has no text")
        found.append(text)
    return found


def _text(value: Any) -> str | None:
    """A cell, empty if the value is missing; None if it has no text."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else None


def _number(value: float) -> str:
    """The shortest text with the same bits; whole numbers without a decimal point."""
    if math.isnan(value):
        return ""
    whole = value.is_integer() and abs(value) < 1e15 and not (value == 0 and math.copysign(1, value) < 0)
    return str(int(value)) if whole else repr(float(value))
