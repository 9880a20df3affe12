"""The posterior of standard normal deviates: the mode by Gauss and Newton, then adaptive importance sampling.

Nothing here knows of glucose: a problem is a function from deviates to residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtri

__all__ = ["Evaluated", "Mode", "Sampled", "find_mode", "resampled", "sample"]

STEP = 0.1
"""Step of the differences behind derivatives, in SDs: far above the error of a solve."""
MOST_STEPS = 12
ENOUGH = 0.03
"""Fall of the objective below which the mode is found."""
LENGTHS = np.array([1.0, 0.5, 0.2, 0.05])
"""Parts of a step that are tried at once."""
WIDER = 2.0
"""Factor on the covariance of the second component of a proposal, against tails that are too light."""
WIDER_SHARE = 0.2


@dataclass(frozen=True)
class Evaluated:
    """A problem at some deviates.

    Attributes
    ----------
    residuals
        Residuals in SDs, (n, m).
    log_weight
        Further terms of the logarithm of the density, (n,).
    """

    residuals: np.ndarray
    log_weight: np.ndarray


Problem = Callable[[np.ndarray], Evaluated]
"""From deviates (n, d) to residuals; those that cannot be computed are NaN."""


@dataclass(frozen=True)
class Mode:
    """The mode of a posterior.

    Attributes
    ----------
    deviates
        The mode, (d,).
    residuals, slopes
        Residuals there, (m,), and their derivatives, (m, d).
    covariance
        The inverse of the Gauss-Newton matrix, (d, d).
    objective
        Half the sum of squares of deviates and residuals, less the log weight.
    """

    deviates: np.ndarray
    residuals: np.ndarray
    slopes: np.ndarray
    covariance: np.ndarray
    objective: float
    steps: int


@dataclass(frozen=True)
class Sampled:
    """Weighted samples of a posterior.

    Attributes
    ----------
    deviates
        Shape (n, d).
    weights
        Normalised, (n,).
    """

    deviates: np.ndarray
    weights: np.ndarray

    @property
    def effective(self) -> float:
        """Effective sample size (Kish)."""
        return float(1.0 / np.sum(self.weights**2))

    @property
    def mean(self) -> np.ndarray:
        """Mean of the deviates, (d,)."""
        return self.weights @ self.deviates

    @property
    def sd(self) -> np.ndarray:
        """SD of the deviates, (d,)."""
        return np.sqrt(self.weights @ (self.deviates - self.mean) ** 2)


def _objective(deviates: np.ndarray, found: Evaluated) -> np.ndarray:
    """Minus the logarithm of the density, up to a constant, (n,); infinite where it cannot be computed."""
    half = 0.5 * (np.sum(deviates**2, axis=1) + np.sum(found.residuals**2, axis=1)) - found.log_weight
    return np.where(np.isfinite(half), half, np.inf)


def find_mode(
    problem: Problem, start: np.ndarray, slopes: np.ndarray | None = None, *, roughly: bool = False
) -> Mode | None:
    """Find the mode by damped Gauss-Newton steps; the points of each step are evaluated at once.

    Derivatives are differences at the start and at the mode, and are updated in between by what each step shows
    (Broyden 1965), unless a step fails.

    Parameters
    ----------
    start
        Deviates to begin with, (d,).
    slopes
        Derivatives of the residuals there, (m, d), if they are known.
    roughly
        Whether the last update of the derivatives is good enough, at the mode and for its covariance.

    Returns
    -------
    Mode or None
        None if the problem cannot be computed at the start.
    """
    here = np.array(start, float)
    found = problem(here[None])
    value = _objective(here[None], found)[0]
    if not np.isfinite(value):
        return None
    fresh = slopes is None
    known, pull = _slopes(problem, here, found) if slopes is None else (slopes, np.zeros(len(here)))
    damping, steps = 0.0, 0
    while steps < MOST_STEPS:
        step = _step(here, found.residuals[0], known, pull, damping)
        tried = here + LENGTHS[:, None] * step
        each = problem(tried)
        values = _objective(tried, each)
        best = int(np.argmin(values))
        fall = value - values[best]
        steps += 1
        if fall < ENOUGH and not fresh and not roughly:
            # What was guessed of the derivatives may be wrong: only derivatives at this place tell whether to stop.
            fresh = True
            known, pull = _slopes(problem, here, found)
            continue
        if fall <= 0:
            if damping >= 100.0 or fall > -ENOUGH:
                break
            damping = max(1.0, 10.0 * damping)
            continue
        moved, change = tried[best] - here, each.residuals[best] - found.residuals[0]
        known = known + np.outer(change - known @ moved, moved) / (moved @ moved)
        fresh = False
        here, value = tried[best], values[best]
        found = Evaluated(each.residuals[best : best + 1], each.log_weight[best : best + 1])
        if fall < ENOUGH:
            break
    if not fresh and not roughly:
        known, _ = _slopes(problem, here, found)
    covariance = np.linalg.inv(np.eye(len(here)) + known.T @ known)
    return Mode(here, found.residuals[0], known, covariance, float(value), steps)


def _step(here: np.ndarray, residuals: np.ndarray, slopes: np.ndarray, pull: np.ndarray, damping: float) -> np.ndarray:
    """A Gauss-Newton step, never longer than three SDs of the prior."""
    matrix = (1.0 + damping) * np.eye(len(here)) + slopes.T @ slopes
    step = -np.linalg.solve(matrix, here + slopes.T @ residuals - pull)
    return step * min(1.0, 3.0 / max(float(np.linalg.norm(step)), 1e-12))


def _slopes(problem: Problem, here: np.ndarray, found: Evaluated) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of residuals, (m, d), and of the log weight, (d,); a difference that fails counts as no change."""
    moved = here + STEP * np.eye(len(here))
    each = problem(moved)
    slopes = (each.residuals - found.residuals).T / STEP
    pull = (each.log_weight - found.log_weight[0]) / STEP
    well = np.isfinite(slopes).all(axis=0) & np.isfinite(pull)
    return np.where(well, slopes, 0.0), np.where(well, pull, 0.0)


