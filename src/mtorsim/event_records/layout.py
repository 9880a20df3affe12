"""Convert one subject's records to events for the kernel: doses, infusions, resets, covariates, steady states.

Where tools differ, the choices are those of docs/dosing.md: rate or duration stays as given in the data and F scales
the other; lag and duration are those of the record, also for its additional doses, F and rate those at each dose's
nominal time; a record follows all events of records above it in the file, and additional doses come before
observations at the same time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.kernel.event import ADD, END, MULTIPLY, PARAMETER, REPLACE
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, OK, TOO_MANY_INFUSIONS
from mtorsim.model.dimensions import time_factor
from mtorsim.model.expressions import evaluate
from mtorsim.model.generated import CLOCK, LAST_DOSE, SINCE_DOSE
from mtorsim.model.inflow import drift
from mtorsim.model.model import Equation, Route
from mtorsim.stats.portable import FUNCTIONS

from .covariates import Covariates
from .routes import Routes, Target
from .steady_state import Interval, infusions_within, pending_doses, running_on, steady_state
from .subject import Laid, Seen, SubjectEvents
from .table import EventTable

__all__ = ["lay_out"]


SAME = 1e-12
"""Times that differ by less, in hours or as a fraction of the time, are the same."""
SHORTEST = 0.01
"""Hours that a subject is integrated at least."""
MOST_INFUSIONS = 1000
"""Largest number of infusions that overlap."""


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
    columns: Mapping[str, Sequence[str]],
    careful: Kernel,
    points: int = 0,
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
        The parameters that each covariate replaces.
    careful
        A kernel in double precision, for steady states.
    points
        Number of evenly spaced observations from the first to the last record, for a figure.

    Raises
    ------
    DataError
        For a record that does not fit the model.
    """
    layer = _Layer(table, list(records), routes, start, parameters, columns, careful)
    found = layer.events()
    found.curve = layer.curve(points)
    return found


