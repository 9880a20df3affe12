"""`mtorsim list`: list scenarios, populations and modules."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click

from mtorsim.cli.console import print_json, print_list
from mtorsim.cli.options import as_json, library, library_of
from mtorsim.errors import one_line


@click.command()
@click.argument("kind", required=False, type=click.Choice(["scenarios", "populations", "modules"]))
@library
@as_json
def command(kind: str | None, folders: tuple[Path, ...], as_json: bool) -> int:
    """List scenarios, populations and modules: bundled ones and those in the folders where names are looked up."""
    known = library_of(None, folders)
    found = {
        "scenarios": {name: _line(path, None, "title") for name, path in known.scenarios.items()},
        "populations": {name: _line(path, "population", "about") for name, path in known.populations.items()},
        "modules": {name: _line(path, "module", "about") for name, path in known.modules.items()},
    }
    chosen = {kind: found[kind]} if kind else found
    if as_json:
        print_json({k: [{"name": n, "about": a} for n, a in lines.items()] for k, lines in chosen.items()})
        return 0
    for title, lines in chosen.items():
        print_list(("", ""), list(lines.items()), title) if lines else print(title)
    return 0


def _line(path: Path, table: str | None, key: str) -> str:
    """The description in a file; an unreadable file is still listed."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return one_line(str((data[table] if table else data)[key]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "(cannot be read: see `mtorsim check`)"
