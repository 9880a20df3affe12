"""Actions of a rule: parsed text, then a resolved action, then its application at a visit."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NoReturn, Protocol

import numpy as np

from mtorsim.errors import ScenarioError
from mtorsim.scenario.conditions import Condition
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

__all__ = ["Action", "Amount", "AtVisit", "Deed", "Question", "Resolver", "bounds", "cannot_be_read", "hours", "share"]

Amount = tuple[float, Unit]
"""Pattern of a number with its unit."""


class Question(Protocol):
    """A condition in the units of the measured quantities."""

    @property
    def first(self) -> str:
        """The quantity shown in the ledger."""
        ...

    def holds(self, measured: Callable[[str], np.ndarray]) -> np.ndarray:
        """Mask of subjects for whom it holds, (n,)."""
        ...


class Resolver(Protocol):
    """Resolves names and units in an action: the arm's drugs and measured quantities."""

    def regimen(self, drug: str) -> int:
        """Number of a drug among those that are dosed."""
        ...

    def waits(self, drug: str) -> bool:
        """Whether it waits until a rule starts it."""
        ...

    def question(self, condition: Condition) -> Question:
        """Convert a condition to the units of the measured quantities."""
        ...

    def limit(self, quantity: str, value: float, unit: Unit) -> float:
        """Convert a limit to the unit of the measured quantity."""
        ...

    def share(self, drug: str, amount: Amount | None, default: float) -> float:
        """Convert an amount to a fraction of the written dose."""
        ...

    def highest(self, drug: str, amount: Amount | None) -> float:
        """Convert the highest dose to a fraction of the written dose; a drug with a plausible range needs one."""
        ...

    def fail(self, message: str, *, help: str | None = None, needle: str | None = None) -> NoReturn:
        """Raise an error at the place of the action."""
        ...


class AtVisit(Protocol):
    """The interface of an action to a visit; see `mtorsim.Visit`."""

    time: float
    measured: Callable[[str], np.ndarray]

    def dose(self, drug: str) -> np.ndarray: ...
    def level(self, drug: str) -> np.ndarray: ...
    def held(self, drug: str) -> np.ndarray: ...
    def is_due(self, check: float) -> bool: ...
    def look_at(self, quantity: str) -> None: ...
    def hold(self, drug: str, who: np.ndarray, *, hours: float = ..., resume: float = ...) -> None: ...
    def resume_now(self, drug: str, who: np.ndarray) -> None: ...
    def stop(self, drug: str, who: np.ndarray) -> None: ...
    def start(self, drug: str, who: np.ndarray, level: float = ...) -> None: ...
    def set(self, drug: str, who: np.ndarray, level: np.ndarray | float, what: str = ...) -> None: ...
    def leave(self, who: np.ndarray) -> None: ...


@dataclass(frozen=True)
class Deed(ABC):
    """A resolved action.

    Attributes
    ----------
    drug
        The drug; None for an action on the subject.
    regimen
        Its number among those that are dosed, -1 for none.
    """

    drug: str | None
    regimen: int

    @property
    def check(self) -> float:
        """Hours between checks, counted from each visit; 0 for visits alone."""
        return 0.0

    @abstractmethod
    def apply(self, visit: AtVisit, who: np.ndarray) -> None:
        """Apply it to some subjects at a visit."""

    def review(self, visit: AtVisit) -> None:  # noqa: B027 - most deeds have nothing to look at again
        """Review earlier applications; called at every visit and check, before the rules."""


@dataclass(frozen=True)
class Action(ABC):
    """A parsed action.

    Attributes
    ----------
    text
        The text of the action.
    """

    text: str

    forms: ClassVar[Mapping[str, tuple[str, ...]]]
    """The syntax of the action for each verb."""

    @property
    def drug_name(self) -> str | None:
        """The drug, which must be dosed; None for an action on the subject."""
        return getattr(self, "drug", None)

    @property
    def rechecks(self) -> tuple[float, Condition] | None:
        """Interval of checks in hours and their condition; None for visits alone."""
        return None

    @classmethod
    @abstractmethod
    def read(cls, verb: str, rest: str, said: str) -> Action:
        """Parse the action `said`, given also as verb and rest."""

    @abstractmethod
    def resolve(self, resolver: Resolver) -> Deed:
        """Resolve it against the drugs of an arm and the units of measured quantities."""


def cannot_be_read(said: str, *examples: str) -> ScenarioError:
    """The error for invalid syntax."""
    return ScenarioError(
        f"`{said}` cannot be read", help="write for example " + " or ".join(f"`{e}`" for e in examples)
    )


def hours(text: str) -> float:
    """Parse a positive time, in hours."""
    value, unit = parse_quantity(text)
    found = convert(value, unit, parse_unit("h"))
    if not found > 0:
        raise ScenarioError(f"`{text}` must be longer than 0")
    return found


def share(text: str) -> float:
    """Parse a fraction, such as `50 %`."""
    value, unit = parse_quantity(text)
    found = convert(value, unit, parse_unit("1"))
    if found < 0:
        raise ScenarioError(f"`{text}` cannot be negative")
    return found


def bounds(text: str) -> dict[str, Amount]:
    """`, from 0.5 mg, up to 10 mg` and `, in steps of 0.25 mg`, in any order."""
    found: dict[str, Amount] = {}
    for part in [p.strip() for p in text.split(",") if p.strip()]:
        match = re.fullmatch(r"(from|down to|up to|in steps of) (.+)", part)
        if match is None:
            help = "write `from 0.5 mg`, `up to 10 mg` or `in steps of 0.25 mg`"
            raise ScenarioError(f"`{part}` cannot be read", help=help)
        name = {"from": "low", "down to": "low", "up to": "high", "in steps of": "step"}[match[1]]
        if name in found:
            raise ScenarioError(f"`{match[1]}` appears twice")
        found[name] = parse_quantity(match[2])
        if found[name][0] < 0 or (name == "step" and found[name][0] == 0):
            raise ScenarioError(f"`{match[2]}` must be more than 0")
    return found
