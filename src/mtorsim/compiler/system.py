"""A model as ordered equations: constants separated, states at rest removed, Jacobian by the chain rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy

from mtorsim.model.model import Model
from mtorsim.units.units import Unit

from .subexpressions import Assignments, Expr, rational, slope, symbol

__all__ = ["BALANCES", "System", "names_in", "needed_for"]


BALANCES = ("balance", "inner balance")
"""Names of the residuals at rest: of the unknown, and of the inner one."""


@dataclass(frozen=True)
class System:
    """The equations of a kernel, in system time (hours).

    Attributes
    ----------
    title
        Title of the generated file.
    states
        Names of the states that are integrated.
    parameters
        Names of all parameters, then of all switches, then the inflow of each state that takes doses.
    fixed
        Value of every quantity that is a plain number, including states at rest.
    constants
        Equations that depend on parameters only, in order.
    intermediates
        Equations that change with time, in order, including those that are only observed.
    derivatives
        Right-hand side of each state, in its module's own time.
    factors
        Factor that converts each right-hand side to per hour.
    initials
        Initial value of each state that has one.
    rest
        The steps to the state of rest, ending in the `BALANCES`; empty without a [rest] table.
    """

    title: str
    model: Model
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    fixed: Mapping[str, float]
    constants: Assignments
    intermediates: Assignments
    derivatives: Assignments
    factors: Mapping[str, float]
    initials: Assignments
    rest: Assignments
    units: Mapping[str, Unit]
    abouts: Mapping[str, str]
    scales: Mapping[str, float]

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """All quantities that can be observed: states, then equations and ports."""
        rest = [n for n in (*self.model.states, *self.model.order) if n not in self.states]
        return (*self.states, *(n for n in rest if n in self.known))

    def reads(self, name: str) -> frozenset[str]:
        """The states on which a quantity depends."""
        return self._reads.get(name, frozenset())

    @cached_property
    def _reads(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {s: frozenset((s,)) for s in self.states}
        for name, expression in self.intermediates.items():
            found[name] = frozenset().union(*(found.get(n, frozenset()) for n in names_in(expression)))
        return found

    @cached_property
    def known(self) -> frozenset[str]:
        """All names with a value in this system."""
        return frozenset((*self.states, *self.parameters, *self.fixed, *self.constants, *self.intermediates))

    @cached_property
    def needed(self) -> Assignments:
        """The intermediates on which the derivatives depend, in order."""
        return needed_for(self.derivatives.values(), self.intermediates)

    @cached_property
    def jacobian(self) -> tuple[Assignments, dict[tuple[str, str], Expr]]:
        """Derivatives of the right-hand sides by the states.

        Returns
        -------
        partials
            Named derivatives of intermediates, in order, to be computed after `needed`.
        entries
            The non-zero entries, by (row, column).

        Notes
        -----
        Forward accumulation over the ordered equations, which keeps the model's own subexpressions.
        """
        partials: Assignments = {}
        slopes: dict[str, Assignments] = {s: {s: sympy.Integer(1)} for s in self.states}
        for name, expression in self.needed.items():
            found = self._slopes(name, expression, slopes, partials)
            slopes[name] = {s: _named(f"d_{name}|{s}", value, partials) for s, value in found.items()}
        entries = {
            (row, column): value * rational(self.factors[row])
            for row, expression in self.derivatives.items()
            for column, value in self._slopes(row, expression, slopes, partials).items()
        }
        return partials, entries

    def _slopes(
        self, name: str, expression: Expr, slopes: Mapping[str, Assignments], partials: Assignments
    ) -> Assignments:
        """Total derivatives of one expression by every state on which it depends."""
        total: Assignments = {}
        for variable in sorted(expression.free_symbols, key=lambda s: s.name):
            inner = slopes.get(variable.name)
            if not inner:
                continue
            outer = slope(name, expression, variable)
            if len(inner) > 1:
                outer = _named(f"d_{name}|{variable}", outer, partials)
            for state, value in inner.items():
                total[state] = total.get(state, sympy.Integer(0)) + outer * value
        order = {s: i for i, s in enumerate(self.states)}
        return {s: total[s] for s in sorted(total, key=order.__getitem__) if total[s] != 0}


def _named(label: str, value: Expr, partials: Assignments) -> Expr:
    """Name a derivative, unless it is a single symbol or a number."""
    if value.is_Symbol or value.is_number:
        return value
    partials[label] = value
    return symbol(label)


def names_in(expression: Expr) -> set[str]:
    return {s.name for s in expression.free_symbols}


def needed_for(targets: Iterable[Expr], assignments: Assignments) -> Assignments:
    """The assignments on which `targets` depend, directly or indirectly, in order."""
    wanted = {name for e in targets for name in names_in(e)}
    for name in reversed(assignments):
        if name in wanted:
            wanted |= names_in(assignments[name])
    return {name: e for name, e in assignments.items() if name in wanted}
