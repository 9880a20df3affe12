"""Parse regimens such as `10 mg q24h x 28 then 5 mg q24h x 56`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mtorsim.errors import UnitError
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

__all__ = ["Part", "in_turn", "read_regimen"]


_PART = re.compile(r"(?P<amount>.+?)(?:\s+q\s*(?P<number>\d[\d.]*)\s*(?P<unit>[a-z]+))?(?:\s+x\s*(?P<count>\d{1,9}))?")
LONGEST = 2000
"""Largest number of characters of a regimen."""
EXAMPLE = "write for example `10 mg q24h x 28 then 5 mg q24h`"


@dataclass(frozen=True)
class Part:
    """A sequence of equal doses.

    Attributes
    ----------
    amount
        Amount in the regimen's unit.
    every
        Interval in hours; None for a single dose, which the next part follows at once.
    count
        Number of doses; None for no end.
    """

    amount: float
    every: float | None
    count: int | None


def read_regimen(text: str) -> tuple[list[Part], Unit]:
    """Parse a regimen.

    Parameters
    ----------
    text
        Parts joined by `then`; each an amount with its unit, the interval as `q24h` or `q 2 weeks`, and
        the number of doses as `x 28`. A part without interval is a single dose; only the last may have no end.

    Returns
    -------
    parts
    unit
        Unit of all amounts: that of the first.

    Raises
    ------
    UnitError
        If a part is invalid, or units are incompatible.
    """
    text = " ".join(text.split())
    if len(text) > LONGEST:
        raise UnitError(
            f"a regimen of {len(text):,} characters is too long", help="split it into several [[dose]] tables"
        )
    pieces = re.split(r"\s+then\s+", text)
    parts: list[Part] = []
    unit: Unit | None = None
    for k, piece in enumerate(pieces):
        match = _PART.fullmatch(piece)
        if match is None:
            raise UnitError(f"`{piece}` is not a part of a regimen", help=EXAMPLE)
        value, own = parse_quantity(match["amount"])
        unit = unit or own
        every = None
        if match["number"]:
            every = convert(*parse_quantity(f"{match['number']} {match['unit']}"), parse_unit("h"))
            if every <= 0:
                raise UnitError(f"`{piece}`: an interval must be longer than 0")
        count = int(match["count"]) if match["count"] else None
        if every is None and count not in (None, 1):
            raise UnitError(f"`{piece}`: the interval is missing", help=EXAMPLE)
        if every is not None and count is None and k < len(pieces) - 1:
            raise UnitError(f"`{piece}` has no end, so no part can follow it", help="give the number of doses: `x 28`")
        parts.append(Part(convert(value, own, unit), every, 1 if every is None else count))
    assert unit is not None
    return parts, unit


def in_turn(parts: Sequence[Part], start: float, stop: float) -> list[tuple[float, float]]:
    """Time and amount of every dose before `stop`, with times by multiplication.

    A single dose at the start is given even if `stop` is the start.
    """
    found: list[tuple[float, float]] = []
    at = start
    for part in parts:
        if part.every is None:
            found.append((at, part.amount))
            continue
        k = 0
        while at + k * part.every < stop and (part.count is None or k < part.count):
            found.append((at + k * part.every, part.amount))
            k += 1
        at += part.every * (part.count or 0)
    return found
