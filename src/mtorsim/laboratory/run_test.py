"""Do tests on copies of subjects, at any time of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean
from mtorsim.files.roles import BODY, CLAMP
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, OK
from mtorsim.model.dimensions import time_factor
from mtorsim.protocols.curves import Curves
from mtorsim.protocols.protocol import Protocol, needs
from mtorsim.run.arms import PlannedArm
from mtorsim.run.layout import Dose, Turn
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People
from mtorsim.run.schedule import Schedule
from mtorsim.run.solve import observed, parameters_in, recording, solve, subjects_at
from mtorsim.scenario.parts import FASTING_HOURS, LabTest, since_last_meal

from .findings import CURVES, Examination

__all__ = ["examine_people"]


ARRIVING = "arriving insulin"
"""Insulin from another module, such as a subcutaneous injection, pmol/kg/min."""
FROM_OUTSIDE = 0.05
"""Exogenous share of fasting insulin above which indices of secretion are not reported."""


def examine_people(
    plan: Plan,
    people: People,
    arm: PlannedArm,
    tests: Sequence[LabTest],
    observe: Sequence[str] = (),
    cancel: np.ndarray | None = None,
    decided: tuple[Events, np.ndarray, np.ndarray] | None = None,
) -> list[Examination]:
    """Integrate subjects through an arm and test copies of them; the arm itself is unaffected.

    Parameters
    ----------
    plan
        The run, whose model has the modules that the tests need.
    people
        Prepared subjects.
    arm
        The arm whose doses and settings apply until then, and during a profile.
    tests
        Tests and times. A dose at the same time is given after a test; drugs are not washed out, and no doses are given
        during a test.
    observe
        Additional quantities, by full name, to record as curves.
    decided
        Result of the arm if rules decided: events, status, and leaving times; subjects who have left are not tested.

    Returns
    -------
    list of Examination
        In the order of the tests.

    Raises
    ------
    ArgumentError
        If a test cannot be done: the model has no glucose and insulin, the subject is not fasting, or
        the scenario ends before a profile does.
    """
    for test in tests:
        _check(plan, test)
    own = arm.schedule.of_subjects(plan.seed, people.subjects, people.traits_of(plan))
    arm = replace(arm, schedule=own)
    sources = _sources(plan, observe)
    parameters = parameters_in(plan, arm, people)
    named = plan.kernel.named(parameters)
    if decided is None:
        events, possible = arm.schedule.events(plan.kernel.states, named, plan.seed, people.subjects)
        status = np.where((people.status == OK) & ~possible, IMPOSSIBLE_DOSE, people.status)
        left = np.full(len(status), np.inf)
    else:
        events, status, left = decided
    grids = [t.time + _grid(t.protocol) / 60 if t.protocol.everyday else np.array([t.time]) for t in tests]
    times = np.unique(np.concatenate(grids))
    if times[-1] > 0:
        states, status = _carried(plan, people.start, parameters, events, times, arm.steering, status, cancel)
    else:
        states = people.start[:, None].copy()
    found = []
    for grid, test in zip(grids, tests, strict=True):
        at, protocol = test.time, test.protocol
        where = np.searchsorted(times, grid)
        if protocol.everyday:
            values = _look(plan, sources, arm.schedule, times[where], states[:, where], parameters)
            found.append(_read(plan, protocol, at, arm, people, status, values, parameters))
        else:
            start = states[:, where[0]]
            found.append(_copy(plan, protocol, at, arm, people, start, status, parameters, sources, cancel))
        gone = left < at + (protocol.duration if protocol.everyday else 0.0)
        for values in (*found[-1].curves.values(), *(v for _, v in found[-1].indices.values())):
            values[gone] = np.nan
    return found


def _carried(
    plan: Plan,
    start: np.ndarray,
    parameters: np.ndarray,
    events: Events,
    times: np.ndarray,
    steering: frozenset[str],
    status: np.ndarray,
    cancel: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Every state at some times, (n, times, states), and the status of each subject, (n,)."""
    kernel = plan.kernel
    subjects = subjects_at(kernel, start, parameters, status)
    seen = recording(times, np.arange(len(kernel.states)), len(start))
    span, error = (0.0, float(times[-1])), plan.tolerance(steering)
    solve(kernel, plan.solver, subjects, events, span, error, seen, retry=True, cancel=cancel)
    return seen.out, subjects.status


def _check(plan: Plan, test: LabTest) -> None:
    """Raise if a test is impossible at that time, or in this model."""
    at, protocol = test.time, test.protocol
    missing = [m for m in (BODY, *needs([protocol])) if m not in {m.name for m in plan.model.modules}]
    if missing:
        names = " and ".join(f"`{m}`" for m in missing)
        raise ArgumentError(f"the test `{protocol.name}` needs the module {names}", help="add it to `model`")
    end = at + (protocol.duration if protocol.everyday else 0.0)
    if end > plan.scenario.duration + 1e-9:
        raise ArgumentError(
            f"a test `{protocol.name}` at {at:g} h ends after the scenario, which lasts {plan.scenario.duration:g} h",
            help="make `duration` longer, or test earlier",
        )
    since = since_last_meal(at, [m.time for m in plan.scenario.meals])
    if protocol.fasting and since < FASTING_HOURS:
        raise ArgumentError(
            f"the test `{protocol.name}` at {at:g} h is not fasting: the last meal was {since:g} h before",
            help="whole days are 07:30, before breakfast",
        )


