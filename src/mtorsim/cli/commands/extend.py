"""`mtorsim extend`: add subjects to a finished run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.commands.run import chosen_workers, run_and_show
from mtorsim.cli.options import PATH, as_json, quiet, units, workers


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--subjects", type=int, required=True, metavar="N", help="Number of subjects that it will have.")
@click.option("--figures/--no-figures", default=True, help="Save figures in DIR.", show_default=True)
@workers
@units
@as_json
@quiet
def command(folder: Path, subjects: int, **given: Any) -> int:
    """Add subjects to the finished run in DIR; its input files are not needed.

    \b
      mtorsim extend results/breast --subjects 20000

    Those that are there are not run again, and the result is the same to the bit as that of one run.
    """  # noqa: D301
    from mtorsim.simulation.simulate import extend

    return run_and_show(partial(extend, folder, subjects, **chosen_workers(given)), folder, given)
