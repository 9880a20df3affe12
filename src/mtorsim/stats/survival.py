"""Time until something happens, in subjects who are looked at now and then and may leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["EventFree", "kaplan_meier"]

_Z = 1.959963984540054


@dataclass(frozen=True)
class EventFree:
    """One time of a Kaplan-Meier curve: who is at risk, has the event and leaves, and the share free of it, 95 % CI."""

    time: float
    at_risk: float
    events: float
    censored: float
    free: float
    low: float
    high: float


def kaplan_meier(
    times: Sequence[float], events: np.ndarray, censored: np.ndarray, size: float | None = None
) -> list[EventFree]:
    """The share of subjects to whom an event has not happened yet.

    Parameters
    ----------
    times
        Times at which subjects are looked at, ascending.
    events, censored
        Sum of the weights of those in whom it is first seen at each time, and of those seen then for the last time
        without it, (times,); an event precedes leaving at the same time.
    size
        Effective number of subjects, if weights differ; default: their sum.

    References
    ----------
    Kaplan & Meier, J. Am. Stat. Assoc. 53 (1958) 457; interval by Greenwood's variance of log(-log S).
    """
    of = float(events.sum() + censored.sum())
    scale = 1.0 if size is None or not of else size / of
    at_risk, free, variance = of, 1.0, 0.0
    found = []
    for time, event, gone in zip(times, events.tolist(), censored.tolist(), strict=True):
        if at_risk > 0 and event > 0:
            free *= max(1.0 - event / at_risk, 0.0)
            left = at_risk - event
            variance += event / (at_risk * left * scale) if left > 1e-9 * of else math.inf
        low, high = _interval(free, variance)
        found.append(EventFree(float(time), at_risk, event, gone, free, low, high))
        at_risk = max(at_risk - event - gone, 0.0)
    return found


def _interval(free: float, variance: float) -> tuple[float, float]:
    if free >= 1.0:
        return 1.0, 1.0
    if free <= 0.0 or not math.isfinite(variance):
        return 0.0, max(free, 0.0)
    spread = math.exp(_Z * math.sqrt(variance) / abs(math.log(free)))
    return free**spread, free ** (1 / spread)
