"""One engine at one tolerance, and how a subject's time falls into pieces between stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from problems import Setting

__all__ = ["Trial", "between"]


@dataclass(frozen=True)
class Trial:
    """One engine at one tolerance.

    Attributes
    ----------
    solve
        Solves for the first `subjects`; plasma glucose in mg/dL, shape (subjects, times).
    keep
        What must stay alive as long as `solve` is called.
    """

    method: str
    rtol: float
    subjects: int
    solve: Callable[[], np.ndarray]
    keep: Any = None


def between(setting: Setting, subject: int) -> Iterator[tuple[float, float, list[tuple[int, float]], slice]]:
    """Pieces of a subject's time without a dose in them.

    Each is start, end, what is given at the start, and which of the times lie after the start and up
    to the end.
    """
    events = setting.events
    mine = range(int(events.first[subject]), int(events.last[subject]))
    given: dict[float, list[tuple[int, float]]] = {0.0: []}
    for e in mine:
        if events.row[e] >= 0 and events.amount[e]:
            given.setdefault(float(events.time[e]), []).append((int(events.row[e]), float(events.amount[e])))
    end = 24.0 * setting.days
    stops = [*sorted(t for t in given if t < end), end]
    for t0, t1 in pairwise(stops):
        first, last = np.searchsorted(setting.times, [t0, t1], side="right")
        yield t0, t1, given[t0], slice(int(first), int(last))
