"""Doses and meals as one schedule of events for the kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .checks import time_factor
from .compose import Dose, Model
from .draws import uniform
from .errors import UnitError, did_you_mean
from .exact import FUNCTIONS
from .expressions import evaluate
from .kernel.event import ADD, Events
from .scenario import Branch, MealEvent, Scenario
from .units import convert

__all__ = ["Schedule", "meal_schedule", "schedule"]

Array = np.ndarray

_SOLID, _LIQUID = "meal_solid", "meal_liquid"


@dataclass(frozen=True)
class Stop:
    """One event of a schedule: an amount to a route at a nominal time.

    Attributes
    ----------
    missed
        Probability that a subject misses it.
    number
        Which dose of its regimen this is, the key of that draw.
    """

    time: float
    dose: Dose
    amount: float
    missed: float = 0.0
    number: int = 0


@dataclass(frozen=True)
class Schedule:
    """Everything given in one arm, in order of nominal time; doses before meals at one instant.

    Attributes
    ----------
    lag_hours
        Hours in the unit of time that each route's lag is written in.
    """

    stops: tuple[Stop, ...]
    lag_hours: Mapping[str, float]

    def events(
        self, states: Sequence[str], parameters: Mapping[str, Array], seed: int, subjects: Array
    ) -> tuple[Events, Array]:
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
        n = len(subjects)
        row_of = {s: i for i, s in enumerate(states)}
        rows = np.array([row_of[s.dose.to] for s in self.stops], np.int64)
        hours = np.array([self.lag_hours[s.dose.name] for s in self.stops])
        lag = self._per_subject(parameters, n, "lag") * hours
        fraction = self._per_subject(parameters, n, "bioavailability")
        with np.errstate(invalid="ignore"):
            sound = (lag >= 0) & (fraction >= 0) & np.isfinite(lag) & np.isfinite(fraction)
        possible = np.asarray(sound.all(axis=1))
        lag, fraction = np.where(sound, lag, 0.0), np.where(sound, fraction, 0.0)
        times = np.array([s.time for s in self.stops])[None, :] + lag
        amounts = np.array([s.amount for s in self.stops])[None, :] * fraction * self._taken(seed, subjects)
        order = np.argsort(times, axis=1, kind="stable")
        times = np.take_along_axis(times, order, axis=1)
        amounts = np.take_along_axis(amounts, order, axis=1)
        rows = np.broadcast_to(rows, times.shape)
        rows = np.take_along_axis(rows, order, axis=1)
        count = times.shape[1]
        if n and (times == times[:1]).all() and (amounts == amounts[:1]).all() and (rows == rows[:1]).all():
            first = np.zeros(n, np.int64)
            kinds = np.full(count, ADD)
            return Events(times[0].copy(), kinds, rows[0].copy(), amounts[0].copy(), first, first + count), possible
        first = np.arange(n, dtype=np.int64) * count
        times, rows, amounts = (np.ascontiguousarray(a).reshape(-1) for a in (times, rows, amounts))
        return Events(times, np.full(len(times), ADD), rows, amounts, first, first + count), possible

    def _per_subject(self, parameters: Mapping[str, Array], n: int, part: str) -> Array:
        """Bioavailability or lag of every dose for every subject, (n, doses)."""
        known: dict[str, Array] = {}
        for stop in self.stops:
            if stop.dose.name not in known:
                equation = getattr(stop.dose, part)
                values = {typed: parameters[full] for typed, full in equation.scope.items()}
                known[stop.dose.name] = np.broadcast_to(
                    np.asarray(evaluate(equation.expression, values, FUNCTIONS), float), (n,)
                )
        return np.stack([known[s.dose.name] for s in self.stops], axis=1) if self.stops else np.zeros((n, 0))

    def _taken(self, seed: int, subjects: Array) -> Array:
        """1 where a dose is taken, 0 where it is missed, (n, doses)."""
        taken = np.ones((len(subjects), len(self.stops)))
        for name in dict.fromkeys(s.dose.name for s in self.stops if s.missed > 0):
            at = [i for i, s in enumerate(self.stops) if s.dose.name == name and s.missed > 0]
            numbers = np.array([self.stops[i].number for i in at])
            u = uniform(seed, [f"missed {name}"], subjects[:, None], numbers[None, :])[0]
            taken[:, at] = u >= np.array([self.stops[i].missed for i in at])
        return taken


def schedule(scenario: Scenario, branch: Branch, model: Model) -> Schedule:
    """Everything given in one arm of a scenario.

    Raises
    ------
    ScenarioError
        If a drug has no such route, or an amount is not in its kind of unit.
    """
    stops = []
    for dosing in branch.dosing:
        dose = _route(scenario, dosing.drug, dosing.route, dosing.key, model)
        try:
            amount = convert(dosing.amount, dosing.unit, dose.unit)
        except UnitError as error:
            help = f"{dosing.drug} is dosed in {dose.unit}"
            scenario.file.fail(f"`amount`: {error.message}", (*dosing.key, "amount"), help)
        if dose.range and amount and not dose.range[0] <= amount <= dose.range[1]:
            low, high = dose.range
            message = f"`{amount:g} {dose.unit}` of {dosing.drug} is outside its plausible range {low:g} to {high:g}"
            help = f"amounts are in {dose.unit}; a copy of its module beside your scenario may have a wider range"
            scenario.file.fail(message, (*dosing.key, "amount"), help)
        stops += [Stop(t, dose, amount, dosing.missed, k) for k, t in enumerate(dosing.times)]
    stops += _meals(scenario.meals, model)
    # A stable sort keeps doses before meals at one instant.
    return _schedule(sorted(stops, key=lambda s: s.time), model)


def meal_schedule(scenario: Scenario, model: Model) -> Schedule:
    """One habitual day: the scenario's meals of habit, nothing else."""
    return _schedule(_meals(scenario.habit, model), model)


def _schedule(stops: Sequence[Stop], model: Model) -> Schedule:
    return Schedule(tuple(stops), {name: time_factor(model, dose.lag) for name, dose in model.doses.items()})


def _meals(meals: Sequence[MealEvent], model: Model) -> list[Stop]:
    routes = {name.partition(".")[2]: dose for name, dose in model.doses.items()}
    if _SOLID not in routes or _LIQUID not in routes:
        return []
    stops = []
    for meal in meals:
        milligrams = 1000.0 * meal.carbohydrate
        if meal.solid > 0:
            stops.append(Stop(meal.time, routes[_SOLID], milligrams * meal.solid))
        if meal.solid < 1:
            stops.append(Stop(meal.time, routes[_LIQUID], milligrams * (1 - meal.solid)))
    return stops


def _route(scenario: Scenario, drug: str, route: str | None, key: tuple[str | int, ...], model: Model) -> Dose:
    routes = {name.partition(".")[2]: dose for name, dose in model.doses.items() if name.startswith(f"{drug}.")}
    if not routes:
        scenario.file.fail(f"`{drug}` takes no doses", (*key, "drug"), "its module has no [doses] table")
    if route is None:
        return next(iter(routes.values()))
    if route not in routes:
        help = did_you_mean(route, routes) or "known are " + ", ".join(routes)
        scenario.file.fail(f"`{drug}` has no route `{route}`", (*key, "route"), help)
    return routes[route]
