"""`mtorsim check`: check files without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.console import print_json
from mtorsim.cli.options import as_json, library, library_of, quiet
from mtorsim.errors import MtorsimError


@click.command()
@click.argument("names", nargs=-1)
@library
@as_json
@quiet
def command(names: tuple[str, ...], folders: tuple[Path, ...], as_json: bool, quiet: bool) -> int:
    """Check NAMES, files or names; by default all files in the working folder and all bundled ones.

    Names, units, ranges, sources, times and doses are checked, in each file and in the files it refers to. Exit
    code 0: all ok; 2: an error was found.
    """
    import sys

    from mtorsim.cli import as_typed
    from mtorsim.describe.check import inspect

    known = library_of(None, folders)
    chosen = names or (*known.modules, *known.populations, *known.scenarios)
    records, wrong = [], 0
    for name in chosen:
        try:
            found = inspect(name, known)
        except MtorsimError as error:
            wrong += 1
            records.append({"name": name, "error": str(error)})
            if not as_json:
                print(as_typed(error), file=sys.stderr)
            continue
        records.append({"name": found.name, "kind": found.kind, "facts": found.facts, "notes": found.notes})
        if not as_json and not quiet:
            print(f"ok: {found.kind} {found.name}: {'; '.join(found.facts)}")
            for line in found.notes:
                print(f"  note: {line}")
    if as_json:
        print_json(records)
    return 2 if wrong else 0
