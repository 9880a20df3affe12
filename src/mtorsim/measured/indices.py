"""Indices of glucose metabolism from a table of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, choose_from, shortened
from mtorsim.files.html import card, table

from .read import Measurements, read_measurements
from .references import reference_ranges
from .tests import TESTS, Found

__all__ = ["MeasuredIndices", "indices"]


@dataclass(frozen=True, repr=False)
class MeasuredIndices:
    """Indices computed from measurements.

    Attributes
    ----------
    test
        Kind of test.
    frame
        One row per person and visit: its label, then the indices; NaN if they cannot be computed.
    units
        Unit of each index.
    notes
        Notes of each row: what is missing, and what was assumed.
    reading
        How the file was read.
    """

    test: str
    frame: Any
    units: Mapping[str, str]
    notes: Sequence[Sequence[str]]
    reading: Sequence[str] = field(default=())

    def __repr__(self) -> str:
        n = len(self.frame)
        return f"MeasuredIndices({self.test}, {n:,} series: {shortened(self.units, 6)})"

    def _repr_html_(self) -> str:
        """Median and range of each index, with its reference range, for notebooks."""
        ranges = reference_ranges()
        rows = []
        for name, unit in self.units.items():
            values = self.frame[name].dropna()
            cells = [f"{x:.4g}" for x in (values.median(), values.min(), values.max())] if len(values) else ["", "", ""]
            known = ranges.get(name)
            told = f"{known} ({escape(known.of)})" if known else ""
            rows.append([escape(name), *cells, escape(unit), told])
        head = ["index", "median", "lowest", "highest", "unit", "reference"]
        return card(f"Indices of {self.test}", f"{len(self.frame):,} series", table(head, rows, words=4))


def indices(
    path: str | Path,
    test: str,
    *,
    units: Mapping[str, str] | None = None,
    time_unit: str = "min",
    columns: Mapping[str, str] | None = None,
    by: Sequence[str] = (),
    window: Sequence[float] | None = None,
    ignore: Sequence[str] = (),
    accept: Sequence[str] = (),
    dialect: str = "comma",
    one_subject: bool = False,
) -> MeasuredIndices:
    """Compute indices from measured glucose, insulin and C-peptide.

    Parameters
    ----------
    path
        A table with one row per sample (ID, TIME, and columns such as `glucose (mg/dL)`), or one row per person
        with columns such as `G0`, `G120` and `I30`.
    test
        `fasting`, `ogtt`, `mixed-meal`, `ivgtt`, `clamp` or `cgm`.
    units
        Units that are not in the head: `{"insulin": "pmol/L"}`. Quantities are `glucose`, `insulin`, `c_peptide` and
        `glucose_infusion`.
    time_unit
        Unit of times that are numbers.
    columns
        New names of columns: `{"BZ": "glucose"}`.
    by
        Columns that distinguish several visits of a person.
    window
        First and last minute of the steady state of a clamp; default: its last 30 min.
    ignore, accept, dialect, one_subject
        As for `read_events`.

    Returns
    -------
    MeasuredIndices
        Glucose in mg/dL, insulin in uU/mL, C-peptide in ng/mL.

    Raises
    ------
    ArgumentError
        If an option is wrong.
    DataError
        If the table cannot be read, or a unit is missing or implausible.
    """
    if test not in TESTS:
        help = choose_from(test, TESTS)
        raise ArgumentError(f"there is no test `{test}`", help=help)
    if window is not None and (test != "clamp" or len(window) != 2 or not window[0] < window[1]):
        raise ArgumentError("`window` is the first and the last minute of a clamp's steady state")
    read = read_measurements(
        path,
        units or {},
        time_unit=time_unit,
        columns=columns,
        by=by,
        ignore=ignore,
        accept=accept,
        dialect=dialect,
        one_subject=one_subject,
    )
    return _table(test, read, [TESTS[test](samples, window) for samples in read.people])


def _table(test: str, read: Measurements, found: Sequence[Found]) -> MeasuredIndices:
    import pandas as pd

    units: dict[str, str] = {}
    for one in found:
        units |= {name: unit for name, (unit, _) in one.indices.items()}
    rows = [
        {**dict(zip(read.heads, s.label, strict=True)), **_values(f, units)}
        for s, f in zip(read.people, found, strict=True)
    ]
    return MeasuredIndices(test, pd.DataFrame(rows), units, [f.notes for f in found], read.notes)


def _values(found: Found, units: Mapping[str, str]) -> dict[str, float]:
    return {name: found.indices[name][1] if name in found.indices else np.nan for name in units}