def _grid(protocol: Protocol) -> np.ndarray:
    """Minutes of the curves: sampling times, and in a test every minute."""
    if protocol.everyday:
        return protocol.minutes
    return np.unique(np.concatenate([protocol.minutes, np.arange(0, protocol.minutes[-1] + 0.5)]))


def _copy(
    plan: Plan,
    protocol: Protocol,
    at: float,
    arm: PlannedArm,
    people: People,
    start: np.ndarray,
    status: np.ndarray,
    parameters: np.ndarray,
    sources: Sources,
    cancel: np.ndarray | None,
) -> Examination:
    """Test copies of subjects in their present state."""
    columns = {name: j for j, name in enumerate(plan.kernel.parameters)}
    # Changes at the time of the test apply after it, as doses do; those from t = 0 apply during it.
    before = float(np.nextafter(at, -np.inf)) if at > 0 else at
    named = arm.schedule.parameters_at(before, {name: parameters[:, j] for name, j in columns.items()})
    own = np.stack([named[name] for name in plan.kernel.parameters], axis=1)
    if protocol.clamped:
        fasting = _look(plan, sources, Schedule((), {}), np.zeros(1), start[:, None], own)["glucose"][:, 0]
        target = _target(protocol, fasting)
        own[:, columns[f"{CLAMP}.target"]] = target
        own[:, columns[f"{CLAMP}.step"]] = np.maximum(target - fasting, 0)
    schedule = _schedule(plan, protocol)
    events, _ = schedule.events(plan.kernel.states, dict(zip(columns, own.T, strict=True)), plan.seed, people.subjects)
    times = _grid(protocol) / 60
    steering = plan.model.steering(arm.switches)
    states, ended = _carried(plan, start, own, events, times, steering, status, cancel)
    values = _look(plan, sources, schedule, times, states, own)
    return _read(plan, protocol, at, arm, people, ended, values, own)


def _schedule(plan: Plan, protocol: Protocol) -> Schedule:
    """The doses of a test, as a schedule."""
    routes = plan.model.routes
    doses = [Dose(g.minute / 60, routes[f"{BODY}.{g.route}"], g.amount, g.over / 60) for g in protocol.given]
    turns = []
    if protocol.clamped:
        since, until = (m / 60 for m in protocol.clamped)
        doses.append(Dose(since, routes[f"{CLAMP}.prime"], 1.0))
        turns.append(Turn(since, f"{CLAMP}.on", 1.0, 1.0))
        if until < protocol.duration:
            turns.append(Turn(until, f"{CLAMP}.on", 0.0, 1.0))
    hours = {d.route.name: time_factor(plan.model, d.route.lag) for d in doses}
    return Schedule(tuple(sorted(doses, key=lambda d: d.time)), hours, tuple(turns))


Sources = Mapping[str, list[int]]
"""For each curve, the quantities of the kernel to sum."""


def _sources(plan: Plan, observe: Sequence[str]) -> Sources:
    """All curves of the model, and the additional quantities."""
    model, quantities = plan.model, plan.kernel.quantities
    found: dict[str, list[int]] = {}
    for name, parts in {**{n: p for n, (_, p) in CURVES.items()}, **{n: (n,) for n in observe}}.items():
        full = [model.observables.get(part, part) for part in parts]
        if name in observe and full[0] not in quantities:
            raise ArgumentError(f"there is no quantity `{name}` to observe", help=did_you_mean(name, quantities))
        found[name] = [quantities.index(q) for q in full if q in quantities]
    found[ARRIVING] = [quantities.index(f"{BODY}.iv_insulin")]
    return {name: part for name, part in found.items() if part}


def _look(
    plan: Plan, sources: Sources, schedule: Schedule, times: np.ndarray, states: np.ndarray, parameters: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute all curves, (n, times)."""
    columns = np.unique([c for part in sources.values() for c in part]).astype(np.int64)
    everything = np.arange(len(plan.kernel.states))
    values = observed(plan, schedule, times, states, everything, parameters, columns)
    return {
        name: np.sum([values[..., np.searchsorted(columns, c)] for c in part], axis=0) for name, part in sources.items()
    }


def _read(
    plan: Plan,
    protocol: Protocol,
    at: float,
    arm: PlannedArm,
    people: People,
    status: np.ndarray,
    values: dict[str, np.ndarray],
    parameters: np.ndarray,
) -> Examination:
    """Compute a test's indices from its curves."""
    own = {name: parameters[:, plan.kernel.parameters.index(f"{BODY}.{name}")] for name in ("BW", "pump", "bolus")}
    minutes, outside = _grid(protocol), own["pump"] + values.pop(ARRIVING)[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        foreign = outside / (outside + values["secretion"][:, 0])
        target = _target(protocol, values["glucose"][:, 0])
        curves = Curves(minutes, protocol.minutes, values, own["BW"], foreign, protocol.steps, target)
        found = protocol.indices(curves)
    unfit = (own["bolus"] > 0) | (foreign > FROM_OUTSIDE)
    empty = [name for name, index in found.items() if index.of_secretion and unfit.any()]
    for name in empty:
        found[name].values[unfit] = np.nan
    for array in (*values.values(), *(index.values for index in found.values())):
        array[status != OK] = np.nan
    notes = (f"not reported, since plasma insulin includes exogenous insulin: {', '.join(empty)}",) if empty else ()
    indices = {name: (index.unit, index.values) for name, index in found.items()}
    return Examination(protocol, at, arm.name, people.subjects, status, curves, indices, notes)


def _target(protocol: Protocol, fasting: np.ndarray) -> np.ndarray:
    """Glucose target of each subject, mg/dL."""
    return np.full(len(fasting), protocol.target) if protocol.above is None else fasting + protocol.above
