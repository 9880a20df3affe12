"""Doses and meals as events that change states at times, for languages with events and without doses."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from .flat import FlatModel, Given, number

__all__ = ["Event", "events_of"]


@dataclass(frozen=True)
class Event:
    """Something that happens once.

    Attributes
    ----------
    time
        An equation of parameters, in the model's unit of time.
    assignments
        The new value of each state or infusion rate.
    """

    time: ast.expr
    assignments: Mapping[str, ast.expr]
    about: str


def events_of(flat: FlatModel) -> tuple[list[Event], dict[str, str]]:
    """The doses of a model as events.

    Doses that arrive together are one event, since tools differ in how they order events at one time.

    Returns
    -------
    events
        In order of time.
    inflows
        Name of the infusion rate of each state that is infused, and the state.
    """
    inflows = {f"inflow_{d.to}": d.to for d in flat.doses if d.over}
    found: dict[tuple[float, str], list[tuple[Given, str, ast.expr]]] = {}
    for dose in flat.doses:
        amount = _product(_amount(dose.amount, flat, dose.to), dose.fraction)
        key = ast.dump(dose.lag)
        if not dose.over:
            found.setdefault((dose.time, key), []).append((dose, dose.to, amount))
            continue
        over = number(dose.over)
        over.unit = flat.time  # type: ignore[attr-defined]
        rate = ast.BinOp(amount, ast.Div(), over)
        found.setdefault((dose.time, key), []).append((dose, f"inflow_{dose.to}", rate))
        less = ast.UnaryOp(ast.USub(), rate)
        found.setdefault((dose.time + dose.over, key), []).append((dose, f"inflow_{dose.to}", less))
    return [_event(flat, time, parts) for (time, _), parts in sorted(found.items(), key=lambda e: e[0][0])], inflows


def _event(flat: FlatModel, time: float, parts: list[tuple[Given, str, ast.expr]]) -> Event:
    start = number(time)
    start.unit = flat.time  # type: ignore[attr-defined]
    lag = parts[0][0].lag
    assignments: dict[str, ast.expr] = {}
    for dose, to, change in parts:
        before = assignments.get(to, ast.Name(to))
        if isinstance(change, ast.UnaryOp):
            # The end of an infusion.
            assignments[to] = ast.BinOp(before, ast.Sub(), change.operand)
            continue
        assignments[to] = ast.BinOp(before, ast.Add(), change)
        for clock, amount in dose.restarts.items():
            value = number(amount or 0.0)
            value.unit = flat.states[clock].unit  # type: ignore[attr-defined]
            assignments[clock] = _product(value, dose.fraction) if amount else value
    about = ", ".join(dict.fromkeys(d.route or d.to for d, _, _ in parts))
    return Event(start if _is(lag, 0) else ast.BinOp(start, ast.Add(), lag), assignments, f"{about} at {time:g}")


def _amount(value: float, flat: FlatModel, state: str) -> ast.expr:
    found = number(value)
    found.unit = flat.states[state].unit  # type: ignore[attr-defined]
    return found


def _product(amount: ast.expr, fraction: ast.expr) -> ast.expr:
    return amount if _is(fraction, 1) else ast.BinOp(fraction, ast.Mult(), amount)


def _is(tree: ast.expr, value: float) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == value
