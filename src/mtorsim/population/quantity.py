"""Drawn quantities: their medians, and values from random effects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import PopulationError, did_you_mean
from mtorsim.files.places import Place
from mtorsim.model.expressions import Expression, evaluate
from mtorsim.stats.draws import normal, uniform
from mtorsim.stats.portable import FUNCTIONS, exp, log

__all__ = ["Quantity", "check_medians", "shaped", "skewed", "spread"]


@dataclass(frozen=True)
class Quantity:
    """A drawn quantity: its median and variability.

    Attributes
    ----------
    median
        If `distribution` is "share", the share with value 1; the others have 0.
    sigma
        SD of log(value), of logit(value), or of the value, by `distribution`.
    df, box_cox
        Degrees of freedom of a t-distributed random effect, or shape of a skewed one.
    iov
        SD of log(value) between occasions of a subject.
    unit, about, source, evidence
        As in the population's file, or else in the model.
    own
        Whether the population's file has a line for it.
    """

    name: str
    median: Expression
    sigma: float
    distribution: str
    range: tuple[float, float] | None = None
    covariate: str | None = None
    df: int | None = None
    box_cox: float | None = None
    iov: float = 0.0
    unit: str = "1"
    about: str = ""
    source: str = ""
    evidence: str = ""
    own: bool = False


def shaped(eta: np.ndarray, q: Quantity, seed: int, subjects: np.ndarray, attempt: np.ndarray | int) -> np.ndarray:
    """A random effect with heavier tails or skewed, from a normal one.

    A t-distributed one is a normal one over the square root of an independent chi-squared variable divided by its
    degrees of freedom; this keeps correlations in their order, and uses logarithms and normal deviates only.
    """
    if q.df is None:
        return skewed(eta, q)
    names = [f"chi-squared {k} {q.name}" for k in range(q.df // 2)]
    chi = np.zeros(len(subjects))
    for u in uniform(seed, names, subjects, attempt):
        chi = chi - 2.0 * log(u)
    if q.df % 2:
        chi = chi + normal(seed, [f"chi {q.name}"], subjects, attempt)[0] ** 2
    return eta / np.sqrt(chi / q.df)


def skewed(eta: np.ndarray, q: Quantity) -> np.ndarray:
    """A random effect after the transformation of Box and Cox, if it has one."""
    return (exp(q.box_cox * eta) - 1.0) / q.box_cox if q.box_cox else eta


def spread(median: np.ndarray, eta: np.ndarray | None, q: Quantity) -> np.ndarray:
    """Values of a quantity from its median and random effect."""
    if eta is None or q.sigma == 0:
        return median
    if q.distribution == "normal":
        return median + eta
    if q.distribution == "logit-normal":
        return 1.0 / (1.0 + exp(-(log(median / (1.0 - median)) + eta)))
    return median * exp(eta)


def effect_of(median: np.ndarray, value: np.ndarray, q: Quantity) -> np.ndarray:
    """The random effect that gives a quantity its value: the inverse of `spread`."""
    with np.errstate(all="ignore"):
        if q.distribution == "normal":
            return value - median
        if q.distribution == "logit-normal":
            return np.log(value / (1.0 - value)) - np.log(median / (1.0 - median))
        return np.log(value / median)


def check_medians(place: Place, quantities: list[Quantity]) -> None:
    """Check medians: they may use quantities drawn earlier, and portable functions."""
    before: dict[str, float] = {}
    for q in quantities:
        for name, node in q.median.names().items():
            if name not in before:
                later = name in {o.name for o in quantities}
                help = "move its line up" if later else did_you_mean(name, before)
                what = f"`{name}` is drawn later" if later else f"unknown name `{name}`"
                raise PopulationError(what, q.median.at(node), help)
        try:
            value = float(evaluate(q.median, before, FUNCTIONS))
        except (ZeroDivisionError, OverflowError):
            value = math.nan
        within = {"log-normal": value > 0, "logit-normal": 0 < value < 1}.get(q.distribution, True) or q.sigma == 0
        if q.distribution == "share":
            within = 0 <= value <= 1
        if not (math.isfinite(value) and within):
            between = "a number between 0 and 1"
            what = {"log-normal": "a positive number", "logit-normal": between, "share": between}
            wanted = what.get(q.distribution, "a finite number") if math.isfinite(value) else "a finite number"
            centre = "share" if q.distribution == "share" else "median"
            message = f"the {centre} of `{q.name}` is {value:g}: it must be {wanted}"
            if q.median.where is None:
                place.fail(message, "parameters", q.name)
            raise PopulationError(message, q.median.where)
        if q.range and not q.range[0] <= value <= q.range[1]:
            message = f"the median of `{q.name}`, {value:g}, is outside its own range"
            raise PopulationError(message, q.median.where)
        before[q.name] = value
