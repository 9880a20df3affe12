"""A composed model as immutable data: equations and ports in order of evaluation, and routes of doses."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape

from mtorsim.errors import ModelError, Where, shortened
from mtorsim.files.html import card, details, table
from mtorsim.units.units import ONE, Unit

from .expressions import Expression, comparisons, full_name
from .file import Module, Parameter, State
from .generated import CLOCK, SINCE_DOSE

__all__ = ["Equation", "Flag", "Model", "Port", "RestPlan", "Route"]


@dataclass(frozen=True)
class Equation:
    """One right-hand side, with full names.

    Attributes
    ----------
    name
        Full name of the result: `module.name`, or for a contribution
        `module.port@mechanism`.
    kind
        `expression`, `observable`, `contribution`, `derivative`, `initial`, `rest`, `balance`,
        `mean`, `then` or `dose`.
    scope
        Full name of each name as typed.
    unit
        Declared unit of the result; None if it is inferred.
    mechanism, port
        Of a contribution: its switch, and the full name of its target.
    """

    name: str
    kind: str
    module: str
    expression: Expression
    scope: Mapping[str, str]
    unit: Unit | None
    about: str = ""
    source: str | None = None
    evidence: str | None = None
    mechanism: str | None = None
    port: str = ""
    where: Where | None = None


@dataclass(frozen=True)
class Port:
    """A target of contributions by other modules: a sum (input) or a product (modifier)."""

    name: str
    kind: str
    unit: Unit
    about: str
    contributions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """A route of administration and its target."""

    name: str
    to: str
    unit: Unit
    about: str
    bioavailability: Equation
    lag: Equation
    appetite: Equation
    rate: Equation | None = None
    duration: Equation | None = None
    range: tuple[float, float] | None = None

    def admits(self, amount: float) -> bool:
        """Whether an amount is 0 or in the plausible range, if there is one."""
        return not amount or self.range is None or self.range[0] <= amount <= self.range[1]


@dataclass(frozen=True)
class Flag:
    """A comparison of a clock with a limit, in hours, as a state that is 1 while the clock is below it, and then 0.

    Events change it, so that equations are smooth in between.
    """

    name: str
    clock: str
    limit: Equation


@dataclass(frozen=True)
class Unknown:
    """A second unknown of the state of rest, with its own balance, solved for at each value of the first."""

    unknown: str
    unit: Unit
    between: tuple[float, float]
    balance: Equation


@dataclass(frozen=True)
class RestPlan:
    """The bracketed root of a model at rest, the root within it if there is one, and the states computed from them."""

    module: str
    unknown: str
    unit: Unit
    between: tuple[float, float]
    balance: Equation
    steps: tuple[Equation, ...]
    inner: Unknown | None = None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The bounds of both unknowns; the last two are equal if there is one."""
        return (*self.between, *(self.inner.between if self.inner else (0.0, 0.0)))


