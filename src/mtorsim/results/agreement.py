"""Agreement of recomputed numbers with stored ones."""

from __future__ import annotations

import numpy as np

__all__ = ["agreement"]


def agreement(before: np.ndarray, now: np.ndarray) -> tuple[bool, float]:
    """Whether two arrays agree to the bit, and their largest relative difference.

    The difference is infinite if only one of two values is a number.
    """
    if np.array_equal(before, now, equal_nan=True):
        return True, 0.0
    if (np.isnan(before) != np.isnan(now)).any():
        return False, float("inf")
    size = np.maximum(np.abs(before), np.abs(now))
    return False, float(np.nanmax(np.abs(before - now) / np.where(size > 0, size, 1.0), initial=0.0))
