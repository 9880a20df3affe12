"""What may be done to a subject at an instant: a number in the kernel, arrays around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mtorsim.kernel.arguments import Doubles, Wholes

__all__ = ["ADD", "MULTIPLY", "PARAMETER", "REPLACE", "STOP_ONLY", "Events"]

STOP_ONLY = 0
"""Nothing but a time to stop at."""
ADD = 1
"""Add to a state: a dose, a meal."""
REPLACE = 2
"""Put a state at a value."""
MULTIPLY = 3
"""Multiply a state."""
PARAMETER = 4
"""Set a parameter: a covariate changes, an infusion starts or ends."""


class Events(NamedTuple):
    """Events of subjects as the kernel takes them.

    Attributes
    ----------
    time, kind, row, amount
        One number an event: hours, one of the kinds above, the row of a state or a parameter, and how
        much. Subjects may share events.
    first, last
        The events of subject i are those from `first[i]` to `last[i]`, in order of time.
    """

    time: Doubles
    kind: Wholes
    row: Wholes
    amount: Doubles
    first: Wholes
    last: Wholes

    @classmethod
    def listed(cls, courses: Sequence[Sequence[tuple[float, int, int, float]]]) -> Events:
        """Events from lists of (time, kind, row, amount), a list for each subject."""
        given = [e for course in courses for e in course]
        counts = np.array([len(course) for course in courses], np.int64)
        last = np.cumsum(counts)
        return cls(
            np.array([g[0] for g in given], float),
            np.array([g[1] for g in given], np.int64),
            np.array([g[2] for g in given], np.int64),
            np.array([g[3] for g in given], float),
            last - counts,
            last,
        )

    def of(self, subjects: np.ndarray) -> Events:
        """Those of some subjects."""
        return self._replace(first=self.first[subjects], last=self.last[subjects])
