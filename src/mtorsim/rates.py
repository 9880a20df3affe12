"""Shares of subjects above a limit, with intervals; the worst scheduled fasting glucose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["LIMITS", "Share", "limit_names", "wilson", "worst_fasting"]

Array = np.ndarray

LIMITS = {">110": 110.0, ">126": 126.0, ">160": 160.0, ">250": 250.0}
"""mg/dL. 126 is the ADA's limit of diabetes, 160 and 250 CTCAE's limits of grades 2 and 3."""

_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A fraction with its 95 % interval."""

    count: int
    of: int
    limit: float

    def as_dict(self) -> dict[str, Any]:
        """As it stands in summary.json."""
        low, high = wilson(self.count, self.of)
        return {"value": self.count / self.of if self.of else math.nan, "low": low, "high": high}


def wilson(count: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction.

    References
    ----------
    Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    if of == 0:
        return math.nan, math.nan
    share = count / of
    denominator = 1 + _Z**2 / of
    centre = share + _Z**2 / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    low = 0.0 if count == 0 else (centre - spread) / denominator
    high = 1.0 if count == of else (centre + spread) / denominator
    return low, high


def limit_names(uln: float) -> dict[str, float]:
    """Every limit that is reported, by the name it is reported under."""
    return {**LIMITS, ">ULN": uln}


def worst_fasting(fasting_glucose: Array, times: Array) -> Array:
    """Highest fasting glucose of each subject over the visits after t = 0.

    Shapes: fasting_glucose (..., visits), NaN where not fasting or not reached; times (visits,).
    Returns (...), -inf where there is none.
    """
    after = fasting_glucose[..., times > 0]
    if not after.shape[-1]:
        return np.full(after.shape[:-1], -np.inf)
    return np.where(np.isnan(after), -np.inf, after).max(axis=-1)
