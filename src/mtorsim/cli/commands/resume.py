"""`mtorsim resume`: resume an interrupted run from its folder alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.commands.run import chosen_workers, run_and_show
from mtorsim.cli.options import PATH, as_json, quiet, units, workers


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--figures/--no-figures", default=True, help="Save figures in DIR.", show_default=True)
@workers
@units
@as_json
@quiet
def command(folder: Path, **given: Any) -> int:
    """Resume the interrupted run in DIR; its input files are not needed.

    Finished chunks are kept, and the result is the same to the bit as that of an uninterrupted run. Exit codes are
    those of `mtorsim run`.
    """
    from mtorsim.simulation.simulate import resume

    return run_and_show(partial(resume, folder, **chosen_workers(given)), folder, given)
