"""What the endpoints of an arm are made of: every subject's values at the visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mtorsim.results.limits import worst_fasting
from mtorsim.results.result import Result
from mtorsim.scenario.grades import Grading
from mtorsim.stats.shares import Estimate, Share

__all__ = ["ArmValues", "arm_values", "effective_size", "weighted_share"]

KNOWN = "group diabetic"
"""The group of those who are known to have diabetes before the start."""


@dataclass(frozen=True)
class ArmValues:
    """One arm, subject by subject.

    Attributes
    ----------
    weights
        Of the subjects (n,).
    worst, grade
        Worst measured fasting glucose after the start, -inf where none was measured; and its grade (n,).
    glucose, hba1c
        As measured at each visit (n, visits), NaN where a subject was not there.
    times
        Of the visits, hours.
    left
        When each left, hours, infinite for those who stayed (n,).
    known
        Mask of those who are known to have diabetes before the start (n,).
    """

    arm: str
    weights: np.ndarray
    worst: np.ndarray
    grade: np.ndarray
    glucose: np.ndarray
    hba1c: np.ndarray
    times: np.ndarray
    left: np.ndarray
    known: np.ndarray

    @property
    def measured(self) -> bool:
        """Whether fasting glucose was measured at all after the start: what nobody measured is no rate of 0."""
        return bool(np.isfinite(self.glucose[:, self.times > 0]).any())

    def share(self, hit: npt.ArrayLike) -> Estimate:
        """A weighted share of those in whom glucose was measured; none where it was not."""
        return weighted_share(np.asarray(hit), self.weights) if self.measured else Estimate()


def arm_values(result: Result, arm: str, grading: Grading, weights: np.ndarray) -> ArmValues:
    """What the endpoints of an arm are made of.

    Parameters
    ----------
    result
        Of the run.
    grading
        Version of the CTCAE.
    weights
        Of the subjects, (n,).
    """
    visits, people = result.visits.sel(arm=arm), result.people
    glucose, times = visits[result.manifest["graded"]].to_numpy(), visits.time.to_numpy()
    # Failed subjects count in every denominator, as not above any limit.
    worst = worst_fasting(glucose, times)
    hba1c = visits["hba1c_measured" if "hba1c_measured" in visits else "hba1c"].to_numpy()
    known = np.asarray(people[KNOWN], float) == 1 if KNOWN in people else np.zeros(len(people), bool)
    return ArmValues(arm, weights, worst, grading.of(worst), glucose, hba1c, times, result.left[arm], known)


def effective_size(weights: np.ndarray) -> float:
    """Kish's effective number of subjects."""
    return round(float(weights.sum() ** 2 / (weights @ weights)), 1)


def weighted_share(hit: np.ndarray, weights: np.ndarray) -> Estimate:
    """A weighted share with its Wilson interval."""
    n, total = len(weights), weights.sum()
    return Share(float(weights @ hit / total * n), n, float(total**2 / (weights @ weights))).estimate
