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
_HASH = (0x6C50B47C, 0xB82F1E52, 0xC7AFE638, 0x8D22F6E6)


def sobol(
    seed: int, names: Sequence[str], dimensions: Sequence[int], points: np.ndarray, occasion: np.ndarray | int = 0
) -> np.ndarray:
    """Uniform numbers in (0, 1), one per name and point.

    Parameters
    ----------
    seed
        Seed of the scrambling.
    names, dimensions
        Names of the quantities, and the dimension of each.
    points
        Numbers of the points, from 0 to 2**32 - 1, (n,).
    occasion
        Each occasion has a scrambling of its own, (n,) or one number.

    Returns
    -------
    ndarray (names, n)

    References
    ----------
    Joe & Kuo, SIAM J. Sci. Comput. 30 (2008) 2635 (direction numbers, from SciPy); Owen, Randomly permuted
    (t,m,s)-nets, 1995 (nested scrambling); Burley, J. Comput. Graph. Tech. 9 (2020) 1 (by a hash; recalled).
    """
    index = np.asarray(points, np.uint64).astype(np.uint32)
    turns = np.broadcast_to(np.asarray(occasion, np.uint64), index.shape)
    out = np.empty((len(names), len(index)))
    for j, (name, dimension) in enumerate(zip(names, dimensions, strict=True)):
        bits = np.zeros(len(index), np.uint32)
        for b, vector in enumerate(_vectors(dimension)):
            bits ^= np.where(index >> np.uint32(b) & np.uint32(1), vector, np.uint32(0))
        zero = np.uint64(0)
        keys = philox((turns, zero, zero, np.uint64(1)), (np.uint64(seed % 2**64), np.uint64(word(name))))
        out[j] = (_scrambled(bits, (keys >> np.uint64(32)).astype(np.uint32)) + 0.5) * 2.0**-BITS
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


def _scrambled(bits: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Permute the halves of the unit interval, their halves, and so on, each by its own chance."""
    with np.errstate(over="ignore"):
        x = _reversed(bits) + key
        for factor in _HASH:
            x = x ^ (x * np.uint32(factor))
        return _reversed(x)


def _reversed(x: np.ndarray) -> np.ndarray:
    """The bits in reverse order."""
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        low = np.uint32(mask)
        x = ((x >> np.uint32(shift)) & low) | ((x & low) << np.uint32(shift))
    return (x >> np.uint32(16)) | (x << np.uint32(16))
