"""The days of a person: dates or numbers, from the first one on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from mtorsim.files.places import Place
from mtorsim.scenario.parts import DAY

__all__ = ["Calendar"]

MOST_DAYS = 3660
"""Longest history in days."""


@dataclass(frozen=True)
class Calendar:
    """Days from the start.

    Attributes
    ----------
    start
        Date of the first day; None where days are numbered.
    """

    start: dt.date | None

    def number(self, day: int | dt.date, place: Place, key: str) -> int:
        """Number of a day, from 0; raises at `key` of a place if it is before the start, or ten years after."""
        number = (day - (self.start or day)).days if isinstance(day, dt.date) else day
        if not 0 <= number <= MOST_DAYS:
            first = "day 0" if self.start is None else str(self.start)
            where = "before" if number < 0 else "more than ten years after"
            place.fail(f"`{key}` = {day} is {where} the start, {first}", key)
        return number

    def told(self, time: float) -> str:
        """A time in hours as a date, or as a day number."""
        number = int(time // DAY)
        return f"day {number}" if self.start is None else str(self.start + dt.timedelta(days=number))
