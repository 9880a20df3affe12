"""`stop DRUG`: stop a drug for good."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtorsim.scenario.conditions import NAME

from .action import Action, AtVisit, Deed, Resolver, cannot_be_read

__all__ = ["Stop"]


@dataclass(frozen=True)
class Stop(Action):
    """Stop a drug for good."""

    drug: str

    forms: ClassVar = {"stop": ("stop DRUG",)}

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Stop:
        """Read the sentence."""
        if not re.fullmatch(NAME, rest):
            raise cannot_be_read(said, "stop everolimus")
        return cls(said, rest)

    def resolve(self, resolver: Resolver) -> _Stopped:
        """Resolve it."""
        return _Stopped(self.drug, resolver.regimen(self.drug))


@dataclass(frozen=True)
class _Stopped(Deed):
    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Stop the drug."""
        visit.stop(str(self.drug), who)
