"""Limits of fasting glucose in reports."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["LIMITS", "limits_of", "ordered_limits", "worst_fasting"]


LIMITS = {">126": 126.0, ">160": 160.0, ">250": 250.0, ">500": 500.0}
"""mg/dL. 126 is the ADA's limit of diabetes; CTCAE 4.03 has grade 2 above 160, 3 above 250, 4 above 500."""


def limits_of(uln: float) -> dict[str, float]:
    """All limits by name, including the laboratory's upper limit of normal, mg/dL."""
    return {">ULN": uln, **LIMITS}


def ordered_limits(limits: Mapping[str, float]) -> list[tuple[str, float, bool]]:
    """Name, value and whether it is the ULN, for each limit in order, without duplicates."""
    uln = limits[">ULN"]
    names = sorted(limits, key=lambda n: (limits[n], n == ">ULN"))
    same = [n for n in names if n != ">ULN" and limits[n] == uln]
    return [(n, limits[n], limits[n] == uln) for n in names if not (same and n == ">ULN")]


def worst_fasting(fasting_glucose: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Highest fasting glucose of each subject over the visits after t = 0.

    Shapes: fasting_glucose (..., visits), NaN if not fasting or not reached; times (visits,).
    Returns (...), -inf if there is none.
    """
    after = fasting_glucose[..., times > 0]
    if not after.shape[-1]:
        return np.full(after.shape[:-1], -np.inf)
    return np.where(np.isnan(after), -np.inf, after).max(axis=-1)
