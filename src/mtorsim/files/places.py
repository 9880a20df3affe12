"""Where each key of a TOML file stands, by its line."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["Key", "index_places"]


Key = tuple[str | int, ...]


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
    """A header's path, with the number of the current element of each array of tables in it."""
    key: Key = ()
    names = [a or b or c for a, b, c in _PART.findall(header)]
    for position, name in enumerate(names):
        key = (*key, name)
        if position < len(names) - 1 and key in counts:
            key = (*key, counts[key])
    return key


class _Skipper:
    """Knows whether a line continues a value that began on an earlier one."""

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
    """Brackets opened less brackets closed, strings and comments left out."""
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'[^']*'", "", text)
    bare = bare.split("#", 1)[0]
    return sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")
