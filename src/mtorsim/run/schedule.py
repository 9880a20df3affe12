"""Doses and meals of an arm as one schedule of events."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mtorsim.kernel.event import PARAMETER, Events
from mtorsim.model.dimensions import time_factor
from mtorsim.model.expressions import evaluate
from mtorsim.model.generated import LAST_DOSE, SINCE_DOSE
from mtorsim.model.inflow import inflow
from mtorsim.model.model import Flag, Model, Route
from mtorsim.scenario.parts import MOST_JITTER, ArmSpec, Change, Episode, Meal
from mtorsim.stats.draws import normal, uniform
from mtorsim.stats.portable import FUNCTIONS, exp, log, normal_quantile
from mtorsim.units.units import Unit, convert

from .amounts import in_unit_of, route_of, tablet_of
from .layout import Clocks, Dose, Layout, Limit, Part, Turn

__all__ = ["Occasions", "Schedule", "meal_schedule", "schedule", "turns_of"]


_SOLID, _LIQUID, _PROTEIN, _FAT = "meal_solid", "meal_liquid", "meal_protein", "meal_fat"


@dataclass(frozen=True)
class Occasions:
    """Variability between occasions.

    Attributes
    ----------
    starts
        Start of each occasion, hours.
    sigma
        SD of the logarithm of each parameter that has it.
    """

    starts: tuple[float, ...]
    sigma: Mapping[str, float]


@dataclass(frozen=True)
class Schedule:
    """All doses and meals of one arm, by nominal time; at the same time, doses precede meals.

    Attributes
    ----------
    turns
        Parameter changes, in order of time.
    lag_hours
        Hours per unit of each route's lag.
    flags
        Comparisons of clocks in the model's equations.
    occasions
        Variability between occasions, still to be drawn for each subject.
    traits
        Traits of the subjects, (n,) each, on which doses by body size depend.
    amounts
        Amount of every dose of a route in each subject, (n,), in place of the written one.
    factors
        Factor on every dose of a drug in each subject, (n,).
    """

    doses: tuple[Dose, ...]
    lag_hours: Mapping[str, float]
    turns: tuple[Turn, ...] = ()
    flags: tuple[Flag, ...] = ()
    occasions: Occasions | None = None
    traits: Mapping[str, np.ndarray] = field(default_factory=dict)
    amounts: Mapping[str, np.ndarray] = field(default_factory=dict)
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)

    def with_amounts(self, route: Route, amounts: Sequence[float], unit: Unit) -> Schedule:
        """The schedule in which each subject takes its own amount at every dose of a route, in the given unit."""
        own = np.array([convert(float(a), unit, route.unit) for a in amounts])
        return replace(self, amounts={**self.amounts, route.name: own})

    def steady(self) -> Schedule:
        """The schedule without variation between occasions, and without what befalls people at random times."""
        return replace(self, occasions=None, doses=tuple(d for d in self.doses if d.within == 0))

    def of_subjects(self, seed: int, subjects: np.ndarray, traits: Mapping[str, np.ndarray]) -> Schedule:
        """The schedule with the parameters that each of some subjects has in each occasion, and with their traits."""
        if self.occasions is None:
            return replace(self, traits=traits)
        turns = [t for t in self.turns if t.parameter not in self.occasions.sigma]
        for name, sigma in self.occasions.sigma.items():
            mine = [t for t in self.turns if t.parameter == name]
            numbers = np.arange(len(self.occasions.starts))
            z = normal(seed, [f"occasion {name}"], subjects[:, None], numbers[None, :])[0]
            for time in sorted({*self.occasions.starts, *(t.time for t in mine)}):
                base = next((t for t in reversed(mine) if t.time <= time), Turn(time, name, None, 1.0))
                k = bisect_right(self.occasions.starts, time) - 1
                factor = exp(sigma * z[:, k]) if k >= 0 else np.ones(len(subjects))
                turns.append(Turn(time, name, base.value, base.factor * factor))
        return replace(self, turns=tuple(sorted(turns, key=lambda t: t.time)), occasions=None, traits=traits)

    def parameters_at(self, time: float, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Parameters from a time onwards, given those at the start."""
        now = dict(parameters)
        # Each turn holds all that a parameter is from its time onwards, so the last one counts.
        last = {t.parameter: t for t in self.turns[: bisect_right([t.time for t in self.turns], time)]}
        for name, turn in last.items():
            base = parameters[name] if turn.value is None else np.full_like(parameters[name], turn.value)
            now[name] = base * turn.factor
        return now

    def events(
        self, states: Sequence[str], parameters: Mapping[str, np.ndarray], seed: int, subjects: np.ndarray
    ) -> tuple[Events, np.ndarray]:
        """Convert the schedule to events of subjects.

        Bioavailability and lag are evaluated once per dose. Subjects with identical events share one list.

        Parameters
        ----------
        states
            The kernel's states.
        parameters
            An array (n,) for each parameter.
        seed, subjects
            Keys of random draws; subjects (n,).

        Returns
        -------
        events
        possible
            Shape (n,), False if a subject's lag or bioavailability is negative or not a number.
        """
        laid = self.layout(states, parameters, seed, subjects)
        return laid.events(), laid.possible

    def layout(
        self, states: Sequence[str], parameters: Mapping[str, np.ndarray], seed: int, subjects: np.ndarray
    ) -> Layout:
        """Arrival times and amounts in each subject; as for `events`."""
        n = len(subjects)
        row_of = {s: i for i, s in enumerate(states)}
        hours = np.array([self.lag_hours[d.route.name] for d in self.doses])
        lag = self._per_subject(parameters, n, "lag") * hours
        fraction = self._per_subject(parameters, n, "bioavailability")
        planned = np.array([d.planned for d in self.doses], bool)
        if planned.any():
            fraction = np.where(planned, fraction * self._per_subject(parameters, n, "appetite"), fraction)
        with np.errstate(invalid="ignore"):
            sound = (lag >= 0) & (fraction >= 0) & np.isfinite(lag) & np.isfinite(fraction)
        possible = np.asarray(sound.all(axis=1))
        lag, fraction = np.where(sound, lag, 0.0), np.where(sound, fraction, 0.0)
        times = np.array([d.time for d in self.doses])[None, :] + lag + self._delay(seed, subjects)
        taken = self._taken(seed, subjects)
        amounts = self._written(n) * fraction * taken * self._size(seed, subjects)
        column = {name: i for i, name in enumerate(parameters)}
        rows = np.array([column[inflow(d.route.to)] if d.over else row_of[d.route.to] for d in self.doses], np.int64)
        turned = self._turned(parameters, column, n)
        return Layout(self.doses, times, amounts, rows, turned, self._clocks(parameters, row_of, n), possible, taken)

    def _written(self, n: int) -> np.ndarray:
        """Amount of each dose as written, for the body size of each subject, (n, doses)."""
        amounts = np.array([d.amount for d in self.doses])[None, :] * np.ones((n, 1))
        for per, tablet in dict.fromkeys((d.per, d.tablet) for d in self.doses if d.per):
            at = [i for i, d in enumerate(self.doses) if (d.per, d.tablet) == (per, tablet)]
            amounts[:, at] *= self.traits[per][:, None]
            if tablet:
                whole = np.maximum(np.rint(amounts[:, at] / tablet), 1.0) * tablet
                amounts[:, at] = np.where(amounts[:, at] > 0, whole, 0.0)
        for drug, factors in self.factors.items():
            amounts[:, [i for i, d in enumerate(self.doses) if d.module == drug]] *= factors[:, None]
        for name, own in self.amounts.items():
            amounts[:, [i for i, d in enumerate(self.doses) if d.route.name == name]] = own[:, None]
        return amounts

    def _clocks(self, parameters: Mapping[str, np.ndarray], row_of: Mapping[str, int], n: int) -> Clocks:
        """The clocks that doses restart, and the limits with which they are compared."""
        modules = [d.module for d in self.doses]
        clocks = {m: [row_of.get(f"{m}.{c}", -1) for c in (SINCE_DOSE, LAST_DOSE)] for m in dict.fromkeys(modules)}
        marked = [clocks[m] for m in modules]
        limits = []
        for flag in self.flags:
            if flag.name in row_of:
                equation = flag.limit
                values = {typed: parameters[full] for typed, full in equation.scope.items() if full in parameters}
                limit = np.asarray(evaluate(equation.expression, values, FUNCTIONS), float)
                module, _, kind = flag.clock.partition(".")
                mine = [i for i, d in enumerate(self.doses) if d.module == module and kind == SINCE_DOSE]
                limits.append(Limit(row_of[flag.name], np.broadcast_to(limit, (n,)), np.array(mine, np.int64)))
        return Clocks(np.array(marked, np.int64).reshape(-1, 2), tuple(limits))

    def _per_subject(self, parameters: Mapping[str, np.ndarray], n: int, part: str) -> np.ndarray:
        """Bioavailability or lag of every dose for every subject, (n, doses)."""
        turns = [t.time for t in self.turns]
        known: dict[tuple[str, int], np.ndarray] = {}
        keys = [(dose.route.name, bisect_right(turns, dose.time)) for dose in self.doses]
        for key, dose in zip(keys, self.doses, strict=True):
            if key not in known:
                equation = getattr(dose.route, part)
                now = self.parameters_at(dose.time, parameters)
                values = {typed: now[full] for typed, full in equation.scope.items()}
                value = np.asarray(evaluate(equation.expression, values, FUNCTIONS), float)
                known[key] = np.broadcast_to(value, (n,))
        if not known:
            return np.zeros((n, 0))
        place = {key: j for j, key in enumerate(known)}
        return np.stack(list(known.values()), axis=1)[:, [place[key] for key in keys]]

    def _turned(self, parameters: Mapping[str, np.ndarray], column: Mapping[str, int], n: int) -> Part:
        """Parameter changes as events, before doses at the same time."""
        shape = (n, len(self.turns))
        amounts = np.zeros(shape)
        for j, turn in enumerate(self.turns):
            amounts[:, j] = self.parameters_at(turn.time, parameters)[turn.parameter]
        times = np.broadcast_to(np.array([t.time for t in self.turns]), shape)
        rows = np.broadcast_to(np.array([column[t.parameter] for t in self.turns], np.int64), shape)
        return times, np.full(shape, PARAMETER), rows, amounts

    def _delay(self, seed: int, subjects: np.ndarray) -> np.ndarray:
        """Delay of each dose (exponential) and meal (normal) in hours, (n, doses)."""
        delay = np.zeros((len(subjects), len(self.doses)))
        for name in dict.fromkeys(d.route.name for d in self.doses if d.late > 0):
            at = [i for i, d in enumerate(self.doses) if d.route.name == name and d.late > 0]
            numbers = np.array([self.doses[i].number for i in at])
            u = uniform(seed, [f"late {name}"], subjects[:, None], numbers[None, :])[0]
            delay[:, at] = -np.array([self.doses[i].late for i in at]) * log(u)
        for name in dict.fromkeys(d.route.name for d in self.doses if d.within > 0):
            at = [i for i, d in enumerate(self.doses) if d.route.name == name and d.within > 0]
            numbers = np.array([self.doses[i].number for i in at])
            u = uniform(seed, [f"when {name}"], subjects[:, None], numbers[None, :])[0]
            delay[:, at] = np.array([self.doses[i].within for i in at]) * u
        at = [i for i, d in enumerate(self.doses) if d.jitter > 0]
        if at:
            numbers = np.array([self.doses[i].number for i in at])
            u = uniform(seed, ["meal time"], subjects[:, None], numbers[None, :])[0]
            z = np.clip(normal_quantile(u), -MOST_JITTER, MOST_JITTER)
            waits = np.array([self.doses[i].waits for i in at])
            delay[:, at] = np.array([self.doses[i].jitter for i in at]) * np.where(waits, np.abs(z), z)
        return delay

    def _taken(self, seed: int, subjects: np.ndarray) -> np.ndarray:
        """1 where a dose is taken, 0 where it is missed, (n, doses)."""
        taken = np.ones((len(subjects), len(self.doses)))
        for name in dict.fromkeys(d.route.name for d in self.doses if d.missed > 0):
            at = [i for i, d in enumerate(self.doses) if d.route.name == name and d.missed > 0]
            numbers = np.array([self.doses[i].number for i in at])
            u = uniform(seed, [f"missed {name}"], subjects[:, None], numbers[None, :])[0]
            taken[:, at] = u >= np.array([self.doses[i].missed for i in at])
        for kind in dict.fromkeys((d.route.name, *d.interruptions) for d in self.doses if d.interruptions):
            at = [i for i, d in enumerate(self.doses) if d.interruptions and (d.route.name, *d.interruptions) == kind]
            times = np.array([self.doses[i].time for i in at])
            taken[:, at] *= ~_interrupted(*kind, times, seed, subjects)
        return taken

    def _size(self, seed: int, subjects: np.ndarray) -> np.ndarray:
        """Amount of each dose relative to the written one, (n, doses)."""
        size = np.ones((len(subjects), len(self.doses)))
        for name in dict.fromkeys(d.route.name for d in self.doses if d.spread > 0):
            at = [i for i, d in enumerate(self.doses) if d.route.name == name and d.spread > 0]
            numbers = np.array([self.doses[i].number for i in at])
            z = normal(seed, [f"size {name}"], subjects[:, None], numbers[None, :])[0]
            size[:, at] = exp(np.array([self.doses[i].spread for i in at]) * z)
        return size


