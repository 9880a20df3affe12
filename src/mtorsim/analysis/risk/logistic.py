"""Weighted logistic regression with a robust covariance, and the choice of predictors that the events can carry."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError

__all__ = ["EVENTS_EACH", "Choice", "Fit", "SeparatedError", "choose", "logistic", "probability"]

EVENTS_EACH = 10
"""Events, or people without one where they are fewer, that a predictor needs (Peduzzi et al., J. Clin. Epidemiol. 49
(1996) 1373; recalled)."""
MOST_EXPLAINED = 0.75
"""Share of a predictor's variance that others may explain, which is a variance inflation of 4."""
WIDEST = 6.0
"""Standard error of a coefficient, per SD of its predictor, from which on the likelihood has no maximum."""


class SeparatedError(Exception):
    """Predictors tell those with the outcome from those without: no odds ratio is finite."""


@dataclass(frozen=True)
class Fit:
    """Coefficients, intercept first, and their covariance."""

    coefficients: np.ndarray
    covariance: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Standard errors, intercept first."""
        return np.sqrt(np.diag(self.covariance))

    def logits(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds of people (n, predictors) and their standard errors, (n,) each."""
        rows = np.column_stack([np.ones(len(x)), x])
        return rows @ self.coefficients, np.sqrt(np.einsum("ij,jk,ik->i", rows, self.covariance, rows))


@dataclass(frozen=True)
class Choice:
    """The predictors that are used, in order of their strength alone; why others are not; and each one's fit alone."""

    names: tuple[str, ...]
    dropped: Mapping[str, str]
    alone: Mapping[str, Fit]
    fit: Fit | None


def probability(logit: np.ndarray) -> np.ndarray:
    """Probability of log-odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -700.0, 700.0)))


def logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray, offset: np.ndarray | None = None) -> Fit:
    """Fit a logistic regression to weighted people.

    The covariance is the sandwich of Huber and White with the weights of sampling, so that a person of weight 2 counts
    as two in the coefficients and as one in their intervals.

    Parameters
    ----------
    x
        Predictors, (n, predictors), which may be none.
    y
        1 with the outcome, 0 without, (n,).
    weights
        Weights of people, (n,).
    offset
        Log-odds that are added with the coefficient 1, (n,).

    Raises
    ------
    SeparatedError
        If the likelihood has no maximum.
    ArgumentError
        If statsmodels is not installed.
    """
    model, binomial = _library()
    middle, spread = np.average(x, axis=0, weights=weights), x.std(axis=0)
    scaled = np.column_stack([np.ones(len(x)), (x - middle) / spread])
    # A separated fit is told from its errors below.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            given = {"family": binomial(), "offset": offset, "var_weights": weights / weights.mean()}
            found = model(y, scaled, **given).fit(cov_type="HC0")
        except np.linalg.LinAlgError:
            raise SeparatedError from None
        model_based = np.diag(found.normalized_cov_params)
    if not found.converged or not np.isfinite(model_based).all() or (model_based > WIDEST**2).any():
        raise SeparatedError
    back = np.diag([1.0, *(1.0 / spread)])
    back[0, 1:] = -middle / spread
    return Fit(back @ found.params, back @ found.cov_params() @ back.T)


def choose(x: Mapping[str, np.ndarray], y: np.ndarray, weights: np.ndarray) -> Choice:
    """Choose the predictors that the outcome can carry, and fit them.

    Predictors are taken in order of their strength alone, the size of z; left out are those that do not vary, that
    separate, that follow from stronger ones, and those for which there are too few events.

    Parameters
    ----------
    x
        Predictors by name, (n,) each.
    y, weights
        As in `logistic`.
    """
    dropped: dict[str, str] = {}
    alone: dict[str, Fit] = {}
    for name, values in x.items():
        reason = _unfit(values, y)
        if reason is None:
            try:
                alone[name] = logistic(values[:, None], y, weights)
                continue
            except SeparatedError:
                reason = "alone it separates those with the outcome from those without"
        dropped[name] = reason
    order = sorted(alone, key=lambda name: -abs(alone[name].coefficients[1] / alone[name].errors[1]))
    events = int(min(y.sum(), len(y) - y.sum()))
    most = max(1, events // EVENTS_EACH)
    kept: list[str] = []
    for name in order:
        others = {k: x[k] for k in kept}
        if kept and _explained(x[name], others, weights) > MOST_EXPLAINED:
            dropped[name] = f"it follows from {_nearest(x[name], others)}"
        elif len(kept) == most:
            dropped[name] = f"too few events: {events}, of which each predictor needs {EVENTS_EACH}"
        else:
            kept.append(name)
    fit, kept = _fit_or_fewer(x, kept, y, weights, dropped)
    return Choice(tuple(kept), dropped, alone, fit)


def _unfit(values: np.ndarray, y: np.ndarray) -> str | None:
    """Why a predictor cannot be used whatever the others are, None if it can."""
    kinds = np.unique(values)
    if len(kinds) < 2 or np.ptp(values) < 1e-9 * np.abs(values).max():
        return "it is the same in everybody"
    if len(kinds) == 2:
        for value in kinds:
            share = y[values == value].mean()
            if share in (0.0, 1.0):
                return f"{'nobody' if share == 0.0 else 'everybody'} with the value {value:g} has the outcome"
    return None


def _fit_or_fewer(
    x: Mapping[str, np.ndarray], kept: list[str], y: np.ndarray, weights: np.ndarray, dropped: dict[str, str]
) -> tuple[Fit | None, list[str]]:
    """Fit the predictors, without the weakest until there is a maximum of the likelihood."""
    while kept:
        try:
            return logistic(np.column_stack([x[name] for name in kept]), y, weights), kept
        except SeparatedError:
            dropped[kept[-1]] = "with the others it separates those with the outcome from those without"
            kept = kept[:-1]
    return None, kept


def _explained(values: np.ndarray, others: Mapping[str, np.ndarray], weights: np.ndarray) -> float:
    """Share of a predictor's variance that others explain linearly."""
    root = np.sqrt(weights)
    rows = np.column_stack([np.ones(len(values)), *(v / v.std() for v in others.values())])
    found, *_ = np.linalg.lstsq(rows * root[:, None], values * root, rcond=None)
    rest = values - rows @ found
    return 1.0 - float(weights @ rest**2 / (weights @ (values - np.average(values, weights=weights)) ** 2))


def _nearest(values: np.ndarray, others: Mapping[str, np.ndarray]) -> str:
    """The one or two of the others that correlate most with a predictor."""
    size = {name: abs(float(np.corrcoef(values, v)[0, 1])) for name, v in others.items()}
    near = sorted(size, key=lambda name: -size[name])[:2]
    return " and ".join(near if size[near[0]] ** 2 <= MOST_EXPLAINED else near[:1])


def _library() -> tuple[Any, Any]:
    """The regression and the family of statsmodels.

    Raises
    ------
    ArgumentError
        If it is not installed.
    """
    try:
        from statsmodels.genmod.families import Binomial
        from statsmodels.genmod.generalized_linear_model import GLM
    except ModuleNotFoundError as lacking:
        help = 'install it with `pip install "mtorsim[risk]"`'
        raise ArgumentError(f"risks need a library that is not installed: {lacking.name}", help=help) from None
    return GLM, Binomial
