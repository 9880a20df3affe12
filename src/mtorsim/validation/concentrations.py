"""Pharmacokinetic metrics of a concentration profile: peak, trough, area, clearance, half-life."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["METRICS", "STEP", "Dosing", "Profile"]

STEP = 0.1
"""Hours between concentrations."""
TERMINAL = 1e-3, 1e-2
"""Terminal half-lives are fitted between these fractions of the peak."""


@dataclass(frozen=True)
class Dosing:
    """A regimen.

    Attributes
    ----------
    amount
        Amount of each dose, mg.
    every
        Hours between doses; None for a single dose.
    condition
        Condition of the drug's module, from the first dose onwards.
    over
        Duration of an infusion, hours.
    settings
        Parameters of the drug's module.
    """

    amount: float
    every: float | None = None
    condition: str | None = None
    over: float = 0.0
    settings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Profile:
    """Concentrations after a regimen.

    Attributes
    ----------
    dosing
        The regimen.
    time
        Hours after the first dose.
    level
        Concentrations in ug/L (unbound: nmol/L).
    """

    dosing: Dosing
    time: np.ndarray
    level: np.ndarray

    @property
    def last(self) -> Profile:
        """The last interval of a regimen; the whole profile of a single dose."""
        if self.dosing.every is None:
            return self
        keep = self.time >= self.time[-1] - self.dosing.every - STEP / 2
        return replace(self, time=self.time[keep], level=self.level[keep])

    @property
    def peak(self) -> float:
        """Highest level."""
        return float(self.last.level.max())

    @property
    def peak_time(self) -> float:
        """Hours from the dose to the highest level, by parabolic interpolation."""
        time, level = self.last.time, self.last.level
        i = int(np.clip(level.argmax(), 1, len(level) - 2))
        a, b, c = level[i - 1 : i + 2]
        return float(time[i] - time[0] + STEP * (a - c) / (2 * (a - 2 * b + c)))

    @property
    def area(self) -> float:
        """Area over one interval at steady state, equal to the total area of a single dose."""
        return self.moment(0)

    def moment(self, power: int) -> float:
        """Integral of level times time to a power, over `last`."""
        time, level = self.last.time, self.last.level
        return float(np.trapezoid(level * (time - time[0]) ** power, time))

    def area_of(self, hours: float) -> float:
        """Area over the last hours."""
        keep = self.time >= self.time[-1] - hours - STEP / 2
        return float(np.trapezoid(self.level[keep], self.time[keep]))

    @property
    def trough(self) -> float:
        """Level before the next dose."""
        return float(self.level[-1])

    def at(self, hours: float) -> float:
        """Level at a time."""
        return float(np.interp(hours, self.time, self.level))

    @property
    def clearance(self) -> float:
        """Dose over area, in L/h."""
        return 1000 * self.dosing.amount / self.area

    @property
    def half_life(self) -> float:
        """Terminal half-life in hours, of a single dose."""
        low, high = (share * self.level.max() for share in TERMINAL)
        tail = (self.level < high) & (self.level > low) & (self.time > self.time[self.level.argmax()])
        return float(-np.log(2) / np.polyfit(self.time[tail], np.log(self.level[tail]), 1)[0])

    @property
    def volume(self) -> float:
        """Volume of distribution at steady state, in L, of a single dose."""
        return self.clearance * (self.moment(1) / self.area - self.dosing.over / 2)


METRICS: Mapping[str, Callable[[Profile], float]] = {
    "Cmax": lambda p: p.peak,
    "Cmin": lambda p: p.trough,
    "Cmin_median": lambda p: p.trough,
    "C24_per_mg": lambda p: p.trough / p.dosing.amount,
    "tmax": lambda p: p.peak_time,
    "AUC": lambda p: p.area,
    "AUC12": lambda p: p.area_of(12),
    "AUC24": lambda p: p.area_of(24),
    "CL": lambda p: p.clearance,
    "CL_EU": lambda p: p.clearance,
    "CL/F": lambda p: p.clearance,
    "Vss": lambda p: p.volume,
    "t_half": lambda p: p.half_life,
    "unbound_trough": lambda p: p.trough,
    "unbound_average": lambda p: p.area_of(24) / 24,
}
"""Function and unit of each metric."""
