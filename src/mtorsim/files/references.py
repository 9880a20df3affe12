"""The bibliography to which every `source` refers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mtorsim.errors import ModelError, shown_path

__all__ = ["Reference", "read_references"]


_ENTRY = re.compile(r"@(\w+)\s*\{\s*([^,\s]+)\s*,(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\}\s*,?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Reference:
    """One entry of a bibliography."""

    key: str
    fields: dict[str, str]

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


_ACCENT = re.compile(r"""\\(["'`^~=.cvuHr])\s*\{?\\?([A-Za-z])\}?""")
_COMBINING = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "c": "\u0327",
    "v": "\u030c",
    "u": "\u0306",
    "H": "\u030b",
    "r": "\u030a",
}
_LETTERS = {
    r"\aa": "å",
    r"\AA": "Å",
    r"\ss": "ß",
    r"\o": "ø",
    r"\O": "Ø",
    r"\ae": "æ",
    r"\AE": "Æ",
    r"\l": "ł",
    r"\&": "&",
}


def _plain(text: str) -> str:
    """Convert a BibTeX field to plain text: combine accents with letters, remove braces."""
    text = _ACCENT.sub(lambda m: unicodedata.normalize("NFC", m.group(2) + _COMBINING[m.group(1)]), text)
    for written, letter in _LETTERS.items():
        text = re.sub(re.escape(written) + r"(?![A-Za-z])\s?", letter, text)
    return text.replace("{", "").replace("}", "")


def read_references(paths: Iterable[Path]) -> dict[str, Reference]:
    """Read BibTeX files with one field per line; the first entry of a key wins."""
    found: dict[str, Reference] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
            raise ModelError(f"cannot read `{shown_path(path)}`: {reason}") from None
        for _, key, body in _ENTRY.findall(text):
            fields = {k.lower(): _plain(v) for k, v in _FIELD.findall(body)}
            found.setdefault(key, Reference(key, fields))
    return found
