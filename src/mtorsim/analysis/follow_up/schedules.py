"""Schedules of visits: published ones, regular ones, and the best for a number of visits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .detection import detect

__all__ = ["best_days", "published", "regular"]

WEEK = 7
EXCHANGES = 5
"""Most rounds in which each day is exchanged for a better one."""


def regular(every: int, days: int) -> np.ndarray:
    """Visits every so many days, (visits,)."""
    return np.arange(every, days, every)


def _then(first: tuple[int, ...], every: int, days: int) -> np.ndarray:
    """Some visits, then others at equal distances from the last of them."""
    return np.array([*first, *range(first[-1] + every, days, every)])


def published(days: int) -> Mapping[str, tuple[np.ndarray, str]]:
    """Days of published schedules, and where each stands."""
    return {
        "2-weekly for a month, then monthly": (
            _then((14, 28), 28, days),
            "recommended for close follow-up; as RECORD-1 and RADIANT-4 measured (recalled)",
        ),
        "every cycle": (regular(28, days), "with each cycle of 28 days"),
        "week 2 and 4, then 6-weekly": (_then((14, 28), 42, days), "as BOLERO-2 measured (recalled)"),
        "yearly": (regular(365, days), "everolimus label: before the start, and at least yearly (recalled)"),
    }


def best_days(
    true: np.ndarray, measured: np.ndarray, visits: int, limit: float, severe: float, step: int = WEEK
) -> np.ndarray:
    """Days on which a number of visits leaves the least time above the limit undetected, chosen one by one.

    Undetected time falls with each further visit, by less the more there are, so that choosing the best next visit
    comes close to the best set (Nemhauser 1978); then each is exchanged for a better one while there is one.

    Parameters
    ----------
    true, measured
        Every morning of the people for whom it is chosen, (n, days).
    visits
        Number of visits.
    step
        Days between candidates.
    """
    candidates = list(range(step, true.shape[1], step))
    visits = min(visits, len(candidates))

    def undetected(days: list[int]) -> float:
        return float(detect(true, measured, np.array(sorted(days)), limit, severe).above.sum())

    chosen: list[int] = []
    for _ in range(visits):
        left = [day for day in candidates if day not in chosen]
        # Of equally good days the first.
        chosen.append(min(left, key=lambda day: (undetected([*chosen, day]), day)))
    cost = undetected(chosen)
    for _ in range(EXCHANGES):
        before = cost
        for day in list(chosen):
            others = [d for d in chosen if d != day]
            best = min((d for d in candidates if d not in others), key=lambda d: (undetected([*others, d]), d))
            if undetected([*others, best]) < cost:
                chosen, cost = [*others, best], undetected([*others, best])
        if cost == before:
            break
    return np.array(sorted(chosen), int)
