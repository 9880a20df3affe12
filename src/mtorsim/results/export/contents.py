"""The tables of a result by name: those that it stores, and analysis datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mtorsim.errors import ArgumentError, DataError, choose_from
from mtorsim.results.tables import people_table, visit_table

from .adam import scenario_dataset
from .adam_records import records_dataset
from .source import Source, of_frame, of_tables
from .walk import arm_parts, chunk_tables, weighted

if TYPE_CHECKING:
    import pyarrow as pa

    from mtorsim.results.records import RecordsResult
    from mtorsim.results.result import Result

__all__ = ["DATASETS", "TABLES", "contents_of", "records_contents"]

TABLES = ("visits", "people", "tests", "ledger", "treatment")
DATASETS = ("adsl", "adlb", "adpc", "adex")
UNITS = {"at_h": "h", "time_h": "h", "left_h": "h", "tad": "h"}


def contents_of(result: Result, kind: str) -> Source:
    """One of the tables of a run.

    Raises
    ------
    ArgumentError
        If there is no such table.
    DataError
        If this run does not have it.
    """
    if kind in DATASETS:
        return scenario_dataset(result, kind)
    title = f"SIMULATED: {result.manifest['title']}"
    if kind == "visits":
        return _visits(result, title)
    if kind == "people":
        return _people(result, title)
    if kind not in TABLES:
        raise ArgumentError(f"there is no table `{kind}`", help=choose_from(kind, (*TABLES, *DATASETS)))
    return of_frame(kind, title, getattr(result, kind), UNITS)


def records_contents(result: RecordsResult, kind: str) -> Source:
    """One of the tables of a run of event records.

    Raises
    ------
    ArgumentError
        If there is no such table.
    DataError
        If a run of event records does not have it.
    """
    if kind in DATASETS:
        return records_dataset(result, kind)
    if kind not in (*TABLES, "records"):
        raise ArgumentError(f"there is no table `{kind}`", help=choose_from(kind, ("records", *DATASETS)))
    if kind not in ("visits", "records"):
        help = f"it has `records`, {', '.join(f'`{name}`' for name in DATASETS)}"
        raise DataError(f"a run of event records has no {kind} to export", help=help)
    units = {n: u for n, u in {**UNITS, **result.units}.items() if u != "1"}
    return of_frame("records", f"SIMULATED: {result.manifest['title']}", result.frame, units)


def _visits(result: Result, title: str) -> Source:
    """One row per arm, subject and visit, with a column of weights if they differ."""
    different = weighted(result)

    def parts() -> Iterator[pa.Table]:
        for part in arm_parts(result):
            table = visit_table(result.manifest, part.arm, part.subjects, part.status, part.visits)
            if different:
                weights = np.repeat(part.weights, part.visits.shape[1])
                table = table.add_column(3, "weight", [weights])
            yield table

    m = result.manifest
    nobody = np.zeros(0, np.int64)
    empty = visit_table(m, m["arms"][0], nobody, nobody, np.zeros((0, len(m["visits_h"]), len(m["observables"]))))
    if different:
        empty = empty.add_column(3, "weight", [np.zeros(0)])
    return of_tables("visits", title, empty.schema, parts)


def _people(result: Result, title: str) -> Source:
    """One row per subject, with its traits and its weight."""

    def parts() -> Iterator[pa.Table]:
        if result.block is not None:
            yield people_table(result.manifest, result.block)
        else:
            yield from chunk_tables(result, "people")

    return of_tables("people", title, next(parts()).schema, parts)
