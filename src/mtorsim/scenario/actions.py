"""What a rule may do: the sentence it is written in, read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtorsim.errors import UnitError
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

from .rules import _NAME, _NUMBER, Condition, _bad, _fail, _hours, _percent, read_condition

__all__ = ["ACTIONS", "Action", "Hold", "Leave", "Scale", "Start", "Stop", "Titrate", "read_action"]


@dataclass(frozen=True)
class Hold:
    """No dose until a condition holds or a time has passed; then the dose before times `resume`."""

    drug: str
    until: Condition | None
    hours: float | None
    check: float | None
    resume: float
    text: str


@dataclass(frozen=True)
class Stop:
    """No dose any more."""

    drug: str
    text: str


@dataclass(frozen=True)
class Start:
    """A regimen that waits begins, at a share of what is written."""

    drug: str
    level: float
    text: str


@dataclass(frozen=True)
class Scale:
    """The dose becomes another one.

    Attributes
    ----------
    by
        Factor on the dose there is, or an amount that is added where `added` has its unit.
    to
        The dose as a share of what is written, or an amount where `added` has its unit.
    low, high
        Amounts the dose stays within, with their unit.
    """

    drug: str
    by: float | None
    to: float | None
    added: Unit | None
    low: tuple[float, Unit] | None
    high: tuple[float, Unit] | None
    text: str


@dataclass(frozen=True)
class Titrate:
    """The dose follows a level: outside a window it changes in proportion to the level's distance from its middle."""

    drug: str
    quantity: str
    window: tuple[float, float]
    unit: Unit
    step: tuple[float, Unit] | None
    low: tuple[float, Unit] | None
    high: tuple[float, Unit] | None
    text: str


@dataclass(frozen=True)
class Leave:
    """The subject is not seen any more."""

    text: str


Action = Hold | Stop | Start | Scale | Titrate | Leave

ACTIONS = (
    "hold DRUG until CONDITION, then resume at 50 %",
    "hold DRUG for 2 weeks, then resume",
    "stop DRUG",
    "start DRUG",
    "reduce DRUG by 50 %",
    "set DRUG to 5 mg",
    "increase DRUG by 2 U, up to 60 U",
    "titrate DRUG to drug_level 3 to 8 ug/L, in steps of 0.25 mg, from 0.5 mg, up to 10 mg",
    "leave the study",
)
"""What can be done, as it is written."""


def read_action(text: str) -> Action:
    """Read an action.

    Raises
    ------
    ScenarioError
        If it is none.
    """
    said = " ".join(text.split())
    verb, _, rest = said.partition(" ")
    if said == "leave the study":
        return Leave(said)
    readers = {
        "hold": _hold,
        "stop": _stop,
        "start": _start,
        "reduce": _reduce,
        "increase": _increase,
        "set": _set,
        "titrate": _titrate,
    }
    if verb not in readers:
        raise _bad(f"`{said}` is nothing that can be done", "possible are " + "; ".join(f"`{a}`" for a in ACTIONS))
    try:
        return readers[verb](rest, said)
    except UnitError as error:
        raise _bad(error.message, error.help) from None


def _hold(rest: str, said: str) -> Hold:
    form = rf"({_NAME}) (?:until (?P<until>[^,]+)|for (?P<hours>[^,]+))"
    form += r"(?:, checked every (?P<check>[^,]+))?, then resume(?: at (?P<at>.+))?"
    match = re.fullmatch(form, rest)
    if match is None:
        raise _fail(said, *ACTIONS[:2])
    until, hours, check, at = match["until"], match["hours"], match["check"], match["at"]
    return Hold(
        match[1],
        read_condition(until) if until else None,
        _hours(hours) if hours else None,
        _hours(check) if check else None,
        _percent(at) if at else 1.0,
        said,
    )


def _stop(rest: str, said: str) -> Stop:
    if not re.fullmatch(_NAME, rest):
        raise _fail(said, "stop everolimus")
    return Stop(rest, said)


