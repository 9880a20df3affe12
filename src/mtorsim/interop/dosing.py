"""Doses and meals as records for tools with event tables; lag and bioavailability stay in the code."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from mtorsim.errors import ArgumentError
from mtorsim.model.expressions import Expression, evaluate
from mtorsim.stats.portable import FUNCTIONS

from .flat import FlatModel, Given, is_number, names_of

__all__ = ["Dosing", "Record", "dosing_of", "value_of"]


@dataclass(frozen=True)
class Record:
    """A row of an event table: a bolus if its rate is 0."""

    time: float
    to: str
    amount: float
    rate: float


@dataclass(frozen=True)
class Dosing:
    """Records, and what the code says of each state that takes doses.

    Attributes
    ----------
    fractions, lags
        Bioavailable fraction and lag by state, where they are not 1 and 0.
    baked
        States whose records hold the amounts that arrive, when they arrive: of several routes that differ, or of
        infusions that are not fully available.
    names
        The language's name of each state.
    """

    records: tuple[Record, ...]
    fractions: Mapping[str, ast.expr]
    lags: Mapping[str, ast.expr]
    baked: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is said of states with several routes."""
        return tuple(
            f"lag and bioavailability of doses to `{s}`, whose routes differ or are infusions: the table holds what "
            "arrives, and when"
            for s in self.baked
        )


def dosing_of(flat: FlatModel, language: str) -> Dosing:
    """The doses of a model as an event table.

    Raises
    ------
    ArgumentError
        If equations use the time since the last dose, which an event table cannot restart.
    """
    if any(d.restarts for d in flat.doses):
        message = f"{language} cannot restart a clock at a dose, and this model uses the time since the last dose"
        raise ArgumentError(message, help="export to SBML, deSolve or Julia")
    by_state: dict[str, list[Given]] = {}
    for dose in flat.doses:
        by_state.setdefault(dose.to, []).append(dose)
    for route in flat.routes.values():
        by_state.setdefault(route.to, [])
    fractions: dict[str, ast.expr] = {}
    lags: dict[str, ast.expr] = {}
    baked = []
    values = {n: float(c.value) for n, c in flat.parameters.items() if c.value is not None}
    for state, doses in by_state.items():
        pairs = {(ast.dump(d.fraction), ast.dump(d.lag)): d for d in doses}
        if not doses:
            own = [r for r in flat.routes.values() if r.to == state]
            pairs = {(ast.dump(r.fraction), ast.dump(r.lag)): Given(0, state, 0, r.fraction, r.lag) for r in own}
        # Tools keep the rate of an infusion, not its duration, when less than all of it is available.
        infused = any(d.over and not is_number(d.fraction, 1) for d in doses)
        if infused or len(pairs) > 1 or any(set(names_of(d.fraction)) - set(values) for d in pairs.values()):
            baked.append(state)
            continue
        (one,) = pairs.values()
        if not is_number(one.fraction, 1):
            fractions[state] = one.fraction
        if not is_number(one.lag, 0):
            lags[state] = one.lag
    records = []
    for dose in flat.doses:
        time, amount = dose.time, dose.amount
        if dose.to in baked:
            time, amount = time + value_of(dose.lag, values), amount * value_of(dose.fraction, values)
        records.append(Record(time, dose.to, amount, amount / dose.over if dose.over else 0.0))
    kept = tuple(s for s in baked if any(d.to == s for d in flat.doses))
    return Dosing(tuple(sorted(records, key=lambda r: r.time)), fractions, lags, kept)


def value_of(tree: ast.expr, values: Mapping[str, float]) -> float:
    """The value of an equation of parameters."""
    return float(evaluate(Expression("", tree), values, FUNCTIONS))
