"""Curves of a test, and the indices computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

__all__ = ["Curves", "Index"]


class Index(NamedTuple):
    """An index: unit, values (n,), and whether it assumes that all plasma insulin is endogenous."""

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
        Sampling times in minutes, a subset of `minutes`.
    values
        The curves by name.
    weight
        Body weight, kg, (n,).
    foreign
        Exogenous share of fasting insulin, (n,).
    steps, target
        Of a clamp: its steps (start, end, mU/kg/min), and the glucose target of each subject, mg/dL, (n,).
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
        """A curve at the sampling times, (n, samples)."""
        return self.values[name][:, np.searchsorted(self.minutes, self.samples)]

    def fasting(self, name: str) -> np.ndarray:
        """A curve at minute 0, (n,)."""
        return self.values[name][:, 0].copy()
