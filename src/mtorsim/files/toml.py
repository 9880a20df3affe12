"""TOML files read into typed, immutable objects, with places for error messages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NoReturn

from mtorsim.errors import MtorsimError, Where, shown_path

from .places import Key, index_places

__all__ = ["TomlFile"]


@dataclass(frozen=True)
class TomlFile:
    """A TOML file with the place of each value."""

    path: Path
    text: str
    data: dict[str, Any]
    error: type[MtorsimError]
    _places: dict[Key, tuple[int, int, int]] = field(repr=False, compare=False)

    @classmethod
    def read(cls, path: Path, error: type[MtorsimError]) -> TomlFile:
        """Read and parse a file.

        Raises
        ------
        MtorsimError
            Of the class `error`, if the file is unreadable or not TOML.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
            raise error(f"cannot read `{shown_path(path)}`: {reason}") from None
        return cls.parse(path, text, error)

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, path: Path, text: str, error: type[MtorsimError]) -> TomlFile:
        """Parse text as if read from `path`, once for each text."""
        try:
            data = tomllib.loads(text)
        except (ValueError, RecursionError) as problem:  # a number with too many digits raises a plain ValueError
            _raise_syntax(path, text, problem, error)
        return cls(path, text, data, error, index_places(text))

    @property
    def _shown(self) -> str:
        """The path as messages show it."""
        return shown_path(self.path)

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")

    def where(self, key: Key, needle: str | None = None) -> Where:
        """The place of a value, or of the nearest enclosing table.

        Parameters
        ----------
        key
            Path of the value, such as `("parameters", "CL", "value")`.
        needle
            Words on that line to point at.
        """
        if not key:
            return Where(self._shown, 1)
        line, column, length, end = 0, None, 1, 0
        for end in range(len(key), 0, -1):
            if key[:end] in self._places:
                line, column, length = self._places[key[:end]]
                break
        text = self._lines[line]
        inner = [str(k) for k in key[end:]]
        for name in inner:
            match = re.compile(rf"(?<![\w.\"]){re.escape(name)}\"?\s*=").search(text, column or 0)
            if match:
                column = match.start()
                length = len(name)
        if needle:
            at = text.find(needle, column or 0)
            if at >= 0:
                column, length = at, len(needle)
        return Where(self._shown, line + 1, text, column, length)

    def fail(self, message: str, key: Key = (), help: str | None = None, needle: str | None = None) -> NoReturn:
        """Raise this file's error with the place of `key`."""
        raise self.error(message, self.where(key, needle), help)


def _raise_syntax(path: Path, text: str, problem: Exception, error: type[MtorsimError]) -> NoReturn:
    said = str(problem)
    match = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", said)
    line = int(match.group(1)) if match and match.group(1) else len(text.splitlines()) or 1
    column = int(match.group(2)) - 1 if match and match.group(2) else None
    reason = said[: match.start()] if match else said
    lines = text.split("\n")
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    place = Where(shown_path(path), line, shown, column)
    raise error(f"not TOML: {reason[:1].lower()}{reason[1:]}", place) from None
