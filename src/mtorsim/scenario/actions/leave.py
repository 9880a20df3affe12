"""`leave the study`: the subject leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .action import Action, AtVisit, Deed, Resolver, cannot_be_read

__all__ = ["Leave"]


@dataclass(frozen=True)
class Leave(Action):
    """The subject leaves the study."""

    forms: ClassVar = {"leave": ("leave the study",)}

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Leave:
        """Read the sentence."""
        if rest != "the study":
            raise cannot_be_read(said, "leave the study")
        return cls(said)

    def resolve(self, resolver: Resolver) -> _Left:
        """Resolve it."""
        return _Left(None, -1)


@dataclass(frozen=True)
class _Left(Deed):
    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Let subjects leave."""
        visit.leave(who)
