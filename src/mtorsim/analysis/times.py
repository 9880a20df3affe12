"""The time at which a quantity is asked for."""

from __future__ import annotations

from mtorsim.errors import ArgumentError, UnitError
from mtorsim.units.units import convert, parse_quantity, parse_unit

__all__ = ["HIGHEST", "in_words", "time_in_hours"]

HIGHEST = "highest"
"""Asks for the highest value at the scenario's visits after the start."""


def time_in_hours(at: str | float | None, last: float, duration: float) -> float | str:
    """Read a time within a duration in hours; None is the last visit.

    Raises
    ------
    ArgumentError
        If it is not a time, or not within the scenario.
    """
    if at is None:
        return last
    if at == HIGHEST:
        return HIGHEST
    try:
        hours = convert(*parse_quantity(at), parse_unit("h")) if isinstance(at, str) else float(at)
    except UnitError as error:
        help = f"write for example `8 weeks`, or `{HIGHEST}`"
        raise ArgumentError(f"`at`: {error.message}", help=error.help or help) from None
    if not 0 < hours <= duration:
        raise ArgumentError(f"`at` = {at} is not within the scenario, which lasts {in_words(duration)}")
    return hours


def in_words(time: float | str) -> str:
    """A time in hours, in weeks or days where they are whole."""
    if isinstance(time, str):
        return f"{time} value at visits"
    for unit, hours in (("week", 168.0), ("day", 24.0)):
        if time >= hours and time % hours == 0:
            count = time / hours
            return f"{count:g} {unit}{'' if count == 1 else 's'}"
    return f"{time:g} h"
