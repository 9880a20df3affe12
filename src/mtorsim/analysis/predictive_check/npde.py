"""Normalised prediction distribution errors: what is standard normal if the model is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtorsim.stats.draws import uniform
from mtorsim.stats.portable import normal_quantile

from .observations import Observations
from .replicates import numbers_of

__all__ = ["Errors", "decorrelated_errors", "exchangeable_errors", "prediction_errors"]

LEAST_OVER = 2
"""Replicates for each sample of a person, at least, for their covariance."""
WORST_CONDITION = 1e-10
"""Smallest pivot of a correlation matrix that can still be told from none."""


@dataclass(frozen=True)
class Errors:
    """Prediction errors of some samples.

    Attributes
    ----------
    npd
        Without decorrelation, (n,): standard normal each, but correlated within a person.
    npde
        With it, (n,); NaN where the simulated values of a person depend on each other linearly.
    mean
        Mean of the simulated values, (n,).
    flat
        Samples without any simulated spread, (n,): they have no errors.
    dependent
        Number of people without `npde`.
    exchangeable
        Errors of the measured samples, first, and of every replicate, each as one among all of them, (1 + replicates,
        n): exactly alike in distribution if the model is right. NaN where a replicate failed.
    """

    npd: np.ndarray
    npde: np.ndarray
    mean: np.ndarray
    flat: np.ndarray
    dependent: int
    exchangeable: np.ndarray


def prediction_errors(observed: Observations, simulated: np.ndarray, seed: int) -> Errors:
    """Prediction errors of all samples.

    Parameters
    ----------
    observed
        The samples.
    simulated
        Shape (replicates, n), NaN where one failed.
    seed
        Seed of the values that stand for those below the limit.

    Notes
    -----
    Brendel et al., Pharm. Res. 23 (2006) 2036; Comets et al., Comput. Methods Programs Biomed. 90 (2008) 154. Values
    below the limit of quantification are imputed from the simulated distribution below it, measured and simulated ones
    alike: Nguyen et al., J. Pharmacokinet. Pharmacodyn. 39 (2012) 499 (recalled).
    """
    n = len(observed)
    npd, npde = np.full(n, np.nan), np.full(n, np.nan)
    exchangeable = np.full((len(simulated) + 1, n), np.nan)
    mean, flat, dependent = np.full(n, np.nan), np.zeros(n, bool), 0
    for i in observed.people:
        mine = np.flatnonzero(observed.person == i)
        well = np.isfinite(simulated[:, mine]).all(axis=1)
        values, turns = simulated[np.ix_(well, mine)], np.flatnonzero(well)
        if len(values) < 2:
            continue
        mean[mine] = values.mean(axis=0)
        own, values = _imputed(observed, mine, values, turns, int(i), seed)
        spread = values.std(axis=0)
        flat[mine] = spread <= 1e-12 * np.maximum(np.abs(values).max(axis=0), 1e-300)
        some = ~flat[mine]
        if not some.any():
            continue
        npd[mine[some]] = _normal(own[some], values[:, some])
        found = decorrelated_errors(own[some], values[:, some])
        alike = exchangeable_errors(np.concatenate([own[None, some], values[:, some]]))
        if found is None or alike is None:
            dependent += 1
        else:
            npde[mine[some]] = found
            exchangeable[np.ix_(np.concatenate([[0], turns + 1]), mine[some])] = alike
    return Errors(npd, npde, mean, flat, dependent, exchangeable)


def decorrelated_errors(observed: np.ndarray, simulated: np.ndarray) -> np.ndarray | None:
    """The errors of one person's samples, decorrelated by the mean and covariance of the simulated ones.

    Parameters
    ----------
    observed
        Shape (n,).
    simulated
        Shape (replicates, n), finite and not constant.

    Returns
    -------
    ndarray (n,), or None
        None if the covariance is singular, or there are too few replicates to tell.
    """
    k, n = simulated.shape
    mean, sd = simulated.mean(axis=0), simulated.std(axis=0, ddof=1)
    scaled = (simulated - mean) / sd
    lower = _factor(scaled) if k >= LEAST_OVER * n + 2 else None
    if lower is None:
        return None
    return _normal(np.linalg.solve(lower, (observed - mean) / sd), np.linalg.solve(lower, scaled.T).T)


def exchangeable_errors(everyone: np.ndarray) -> np.ndarray | None:
    """Errors of measured and simulated samples, decorrelated and ranked among all of them alike, (m, n).

    Measured samples lie outside the replicates that give mean and covariance, so that their errors are a little larger
    than those of replicates: by a share of the samples of a person over the replicates. These here are not.

    Parameters
    ----------
    everyone
        Shape (m, n).

    Returns
    -------
    ndarray (m, n), or None
        None if the covariance is singular.
    """
    scaled = (everyone - everyone.mean(axis=0)) / everyone.std(axis=0, ddof=1)
    lower = _factor(scaled)
    if lower is None:
        return None
    apart = np.linalg.solve(lower, scaled.T).T
    rank = apart.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return normal_quantile((rank + 0.5) / len(everyone))


def _factor(scaled: np.ndarray) -> np.ndarray | None:
    """The Cholesky factor of the correlation matrix of standardised values, None if it is singular."""
    try:
        lower = np.linalg.cholesky(np.atleast_2d(scaled.T @ scaled / (len(scaled) - 1)))
    except np.linalg.LinAlgError:
        return None
    return None if (np.diag(lower) ** 2 < WORST_CONDITION).any() else lower


def _normal(observed: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Normal quantiles of the ranks of values among simulated ones, (n,).

    Ties count half. Beyond all K simulated ones the share is 1 / (2 K), or one minus it.
    """
    k = len(simulated)
    share = ((simulated < observed).sum(axis=0) + 0.5 * (simulated == observed).sum(axis=0)) / k
    return normal_quantile(np.clip(share, 0.5 / k, 1.0 - 0.5 / k))


def _imputed(
    observed: Observations, mine: np.ndarray, simulated: np.ndarray, turns: np.ndarray, who: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Values of one person in which those below the limit are replaced by random ones from below it."""
    own, limit = observed.value[mine].copy(), observed.limit[mine]
    if not observed.censored:
        return own, simulated
    values = simulated.copy()
    records = observed.record[mine].astype(np.uint64)
    numbers = numbers_of(np.full(len(turns), who), turns)
    theirs = uniform(seed, ["below the limit, simulated"], numbers[:, None], records[None, :])[0]
    ours = uniform(seed, ["below the limit, measured"], np.array([who]), records)[0]
    for j in range(len(mine)):
        under = simulated[:, j] < limit[j]
        # If the model never goes so low, the lowest it has stands for it: the sample remains an extreme one.
        pool = np.sort(simulated[under, j]) if under.any() else np.array([min(simulated[:, j].min(), limit[j])])
        values[under, j] = _drawn(pool, theirs[under, j])
        if observed.below[mine[j]]:
            own[j] = _drawn(pool, ours[j : j + 1])[0]
    return own, values


def _drawn(pool: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Values between those of an ordered pool, at shares u of it."""
    return np.interp(u * (len(pool) - 1), np.arange(len(pool)), pool)
