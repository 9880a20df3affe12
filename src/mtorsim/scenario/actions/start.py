"""`start DRUG`: start a waiting regimen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtorsim.scenario.conditions import NAME

from .action import Action, AtVisit, Deed, Resolver, cannot_be_read, share

__all__ = ["Start"]


@dataclass(frozen=True)
class Start(Action):
    """Start a waiting regimen, at a fraction of the written dose."""

    drug: str
    level: float

    forms: ClassVar = {"start": ("start DRUG",)}

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Start:
        """Read the sentence."""
        match = re.fullmatch(rf"({NAME})(?: at (.+))?", rest)
        if match is None:
            raise cannot_be_read(said, "start metformin", "start metformin at 50 %")
        return cls(said, match[1], share(match[2]) if match[2] else 1.0)

    def resolve(self, resolver: Resolver) -> _Started:
        """Resolve it."""
        if not resolver.waits(self.drug):
            message = f"`{self.drug}` is given from t = 0, so a rule cannot start it"
            resolver.fail(message, help="write `waits = true` in its [[dose]]")
        return _Started(self.drug, resolver.regimen(self.drug), self.level)


@dataclass(frozen=True)
class _Started(Deed):
    level: float

    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Start the drug."""
        visit.start(str(self.drug), who, self.level)
