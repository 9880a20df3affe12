"""Events: instantaneous changes of a subject, coded as numbers in the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mtorsim.kernel.arguments import Doubles, Wholes

__all__ = ["ADD", "END", "MULTIPLY", "PARAMETER", "REPLACE", "Events"]

END = 0
"""The last event of a subject: its integration ends."""
ADD = 1
"""Add to a state: a dose, a meal."""
REPLACE = 2
"""Set a state."""
MULTIPLY = 3
"""Multiply a state."""
PARAMETER = 4
"""Set a parameter: a covariate changes, an infusion starts or ends."""


class Events(NamedTuple):
    """Events of subjects, as arrays for the kernel.

    Attributes
    ----------
    time, kind, row, amount
        One value per event: hours, one of the kinds above, the row of a state or a parameter, and the amount. Subjects
        may share events.
    first, last
        Subject i has the events `first[i]` to `last[i]`, in order of time.
    """

    time: Doubles
    kind: Wholes
    row: Wholes
    amount: Doubles
    first: Wholes
    last: Wholes

    @classmethod
    def listed(cls, courses: Sequence[Sequence[tuple[float, int, int, float]]]) -> Events:
        """Make events from lists of (time, kind, row, amount), one list per subject."""
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

    def fit(self, states: int, parameters: int) -> bool:
        """Whether each event refers to one of so many states or parameters; the kernel does not look."""
        ends = np.where(self.kind == PARAMETER, parameters, states)
        return bool(((self.row >= 0) & (self.row < ends)).all())

    def of(self, subjects: np.ndarray) -> Events:
        """The events of some subjects."""
        return self._replace(first=self.first[subjects], last=self.last[subjects])
