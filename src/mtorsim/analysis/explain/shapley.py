"""Shapley shares of an effect among its causes, from the effect of every coalition or of sampled permutations.

A coalition is a set of causes that act; its number has a bit for each. The share of a cause is its mean contribution
over all orders in which causes may be added; shares sum to the whole effect.

References
----------
Shapley 1953, A value for n-person games. Grabisch and Roubens 1999 for the interaction index. Castro, Gomez and Tejada
2009 for sampling permutations.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from mtorsim.stats.draws import uniform

__all__ = ["interactions", "orders", "shares", "shares_by_orders"]


def shares(values: np.ndarray) -> np.ndarray:
    """Exact Shapley shares.

    Parameters
    ----------
    values
        Value of every coalition, by its number, shape (..., 2**causes).

    Returns
    -------
    ndarray
        Share of each cause, (..., causes); their sum is the value of all causes less that of none.
    """
    causes = _causes(values)
    numbers = np.arange(2**causes)
    sizes = np.bitwise_count(numbers)
    weights = np.array([factorial(s) * factorial(causes - s - 1) / factorial(causes) for s in range(causes)])
    found = np.empty((*values.shape[:-1], causes))
    for j in range(causes):
        without = numbers[numbers >> j & 1 == 0]
        added = values[..., without | 1 << j] - values[..., without]
        found[..., j] = _weighted(added, weights[sizes[without]])
    return found


def interactions(values: np.ndarray) -> np.ndarray:
    """Interaction of each pair of causes: how much more both do together than each alone, on average over the others.

    Parameters
    ----------
    values
        As for `shares`.

    Returns
    -------
    ndarray
        Symmetric, (..., causes, causes), with zeros on the diagonal.
    """
    causes = _causes(values)
    found = np.zeros((*values.shape[:-1], causes, causes))
    if causes < 2:
        return found
    numbers = np.arange(2**causes)
    sizes = np.bitwise_count(numbers)
    weights = np.array([factorial(s) * factorial(causes - s - 2) / factorial(causes - 1) for s in range(causes - 1)])
    for j in range(causes):
        for k in range(j):
            rest = numbers[(numbers >> j & 1 == 0) & (numbers >> k & 1 == 0)]
            both, one, other = rest | 1 << j | 1 << k, rest | 1 << j, rest | 1 << k
            more = values[..., both] - values[..., one] - values[..., other] + values[..., rest]
            found[..., j, k] = found[..., k, j] = _weighted(more, weights[sizes[rest]])
    return found


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums over the last axis; unlike those of a matrix product, the same bits for any number of rows."""
    return np.ascontiguousarray(values * weights).sum(axis=-1)


def _causes(values: np.ndarray) -> int:
    count = values.shape[-1].bit_length() - 1
    if values.shape[-1] != 2**count:
        raise ValueError(f"{values.shape[-1]} values are not those of all coalitions")
    return count


def orders(causes: int, pairs: int, seed: int) -> np.ndarray:
    """Random orders of causes, each followed by its reverse, which halves the variance of what is nearly additive.

    Returns
    -------
    ndarray
        Shape (2 * pairs, causes).
    """
    keys = uniform(seed, ["order"], np.arange(pairs)[:, None], np.arange(causes)[None, :])[0]
    drawn = np.argsort(keys, axis=1)
    return np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(-1, causes)


def shares_by_orders(values: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shapley shares from sampled orders, with their standard errors.

    Parameters
    ----------
    values
        Values as causes are added in each order, from none to all, shape (..., orders, causes + 1).
    order
        The causes in each order, (orders, causes), as returned by `orders`.

    Returns
    -------
    shares, errors
        Shape (..., causes). Errors are those of means over independent pairs of orders.
    """
    steps = np.diff(values, axis=-1)
    added = np.empty_like(steps)
    for row, line in enumerate(order):
        added[..., row, line] = steps[..., row, :]
    pairs = added.reshape(*added.shape[:-2], -1, 2, added.shape[-1]).mean(axis=-2)
    count = pairs.shape[-2]
    error = (
        pairs.std(axis=-2, ddof=1) / np.sqrt(count)
        if count > 1
        else np.full(pairs.shape[:-2] + pairs.shape[-1:], np.nan)
    )
    return pairs.mean(axis=-2), error