def schedule(
    spec: ArmSpec,
    meals: Sequence[Meal],
    model: Model,
    turns: Sequence[Turn] = (),
    occasions: Occasions | None = None,
    episodes: Sequence[Episode] = (),
    duration: float = 0.0,
) -> Schedule:
    """Make the schedule of one arm.

    Raises
    ------
    ScenarioError
        If a drug lacks the route, or the unit of an amount is incompatible.
    """
    doses = []
    for regimen in spec.regimens:
        route = route_of(regimen, model)
        amounts, per = in_unit_of(regimen, route)
        tablet = tablet_of(regimen, route, per)
        for k, (time, amount) in enumerate(zip(regimen.times, amounts, strict=True)):
            given = 0.0 if regimen.placebo else amount
            missed, late, waits = regimen.missed, regimen.late, regimen.waits
            own = {"interruptions": regimen.interruptions, "per": per, "tablet": tablet}
            doses.append(Dose(time, route, given, regimen.over, missed, late, k, dormant=waits, **own))
    befall = [d for i, e in enumerate(episodes) for d in _befalling(e, i, duration, model)]
    # A stable sort keeps doses before meals at the same time.
    doses = sorted([*doses, *befall, *_meals(meals, model)], key=lambda d: d.time)
    return replace(_schedule(doses, model, turns), occasions=occasions)


