"""The mechanisms of a drug as named effects, and which of them can reach a quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mtorsim.errors import ArgumentError
from mtorsim.model.model import Model

__all__ = ["NamedEffect", "effects_on"]


@dataclass(frozen=True)
class NamedEffect:
    """Mechanisms that are switched as one.

    Attributes
    ----------
    name, label, family
        As declared in `[effects]` of the model files.
    mechanisms
        Switches of all modules that declare this name.
    """

    name: str
    label: str
    family: str
    mechanisms: tuple[str, ...]


def effects_on(model: Model, observable: str, switches: Mapping[str, float]) -> tuple[NamedEffect, ...]:
    """The effects through which a drug can reach an observable: those that are on, and on a path to it.

    Parameters
    ----------
    model
        The model.
    observable
        An observable, or the full name of a quantity.
    switches
        Value of every switch.

    Raises
    ------
    ArgumentError
        If no module declares an effect, or none reaches the observable.
    """
    found: dict[str, NamedEffect] = {}
    for module in model.modules:
        for name, line in module.data.effects.items():
            before = found[name].mechanisms if name in found else ()
            found[name] = NamedEffect(name, line.label, line.family, (*before, *line.mechanisms))
    if not found:
        names = ", ".join(m.name for m in model.modules)
        raise ArgumentError(f"no module of {names} declares effects", help="name mechanisms in an [effects] table")
    reaching = _reaching(model, model.observables.get(observable, observable))
    on = {
        effect.name: NamedEffect(effect.name, effect.label, effect.family, acting)
        for effect in found.values()
        if (acting := tuple(m for m in effect.mechanisms if m in reaching and switches.get(m)))
    }
    if not on:
        raise ArgumentError(f"no effect reaches `{observable}`", help="choose an observable that the drug changes")
    return tuple(on.values())


def _reaching(model: Model, quantity: str) -> set[str]:
    """Mechanisms of contributions on which a quantity depends, now or in time."""
    seen, stack, mechanisms = {quantity}, [quantity], set[str]()
    while stack:
        name = stack.pop()
        if name in model.ports:
            reads = set(model.ports[name].contributions)
        else:
            equations = (model.derivatives.get(name), model.equations.get(name), model.initials.get(name))
            reads = {read for e in equations if e is not None for read in e.scope.values()}
            if name in model.equations and (mechanism := model.equations[name].mechanism):
                mechanisms.add(mechanism)
        stack += reads - seen
        seen |= reads
    return mechanisms
