"""Convert one subject's records to events for the kernel: doses, infusions, resets, covariates, steady states.

Where tools differ, the choices are those of docs/dosing.md: rate or duration stays as given in the data and F scales
the other; F, lag, rate and duration are evaluated once per dose at its nominal time; a record follows all events of
records above it in the file, and additional doses come before observations at the same time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.kernel.event import ADD, MULTIPLY, PARAMETER, REPLACE, STOP_ONLY
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, LAG_TOO_LONG, OK
from mtorsim.model.dimensions import time_factor
from mtorsim.model.expressions import evaluate
from mtorsim.model.model import Equation, Route
from mtorsim.stats.portable import FUNCTIONS

from .routes import Routes
from .steady_state import Interval, steady_state
from .table import EventTable

__all__ = ["SubjectEvents", "lay_out"]


NUDGE = 1e-12
"""Delay, in hours or as a fraction of the time, that orders events at the same nominal time."""
RAMP = 64
"""Number of steps that approximate a linearly interpolated covariate between two records."""


@dataclass
class SubjectEvents:
    """The events of one subject.

    Attributes
    ----------
    events
        Time, kind, row and amount, in order.
    seen
        Time at which each record is observed, shape (records,).
    after_dose
        Time after the last dose at each record, NaN before the first.
    end
        End of integration, after all events.
    status
        0, or the code of the reason why a dose cannot be given.
    """

    events: list[tuple[float, int, int, float]]
    seen: np.ndarray
    after_dose: np.ndarray
    end: float
    status: int = OK


@dataclass
class _Laid:
    """Events collected so far: arriving doses, infusions, and events at records."""

    arrivals: list[tuple[float, int, int, float]] = field(default_factory=list)
    running: list[tuple[float, float, int, float]] = field(default_factory=list)
    done: list[tuple[float, int, int, int, float]] = field(default_factory=list)

    def drop_from(self, time: float, rows: Sequence[int] | None = None) -> None:
        """Cancel arriving doses and infusions from a time onwards, of some states or of all."""
        mine = lambda row: rows is None or row in rows  # noqa: E731
        self.arrivals = [a for a in self.arrivals if not (mine(a[2]) and a[0] >= time)]
        cut = [(s, min(e, time) if mine(row) else e, row, rate) for s, e, row, rate in self.running]
        self.running = [r for r in cut if r[0] < r[1]]


@dataclass(frozen=True)
class _Dose:
    """A dose with its fraction and lag applied."""

    state: str
    amount: float
    lag: float
    rate: float
    duration: float


def lay_out(
    table: EventTable,
    records: Sequence[int],
    routes: Routes,
    start: np.ndarray,
    parameters: np.ndarray,
    columns: Mapping[str, str],
    careful: Kernel,
) -> SubjectEvents:
    """Convert the records of one subject to events.

    Parameters
    ----------
    table, records
        The table, and the indices of the subject's records, in order.
    routes
        Routes of the model.
    start, parameters
        The subject's state at the start, and its parameters, in the kernel's order.
    columns
        The parameter that each covariate replaces.
    careful
        A kernel in double precision, for steady states.

    Raises
    ------
    DataError
        For a record that does not fit the model.
    """
    return _Layer(table, list(records), routes, start, parameters, columns, careful).events()


class _Layer:
    def __init__(
        self,
        table: EventTable,
        records: list[int],
        routes: Routes,
        start: np.ndarray,
        parameters: np.ndarray,
        columns: Mapping[str, str],
        careful: Kernel,
    ) -> None:
        self.table = table
        self.records = records
        self.routes = routes
        self.start = start
        self.columns = columns
        self.careful = careful
        self.model = routes.model
        self.base = dict(zip(routes.kernel.parameters, parameters.tolist(), strict=True))
        self.times = self._times()
        self.last = max(self.times.values(), default=0.0)
        self.laid = _Laid()
        self.nominal: list[tuple[float, int]] = []
        self.status = OK

    def _times(self) -> dict[int, float]:
        """Time of each record since the start of the first occasion; a reset may restart the clock."""
        # The kernel's clock starts at 0, a table's may start earlier.
        offset = max(0.0, -float(self.table.time[self.records[0]])) if self.records else 0.0
        before, found = -math.inf, {}
        for r in self.records:
            time = float(self.table.time[r])
            if time + offset < before:
                offset = before - time
            before = found[r] = time + offset
        return found

    @cached_property
    def covariates(self) -> dict[str, list[tuple[float, float]]]:
        """Times and values of each parameter that a covariate replaces."""
        return {full: self._path(name) for name, full in self.columns.items()}

    def _known(self, name: str) -> tuple[list[float], list[float]]:
        """Times at which a covariate is given, and its values."""
        values = self.table.covariates[name]
        known = [r for r in self.records if not math.isnan(values[r])]
        return [self.times[r] for r in known], [float(values[r]) for r in known]

    def _path(self, name: str) -> list[tuple[float, float]]:
        known = list(zip(*self._known(name), strict=True))
        if not known:
            return []
        kind = self.table.interpolation.get(name, "locf")
        path = [(-math.inf, known[0][1])]
        for (t0, v0), (t1, v1) in pairwise(known):
            if kind == "nocb":
                path.append((t0, v1))
            elif kind == "linear" and t1 > t0 and v1 != v0:
                parts = range(RAMP)
                path += [(t0 + (t1 - t0) * k / RAMP, v0 + (v1 - v0) * (k + 0.5) / RAMP) for k in parts]
                path.append((t1, v1))
            else:
                path.append((t1, v1))
        return path

    def _parameters_at(self, time: float, record: int | None = None) -> dict[str, float]:
        """All parameters at a time; at a record, its own covariate values apply."""
        now = dict(self.base)
        for name, full in self.columns.items():
            times, values = self._known(name)
            if not times:
                continue
            kind = self.table.interpolation.get(name, "locf")
            if record is not None and not math.isnan(self.table.covariates[name][record]):
                now[full] = float(self.table.covariates[name][record])
            elif kind == "linear":
                now[full] = float(np.interp(time, times, values))
            elif kind == "nocb":
                now[full] = values[min(bisect_left(times, time), len(times) - 1)]
            else:
                now[full] = values[max(bisect_right(times, time) - 1, 0)]
        return now

    def events(self) -> SubjectEvents:
        """All events in order."""
        for order, r in enumerate(self.records):
            time, evid = self.times[r], int(self.table.evid[r])
            if evid in (3, 4):
                self._reset(time, order)
            if evid in (1, 4):
                self._dose(r, time, order)
            elif evid in (5, 6):
                kind = REPLACE if evid == 5 else MULTIPLY
                row = self.routes.row(self.routes.state(self.table, r))
                self.laid.done.append((time, order, kind, row, float(self.table.amt[r])))
            elif evid == 7:
                self.nominal.append((time, order))
        return self._in_order()

    def _reset(self, time: float, order: int) -> None:
        """Reset all states to their initial values and cancel pending doses and infusions."""
        self.laid.drop_from(time)
        self.nominal = [n for n in self.nominal if n[0] < time]
        self.laid.done += [(time, order, REPLACE, row, float(value)) for row, value in enumerate(self.start)]

    def _dose(self, r: int, time: float, order: int) -> None:
        table = self.table
        state, interval = self.routes.state(table, r), float(table.ii[r])
        given = self._given(r, state, time, own=True)
        if given is None:
            return
        if table.ss[r]:
            self._settle(r, time, order, given, interval)
            if self.status != OK:
                return
        for k in range(int(table.addl[r]) + 1):
            nominal = time + k * interval
            if nominal > self.last:
                break
            each = given if k == 0 else self._given(r, state, nominal)
            if each is None:
                return
            # An additional dose comes before any record at the same time.
            self.nominal.append((nominal, order if k == 0 else -1))
            self._give(each, nominal, order if k == 0 and each.lag == 0 else -1)

    def _give(self, dose: _Dose, nominal: float, order: int) -> None:
        row = self.routes.row(dose.state)
        at = nominal + dose.lag
        if dose.duration > 0:
            if dose.rate > 0:
                self.laid.running.append((at, at + dose.duration, row, dose.rate))
        elif dose.amount:
            self.laid.arrivals.append((at, order, row, dose.amount))

    def _given(self, r: int, state: str, nominal: float, *, own: bool = False) -> _Dose | None:
        """A dose with fraction, lag, rate and duration at its nominal time; None if it cannot be given."""
        table, route = self.table, self.routes.to.get(state)
        now = self._parameters_at(nominal, r if own else None)
        fraction, lag = self._of(route, "bioavailability", now, 1.0), self._of(route, "lag", now, 0.0)
        amount, rate, duration = float(table.amt[r]), float(table.rate[r]), float(table.dur[r])
        if amount == 0.0:
            rate, duration = rate, math.inf
        elif rate == -1.0:
            rate = self._of(self._needs(route, "rate", r), "rate", now, 0.0)
            duration = fraction * amount / rate if rate > 0 else -1.0
        elif rate == -2.0 or not math.isnan(duration):
            if rate == -2.0:
                duration = self._of(self._needs(route, "duration", r), "duration", now, 0.0)
            rate = fraction * amount / duration if duration > 0 else -1.0
            duration = duration if duration > 0 else -1.0
        elif rate > 0:
            duration = fraction * amount / rate
        else:
            rate, duration = 0.0, 0.0
        if not (fraction >= 0 and lag >= 0 and duration >= 0 and rate >= 0 and math.isfinite(fraction + lag + rate)):
            self.status = IMPOSSIBLE_DOSE
            return None
        if duration > 0 and self.routes.inflow(state) is None:
            name = state.partition(".")[2]
            self.table.fail(r, "RATE", f"nothing can be infused into `{name}`", "its module defines no route to it")
        return _Dose(state, 0.0 if duration > 0 else fraction * amount, lag, rate, duration)

    def _needs(self, route: Route | None, part: str, r: int) -> Route:
        if route is None or getattr(route, part) is None:
            column = "-1" if part == "rate" else "-2"
            message = f"RATE {column} takes the {part} from the model, which defines none for this route"
            self.table.fail(r, "RATE", message, f"write `{part} = ...` in its line of [doses]")
        assert route is not None
        return route

    def _of(self, route: Route | None, part: str, now: Mapping[str, float], default: float) -> float:
        equation: Equation | None = getattr(route, part) if route else None
        if equation is None:
            return default
        values = {typed: now[full] for typed, full in equation.scope.items()}
        factor = 1.0 if part == "bioavailability" else time_factor(self.model, equation)
        return factor * float(evaluate(equation.expression, values, FUNCTIONS))

    def _settle(self, r: int, time: float, order: int, dose: _Dose, interval: float) -> None:
        """Set the drug to the steady state of this dose, or add that state to the present one."""
        row, own = self.routes.row(dose.state), self.routes.own(dose.state)
        endless = math.isinf(dose.duration)
        length = 24.0 if endless else interval
        if not endless and dose.lag >= interval:
            self.status = LAG_TOO_LONG
            return
        tails = [] if endless else _tails(dose, interval)
        rates = ((0.0, length, dose.rate),) if endless else _within(dose, interval, tails)
        column = self.routes.inflow(dose.state)
        now = self._parameters_at(time, r)
        parameters = np.array([now[n] for n in self.routes.kernel.parameters])
        regimen = Interval(length, row, dose.amount, dose.lag, rates, -1 if column is None else column)
        amounts, linear, self.status = steady_state(self.careful, self.start, parameters, own, regimen)
        if self.status != OK:
            return
        if self.table.ss[r] == 1:
            self.laid.drop_from(time, own)
            self.laid.done += [(time, order, REPLACE, i, float(a)) for i, a in zip(own, amounts, strict=True)]
        elif linear:
            self.laid.done += [(time, order, ADD, i, float(a)) for i, a in zip(own, amounts, strict=True)]
        else:
            message = "SS 2 adds two steady states, which is valid only for a linear drug"
            self.table.fail(r, "SS", message, "SS 1 replaces the amounts in the body")
        self.laid.running += [(time, time + end, row, dose.rate) for end in tails]

    def _in_order(self) -> SubjectEvents:
        """Merge all events; a small delay separates events before a record from events after it."""
        items: list[tuple[float, int, int, Callable[[float], None]]] = []
        events: list[tuple[float, int, int, int, float]] = []
        put = lambda kind, row, amount: lambda t: events.append((t, 0, kind, row, amount))  # noqa: E731
        for full, path in self.covariates.items():
            column = self.routes.kernel.parameters.index(full)
            if path:
                items.append((0.0, -2, 0, put(PARAMETER, column, path[0][1])))
            items += [(max(t, 0.0), -2, 1, put(PARAMETER, column, v)) for t, v in path[1:]]
        items += [(t, o, 3, put(ADD, row, amount)) for t, o, row, amount in self.laid.arrivals]
        items += [(t, o, 2, put(kind, row, amount)) for t, o, kind, row, amount in self.laid.done]
        seen = np.full(len(self.records), np.nan)
        items += [(self.times[r], o, 4, lambda t, o=o: seen.__setitem__(o, t)) for o, r in enumerate(self.records)]
        items.sort(key=lambda i: i[:3])
        now, shift, dirty = -math.inf, 0, False
        for time, _, phase, act in items:
            if time != now:
                now, shift, dirty = time, 0, False
            if phase == 4 and dirty:
                shift, dirty = shift + 1, False
            dirty = dirty or phase != 4
            act(time + shift * NUDGE * max(1.0, time))
        ordered = [(t, kind, row, amount) for t, _, kind, row, amount in sorted(events, key=lambda e: e[0])]
        ordered += self._inflows()
        ordered.sort(key=lambda e: e[0])
        times = [e[0] for e in ordered if math.isfinite(e[0])]
        end = max([*times, *seen.tolist(), 0.0]) * (1 + 4 * NUDGE) + 4 * NUDGE
        # An explicit stop: the steps of a subject must not depend on the others in the group.
        ordered.append((end, STOP_ONLY, 0, 0.0))
        return SubjectEvents(ordered, seen, self._after_dose(), end, self.status)

    def _inflows(self) -> list[tuple[float, int, int, float]]:
        """The total inflow to each state, and the times at which it changes."""
        found = []
        for row in sorted({r for _, _, r, _ in self.laid.running}):
            mine = [(s, e, rate) for s, e, i, rate in self.laid.running if i == row]
            column = self.routes.inflow(self.routes.kernel.states[row])
            assert column is not None
            for time in sorted({t for s, e, _ in mine for t in (s, e) if math.isfinite(t)}):
                total = math.fsum(rate for s, e, rate in mine if s <= time < e)
                found.append((time, PARAMETER, column, total))
        return found

    def _after_dose(self) -> np.ndarray:
        found = np.full(len(self.records), np.nan)
        for order, r in enumerate(self.records):
            before = [t for t, o in self.nominal if (t, o) <= (self.times[r], order)]
            if before:
                found[order] = self.times[r] - max(before)
        return found


def _tails(dose: _Dose, interval: float) -> list[float]:
    """Remaining times, from the record onwards, of infusions started by earlier doses of a steady state."""
    tails, k = [], 1
    while dose.duration > 0 and dose.lag - k * interval + dose.duration > 1e-12 * interval:
        tails.append(dose.lag - k * interval + dose.duration)
        k += 1
    return tails


def _within(dose: _Dose, interval: float, tails: Sequence[float]) -> tuple[tuple[float, float, float], ...]:
    """The infusions within one interval of a steady state."""
    if dose.duration <= 0:
        return ()
    rates = [(0.0, min(end, interval), dose.rate) for end in tails]
    return (*rates, (dose.lag, min(dose.lag + dose.duration, interval), dose.rate))