YEAR = 24 * 365.25
"""Hours."""
WINDOW = 240.0
"""Hours within which a subject has at most one episode of a kind, or begins one interruption."""
APART = 1_000_000
"""Distance between the numbers of the doses of two kinds of episodes."""


def _befalling(episode: Episode, kind: int, duration: float, model: Model) -> list[Dose]:
    """Episodes of one kind: in each window one, with the probability that its rate gives, at a random time."""
    route = route_of(episode.regimen, model)
    (amount,), per = in_unit_of(episode.regimen, route)
    spared = math.exp(-episode.per_year * WINDOW / YEAR)
    return [
        Dose(
            k * WINDOW,
            route,
            amount,
            episode.regimen.over,
            missed=spared,
            number=kind * APART + k,
            within=WINDOW,
            spread=episode.spread,
            per=per,
        )
        for k in range(math.ceil(duration / WINDOW))
    ]


def _interrupted(
    name: str, per_year: float, lasts: float, times: np.ndarray, seed: int, subjects: np.ndarray
) -> np.ndarray:
    """Mask of the doses of one route, at some times, that fall into an interruption, (n, doses).

    In each window there is at most one interruption, with the probability that its rate gives, from a random time on;
    its length is exponential.
    """
    begun = math.exp(-per_year * WINDOW / YEAR)
    numbers = np.arange(math.ceil(times[-1] / WINDOW) + 1)
    keys = [f"interrupted {name}", f"from {name}", f"lasts {name}"]
    u = uniform(seed, keys, subjects[:, None], numbers[None, :])
    start, length = (numbers + u[1]) * WINDOW, -lasts * log(u[2])
    found = np.zeros((len(subjects), len(times)), bool)
    for k in numbers[(u[0] >= begun).any(axis=0)]:
        since = times[None, :] - start[:, k, None]
        found |= (u[0][:, k, None] >= begun) & (since >= 0) & (since < length[:, k, None])
    return found


