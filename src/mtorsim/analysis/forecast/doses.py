"""Doses that a person was given, and those that begin now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtorsim.errors import UnitError
from mtorsim.files.places import Place
from mtorsim.scenario.parts import DAY
from mtorsim.scenario.read_times import hours
from mtorsim.scenario.regimen import read_regimen

from .calendar import Calendar
from .file import DoseGiven

__all__ = ["Doses", "from_now"]

OFTEN = 0.5
"""Shortest interval between doses, hours."""


@dataclass(frozen=True)
class Doses:
    """The `[[dose]]` tables of a person.

    Attributes
    ----------
    lines
        The tables.
    place
        Where they stand.
    calendar
        Days from the start.
    """

    lines: Sequence[DoseGiven]
    place: Place
    calendar: Calendar

    def line(self, k: int, now: float) -> dict[str, Any]:
        """A dose as a line of a scenario; raises if it was not given, or begins later."""
        line = self.lines[k]
        place = self.place.inside("dose", k)
        own = line.model_dump(by_alias=True, exclude_unset=True, exclude={"start", "stop"})
        if line.every is not None and hours(line.every, place.inside("every")) < OFTEN:
            place.fail(f"doses every {line.every} are too often", "every", help="was it `24 h`?")
        if line.waits or line.missed:
            place.fail("doses of a person are those that were taken", "waits" if line.waits else "missed")
        first = 0 if line.start is None else self.calendar.number(line.start, place, "start")
        if DAY * first > now:
            help = "set `now` in [person] to that day, or write what is planned as an [[option]]"
            place.fail(f"the dose begins after the last value, on {line.start}", "start", help=help)
        own["start"] = f"{first} days"
        if line.stop is not None:
            last = self.calendar.number(line.stop, place, "stop")
            if last <= first:
                place.fail(f"`stop` = {line.stop} is not after the first dose", "stop")
            own["stop"] = f"{last} days"
        return own

    def _span(self, line: DoseGiven) -> tuple[float, float]:
        """Hours from the start at which doses begin and end."""
        begin = 0.0 if line.start is None else DAY * self.calendar.number(line.start, self.place, "start")
        if line.stop is not None:
            return begin, DAY * self.calendar.number(line.stop, self.place, "stop")
        if line.regimen is not None:
            try:
                parts, _ = read_regimen(line.regimen)
            except UnitError:
                # Told with its place when the scenario is read.
                return begin, float("inf")
            spans = [(p.every or 0.0) * (float("inf") if p.count is None else p.count) for p in parts]
            return begin, begin + sum(spans)
        return begin, float("inf") if line.every else begin

    def taken(self, now: float) -> list[str]:
        """Names of the drugs that are taken at a time."""
        going = [line for line in self.lines if line.every or line.regimen]
        return [line.drug for line in going if self._span(line)[1] > now]

    def check(self) -> None:
        """Raise if a drug is written twice at the same hour."""
        for k, one in enumerate(self.lines):
            for other in self.lines[:k]:
                if (one.drug, one.route, one.time) != (other.drug, other.route, other.time):
                    continue
                (a, b), (c, d) = self._span(one), self._span(other)
                if max(a, c) < min(b, d):
                    message = f"two lines dose `{one.drug}` at {one.time}, both from {self.calendar.told(max(a, c))} on"
                    self.place.fail(message, "dose", k, help="end the earlier one with `stop`")


def from_now(dose: Mapping[str, Any], now: float, place: Place) -> dict[str, Any]:
    """A dose of an option, which begins now."""
    if "start" in dose:
        place.fail("the doses of an option begin now", "start", help="leave `start` out")
    made = {**dose, "start": f"{now:g} h"}
    if "stop" in dose:
        stop = dose["stop"]
        if not isinstance(stop, str):
            place.fail("`stop` of an option is a time from now", "stop", help='write for example stop = "2 weeks"')
        made["stop"] = f"{now + hours(stop, place.inside('stop')):g} h"
    return made
