"""Links from a page to files of the repository that are no pages: on the site they name the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", _name_files)
    app.add_lexer("csv", TextLexer)
    return {"parallel_read_safe": True}


def _name_files(app: Any, name: str, source: list[str]) -> None:
    here = (Path(app.srcdir) / name).parent

    def named(match: re.Match[str]) -> str:
        words, target = match.groups()
        path = (here / target).resolve()
        if path.is_relative_to(app.srcdir):
            return match.group(0)
        shown = path.relative_to(Path(app.srcdir).parent)
        return f"{words}" if str(shown) in words else f"{words} (`{shown}`)"

    source[0] = LINK.sub(named, source[0])
