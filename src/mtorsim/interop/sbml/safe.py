"""Look at XML before a library reads it: no entities, no external documents, bounded depth and size."""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

from mtorsim.errors import ModelError, Where, shown_path

__all__ = ["safe_text"]

LARGEST = 32 * 2**20
"""Bytes of a file."""
DEEPEST = 500
"""Levels of nesting."""


def safe_text(path: Path) -> str:
    """Read an XML file that may come from a stranger.

    Raises
    ------
    ModelError
        If the file cannot be read, is not XML, is too large or too deeply nested, or has a document type declaration,
        which SBML does not need and which can hold entities that expand without end or read other files.
    """
    shown = shown_path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ModelError(f"`{shown}` has {size / 2**20:.0f} MiB; the limit is {LARGEST // 2**20} MiB")
        data = path.read_bytes()
    except OSError as problem:
        raise ModelError(f"cannot read `{shown}`: {problem.strerror or problem}") from None
    _walk(data, shown)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ModelError(f"`{shown}` is not UTF-8 text", help="SBML is encoded in UTF-8") from None

    # libSBML insists on a declaration, and some files lack it, or its encoding.
    return '<?xml version="1.0" encoding="UTF-8"?>' + re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1)


def _walk(data: bytes, shown: str) -> None:
    """Parse without building anything."""
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    depth = 0

    def refuse(message: str) -> ModelError:
        return ModelError(message, Where(shown, parser.CurrentLineNumber))

    def start(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise refuse(f"`<{name[:40]}>` is nested more than {DEEPEST} levels deep")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: object) -> None:
        raise refuse("the file has a document type declaration (DOCTYPE), which SBML does not need")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as problem:
        said = expat.errors.messages.get(problem.code, "it is not well formed")
        raise ModelError(f"this is not XML: {said}", Where(shown, problem.lineno)) from None
