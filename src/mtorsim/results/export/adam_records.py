"""Analysis datasets of a run of event records: ADSL, ADLB, ADPC, and ADEX, since the table has every dose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError
from mtorsim.tables.cells import DIALECTS, MISSING, number

from .parameters import Parameter, column, concentrations, laboratory, relative_day
from .source import Source
from .study import Study, study_of

if TYPE_CHECKING:
    import pandas as pd

    from mtorsim.results.records import RecordsResult

__all__ = ["records_dataset"]

HEAD = ("STUDYID", "USUBJID", "SUBJID")
FINDINGS = (*HEAD, "PARAM", "PARAMCD", "AVAL", "AVALU")
RELATIVE = ("AFRLT", "FRLTU", "ARRLT", "RRLTU")
DOSING = ("AMT", "RATE", "SS", "ADDL")
"""Columns of which one that is not 0 makes a dose of a record without EVID."""


def records_dataset(result: RecordsResult, kind: str) -> Source:
    """Make the dataset `adsl`, `adlb`, `adpc` or `adex` of a run of event records.

    Raises
    ------
    DataError
        If the run does not hold it.
    """
    study = study_of(result.manifest)
    rows = _Rows(result)
    if kind == "adsl":
        return _subjects(result, rows)
    if kind == "adex":
        return _doses(rows, study)
    observed = {name: unit for name, unit in result.units.items()}
    if kind == "adpc":
        return _findings(rows, "adpc", "Drug Concentrations", concentrations(observed, study), RELATIVE)
    more = ("PARCAT1", "ADY", "ARELTM", "ARELTMU")
    return _findings(rows, "adlb", "Laboratory Analysis", laboratory(observed, study), more)


class _Rows:
    """The records with their doses, hours and subjects as numbers.

    Attributes
    ----------
    hours, since, subject
        Time, time after the last dose, and number of the subject of each record, (records,).
    given
        Whether each is a dose, (records,).
    first
        Hour of the first dose of each record's subject, NaN without one, (records,).
    """

    def __init__(self, result: RecordsResult) -> None:
        self.result = result
        self.frame: Any = result.frame
        self.used: Mapping[str, str] = result.manifest["reading"]["columns"]
        self.mark = DIALECTS[result.manifest["table"]["dialect"]][1]
        self.subject = self.frame["subject_number"].to_numpy(np.int64)
        self.hours, self.since = (self._own(name) for name in ("time_h", "tad"))
        evid = self.numbers("EVID")
        dosing = np.any([np.nan_to_num(self.numbers(name)) != 0 for name in DOSING], axis=0)
        self.given = np.where(np.isnan(evid), dosing, np.isin(evid, (1, 4)))
        firsts = np.full(result.manifest["subjects"], np.inf)
        np.minimum.at(firsts, self.subject[self.given], self.hours[self.given])
        self.first = np.where(np.isinf(firsts), np.nan, firsts)[self.subject]
        unit = result.manifest["reading"]["time unit"]
        self.scale = 1.0 if unit == "h" else self._scale(unit)

    def next_reset(self) -> np.ndarray:
        """Hour of the next record of the same subject that cancels pending doses, infinite without one, (records,)."""
        cancels = np.isin(self.numbers("EVID"), (3, 4)) | (self.given & np.isin(self.numbers("SS"), (1,)))
        found = np.full(len(self.frame), np.inf)
        for k in range(len(found) - 2, -1, -1):
            if self.subject[k] == self.subject[k + 1]:
                found[k] = self.hours[k + 1] if cancels[k + 1] else found[k + 1]
        return found

    def _own(self, name: str) -> np.ndarray:
        """One of the columns that the run added."""
        added = f"simulated_{name}"
        return self.frame[added if added in self.frame else name].to_numpy(float)

    def numbers(self, name: str) -> np.ndarray:
        """A column of the table as numbers, NaN if it is missing."""
        if name not in self.used:
            return np.full(len(self.frame), np.nan)
        cells = self.frame[self.used[name]]
        return np.array([np.nan if c is None or c in MISSING else number(str(c), self.mark) for c in cells])

    @staticmethod
    def _scale(unit: str) -> float:
        from mtorsim.units.units import convert, parse_unit

        return convert(1.0, parse_unit(unit), parse_unit("h"))

    def values(self, name: str) -> np.ndarray:
        """An observable at each record."""
        return self._own(name)

    def heads(self, at: np.ndarray) -> dict[str, Any]:
        """Identifiers of some records."""
        study = self.result.manifest["scenario"]
        if "ID" in self.used:
            labels = [str(label) for label in self.frame[self.used["ID"]].to_numpy()[at]]
        else:
            labels = ["1"] * len(at)
        return {
            "STUDYID": [study] * len(at),
            "USUBJID": [f"{study}-{label}" for label in labels],
            "SUBJID": labels,
            "SIMFL": ["Y"] * len(at),
        }


def _findings(rows: _Rows, kind: str, title: str, parameters: Sequence[Parameter], more: Sequence[str]) -> Source:
    """One row per record that is not a dose, and parameter with a value."""
    parts = []
    for parameter in parameters:
        values = rows.values(parameter.name)
        at = np.flatnonzero(~np.isnan(values) & ~rows.given)
        n, hours, first = len(at), rows.hours[at], rows.first[at]
        parts.append(
            {
                "at": at,
                **rows.heads(at),
                "PARAM": [parameter.said] * n,
                "PARAMCD": [parameter.code] * n,
                "PARCAT1": [parameter.category] * n,
                "AVAL": values[at],
                "AVALU": ["" if parameter.unit == "1" else parameter.unit] * n,
                "ADY": relative_day(hours - np.where(np.isnan(first), 0.0, first), 0.0),
                "ARELTM": hours,
                "ARELTMU": ["HOURS"] * n,
                "AFRLT": hours - first,
                "FRLTU": ["HOURS"] * n,
                "ARRLT": rows.since[at],
                "RRLTU": ["HOURS"] * n,
            }
        )
    return _source(kind, title, [*FINDINGS, *more, "SIMFL"], parts, rows)


def _doses(rows: _Rows, study: Study) -> Source:
    """One row per dose, with additional doses of a record written out."""
    at = np.flatnonzero(rows.given)
    if not len(at):
        raise DataError("the table has no dose, which `adex` needs", help="`--as adsl` has its subjects")
    add = np.nan_to_num(rows.numbers("ADDL")[at]).astype(np.int64)
    every = np.nan_to_num(rows.numbers("II")[at]) * rows.scale
    which = np.repeat(np.arange(len(at)), add + 1)
    turn = np.arange(len(which)) - np.repeat(np.cumsum(add + 1) - (add + 1), add + 1)
    hours = rows.hours[at][which] + turn * every[which]
    # A reset, and a record in steady state, cancel the doses that are pending.
    kept = (turn == 0) | (hours < rows.next_reset()[at][which])
    which, hours = which[kept], hours[kept]
    amounts, long = rows.numbers("AMT")[at][which], (rows.numbers("DUR")[at] * rows.scale)[which]
    rate = rows.numbers("RATE")[at][which] / rows.scale
    with np.errstate(invalid="ignore", divide="ignore"):
        long = np.where(np.isnan(long) & (rate > 0), amounts / rate, long)
    units = set(study.dose_units.values())
    unit = units.pop() if len(units) == 1 else ""
    routes = rows.frame[rows.used["CMT"]].to_numpy()[at][which] if "CMT" in rows.used else [""] * len(which)
    records = at[which]
    first = rows.first[records]
    cells = {
        "at": records,
        **rows.heads(records),
        "PARAM": ["Dose Given" + (f" ({unit})" if unit else "")] * len(which),
        "PARAMCD": ["DOSE"] * len(which),
        "AVAL": amounts,
        "AVALU": [unit] * len(which),
        "ROUTE": ["" if r is None else str(r) for r in routes],
        "ADURN": long,
        "ADURU": ["HOURS"] * len(which),
        "ADY": relative_day(hours - first, 0.0),
        "AFRLT": hours - first,
        "FRLTU": ["HOURS"] * len(which),
    }
    names = [*FINDINGS, "ROUTE", "ADURN", "ADURU", "ADY", "AFRLT", "FRLTU", "SIMFL"]
    return _source("adex", "Exposure", names, [cells], rows)


def _subjects(result: RecordsResult, rows: _Rows) -> Source:
    """One row per subject."""
    _, at = np.unique(rows.subject, return_index=True)
    status = "simulated_status" if "simulated_status" in rows.frame else "status"
    cells = {"at": at, **rows.heads(at), "STATUS": rows.frame[status].to_numpy()[at].tolist()}
    return _source("adsl", "Subject-Level Analysis", [*HEAD, "STATUS", "SIMFL"], [cells], rows)


def _source(kind: str, title: str, names: Sequence[str], parts: Sequence[dict[str, Any]], rows: _Rows) -> Source:
    """A table in order of subjects, parameters and records."""
    import pandas as pd
    import pyarrow as pa

    frames: list[pd.DataFrame] = []
    for i, part in enumerate(parts):
        frames.append(pd.DataFrame({**{n: part[n] for n in names}, "_at": part["at"], "_part": i}))
    table: Any = pd.concat(frames)
    table["_who"] = rows.subject[table["_at"].to_numpy(np.int64)]
    time = [n for n in ("AFRLT",) if kind == "adex"]
    table = table.sort_values(["_who", *time, "_part", "_at"], kind="stable")
    whole = pa.Table.from_pandas(table[list(names)], preserve_index=False)
    return Source(kind, f"SIMULATED: {title}", [column(n) for n in names], lambda: iter([whole]))
