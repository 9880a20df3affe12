"""Samples of one person at one visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Samples", "Series"]


@dataclass(frozen=True)
class Series:
    """Values of one quantity: minutes in ascending order, and values; both (n,)."""

    minutes: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.minutes)

    @property
    def row(self) -> np.ndarray:
        """The values as an array (1, n)."""
        return self.values[None, :]

    @property
    def basal(self) -> float:
        """Mean of the samples at minute 0 and before; NaN if there is none."""
        before = self.values[self.minutes <= 0]
        return float(before.mean()) if len(before) else float("nan")

    def from_zero(self) -> Series:
        """From minute 0 onwards, where it begins with the basal value; empty without one."""
        if not (self.minutes <= 0).any():
            return Series(np.zeros(0), np.zeros(0))
        after = self.minutes > 0
        minutes, values = self.minutes[after], self.values[after]
        return Series(np.concatenate([[0.0], minutes]), np.concatenate([[self.basal], values]))

    def at(self, minute: float) -> float:
        """The sample at a minute; NaN if there is none."""
        found = self.values[self.minutes == minute]
        return float(found[0]) if len(found) else float("nan")

    def covers(self, until: float) -> bool:
        """Whether there are samples from minute 0 until at least `until`."""
        return len(self) > 1 and self.minutes[0] <= 0 and self.minutes[-1] >= until


@dataclass(frozen=True)
class Samples:
    """Everything measured in one person at one visit.

    Attributes
    ----------
    label
        The subject, and the values of the columns that distinguish its visits.
    series
        By quantity, in the quantity's own unit; only those that were measured.
    """

    label: tuple[str, ...]
    series: Mapping[str, Series] = field(repr=False)

    def get(self, name: str) -> Series:
        """A series, empty if the quantity was not measured."""
        return self.series.get(name, Series(np.zeros(0), np.zeros(0)))
