"""Read the times of records: numbers, clock times and dates, as NONMEM does."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import numpy as np

__all__ = ["DATES", "as_clock", "as_date", "is_clock", "relative"]

DATES = {"DATE": "mdy", "DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}
"""Order of month, day and year in each kind of date column."""

_CLOCK = re.compile(r"(\d{1,3}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?")
LAST20 = 50
"""Two-digit years up to this one belong to 20xx, later ones to 19xx."""


def is_clock(text: str) -> bool:
    """Whether text looks like a clock time."""
    return ":" in text


def as_clock(text: str) -> float:
    """Hours of a clock time such as `8:30` or `08:30:15`; NaN if it is none."""
    found = _CLOCK.fullmatch(text.strip())
    if not found or int(found[2]) > 59 or float(found[3] or 0) >= 60:
        return float("nan")
    return int(found[1]) + int(found[2]) / 60 + float(found[3] or 0) / 3600


def as_date(text: str, order: str) -> float:
    """Day of a date, in days; a whole number is a day by itself; NaN if the text is neither.

    Month and day may stand alone; the year then is a leap year, as in NONMEM's relative dates.
    """
    if re.fullmatch(r"[+-]?\d+(\.0*)?", text.strip()):
        return float(text)
    parts = re.split(r"[-/]", text.strip())
    if not all(re.fullmatch(r"\d{1,4}", p) for p in parts):
        return float("nan")
    if len(parts) == 2:
        letters = [c for c in order if c != "y"]
        found = {**dict(zip(letters, map(int, parts), strict=True)), "y": 2000}
    elif len(parts) == 3:
        # Four digits in front are a year in any column, as in ISO 8601.
        letters = list("ymd") if len(parts[0]) == 4 and order[0] != "y" else list(order)
        found = dict(zip(letters, map(int, parts), strict=True))
        if len(parts[letters.index("y")]) <= 2:
            found["y"] += 2000 if found["y"] <= LAST20 else 1900
    else:
        return float("nan")
    try:
        return float(dt.date(found["y"], found["m"], found["d"]).toordinal())
    except ValueError:
        return float("nan")


def relative(hours: np.ndarray, subject: Sequence[int] | np.ndarray) -> np.ndarray:
    """Hours after the first record of each subject, (records,)."""
    _, first, number = np.unique(np.asarray(subject), return_index=True, return_inverse=True)
    return hours - hours[first][number]
