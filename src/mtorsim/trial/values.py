"""Values of every subject at visits, from which endpoints are computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mtorsim.results.limits import worst_fasting
from mtorsim.results.result import Result
from mtorsim.scenario.grades import Grading
from mtorsim.stats.shares import Estimate, Share

__all__ = ["KNOWN", "ArmValues", "arm_values", "effective_size", "weighted_share"]

KNOWN = "group diabetic"
"""The group with known diabetes before the start."""


@dataclass(frozen=True)
class ArmValues:
    """Values of one arm's subjects.

    Attributes
    ----------
    weights
        Weights of the subjects (n,).
    worst, grade
        Highest measured glucose after baseline, -inf if not measured, and its grade (n,).
    glucose, hba1c
        Measured values at each visit (n, visits), NaN after a subject has left.
    times
        Times of the visits, hours.
    left
        Leaving time, hours, infinite for those who stayed (n,).
    known
        Mask of subjects with known diabetes before the start (n,).
    fasting
        Whether glucose is fasting glucose.
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
    fasting: bool

    @property
    def measured(self) -> bool:
        """Whether glucose was measured after baseline at all; if not, rates are undefined."""
        return bool(np.isfinite(self.glucose[:, self.times > 0]).any())

    def share(self, hit: npt.ArrayLike) -> Estimate:
        """Weighted share of subjects with measured glucose; None without measurements."""
        return weighted_share(np.asarray(hit), self.weights) if self.measured else Estimate()


def arm_values(result: Result, arm: str, grading: Grading, weights: np.ndarray) -> ArmValues:
    """Collect the values of an arm.

    Parameters
    ----------
    result
        Of the run.
    grading
        Grading by a version of the CTCAE.
    weights
        Weights of the subjects, (n,).
    """
    visits, people = result.visits.sel(arm=arm), result.people
    graded = result.manifest["graded"]
    visits = visits.sel(time=np.isin(visits.time, result.manifest["visits_of_arm_h"][arm]))
    glucose, times = visits[graded].to_numpy(), visits.time.to_numpy()
    # Failed subjects are included in every denominator, as not above any limit.
    worst = worst_fasting(glucose, times)
    hba1c = visits["hba1c_measured" if "hba1c_measured" in visits else "hba1c"].to_numpy()
    known = np.asarray(people[KNOWN], float) == 1 if KNOWN in people else np.zeros(len(people), bool)
    fasting = graded.startswith("fasting")
    return ArmValues(arm, weights, worst, grading.of(worst), glucose, hba1c, times, result.left[arm], known, fasting)


def effective_size(weights: np.ndarray) -> float:
    """Kish's effective sample size."""
    return round(float(weights.sum() ** 2 / (weights @ weights)), 1)


def weighted_share(hit: np.ndarray, weights: np.ndarray) -> Estimate:
    """Weighted share with its Wilson interval."""
    n, total = len(weights), weights.sum()
    return Share(float(weights @ hit / total * n), n, float(total**2 / (weights @ weights))).estimate