def _start(rest: str, said: str) -> Start:
    match = re.fullmatch(rf"({_NAME})(?: at (.+))?", rest)
    if match is None:
        raise _fail(said, "start metformin", "start metformin at 50 %")
    return Start(match[1], _percent(match[2]) if match[2] else 1.0, said)


def _bounds(text: str) -> dict[str, tuple[float, Unit]]:
    """`, from 0.5 mg, up to 10 mg` and `, in steps of 0.25 mg`, in any order."""
    found: dict[str, tuple[float, Unit]] = {}
    for part in [p.strip() for p in text.split(",") if p.strip()]:
        match = re.fullmatch(r"(from|down to|up to|in steps of) (.+)", part)
        if match is None:
            raise _bad(f"`{part}` cannot be read", "write `from 0.5 mg`, `up to 10 mg` or `in steps of 0.25 mg`")
        name = {"from": "low", "down to": "low", "up to": "high", "in steps of": "step"}[match[1]]
        if name in found:
            raise _bad(f"`{match[1]}` stands there twice")
        found[name] = parse_quantity(match[2])
        if found[name][0] < 0 or (name == "step" and found[name][0] == 0):
            raise _bad(f"`{match[2]}` must be more than 0")
    return found


def _change(rest: str, said: str, sign: int, examples: tuple[str, ...]) -> Scale:
    match = re.fullmatch(rf"({_NAME}) by ([^,]+)((?:,.+)?)", rest)
    if match is None:
        raise _fail(said, *examples)
    value, unit = parse_quantity(match[2])
    bounds = _bounds(match[3])
    if "step" in bounds:
        raise _fail(said, *examples)
    low, high = bounds.get("low"), bounds.get("high")
    if value < 0:
        raise _bad(f"`{match[2].strip()}` cannot be negative")
    if unit.same_kind(parse_unit("1")):
        factor = 1.0 + sign * convert(value, unit, parse_unit("1"))
        if factor < 0:
            raise _bad("a dose cannot be reduced by more than 100 %")
        return Scale(match[1], factor, None, None, low, high, said)
    return Scale(match[1], sign * value, None, unit, low, high, said)


def _reduce(rest: str, said: str) -> Scale:
    match = re.fullmatch(rf"({_NAME}) to (.+)", rest)
    if match:
        return _set(rest, said)
    return _change(rest, said, -1, ("reduce everolimus by 50 %", "reduce everolimus to 5 mg"))


def _increase(rest: str, said: str) -> Scale:
    return _change(rest, said, 1, ("increase basal_insulin by 2 U, up to 60 U",))


def _set(rest: str, said: str) -> Scale:
    match = re.fullmatch(rf"({_NAME}) to (.+)", rest)
    if match is None:
        raise _fail(said, "set everolimus to 5 mg", "reduce everolimus to 50 %")
    value, unit = parse_quantity(match[2])
    if value < 0:
        raise _bad("a dose cannot be negative")
    share = unit.same_kind(parse_unit("1"))
    to = convert(value, unit, parse_unit("1")) if share else value
    return Scale(match[1], None, to, None if share else unit, None, None, said)


def _titrate(rest: str, said: str) -> Titrate:
    match = re.fullmatch(rf"({_NAME}) to ({_NAME}) ({_NUMBER}) to ({_NUMBER}) ([^,]+)((?:,.+)?)", rest)
    if match is None:
        raise _fail(said, ACTIONS[7])
    low, high = float(match[3]), float(match[4])
    if not 0 < low < high:
        raise _bad(f"`{match[3]} to {match[4]}` is no window: it goes from a lower to a higher level")
    bounds = _bounds(match[6])
    unit = parse_unit(match[5].strip())
    return Titrate(
        match[1], match[2], (low, high), unit, bounds.get("step"), bounds.get("low"), bounds.get("high"), said
    )