class _Layer:
    def __init__(
        self,
        table: EventTable,
        records: list[int],
        routes: Routes,
        start: np.ndarray,
        parameters: np.ndarray,
        columns: Mapping[str, Sequence[str]],
        careful: Kernel,
    ) -> None:
        self.table = table
        self.records = records
        self.routes = routes
        self.start = start
        self.careful = careful
        self.model = routes.model
        self.base = dict(zip(routes.kernel.parameters, parameters.tolist(), strict=True))
        self.times = self._times()
        self.instants = sorted(set(self.times.values()))
        self.covariates = Covariates(table, records, self.times, columns)
        self.last = max(self.times.values(), default=0.0)
        self.laid = Laid()
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

    def _snapped(self, time: float) -> float:
        """A time, or the time of a record from which it differs by rounding only."""
        i = bisect_left(self.instants, time)
        for near in self.instants[max(i - 1, 0) : i + 1]:
            if abs(near - time) <= SAME * max(1.0, abs(time)):
                return near
        return time

    def _parameters_at(self, time: float, record: int | None = None) -> dict[str, float]:
        """All parameters at a time; at a record, its own covariate values apply."""
        return {**self.base, **self.covariates.at(time, record)}

    def events(self) -> SubjectEvents:
        """All events in order."""
        first = float(self.table.time[self.records[0]]) if self.records else 0.0
        self._set_clock(0.0, -1, min(first, 0.0))
        for order, r in enumerate(self.records):
            time, evid = self.times[r], int(self.table.evid[r])
            if evid in (3, 4):
                self._reset(time, order)
            if evid in (1, 4):
                self._dose(r, time, order)
            elif evid in (5, 6):
                kind = REPLACE if evid == 5 else MULTIPLY
                row = self.routes.row(self.routes.target(self.table, r).state)
                self.laid.done.append((time, order, kind, row, float(self.table.amt[r])))
            elif evid == 7:
                self.nominal.append((time, order))
            elif self.table.cmt[r].startswith("-"):
                self.routes.target(self.table, r)
        return self._in_order()

    def curve(self, points: int) -> list[Seen]:
        """Observations at evenly spaced times, and on both sides of each dose."""
        first = min(self.times.values(), default=0.0)
        if points < 2 or self.last <= first:
            return []
        doses = [time for time, *_ in (*self.laid.arrivals, *self.laid.running) if first < time < self.last]
        beside = [t for time in doses for t in (time, time + 1e-6)]
        times = np.unique([*np.linspace(first, self.last, points), *beside])
        return [Seen(float(t), (), self.covariates.at(float(t)), math.nan) for t in times]

    def _reset(self, time: float, order: int) -> None:
        """Reset all states to their initial values and cancel pending doses and infusions."""
        self.laid.drop_from(time)
        self.nominal = [n for n in self.nominal if n[0] < time]
        self.laid.done += [(time, order, REPLACE, row, float(value)) for row, value in enumerate(self.start)]
        self._set_clock(time, order, float(self.table.time[self.records[order]]))

    def _set_clock(self, time: float, order: int, value: float) -> None:
        """Let `t` be the time in the table."""
        self.laid.clocked.append((time, order, value))
        self.laid.done += [(time, order, REPLACE, row, value) for row in self.routes.clocks]

    def _dose(self, r: int, time: float, order: int) -> None:
        table = self.table
        target, interval = self.routes.target(table, r), float(table.ii[r])
        amount, route = float(table.amt[r]), target.route
        if route is not None and route.range and not route.admits(amount):
            low, high = route.range
            message = f"{amount:g} {route.unit} is outside the plausible range {low:g} to {high:g} of `{route.name}`"
            table.fail(r, "AMT", message, f"amounts are in {route.unit}; a copy of the module may have another range")
        given = self._given(r, target, time)
        if given is None:
            return
        if table.ss[r]:
            self._settle(r, time, order, given, interval)
            if self.status != OK or float(table.amt[r]) == 0.0:
                return
        for k in range(int(table.addl[r]) + 1):
            nominal = self._snapped(time + k * interval)
            if nominal > self.last:
                break
            each = given if k == 0 else self._given(r, target, nominal, additional=True)
            if each is None:
                return
            # An additional dose comes before any record at the same time.
            self.nominal.append((nominal, order if k == 0 else -1))
            self._give(each, nominal, order if k == 0 and each.lag == 0 else -1)

    def _give(self, dose: _Dose, nominal: float, order: int) -> None:
        row = self.routes.row(dose.state)
        at = self._snapped(nominal + dose.lag)
        if dose.duration > 0:
            if dose.rate > 0:
                self.laid.running.append((at, self._snapped(at + dose.duration), row, dose.rate))
        elif dose.amount:
            self.laid.arrivals.append((at, order, ADD, row, dose.amount))
        self._mark(dose, at, order)

    def _mark(self, dose: _Dose, at: float, order: int) -> None:
        """Restart the clocks that the drug's equations read."""
        for kind, value in ((SINCE_DOSE, 0.0), (LAST_DOSE, dose.amount + dose.rate * dose.duration)):
            row = self.routes.clock(dose.state, kind)
            if row is not None and math.isfinite(value):
                self.laid.arrivals.append((at, order, REPLACE, row, value))

    def _given(self, r: int, target: Target, nominal: float, *, additional: bool = False) -> _Dose | None:
        """A dose with fraction, lag, rate and duration; None if it cannot be given."""
        table, route, state = self.table, target.route, target.state
        record = self._parameters_at(self.times[r], r)
        now = self._parameters_at(nominal) if additional else record
        fixed = now if table.additional == "own time" else record
        fraction, lag = self._of(route, "bioavailability", now, 1.0), self._of(route, "lag", fixed, 0.0)
        amount, rate, duration = float(table.amt[r]), float(table.rate[r]), float(table.dur[r])
        if rate == -1.0:
            rate = self._of(self._needs(route, "rate", r), "rate", now, 0.0)
            duration = fraction * amount / rate if rate > 0 else -1.0
        elif rate == -2.0 or not math.isnan(duration):
            if rate == -2.0:
                duration = self._of(self._needs(route, "duration", r), "duration", fixed, 0.0)
            rate = fraction * amount / duration if duration > 0 else -1.0
            duration = duration if duration > 0 else -1.0
        elif rate > 0:
            duration = fraction * amount / rate
        else:
            rate, duration = 0.0, 0.0
        if amount == 0.0:
            duration = math.inf
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
        marks = {kind: self.routes.clock(dose.state, kind) for kind in (SINCE_DOSE, LAST_DOSE)}
        if any(row in own for row in self.routes.clocks):
            self.table.fail(r, "SS", "equations with `t` have no steady state", "write the doses out with ADDL")
        own = [i for i in own if i not in marks.values()]
        endless = float(self.table.amt[r]) == 0.0
        if not endless and dose.duration > MOST_INFUSIONS * interval:
            self.status = TOO_MANY_INFUSIONS
            return
        # Earlier doses of the series may still be on their way, or running.
        if endless:
            pending, tails, at, length, rates = [], [], 0.0, 24.0, ((0.0, 24.0, dose.rate),)
        else:
            pending, tails = pending_doses(dose.lag, interval), running_on(dose.lag, dose.duration, interval)
            at, length = dose.lag % interval, interval
            rates = infusions_within(at, dose.duration, dose.rate, interval, tails)
        column = self.routes.inflow(dose.state)
        now = self._parameters_at(time, r)
        parameters = np.array([now[n] for n in self.routes.kernel.parameters])
        size = dose.amount + (0.0 if endless else dose.rate * dose.duration)
        clocks = ((marks[SINCE_DOSE], length - at, 0.0), (marks[LAST_DOSE], size, size))
        marked = tuple((i, before, then) for i, before, then in clocks if i is not None)
        regimen = Interval(length, row, dose.amount, at, rates, -1 if column is None else column, marked)
        amounts, linear, self.status = steady_state(self.careful, self.start, parameters, own, regimen)
        if self.status != OK:
            return
        if self.table.ss[r] == 1:
            self.laid.drop_from(time, [*own, *(i for i, _, _ in marked)])
            self.laid.done += [(time, order, REPLACE, i, float(a)) for i, a in zip(own, amounts, strict=True)]
            self.laid.done += [(time, order, REPLACE, i, before) for i, before, _ in marked]
        elif linear and not marked:
            self.laid.done += [(time, order, ADD, i, float(a)) for i, a in zip(own, amounts, strict=True)]
        else:
            message = "SS 2 adds two steady states, which is valid only for a linear drug"
            self.table.fail(r, "SS", message, "SS 1 replaces the amounts in the body")
        self.laid.running += [(time, self._snapped(time + end), row, dose.rate) for end in tails]
        for ahead in pending:
            start = self._snapped(time + ahead)
            if dose.duration > 0:
                self.laid.running.append((start, self._snapped(start + dose.duration), row, dose.rate))
            else:
                self.laid.arrivals.append((start, order if ahead == 0 else -1, ADD, row, dose.amount))

    def _in_order(self) -> SubjectEvents:
        """Merge all events; at the same time, those before a record are listed with it."""
        items: list[tuple[float, int, int, tuple[int, int, float] | int]] = []
        for full, path in self.covariates.paths().items():
            items += self._followed(full, path)
        items += [(t, o, 3, (kind, row, amount)) for t, o, kind, row, amount in self.laid.arrivals]
        items += [(t, o, 2, (kind, row, amount)) for t, o, kind, row, amount in self.laid.done]
        items += self._flagged()
        items += [(self.times[r], o, 4, o) for o, r in enumerate(self.records)]
        items.sort(key=lambda i: i[:3])
        after_dose = self._after_dose()
        events: list[tuple[float, int, int, float]] = []
        seen: list[Seen] = []
        now, before = -math.inf, []
        for time, _, _, what in items:
            if time != now:
                now, before = time, []
            if isinstance(what, int):
                own = self.covariates.at(time, self.records[what])
                seen.append(Seen(time, tuple(before), own, after_dose[what]))
            else:
                events.append((time, *what))
                if what[0] != PARAMETER:
                    before.append(what)
        events += self._inflows()
        events.sort(key=lambda e: e[0])
        if any(math.isinf(time) for time, *_ in events):
            self.status = self.status or IMPOSSIBLE_DOSE
            events = [e for e in events if math.isfinite(e[0])]
        # Doses and infusions after the last record do not matter.
        events = [e for e in events if e[0] <= self.last]
        end = max(self.last, SHORTEST)
        events.append((end, END, 0, 0.0))
        return SubjectEvents(events, seen, end, self.status)

    def _followed(
        self, full: str, path: Sequence[tuple[float, float, float]]
    ) -> list[tuple[float, int, int, tuple[int, int, float]]]:
        """Events by which a parameter takes its values and slopes."""
        kernel = self.routes.kernel
        column, slope = kernel.parameters.index(full), self.routes.inflow(drift(full))
        found = []
        for k, (time, value, rise) in enumerate(path):
            at = (max(time, 0.0), -2, min(k, 1))
            found.append((*at, (PARAMETER, column, value)))
            if slope is not None:
                found.append((*at, (REPLACE, self.routes.row(drift(full)), 0.0)))
                found.append((*at, (PARAMETER, slope, rise)))
        return found

    def _inflows(self) -> list[tuple[float, int, int, float]]:
        """The total inflow to each state, and the times at which it changes."""
        found = []
        for row in sorted({r for _, _, r, _ in self.laid.running}):
            mine = [(s, e, rate) for s, e, i, rate in self.laid.running if i == row]
            column = self.routes.inflow(self.routes.kernel.states[row])
            assert column is not None
            starts, ends = (sorted(range(len(mine)), key=lambda k, c=c: mine[k][c]) for c in (0, 1))
            running: dict[int, float] = {}
            i = j = 0
            for time in sorted({t for s, e, _ in mine for t in (s, e) if t <= self.last}):
                while i < len(mine) and mine[starts[i]][0] <= time:
                    running[starts[i]] = mine[starts[i]][2]
                    i += 1
                while j < len(mine) and mine[ends[j]][1] <= time:
                    running.pop(ends[j], None)
                    j += 1
                if len(running) > MOST_INFUSIONS:
                    self.status = self.status or TOO_MANY_INFUSIONS
                    return []
                found.append((time, PARAMETER, column, math.fsum(running.values())))
        return found

    def _flagged(self) -> list[tuple[float, int, int, tuple[int, int, float]]]:
        """Events by which flags are 1 while their clock is below its limit."""
        found = []
        for flag in self.model.flags:
            if flag.name not in self.routes.kernel.states:
                continue
            now, row = self._parameters_at(0.0), self.routes.row(flag.name)
            values = {typed: now[full] for typed, full in flag.limit.scope.items() if full in now}
            limit = float(evaluate(flag.limit.expression, values, FUNCTIONS))
            for (time, order, value), then in pairwise([*self._settings(flag.clock), (math.inf, 0, 0.0)]):
                found.append((time, order, 3, (REPLACE, row, 1.0 if value < limit else 0.0)))
                end = self._snapped(time + limit - value)
                if value < limit and end < then[0]:
                    found.append((end, -1, 3, (REPLACE, row, 0.0)))
        return found

    def _settings(self, clock: str) -> list[tuple[float, int, float]]:
        """Time, order and value to which a clock is set, in order."""
        if clock in self.model.clocks(CLOCK):
            return self.laid.clocked
        row = self.routes.row(clock)
        doses = [(time, order, 0.0) for time, order, _, own, _ in self.laid.arrivals if own == row]
        resets = [(time, order, 0.0) for time, order, _ in self.laid.clocked]
        return sorted([*resets, *doses])

    def _after_dose(self) -> list[float]:
        """Time after the last dose at each record, NaN before the first."""
        doses = sorted(self.nominal)
        found = []
        for order, r in enumerate(self.records):
            k = bisect_right(doses, (self.times[r], order))
            found.append(self.times[r] - doses[k - 1][0] if k else math.nan)
        return found
