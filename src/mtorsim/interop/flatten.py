"""A composed model, with one person's numbers and a scenario's doses and meals, as a flat model."""

from __future__ import annotations

import ast
import copy
import math
import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from itertools import permutations

from mtorsim.errors import ArgumentError
from mtorsim.files.references import Reference, read_references
from mtorsim.model.dimensions import Balance, time_factor
from mtorsim.model.expressions import full_name
from mtorsim.model.file import Parameter
from mtorsim.model.generated import CLOCK
from mtorsim.model.model import Equation, Model
from mtorsim.units.units import ONE, parse_unit

from .flat import TIME, Constant, FlatModel, FlatRoute, FlatState, Given, Line, number
from .number_units import mark, mark_all, mark_zeros, with_units
from .person import Person, restarted

__all__ = ["flatten"]

PAIRS = (("min", "h"), ("h", "min"), ("h", "d"), ("d", "h"), ("min", "d"), ("d", "min"), ("s", "min"), ("min", "s"))
"""Units of time, in the order in which conversions between them are looked for."""


def flatten(person: Person, duration: float | None = None) -> FlatModel:
    """Flatten the model of a person.

    Parameters
    ----------
    person
        A person of a scenario.
    duration
        Hours after which doses and meals are left out; default: the scenario's duration.

    Raises
    ------
    ArgumentError
        If the duration is not above 0.
    """
    if duration is not None and not duration > 0:
        raise ArgumentError(f"a duration of {duration:g} h is not above 0")
    return _Flattening(person, person.plan.scenario.duration if duration is None else duration).flat()


