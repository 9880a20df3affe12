"""Schemas of files: the keys of each table, and error messages with places."""

from __future__ import annotations

import re
import types
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from mtorsim.errors import did_you_mean, spoken

from .places import Key, Place, Source

__all__ = ["Line", "Record", "json_schema", "read_record"]


T = TypeVar("T", bound="Record")


def _one_line(text: str) -> str:
    if any(not c.isprintable() for c in text):
        raise ValueError("must be one line of plain text")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
"""Text that fits in a comment or a table cell: one printable line."""


class Record(BaseModel):
    """A table of a file: immutable, with strict keys and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_record(file: Source, kind: type[T]) -> T:
    """Check a file's tables against `kind` and build it.

    Raises
    ------
    MtorsimError
        Of the file's class, for the first fault.
    """
    try:
        return kind.model_validate(file.data)
    except ValidationError as problem:
        # A misspelt key also leaves another one missing; report the one that the user typed.
        first = min(problem.errors(), key=lambda e: (_line_of(file, e["loc"]), e["type"] != "extra_forbidden"))
        loc = tuple(p for p in first["loc"] if p != "[key]")
        _explain(file, kind, first["type"], loc, first.get("ctx", {}), first["input"], first["msg"])


def json_schema(kind: type[Record], title: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, for editors."""
    schema = kind.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def _line_of(file: Source, loc: Key) -> int:
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
    file: Source, kind: type[Record], what: str, loc: Key, ctx: dict[str, Any], given: Any, said: str
) -> NoReturn:
    name = str(loc[-1]) if loc else ""
    root = Place(file)
    if what == "extra_forbidden":
        allowed = _fields(kind, loc[:-1])
        help = did_you_mean(name, allowed) or "known keys are " + ", ".join(allowed)
        root.fail(f"unknown key `{name}`", *loc, help=help)
    if what == "missing":
        place = ".".join(str(k) for k in loc[:-1] if not isinstance(k, int))
        message = f"`{name}` is missing" + (f" in `{place}`" if place else "")
        root.fail(message, *loc[:-1], help=_about(kind, loc))
    if what in _WANTED:
        root.fail(f"`{name}` must be {_WANTED[what]}, not {spoken(given)}", *loc)
    if what == "literal_error":
        options = re.findall(r"'([^']*)'", str(ctx.get("expected", "")))
        root.fail(f"`{name}` cannot be {spoken(given)}", *loc, help="choose from " + ", ".join(options))
    if what in _BOUNDS:
        words, bound = _BOUNDS[what]
        root.fail(f"`{name}` = {spoken(given)} must be {words} {ctx[bound]:g}", *loc, help=_about(kind, loc))
    if what in ("too_short", "too_long"):
        wanted = ctx.get("min_length", ctx.get("max_length"))
        values = "value" if wanted == 1 else "values"
        words = f"{'at least' if what == 'too_short' else 'at most'} {wanted} {values}, not {ctx['actual_length']}"
        root.fail(f"`{name}` must have {words}", *loc, help=_about(kind, loc))
    if what == "value_error":
        root.fail(f"`{name}` {ctx['error']}", *loc)
    root.fail(f"`{name}`: {said[:1].lower()}{said[1:]}", *loc)


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
