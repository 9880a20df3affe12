"""Checks of single records; the first fault is reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from .table import EventTable

__all__ = ["LONGEST", "MOST_DOSES", "check_records"]

LONGEST = 100 * 8766.0
"""Hours."""
MOST_DOSES = 1_000_000
_OBSERVE, _DOSE, _OTHER, _RESET, _RESET_AND_DOSE, _REPLACE, _MULTIPLY, _PHANTOM = range(8)

Fault: TypeAlias = tuple[str, np.ndarray, str, str | None]
"""Column, mask of the records (records,), what is wrong, and how to mend it."""


def check_records(table: EventTable) -> None:
    """Raise if a record is invalid.

    Raises
    ------
    DataError
        For the first record that is wrong.
    """
    first: tuple[int, str, str, str | None] | None = None
    for column, bad, message, help in (*_times(table), *_amounts(table), *_repeats(table), *_rates(table)):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            if first is None or row < first[0]:
                first = row, column, message, help
    if first:
        table.fail(*first)


def _doses(table: EventTable) -> np.ndarray:
    return np.isin(table.evid, (_DOSE, _RESET_AND_DOSE))


def _constant(table: EventTable) -> np.ndarray:
    """Mask of constant infusions at steady state, which have no amount."""
    return _doses(table) & (table.amt == 0) & ((table.rate > 0) | (table.rate == -1)) & (table.ss == 1)


def _times(table: EventTable) -> Iterator[Fault]:
    reset = np.isin(table.evid, (_RESET, _RESET_AND_DOSE))
    same = np.diff(table.subject, prepend=-1) == 0
    back = same & (np.diff(table.time, prepend=np.nan) < 0) & ~reset
    kind = (table.evid < 0) | (table.evid > 7) | (table.evid % 1 != 0)
    yield "TIME", np.isnan(table.time), "the time is missing", None
    yield "TIME", np.abs(table.time) > LONGEST, "time is more than 100 years from the start", None
    yield "TIME", back, "time goes back", "it may restart only at a reset (EVID 3 or 4)"
    yield "EVID", kind, "EVID must be a whole number from 0 to 7", None


def _amounts(table: EventTable) -> Iterator[Fault]:
    dose, none = _doses(table), table.amt == 0
    gives = dose | np.isin(table.evid, (_REPLACE, _MULTIPLY, _PHANTOM))
    rated = dose & none & (table.rate != 0) & (table.ss != 1)
    yield "AMT", ~gives & ~none, "an observation has an amount", "a dose needs EVID 1"
    yield "AMT", dose & (table.amt < 0), "an amount is negative", None
    yield "AMT", rated, "a rate has no amount", "only a constant infusion at steady state (SS 1) has none"
    yield "AMT", dose & none & ~_constant(table), "a dose has no amount", None


def _repeats(table: EventTable) -> Iterator[Fault]:
    dose, constant = _doses(table), _constant(table)
    further, at_once = table.addl > 0, table.ii == 0
    lasting = (table.ii != 0) | (table.addl != 0) | ~np.isnan(table.dur)
    endless = "a constant infusion at steady state has no interval, additional doses or duration"
    yield "II", table.ii > LONGEST, "an interval is longer than 100 years", None
    yield "ADDL", table.addl > MOST_DOSES, f"there are more than {MOST_DOSES:,} additional doses", None
    yield "ADDL", (table.addl < 0) | (table.addl % 1 != 0), "ADDL must be a whole number of additional doses", None
    yield (
        "SS",
        ~np.isin(table.ss, (0, 1, 2)),
        "SS must be 0, 1 (replaces the amounts in the body), 2 (adds to them) or 3 (as 1)",
        None,
    )
    yield "II", table.ii < 0, "an interval is negative", None
    yield "II", dose & (table.ss > 0) & at_once & ~constant, "a dose at steady state has no interval", "give II"
    yield "II", dose & further & at_once, "additional doses have no interval", "give II"
    yield "SS", constant & lasting, endless, None


def _rates(table: EventTable) -> Iterator[Fault]:
    lasting, odd = ~np.isnan(table.dur), (table.rate < 0) & ~np.isin(table.rate, (-1, -2))
    yield "RATE", odd, "a rate is negative", "RATE -1 takes the rate from the model, RATE -2 the duration"
    yield "DUR", lasting & (table.dur <= 0), "a duration is not positive", None
    yield "DUR", lasting & (table.rate != 0), "a dose has both a rate and a duration", None
