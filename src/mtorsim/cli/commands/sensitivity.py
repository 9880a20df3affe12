"""`mtorsim sensitivity`: which parameter decides an answer, and what the answer rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import (
    PATH,
    as_json,
    asked,
    check_output,
    library,
    library_of,
    parse_settings,
    quiet,
    settings,
    threads,
)

if TYPE_CHECKING:
    from mtorsim.analysis.sensitivity import Sensitivity


@click.command()
@click.argument("scenario")
@asked
@click.option("--effect", is_flag=True, help="Ask for the difference from the arm without the drug.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME", help="Only these; default: all.")
@click.option("--subjects", type=int, default=8, show_default=True, metavar="N", help="Subjects to average over.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="Parameters to print.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw a tornado (.png, .pdf or .svg).")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, parameters: tuple[str, ...], top: int, **given: Any) -> int:
    """Change every parameter in SCENARIO, one at a time, and print what becomes of an answer.

    \b
      mtorsim sensitivity everolimus_breast --at "8 weeks" --effect
      mtorsim sensitivity everolimus_breast --of hba1c --figure tornado.png

    Each parameter takes both ends of its plausible range in the same people, who are run in again.
    """  # noqa: D301
    from mtorsim.analysis.sensitivity import sensitivity
    from mtorsim.plots.style import FORMATS

    if given["figure"] is not None:
        check_output(given["figure"], "picture", [f".{f}" for f in FORMATS])
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = sensitivity(
            scenario,
            arm=given["arm"],
            versus=given["versus"],
            of=given["of"],
            at=given["at"],
            effect=given["effect"],
            parameters=parameters or None,
            subjects=given["subjects"],
            seed=given["seed"],
            population=given["population"],
            settings=parse_settings(given["settings"]),
            threads=given["threads"],
            library=library_of(scenario, given["folders"]),
            progress=bar,
            note=None if given["quiet"] else note,
        )
    if given["figure"] is not None:
        from mtorsim.plots.tornado import tornado

        tornado(found).savefig(given["figure"], dpi=180)
    if given["as_json"]:
        print_json(found.to_json())
    else:
        _print(found, top)
    return 0


def _print(found: Sensitivity, top: int) -> None:
    """Print the sensitivity as tables."""
    print(found.title)
    print(found.told)
    print(f"as it is: {found.answer:.4g} {found.unit}")
    rows = []
    for row in found.rows[:top]:
        ends = f"{row.between[0]:g} to {row.between[1]:g}" + ("" if row.ranged else " (no range: 20 %)")
        elasticity = "-" if row.elasticity != row.elasticity else f"{row.elasticity:+.3f}"
        rows.append([row.name, ends, f"{row.low:.1f}", f"{row.high:.1f}", elasticity, row.evidence])
    print_table(["parameter", "range", "at its lowest", "at its highest", "elasticity", "evidence"], rows)
    more = len(found.rows) - top
    count = len(found.idle)
    idle = "1 parameter changes nothing" if count == 1 else f"{count} parameters change nothing"
    print(f"{more} more change it less; {idle}" if more > 0 else idle)
    rests = ", ".join(f"{kind or 'none'} {100 * share:.0f} %" for kind, share in found.by_evidence.items())
    print(f"evidence behind it, by squared swing: {rests}")
    failed = [row.name for row in found.rows if row.failed]
    if failed:
        print(f"with some subjects failed: {', '.join(failed[:8])}")