class _Flattening:
    def __init__(self, person: Person, duration: float) -> None:
        self.person = person
        self.model = person.model
        self.until = duration
        own = {m.data.module.time for m in self.model.modules}
        self.time = own.pop() if len(own) == 1 else "h"
        self.hours = float(parse_unit(self.time).hours)
        self.names = _short_names(self.model)
        self.factors: dict[str, Constant] = {}
        self.changed_routes: set[str] = set()

    def flat(self) -> FlatModel:
        """The flat model."""
        model, person = self.model, self.person
        lines = {self.names[n]: self._line(n) for n in model.order}
        observables = self._observables()
        clocks = model.clocks(CLOCK)
        states = {self.names[s]: self._state(s) for s in model.states if s not in clocks}
        routes = {self.names[r.name]: self._route(r.name) for r in model.routes.values()}
        doses = self._doses()
        parameters = {self.names[n]: self._parameter(n) for n in (*model.parameters, *model.switches)}
        parameters, steps = self._stepped(parameters)
        cited = [c.source for c in parameters.values()] + [line.source for line in lines.values()]
        return FlatModel(
            name="_".join(m.name for m in model.modules)[:60],
            title=" + ".join(m.name for m in model.modules),
            time=self.time,
            parameters={**parameters, **self.factors},
            lines={**steps, **lines},
            states=states,
            observables=observables,
            routes=routes,
            doses=doses,
            duration=min(self.until, person.plan.scenario.duration) / self.hours,
            renamed={short: full for full, short in self.names.items()},
            left_out=tuple(self._left_out()),
            person=person.said,
            references=_references(person, {c for c in cited if c}),
        )

    def _observables(self) -> dict[str, str]:
        """What is observed, by its name in the scenario: not what depends on when a person ate."""
        plan = self.person.plan
        found = {o: s for o, s in zip(plan.observables, plan.sources, strict=True) if s is not None}
        kept = {o: s for o, s in found.items() if not (o.startswith("fasting_") and o[len("fasting_") :] in found)}
        return {re.sub(r"\W", "_", o.partition(".")[2] or o): self.names[s] for o, s in kept.items()}

    def _parameter(self, name: str) -> Constant:
        value = self.person.parameters[name]
        if name in self.model.switches:
            return Constant(value, "1", f"switch of {name}: 1 on, 0 off")
        line, _ = self.model.parameters[name]
        about = f"{line.about}; from the run-in" if line.origin else line.about
        known = {q.name: q for q in self.person.plan.population.quantities}
        quantity = known.get(name)
        variance = self._variance(line)
        source, evidence = line.source, line.evidence
        if quantity is not None and quantity.own:
            source, evidence = quantity.source or source, quantity.evidence or evidence
        return Constant(value, line.unit, about, source, evidence or None, variance)

    def _variance(self, line: Parameter) -> float | None:
        """The module's own variance of the logarithm, for a typical person of a model without a resting state."""
        if (
            self.model.rest is not None
            or not self.person.plan.population.is_typical
            or line.distribution != "log-normal"
        ):
            return None
        if line.variance is not None:
            return line.variance
        sigma = line.iiv if line.cv is None else math.sqrt(math.log1p(line.cv**2))
        return round(sigma**2, 12) if sigma else None

    def _stepped(self, parameters: dict[str, Constant]) -> tuple[dict[str, Constant], dict[str, Line]]:
        """Parameters that change at known times as equations of time, before all others."""
        steps: dict[str, Line] = {}
        for name, rows in self.person.changes.items():
            short = self.names[name]
            line = parameters.pop(short)
            tree = number(self.person.parameters[name])
            for time, value in rows:
                if time < self.until:
                    late = ast.Compare(ast.Name(TIME), [ast.GtE()], [number(time / self.hours)])
                    tree = ast.Call(ast.Name("where"), [late, number(value), tree], [])
            steps[short] = Line(with_units(tree, line.unit or "1", self.time), line.unit, line.about, line.source)
        return parameters, steps

    def _line(self, name: str) -> Line:
        if name in self.model.ports:
            return self._port(name)
        equation = self.model.equations[name]
        unit = equation.unit or ONE
        if equation.kind == "contribution":
            unit = self.model.ports[equation.port].unit
        tree = self._tree(equation)
        return Line(tree, str(unit), equation.about, equation.source, equation.evidence)

    def _port(self, name: str) -> Line:
        """The sum of contributions to an input, or the product of factors of a modifier."""
        port = self.model.ports[name]
        tree: ast.expr | None = None
        for c in port.contributions:
            value: ast.expr = ast.Name(self.names[c])
            switch: ast.expr = ast.Name(self.names[self.model.equations[c].mechanism or ""])
            if port.kind == "input":
                term: ast.expr = ast.BinOp(switch, ast.Mult(), value)
            else:
                less_one = ast.BinOp(value, ast.Sub(), ast.Constant(1))
                term = ast.BinOp(ast.Constant(1), ast.Add(), ast.BinOp(switch, ast.Mult(), less_one))
            joined = ast.Add() if port.kind == "input" else ast.Mult()
            tree = term if tree is None else ast.BinOp(tree, joined, term)
        if tree is None:
            tree = ast.Constant(0 if port.kind == "input" else 1)
            mark(tree, str(port.unit))
        return Line(tree, str(port.unit), port.about)

    def _state(self, name: str) -> FlatState:
        line, unit = self.model.states[name]
        tree = self._tree(self.model.derivatives[name], per_time=True)
        initial = number(self.person.start[name])
        mark_all(initial, str(unit))
        return FlatState(tree, initial, str(unit), line.about, line.scale)

    def _route(self, name: str) -> FlatRoute:
        route = self.model.routes[name]
        optional = {p: self._tree(eq) if (eq := getattr(route, p)) else None for p in ("rate", "duration")}
        return FlatRoute(
            self.names[route.to],
            str(route.unit),
            route.about,
            self._tree(route.bioavailability),
            self._in_time(self._tree(route.lag), "h"),
            **optional,
        )

    def _doses(self) -> tuple[Given, ...]:
        """Doses and meals before the end, in the model's unit of time."""
        found = []
        changed = set(self.person.changes)
        for intake in self.person.intakes:
            if intake.time >= self.until:
                continue
            route = intake.route
            fraction, lag = self._tree(route.bioavailability), self._in_time(self._tree(route.lag), "h")
            if intake.planned and not _is_number(route.appetite, 1.0):
                appetite = self._tree(route.appetite)
                fraction = (
                    appetite if _is_number(route.bioavailability, 1.0) else ast.BinOp(fraction, ast.Mult(), appetite)
                )
            restarts = {
                self.names[c]: intake.amount if amount else 0.0 for c, amount in restarted(self.model, intake).items()
            }
            reads = {*route.bioavailability.scope.values(), *route.lag.scope.values()}
            if reads & changed:
                # Both are those of the time when a dose is taken, not of when it arrives.
                self.changed_routes.add(route.name)
                fraction = number(float(f"{intake.fraction:.15g}"))
                lag = number(float(f"{intake.lag / self.hours:.12g}"))
            over = intake.over / self.hours
            found.append(
                Given(
                    intake.time / self.hours,
                    self.names[route.to],
                    float(f"{intake.amount:.15g}"),
                    fraction,
                    lag,
                    over,
                    self.names[route.name],
                    restarts,
                )
            )
        return tuple(found)

    def _in_time(self, tree: ast.expr, unit: str) -> ast.expr:
        """An equation of a time, in the model's unit of time."""
        if isinstance(tree, ast.Constant):
            return number(float(tree.value) * float(parse_unit(unit).hours) / self.hours)  # type: ignore[arg-type]
        return self._times(tree, float(parse_unit(unit).hours) / self.hours)

    def _tree(self, equation: Equation, per_time: bool = False) -> ast.expr:
        """The right-hand side with flat names, in its declared unit; a derivative per unit of the model's time."""
        balance = Balance(self.model, equation, {})
        tree = copy.deepcopy(equation.expression.tree)
        mark_zeros(tree, balance, str(equation.unit or ONE))
        tree = _Renaming(self, equation).visit(tree)
        factor = time_factor(self.model, equation)
        return self._times(tree, factor * self.hours if per_time else factor)

    def _times(self, tree: ast.expr, factor: float) -> ast.expr:
        """An equation times a conversion of time, which is a parameter with a name and a unit."""
        if factor == 1 or (isinstance(tree, ast.Constant) and tree.value == 0):
            return tree
        name, unit = _conversion(factor)
        about = f"{unit.partition('/')[0]} in 1 {unit.partition('/')[2]}"
        value = float(f"{factor:.12g}") if factor > 1 else factor
        self.factors[name] = Constant(value, unit, about, evidence="convention")
        return ast.BinOp(ast.Name(name), ast.Mult(), tree)

    def _left_out(self) -> list[str]:
        """What the model and the scenario have and one person's equations cannot say."""
        plan, arm = self.person.plan, self.person.arm
        found = []
        if not plan.population.is_typical and self.model.rest is not None:
            found.append(
                f"the population `{plan.population.name}`: these are the numbers of {self.person.said}; another person "
                "has other parameters and another resting state"
            )
        elif not plan.population.is_typical:
            found.append(f"the population `{plan.population.name}`: these are the numbers of {self.person.said}")
        elif self.model.rest is not None:
            found.append("variability between subjects: another person has another resting state")
        if arm.rules:
            found.append("rules that change doses: " + ", ".join(r.name for r in arm.spec.rules))
        if arm.spec.staying:
            found.append("subjects who leave")
        if plan.scenario.tests:
            found.append("laboratory tests: " + ", ".join(dict.fromkeys(t.protocol.name for t in plan.scenario.tests)))
        if plan.measured and any(plan.measured.values()):
            found.append("measurement error")
        missed = [d for d in arm.schedule.doses if d.missed or d.late or d.jitter or d.within]
        if missed:
            found.append("chance: doses and meals are those that this person takes, at the times that were drawn")
        for name in sorted(self.changed_routes):
            found.append(f"equations of lag and bioavailability of `{name}`, which change: doses have numbers")
        return found


