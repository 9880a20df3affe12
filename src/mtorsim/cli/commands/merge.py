"""`mtorsim merge`: put results of ranges of subjects together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.commands.run import run_and_show
from mtorsim.cli.options import PATH, as_json, quiet, units


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=PATH)
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Folder of the whole.")
@click.option("--chunk", type=int, metavar="C", help="Number of subjects per file; default: that of the first.")
@click.option("--force", is_flag=True, help="Replace an existing result in the folder.")
@click.option("--figures/--no-figures", default=True, help="Save figures in DIR.", show_default=True)
@units
@as_json
@quiet
def command(folders: tuple[Path, ...], out: Path, chunk: int | None, force: bool, **given: Any) -> int:
    """Put the results of ranges of subjects together: the same bits as one run of all of them.

    \b
      mtorsim run everolimus_breast --last 4999 --out a
      mtorsim run everolimus_breast --first 5000 --last 9999 --out b
      mtorsim merge a b --out both

    The ranges may come from any machines. It is checked that they are of one run, whole and unchanged.
    """  # noqa: D301
    from mtorsim.results.merge import merge

    def merged(progress: Any, note: Any) -> Any:
        return merge(folders, out, chunk=chunk, force=force, note=note)

    return run_and_show(partial(merged), out, given)
