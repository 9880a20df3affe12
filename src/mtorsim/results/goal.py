"""A precision that a run is to reach, such as `P(worst_fasting_glucose > 250 mg/dL) +- 0.2 %`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, ScenarioError, did_you_mean
from mtorsim.scenario.conditions import OPERATORS, read_condition
from mtorsim.stats.shares import Share

from .block import Block
from .outcome import Outcome, outcome_of

__all__ = ["STEP", "Goal", "read_goal"]

STEP = 1024
"""The precision is looked at after multiples of so many subjects, so that the answer depends on nothing else."""
MOST_GROWTH = 4
"""Largest factor by which the number of subjects grows at once, while the share is known badly."""

_FORM = re.compile(r"\s*P\s*\((.+)\)\s*(?:in\s+(.+?)\s*)?(?:\+-|\+/-|±)\s*([\d.]+(?:[eE][-+]?\d+)?)\s*(%?)\s*$")
_EXAMPLE = "`P(worst_fasting_glucose > 250 mg/dL) +- 0.2 %`, or `P(...) in placebo +- 0.2 %`"


@dataclass(frozen=True)
class Goal:
    """The share of subjects with an outcome, and the largest half width of its 95 % CI.

    Attributes
    ----------
    outcome, compare, limit
        The share is that of subjects with `compare(outcome, limit)`.
    arms
        The arms in which it is asked for.
    width
        The largest half width of the interval.
    """

    text: str
    outcome: Outcome
    compare: Callable[[np.ndarray, float], np.ndarray]
    limit: float
    arms: tuple[str, ...]
    width: float

    def count(self, block: Block, names: Sequence[str], times: np.ndarray) -> np.ndarray:
        """Sum of the weights of the subjects who have the outcome, for each of the arms."""
        column = names.index(self.outcome.name)
        found = []
        for arm in self.arms:
            values = self.outcome.of(block.visits[block.arms.index(arm), :, :, column], times)
            with np.errstate(invalid="ignore"):
                found.append(block.weights @ (np.isfinite(values) & self.compare(values, self.limit)))
        return np.array(found)

    def half_width(self, count: np.ndarray, total: float, squares: float) -> float:
        """The largest half width of the arms' intervals."""
        size = total * total / squares
        found = [Share(float(c), total, size).estimate for c in count]
        return max((e.high - e.low) / 2 for e in found if e.low is not None and e.high is not None)

    def enough(self, n: int, count: np.ndarray, total: float, squares: float) -> int:
        """How many subjects will be enough, as far as can be seen from n; n if they are."""
        if self.half_width(count, total, squares) <= self.width:
            return n
        size = total * total / squares
        # Two of each kind more: a share of 0 is not certain.
        shares = (count / total * size + 2) / (size + 4)
        spread = float((shares * (1 - shares)).max())
        needed = 1.959963984540054**2 * spread / self.width**2 * n / size
        bounded = min(needed, MOST_GROWTH * n)
        return max(math.ceil(bounded / STEP), n // STEP + 1) * STEP


def read_goal(text: str, observables: Mapping[str, str], arms: Sequence[str]) -> Goal:
    """Read a goal.

    Raises
    ------
    ArgumentError
        If it is none, or asks for an unknown quantity or arm.
    """
    match = _FORM.match(text)
    if match is None:
        raise ArgumentError(f"`{text}` asks for no precision", help=f"write for example {_EXAMPLE}")
    asked, arm, width, percent = match.groups()
    try:
        ((comparison,),) = read_condition(asked).either
    except ScenarioError as error:
        raise ArgumentError(error.message, help=error.help) from None
    except ValueError:
        raise ArgumentError(
            f"`{asked}` compares more than one quantity", help=f"write for example {_EXAMPLE}"
        ) from None
    half = float(width) / (100 if percent else 1)
    if not 0 < half < 0.5:
        raise ArgumentError(f"`{text}`: the precision {half:g} is not between 0 and 0.5", help="0.2 % is 0.002")
    if arm is not None and arm not in arms:
        raise ArgumentError(f"unknown arm `{arm}`", help=did_you_mean(arm, arms) or "arms are " + ", ".join(arms))
    outcome = outcome_of(comparison.quantity, observables)
    limit = outcome.limit(comparison.value, comparison.unit)
    chosen = tuple(arms) if arm is None else (arm,)
    return Goal(text, outcome, OPERATORS[comparison.sign], limit, chosen, half)  # pyright: ignore[reportArgumentType]
