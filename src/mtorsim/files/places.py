"""Places in the user's input: a key of a TOML file, by its line, or an argument in Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from mtorsim.errors import MtorsimError, Where

__all__ = ["Key", "Place", "PythonSource", "Source", "index_places"]


Key = tuple[str | int, ...]
"""Path of a value, such as `("parameters", "CL", "value")`."""


class Source(Protocol):
    """The user's input: tables of values, each with a place."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The tables."""
        ...

    @property
    def error(self) -> type[MtorsimError]:
        """The class of error to raise."""
        ...

    def where(self, key: Key, needle: str | None = None) -> Where:
        """The place of a value, or of the nearest enclosing table."""
        ...


@dataclass(frozen=True)
class Place:
    """The place of an input; resolved objects keep it for later errors."""

    source: Source = field(repr=False)
    key: Key = ()

    def inside(self, *key: str | int) -> Place:
        """The place of a part of this input."""
        return Place(self.source, (*self.key, *key))

    def fail(self, message: str, *key: str | int, help: str | None = None, needle: str | None = None) -> NoReturn:
        """Raise an error at this place, or at a part of it.

        Parameters
        ----------
        needle
            Words to point at.
        """
        raise self.source.error(message, self.source.where((*self.key, *key), needle), help)


@dataclass(frozen=True)
class PythonSource:
    """Values given in Python.

    Attributes
    ----------
    name
        The function or class that they were given to, such as `Scenario`.
    data
        The values as tables.
    error
        The class of error to raise.
    arguments
        Names of the arguments, by key, if they differ from the keys.
    base
        The source of values whose first key is not in `given`; optional.
    """

    name: str
    data: Mapping[str, Any] = field(repr=False)
    error: type[MtorsimError]
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)
    base: Source | None = field(default=None, repr=False)
    given: frozenset[str] = frozenset()

    def where(self, key: Key, needle: str | None = None) -> Where:
        """The place of the argument as an expression, or in the file if it was not given in Python."""
        if self.base is not None and (not key or key[0] not in self.given):
            return self.base.where(key, needle)
        if not key:
            return Where(f"{self.name}(...)", 0)
        first = self.arguments.get(str(key[0]), str(key[0]))
        rest = "".join(f"[{k}]" if isinstance(k, int) else f".{self.arguments.get(k, k)}" for k in key[1:])
        return Where(f"{self.name}({first}{rest})", 0)


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_ENTRY = re.compile(r"\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")


def index_places(text: str) -> dict[Key, tuple[int, int, int]]:
    """Line, column (from 0) and length of every table header and every key at the start of a line."""
    places: dict[Key, tuple[int, int, int]] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    skip = _Skipper()
    for number, line in enumerate(text.split("\n")):
        if skip.inside(line):
            continue
        header = _HEADER.match(line)
        if header:
            table = _parts(header.group(2), table, counts)
            if header.group(1) == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            places.setdefault(table, (number, header.start(2), len(header.group(2))))
            continue
        entry = _ENTRY.match(line)
        if entry:
            key = (*table, *(a or b or c for a, b, c in _PART.findall(entry.group(1))))
            places.setdefault(key, (number, entry.start(1), len(entry.group(1))))
            skip.open(line[entry.end() :])
    return places


def _parts(header: str, table: Key, counts: dict[Key, int]) -> Key:
    """The path of a header, with the index of the current element of each array of tables."""
    key: Key = ()
    names = [a or b or c for a, b, c in _PART.findall(header)]
    for position, name in enumerate(names):
        key = (*key, name)
        if position < len(names) - 1 and key in counts:
            key = (*key, counts[key])
    return key


class _Skipper:
    """Tracks whether a line continues a value that began on an earlier line."""

    def __init__(self) -> None:
        self._closed: Callable[[str], bool] | None = None

    def inside(self, line: str) -> bool:
        if self._closed is None:
            return False
        if self._closed(line):
            self._closed = None
        return True

    def open(self, value: str) -> None:
        for quote in ('"""', "'''"):
            if value.lstrip().startswith(quote):
                if value.count(quote) == 1:
                    self._closed = lambda line, quote=quote: quote in line
                return
        depth = _depth(value)
        if depth > 0:
            levels = [depth]

            def closed(line: str) -> bool:
                levels[0] += _depth(line)
                return levels[0] <= 0

            self._closed = closed


def _depth(text: str) -> int:
    """Opened minus closed brackets, outside strings and comments."""
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'[^']*'", "", text)
    bare = bare.split("#", 1)[0]
    return sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")
