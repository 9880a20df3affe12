"""`titrate DRUG to drug_level 3 to 8 ug/L`: therapeutic drug monitoring."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtorsim.errors import ScenarioError
from mtorsim.scenario.conditions import NAME, NUMBER
from mtorsim.units.units import Unit, parse_unit

from .action import Action, Amount, AtVisit, Deed, Resolver, bounds, cannot_be_read

__all__ = ["Titrate"]

_FORM = "titrate DRUG to drug_level 3 to 8 ug/L, in steps of 0.25 mg, from 0.5 mg, up to 10 mg"


@dataclass(frozen=True)
class Titrate(Action):
    """Titrate to a level: outside the window, the dose changes by the ratio of the window's middle to the level."""

    drug: str
    quantity: str
    window: tuple[float, float]
    unit: Unit
    step: Amount | None
    low: Amount | None
    high: Amount | None

    forms: ClassVar = {"titrate": (_FORM,)}

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Titrate:
        """Read the sentence."""
        match = re.fullmatch(rf"({NAME}) to ({NAME}) ({NUMBER}) to ({NUMBER}) ([^,]+)((?:,.+)?)", rest)
        if match is None:
            raise cannot_be_read(said, *cls.forms["titrate"])
        low, high = float(match[3]), float(match[4])
        if not 0 < low < high:
            message = f"`{match[3]} to {match[4]}` is not a window: the first level must be the lower one"
            raise ScenarioError(message)
        limits, unit = bounds(match[6]), parse_unit(match[5].strip())
        return cls(
            said, match[1], match[2], (low, high), unit, limits.get("step"), limits.get("low"), limits.get("high")
        )

    def resolve(self, resolver: Resolver) -> _Titrated:
        """Resolve it."""
        window = tuple(resolver.limit(self.quantity, v, self.unit) for v in self.window)
        low, high = resolver.share(self.drug, self.low, 0.0), resolver.highest(self.drug, self.high)
        if low > high:
            resolver.fail("the lowest dose is above the highest", needle=self.text)
        step = resolver.share(self.drug, self.step, 0.0)
        return _Titrated(self.drug, resolver.regimen(self.drug), self.quantity, (window[0], window[1]), step, low, high)


@dataclass(frozen=True)
class _Titrated(Deed):
    quantity: str
    window: tuple[float, float]
    step: float
    low: float
    high: float

    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Adjust the dose towards the middle of the window, at most by a factor of 2."""
        drug, level, (low, high) = str(self.drug), visit.measured(self.quantity), self.window
        now = visit.dose(drug)
        with np.errstate(invalid="ignore", divide="ignore"):
            # Without a measured level, as under placebo, the dose is unchanged.
            outside = who & (now > 0) & (level > 0) & ((level < low) | (level > high))
            wanted = now * np.clip(np.sqrt(low * high) / level, 0.5, 2.0)
        wanted = np.where(outside, wanted, now)
        if self.step > 0:
            wanted = np.maximum(np.round(wanted / self.step), 1.0) * self.step
        wanted = np.clip(wanted, self.low, self.high)
        with np.errstate(invalid="ignore"):
            wanted = np.where(level > high, np.minimum(wanted, now), np.maximum(wanted, now))
        visit.set(drug, outside, np.minimum(wanted, 2.0 * now), "titrate")
