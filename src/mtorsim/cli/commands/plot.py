"""`mtorsim plot`: redraw the figures of a result."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.console import print_json
from mtorsim.cli.options import PATH, as_json, units


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option(
    "--format", "suffix", type=click.Choice(["png", "pdf", "svg"]), default="png", show_default=True, help="File type."
)
@click.option("--to", type=PATH, metavar="FOLDER", help="Folder for the figures; default: DIR.")
@units
@as_json
def command(folder: Path, suffix: str, to: Path | None, units: str, as_json: bool) -> int:
    """Redraw the figures of the result in DIR, in another format or in other units."""
    from mtorsim.plots.run import draw
    from mtorsim.results.records import RecordsResult, open_result
    from mtorsim.units.display import display_units

    shown_in = display_units(units)
    result = open_result(folder)
    if isinstance(result, RecordsResult):
        from mtorsim.plots.records import draw_records

        paths = draw_records(result.frame, result.manifest, result.curves, to or folder, suffix)
    else:
        paths = draw(result, to or folder, shown_in, suffix)
    if as_json:
        print_json({"figures": [str(p) for p in paths]})
    else:
        for path in paths:
            print(f"figure    {path}")
    return 0
