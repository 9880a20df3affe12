"""Values below the limit of quantification: which they are, and the limit of every sample.

A sample is below the limit if its value is written as `<0.3`, `BLQ`, `BLOQ` or `BQL`, if its column BLQ or CENS is 1,
or if its value is smaller than its limit.
"""

from __future__ import annotations

import numpy as np

from mtorsim.errors import ArgumentError, DataError, one_line
from mtorsim.event_records.table import EventTable
from mtorsim.tables.cells import MISSING, number

__all__ = ["NO_LIMIT", "limits_of", "marked"]

NO_LIMIT = -np.inf
WORDS = ("BLQ", "BLOQ", "BQL", "LLOQ", "<LLOQ", "< LLOQ")
FLAGS = ("BLQ", "BLOQ", "BQL", "CENS")
LIMITS = ("LLOQ", "LOQ")


def _column(table: EventTable, names: tuple[str, ...]) -> str | None:
    renamed = table.options.get("columns", {})
    return next((own for own in table.frame.columns if renamed.get(own, own).upper() in names), None)


def marked(table: EventTable, texts: list[str], mine: np.ndarray) -> np.ndarray:
    """Mask of the rows that are marked as below the limit, (rows,).

    Raises
    ------
    DataError
        If a flag is neither 0 nor 1.
    """
    found = np.array([text.startswith("<") or text.upper() in WORDS for text in texts])
    column = _column(table, FLAGS)
    if column is not None:
        for row, cell in enumerate(table.frame[column]):
            text = "" if cell is None or cell in MISSING else str(cell).strip()
            if text in ("1", "1.0"):
                found[row] = True
            elif mine[row] and text not in ("", "0", "0.0"):
                table.fail(row, column, f"`{one_line(text)}` is neither 0 nor 1", "1 marks a value below the limit")
    return found & mine


def limits_of(
    table: EventTable,
    texts: list[str],
    value: np.ndarray,
    flags: np.ndarray,
    rows: np.ndarray,
    lloq: float | None,
    mark: str,
) -> tuple[np.ndarray, np.ndarray]:
    """The limit of each sample, and whether it is below.

    Parameters
    ----------
    texts, value, flags
        Cell, number and mark of every row, (rows,).
    rows
        The rows that are samples, (n,).
    lloq
        The limit of samples without one of their own.

    Returns
    -------
    limit, below
        (n,) each; -inf without a limit.

    Raises
    ------
    ArgumentError
        If the limit is not positive.
    DataError
        If a sample is below a limit that nothing gives.
    """
    if lloq is not None and not lloq > 0:
        raise ArgumentError(f"`lloq` = {lloq:g}: a limit of quantification is positive")
    limit = np.full(len(rows), NO_LIMIT if lloq is None else lloq)
    column = _column(table, LIMITS)
    if column is not None:
        for k, row in enumerate(rows):
            cell = table.frame[column].iloc[row]
            if cell is not None and cell not in MISSING:
                limit[k] = number(str(cell).strip(), mark)
                if not limit[k] > 0:
                    table.fail(int(row), column, f"`{one_line(str(cell))}` is not a limit of quantification")
    # The cell of a censored value is its limit: `<0.3`, or 0.3 with CENS 1.
    own = flags[rows] & (limit == NO_LIMIT) & (value[rows] > 0)
    limit[own] = value[rows][own]
    known = np.unique(limit[limit > NO_LIMIT])
    if own.any() and len(known) == 1:
        # One limit is that of the assay: the other samples could have been below as well.
        limit[:] = known[0]
    lost = flags[rows] & (limit == NO_LIMIT)
    if lost.any():
        row = int(rows[np.flatnonzero(lost)[0]])
        said = f"`{one_line(texts[row])}` is below a limit that is not given"
        table.fail(row, table.used.get("DV", "DV"), said, "give `lloq`, or column LLOQ")
    if own.any() and (limit == NO_LIMIT).any():
        message = f"{table.path}: only some samples have a limit of quantification, and the limits differ"
        raise DataError(message, help="give every sample its limit in column LLOQ")
    below = flags[rows] | (value[rows] < limit)
    return limit, below
