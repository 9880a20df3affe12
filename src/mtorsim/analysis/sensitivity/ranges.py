"""Parameters that an analysis changes, and the plausible ranges over which it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean
from mtorsim.model.inflow import is_inflow
from mtorsim.run.plan import Plan

__all__ = ["RangedParameter", "at_places", "between", "described", "ends", "free_parameters", "narrowed"]

NO_RANGE = 0.2
"""Relative change where a parameter has no range."""


@dataclass(frozen=True)
class RangedParameter:
    """A parameter and its range.

    Attributes
    ----------
    name, value, unit, about, source, evidence
        As in the model files.
    between
        The ends of its range; 20 % below and above its value where it has none, and `ranged` is then False.
    """

    name: str
    value: float
    unit: str
    about: str
    source: str
    evidence: str
    between: tuple[float, float]
    ranged: bool


def free_parameters(plan: Plan, asked: Sequence[str] | None) -> list[str]:
    """Parameters that can be changed: no switches and no results of the run-in; by default no conventions either.

    Parameters
    ----------
    asked
        Full names; None: all.

    Raises
    ------
    ArgumentError
        If one is unknown or cannot be changed.
    """
    declared = plan.model.parameters
    free = [
        name
        for name in plan.kernel.parameters
        if name in declared and declared[name][0].origin != "run_in" and not is_inflow(name)
    ]
    if asked is None:
        return [n for n in free if declared[n][0].evidence != "convention"]
    for name in asked:
        if name not in free:
            help = did_you_mean(name, free) or "`mtorsim show MODULE` lists parameters"
            raise ArgumentError(f"unknown parameter `{name}`, or one that cannot be changed", help=help)
    return list(dict.fromkeys(asked))


def described(plan: Plan, name: str) -> dict[str, Any]:
    """What `RangedParameter` holds, by field."""
    line = plan.model.parameters[name][0]
    low, high, ranged = between(plan, name)
    return {
        "name": name,
        "value": float(line.value or 0.0),
        "unit": str(line.unit),
        "about": line.about,
        "source": line.source or "",
        "evidence": str(line.evidence or ""),
        "between": (low, high),
        "ranged": ranged,
    }


def between(plan: Plan, name: str) -> tuple[float, float, bool]:
    """The ends of a parameter's range as declared, and whether it has one."""
    line = plan.model.parameters[name][0]
    value = float(line.value or 0.0)
    if line.range:
        return float(line.range[0]), float(line.range[1]), True
    return value * (1 - NO_RANGE), value * (1 + NO_RANGE), False


def ends(plan: Plan, name: str, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends for each subject: as far from its own value as the declared ones are from the declared value.

    Parameters
    ----------
    own
        The parameter of each subject, (n,).

    Returns
    -------
    low, high
        (n,) each, within the declared range.
    """
    low, high, _ = between(plan, name)
    value = float(plan.model.parameters[name][0].value or 0.0)
    if not value:
        return np.full_like(own, low), np.full_like(own, high)
    return np.clip(own * low / value, low, high), np.clip(own * high / value, low, high)


def narrowed(low: np.ndarray, high: np.ndarray, own: np.ndarray, within: float) -> tuple[np.ndarray, np.ndarray]:
    """Ranges cut to a relative distance from a person's own values; an own value of 0 is not varied.

    Parameters
    ----------
    low, high, own
        Ends and own value of each parameter, (parameters,).
    within
        Relative distance, above 0 and below 1.

    Returns
    -------
    low, high
        (parameters,) each.
    """
    reach = within * np.abs(own)
    first, last = np.maximum(low, own - reach), np.minimum(high, own + reach)
    # A person may lie outside a range, by more than this distance: it is then not varied.
    outside = first > last
    return np.where(outside, own, first), np.where(outside, own, last)


def at_places(places: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Values at places from 0 to 1 of ranges: in equal ratios where both ends are positive, else in equal steps.

    Parameters
    ----------
    places
        (n, parameters).
    low, high
        (parameters,) each.

    Returns
    -------
    ndarray
        (n, parameters).
    """
    positive = (low > 0) & (high > 0)
    ratio = np.where(positive, high, 1.0) / np.where(positive, low, 1.0)
    values = np.where(positive, low * ratio**places, low + (high - low) * places)
    return np.clip(values, np.minimum(low, high), np.maximum(low, high))
