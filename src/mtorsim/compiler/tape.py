"""A model's function as a tape: traced, pruned, and its values placed in as few rows as possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtorsim.kernel.interpreter import CODES, COLUMNS, SEGMENT
from mtorsim.kernel.trace import Lanes, Memory

__all__ = ["Tape", "Tapes", "join", "record"]

Place = tuple[int, int]
"""A segment (those of the call's arrays count from 1) and a row of it."""


@dataclass(frozen=True)
class Tape:
    """A function of a model as operations on rows.

    Attributes
    ----------
    steps
        Shape (steps, COLUMNS) int32: code, place of the result, places of the arguments.
    numbers
        Constants in the rows of scratch after the working rows.
    working
        Number of working rows of scratch.
    """

    steps: np.ndarray
    numbers: tuple[float, ...]
    working: int


@dataclass(frozen=True)
class Tapes:
    """The functions of a model as tapes that share their scratch.

    Attributes
    ----------
    steps
        Of each function.
    heads
        Length and address of the steps of each function, as the interpreter takes them.
    working
        Number of working rows of scratch.
    numbers
        Constants in the rows after the working rows.
    """

    steps: Mapping[str, np.ndarray]
    heads: Mapping[str, np.ndarray]
    working: int
    numbers: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows of scratch."""
        return self.working + len(self.numbers)


def join(tapes: Mapping[str, Tape]) -> Tapes:
    """Let tapes share their scratch: all work in the first rows, and each has its own constants after them."""
    working = max(t.working for t in tapes.values())
    steps, numbers = {}, []
    for name, tape in tapes.items():
        moved = working + len(numbers) - tape.working
        places = tape.steps[:, 1:]
        number = (places < SEGMENT) & (places >= tape.working)
        steps[name] = np.ascontiguousarray(np.c_[tape.steps[:, :1], np.where(number, places + moved, places)], np.int32)
        numbers += tape.numbers
    heads = {name: np.array([len(s), s.ctypes.data], np.int64) for name, s in steps.items()}
    return Tapes(steps, heads, working, np.array(numbers))


@dataclass(eq=False)
class _Value:
    """A value of a trace: an operation, a row before anything was stored there, or a number."""

    name: str
    at: int
    arguments: tuple[_Value, ...] = ()
    place: Place | None = None
    number: float = 0.0
    last_use: int = -1


@dataclass(eq=False)
class _Recorder:
    """The record of a trace; `clock` counts its events."""

    values: list[_Value] = field(default_factory=list)
    stored: dict[Place, tuple[_Value, int]] = field(default_factory=dict)
    seen: dict[Any, _Value] = field(default_factory=dict)
    clock: int = 0

    def value(self, key: Any, name: str, **fields: Any) -> _Value:
        """A value; equal ones are computed once."""
        if key not in self.seen:
            self.clock += 1
            self.seen[key] = _Value(name, self.clock, **fields)
            self.values.append(self.seen[key])
        return self.seen[key]

    def operation(self, name: str, arguments: tuple[_Value, ...]) -> _Value:
        """An operation on values; subtraction of a product is one operation."""
        if name == "fma" and arguments[0].name == "negate":
            name, arguments = "fnma", (arguments[0].arguments[0], *arguments[1:])
        return self.value((name, *map(id, arguments)), name, arguments=arguments)

    def number(self, number: float) -> _Value:
        """A number in every lane."""
        return self.value(float(number).hex(), "number", number=float(number))

    def load(self, place: Place) -> _Value:
        """The value in a row."""
        if place in self.stored:
            return self.stored[place][0]
        return self.value(place, "load", place=place)

    def store(self, place: Place, value: _Value) -> None:
        """Store a value in a row, once per function."""
        assert place not in self.stored
        self.clock += 1
        self.stored[place] = (value, self.clock)


class _Taped(Lanes):
    """A value that records operations on itself."""

    single = False
    """Functions are recorded whole, so that no tape depends on the precision."""

    def __init__(self, recorder: _Recorder, value: _Value) -> None:
        self.recorder, self.value = recorder, value

    def operate(self, name: str, *args: Any) -> _Taped:
        """Record a basic operation."""
        values = tuple(a.value if isinstance(a, _Taped) else self.recorder.number(a) for a in args)
        return _Taped(self.recorder, self.recorder.operation(name, values))

    def call(self, name: str, body: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Record a function by name if the interpreter knows it."""
        return self.operate(name, *args) if name in CODES else body(*args)


class _TapedRows(Memory):
    """Rows of an array of the call."""

    def __init__(self, recorder: _Recorder, segment: int) -> None:
        self.recorder, self.segment = recorder, segment

    def load(self, row: int) -> _Taped:
        """The value of a row."""
        return _Taped(self.recorder, self.recorder.load((self.segment, row)))

    def store(self, row: int, value: Any) -> None:
        """Store a value, or a number, in a row."""
        own = value.value if isinstance(value, _Taped) else self.recorder.number(value)
        self.recorder.store((self.segment, row), own)

    def spread(self, number: float) -> _Taped:
        """A number in every lane."""
        return _Taped(self.recorder, self.recorder.number(number))


def record(function: Callable[..., None], arity: int) -> Tape:
    """Trace a function of `arity` arrays of rows."""
    recorder = _Recorder()
    function(*(_TapedRows(recorder, i + 1) for i in range(arity)))
    used = _used(recorder)
    targets = _targets(recorder)
    return _placed(recorder, used, targets)


def _used(recorder: _Recorder) -> list[_Value]:
    """The values on which stored values depend, in order, each with the time of its last use."""
    for value, at in recorder.stored.values():
        value.last_use = max(value.last_use, at)
    for value in reversed(recorder.values):
        if value.last_use >= 0:
            for argument in value.arguments:
                argument.last_use = max(argument.last_use, value.at)
    return [v for v in recorder.values if v.last_use >= 0]


def _targets(recorder: _Recorder) -> dict[_Value, Place]:
    """Operations whose result can go directly to the row in which it is stored, since that row is not read later."""
    targets: dict[_Value, Place] = {}
    for place, (value, _) in recorder.stored.items():
        before = recorder.seen.get(place)
        if value.arguments and (before is None or before.at < value.at):
            targets.setdefault(value, place)
    return targets


def _placed(recorder: _Recorder, used: list[_Value], targets: dict[_Value, Place]) -> Tape:
    """The tape, with each result in a row that is free by then."""
    where = dict(targets)
    lines: list[tuple[int, str, _Value | Place, tuple[_Value | Place, ...]]]
    lines = [(v.at, v.name, v, v.arguments) for v in used if v.arguments]
    for place, (value, at) in recorder.stored.items():
        if targets.get(value) != place:
            lines.append((at, "copy", place, (value,)))
    for value in used:
        if value.place is None:
            continue
        # A row that is read after it was overwritten is saved in scratch.
        stored, at = recorder.stored.get(value.place, (value, value.last_use))
        overwritten = stored.at if targets.get(stored) == value.place else at
        if value.last_use <= overwritten:
            where[value] = value.place
        else:
            lines.append((value.at, "copy", value, (value.place,)))
    rows = _Rows(where, {v: i for i, v in enumerate(v for v in used if v.name == "number")})
    lines.sort(key=lambda line: line[0])
    found = [(CODES[name], rows.sources(sources, at), rows.target(target)) for at, name, target, sources in lines]
    steps = np.zeros((len(found), COLUMNS), np.int32)
    for step, (code, sources, target) in zip(steps, found, strict=True):
        given = [rows.working + s.row if isinstance(s, _Number) else s for s in sources]
        step[: 2 + len(given)] = code, target, *given
    return Tape(steps, tuple(v.number for v in rows.numbers), rows.working)


@dataclass(frozen=True)
class _Number:
    """The place of a number, whose row is known once the working rows have been counted."""

    row: int


@dataclass
class _Rows:
    """Rows of scratch, allotted to values and released after their last use."""

    where: dict[_Value, Place]
    numbers: dict[_Value, int]
    working: int = 0
    free: list[int] = field(default_factory=list)

    def sources(self, values: tuple[_Value | Place, ...], at: int) -> list[int | _Number]:
        """Places of arguments; a row is released at the last use of its value."""
        found: list[int | _Number] = []
        for value in values:
            if isinstance(value, _Value) and value in self.numbers:
                found.append(_Number(self.numbers[value]))
            else:
                segment, row = self.where[value] if isinstance(value, _Value) else value
                found.append(segment * SEGMENT + row)
        for value in dict.fromkeys(v for v in values if isinstance(v, _Value) and v.last_use == at):
            if value in self.where and self.where[value][0] == 0:
                self.free.append(self.where[value][1])
        return found

    def target(self, value: _Value | Place) -> int:
        """Place of a result."""
        if isinstance(value, _Value) and value not in self.where:
            if not self.free:
                self.free.append(self.working)
                self.working += 1
            self.where[value] = (0, self.free.pop())
        segment, row = self.where[value] if isinstance(value, _Value) else value
        return segment * SEGMENT + row