def sample(
    problem: Problem, mode: Mode, normals: Callable[[int], np.ndarray], *, enough: float, rounds: int
) -> Sampled:
    """Sample a posterior by adaptive multiple importance sampling.

    Proposals are wider than the mode's covariance, and adapted, in the directions on which the data say something;
    in all others the prior is its own proposal.

    Parameters
    ----------
    mode
        Its mode, from which the first proposal is made.
    normals
        Independent standard normal numbers of a round, (n, d + 1); the last column chooses the component.
    enough
        Effective sample size at which sampling ends.
    rounds
        Largest number of rounds.

    References
    ----------
    Cornuet et al., Adaptive multiple importance sampling, Scand. J. Stat. 39 (2012) 798.
    """
    told, free = _directions(mode.slopes)
    centre = told.T @ mode.deviates
    covariance = told.T @ mode.covariance @ told
    rest = free.T @ mode.deviates
    proposals: list[tuple[np.ndarray, np.ndarray]] = []
    samples: list[np.ndarray] = []
    values: list[np.ndarray] = []
    found = Sampled(np.zeros((0, len(mode.deviates))), np.zeros(0))
    k = told.shape[1]
    for number in range(rounds):
        z = normals(number)
        factor = np.linalg.cholesky(covariance)
        proposals.append((centre, factor))
        wide = np.where(z[:, -1] < _WIDER_BELOW, np.sqrt(WIDER), 1.0)
        own = centre + wide[:, None] * (z[:, :k] @ factor.T)
        drawn = own @ told.T + (rest + z[:, k:-1]) @ free.T
        samples.append(drawn)
        values.append(-_objective(drawn, problem(drawn)))
        everything = np.concatenate(samples)
        outside = -0.5 * np.sum((everything @ free - rest) ** 2, axis=1)
        inside = everything @ told
        found = _weighted(everything, np.concatenate(values) - outside, inside, proposals)
        if found.effective >= enough:
            break
        centre, covariance = _refitted(found.weights, inside, centre, covariance)
    return found


_WIDER_BELOW = float(ndtri(WIDER_SHARE))
"""The normal deviate below which a share `WIDER_SHARE` lies."""
TELLING = 0.05
"""Least slope of the residuals, in SDs for one SD of the prior, along a direction on which the data say something."""


def _directions(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal directions on which the data say something, (d, k), and all others, (d, d - k)."""
    _, sizes, rows = np.linalg.svd(slopes, full_matrices=True)
    count = int(np.sum(sizes > TELLING))
    return rows[:count].T, rows[count:].T


def _weighted(
    drawn: np.ndarray, log_target: np.ndarray, inside: np.ndarray, proposals: list[tuple[np.ndarray, np.ndarray]]
) -> Sampled:
    """Weights of all samples against the mixture of all proposals; rounds are equally large."""
    densities = [_log_density(inside, centre, factor) for centre, factor in proposals]
    log_weight = log_target - (logsumexp(np.stack(densities), axis=0) - np.log(len(densities)))
    log_weight = np.where(np.isfinite(log_weight), log_weight, -np.inf)
    whole = float(np.asarray(logsumexp(log_weight)))
    weights = np.exp(log_weight - whole) if np.isfinite(whole) else np.full(len(drawn), 1.0 / len(drawn))
    return Sampled(drawn, weights)


def _log_density(x: np.ndarray, centre: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Logarithm of the density of a proposal's two components, (n,), up to a constant that all proposals share."""
    d = len(centre)
    squares = np.sum(np.linalg.solve(factor, (x - centre).T) ** 2, axis=0) if d else np.zeros(len(x))
    own = -0.5 * squares + np.log(1.0 - WIDER_SHARE)
    wide = -0.5 * squares / WIDER - 0.5 * d * np.log(WIDER) + np.log(WIDER_SHARE)
    return np.logaddexp(own, wide) - np.sum(np.log(np.diag(factor)))


def _refitted(
    weights: np.ndarray, inside: np.ndarray, centre: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A proposal moved towards the weighted mean and covariance, as far as the effective sample size warrants."""
    effective = 1.0 / np.sum(weights**2)
    trust = effective / (effective + 5.0 * len(centre))
    mean = weights @ inside
    apart = inside - mean
    own = (weights[:, None] * apart).T @ apart
    return centre + trust * (mean - centre), (1.0 - trust) * covariance + trust * own


def resampled(found: Sampled, count: int) -> np.ndarray:
    """Numbers of samples that stand for the posterior with equal weights, by systematic resampling, (count,)."""
    points = (np.arange(count) + 0.5) / count
    return np.minimum(np.searchsorted(np.cumsum(found.weights), points), len(found.weights) - 1)
