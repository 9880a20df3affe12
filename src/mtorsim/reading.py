"""A TOML file read into a typed, frozen object; a mistake in it becomes one message with its place."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from .errors import MtorsimError, Where, did_you_mean, shown_path, spoken

__all__ = ["Line", "Record", "TomlFile", "json_schema", "read_record"]

Key = tuple[str | int, ...]
T = TypeVar("T", bound="Record")


def _one_line(text: str) -> str:
    if any(not c.isprintable() for c in text):
        raise ValueError("must be one line of plain text")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
"""Text that may stand in a comment or a table cell: one printable line."""


class Record(BaseModel):
    """A table of a file: frozen, and strict about keys and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class TomlFile:
    """A TOML file that remembers where each value stands."""

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
            Of the class `error`, if the file cannot be read or is not TOML.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
            raise error(f"cannot read `{shown_path(path)}`: {reason}") from None
        return cls.parse(path, text, error)

    @classmethod
    def parse(cls, path: Path, text: str, error: type[MtorsimError]) -> TomlFile:
        """Parse text as if it were read from `path`."""
        try:
            data = tomllib.loads(text)
        except (ValueError, RecursionError) as problem:  # too long a number is a plain ValueError
            _raise_syntax(path, text, problem, error)
        return cls(path, text, data, error, _index(text))

    def where(self, key: Key, needle: str | None = None) -> Where:
        """The place of a value, or of the nearest table that holds it.

        Parameters
        ----------
        key
            Path of the value, such as `("parameters", "CL", "value")`.
        needle
            Words on that line the pointer should stand under.
        """
        line, column, length, end = 0, None, 1, 0
        for end in range(len(key), 0, -1):
            if key[:end] in self._places:
                line, column, length = self._places[key[:end]]
                break
        text = self.text.split("\n")[line] if self.text else ""
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
        return Where(shown_path(self.path), line + 1, text, column, length)

    def fail(self, message: str, key: Key = (), help: str | None = None, needle: str | None = None) -> NoReturn:
        """Raise this file's error at the place of `key`."""
        raise self.error(message, self.where(key, needle) if key else Where(shown_path(self.path), 1), help)


def read_record(file: TomlFile, kind: type[T]) -> T:
    """Check a file's tables against `kind` and build it.

    Raises
    ------
    MtorsimError
        Of the file's class, for the first thing that does not fit.
    """
    try:
        return kind.model_validate(file.data)
    except ValidationError as problem:
        # Where a key is misspelt, another is missing: the misspelt one is what the user typed.
        first = min(problem.errors(), key=lambda e: (_line_of(file, e["loc"]), e["type"] != "extra_forbidden"))
        loc = tuple(p for p in first["loc"] if p != "[key]")
        _explain(file, kind, first["type"], loc, first.get("ctx", {}), first["input"], first["msg"])


def json_schema(kind: type[Record], title: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, as editors read it."""
    schema = kind.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def _line_of(file: TomlFile, loc: Key) -> int:
    return file.where(loc).line


_WANTED = {
    "string_type": "text in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list in [ ]",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def _explain(
    file: TomlFile, kind: type[Record], what: str, loc: Key, ctx: dict[str, Any], given: Any, said: str
) -> NoReturn:
    name = str(loc[-1]) if loc else ""
    if what == "extra_forbidden":
        allowed = _fields(kind, loc[:-1])
        help = did_you_mean(name, allowed) or "known here are " + ", ".join(allowed)
        file.fail(f"unknown key `{name}`", loc, help)
    if what == "missing":
        place = ".".join(str(k) for k in loc[:-1] if not isinstance(k, int))
        message = f"`{name}` is missing" + (f" in `{place}`" if place else "")
        file.fail(message, loc[:-1], _about(kind, loc))
    if what in _WANTED:
        file.fail(f"`{name}` must be {_WANTED[what]}, not {spoken(given)}", loc)
    if what == "literal_error":
        options = re.findall(r"'([^']*)'", str(ctx.get("expected", "")))
        file.fail(f"`{name}` cannot be {spoken(given)}", loc, "choose from " + ", ".join(options))
    if what in _BOUNDS:
        words, bound = _BOUNDS[what]
        file.fail(f"`{name}` = {spoken(given)} must be {words} {ctx[bound]:g}", loc, _about(kind, loc))
    if what == "value_error":
        file.fail(f"`{name}` {ctx['error']}", loc)
    file.fail(f"`{name}`: {said[:1].lower()}{said[1:]}", loc)


def _walk(kind: Any, loc: Key) -> Any:
    """The type declared at `loc` below `kind`."""
    for part in loc:
        kind = _plain(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            info = kind.model_fields.get(str(part)) or next(
                (f for f in kind.model_fields.values() if f.alias == part), None
            )
            kind = info.annotation if info else Any
        else:
            args = get_args(kind)
            kind = args[-1] if get_origin(kind) is dict else (args[0] if args else Any)
    return _plain(kind)


def _plain(kind: Any) -> Any:
    """A type without `Annotated` and without `| None`."""
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        kind = next(a for a in get_args(kind) if a is not type(None))
    return kind


def _fields(kind: type[Record], loc: Key) -> list[str]:
    found = _walk(kind, loc)
    if isinstance(found, type) and issubclass(found, BaseModel):
        return [f.alias or name for name, f in found.model_fields.items()]
    return []


def _about(kind: type[Record], loc: Key) -> str | None:
    found = _walk(kind, loc[:-1])
    if isinstance(found, type) and issubclass(found, BaseModel):
        for name, info in found.model_fields.items():
            if loc[-1] in (name, info.alias) and info.description:
                return f"`{loc[-1]}` is {info.description}"
    return None


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


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_ENTRY = re.compile(r"\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")


def _index(text: str) -> dict[Key, tuple[int, int, int]]:
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
