"""Structural alternatives that the data cannot distinguish: pathway variants and alternative physiology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mtorsim.files.places import Place
from mtorsim.model.model import Model

from .parts import Setting
from .scenario import Scenario

__all__ = ["ALTERNATIVES", "BETWEEN", "VARIANTS", "alternatives_of", "with_variants"]


VARIANTS: Mapping[str, Mapping[str, float]] = {
    "secretion spared": {"secretion": 0.0},
    "insulin action spared": {"insulin_action": 0.0},
}
"""Mechanisms switched off in each treated arm: which share of the harm each has."""

ALTERNATIVES: Mapping[str, Mapping[str, float]] = {
    "compensation spared": {"secretion.compensation": 0.0},
    "the beta cell's brake not released": {"insulin_action.beta": 0.0},
    "glucose suppresses production completely": {"glucose_insulin.gmin": 0.0},
    "glucose suppresses half of production": {"glucose_insulin.gmin": 0.5},
    "no glucotoxicity": {"glucose_insulin.tox": 0.0},
}
"""Alternative physiology, in all arms and already before the start; not refitted."""

BETWEEN = " | "
"""Separator between the names of arm and variant, which is invalid in names of arms."""


def with_variants(scenario: Scenario) -> Scenario:
    """Return a scenario with all variants of its arms."""
    more = [
        replace(arm, name=f"{arm.name}{BETWEEN}{variant}", settings=_with(arm.settings, switches, scenario.place))
        for variant, switches in VARIANTS.items()
        for arm in scenario.arms
        if arm.is_treated
    ]
    return scenario.but(arms=(*scenario.arms, *more))


def _with(settings: Sequence[Setting], more: Mapping[str, float], place: Place) -> tuple[Setting, ...]:
    """An arm's settings with additional ones, which take precedence."""
    kept = [s for s in settings if s.name not in more]
    return (*kept, *(Setting(name, value, place) for name, value in more.items()))


def alternatives_of(model: Model) -> dict[str, dict[str, float]]:
    """The alternatives whose mechanisms and parameters a model has."""
    known = {*model.parameters, *(s.partition(".")[0] for s in model.switches), *model.switches}
    return {name: dict(settings) for name, settings in ALTERNATIVES.items() if known.issuperset(settings)}
