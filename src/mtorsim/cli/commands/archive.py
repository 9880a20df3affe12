"""`mtorsim archive`: write a result as a COMBINE archive."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.console import note, print_json
from mtorsim.cli.options import PATH, as_json, hours_of, quiet


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--out", required=True, type=PATH, metavar="FILE.omex", help="Archive to write.")
@click.option("--subject", type=int, metavar="I", help="Subject whose model is archived; default: the first.")
@click.option("--duration", metavar="TIME", help="End of the archived simulation, such as '1 week'.")
@click.option("--force", is_flag=True, help="Replace the archive.")
@quiet
@as_json
def command(
    folder: Path, out: Path, subject: int | None, duration: str | None, force: bool, quiet: bool, as_json: bool
) -> int:
    """Write the result in DIR as a COMBINE archive (OMEX): SBML, SED-ML with KiSAO, scenario, results and a manifest.

    \b
      mtorsim archive results/breast --out breast.omex --duration "1 week"

    SBML cannot hold a population: the archive has the model of one subject in each arm, with doses and meals as events,
    and beside it all inputs, from which the whole run can be repeated.
    """  # noqa: D301
    from mtorsim.interop.archive import archive

    path = archive(folder, out, subject=subject, duration=hours_of(duration), force=force, note=None if quiet else note)
    if as_json:
        print_json({"file": str(path), "bytes": path.stat().st_size})
    else:
        print(f"archive   {path}")
    return 0
