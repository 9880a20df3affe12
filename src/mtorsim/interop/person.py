"""One person of a scenario, ready to start: parameters, resting state, and the doses and meals to come."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mtorsim.compiler.kernel import load_kernel
from mtorsim.errors import ArgumentError, DataError, choose_from
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.model.generated import LAST_DOSE, SINCE_DOSE
from mtorsim.model.model import Model, Route
from mtorsim.run.arms import PlannedArm
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, make_plan
from mtorsim.run.prepare import People, prepare
from mtorsim.run.solve import parameters_in
from mtorsim.scenario.scenario import Scenario

__all__ = ["Intake", "Person", "person_in", "person_of", "restarted"]

CAREFUL = {"method": "tsit5", "precision": "double", "rtol": 1e-10, "atol": 1e-12, "kernel": "auto"}
"""Accuracy of the run-in, and of trajectories with which other engines are compared."""


@dataclass(frozen=True)
class Intake:
    """A dose or a part of a meal, as planned.

    Attributes
    ----------
    time, over
        Hours, before the lag.
    amount
        In the route's unit, before the bioavailable fraction; a missed one is 0.
    planned
        Whether it is part of a meal plan, of which a person eats according to appetite.
    fraction, lag
        Bioavailable fraction and lag in hours at the time it is taken.
    """

    time: float
    route: Route
    amount: float
    over: float
    planned: bool
    fraction: float
    lag: float


@dataclass(frozen=True)
class Person:
    """One person in one arm.

    Attributes
    ----------
    plan, arm, people
        The run with a kernel of the whole model, the arm, and the person in it.
    parameters
        Value of every parameter and switch at the start, by full name.
    start
        Value of every state at the start.
    changes
        For each parameter that changes at known times: the time in hours and the new value.
    """

    plan: Plan
    arm: PlannedArm
    people: People
    parameters: Mapping[str, float]
    start: Mapping[str, float]
    intakes: tuple[Intake, ...]
    changes: Mapping[str, tuple[tuple[float, float], ...]]
    said: str

    @property
    def model(self) -> Model:
        """The composed model."""
        return self.plan.model


def person_of(
    scenario: Scenario,
    *,
    arm: str | None = None,
    subject: int = 0,
    settings: Mapping[str, float] | None = None,
    library: Library | None = None,
    note: Callable[[str], None] | None = None,
) -> Person:
    """Prepare one person of a scenario.

    Parameters
    ----------
    arm
        Default: the first.
    subject
        Number of the subject.

    Raises
    ------
    ArgumentError
        If there is no such arm or subject.
    DataError
        If the person has no resting state.
    """
    plan = make_plan(scenario, settings=settings, options=Options(**CAREFUL), library=library, note=note)
    return person_in(plan, arm, subject)


def person_in(plan: Plan, arm: str | None = None, subject: int = 0) -> Person:
    """Prepare one person of a planned run; see `person_of`."""
    if not 0 <= subject < 2**63:
        raise ArgumentError(f"subject = {subject}: subjects are numbered from 0")
    # A kernel without fixed switches has every state that can ever move.
    plan = replace(plan, options=Options(**CAREFUL), kernel=load_kernel(plan.model))
    names = [a.name for a in plan.arms]
    if arm is not None and arm not in names:
        raise ArgumentError(f"the scenario has no arm `{arm}`", help=choose_from(arm, names))
    chosen = plan.arms[names.index(arm) if arm else 0]
    people = prepare(plan, np.array([subject]))
    if people.status[0] != OK:
        reason = SENTENCES[int(people.status[0])]
        raise DataError(f"subject {subject} cannot start: {reason}", help="choose another `subject`")
    matrix = parameters_in(plan, chosen, people)
    parameters = dict(zip(plan.kernel.parameters, matrix[0].tolist(), strict=True))
    start = {**plan.kernel.fixed, **dict(zip(plan.kernel.states, people.start[0].tolist(), strict=True))}
    intakes, changes = _to_come(plan, chosen, people, matrix)
    kept = {n: parameters[n] for n in (*plan.model.parameters, *plan.model.switches)}
    return Person(
        plan=plan,
        arm=chosen,
        people=people,
        parameters=kept,
        start={s: float(start[s]) for s in plan.model.states},
        intakes=intakes,
        changes=changes,
        said=_said(plan, chosen, subject),
    )


def _said(plan: Plan, arm: PlannedArm, subject: int) -> str:
    """Who this is, in a few words."""
    people = plan.population
    who = f"the typical person of `{people.name}`" if people.is_typical else f"subject {subject} of `{people.name}`"
    return f"{who}, seed {plan.seed}, arm {arm.name} of {plan.scenario.name}"


def _to_come(
    plan: Plan, arm: PlannedArm, people: People, matrix: np.ndarray
) -> tuple[tuple[Intake, ...], dict[str, tuple[tuple[float, float], ...]]]:
    """Doses and meals with the amounts that this person takes, and changes of parameters."""
    named = plan.kernel.named(matrix)
    schedule = arm.schedule.of_subjects(plan.seed, people.subjects, people.traits_of(plan))
    laid = schedule.layout(plan.kernel.states, named, plan.seed, people.subjects)
    plain = replace(schedule, doses=tuple(replace(d, route=_bare(d.route)) for d in schedule.doses))
    bare = plain.layout(plan.kernel.states, named, plan.seed, people.subjects)
    if not laid.possible[0]:
        raise DataError("this person's lag or bioavailability is negative or not a number")
    found = [
        Intake(float(t), d.route, float(a), d.over, d.planned, float(f / a), float(late - t))
        for d, t, a, late, f in zip(
            schedule.doses, bare.times[0], bare.amounts[0], laid.times[0], laid.amounts[0], strict=True
        )
        if a and not d.dormant
    ]
    changes: dict[str, list[tuple[float, float]]] = {}
    for turn in schedule.turns:
        value = float(schedule.parameters_at(turn.time, named)[turn.parameter][0])
        changes.setdefault(turn.parameter, []).append((turn.time, value))
    return tuple(sorted(found, key=lambda i: i.time)), {n: tuple(rows) for n, rows in changes.items()}


def _bare(route: Route) -> Route:
    """The route without lag, bioavailability and appetite."""
    one, zero = ast.Constant(1), ast.Constant(0)
    of = lambda equation, tree: replace(  # noqa: E731
        equation, expression=replace(equation.expression, text=ast.unparse(tree), tree=tree), scope={}
    )
    return replace(
        route, bioavailability=of(route.bioavailability, one), lag=of(route.lag, zero), appetite=of(route.appetite, one)
    )


def restarted(model: Model, intake: Intake) -> dict[str, bool]:
    """The clocks that a dose restarts: whether each takes the dose's amount, or 0."""
    module = intake.route.name.partition(".")[0]
    clocks = {f"{module}.{SINCE_DOSE}": False, f"{module}.{LAST_DOSE}": True}
    return {
        name: amount for name, amount in clocks.items() if name in (*model.clocks(SINCE_DOSE), *model.clocks(LAST_DOSE))
    }