@dataclass(frozen=True, repr=False)
class Model:
    """Composed modules, with full names and all contributions assigned to their ports.

    Attributes
    ----------
    modules
        In the order given.
    parameters
        Declaration and unit of each parameter by full name, without switches.
    switches
        Default of each mechanism's switch.
    states
        Declaration and unit of each state.
    equations
        Expressions, observables and contributions in order of evaluation.
    conditions
        Named temporary changes: a factor for each parameter.
    """

    modules: tuple[Module, ...]
    parameters: Mapping[str, tuple[Parameter, Unit]]
    switches: Mapping[str, float]
    states: Mapping[str, tuple[State, Unit]]
    equations: Mapping[str, Equation]
    ports: Mapping[str, Port]
    derivatives: Mapping[str, Equation]
    initials: Mapping[str, Equation]
    observables: Mapping[str, str]
    routes: Mapping[str, Route]
    rest: RestPlan | None
    hold: tuple[str, ...]
    means: Mapping[str, Equation]
    then: Mapping[str, Equation]
    left_out: tuple[Equation, ...] = field(default=())
    conditions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @cached_property
    def units(self) -> dict[str, Unit]:
        """Unit of every quantity by full name."""
        known = {name: unit for name, (_, unit) in self.parameters.items()}
        known |= {name: ONE for name in self.switches}
        known |= {name: unit for name, (_, unit) in self.states.items()}
        known |= {name: port.unit for name, port in self.ports.items()}
        known |= {name: eq.unit for name, eq in self.equations.items() if eq.unit}
        return known

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Equations and ports in order of evaluation."""
        return _sorted(self)

    @property
    def _counts(self) -> str:
        return f"{len(self.states)} states, {len(self.parameters)} parameters, {len(self.switches)} switches"

    def __repr__(self) -> str:
        modules = shortened([m.name for m in self.modules])
        return f"Model({modules}: {self._counts}; observables: {shortened(self.observables)})"

    def _repr_html_(self) -> str:
        """Observables, states, equations and parameters, for notebooks."""
        observables = [[escape(n), str(self.units[full]), escape(full)] for n, full in self.observables.items()]
        states = [[escape(n), str(unit), escape(line.about)] for n, (line, unit) in self.states.items()]
        known = {**{f"d{n}/dt": e for n, e in self.derivatives.items()}, **self.equations}
        equations = [
            [escape(n), f"<code>{escape(e.expression.text)}</code>", str(e.unit or "")] for n, e in known.items()
        ]
        parameters = [
            [
                escape(n),
                "" if p.value is None else f"{p.value:g}",
                p.unit,
                *map(escape, (p.evidence or "", p.source or "", p.about)),
            ]
            for n, (p, _) in self.parameters.items()
        ]
        return card(
            "Model of " + shortened([m.name for m in self.modules]),
            self._counts,
            details("observables", table(["name", "unit", "quantity"], observables, words=2)),
            details("states", table(["name", "unit", "meaning"], states, words=2)),
            details("equations", table(["name", "equation", "unit"], equations, words=1)),
            details(
                "parameters", table(["name", "value", "unit", "evidence", "source", "meaning"], parameters, words=3)
            ),
        )

    def where(self, name: str) -> Where | None:
        """Place of a quantity's declaration."""
        module, _, bare = name.partition(".")
        found = next((m for m in self.modules if m.name == module), None)
        if found is None or bare not in found.kinds:
            return None
        return found.where(found.kinds[bare], bare)

    def dependencies(self, name: str) -> tuple[str, ...]:
        """Full names on which an equation or port depends."""
        if name in self.ports:
            port = self.ports[name]
            return tuple(x for c in port.contributions for x in (self.equations[c].mechanism or "", c))
        return tuple(self.equations[name].scope.values())

    def steering(self, switches: Mapping[str, float]) -> frozenset[str]:
        """States on which the physiology depends, for given values of the switches.

        The states of the module with a state of rest, and every state with an active path to one of them; all states if
        no module has a state of rest.
        """
        if self.rest is None:
            return frozenset(self.states)
        found: set[str] = set()
        stack = [s for s in self.states if s.startswith(f"{self.rest.module}.")]
        while stack:
            name = stack.pop()
            if name in found:
                continue
            found.add(name)
            stack += self._read_by(name, switches)
        return frozenset(found & set(self.states))

    def _read_by(self, name: str, switches: Mapping[str, float]) -> list[str]:
        """Names read by a state's derivative, an equation or a port, through active switches."""
        if name in self.ports:
            acting = self.ports[name].contributions
            return [c for c in acting if switches[self.equations[c].mechanism or ""] != 0]
        equation = self.derivatives.get(name) or self.equations.get(name)
        return list(equation.scope.values()) if equation else []

    def clocks(self, kind: str) -> tuple[str, ...]:
        """The clocks of one kind, `t`, `tad` or `last_dose`, by full name."""
        return tuple(f"{m.name}.{kind}" for m in self.modules if kind in m.clocks)

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """Comparisons of clocks with parameters or numbers: states that are 1 before, and 0 after a known time."""
        found: dict[tuple[str, str], Flag] = {}
        for equation in (*self.equations.values(), *self.derivatives.values()):
            for part in comparisons(equation.expression.tree):
                for clock, limit in self._clocked(equation, part):
                    key = clock, ast.dump(limit.tree)
                    of_limit = replace(equation, name=clock, kind="dose", expression=limit, unit=None)
                    found.setdefault(key, Flag(f"{clock}:below{len(found) + 1}", clock, of_limit))
        return tuple(found.values())

    def flag(self, equation: Equation, part: ast.Compare) -> str | None:
        """Name of the flag that stands for a comparison, or for its opposite; None if it depends on other states."""
        for clock, limit in self._clocked(equation, part):
            key = clock, ast.dump(limit.tree)
            return next(f.name for f in self.flags if (f.clock, ast.dump(f.limit.expression.tree)) == key)
        return None

    def _clocked(self, equation: Equation, part: ast.Compare) -> Iterator[tuple[str, Expression]]:
        """The clock in a comparison, and the other side, if that depends on parameters only."""
        sides = part.left, part.comparators[0]
        for clock, other in (sides, sides[::-1]):
            full = equation.scope.get(full_name(clock) or "")
            limit = Expression(equation.expression.source_of(other), other)
            steady = all(equation.scope[n] in self.parameters for n in limit.names())
            if full in (*self.clocks(CLOCK), *self.clocks(SINCE_DOSE)) and steady:
                yield full, limit

    @cached_property
    def unitless(self) -> frozenset[str]:
        """The modules whose units and sources are not checked."""
        return frozenset(m.name for m in self.modules if m.data.module.unitless)

    @property
    def rtol(self) -> float | None:
        """The tightest tolerance that a module states for itself, None if none does."""
        return min((m.data.module.rtol for m in self.modules if m.data.module.rtol is not None), default=None)

    def find(self, name: str) -> str | None:
        """Resolve `name`: a full name, an observable, or a bare name if unique."""
        everything = {*self.parameters, *self.switches, *self.states, *self.equations, *self.ports}
        if name in everything:
            return name
        if name in self.observables:
            return self.observables[name]
        tails = [n for n in everything if n.rsplit(".", 1)[-1] == name and n not in self.switches]
        return tails[0] if len(tails) == 1 else None


def _sorted(model: Model) -> tuple[str, ...]:
    """Depth-first order of equations and ports; a circle is an error that lists its members."""
    done: dict[str, None] = {}
    path: list[str] = []
    known: Callable[[str], bool] = lambda n: n in model.equations or n in model.ports  # noqa: E731

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            ring = [*path[path.index(name) :], name]
            culprit = next((n for n in ring if n in model.equations), name)
            where = model.equations[culprit].where if culprit in model.equations else None
            raise ModelError("circular equations: " + " > ".join(ring), where, "make one of them a state")
        path.append(name)
        for part in model.dependencies(name):
            if known(part):
                visit(part)
        path.pop()
        done[name] = None

    for name in (*model.equations, *model.ports):
        visit(name)
    return tuple(done)
