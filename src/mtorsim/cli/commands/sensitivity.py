"""`mtorsim sensitivity`: which parameter decides an answer, and what the answer rests on; three analyses."""

from __future__ import annotations

from collections.abc import Callable
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
from mtorsim.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mtorsim.analysis.sensitivity.screening import Screening
    from mtorsim.analysis.sensitivity.sensitivity import Sensitivity
    from mtorsim.analysis.sensitivity.variance import SobolIndices

    Found = Screening | Sensitivity | SobolIndices

OWN = {
    "subjects": ("ranges",),
    "subject": ("morris", "sobol"),
    "within": ("morris", "sobol"),
    "trajectories": ("morris", "sobol"),
    "samples": ("sobol",),
}
"""Options that only some analyses have."""


@click.command()
@click.argument("scenario")
@asked
@click.option("--effect", is_flag=True, help="Ask for the difference from the arm without the drug.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME", help="Only these; default: all.")
@click.option(
    "--by",
    type=click.Choice(["ranges", "morris", "sobol"]),
    default="ranges",
    show_default=True,
    help="One parameter at a time, or all at once: screening, or shares of the variance.",
)
@click.option("--subjects", type=int, metavar="N", help="ranges: subjects to average over; default: 8.")
@click.option("--subject", type=int, metavar="N", help="morris, sobol: number of the person; default: 0.")
@click.option("--within", type=float, metavar="X", help="morris, sobol: narrow ranges; 0.2 is 20 % to either side.")
@click.option("--trajectories", type=int, metavar="N", help="morris, and sobol's screening; default: 10.")
@click.option("--samples", type=int, metavar="N", help="sobol: a power of 2; default: 256.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="Parameters to print.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw it (.png, .pdf or .svg).")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, by: str, parameters: tuple[str, ...], top: int, **given: Any) -> int:
    """Change every parameter in SCENARIO, and print what becomes of an answer.

    \b
      mtorsim sensitivity everolimus_breast --at "8 weeks" --effect
      mtorsim sensitivity everolimus_breast --of hba1c --figure tornado.png
      mtorsim sensitivity everolimus_breast --by morris --effect
      mtorsim sensitivity everolimus_breast --by sobol --effect --within 0.2

    Each parameter takes both ends of its plausible range in the same people, who are run in again. With --by morris or
    sobol, all parameters of one person vary together over their ranges: a screening of all by elementary effects, or
    the shares of a few (by default the first 8 of the screening) in the variance of the answer.
    """  # noqa: D301
    from mtorsim.plots.style import FORMATS

    own = _own_options(by, parameters, given)
    if given["figure"] is not None:
        check_output(given["figure"], "picture", [f".{f}" for f in FORMATS])
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = _analysis(by)(
            scenario,
            arm=given["arm"],
            versus=given["versus"],
            of=given["of"],
            at=given["at"],
            effect=given["effect"],
            parameters=parameters or None,
            seed=given["seed"],
            population=given["population"],
            settings=parse_settings(given["settings"]),
            threads=given["threads"],
            library=library_of(scenario, given["folders"]),
            progress=bar,
            note=None if given["quiet"] else note,
            **own,
        )
    if given["figure"] is not None:
        _drawn(by, found).savefig(given["figure"], dpi=180)
    if given["as_json"]:
        print_json(found.to_json())
    else:
        print(found.title)
        print(found.told)
        {"ranges": _print, "morris": _print_screening, "sobol": _print_indices}[by](found, top)
    return 0


def _own_options(by: str, parameters: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Options that were given of those that only some analyses have.

    Raises
    ------
    ArgumentError
        If the chosen analysis does not have one.
    """
    own = {name: given[name] for name in OWN if given[name] is not None}
    for name in own:
        if by not in OWN[name]:
            raise ArgumentError(f"`--{name}` is an option of `--by {' or '.join(OWN[name])}`, not of `--by {by}`")
    if by == "sobol" and parameters and "trajectories" in own:
        raise ArgumentError("`--trajectories` belongs to the screening, which `--parameter` replaces")
    return own


def _analysis(by: str) -> Callable[..., Found]:
    if by == "morris":
        from mtorsim.analysis.sensitivity.screening import morris

        return morris
    if by == "sobol":
        from mtorsim.analysis.sensitivity.variance import sobol

        return sobol
    from mtorsim.analysis.sensitivity.sensitivity import sensitivity

    return sensitivity


def _drawn(by: str, found: Any) -> Figure:
    from mtorsim.plots import api

    return {"ranges": api.tornado, "morris": api.morris, "sobol": api.sobol}[by](found)


def _print(found: Sensitivity, top: int) -> None:
    """Print the sensitivity as tables."""
    print(f"as it is: {found.answer:.4g} {found.unit}")
    rows = []
    for row in found.rows[:top]:
        ends = f"{row.between[0]:g} to {row.between[1]:g}" + ("" if row.ranged else " (no range: 20 %)")
        elasticity = "-" if row.elasticity != row.elasticity else f"{row.elasticity:+.3f}"
        rows.append([row.name, ends, f"{row.low:.1f}", f"{row.high:.1f}", elasticity, row.evidence])
    print_table(["parameter", "range", "at its lowest", "at its highest", "elasticity", "evidence"], rows)
    more = len(found.rows) - top
    _print_rest(more, len(found.idle))
    rests = ", ".join(f"{kind or 'none'} {100 * share:.0f} %" for kind, share in found.by_evidence.items())
    print(f"evidence behind it, by squared swing: {rests}")
    failed = [row.name for row in found.rows if row.failed]
    if failed:
        print(f"with some subjects failed: {', '.join(failed[:8])}")


def _print_screening(found: Screening, top: int) -> None:
    """Print elementary effects as a table."""
    print(f"as it is: {found.answer:.4g} {found.unit}; {_ranges(found.within)}, {found.trajectories} trajectories")
    rows = []
    for row in found.rows[:top]:
        numbers = [f"{row.mu_star:.3g}", f"{row.mu:+.3g}", f"{row.sigma:.3g}"]
        rows.append([row.name, _ends(row.between), *numbers, row.evidence])
    print_table(["parameter", "range", "mu*", "mu", "sigma", "evidence"], rows)
    _print_rest(len(found.rows) - top, len(found.idle))
    if found.failed:
        print(f"{found.failed:,} of {found.samples:,} samples failed and are left out; --within narrows the ranges")


def _print_indices(found: SobolIndices, top: int) -> None:
    """Print shares of the variance as a table."""
    print(f"as it is: {found.answer:.4g} {found.unit}; {_ranges(found.within)}, {found.samples:,} samples")
    print(f"over the ranges: mean {found.mean:.4g}, standard deviation {found.deviation:.4g} {found.unit}")
    rows = []
    for row in found.rows[:top]:
        shares = [(row.first, row.first_interval), (row.total, row.total_interval)]
        numbers = [f"{share:.2f} ({low:.2f} to {high:.2f})" for share, (low, high) in shares]
        rows.append([row.name, _ends(row.between), *numbers, row.evidence])
    print_table(["parameter", "range", "first order (95 %)", "total (95 %)", "evidence"], rows)
    low, high = found.interactions_interval
    print(f"interactions: {found.interactions:.2f} ({low:.2f} to {high:.2f}) of the variance")


def _print_rest(more: int, count: int) -> None:
    idle = "1 parameter changes nothing" if count == 1 else f"{count} parameters change nothing"
    print(f"{more} more change it less; {idle}" if more > 0 else idle)


def _ranges(within: float | None) -> str:
    return "whole ranges" if within is None else f"within {100 * within:g} % of its own values"


def _ends(between: tuple[float, float]) -> str:
    return f"{between[0]:.4g} to {between[1]:.4g}"
