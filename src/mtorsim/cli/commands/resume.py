"""`mtorsim resume`: resume an interrupted run from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.commands.run import say_how_to_resume, show_result
from mtorsim.cli.console import note, progress_bar
from mtorsim.cli.options import as_json, quiet, threads, units


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--figures/--no-figures", default=True, help="Save figures in DIR.", show_default=True)
@threads
@units
@as_json
@quiet
def command(folder: Path, **given: Any) -> int:
    """Resume the interrupted run in DIR; its input files are not needed.

    Finished chunks are kept, and the result is the same to the bit as that of an uninterrupted run. Exit codes are
    those of `mtorsim run`.
    """
    from mtorsim.simulation.simulate import resume
    from mtorsim.units.display import display_units

    silent = given["quiet"] or given["as_json"]
    shown_in = display_units(given["units"])
    done = [0, 0]
    try:
        with progress_bar(silent) as bar:

            def progress(now: int, total: int) -> None:
                done[:] = now, total
                if bar:
                    bar(now, total)

            result = resume(folder, threads=given["threads"], progress=progress, note=None if given["quiet"] else note)
    except KeyboardInterrupt:
        say_how_to_resume(done[0], done[1], folder)
        return 130
    return show_result(result, shown_in, folder, silent, given)
