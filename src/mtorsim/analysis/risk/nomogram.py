"""A nomogram: a logistic model as points that are added by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .predictors import Predictor

__all__ = ["Axis", "Nomogram", "axis_range"]

MOST = 100.0
"""Points between the ends of the axis that matters most."""


@dataclass(frozen=True)
class Axis:
    """One predictor, with the ends of its axis; 0 points lie at the end of lower risk."""

    predictor: Predictor
    low: float
    high: float
    coefficient: float
    scale: float

    def points(self, value: float) -> float:
        """Points of a value."""
        least = self.low if self.coefficient >= 0 else self.high
        return self.coefficient * (value - least) * self.scale

    @property
    def most(self) -> float:
        """Points at the end of higher risk."""
        return max(self.points(self.low), self.points(self.high))


@dataclass(frozen=True)
class Nomogram:
    """Points of predictors, and the risk of their sum.

    Attributes
    ----------
    axes
        From the predictor that matters most to the one that matters least.
    least
        Log-odds at 0 points.
    scale
        Points for one unit of log-odds.
    """

    axes: tuple[Axis, ...]
    least: float
    scale: float

    @classmethod
    def of(
        cls, predictors: Sequence[Predictor], coefficients: np.ndarray, ranges: Mapping[str, tuple[float, float]]
    ) -> Nomogram:
        """Make the nomogram of a logistic model.

        Parameters
        ----------
        predictors
            In the order of their coefficients.
        coefficients
            Log-odds for one unit, intercept first, (1 + predictors,).
        ranges
            Ends of each axis.
        """
        spans = [
            abs(b) * (ranges[p.name][1] - ranges[p.name][0]) for p, b in zip(predictors, coefficients[1:], strict=True)
        ]
        scale = MOST / max(spans)
        axes = [Axis(p, *ranges[p.name], float(b), scale) for p, b in zip(predictors, coefficients[1:], strict=True)]
        least = float(coefficients[0]) + sum(a.coefficient * (a.low if a.coefficient >= 0 else a.high) for a in axes)
        return cls(tuple(sorted(axes, key=lambda a: -a.most)), least, scale)

    @property
    def most(self) -> float:
        """The highest sum of points on the axes."""
        return sum(axis.most for axis in self.axes)

    def total(self, values: Mapping[str, float]) -> float:
        """Sum of the points of a person."""
        return sum(axis.points(values[axis.predictor.name]) for axis in self.axes)

    def risk(self, total: float) -> float:
        """Risk of a sum of points."""
        return 1.0 / (1.0 + math.exp(-(self.least + total / self.scale)))

    def total_of(self, risk: float) -> float:
        """Sum of points that has a risk."""
        return (math.log(risk / (1.0 - risk)) - self.least) * self.scale


def axis_range(predictor: Predictor, values: np.ndarray) -> tuple[float, float]:
    """Ends of a predictor's axis: the 1st and 99th percentile of people, out to half a step."""
    if predictor.binary:
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(values, (0.01, 0.99)))
    step = (predictor.step or 10.0 ** math.floor(math.log10(high - low))) / 2.0
    # Whole multiples of a step such as 0.1 are rounded, so that they print as they are meant.
    return round(math.floor(low / step) * step, 9), round(math.ceil(high / step) * step, 9)
