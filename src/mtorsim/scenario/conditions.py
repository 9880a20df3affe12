"""Parse conditions of rules, such as `fasting_glucose > 250 mg/dL and week >= 2`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from mtorsim.errors import ScenarioError, UnitError
from mtorsim.units.units import Unit, parse_unit

__all__ = ["NAME", "NUMBER", "OPERATORS", "Comparison", "Condition", "read_condition"]

OPERATORS: dict[str, Callable[..., object]] = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}

NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
NAME = r"[A-Za-z_][\w.]*"
_ONE = re.compile(rf"\s*({NAME})\s*(>=|<=|>|<)\s*({NUMBER})\s*(.*?)\s*$")


@dataclass(frozen=True)
class Comparison:
    """A measured quantity and a limit with its unit."""

    quantity: str
    sign: str
    value: float
    unit: Unit


@dataclass(frozen=True)
class Condition:
    """Comparisons in disjunctive form: `or` of `and`."""

    either: tuple[tuple[Comparison, ...], ...]
    text: str

    def quantities(self) -> set[str]:
        """Quantities that must be measured."""
        return {c.quantity for all_of in self.either for c in all_of}


def read_condition(text: str) -> Condition:
    """Parse a condition.

    Raises
    ------
    ScenarioError
        If the text is not a condition.
    """
    either = tuple(tuple(_comparison(part) for part in re.split(r"\band\b", one)) for one in re.split(r"\bor\b", text))
    return Condition(either, " ".join(text.split()))


def _comparison(text: str) -> Comparison:
    match = _ONE.match(text)
    if match is None:
        message = f"`{text.strip()}` is not a condition"
        raise ScenarioError(message, help="write for example `fasting_glucose > 250 mg/dL`")
    name, sign, value, unit = match.groups()
    try:
        return Comparison(name, sign, float(value), parse_unit(unit or "1"))
    except UnitError as error:
        raise ScenarioError(error.message, help=error.help) from None
