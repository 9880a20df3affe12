"""Risks that follow from what is known at the start: one model an outcome, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.files.html import card, table
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.stats.shares import Estimate

from .logistic import Fit, probability
from .nomogram import Nomogram
from .performance import Interval, Performance
from .predictors import Predictor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CAUTION", "OddsRatio", "Risk", "RiskModel"]

Z = 1.959963984540054
CAUTION = "Risks in a simulated population, for research and teaching, not for patient care."


@dataclass(frozen=True)
class OddsRatio:
    """The odds ratio of one predictor for a step of it.

    Attributes
    ----------
    step
        The difference of the predictor, in its unit.
    ratio
        With the other predictors held; None if the predictor is not in the model.
    alone
        Without other predictors; None if it has none.
    """

    predictor: Predictor
    step: float
    ratio: Interval | None
    alone: Interval | None

    @property
    def told(self) -> str:
        """The predictor with its step."""
        if self.predictor.binary:
            return self.predictor.label
        unit = "" if self.predictor.unit == "1" else f" {self.predictor.unit}"
        return f"{self.predictor.label}, per {self.step:.3g}{unit}"


@dataclass(frozen=True, repr=False)
class RiskModel:
    """A logistic model of one outcome.

    Attributes
    ----------
    outcome, definition
        Name, and how it is told.
    n, events
        Number of people who can have it, and of those who have it.
    already
        Number whose value at the start would count; for new diabetes they are left out, for grades they are not.
    rate
        Weighted share of people with the outcome.
    predictors
        Those in the model, from the strongest alone to the weakest.
    dropped
        Why other predictors are not in it, by name.
    fit
        Coefficients per unit of each predictor, intercept first, and their robust covariance.
    odds
        Odds ratios of all predictors.
    ranges, axes
        Lowest and highest value of each predictor in these people, and the ends of its axis in a nomogram.
    validation
        How good risks are in people who were not used to fit.
    people
        Numbers of the subjects (n,).
    predicted
        Risk of each of them by a model that was fitted without its fold (n,).
    observed
        1 for those with the outcome (n,).
    """

    outcome: str
    definition: str
    n: int
    events: int
    already: int
    rate: Estimate
    predictors: tuple[Predictor, ...]
    dropped: Mapping[str, str]
    fit: Fit
    odds: tuple[OddsRatio, ...]
    ranges: Mapping[str, tuple[float, float]]
    axes: Mapping[str, tuple[float, float]]
    validation: Performance
    people: np.ndarray = field(repr=False)
    predicted: np.ndarray = field(repr=False)
    observed: np.ndarray = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the predictors in the model."""
        return tuple(p.name for p in self.predictors)

    @cached_property
    def nomogram(self) -> Nomogram:
        """The model as points."""
        return Nomogram.of(self.predictors, self.fit.coefficients, self.axes)

    def risk(self, values: Mapping[str, float]) -> Estimate:
        """Risk of a person with its 95 % interval over samples of people."""
        logit, error = self.fit.logits(np.array([[values[name] for name in self.names]], float))
        middle, low, high = probability(logit[0] + Z * error[0] * np.array([0.0, -1.0, 1.0]))
        return Estimate(float(middle), float(low), float(high))

    def to_json(self) -> dict[str, Any]:
        """Return the model and its validation as plain values."""
        return {
            "definition": self.definition,
            "n": self.n,
            "events": self.events,
            "already": self.already,
            "rate": vars(self.rate),
            "predictors": self.names,
            "dropped": dict(self.dropped),
            "intercept": float(self.fit.coefficients[0]),
            "coefficients": dict(zip(self.names, self.fit.coefficients[1:].tolist(), strict=True)),
            "covariance": self.fit.covariance.tolist(),
            "odds_ratios": [
                {
                    "predictor": row.predictor.name,
                    "step": row.step,
                    "unit": row.predictor.unit,
                    "ratio": row.ratio and vars(row.ratio),
                    "alone": row.alone and vars(row.alone),
                }
                for row in self.odds
            ],
            "ranges": {name: list(ends) for name, ends in self.ranges.items()},
            "validation": self.validation.to_json(),
            "people": {
                "subject": self.people.tolist(),
                "predicted": self.predicted.tolist(),
                "observed": self.observed.astype(int).tolist(),
            },
        }

    def __repr__(self) -> str:
        v = self.validation
        return f"RiskModel({self.outcome}: {self.events} of {self.n}; {', '.join(self.names)}; c {v.c})"


