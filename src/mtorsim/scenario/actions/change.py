"""`reduce DRUG by 50 %`, `increase DRUG by 2 U, up to 60 U`, `set DRUG to 5 mg`: change the dose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtorsim.errors import ScenarioError
from mtorsim.scenario.conditions import NAME
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

from .action import Action, Amount, AtVisit, Deed, Resolver, bounds, cannot_be_read

__all__ = ["Change"]

_DIRECTIONS = {"reduce": -1, "increase": 1, "set": 0}
_EXAMPLES = {
    "reduce": ("reduce everolimus by 50 %", "reduce everolimus to 5 mg"),
    "increase": ("increase basal_insulin by 2 U, up to 60 U",),
    "set": ("set everolimus to 5 mg", "reduce everolimus to 50 %"),
}


@dataclass(frozen=True)
class Change(Action):
    """Change the dose.

    Attributes
    ----------
    by
        Factor on the current dose, or with `unit` an amount to add.
    to
        New dose relative to the written dose, or with `unit` an amount.
    low, high
        Limits of the dose.
    direction
        -1 if the dose may only decrease, 1 if it may only increase.
    """

    drug: str
    direction: int
    by: float | None = None
    to: float | None = None
    unit: Unit | None = None
    low: Amount | None = None
    high: Amount | None = None

    forms: ClassVar = {
        "reduce": ("reduce DRUG by 50 %",),
        "set": ("set DRUG to 5 mg",),
        "increase": ("increase DRUG by 2 U, up to 60 U",),
    }

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Change:
        """Read the sentence."""
        match = re.fullmatch(rf"({NAME}) to (.+)", rest) if verb != "increase" else None
        if match:
            return cls._to(match[1], match[2], _DIRECTIONS[verb], said)
        match = re.fullmatch(rf"({NAME}) by ([^,]+)((?:,.+)?)", rest) if verb != "set" else None
        if match is None:
            raise cannot_be_read(said, *_EXAMPLES[verb])
        limits = bounds(match[3])
        if "step" in limits:
            raise cannot_be_read(said, *_EXAMPLES[verb])
        return cls._by(match[1], match[2], _DIRECTIONS[verb], limits, said)

    @classmethod
    def _to(cls, drug: str, text: str, direction: int, said: str) -> Change:
        value, unit = parse_quantity(text)
        if value < 0:
            raise ScenarioError("a dose cannot be negative")
        if unit.same_kind(parse_unit("1")):
            return cls(said, drug, direction, to=convert(value, unit, parse_unit("1")))
        return cls(said, drug, direction, to=value, unit=unit)

    @classmethod
    def _by(cls, drug: str, text: str, direction: int, limits: dict[str, Amount], said: str) -> Change:
        value, unit = parse_quantity(text)
        low, high = limits.get("low"), limits.get("high")
        if value < 0:
            raise ScenarioError(f"`{text.strip()}` cannot be negative")
        if not unit.same_kind(parse_unit("1")):
            return cls(said, drug, direction, by=direction * value, unit=unit, low=low, high=high)
        factor = 1.0 + direction * convert(value, unit, parse_unit("1"))
        if factor < 0:
            raise ScenarioError("a dose cannot be reduced by more than 100 %")
        return cls(said, drug, direction, by=factor, low=low, high=high)

    def resolve(self, resolver: Resolver) -> _Changed:
        """Resolve it."""
        at = resolver.regimen(self.drug)
        if self.to is not None:
            high = resolver.highest(self.drug, (self.to, self.unit or parse_unit("1")))
            return _Changed(self.drug, at, 0.0, high, self.direction, 0.0, np.inf)
        assert self.by is not None
        factor, plus = self.by, 0.0
        if self.unit is not None:
            factor, plus = 1.0, resolver.share(self.drug, (self.by, self.unit), 0.0)
        raises = self.direction > 0
        low = resolver.share(self.drug, self.low, 0.0)
        high = resolver.highest(self.drug, self.high) if raises else resolver.share(self.drug, self.high, np.inf)
        if low > high:
            resolver.fail("the lowest dose is above the highest", needle=self.text)
        return _Changed(self.drug, at, factor, plus, self.direction, low, high)


@dataclass(frozen=True)
class _Changed(Deed):
    """Set the dose to `factor` times the current dose plus `plus`, relative to the written dose."""

    factor: float
    plus: float
    direction: int
    low: float
    high: float

    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Change the dose."""
        now = visit.level(str(self.drug))
        level = np.clip(now * self.factor + self.plus, self.low, self.high)
        # A reduction never raises a dose, whatever its limits, and vice versa.
        level = np.minimum(level, now) if self.direction < 0 else level
        level = np.maximum(level, now) if self.direction > 0 else level
        visit.set(str(self.drug), who, level)
