"""`hold DRUG until CONDITION, then resume at 50 %`: interrupt dosing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtorsim.errors import ScenarioError
from mtorsim.scenario.conditions import NAME, Condition, read_condition

from .action import Action, AtVisit, Deed, Question, Resolver, cannot_be_read, hours, share

__all__ = ["Hold"]

_FORM = (
    rf"({NAME}) (?:until (?P<until>[^,]+)|for (?P<hours>[^,]+))"
    r"(?:, checked every (?P<check>[^,]+))?, then resume(?: at (?P<at>.+))?"
)


@dataclass(frozen=True)
class Hold(Action):
    """Hold a drug until a condition is met or a time has passed, then resume at the previous dose times `resume`.

    Attributes
    ----------
    check
        Hours between checks of subjects on hold; None for visits alone.
    """

    drug: str
    until: Condition | None
    hours: float | None
    check: float | None
    resume: float

    forms: ClassVar = {"hold": ("hold DRUG until CONDITION, then resume at 50 %", "hold DRUG for 2 weeks, then resume")}

    @property
    def rechecks(self) -> tuple[float, Condition] | None:
        """Interval and condition of checks between visits."""
        return (self.check, self.until) if self.check and self.until else None

    @classmethod
    def read(cls, verb: str, rest: str, said: str) -> Hold:
        """Read the sentence."""
        match = re.fullmatch(_FORM, rest)
        if match is None:
            raise cannot_be_read(said, *cls.forms["hold"])
        until, lasts, check, at = match["until"], match["hours"], match["check"], match["at"]
        if lasts and check:
            message = f"`{said}` ends after a time, so there is no condition to check"
            raise ScenarioError(message, help="remove `checked every`, or write `until` and a condition")
        return cls(
            said,
            match[1],
            read_condition(until) if until else None,
            hours(lasts) if lasts else None,
            hours(check) if check else None,
            share(at) if at else 1.0,
        )

    def resolve(self, resolver: Resolver) -> _Held:
        """Resolve it."""
        until = resolver.question(self.until) if self.until else None
        lasts = self.hours or np.inf
        return _Held(self.drug, resolver.regimen(self.drug), until, lasts, self.resume, self.check or 0.0)


@dataclass(frozen=True)
class _Held(Deed):
    until: Question | None
    hours: float
    resume: float
    every: float

    @property
    def check(self) -> float:
        """Hours between checks of subjects on hold."""
        return self.every

    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Hold the drug."""
        visit.hold(str(self.drug), who, hours=self.hours, resume=self.resume)

    def review(self, visit: AtVisit) -> None:
        """Resume in subjects who meet the condition."""
        if self.until is None or not visit.is_due(self.check):
            return
        held = visit.held(str(self.drug))
        if held.any():
            visit.look_at(self.until.first)
            visit.resume_now(str(self.drug), held & self.until.holds(visit.measured))
