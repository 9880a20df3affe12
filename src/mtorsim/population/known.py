"""People of whom covariates are known, from the deviates of everything else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mtorsim.model.expressions import evaluate
from mtorsim.stats.portable import FUNCTIONS

from .population import WEIGHT, Population
from .quantity import Quantity, effect_of, skewed, spread

__all__ = ["people_at"]


def people_at(
    population: Population, deviates: Mapping[str, np.ndarray], given: Mapping[str, float]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """The people at given independent standard normal deviates, some of whose covariates are known.

    Parameters
    ----------
    population
        Their population.
    deviates
        An array (n,) for each of `population.deviating` that is not in `given`.
    given
        Values of covariates. Their deviates follow from them.

    Returns
    -------
    values, implied
        As for `Population.draw`, before anybody joins a group; and the deviates of given covariates, (n,) each.
    plausible : ndarray of bool, shape (n,)
        False if a quantity is outside the population's range.

    Raises
    ------
    PopulationError
        If a random effect is t-distributed: it has no deviate of its own.
    """
    z = dict(deviates)
    n = len(next(iter(z.values())))
    values: dict[str, np.ndarray] = {}
    implied: dict[str, np.ndarray] = {}
    plausible = np.ones(n, bool)
    for q in population.quantities:
        if q.df is not None:
            population.place.fail(f"`{q.name}` has a t-distributed random effect, which cannot be inferred")
        if q.covariate is not None and q.covariate in values:
            values[q.name] = values[q.covariate]
            continue
        median = np.broadcast_to(np.asarray(evaluate(q.median, values, FUNCTIONS), float), (n,))
        if q.name in given:
            values[q.name] = np.full(n, given[q.name])
            if q.sigma > 0:
                z[q.name] = implied[q.name] = _implied(population, q, median, values[q.name], z)
            continue
        if q.sigma > 0:
            i = population.correlated.index(q.name) if q.name in population.correlated else None
            eta = q.sigma * (z[q.name] if i is None else population.mixed(i, z))
            values[q.name] = spread(median, skewed(eta, q), q)
        else:
            values[q.name] = median
        if q.range:
            plausible &= (values[q.name] >= q.range[0]) & (values[q.name] <= q.range[1])
    values |= {f"group {group.name}": np.zeros(n) for group in population.groups}
    values[WEIGHT] = np.ones(n)
    return values, implied, plausible


def _implied(
    population: Population, q: Quantity, median: np.ndarray, value: np.ndarray, z: Mapping[str, np.ndarray]
) -> np.ndarray:
    """The independent deviate of a known covariate."""
    eta = effect_of(median, value, q)
    if q.name not in population.correlated:
        return eta / q.sigma
    row = population.cholesky[i := population.correlated.index(q.name)]
    before = sum((row[j] * z[population.correlated[j]] for j in range(i)), np.zeros(len(eta)))
    return (eta / q.sigma - before) / row[i]
