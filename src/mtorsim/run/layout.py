"""Convert doses of subjects to events of a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtorsim.kernel.event import ADD, MULTIPLY, PARAMETER, Events
from mtorsim.model.model import Route

__all__ = ["Dose", "Layout", "Part", "Turn", "following"]


@dataclass(frozen=True)
class Dose:
    """One event of a schedule: an amount to a route at a nominal time.

    Attributes
    ----------
    over
        Duration of an infusion in hours, 0 for a bolus.
    missed, late
        Probability that a subject misses it, and mean delay in hours.
    number
        Number of the dose in its regimen, or of the meal: the key of random draws.
    jitter, waits
        SD of its time, and whether it may be late but not early.
    within, spread
        Hours within which it falls with equal probability, and SD of the logarithm of its amount.
    interruptions
        Interruptions a year of the drug, and their mean length in hours.
    dormant
        Whether a rule must start it.
    planned
        Whether it is part of a meal plan, of which a subject eats according to appetite.
    per
        The covariate for each unit of which the amount is given, `bsa` or `weight`; empty for none.
    tablet
        Amount to whose multiples that is rounded, 0 for no rounding.
    """

    time: float
    route: Route
    amount: float
    over: float = 0.0
    missed: float = 0.0
    late: float = 0.0
    number: int = 0
    jitter: float = 0.0
    waits: bool = False
    dormant: bool = False
    within: float = 0.0
    spread: float = 0.0
    planned: bool = False
    interruptions: tuple[float, float] | None = None
    per: str = ""
    tablet: float = 0.0

    @property
    def module(self) -> str:
        """The module to which it goes."""
        return self.route.name.partition(".")[0]


@dataclass(frozen=True)
class Turn:
    """From a time onwards, a parameter is `value` (the subject's own if None) times `factor`, one or one a subject."""

    time: float
    parameter: str
    value: float | None
    factor: float | np.ndarray


Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Time, kind, row and amount of events, each (n, events)."""


@dataclass(frozen=True)
class Limit:
    """The time below which a clock's flag is 1.

    Attributes
    ----------
    row
        Of the flag.
    hours
        Limit of each subject, (n,).
    doses
        The doses that restart the clock, none for the time since the start.
    """

    row: int
    hours: np.ndarray
    doses: np.ndarray


@dataclass(frozen=True)
class Clocks:
    """Clocks that the equations read.

    Attributes
    ----------
    marked
        For each dose, the row of the clock that it sets to 0 and of the state that it sets to its amount; -1 for none.
    limits
        The limits with which clocks are compared.
    """

    marked: np.ndarray
    limits: tuple[Limit, ...]

    def events(self, times: np.ndarray, amounts: np.ndarray, given: np.ndarray) -> list[Part]:
        """Events that set clocks and flags; a dose that is not given (n, doses) leaves them as they are."""
        found: list[Part] = []
        kept = np.where(given, 0.0, 1.0)
        for column, kinds in ((0, (MULTIPLY,)), (1, (MULTIPLY, ADD))):
            mine = np.flatnonzero(self.marked[:, column] >= 0)
            values = {MULTIPLY: kept[:, mine], ADD: amounts[:, mine]}
            found += [
                _part(times[:, mine], kind, self.marked[mine, column], values[kind]) for kind in kinds if len(mine)
            ]
        for limit in self.limits:
            found += _flagged(limit, times[:, limit.doses], given[:, limit.doses])
        return found


def _flagged(limit: Limit, times: np.ndarray, given: np.ndarray) -> list[Part]:
    """Events by which a flag is 1 from the start and from each dose given, until its limit has passed."""
    hours = np.where(np.isfinite(limit.hours), limit.hours, NEVER)[:, None]
    starts = np.concatenate([np.zeros_like(hours), times], axis=1)
    real = np.concatenate([np.ones(hours.shape, bool), given], axis=1)
    # A later dose restarts the clock before its limit.
    ends = starts + np.maximum(hours, 0.0)
    over = np.where(real & ~(following(starts, real) <= ends) & (hours > 0), 0.0, 1.0)
    begun = np.where(given & (hours > 0), 0.0, 1.0)
    return [
        _part(times, MULTIPLY, limit.row, begun),
        _part(times, ADD, limit.row, 1.0 - begun),
        _part(ends, MULTIPLY, limit.row, over),
    ]


def following(starts: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The first later start that is real, of each start; infinite if there is none."""
    known = np.sort(np.where(real, starts, np.inf), axis=1)
    known = np.concatenate([known, np.full((len(known), 1), np.inf)], axis=1)
    last = known.shape[1] - 1
    at = [np.minimum(np.searchsorted(row, own, side="right"), last) for row, own in zip(known, starts, strict=True)]
    return np.take_along_axis(known, np.stack(at), axis=1)


def _part(times: np.ndarray, kind: int, rows: np.ndarray | int, amounts: np.ndarray) -> Part:
    return times, np.full(times.shape, kind), np.broadcast_to(rows, times.shape), amounts


NEVER = 1e15
"""An hour that no run reaches."""


@dataclass(frozen=True)
class Layout:
    """A schedule with times and amounts per subject.

    Attributes
    ----------
    times, amounts
        Arrival time and amount of each dose, (n, doses).
    rows
        Target, (doses,): a state's row, or for an infusion a parameter's column.
    turned
        Parameter changes, as events.
    clocks
        The clocks that doses restart.
    possible
        False if a dose is impossible in a subject, (n,).
    taken
        1 where a dose is taken, 0 where it is missed, (n, doses).
    """

    doses: tuple[Dose, ...]
    times: np.ndarray
    amounts: np.ndarray
    rows: np.ndarray
    turned: Part
    clocks: Clocks
    possible: np.ndarray
    taken: np.ndarray

    def events(self, given: np.ndarray | None = None) -> Events:
        """The events, with doses multiplied by `given` (n, doses); by default all but waiting doses are given."""
        if given is None:
            given = np.array([0.0 if d.dormant else 1.0 for d in self.doses])
            return _in_order(self._parts(given))
        # Rules change amounts but not times, so the order is computed once.
        order, (time, kind, row) = self._order
        amount = np.take_along_axis(np.concatenate([p[3] for p in self._parts(given)], axis=1), order, axis=1)
        n, count = order.shape
        first = np.arange(n, dtype=np.int64) * count
        return Events(time, kind, row, np.ascontiguousarray(amount).reshape(-1), first=first, last=first + count)

    @cached_property
    def _order(self) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Order of each subject's events, and their times, kinds and rows in that order."""
        parts = self._parts(np.ones(len(self.doses)))
        times, kinds, rows = (np.concatenate([p[i] for p in parts], axis=1) for i in range(3))
        order = np.argsort(times, axis=1, kind="stable")
        flat = (np.ascontiguousarray(np.take_along_axis(a, order, axis=1)).reshape(-1) for a in (times, kinds, rows))
        time, kind, row = flat
        return order, (time, kind, row)

    def _parts(self, given: np.ndarray) -> list[Part]:
        amounts = self.amounts * given
        over = np.array([d.over for d in self.doses])
        at_once = np.flatnonzero(over == 0)
        shape = (len(self.times), len(at_once))
        found = [self.turned, *self.clocks.events(self.times, amounts, self.taken * given > 0)]
        rows = np.broadcast_to(self.rows[at_once], shape)
        found += [(self.times[:, at_once], np.full(shape, ADD), rows, amounts[:, at_once])]
        for to in dict.fromkeys(d.route.to for d in self.doses if d.over > 0):
            mine = [i for i, d in enumerate(self.doses) if d.over and d.route.to == to]
            found.append(_infused(self.times[:, mine], amounts[:, mine], over[mine], int(self.rows[mine[0]])))
        return found


def _infused(start: np.ndarray, amounts: np.ndarray, over: np.ndarray, column: int) -> Part:
    """Total infusion rate into a state at each change; durations are kept as given."""
    rate = amounts / over
    times = np.concatenate([start, start + over], axis=1)
    change = np.concatenate([rate, -rate], axis=1)
    count = np.concatenate([np.ones_like(rate), -np.ones_like(rate)], axis=1)
    order = np.argsort(times, axis=1, kind="stable")
    times, change, count = (np.take_along_axis(a, order, axis=1) for a in (times, change, count))
    # After the last infusion the rate is exactly 0, without rounding error.
    total = np.where(np.cumsum(count, axis=1) > 0, np.cumsum(change, axis=1), 0.0)
    return times, np.full(times.shape, PARAMETER), np.full(times.shape, column), np.maximum(total, 0.0)


def _in_order(parts: Sequence[Part]) -> Events:
    """Events of every subject in order of time; a single list if all subjects share it."""
    times, kinds, rows, amounts = (np.concatenate([p[i] for p in parts], axis=1) for i in range(4))
    order = np.argsort(times, axis=1, kind="stable")
    columns = [np.take_along_axis(a, order, axis=1) for a in (times, kinds, rows, amounts)]
    n, count = times.shape
    if n and all((a == a[:1]).all() for a in columns):
        first = np.zeros(n, np.int64)
        return Events(*(np.ascontiguousarray(a[0]) for a in columns), first=first, last=first + count)
    first = np.arange(n, dtype=np.int64) * count
    return Events(*(np.ascontiguousarray(a).reshape(-1) for a in columns), first=first, last=first + count)
