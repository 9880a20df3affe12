"""Build the system of a model: states at rest, constants of a subject, and time-dependent equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sympy

from mtorsim.errors import ModelError
from mtorsim.model.dimensions import time_factor
from mtorsim.model.generated import CLOCK, LAST_DOSE, SINCE_DOSE
from mtorsim.model.inflow import drift, inflow
from mtorsim.model.model import Equation, Model
from mtorsim.units.units import ONE, Unit, parse_unit

from .subexpressions import Assignments, Expr, Sharer, less, rational, symbol
from .system import BALANCES, System, names_in, needed_for
from .to_sympy import to_sympy

__all__ = ["build_system", "build_untreated"]


def build_system(model: Model, switches: Mapping[str, float] | None = None, ramps: Sequence[str] = ()) -> System:
    """Build the system that is integrated over a scenario.

    Parameters
    ----------
    model
        The model.
    switches
        Switches fixed at a value. Equations are then left out unless the physiology, a dose or an observable needs
        them.
    ramps
        Parameters that change linearly with time; each is its parameter plus a state, its drift.

    Raises
    ------
    ModelError
        If the [rest] table uses a state before it is defined.
    """
    dosed = {dose.to for dose in model.routes.values()} | {drift(p) for p in ramps}
    dosed |= {*model.clocks(LAST_DOSE), *(flag.name for flag in model.flags)}
    return _Builder(model, dosed, switches or {}, ramps=ramps).system(" + ".join(m.name for m in model.modules))


def build_untreated(model: Model) -> tuple[System, Mapping[str, float]]:
    """Build the system of the untreated day: drugs at rest, slow states held constant, averages recorded.

    States named in `hold` are held at their rest value; each average of [run_in] is an additional state, named as its
    parameter, that integrates over time in hours. Equations that the day does not need are left out, so that all models
    with the same physiology share one day, whatever their drugs.

    Returns
    -------
    system
        The system of the day.
    fixed
        Value of every quantity of the model that is a plain number on that day.

    Raises
    ------
    ModelError
        If the day depends on a result of the run-in.
    """
    rest_module = model.rest.module if model.rest else ""
    dosed = {dose.to for dose in model.routes.values() if dose.to.startswith(f"{rest_module}.")}
    builder = _Builder(model, dosed, {}, run_in=True)
    system = builder.system("")
    return _needed_on(system), system.fixed


def _needed_on(day: System) -> System:
    """Reduce the system of an untreated day to what the day, its start and its observables need."""
    read = set().union(*(names_in(e) for e in (*day.derivatives.values(), *day.needed.values())))
    clocks = [*day.model.clocks(CLOCK), *day.model.clocks(SINCE_DOSE), *(flag.name for flag in day.model.flags)]
    unread = {c for c in clocks if c not in read}
    states = tuple(s for s in day.states if s not in unread)
    day = replace(day, states=states, derivatives={s: day.derivatives[s] for s in states})
    initials = {n: e for n, e in day.initials.items() if n in day.states}
    assignments = day.constants | day.intermediates
    observed = [symbol(full) for full in day.model.observables.values() if full in assignments]
    roots = [*day.derivatives.values(), *day.rest.values(), *initials.values(), *observed]
    kept = needed_for(roots, assignments)
    names = set().union(*(names_in(e) for e in (*roots, *kept.values())))
    eaten = [d for d in day.model.routes.values() if d.to in day.states]
    names |= {n for d in eaten for e in (d.bioavailability, d.lag, d.appetite) for n in e.scope.values()}
    parameters = tuple(n for n in day.parameters if n in names)
    modules = dict.fromkeys(n.partition(".")[0] for n in (*day.states, *parameters) if "." in n)
    return replace(
        day,
        title="the untreated day of " + " + ".join(m for m in modules if m in {m.name for m in day.model.modules}),
        parameters=parameters,
        fixed={},
        constants={n: e for n, e in day.constants.items() if n in kept},
        intermediates={n: e for n, e in day.intermediates.items() if n in kept},
        initials=initials,
    )


class _Builder:
    def __init__(
        self,
        model: Model,
        dosed: set[str],
        switches: Mapping[str, float],
        run_in: bool = False,
        ramps: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.dosed = dosed
        self.switches = switches
        self.run_in = run_in
        self.parameters = (*model.parameters, *model.switches)
        self.equations = {name: self._raw(name) for name in model.order}
        self.derivatives = {name: to_sympy(eq, model) for name, eq in model.derivatives.items()}
        self.factors = {name: time_factor(model, eq) for name, eq in model.derivatives.items()}
        self.initials = {name: self._scaled(eq) for name, eq in model.initials.items()}
        self.results = {*model.means, *model.then} if run_in else set()
        self.skipped = {n for n, e in self.initials.items() if names_in(e) & self.results}
        if run_in:
            self._neutralise()
            self.derivatives |= dict.fromkeys(model.hold, sympy.Integer(0))
        self.drifts = {drift(p): p for p in ramps}
        self._let_drift()
        self.flags = {flag.name: less(sympy.Integer(0), to_sympy(flag.limit)) for flag in model.flags}
        self._constant(self.flags)

    def system(self, title: str) -> System:
        model = self.model
        fixed = self._resting()
        settled = self._settle(fixed)
        states = [s for s in (*model.states, *self.drifts, *self.flags) if s not in settled and s not in self.skipped]
        derivatives = {s: self._put(self.derivatives[s], settled) for s in states}
        equations = {n: self._put(e, settled) for n, e in self.equations.items() if n not in settled}
        if self.switches and model.rest:
            idle = set(states) - self._at_work(derivatives, equations)
            states = [s for s in states if s not in idle]
            derivatives = {s: derivatives[s] for s in states}
            equations = _without(equations, idle)
        constants, intermediates = self._split(equations, states)
        if self.run_in:
            lost = self.skipped | self.results
            intermediates = _without(intermediates, lost)
            means = {n: self._put(self._scaled(eq), settled) for n, eq in model.means.items()}
            derivatives |= means
            states += list(means)
            constants = _without(constants, lost)
            self._check_run_in(derivatives, intermediates | constants, states)
        shared = Sharer(self.parameters)
        for name, expression in (constants | intermediates).items():
            shared.add(name, expression)
        derivatives = {n: shared.rewritten(n, e) for n, e in derivatives.items()}
        targets = dict.fromkeys([*(d.to for d in model.routes.values()), *self.drifts])
        inflows = {inflow(s): s for s in targets if s in states}
        for name, state in inflows.items():
            derivatives[state] += symbol(name) / rational(self.factors[state])
        return System(
            title=title,
            model=model,
            states=tuple(states),
            parameters=(*self.parameters, *inflows),
            fixed={n: float(v) for n, v in settled.items()},
            constants=shared.constants,
            intermediates=shared.intermediates,
            derivatives=derivatives,
            factors={s: self.factors.get(s, 1.0) for s in states},
            initials={n: self._put(e, {}) for n, e in self.initials.items()},
            rest=self._rest(),
            units=(units := self._units()) | {n: units[s] / parse_unit("h") for n, s in inflows.items()},
            abouts=_abouts(model),
            scales={s: model.states[s][0].scale if s in model.states else 1.0 for s in states},
        )

    def _units(self) -> dict[str, Unit]:
        """Unit of every quantity: a contribution has its port's unit, an integral its quantity's times h."""
        units = dict(self.model.units)
        units |= {c: port.unit for port in self.model.ports.values() for c in port.contributions}
        if self.run_in:
            units |= {n: units.get(n, ONE) * parse_unit("h") for n in self.model.means}
        units |= dict.fromkeys(self.flags, ONE)
        return units | {state: units[parameter] for state, parameter in self.drifts.items()}

    def _let_drift(self) -> None:
        """Replace each parameter that changes linearly by the sum of itself and its drift."""
        moved = {symbol(p): symbol(p) + symbol(state) for state, p in self.drifts.items()}
        self.equations = {n: e.xreplace(moved) for n, e in self.equations.items()}
        self.derivatives = {n: e.xreplace(moved) for n, e in self.derivatives.items()}
        self._constant(dict.fromkeys(self.drifts, sympy.Integer(0)))

    def _constant(self, initials: Assignments) -> None:
        """Add states that only events change."""
        self.derivatives |= dict.fromkeys(initials, sympy.Integer(0))
        self.factors |= dict.fromkeys(initials, 1.0)
        self.initials |= initials

    def _scaled(self, equation: Equation) -> Expr:
        """Scale an equation to its declared unit."""
        factor = time_factor(self.model, equation)
        return to_sympy(equation, self.model) * rational(factor)

    def _raw(self, name: str) -> Expr:
        if name in self.model.equations:
            return self._scaled(self.model.equations[name])
        port = self.model.ports[name]
        acting = [(self._switch(self.model.equations[c].mechanism or ""), symbol(c)) for c in port.contributions]
        if port.kind == "input":
            return sympy.Add(*(switch * value for switch, value in acting))
        return sympy.Mul(*(1 + switch * (value - 1) for switch, value in acting))

    def _switch(self, mechanism: str) -> Expr:
        """A mechanism's switch, or its value if it is fixed."""
        value = self.switches.get(mechanism)
        return symbol(mechanism) if value is None else sympy.Rational(repr(float(value)))

    def _at_work(self, derivatives: Assignments, equations: Assignments) -> set[str]:
        """The states that the physiology, a dose or an observable needs."""
        module = self.model.rest.module if self.model.rest else ""
        stack = [s for s in derivatives if s.startswith(f"{module}.") or s in self.dosed]
        stack += self.model.observables.values()
        reached: set[str] = set()
        while stack:
            name = stack.pop()
            if name not in reached:
                reached.add(name)
                stack += names_in(equations.get(name, derivatives.get(name, sympy.Integer(0))))
        return reached & set(derivatives)

    def _resting(self) -> Assignments:
        """The states that never leave a numeric initial value: the largest set that stays at rest by itself."""
        model = self.model
        at = {n: e for n, e in self.initials.items() if e.is_number and n not in self.dosed}
        if self.run_in and model.rest:
            held = {s.name: to_sympy(s) for s in model.rest.steps if s.name in model.hold}
            at |= {n: e for n, e in held.items() if e.is_number}
        while True:
            settled = self._settle(at)
            moving = [
                n for n in at if not (self.run_in and n in model.hold) and self._put(self.derivatives[n], settled) != 0
            ]
            if not moving:
                return at
            at = {n: e for n, e in at.items() if n not in moving}

    def _settle(self, fixed: Assignments) -> Assignments:
        """Find every quantity that is a plain number after substitution of `fixed`."""
        settled = dict(fixed)
        for name, expression in self.equations.items():
            value = self._put(expression, settled)
            if value.is_number:
                settled[name] = value
        return settled

    @staticmethod
    def _put(expression: Expr, values: Assignments) -> Expr:
        hit = {s: values[s.name] for s in expression.free_symbols if s.name in values}
        return expression.xreplace(hit).doit(deep=False) if hit else expression

    def _split(self, equations: Assignments, states: list[str]) -> tuple[Assignments, Assignments]:
        """Split equations into those of parameters only and the others."""
        constants: Assignments = {}
        constant_names = set(self.parameters)
        for name, expression in equations.items():
            if names_in(expression) <= constant_names:
                constants[name] = expression
                constant_names.add(name)
        return constants, {n: e for n, e in equations.items() if n not in constants}

    def _neutralise(self) -> None:
        """Set contributions that depend on results of the run-in to their untreated value."""
        kept = _without(self.equations, self.skipped | self.results)
        for port in self.model.ports.values():
            for name in port.contributions:
                if name not in kept:
                    self.equations[name] = sympy.Integer(0 if port.kind == "input" else 1)

    def _check_run_in(self, derivatives: Assignments, equations: Assignments, states: list[str]) -> None:
        known = {*self.parameters, *equations, *states} - {*self.model.means, *self.model.then}
        for name, expression in derivatives.items():
            missing = sorted(names_in(expression) - known)
            if missing:
                message = (
                    f"the run-in cannot compute `{name}`: it needs `{missing[0]}`, which is a result of the run-in"
                )
                raise ModelError(message, self.model.where(name), "name the state in `hold` of [run_in]")

    def _rest(self) -> Assignments:
        """The steps of [rest] as straight-line assignments; ports have their untreated value."""
        plan = self.model.rest
        if plan is None:
            return {}
        untreated = {n: sympy.Integer(0 if p.kind == "input" else 1) for n, p in self.model.ports.items()}
        done: Assignments = {}
        given = {plan.unknown, *self.parameters}
        balances = [plan.balance]
        if plan.inner is not None:
            given.add(plan.inner.unknown)
            balances.append(plan.inner.balance)
        for step in (*plan.steps, *balances):
            right = self._scaled(step)
            self._emit(right, step, done, given, untreated)
            name = step.name if step not in balances else BALANCES[balances.index(step)]
            done[name] = self._put(right, untreated)
            given.add(step.name)
        return done

    def _emit(
        self, expression: Expr, step: Equation, done: Assignments, given: set[str], untreated: Assignments
    ) -> None:
        """Add the missing equations that an expression at rest needs."""
        for s in sorted(expression.free_symbols, key=lambda s: s.name):
            name = s.name
            if name in given or name in untreated:
                continue
            if name not in self.equations:
                message = f"`{name}` is used in [rest] before it is defined"
                raise ModelError(message, step.where, "move its line up")
            inner = self._put(self.equations[name], untreated)
            self._emit(inner, step, done, given, untreated)
            done[name] = inner
            given.add(name)


def _without(equations: Assignments, lost: set[str]) -> Assignments:
    """The equations that depend on none of the lost names, directly or indirectly."""
    lost = set(lost)
    kept: Assignments = {}
    for name, expression in equations.items():
        if names_in(expression) & lost:
            lost.add(name)
        else:
            kept[name] = expression
    return kept


def _abouts(model: Model) -> dict[str, str]:
    found = {n: line.about for n, (line, _) in model.parameters.items()}
    found |= {n: line.about for n, (line, _) in model.states.items()}
    found |= {n: eq.about for n, eq in model.equations.items()}
    found |= {n: port.about for n, port in model.ports.items()}
    return found | {n: f"switch of {n}" for n in model.switches}
