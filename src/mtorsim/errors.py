"""Errors that a user can fix: the place, the problem and the cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ArgumentError",
    "DataError",
    "ModelError",
    "MtorsimError",
    "PersonError",
    "PopulationError",
    "ScenarioError",
    "SettingError",
    "UnitError",
    "Where",
    "choose_from",
    "did_you_mean",
    "one_line",
    "shortened",
    "spoken",
]


@dataclass(frozen=True)
class Where:
    """A place in the user's input; `column` and `length` mark the words that are wrong.

    Attributes
    ----------
    path
        The file, or the expression in Python.
    line
        Line of the file, from 1; 0 in Python.
    """

    path: str
    line: int
    text: str = ""
    column: int | None = None
    length: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path

    def narrowed(self, column: int, length: int) -> Where:
        """Return the same line with the pointer moved to other words."""
        return Where(self.path, self.line, self.text, column, max(1, length))


class MtorsimError(Exception):
    """A user error, phrased so that the user can fix it.

    Parameters
    ----------
    message
        What is wrong: lower case, no full stop, the user's own text in backticks.
    where
        The place in a file, if there is one.
    help
        How to fix it.
    """

    def __init__(self, message: str, where: Where | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.help = help

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        lines = [f"{head}{one_line(self.message, 1000)}"]
        if self.where and self.where.text:
            lines += _excerpt(self.where)
        if self.help:
            lines.append(f"  help: {one_line(self.help, 1000)}")
        return "\n".join(lines)


class ModelError(MtorsimError):
    """A module file is wrong, or modules do not fit together."""


class UnitError(ModelError):
    """Units do not balance, or a unit is not known."""


class ScenarioError(MtorsimError):
    """A scenario asks for something impossible."""


class PopulationError(MtorsimError):
    """A population file is wrong."""


class PersonError(MtorsimError):
    """A person's file is wrong, or contradicts the model."""


class ArgumentError(MtorsimError):
    """An argument of a public function is wrong."""


class SettingError(ArgumentError):
    """The value of a parameter or switch does not fit the model."""


class DataError(MtorsimError):
    """A result folder, or a file beside it, cannot be used."""


def _excerpt(where: Where, width: int = 100) -> list[str]:
    """The offending line, cut around the pointer so that it fits a terminal."""
    text = "".join(c if c.isprintable() else " " for c in where.text.rstrip("\r\n"))
    column = where.column
    start = 0
    if len(text) > width:
        centre = column or 0
        start = max(0, min(centre - width // 3, len(text) - width))
    shown = text[start : start + width]
    if start:
        shown = "..." + shown[3:]
    if start + width < len(text):
        shown = shown[:-3] + "..."
    lines = [f"{where.line:5d} | {shown}"]
    if column is not None:
        at = column - start
        marks = "^" * max(1, min(where.length, len(shown) - at))
        lines.append(f"      | {' ' * at}{marks}")
    return lines


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Return a help line that offers the nearest right name, or None when none is near."""
    names = list(dict.fromkeys(candidates))
    lower = {c.lower(): c for c in names}
    if name.lower() in lower:
        return f"did you mean `{lower[name.lower()]}`?"
    same_tail = [c for c in names if "." in c and c.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]]
    near = same_tail[:1] or difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not near:
        # A full name such as `everolimus.CL` is also meant by its last part.
        tails = {c.rsplit(".", 1)[-1]: c for c in names}
        tail = difflib.get_close_matches(name.rsplit(".", 1)[-1], list(tails), n=1, cutoff=0.75)
        near = [tails[tail[0]]] if tail else []
    return f"did you mean `{near[0]}`?" if near else None


def choose_from(name: str, candidates: Iterable[str]) -> str:
    """Return a help line that offers the nearest right name, or all of them when none is near."""
    names = list(dict.fromkeys(map(str, candidates)))
    return did_you_mean(name, names) or "choose from " + ", ".join(names)


def spoken(value: object) -> str:
    """The given value, in words."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) < 60 and value.isprintable() else "this text"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "none"
    return one_line(str(value), 60)


def shortened(names: Iterable[str], most: int = 8) -> str:
    """Names on one line, only the first few of many."""
    known = list(names)
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return ", ".join(one_line(name, 60) for name in known[:most]) + more


def one_line(text: str, limit: int = 400) -> str:
    """Fold any text to one printable line that is safe in a comment."""
    folded = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."


def shown_path(path: Path) -> str:
    """A path as shown to the user: relative if it lies below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
