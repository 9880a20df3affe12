"""SBML events at known times: doses into states, and steps of parameters; all others are refused by name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtorsim.interop.dosing import value_of
from mtorsim.interop.flat import Constant, Given, names_of

if TYPE_CHECKING:
    from .read import _Reading

__all__ = ["Changes", "read_events"]

MOST = 10_000
"""Events of a model."""


@dataclass(frozen=True)
class Changes:
    """What events do.

    Attributes
    ----------
    doses
        Amounts that are added to states, in order of time.
    steps
        For each parameter: times and new values, which may contain its own name, in order of time.
    """

    doses: tuple[Given, ...]
    steps: Mapping[str, tuple[tuple[ast.expr, ast.expr], ...]]


def read_events(
    sbml: Any, model: Any, reading: _Reading, states: set[str], parameters: Mapping[str, Constant]
) -> Changes:
    """Read the events of a model.

    Parameters
    ----------
    states
        Names with a derivative.
    parameters
        Names with a value that no rule determines.

    Raises
    ------
    ModelError
        If an event is no dose: its time is not known beforehand, it has a priority, or it sets a state.
    """
    doses: list[Given] = []
    steps: dict[str, list[tuple[float, int, ast.expr, ast.expr]]] = {}
    if model.getNumEvents() > MOST:
        raise reading.refuse(f"a model with {model.getNumEvents():,} events")
    changed = reading.changed
    for k in range(model.getNumEvents()):
        event = model.getEvent(k)
        label = event.getId() or event.getName() or f"number {k + 1}"
        time = _time_of(sbml, event, reading, label, parameters, changed)
        if time is None:
            reading.notes.append(f"the event `{label}` never happens: its trigger is true at the start")
            continue
        at = value_of(time, _values(parameters, reading))
        for i in range(event.getNumEventAssignments()):
            assignment = event.getEventAssignment(i)
            name, tree = assignment.getVariable(), reading.math.read(assignment.getMath())
            if name in states:
                if event.isSetDelay() and event.getUseValuesFromTriggerTime():
                    raise reading.refuse(f"the event `{label}`, whose value is from before its delay,")
                known = {n: v for n, v in _values(parameters, reading).items() if n not in changed}
                doses.append(_dose(name, tree, time, at, known, reading, label))
            elif name in parameters and model.getCompartment(name) is None:
                known = {*parameters, *reading.literals} - (changed - {name})
                _check_value(tree, name, known, reading, label)
                steps.setdefault(name, []).append((at, k, time, tree))
            else:
                raise reading.refuse(f"the event `{label}`, which changes `{name}`,")
    _check_order(doses, steps, reading)
    ordered = {n: tuple((t, tree) for _, _, t, tree in sorted(rows, key=lambda r: r[:2])) for n, rows in steps.items()}
    return Changes(tuple(sorted(doses, key=lambda d: d.time)), ordered)


def _values(parameters: Mapping[str, Constant], reading: _Reading) -> dict[str, float]:
    """The value of each parameter, and of each number with a unit."""
    both = {**parameters, **reading.literals}
    # A parameter with an initial assignment does not have its own value.
    return {n: float(c.value) for n, c in both.items() if c.value is not None and n not in reading.starts}


def _time_of(
    sbml: Any, event: Any, reading: _Reading, label: str, parameters: Mapping[str, Constant], changed: set[str]
) -> ast.expr | None:
    """The time of an event as an equation of parameters; None if it never happens."""
    if event.getPriority() is not None:
        raise reading.refuse(f"the priority of the event `{label}`")
    trigger = event.getTrigger()
    tree = reading.math.read(trigger.getMath() if trigger is not None else None)
    found = _limit(tree)
    known = {*_values(parameters, reading)} - changed
    if found is None or not set(names_of(found[0])) <= known:
        raise reading.refuse(f"the event `{label}`, whose time is not known beforehand,")
    time, strict = found
    at = value_of(time, _values(parameters, reading))
    if at < 0 or (at == 0 and not strict):
        if event.getTrigger().getInitialValue():
            return None
        time = ast.Constant(0)
    if event.isSetDelay():
        late = reading.math.read(event.getDelay().getMath())
        if set(names_of(late)) - ({*_values(parameters, reading)} - changed):
            raise reading.refuse(f"the event `{label}`, whose delay is not constant,")
        time = ast.BinOp(time, ast.Add(), late)
    return time


def _limit(tree: ast.expr) -> tuple[ast.expr, bool] | None:
    """The limit in `time >= limit`, and whether it must be passed."""
    if not isinstance(tree, ast.Compare):
        return None
    left, right, op = tree.left, tree.comparators[0], tree.ops[0]
    if isinstance(left, ast.Name) and left.id == "t" and isinstance(op, (ast.Gt, ast.GtE)):
        return right, isinstance(op, ast.Gt)
    if isinstance(right, ast.Name) and right.id == "t" and isinstance(op, (ast.Lt, ast.LtE)):
        return left, isinstance(op, ast.Lt)
    return None


def _dose(
    name: str, tree: ast.expr, time: ast.expr, at: float, values: Mapping[str, float], reading: _Reading, label: str
) -> Given:
    """An amount that is added to a state."""
    added = _added(tree, name)
    if added is None or set(names_of(added)) - set(values):
        raise reading.refuse(f"the event `{label}`, which sets `{name}` instead of adding a known amount,")
    amount = value_of(added, values)
    if amount < 0:
        raise reading.refuse(f"the event `{label}`, which takes {-amount:g} away from `{name}`,")
    return Given(at, name, amount, ast.Constant(1), ast.Constant(0), route=f"into_{name}")


def _added(tree: ast.expr, name: str) -> ast.expr | None:
    """What is added in `name + added`, in any order; None if the equation is no such sum."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub)):
        left = _is(tree.left, name) or _added(tree.left, name)
        if left:
            rest: ast.expr = ast.Constant(0) if left is True else left
            if name in names_of(tree.right):
                return None
            zero = isinstance(rest, ast.Constant) and rest.value == 0
            if zero and isinstance(tree.op, ast.Add):
                return tree.right
            return ast.BinOp(rest, tree.op, tree.right)
        if isinstance(tree.op, ast.Add):
            right = _is(tree.right, name) or _added(tree.right, name)
            if right and name not in names_of(tree.left):
                return tree.left if right is True else ast.BinOp(tree.left, ast.Add(), right)
    return None


def _is(tree: ast.expr, name: str) -> bool:
    return isinstance(tree, ast.Name) and tree.id == name


def _check_value(tree: ast.expr, name: str, known: set[str], reading: _Reading, label: str) -> None:
    if set(names_of(tree)) - known:
        raise reading.refuse(f"the event `{label}`, which gives `{name}` a value that changes with time,")


def _check_order(doses: list[Given], steps: Mapping[str, list[Any]], reading: _Reading) -> None:
    """Raise if the result depends on which of two events at one time happens first."""
    times = [(d.to, d.time) for d in doses] + [(name, row[0]) for name, rows in steps.items() for row in rows]
    twice = next((key for key, count in Counter(times).items() if count > 1), None)
    if twice is not None:
        raise reading.refuse(f"two events that change `{twice[0]}` at one time, {twice[1]:g},")
