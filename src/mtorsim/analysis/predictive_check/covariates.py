"""Covariates of people who follow an arm of a scenario: columns with the names of those of the population."""

from __future__ import annotations

import numpy as np

from mtorsim.errors import one_line
from mtorsim.event_records.table import EventTable
from mtorsim.population.population import Population
from mtorsim.population.quantity import Quantity

from .observations import Observations

__all__ = ["known_covariates"]


def known_covariates(population: Population, table: EventTable, observed: Observations) -> dict[str, np.ndarray]:
    """Values of each covariate of the population that the table has, an array over all people of the table.

    People are then drawn given these. A person without samples has NaN.

    Raises
    ------
    DataError
        If a covariate follows from others, changes, is missing or out of the population's range.
    """
    quantities = {q.name.lower(): q for q in population.quantities if q.name in population.covariates}
    found: dict[str, np.ndarray] = {}
    for column in (*table.covariates, *table.texts):
        q = quantities.get(column.lower())
        if q is not None:
            found[q.name] = _values(population, table, observed, column, q)
    # In the population's order, so that the order of columns does not matter.
    return {q.name: found[q.name] for q in population.quantities if q.name in found}


def _values(population: Population, table: EventTable, observed: Observations, column: str, q: Quantity) -> np.ndarray:
    """One covariate of everybody."""
    record = int(observed.record[0])
    drop = f'`drop=["{column}"]` only copies the column'
    if column in table.texts:
        row, text = table.texts[column]
        table.fail(row, column, f"`{one_line(text)}` is not a number", f"`{q.name}` is in {q.unit}; {drop}")
    if q.sigma == 0 and q.distribution != "share":
        message = f"`{q.name}` follows from `{q.median.text}` in population {population.name}"
        table.fail(record, column, message, f"give what it follows from; {drop}")
    changed = table.changing(column)
    if changed is not None:
        table.fail(changed, column, "this covariate changes", f"give everybody the value at the start; {drop}")
    values, found = table.covariates[column], np.full(table.subjects, np.nan)
    there = np.flatnonzero(~np.isnan(values))
    found[table.subject[there]] = values[there]
    low, high = (0.0, 1.0) if q.distribution == "share" else q.range or (-np.inf, np.inf)
    for person, row in zip(observed.person.tolist(), observed.record.tolist(), strict=True):
        if np.isnan(found[person]):
            table.fail(row, column, "this covariate is missing", drop)
        if not low <= found[person] <= high:
            message = f"{found[person]:g} is outside the range of `{q.name}`, {low:g} to {high:g} {q.unit}"
            table.fail(row, column, message, f"another population may admit it; {drop}")
    return found
