"""Variability between the occasions of a table, as values of covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mtorsim.errors import DataError
from mtorsim.stats.draws import normal
from mtorsim.stats.portable import exp

from .table import EventTable

__all__ = ["occasion_column", "with_occasions"]

COLUMN = "OCC"
"""Name of the column of occasions."""
USUAL = "nocb"
"""Occasions between records, unless their interpolation is given: that of the next record, as in NONMEM."""


def occasion_column(table: EventTable, iov: Mapping[str, float], columns: Mapping[str, Sequence[str]]) -> str | None:
    """Name of the table's column of occasions, if the model has variability between them.

    Raises
    ------
    DataError
        If an occasion is missing or not a whole number, or a parameter with such variability also changes otherwise.
    """
    name = next((n for n in table.covariates if n.upper() == COLUMN), None)
    if not iov or name is None:
        return None
    values = table.covariates[name]
    wrong = np.flatnonzero(~(values >= 0) | (values != np.rint(values)))
    if len(wrong):
        table.fail(int(wrong[0]), name, "an occasion must be a whole number, from 0")
    for covariate, replaced in columns.items():
        both = [p for p in replaced if p in iov]
        if both and table.changing(covariate) is not None:
            message = f"`{covariate}` changes, and `{both[0]}` also varies between occasions"
            raise DataError(f"{table.path}:1: {message}", help=f'`drop=["{covariate}"]` only copies the column')
    return name


def with_occasions(
    table: EventTable,
    name: str,
    iov: Mapping[str, float],
    columns: Mapping[str, Sequence[str]],
    seed: int,
    subjects: np.ndarray,
    numbers: np.ndarray,
    parameters: Mapping[str, np.ndarray],
) -> tuple[EventTable, dict[str, Sequence[str]]]:
    """Add a covariate for each parameter that varies between occasions, with the subject's value in each.

    Parameters
    ----------
    name
        The column of occasions.
    iov
        SD of the logarithm of each parameter.
    columns
        The parameters that each covariate replaces.
    subjects
        Numbers of some consecutive subjects, (n,); the records of others are left alone.
    numbers
        The numbers by which they are drawn, (n,).
    parameters
        An array (n,) for each parameter.
    """
    rows = np.flatnonzero((table.subject >= subjects[0]) & (table.subject <= subjects[-1]))
    who, occasion = table.subject[rows], table.covariates[name][rows].astype(np.int64)
    added, places = {}, {c: [p for p in replaced if p not in iov] for c, replaced in columns.items()}
    for parameter, sigma in iov.items():
        base = parameters[parameter][who - subjects[0]]
        for covariate, replaced in columns.items():
            if parameter in replaced:
                own = table.covariates[covariate][rows]
                first = {int(s): v for s, v in zip(who[::-1], own[::-1], strict=True) if not np.isnan(v)}
                base = np.array([first.get(int(s), b) for s, b in zip(who, base, strict=True)])
        factor = exp(sigma * normal(seed, [f"occasion {parameter}"], numbers[who - subjects[0]], occasion)[0])
        values = np.full(len(table.subject), np.nan)
        values[rows] = base * factor
        added[f"occasion of {parameter}"] = values
    way = table.interpolation.get(name, USUAL)
    changed = replace(
        table,
        covariates={**table.covariates, **added},
        interpolation={**table.interpolation, **dict.fromkeys(added, way)},
    )
    kept = {c: replaced for c, replaced in places.items() if replaced}
    return changed, {**kept, **{n: (n.removeprefix("occasion of "),) for n in added}}
