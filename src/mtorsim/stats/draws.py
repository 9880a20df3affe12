"""Keyed random numbers: each depends on (seed, subject, quantity, occasion) only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .portable import normal_quantile

__all__ = ["normal", "philox", "uniform", "word"]


_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _product(a: int, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """High and low 64 bits of the 128-bit product."""
    a_low, a_high = np.uint64(a & 0xFFFFFFFF), np.uint64(a >> 32)
    b_low, b_high = b & _LOW, b >> _HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> _HALF)
    cross = (middle & _LOW) + a_low * b_high
    high = a_high * b_high + (middle >> _HALF) + (cross >> _HALF)
    return high, np.uint64(a) * b


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[Any, Any]) -> np.ndarray:
    """First word of the Philox-4x64-10 block of each counter and key.

    Parameters
    ----------
    counter, key
        uint64 numbers or arrays, broadcast against each other.

    References
    ----------
    Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.
    """
    c0, c1, c2, c3, k0, k1 = np.broadcast_arrays(*(np.asarray(x, np.uint64) for x in (*counter, *key)))
    with np.errstate(over="ignore"):
        for _ in range(_ROUNDS):
            high0, low0 = _product(_MULTIPLIERS[0], c0)
            high1, low1 = _product(_MULTIPLIERS[1], c2)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = k0 + np.uint64(_WEYL[0]), k1 + np.uint64(_WEYL[1])
    return c0


@lru_cache(maxsize=8192)
def word(name: str) -> int:
    """Hash of a quantity's name, 64 bits."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def uniform(seed: int, names: Sequence[str], subjects: np.ndarray, occasion: np.ndarray | int = 0) -> np.ndarray:
    """Uniform numbers in (0, 1), one per name and subject.

    Parameters
    ----------
    seed
        Seed of the population.
    names
        Names of the quantities.
    subjects
        Subject numbers, from 0.
    occasion
        Number of the attempt, dose or visit; broadcast against `subjects`.

    Returns
    -------
    ndarray (names, *subjects.shape)
    """
    subjects = np.asarray(subjects, np.uint64)
    shape = (len(names),) + (1,) * subjects.ndim
    words = np.array([word(n) for n in names], np.uint64).reshape(shape)
    zero = np.uint64(0)
    bits = philox((subjects, np.asarray(occasion, np.uint64), zero, zero), (np.uint64(seed % 2**64), words))
    return ((bits >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53


def normal(seed: int, names: Sequence[str], subjects: np.ndarray, occasion: np.ndarray | int = 0) -> np.ndarray:
    """Standard normal deviates, one per name and subject; see `uniform`."""
    return normal_quantile(uniform(seed, names, subjects, occasion))
