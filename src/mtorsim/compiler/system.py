"""A model as ordered equations: constants apart, resting states dropped, Jacobian by the chain rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy

from mtorsim.model.model import Model
from mtorsim.units.units import Unit

from .subexpressions import Assignments, Expr, rational, slope, symbol

__all__ = ["System", "names_in", "needed_for"]


@dataclass(frozen=True)
class System:
    """The equations a kernel is made of, in system time (hours).

    Attributes
    ----------
    title
        A few words for the head of the generated file.
    states
        Names of the states that are integrated.
    parameters
        Names of all parameters, then of all switches, then the inflow of each state that takes doses.
    fixed
        Value of every quantity that came out as a plain number, resting states among them.
    constants
        Equations that depend on parameters only, in order.
    intermediates
        Equations that change with time, in order; all of them, also those only observed.
    derivatives
        Right-hand side of each state, in its module's own time.
    factors
        What brings each right-hand side to per hour.
    initials
        Start of each state that has one of its own.
    rest
        The steps to the state of rest, ending in the balance; empty without a [rest] table.
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
        """Everything that can be observed: states, then all equations and ports."""
        rest = [n for n in (*self.model.states, *self.model.order) if n not in self.states]
        return (*self.states, *(n for n in rest if n in self.known))

    def reads(self, name: str) -> frozenset[str]:
        """The states that a quantity depends on."""
        return self._reads.get(name, frozenset())

    @cached_property
    def _reads(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {s: frozenset((s,)) for s in self.states}
        for name, expression in self.intermediates.items():
            found[name] = frozenset().union(*(found.get(n, frozenset()) for n in names_in(expression)))
        return found

    @cached_property
    def known(self) -> frozenset[str]:
        """Names that have a value in this system."""
        return frozenset((*self.states, *self.parameters, *self.fixed, *self.constants, *self.intermediates))

    @cached_property
    def needed(self) -> Assignments:
        """The intermediates that the derivatives depend on, in order."""
        return needed_for(self.derivatives.values(), self.intermediates)

    @cached_property
    def jacobian(self) -> tuple[Assignments, dict[tuple[str, str], Expr]]:
        """Derivatives of the right-hand sides by the states.

        Returns
        -------
        partials
            Named derivatives of intermediates, in order, to be worked out after `needed`.
        entries
            The entries that are not zero, by (row, column).

        Notes
        -----
        Forward accumulation over the ordered equations, so that the model's own
        subexpressions are kept.
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
        """Total derivatives of one expression by every state it depends on."""
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
    """A derivative under a name of its own, unless it is one symbol or a number as it stands."""
    if value.is_Symbol or value.is_number:
        return value
    partials[label] = value
    return symbol(label)


def names_in(expression: Expr) -> set[str]:
    return {s.name for s in expression.free_symbols}


def needed_for(targets: Iterable[Expr], assignments: Assignments) -> Assignments:
    """The assignments that `targets` depend on, directly or not, in their order."""
    wanted = {name for e in targets for name in names_in(e)}
    for name in reversed(assignments):
        if name in wanted:
            wanted |= names_in(assignments[name])
    return {name: e for name, e in assignments.items() if name in wanted}
