"""Compose modules into one model by two rules: inputs add, modifiers multiply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from mtorsim.errors import ArgumentError, ModelError, UnitError, did_you_mean, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.units.units import ONE, Unit, parse_unit

from .checks import check_states
from .expressions import INSTEAD, Expression
from .file import Contribution, Module
from .model import Equation, Model, Port, RestPlan, Route, Unknown
from .read import module_of, read_module

__all__ = ["compose", "load_model"]


def load_model(names: str | Iterable[str], library: Library | None = None) -> Model:
    """Read modules and compose them into a model.

    Parameters
    ----------
    names
        Name of a module, or several names.
    library
        Where names are looked up.

    Raises
    ------
    ArgumentError
        If `names` are not names.
    ModelError
        If a module cannot be found or read, or modules are incompatible.

    Examples
    --------
    >>> import mtorsim as mt
    >>> mt.load_model("minimal")
    Model(minimal: 2 states, 7 parameters, 0 switches; observables: glucose, insulin)
    """
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if not all(isinstance(name, str) for name in listed):
        raise ArgumentError(f"`names` must be names of modules, not {spoken(names)}")
    library = library or library_for()
    modules = [read_module(library.module(name)) for name in listed]
    return _composed(tuple((m.file.path, m.file.text) for m in modules), library)


@lru_cache(maxsize=64)
def _composed(files: tuple[tuple[Path, str], ...], library: Library) -> Model:
    """Compose modules, once for each set of texts."""
    return compose([module_of(path, text) for path, text in files], library)


def compose(modules: Iterable[Module], library: Library | None = None) -> Model:
    """Compose modules into one model.

    Raises
    ------
    ModelError
        If a name is unknown, a port is not declared, equations are circular, or two modules define the same name.
    """
    return _Composer(tuple(modules), library or library_for()).model()


class _Composer:
    def __init__(self, modules: tuple[Module, ...], library: Library) -> None:
        self.modules = modules
        self.library = library
        self.by_name = {m.name: m for m in modules}
        if len(self.by_name) < len(modules):
            twice = next(m.name for i, m in enumerate(modules) if m.name in [o.name for o in modules[:i]])
            raise ModelError(f"module `{twice}` is named twice")

    def model(self) -> Model:
        for module in self.modules:
            self._check_reads(module)
        contributions, left_out = self._contributions()
        rests = [m for m in self.modules if m.data.rest]
        if len(rests) > 1:
            names = " and ".join(f"`{m.name}`" for m in rests)
            raise ModelError(f"{names} both have a [rest] table", help="a model can have only one [rest] table")
        model = Model(
            modules=self.modules,
            parameters=self._declared("parameters"),
            switches=self._switches(),
            states=self._declared("states"),
            equations=self._expressions() | {c.name: c for c in contributions},
            ports=self._ports(contributions),
            derivatives=self._derivatives(),
            initials=self._initials(),
            observables=self._observables(),
            routes=self._routes(),
            rest=self._rest(rests[0]) if rests else None,
            hold=tuple(h for m in self.modules for h in self._hold(m)),
            means=self._run_in("mean"),
            then=self._run_in("then"),
            left_out=tuple(left_out),
            conditions=self._conditions(),
        )
        _ = model.order
        check_states(model)
        return model

    def _check_reads(self, module: Module) -> None:
        for i, name in enumerate(module.data.module.reads):
            if name in self.by_name:
                continue
            key = ("module", "reads", i)
            if name in self.library.modules:
                message = f"`{module.name}` reads `{name}`, which is not in the model"
                raise ModelError(message, module.where(*key, needle=name), f"add `{name}` to `model`")
            help = did_you_mean(name, self.library.modules)
            raise ModelError(f"there is no module `{name}`", module.where(*key, needle=name), help)

    def _declared(self, section: str) -> dict:
        found = {}
        for module in self.modules:
            for name, line in getattr(module.data, section).items():
                unit = _unit(module, line.unit, section, name, "unit")
                found[f"{module.name}.{name}"] = (line, unit)
        return found

    def _scope(self, module: Module, expression: Expression, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Full name of each name in an equation of `module`."""
        scope = {}
        for name, node in expression.names().items():
            full = (extra or {}).get(name) or self._resolve(module, name)
            if full is None:
                known = [*(extra or {}), *module.kinds]
                known += [f"{r}.{q}" for r in module.data.module.reads for q in self.by_name[r].kinds]
                raise ModelError(f"unknown name `{name}`", expression.at(node), self._advice(module, name, known))
            scope[name] = full
        return scope

    def _resolve(self, module: Module, name: str) -> str | None:
        owner, _, bare = name.rpartition(".")
        if not owner:
            return f"{module.name}.{name}" if name in module.kinds else None
        if owner in module.data.module.reads and bare in self.by_name[owner].kinds:
            return name
        return None

    def _advice(self, module: Module, name: str, known: list[str]) -> str | None:
        owner, _, bare = name.rpartition(".")
        if owner in self.by_name and owner not in module.data.module.reads and bare in self.by_name[owner].kinds:
            return f'add "{owner}" to `reads` of [module]'
        return INSTEAD.get(name) or did_you_mean(name, known)

    def _equation(
        self,
        module: Module,
        text: str,
        key: tuple[str | int, ...],
        name: str,
        kind: str,
        unit: Unit | None,
        extra: Mapping[str, str] | None = None,
        **more: str | None,
    ) -> Equation:
        expression = module.expression(text, *key)
        scope = self._scope(module, expression, extra)
        return Equation(name, kind, module.name, expression, scope, unit, where=module.where(*key), **more)  # type: ignore[arg-type]

    def _expressions(self) -> dict[str, Equation]:
        found = {}
        for module in self.modules:
            for section, kind in (("expressions", "expression"), ("observables", "observable")):
                for name, line in getattr(module.data, section).items():
                    key = (section, name, "is")
                    unit = _unit(module, line.unit, section, name, "unit")
                    full = f"{module.name}.{name}"
                    found[full] = self._equation(
                        module,
                        line.is_,
                        key,
                        full,
                        kind,
                        unit,
                        about=line.about,
                        source=line.source,
                        evidence=line.evidence,
                    )
        return found

    def _contributions(self) -> tuple[list[Equation], list[Equation]]:
        used, left_out = [], []
        for module in self.modules:
            for i, line in enumerate(module.data.contributes):
                equation, known = self._contribution(module, i, line)
                (used if known else left_out).append(equation)
        seen: dict[str, Equation] = {}
        for equation in used:
            if equation.name in seen:
                message = f"`{equation.module}` contributes twice to one port under `{equation.mechanism}`"
                raise ModelError(message, equation.where, "combine the two, or give the mechanisms different names")
            seen[equation.name] = equation
        return used, left_out

    def _contribution(self, module: Module, i: int, line: Contribution) -> tuple[Equation, bool]:
        owner, _, port = line.to.partition(".")
        known = owner in self.by_name
        target = self.by_name.get(owner) or self._from_library(module, i, owner)
        if target.kinds.get(port) not in ("inputs", "modifiers"):
            ports = [f"{owner}.{p}" for p in (*target.data.inputs, *target.data.modifiers)]
            place = module.where("contributes", i, "to", needle=line.to)
            help = did_you_mean(line.to, ports) or "its ports are " + ", ".join(ports)
            raise ModelError(f"`{owner}` declares no port `{port}`", place, help)
        unit = _unit(module, line.unit, "contributes", i, "unit")
        name = f"{module.name}.{port}@{line.mechanism}"
        equation = self._equation(
            module,
            line.is_,
            ("contributes", i, "is"),
            name,
            "contribution",
            unit,
            about=line.about,
            source=line.source,
            evidence=line.evidence,
            mechanism=line.mechanism,
            port=line.to,
        )
        return equation, known

    def _from_library(self, module: Module, i: int, owner: str) -> Module:
        path = self.library.modules.get(owner)
        if path is None:
            place = module.where("contributes", i, "to", needle=owner)
            raise ModelError(f"there is no module `{owner}`", place, did_you_mean(owner, self.library.modules))
        return read_module(path)

    def _switches(self) -> dict[str, float]:
        switches: dict[str, float] = {}
        names = {f"{m.name}.{n}" for m in self.modules for n in m.kinds}
        for module in self.modules:
            for i, line in enumerate(module.data.contributes):
                if line.to.partition(".")[0] not in self.by_name:
                    continue
                if line.mechanism in names:
                    place = module.where("contributes", i, "mechanism", needle=line.mechanism)
                    raise ModelError(
                        f"`{line.mechanism}` is a quantity, so it cannot be the name of a mechanism", place
                    )
                before = switches.setdefault(line.mechanism, line.default)
                if before != line.default:
                    place = module.where("contributes", i, "default")
                    raise ModelError(f"mechanism `{line.mechanism}` has two different defaults", place)
        return switches

    def _ports(self, contributions: list[Equation]) -> dict[str, Port]:
        ports = {}
        for module in self.modules:
            for section, kind in (("inputs", "input"), ("modifiers", "modifier")):
                for name, line in getattr(module.data, section).items():
                    full = f"{module.name}.{name}"
                    acting = tuple(c.name for c in contributions if c.port == full)
                    unit = _unit(module, line.unit, section, name, "unit")
                    ports[full] = Port(full, kind, unit, line.about, acting)
        return ports

    def _derivatives(self) -> dict[str, Equation]:
        found = {}
        for module in self.modules:
            time = parse_unit(module.data.module.time)
            for name, text in module.data.derivatives.items():
                if name not in module.data.states:
                    help = did_you_mean(name, module.data.states)
                    raise ModelError(f"`{name}` is not a state", module.where("derivatives", name), help)
                unit = parse_unit(module.data.states[name].unit) / time
                full = f"{module.name}.{name}"
                found[full] = self._equation(module, text, ("derivatives", name), full, "derivative", unit)
            for name in module.data.states:
                if name not in module.data.derivatives:
                    message = f"state `{name}` has no line in [derivatives]"
                    raise ModelError(message, module.where("states", name))
        return found

    def _initials(self) -> dict[str, Equation]:
        found = {}
        for module in self.modules:
            for name, line in module.data.states.items():
                if line.initial is not None:
                    full = f"{module.name}.{name}"
                    key = ("states", name, "initial")
                    found[full] = self._equation(
                        module, line.initial, key, full, "initial", _unit(module, line.unit, "states", name, "unit")
                    )
        return found

    def _observables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for module in self.modules:
            for name in module.data.observables:
                if name in found:
                    message = f"observable `{name}` is also declared by `{found[name].partition('.')[0]}`"
                    raise ModelError(message, module.where("observables", name))
                found[name] = f"{module.name}.{name}"
        return found

    def _routes(self) -> dict[str, Route]:
        found = {}
        for module in self.modules:
            for name, line in module.data.doses.items():
                if line.to not in module.data.states:
                    place = module.where("doses", name, "to", needle=line.to)
                    raise ModelError(f"`{line.to}` is not a state", place, did_you_mean(line.to, module.data.states))
                full = f"{module.name}.{name}"
                fraction = self._equation(
                    module, line.bioavailability, ("doses", name, "bioavailability"), full, "dose", ONE
                )
                lag = self._equation(module, line.lag, ("doses", name, "lag"), full, "dose", parse_unit("h"))
                appetite = self._equation(module, line.appetite, ("doses", name, "appetite"), full, "dose", ONE)
                unit = _unit(module, line.unit, "doses", name, "unit")
                state = parse_unit(module.data.states[line.to].unit)
                if not (unit.same_kind(state) and unit.scale == state.scale):
                    place = module.where("doses", name, "unit", needle=line.unit)
                    raise UnitError(f"a dose in {unit} goes to `{line.to}`, which is in {state}", place)
                limits = (line.range[0], line.range[1]) if line.range else None
                rate, duration = (
                    self._equation(module, text, ("doses", name, part), full, "dose", own) if text else None
                    for part, text, own in (
                        ("rate", line.rate, unit / parse_unit("h")),
                        ("duration", line.duration, parse_unit("h")),
                    )
                )
                found[full] = Route(
                    full, f"{module.name}.{line.to}", unit, line.about, fraction, lag, appetite, rate, duration, limits
                )
        return found

    def _conditions(self) -> dict[str, dict[str, float]]:
        found = {}
        for module in self.modules:
            for name, line in module.data.conditions.items():
                for parameter in line.multiply:
                    if parameter not in module.data.parameters:
                        place = module.where("conditions", name, "multiply", parameter)
                        help = did_you_mean(parameter, module.data.parameters)
                        raise ModelError(f"`{module.name}` has no parameter `{parameter}`", place, help)
                found[f"{module.name}.{name}"] = {f"{module.name}.{p}": f for p, f in line.multiply.items()}
        return found

    def _rest(self, module: Module) -> RestPlan:
        rest = module.data.rest
        assert rest is not None
        unknown = f"{module.name}.rest.{rest.unknown}"
        known = {rest.unknown: unknown}
        if rest.inner:
            known[rest.inner.unknown] = f"{module.name}.rest.{rest.inner.unknown}"
        steps = []
        for name, text in rest.states.items():
            if name in module.data.states:
                full = f"{module.name}.{name}"
                unit = _unit(module, module.data.states[name].unit, "states", name, "unit")
            else:
                full, unit = f"{module.name}.rest.{name}", None
            key = ("rest", "states", name)
            steps.append(self._equation(module, text, key, full, "rest", unit, extra=known))
            if unit is None:
                known = {**known, name: full}
        for name, line in module.data.states.items():
            if line.initial is None and name not in rest.states:
                message = f"state `{name}` has no `initial` and no line in [rest.states]"
                raise ModelError(message, module.where("states", name))
        balance = self._equation(module, rest.balance, ("rest", "balance"), unknown, "balance", None, extra=known)
        unit = _unit(module, rest.unit, "rest", "unit")
        low, high = rest.between
        inner = None
        if rest.inner:
            second, key = known[rest.inner.unknown], ("rest", "inner", "balance")
            inner = Unknown(
                second,
                _unit(module, rest.inner.unit, "rest", "inner", "unit"),
                (rest.inner.between[0], rest.inner.between[1]),
                self._equation(module, rest.inner.balance, key, second, "balance", None, extra=known),
            )
        return RestPlan(module.name, unknown, unit, (low, high), balance, tuple(steps), inner)

    def _hold(self, module: Module) -> list[str]:
        run_in = module.data.run_in
        held = run_in.hold if run_in else []
        for name in held:
            if name not in module.data.states:
                help = did_you_mean(name, module.data.states)
                place = module.where("run_in", "hold", needle=name)
                raise ModelError(f"`{name}` is not a state", place, help)
        return [f"{module.name}.{name}" for name in held]

    def _run_in(self, part: str) -> dict[str, Equation]:
        found = {}
        for module in self.modules:
            if module.data.run_in is None:
                continue
            own = {n: f"{module.name}.{n}" for n in module.data.run_in.mean}
            for name, text in getattr(module.data.run_in, part).items():
                full = f"{module.name}.{name}"
                line = module.data.parameters.get(name)
                unit = parse_unit(line.unit) if line else None
                extra = own if part == "then" else None
                key = ("run_in", part, name)
                found[full] = self._equation(module, text, key, full, part, unit, extra=extra)
        return found


def _unit(module: Module, text: str, *key: str | int) -> Unit:
    try:
        return parse_unit(text)
    except ModelError as error:
        raise type(error)(error.message, module.where(*key, needle=text), error.help) from None
