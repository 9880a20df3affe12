"""Doses and meals as one schedule of events for the kernel."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.compiler.system import inflow
from mtorsim.errors import UnitError, did_you_mean
from mtorsim.kernel.event import PARAMETER, Events
from mtorsim.model.dimensions import time_factor
from mtorsim.model.expressions import evaluate
from mtorsim.model.model import Dose, Model
from mtorsim.scenario.scenario import MOST_JITTER, Branch, Change, Dosing, MealEvent, Scenario
from mtorsim.stats.draws import uniform
from mtorsim.stats.portable import FUNCTIONS, log, normal_quantile
from mtorsim.units.units import convert

from .layout import Layout, Stop, Turn, _Part

__all__ = ["Schedule", "in_unit_of", "meal_schedule", "route_of", "schedule", "turns_of"]


_SOLID, _LIQUID = "meal_solid", "meal_liquid"


@dataclass(frozen=True)
class Schedule:
    """Everything given in one arm, in order of nominal time; doses before meals at one instant.

    Attributes
    ----------
    turns
        When parameters become others, in order of time.
    lag_hours
        Hours in the unit of time that each route's lag is written in.
    """

    stops: tuple[Stop, ...]
    lag_hours: Mapping[str, float]
    turns: tuple[Turn, ...] = ()

    def parameters_at(self, time: float, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Parameters as they are from a time on, given as they were at the start."""
        now = dict(parameters)
        for turn in self.turns:
            if turn.time <= time:
                base = (
                    parameters[turn.parameter]
                    if turn.value is None
                    else np.full_like(parameters[turn.parameter], turn.value)
                )
                now[turn.parameter] = base * turn.factor
        return now

    def events(
        self, states: Sequence[str], parameters: Mapping[str, np.ndarray], seed: int, subjects: np.ndarray
    ) -> tuple[Events, np.ndarray]:
        """Lay the schedule out for subjects.

        Bioavailability and lag are read once for each dose. Where all subjects get the same at the
        same times they share one list.

        Parameters
        ----------
        states
            The kernel's states.
        parameters
            An array (n,) for each parameter.
        seed, subjects
            Key of missed doses; subjects (n,).

        Returns
        -------
        events
        possible
            Shape (n,), False where a subject's lag or bioavailability is negative or not a number.
        """
        laid = self.layout(states, parameters, seed, subjects)
        return laid.events(), laid.possible

    def layout(
        self, states: Sequence[str], parameters: Mapping[str, np.ndarray], seed: int, subjects: np.ndarray
    ) -> Layout:
        """When everything arrives in each subject, and how much of it; as for `events`."""
        n = len(subjects)
        row_of = {s: i for i, s in enumerate(states)}
        hours = np.array([self.lag_hours[s.dose.name] for s in self.stops])
        lag = self._per_subject(parameters, n, "lag") * hours
        fraction = self._per_subject(parameters, n, "bioavailability")
        with np.errstate(invalid="ignore"):
            sound = (lag >= 0) & (fraction >= 0) & np.isfinite(lag) & np.isfinite(fraction)
        possible = sound.all(axis=1)
        lag, fraction = np.where(sound, lag, 0.0), np.where(sound, fraction, 0.0)
        times = np.array([s.time for s in self.stops])[None, :] + lag + self._delay(seed, subjects)
        taken = self._taken(seed, subjects)
        amounts = np.array([s.amount for s in self.stops])[None, :] * fraction * taken
        column = {name: i for i, name in enumerate(parameters)}
        rows = np.array([column[inflow(s.dose.to)] if s.over else row_of[s.dose.to] for s in self.stops], np.int64)
        turned = self._turned(parameters, column, n)
        return Layout(self.stops, times, amounts, rows, turned, np.asarray(possible), taken)

    def _per_subject(self, parameters: Mapping[str, np.ndarray], n: int, part: str) -> np.ndarray:
        """Bioavailability or lag of every dose for every subject, (n, doses)."""
        turns = [t.time for t in self.turns]
        known: dict[tuple[str, int], np.ndarray] = {}
        columns = []
        for stop in self.stops:
            key = stop.dose.name, bisect_right(turns, stop.time)
            if key not in known:
                equation = getattr(stop.dose, part)
                now = self.parameters_at(stop.time, parameters)
                values = {typed: now[full] for typed, full in equation.scope.items()}
                value = np.asarray(evaluate(equation.expression, values, FUNCTIONS), float)
                known[key] = np.broadcast_to(value, (n,))
            columns.append(known[key])
        return np.stack(columns, axis=1) if columns else np.zeros((n, 0))

    def _turned(self, parameters: Mapping[str, np.ndarray], column: Mapping[str, int], n: int) -> _Part:
        """The turns as events, before whatever is given at the same time."""
        shape = (n, len(self.turns))
        amounts = np.zeros(shape)
        for j, turn in enumerate(self.turns):
            amounts[:, j] = self.parameters_at(turn.time, parameters)[turn.parameter]
        times = np.broadcast_to(np.array([t.time for t in self.turns]), shape)
        rows = np.broadcast_to(np.array([column[t.parameter] for t in self.turns], np.int64), shape)
        return times, np.full(shape, PARAMETER), rows, amounts

    def _delay(self, seed: int, subjects: np.ndarray) -> np.ndarray:
        """Hours by which each dose is late, exponential, and each meal late or early, normal, (n, doses)."""
        delay = np.zeros((len(subjects), len(self.stops)))
        for name in dict.fromkeys(s.dose.name for s in self.stops if s.late > 0):
            at = [i for i, s in enumerate(self.stops) if s.dose.name == name and s.late > 0]
            numbers = np.array([self.stops[i].number for i in at])
            u = uniform(seed, [f"late {name}"], subjects[:, None], numbers[None, :])[0]
            delay[:, at] = -np.array([self.stops[i].late for i in at]) * log(u)
        at = [i for i, s in enumerate(self.stops) if s.jitter > 0]
        if at:
            numbers = np.array([self.stops[i].number for i in at])
            u = uniform(seed, ["meal time"], subjects[:, None], numbers[None, :])[0]
            z = np.clip(normal_quantile(u), -MOST_JITTER, MOST_JITTER)
            waits = np.array([self.stops[i].waits for i in at])
            delay[:, at] = np.array([self.stops[i].jitter for i in at]) * np.where(waits, np.abs(z), z)
        return delay

    def _taken(self, seed: int, subjects: np.ndarray) -> np.ndarray:
        """1 where a dose is taken, 0 where it is missed, (n, doses)."""
        taken = np.ones((len(subjects), len(self.stops)))
        for name in dict.fromkeys(s.dose.name for s in self.stops if s.missed > 0):
            at = [i for i, s in enumerate(self.stops) if s.dose.name == name and s.missed > 0]
            numbers = np.array([self.stops[i].number for i in at])
            u = uniform(seed, [f"missed {name}"], subjects[:, None], numbers[None, :])[0]
            taken[:, at] = u >= np.array([self.stops[i].missed for i in at])
        return taken


