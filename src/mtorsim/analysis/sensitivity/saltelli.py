"""Sobol indices by two independent samples A and B, and copies of A that take one input from B.

The samples are halves of one scrambled Sobol sequence. First-order indices follow Saltelli's estimator of 2010, total
ones Jansen's, as computed by `scipy.stats.sobol_indices`.

References
----------
Saltelli, Annoni, Azzini, Campolongo, Ratto and Tarantola 2010, Variance based sensitivity analysis of model output.
Jansen 1999. Archer, Saltelli and Sobol 1997 for bootstrap intervals. Owen 1998 for scrambling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc, sobol_indices

__all__ = ["Answers", "Indices", "design", "indices"]

RESAMPLES = 999
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Answers:
    """Answers to a design of n samples.

    Attributes
    ----------
    a, b
        To the two samples, (n,) each.
    mixed
        To A with one input from B, (inputs, n).
    """

    a: np.ndarray
    b: np.ndarray
    mixed: np.ndarray

    @classmethod
    def of_rows(cls, rows: np.ndarray, inputs: int) -> Answers:
        """Split answers to the rows of a `design`."""
        parts = rows.reshape(inputs + 2, -1)
        return cls(parts[0], parts[1], parts[2:])

    @property
    def whole(self) -> np.ndarray:
        """Answers to both independent samples, (2 n,)."""
        return np.concatenate([self.a, self.b])


@dataclass(frozen=True)
class Indices:
    """Sobol indices of each input, with intervals of 95 %.

    Attributes
    ----------
    first, total
        Shares of the variance: of the input alone, and of the input with all its interactions; (inputs,) each. A share
        near 0 may come out negative.
    first_interval, total_interval
        (inputs, 2) each.
    interactions, interactions_interval
        The share that no input has alone, and its interval (2,).
    """

    first: np.ndarray
    total: np.ndarray
    first_interval: np.ndarray
    total_interval: np.ndarray
    interactions: float
    interactions_interval: np.ndarray


def design(inputs: int, samples: int, seed: int) -> np.ndarray:
    """Places of all inputs, from 0 to 1: A, B, then A with each input from B in turn.

    Parameters
    ----------
    inputs
        Number of inputs.
    samples
        Number of samples, a power of 2.
    seed
        Seed of the scrambling.

    Returns
    -------
    ndarray
        ((inputs + 2) * samples, inputs).
    """
    both = qmc.Sobol(2 * inputs, rng=np.random.default_rng(seed)).random(samples)
    a, b = both[:, :inputs], both[:, inputs:]
    mixed = np.repeat(a[None], inputs, axis=0)
    for j in range(inputs):
        mixed[j, :, j] = b[:, j]
    return np.concatenate([a, b, *mixed])


def indices(answers: Answers, seed: int) -> Indices:
    """Indices with percentile bootstrap intervals over samples.

    The bootstrap takes samples for independent; those of a Sobol sequence fill space more evenly, so that intervals
    are rather too wide.

    Parameters
    ----------
    answers
        Finite, and not all the same, of at least two inputs.
    seed
        Seed of the bootstrap.
    """
    n = len(answers.a)
    drawn = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
    first, total = _estimated(answers, np.arange(n))
    again = np.array([_estimated(answers, some) for some in drawn])
    both = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    between = np.moveaxis(np.quantile(again, both, axis=0), 0, -1)
    rest = np.quantile(1 - again[:, 0].sum(axis=-1), both)
    return Indices(first, total, between[0], between[1], 1 - float(first.sum()), rest)


def _estimated(answers: Answers, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices from some of the samples."""
    given = {"f_A": answers.a[None, some], "f_B": answers.b[None, some], "f_AB": answers.mixed[:, None, some]}
    found = sobol_indices(func=given, n=len(some))
    return found.first_order, found.total_order
