"""What a test showed: curves of every subject, and the indices that are read off them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

__all__ = ["Curves", "Index"]


class Index(NamedTuple):
    """An index: unit, a value a subject (n,), and whether it takes all insulin in plasma for secreted."""

    unit: str
    values: np.ndarray
    of_secretion: bool = False


@dataclass(frozen=True)
class Curves:
    """Curves of a test; `curves[name]` is an array (n, m).

    Attributes
    ----------
    minutes
        Times of the curves, (m,).
    samples
        Minutes at which blood is drawn, all of them among `minutes`.
    values
        The curves by name.
    weight
        Of the subjects, kg, (n,).
    foreign
        Share of fasting insulin that comes from outside, (n,).
    steps, target
        Of a clamp: its steps (start, end, mU/kg/min), and the glucose each subject is held at, mg/dL, (n,).
    """

    minutes: np.ndarray
    samples: np.ndarray
    values: Mapping[str, np.ndarray] = field(repr=False)
    weight: np.ndarray = field(repr=False)
    foreign: np.ndarray = field(repr=False)
    steps: tuple[tuple[float, float, float], ...] = ()
    target: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]

    def drawn(self, name: str) -> np.ndarray:
        """A curve where blood is drawn, (n, samples)."""
        return self.values[name][:, np.searchsorted(self.minutes, self.samples)]

    def fasting(self, name: str) -> np.ndarray:
        """A curve at the start, (n,)."""
        return self.values[name][:, 0].copy()
