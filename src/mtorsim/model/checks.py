"""Checks of a model: units balance, values lie in range, sources are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mtorsim.errors import ModelError, SettingError, choose_from, did_you_mean
from mtorsim.files.references import Reference

from .dimensions import Balance, factor_between, rest_units, time_factor
from .file import Parameter
from .model import Equation, Model

__all__ = ["check_model", "check_states", "check_value"]


def check_model(model: Model, references: Mapping[str, Reference]) -> None:
    """Check all units, ranges and sources in a model.

    Raises
    ------
    UnitError
        If an equation's unit is not the declared one; only time is converted.
    ModelError
        If a value lies outside its range, or has no source or one that is not in references.bib.
    """
    _check(_Same(model), frozenset(references))


@dataclass(frozen=True, eq=False)
class _Same:
    """A model, equal to itself alone: models do not change, so that each is checked once."""

    model: Model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.model is other.model

    def __hash__(self) -> int:
        return id(self.model)


@lru_cache(maxsize=64)
def _check(same: _Same, references: frozenset[str]) -> None:
    """Check a model against the keys of a bibliography."""
    model = same.model
    for name in model.parameters:
        _check_parameter(model, name)
    _check_sources(model, references)
    for equation in (*model.equations.values(), *model.left_out):
        time_factor(model, equation)
    for table in (model.derivatives, model.initials, model.means, model.then):
        for equation in table.values():
            time_factor(model, equation)
    for dose in model.routes.values():
        for equation in (dose.bioavailability, dose.lag, dose.appetite, dose.rate, dose.duration):
            if equation is not None:
                time_factor(model, equation)
                _check_constant(model, equation)
    _check_rest(model)
    _check_named(model)


def _check_named(model: Model) -> None:
    """Raise if a node or an effect names what its module does not have."""
    for module in model.modules:
        own = {c.mechanism for c in module.data.contributes}
        for name, line in module.data.nodes.items():
            for quantity in (line.of, *line.parts):
                if quantity not in module.kinds:
                    message = f"`{module.name}` has no quantity `{quantity}`"
                    help = did_you_mean(quantity, module.kinds)
                    raise ModelError(message, module.where("nodes", name, needle=quantity), help)
        seen: dict[str, str] = {}
        for name, effect in module.data.effects.items():
            for mechanism in effect.mechanisms:
                where = module.where("effects", name, needle=mechanism)
                if mechanism not in own:
                    message = f"`{module.name}` has no contribution with the mechanism `{mechanism}`"
                    raise ModelError(message, where, choose_from(mechanism, own))
                if mechanism in seen:
                    raise ModelError(f"`{mechanism}` belongs to `{seen[mechanism]}` already", where)
                seen[mechanism] = name


def check_states(model: Model) -> None:
    """Check that every state has exactly one initial value."""
    rest = {s.name for s in model.rest.steps} if model.rest else set()
    for name in model.states:
        if name in rest and name in model.initials:
            message = f"state `{name}` has both an `initial` and a line in [rest.states]"
            raise ModelError(message, model.where(name), "remove one of them")
        if name not in rest and name not in model.initials:
            raise ModelError(f"state `{name}` has no `initial`", model.where(name))
    for name, (line, _) in model.parameters.items():
        computed = name in model.means or name in model.then
        if (line.origin == "run_in") != computed:
            message = f'`{name}` is marked `from = "run_in"` but not defined in [run_in]'
            if computed:
                message = f'[run_in] defines `{name}`, which is not marked `from = "run_in"`'
            raise ModelError(message, model.where(name), 'mark it `from = "run_in"` and define it in [run_in]')


def check_value(name: str, line: Parameter, value: float) -> None:
    """Check a value that replaces a parameter's own.

    Raises
    ------
    SettingError
        If it lies outside the parameter's plausible range.
    """
    if line.range and not line.range[0] <= value <= line.range[1]:
        low, high = line.range
        message = f"`{name}` = {value:g} is outside its plausible range {low:g} to {high:g}{_unit(line)}"
        copy = "to widen the range, copy the module beside your scenario and change it there"
        raise SettingError(message, help=f"{name} is {line.about}; {copy}")


def _check_parameter(model: Model, name: str) -> None:
    line, _ = model.parameters[name]
    where = model.where(name)
    if line.origin == "run_in":
        return
    if line.value is None:
        raise ModelError(f"parameter `{name}` has no `value`", where)
    for needed in ("source", "evidence"):
        if getattr(line, needed) is None and name.partition(".")[0] not in model.unitless:
            help = (
                "a key of references.bib" if needed == "source" else "kind of evidence: seen, recalled, fit, design ..."
            )
            raise ModelError(f"parameter `{name}` has no `{needed}`", where, help)
    if line.range and line.range[0] >= line.range[1]:
        raise ModelError(f"the range of `{name}` is empty", where)
    if line.range and not line.range[0] <= line.value <= line.range[1]:
        low, high = line.range
        message = f"`{name}` = {line.value:g} is outside its plausible range {low:g} to {high:g}{_unit(line)}"
        raise ModelError(message, where, "correct the value, or the range with its source")


def _check_sources(model: Model, references: Collection[str]) -> None:
    cited = [(line.source, model.where(name)) for name, (line, _) in model.parameters.items()]
    equations = (*model.equations.values(), *model.left_out)
    cited += [(eq.source, eq.where) for eq in equations]
    cited += [
        (line.source, m.where("conditions", n, "source"))
        for m in model.modules
        for n, line in m.data.conditions.items()
    ]
    for source, where in cited:
        if source is not None and source not in references:
            if where:
                at = where.text.find(source)
                where = where.narrowed(at, len(source)) if at >= 0 else where
            help = did_you_mean(source, references) or "add it to a references.bib beside the file"
            raise ModelError(f"source `{source}` is not in references.bib", where, help)


def _check_constant(model: Model, equation: Equation) -> None:
    """Check that a dose's fraction and lag, which are evaluated once, depend on parameters only."""
    for name, node in equation.expression.names().items():
        if equation.scope[name] not in model.parameters:
            message = f"`{name}` changes with time; a dose may depend on parameters only"
            raise ModelError(message, equation.expression.at(node))


def _check_rest(model: Model) -> None:
    if model.rest is None:
        return
    units = rest_units(model)
    for step in model.rest.steps:
        if step.unit is not None:
            factor_between(step, Balance(model, step, units).total())
    Balance(model, model.rest.balance, units).total()
    if model.rest.inner is not None:
        Balance(model, model.rest.inner.balance, units).total()


def _unit(line: Parameter) -> str:
    """A unit to put after a number; empty for a pure number."""
    return "" if line.unit == "1" else f" {line.unit}"
