"""Scrambled Sobol points: uniform numbers that fill the space more evenly than random ones.

Point i of a seed is the same whatever the number of points, as for random numbers (`draws`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .draws import philox, word

__all__ = ["MOST_DIMENSIONS", "sobol"]

BITS = 32
MOST_DIMENSIONS = 21201
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def sobol(seed: int, names: Sequence[str], dimensions: Sequence[int], points: np.ndarray) -> np.ndarray:
    """Uniform numbers in (0, 1), one per name and point.

    Parameters
    ----------
    seed
        Seed of the scrambling.
    names, dimensions
        Names of the quantities, and the dimension of each.
    points
        Numbers of the points, from 0 to 2**32 - 1, (n,).

    Returns
    -------
    ndarray (names, n)

    References
    ----------
    Joe & Kuo, SIAM J. Sci. Comput. 30 (2008) 2635 (direction numbers, from SciPy); Owen, Randomly permuted
    (t,m,s)-nets and (t,s)-sequences, 1995 (nested scrambling; recalled), each swap by a hash of its interval.
    """
    index = np.asarray(points, np.uint64).astype(np.uint32)
    out = np.empty((len(names), len(index)))
    for j, (name, dimension) in enumerate(zip(names, dimensions, strict=True)):
        bits = np.zeros(len(index), np.uint32)
        for b, vector in enumerate(_vectors(dimension)):
            bits ^= np.where(index >> np.uint32(b) & np.uint32(1), vector, np.uint32(0))
        key = int(philox((0, 0, 0, 1), (np.uint64(seed % 2**64), np.uint64(word(name)))))
        out[j] = (_scrambled(bits, key) + 0.5) * 2.0**-BITS
    return out


@lru_cache(maxsize=4096)
def _vectors(dimension: int) -> tuple[np.uint32, ...]:
    """Direction numbers of a dimension; point i is the sum modulo 2 of those of its bits."""
    return tuple(np.uint32(v) for v in _table(1 << dimension.bit_length())[dimension])


@lru_cache(maxsize=16)
def _table(dimensions: int) -> np.ndarray:
    """Direction numbers of the first dimensions, (dimensions, BITS)."""
    from scipy.stats.qmc import Sobol

    made = Sobol(min(dimensions, MOST_DIMENSIONS), scramble=False, bits=BITS)
    # SciPy has no public access to them; a test compares points with SciPy's own.
    return np.asarray(vars(made)["_sv"], np.uint64)


def _scrambled(bits: np.ndarray, key: int) -> np.ndarray:
    """Swap the halves of the unit interval, the halves of each half, and so on, each by a chance of its own."""
    out = bits.copy()
    with np.errstate(over="ignore"):
        for level in range(BITS):
            # The interval that holds the point, of the 2**level intervals of this level.
            node = (bits.astype(np.uint64) >> np.uint64(BITS - level)) | np.uint64(1 << level)
            swap = (_mixed(np.uint64(key) + node * _GOLDEN) >> np.uint64(63)).astype(np.uint32)
            out ^= swap << np.uint32(BITS - 1 - level)
    return out


def _mixed(x: np.ndarray) -> np.ndarray:
    """A hash of 64 bits (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
