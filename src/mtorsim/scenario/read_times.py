"""Read intervals, times from the start, clock times and visits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtorsim.errors import UnitError
from mtorsim.files.places import Place
from mtorsim.units.units import convert, parse_quantity, parse_unit

from .parts import DAY_STARTS, grid

__all__ = ["LONGEST", "MOST_TIMES", "Clock", "clock_hours", "hours"]

LONGEST = 100 * 8766.0
"""Longest scenario in hours: a hundred years."""
MOST_TIMES = 2_000_000
"""Largest number of doses, visits or samples of one line."""


def hours(text: str, place: Place) -> float:
    """Read a time or interval, in hours."""
    try:
        value, unit = parse_quantity(text)
        return convert(value, unit, parse_unit("h"))
    except UnitError as error:
        near = error.help if error.help and error.help.startswith("did you mean") else None
        help = near or "write for example `24 h`, `7 days` or `12 weeks`"
        place.fail(f"`{place.key[-1]}`: {error.message}", help=help, needle=text)


def clock_hours(text: str) -> float:
    """Hours from 07:30 to a clock time, on the next day if earlier."""
    of_day, _, minutes = text.partition(":")
    return (int(of_day) + int(minutes) / 60 - DAY_STARTS) % 24.0


@dataclass(frozen=True)
class Clock:
    """The duration of a scenario, in hours and as written."""

    duration: float
    lasts: str

    @classmethod
    def read(cls, text: str, place: Place) -> Clock:
        """Read a duration."""
        duration = hours(text, place)
        if duration <= 0:
            place.fail("the duration must be longer than 0")
        if duration > LONGEST:
            place.fail(f"`{text}` is too long: a scenario lasts 100 years at most")
        return cls(duration, text)

    def time(self, text: str, place: Place) -> float:
        """Read a time from the start, which must lie in the scenario."""
        time = hours(text, place)
        if time < 0:
            place.fail(f"`{text}` is before the start", help="times are counted from t = 0", needle=text)
        if time > self.duration:
            message = f"`{text}` is after the end: the scenario lasts {self.lasts}"
            place.fail(message, help="increase `duration`, or use an earlier time", needle=text)
        return time

    def interval(self, text: str, place: Place) -> float:
        """Read an interval, which must not be too short for the scenario."""
        value = hours(text, place)
        if value <= 0:
            place.fail(f"`{text}` is not an interval: it must be longer than 0", needle=text)
        if self.duration / value > MOST_TIMES:
            message = f"`{text}` is too short an interval: {self.lasts} contain more than {MOST_TIMES:,}"
            place.fail(message, needle=text)
        return value

    def of_day(self, text: str, place: Place) -> float:
        """Read a clock time, in hours from 07:30."""
        if re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text) is None:
            place.fail(f"`{text}` is not a clock time", help="write for example `07:30`", needle=text)
        return clock_hours(text)

    def visits(self, at: list[str], place: Place) -> tuple[float, ...]:
        """Read times of visits; `every 4 weeks` repeats from the last one."""
        times: list[float] = []
        for text in at:
            repeat = re.fullmatch(r"every\s+(.+)", text.strip())
            if repeat:
                step = self.interval(repeat.group(1), place)
                more = list(grid((times[-1] if times else -step) + step, step, self.duration))
                if not more:
                    message = f"`{text}` adds no visit: the scenario lasts {self.lasts}"
                    place.fail(message, help="remove it, or increase `duration`", needle=text)
                times += more
                continue
            time = self.time(text, place)
            if times and time <= times[-1]:
                message = f"`{text}` is not after the previous visit"
                place.fail(message, help="write visits in order", needle=text)
            times.append(time)
        if not times:
            place.fail("no visits are defined", help='write for example `at = ["0 weeks", "every 4 weeks"]`')
        return tuple(times)