def meal_schedule(meals: Sequence[Meal], model: Model) -> Schedule:
    """Make the schedule of one habitual day, with meals only."""
    return _schedule(_meals(meals, model), model)


def _schedule(doses: Sequence[Dose], model: Model, turns: Sequence[Turn] = ()) -> Schedule:
    hours = {name: time_factor(model, route.lag) for name, route in model.routes.items()}
    return Schedule(tuple(doses), hours, tuple(turns), model.flags)


def turns_of(changes: Sequence[Change]) -> list[Turn]:
    """Parameter changes in order of time; overlapping factors multiply."""
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


def _meals(meals: Sequence[Meal], model: Model) -> list[Dose]:
    routes = {name.partition(".")[2]: route for name, route in model.routes.items()}
    if _SOLID not in routes or _LIQUID not in routes:
        return []
    doses = []
    for k, meal in enumerate(meals):
        milligrams = 1000.0 * meal.carbohydrate
        parts = (
            (_SOLID, milligrams * meal.solid),
            (_LIQUID, milligrams * (1 - meal.solid)),
            (_PROTEIN, meal.protein),
            (_FAT, meal.fat),
        )
        for name, amount in parts:
            if amount > 0 and name in routes:
                # All parts of a meal share its number, and so its time.
                own = {"number": k, "jitter": meal.jitter, "waits": meal.waits, "planned": meal.planned}
                doses.append(Dose(meal.time, routes[name], amount, **own))
    return doses
