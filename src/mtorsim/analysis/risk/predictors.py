"""What a clinic knows of a person before the first dose: laboratory values, traits, known diabetes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.results.result import Result
from mtorsim.run.plan import Draft
from mtorsim.trial.values import KNOWN

__all__ = ["KNOWN_DIABETES", "Predictor", "at_start", "graded_in", "named_predictors", "predictors_of", "recorded"]

KNOWN_DIABETES = "known_diabetes"
MEASURED = "_measured"
LABORATORY = {
    "fasting_glucose": ("fasting glucose", "mg/dL", 10.0),
    "glucose": ("glucose, not fasting", "mg/dL", 20.0),
    "hba1c": ("HbA1c", "%", 0.5),
    "c_peptide": ("C-peptide", "ng/mL", 1.0),
    "insulin": ("insulin", "uU/mL", 5.0),
}
"""Label, unit and step of recorded observables."""
TRAITS = {
    "age": ("age", "y", 10.0),
    "male": ("male sex", "1", 1.0),
    "bmi": ("body mass index", "kg/m^2", 5.0),
    "weight": ("body weight", "kg", 10.0),
    "height": ("height", "m", 0.1),
    "bsa": ("body surface area", "m^2", 0.2),
    "haematocrit": ("haematocrit", "1", 0.05),
}
"""Label, unit and step of covariates."""
HIDDEN = frozenset({"decline", "puberty", "adult_bmi", "sensitivity", "capacity"})
"""Covariates of populations that are parameters of the model in disguise."""


@dataclass(frozen=True)
class Predictor:
    """A quantity that is known at the start.

    Attributes
    ----------
    step
        The difference for which odds ratios are given, 1 for a predictor that is 0 or 1; None for the SD of the people.
    """

    name: str
    label: str
    unit: str
    step: float | None
    binary: bool = False


def recorded(draft: Draft) -> set[str]:
    """Observables that the model of a scenario has."""
    return {name for name, source in zip(draft.observables, draft.sources, strict=True) if source is not None}


def graded_in(draft: Draft) -> str:
    """The observable that is graded, without the error of its measurement."""
    return draft.graded.removesuffix(MEASURED)


def predictors_of(draft: Draft) -> dict[str, Predictor]:
    """All predictors that a scenario and its population have, by name.

    Covariates that are not in `TRAITS` belong to a user's own population; they are used if they are named.
    """
    there = recorded(draft)
    names = [graded_in(draft), *(n for n in ("hba1c", "c_peptide", "insulin") if n in there)]
    found = {}
    for name in names:
        label, unit, step = LABORATORY[name]
        own = draft.observables.get(name, unit)
        found[name] = Predictor(name, label, own, step if own == unit else None)
    units = {q.name: q.unit for q in draft.population.quantities}
    covariates = [*(n for n in TRAITS if n in draft.population.covariates), *sorted(draft.population.covariates)]
    for name in dict.fromkeys(covariates):
        if name not in HIDDEN:
            label, unit, step = TRAITS.get(name, (name, units[name], None))
            found[name] = Predictor(name, label, unit, step, name == "male")
    if any(f"group {group.name}" == KNOWN for group in draft.population.groups):
        found[KNOWN_DIABETES] = Predictor(KNOWN_DIABETES, "known diabetes", "1", 1.0, True)
    return found


def named_predictors(draft: Draft, names: Sequence[str] | None) -> tuple[Predictor, ...]:
    """The named predictors, or all that a clinic knows.

    Raises
    ------
    ArgumentError
        If one is unknown, or a parameter of the model.
    """
    known = predictors_of(draft)
    if names is None:
        return tuple(p for name, p in known.items() if name in {*LABORATORY, *TRAITS, KNOWN_DIABETES})
    if not names:
        raise ArgumentError("`predictors`: there must be at least one", help="leave it out for all")
    for name in names:
        if name in known:
            continue
        hidden = name in HIDDEN or name in {q.name for q in draft.population.quantities}
        if hidden and name not in LABORATORY:
            help = "choose from " + ", ".join(known)
            raise ArgumentError(f"`{name}` is a parameter of the model, which no clinic can measure", help=help)
        raise ArgumentError(f"unknown predictor `{name}`", help=choose_from(name, known))
    return tuple(known[name] for name in dict.fromkeys(names))


def at_start(result: Result, arm: str, predictors: Sequence[Predictor]) -> Mapping[str, np.ndarray]:
    """Values of the predictors before the first dose, (n,) each; NaN if not measured.

    Raises
    ------
    ArgumentError
        If the arm has no visit at the start.
    """
    if 0.0 not in result.manifest["visits_of_arm_h"][arm]:
        raise ArgumentError("no visit is at the start", help='begin `at` of [visits] with "0 weeks"')
    first, people = result.visits.sel(arm=arm, time=0.0), result.people
    found = {}
    for predictor in predictors:
        name = predictor.name
        if name in LABORATORY:
            found[name] = first[name + MEASURED if name + MEASURED in first else name].to_numpy()
        else:
            found[name] = np.asarray(people[KNOWN if name == KNOWN_DIABETES else name], float)
    return found