@dataclass(frozen=True, repr=False)
class Risk:
    """Risks of hyperglycaemia on a drug from what is known before it.

    Attributes
    ----------
    models
        The model of each outcome, by its name.
    unfit
        Why other outcomes have no model, by name.
    subjects, status, weights
        Numbers of the subjects, how their courses ended, and their weights, (n,).
    values
        Value of each predictor at the start, (n,) by name.
    incomplete
        Number of people without a value of some predictor; they are left out.
    folds
        Number of parts of the cross-validation.
    """

    scenario: str
    title: str
    arm: str
    population: str
    seed: int
    folds: int
    models: Mapping[str, RiskModel]
    unfit: Mapping[str, str]
    predictors: tuple[Predictor, ...]
    incomplete: int
    subjects: np.ndarray = field(repr=False)
    status: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    values: Mapping[str, np.ndarray] = field(repr=False)

    def model(self, outcome: str | None = None) -> RiskModel:
        """The model of an outcome; default: of the first.

        Raises
        ------
        ArgumentError
            If the outcome is unknown or has no model.
        """
        if outcome is None:
            return next(iter(self.models.values()))
        if outcome in self.unfit:
            raise ArgumentError(f"`{outcome}` has no model: {self.unfit[outcome]}")
        if outcome not in self.models:
            raise ArgumentError(f"unknown outcome `{outcome}`", help=choose_from(outcome, self.models))
        return self.models[outcome]

    def probability(self, **values: float) -> dict[str, Estimate]:
        """Risk of every outcome for a person, with its 95 % interval.

        Parameters
        ----------
        **values
            Value of every predictor of the models, in the unit of `table`; known diabetes and male sex are 0 or 1.

        Returns
        -------
        dict
            An `Estimate` (`value`, `low`, `high`) by outcome. The interval is that of the mean risk of people with
            these values, over samples of virtual people; it does not hold what is not known of the model.

        Raises
        ------
        ArgumentError
            If a predictor is unknown or missing, or a value lies outside those of the people.
        """
        known = {p.name: p for p in self.predictors}
        for name in values:
            if name not in known:
                raise ArgumentError(f"unknown predictor `{name}`", help=choose_from(name, known))
        needed = dict.fromkeys(name for model in self.models.values() for name in model.names)
        missing = [name for name in needed if name not in values]
        if missing:
            raise ArgumentError("a value is missing: " + ", ".join(f"`{name}`" for name in missing))
        for model in self.models.values():
            for name in model.names:
                _check(known[name], values[name], model.ranges[name])
        return {outcome: model.risk(values) for outcome, model in self.models.items()}

    @property
    def failed(self) -> dict[int, str]:
        """The reason for each subject that failed, by number."""
        return {int(i): SENTENCES[int(s)] for i, s in zip(self.subjects, self.status, strict=True) if s != OK}

    @property
    def table(self) -> pd.DataFrame:
        """Odds ratios: one row per outcome and predictor; NaN for those that are not in the model."""
        import pandas as pd

        rows = []
        for outcome, model in self.models.items():
            for row in model.odds:
                ratio, alone = row.ratio or Interval(), row.alone or Interval()
                rows.append(
                    {
                        "outcome": outcome,
                        "predictor": row.predictor.name,
                        "step": row.step,
                        "unit": row.predictor.unit,
                        "odds_ratio": ratio.value,
                        "low": ratio.low,
                        "high": ratio.high,
                        "alone": alone.value,
                        "alone_low": alone.low,
                        "alone_high": alone.high,
                        "dropped": model.dropped.get(row.predictor.name, ""),
                    }
                )
        return pd.DataFrame(rows)

    @property
    def people(self) -> pd.DataFrame:
        """One row per subject: sampling weight, predictors, and each outcome with its risk by cross-validation."""
        import pandas as pd

        frame = pd.DataFrame(dict(self.values), index=pd.Index(self.subjects, name="subject"))
        frame.insert(0, "sampling weight", self.weights)
        for outcome, model in self.models.items():
            frame[outcome] = pd.Series(model.observed, index=model.people)
            frame[f"risk of {outcome}"] = pd.Series(model.predicted, index=model.people)
        return frame

    @property
    def told(self) -> str:
        """What was simulated, in a line."""
        return (
            f"risk from what is known at the start: arm {self.arm}, {len(self.subjects):,} people of {self.population}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return all models, their validation and who failed as plain values."""
        return {
            "scenario": self.scenario,
            "arm": self.arm,
            "population": self.population,
            "seed": self.seed,
            "subjects": len(self.subjects),
            "incomplete": self.incomplete,
            "folds": self.folds,
            "outcomes": {outcome: model.to_json() for outcome, model in self.models.items()},
            "unfit": dict(self.unfit),
            "failed": self.failed,
            "caution": CAUTION,
        }

    def __repr__(self) -> str:
        lines = [f"Risk({self.told}"]
        for outcome, model in self.models.items():
            lines.append(f"  {outcome}: {model.events} of {model.n}; {', '.join(model.names)}; c {model.validation.c}")
        lines += [f"  {outcome}: no model: {reason}" for outcome, reason in self.unfit.items()]
        return "\n".join([*lines, ")"])

    def _repr_html_(self) -> str:
        parts = []
        for outcome, model in self.models.items():
            rows = [[escape(row.told), str(row.ratio or "-"), str(row.alone or "-")] for row in model.odds]
            parts.append(table([escape(outcome), "odds ratio", "alone"], rows))
        return card(self.told, self.title, *parts, f"<p>{CAUTION}</p>")


def _check(predictor: Predictor, value: float, ends: tuple[float, float]) -> None:
    """Check that a value of a person is one that the model has seen."""
    name = predictor.name
    if isinstance(value, str) or not np.isfinite(value):
        raise ArgumentError(f"`{name}` must be a finite number")
    if predictor.binary and value not in (0, 1):
        raise ArgumentError(f"`{name}` = {value:g}: it is 0 or 1")
    low, high = ends
    if not low <= value <= high:
        unit = "" if predictor.unit == "1" else f" {predictor.unit}"
        help = "a logistic model says nothing beyond the people it was fitted to"
        raise ArgumentError(
            f"`{name}` = {value:g} is outside of what people had, {low:.4g} to {high:.4g}{unit}", help=help
        )