def schedule(scenario: Scenario, branch: Branch, model: Model, turns: Sequence[Turn] = ()) -> Schedule:
    """Everything given in one arm of a scenario, while parameters take their turns.

    Raises
    ------
    ScenarioError
        If a drug has no such route, or an amount is not in its kind of unit.
    """
    stops = []
    for dosing in branch.dosing:
        dose = route_of(scenario, dosing.drug, dosing.route, dosing.key[:-1], model)
        amounts = in_unit_of(scenario, dosing, dose)
        stops += [
            Stop(
                t, dose, 0.0 if dosing.placebo else a, dosing.over, dosing.missed, dosing.late, k, dormant=dosing.waits
            )
            for k, (t, a) in enumerate(zip(dosing.times, amounts, strict=True))
        ]
    stops += _meals(scenario.meals, model)
    # A stable sort keeps doses before meals at one instant.
    return _schedule(sorted(stops, key=lambda s: s.time), model, turns)


def in_unit_of(scenario: Scenario, dosing: Dosing, dose: Dose) -> list[float]:
    """Amounts in the unit of a route, if they are plausible."""
    key = dosing.key
    try:
        amounts = [convert(a, dosing.unit, dose.unit) for a in dosing.amounts]
    except UnitError as error:
        scenario.file.fail(f"`{key[-1]}`: {error.message}", key, f"{dosing.drug} is dosed in {dose.unit}")
    for amount in dict.fromkeys(amounts):
        if dose.range and amount and not dose.range[0] <= amount <= dose.range[1]:
            low, high = dose.range
            message = f"`{amount:g} {dose.unit}` of {dosing.drug} is outside its plausible range {low:g} to {high:g}"
            help = f"amounts are in {dose.unit}; a copy of its module beside your scenario may have a wider range"
            scenario.file.fail(message, key, help)
    return amounts


def meal_schedule(scenario: Scenario, model: Model) -> Schedule:
    """One habitual day: the scenario's meals of habit, nothing else."""
    return _schedule(_meals(scenario.habit, model), model)


def _schedule(stops: Sequence[Stop], model: Model, turns: Sequence[Turn] = ()) -> Schedule:
    hours = {name: time_factor(model, dose.lag) for name, dose in model.doses.items()}
    return Schedule(tuple(stops), hours, tuple(turns))


def turns_of(changes: Sequence[Change]) -> list[Turn]:
    """When parameters become others, of changes that name them in full; what overlaps multiplies."""
    found = []
    for name in dict.fromkeys(n for c in changes for n in (*c.set, *c.multiply)):
        mine = [c for c in changes if name in c.set or name in c.multiply]
        for time in sorted({t for c in mine for t in (c.start, c.end) if t < float("inf")}):
            value, factor = None, 1.0
            for change in mine:
                if change.start <= time < change.end:
                    value = change.set.get(name, value)
                    factor *= change.multiply.get(name, 1.0)
            found.append(Turn(time, name, value, factor))
    return sorted(found, key=lambda t: t.time)


def _meals(meals: Sequence[MealEvent], model: Model) -> list[Stop]:
    routes = {name.partition(".")[2]: dose for name, dose in model.doses.items()}
    if _SOLID not in routes or _LIQUID not in routes:
        return []
    stops = []
    for k, meal in enumerate(meals):
        milligrams = 1000.0 * meal.carbohydrate
        for route, share in ((_SOLID, meal.solid), (_LIQUID, 1 - meal.solid)):
            if share > 0:
                # Both parts of a meal have its number, and so its time.
                amount = milligrams * share
                stops.append(Stop(meal.time, routes[route], amount, number=k, jitter=meal.jitter, waits=meal.waits))
    return stops


def route_of(scenario: Scenario, drug: str, route: str | None, key: tuple[str | int, ...], model: Model) -> Dose:
    routes = {name.partition(".")[2]: dose for name, dose in model.doses.items() if name.startswith(f"{drug}.")}
    if not routes:
        scenario.file.fail(f"`{drug}` takes no doses", (*key, "drug"), "its module has no [doses] table")
    if route is None:
        return next(iter(routes.values()))
    if route not in routes:
        help = did_you_mean(route, routes) or "known are " + ", ".join(routes)
        scenario.file.fail(f"`{drug}` has no route `{route}`", (*key, "route"), help)
    return routes[route]
