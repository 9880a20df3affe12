"""Doses and meals as events that change states at times, for languages with events and without doses."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from .flat import FlatModel, Given, is_number, with_unit

__all__ = ["Event", "events_of", "with_inflows"]


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
        amount = _product(with_unit(dose.amount, flat.states[dose.to].unit), dose.fraction)
        key = ast.dump(dose.lag)
        if not dose.over:
            found.setdefault((dose.time, key), []).append((dose, dose.to, amount))
            continue
        rate = ast.BinOp(amount, ast.Div(), with_unit(dose.over, flat.time))
        found.setdefault((dose.time, key), []).append((dose, f"inflow_{dose.to}", rate))
        less = ast.UnaryOp(ast.USub(), rate)
        found.setdefault((dose.time + dose.over, key), []).append((dose, f"inflow_{dose.to}", less))
    return [_event(flat, time, parts) for (time, _), parts in sorted(found.items(), key=lambda e: e[0][0])], inflows


def with_inflows(flat: FlatModel, name: str, inflows: Mapping[str, str]) -> ast.expr:
    """The derivative of a state with its infusion rates."""
    tree = flat.states[name].derivative
    for inflow in (i for i, to in inflows.items() if to == name):
        tree = ast.BinOp(tree, ast.Add(), ast.Name(inflow))
    return tree


def _event(flat: FlatModel, time: float, parts: list[tuple[Given, str, ast.expr]]) -> Event:
    start = with_unit(time, flat.time)
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
            value = with_unit(amount or 0.0, flat.states[clock].unit)
            if not amount:
                assignments.setdefault(clock, value)
                continue
            # The last dose is all that is taken at one time.
            value = _product(value, dose.fraction)
            assignments[clock] = ast.BinOp(assignments[clock], ast.Add(), value) if clock in assignments else value
    about = ", ".join(dict.fromkeys(d.route or d.to for d, _, _ in parts))
    return Event(start if is_number(lag, 0) else ast.BinOp(start, ast.Add(), lag), assignments, f"{about} at {time:g}")


def _product(amount: ast.expr, fraction: ast.expr) -> ast.expr:
    return amount if is_number(fraction, 1) else ast.BinOp(fraction, ast.Mult(), amount)
