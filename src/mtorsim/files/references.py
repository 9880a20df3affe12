"""The bibliography to which every `source` refers."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from mtorsim.errors import ModelError, Where, shown_path

if TYPE_CHECKING:
    from bibtexparser.library import Library as BibLibrary

__all__ = ["Reference", "cited", "read_references"]

_VERBATIM = ("doi", "url")
_ENTRY = re.compile(r"@(\w+)\s*\{\s*([^\s,{}=]+)\s*,")


@dataclass(frozen=True)
class Reference:
    """One entry of a bibliography."""

    key: str
    written: Mapping[str, str]

    @cached_property
    def fields(self) -> dict[str, str]:
        """The fields as plain text, without commands and braces of LaTeX."""
        return {name: value if name in _VERBATIM else _plain(value) for name, value in self.written.items()}

    @property
    def short(self) -> str:
        """Author and year, for citation in running text."""
        names = [n.split(",")[0].strip() for n in self.fields.get("author", "").split(" and ") if n.strip()]
        year = self.fields.get("year", "")
        if not names:
            return self.fields.get("title", self.key)
        who = names[0] if len(names) == 1 else f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return f"{who} {year}".strip()

    @property
    def long(self) -> str:
        """One line for a list of references."""
        f = self.fields
        where = f.get("journal", f.get("howpublished", ""))
        number = ":".join(x for x in (f.get("volume", ""), f.get("pages", "")) if x)
        ident = f"doi:{f['doi']}" if "doi" in f else f.get("note", "")
        parts = [f.get("author", ""), f.get("year", ""), f.get("title", ""), f"{where} {number}".strip(), ident]
        return ". ".join(p.rstrip(".") for p in parts if p)


def _plain(text: str) -> str:
    """Convert a field to plain text."""
    if not set(text) & set("\\{}~$"):
        return text
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(keep_comments=True).latex_to_text(text)


def cited(bibliography: str, texts: Iterable[str]) -> str:
    """The entries of a bibliography whose keys occur in texts, as they are written.

    Parameters
    ----------
    bibliography
        BibTeX. Text between entries is kept with the entry before it, and entries that begin on one line are kept or
        left out together.
    texts
        Texts that cite.
    """
    words = set().union(*(re.findall(r"[^\s,;\"'(){}=]+", text) for text in texts))
    parts = re.split(r"(?m)^(?=[ \t]*@)", bibliography)
    keys = [{key for _, key in _ENTRY.findall(part)} for part in parts]
    return "".join(part for part, found in zip(parts, keys, strict=True) if not found or found & words)


_IMPORTING = Lock()
"""The library's modules import each other, which fails when two threads begin at once."""


@lru_cache(maxsize=8)
def _parsed(text: str) -> BibLibrary:
    """Parse BibTeX, once for each text."""
    with _IMPORTING:
        from bibtexparser.entrypoint import parse_string

    # Otherwise the library prints what is raised here.
    logging.getLogger("bibtexparser").addHandler(logging.NullHandler())
    return parse_string(text)


def read_references(paths: Iterable[Path]) -> dict[str, Reference]:
    """Read BibTeX files; the first entry of a key wins.

    Raises
    ------
    ModelError
        If a file cannot be read, or an entry is not BibTeX.
    """
    with _IMPORTING:
        from bibtexparser.model import DuplicateBlockKeyBlock

    found: dict[str, Reference] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
            raise ModelError(f"cannot read `{shown_path(path)}`: {reason}") from None
        library = _parsed(text)
        for block in library.failed_blocks:
            if isinstance(block, DuplicateBlockKeyBlock):
                continue
            line = (block.start_line or 0) + 1
            where = Where(shown_path(path), line, text.splitlines()[line - 1])
            raise ModelError("this entry is not BibTeX", where, "an entry is `@article{Key, author = {...}, ...}`")
        for entry in library.entries:
            fields = {field.key.lower(): str(field.value) for field in entry.fields}
            found.setdefault(entry.key, Reference(entry.key, fields))
    return found
