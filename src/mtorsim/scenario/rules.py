"""Protocol rules as text: what is asked at a visit, and what is done about it.

A condition compares what was measured: `fasting_glucose > 250 mg/dL and week >= 2`. An action is one
sentence, such as `hold everolimus until fasting_glucose <= 160 mg/dL, then resume at 50 %`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from mtorsim.errors import ScenarioError, UnitError
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

__all__ = ["Comparison", "Condition", "read_condition"]


def _bad(message: str, help: str | None = None) -> ScenarioError:
    return ScenarioError(message, None, help)


OPERATORS: dict[str, Callable[..., object]] = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Comparison:
    """One measured quantity and a limit in its own unit."""

    quantity: str
    sign: str
    value: float
    unit: Unit


@dataclass(frozen=True)
class Condition:
    """Comparisons joined by `or` of those joined by `and`."""

    either: tuple[tuple[Comparison, ...], ...]
    text: str

    def quantities(self) -> set[str]:
        """What must be measured."""
        return {c.quantity for all_of in self.either for c in all_of}


_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_NAME = r"[A-Za-z_][\w.]*"
_ONE = re.compile(rf"\s*({_NAME})\s*(>=|<=|>|<)\s*({_NUMBER})\s*(.*?)\s*$")


def read_condition(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    ScenarioError
        If it is none.
    """
    either = tuple(tuple(_comparison(part) for part in re.split(r"\band\b", one)) for one in re.split(r"\bor\b", text))
    return Condition(either, " ".join(text.split()))


def _comparison(text: str) -> Comparison:
    match = _ONE.match(text)
    if match is None:
        raise _bad(f"`{text.strip()}` is no condition", "write for example `fasting_glucose > 250 mg/dL`")
    name, sign, value, unit = match.groups()
    try:
        return Comparison(name, sign, float(value), parse_unit(unit or "1"))
    except UnitError as error:
        raise _bad(error.message, error.help) from None


def _fail(said: str, *examples: str) -> ScenarioError:
    return _bad(f"`{said}` cannot be read", "write for example " + " or ".join(f"`{e}`" for e in examples))


def _hours(text: str) -> float:
    value, unit = parse_quantity(text)
    hours = convert(value, unit, parse_unit("h"))
    if not hours > 0:
        raise _bad(f"`{text}` must be longer than 0")
    return hours


def _percent(text: str) -> float:
    value, unit = parse_quantity(text)
    share = convert(value, unit, parse_unit("1"))
    if share < 0:
        raise _bad(f"`{text}` cannot be negative")
    return share