class _Renaming(ast.NodeTransformer):
    """Replaces names as typed by flat names."""

    def __init__(self, flattening: _Flattening, equation: Equation) -> None:
        self.flattening = flattening
        self.scope = equation.scope

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """The name of a function stays."""
        node.args = [self.visit(a) for a in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A plain name."""
        return self._renamed(self.scope[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A name of another module."""
        return self._renamed(self.scope[full_name(node) or ""])

    def _renamed(self, full: str) -> ast.expr:
        flattening = self.flattening
        if full in flattening.model.clocks(CLOCK):
            return flattening._times(ast.Name(TIME), flattening.hours)
        return ast.Name(flattening.names[full])


def _short_names(model: Model) -> dict[str, str]:
    """A name for each quantity and route: its own if unique, else with its module's."""
    names = [*model.parameters, *model.switches, *model.states, *model.order]
    names += [r for r in model.routes if r not in names]
    tails = {n: re.sub(r"\W", "_", (n.partition(".")[2] or n).replace("@", "_by_")) for n in names}
    tails |= {n: "switch_" + n.replace(".", "_") for n in model.switches}
    count = Counter(tails.values())
    taken: set[str] = {TIME}
    found: dict[str, str] = {}
    for n in names:
        short = tails[n] if count[tails[n]] == 1 else re.sub(r"\W", "_", n)
        while short in taken:
            short += "_"
        taken.add(short)
        found[n] = short
    return found


def _conversion(factor: float) -> tuple[str, str]:
    """Name and unit of a conversion of time: 60 is `min_per_h`, in min/h."""
    every = [*PAIRS, *permutations(("s", "min", "h", "d", "week", "y"), 2)]
    for a, b in every:
        ratio = float(Fraction(parse_unit(b).hours) / parse_unit(a).hours)
        if abs(ratio - factor) <= 1e-12 * ratio:
            return f"{a}_per_{b}", f"{a}/{b}"
    return "time_factor_" + re.sub(r"\W", "_", f"{factor:g}"), "1"


def _is_number(equation: Equation, value: float) -> bool:
    return equation.expression.constant() == value


def _references(person: Person, keys: set[str]) -> dict[str, tuple[str, str | None]]:
    """Each cited reference in full, with the address of its DOI."""
    known: Mapping[str, Reference] = read_references(person.plan.scenario.library.references)
    found = {}
    for key in sorted(keys & set(known)):
        doi = known[key].fields.get("doi")
        found[key] = (known[key].long, f"https://doi.org/{doi}" if doi else None)
    return found
