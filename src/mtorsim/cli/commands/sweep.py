"""`mtorsim sweep`: one arm for every combination of doses, regimens, parameters and switches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import PATH, as_json, finite, library, library_of, parse_settings, quiet, settings, threads
from mtorsim.errors import ArgumentError


@click.command()
@click.argument("scenario")
@click.option("--over", multiple=True, required=True, metavar="NAME=V,V", help="Values of one name; repeatable.")
@click.option("--of", default="fasting_glucose", show_default=True, metavar="NAME", help="An observable.")
@click.option("--at", metavar="TIME", help="A visit, as '8 weeks', or 'highest'; default: the last.")
@click.option("--limit", "limits", type=float, multiple=True, metavar="X", help="Count the people above X; repeatable.")
@click.option("--subjects", type=int, metavar="N", help="Number of subjects; default: the scenario's.")
@click.option("--seed", type=int, metavar="S", help="Seed of the draws.")
@click.option("--population", metavar="NAME", help="Another population than the scenario's.")
@click.option("--out", type=PATH, metavar="DIR", help="Keep the result in this folder.")
@click.option("--force", is_flag=True, help="Replace an existing folder.")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, over: tuple[str, ...], out: Path | None, **given: Any) -> int:
    """Run SCENARIO with every combination of some values, in the same people, and compare the arms.

    \b
      mtorsim sweep everolimus_breast --over "everolimus.dose=2.5 mg,5 mg,10 mg"
      mtorsim sweep everolimus_breast --over secretion=0,1 --over insulin_action=0,1 --limit 160
      mtorsim sweep everolimus_breast --over "everolimus.regimen=10 mg q24h,70 mg q7d"

    DRUG.dose takes amounts, DRUG.regimen regimens; any other name is a parameter or a switch.
    """  # noqa: D301
    from mtorsim.analysis.response.arms import compare_arms
    from mtorsim.scenario.scenario import scenario_of
    from mtorsim.scenario.sweep import sweep
    from mtorsim.simulation.simulate import simulate

    for limit in given["limits"]:
        finite("--limit", limit)
    known = library_of(scenario, given["folders"])
    swept = sweep(scenario_of(scenario, known), _values(over))
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        result = simulate(
            swept,
            subjects=given["subjects"],
            seed=given["seed"],
            population=given["population"],
            settings=parse_settings(given["settings"]),
            threads=given["threads"],
            out=out,
            force=given["force"],
            progress=bar,
            note=None if given["quiet"] else note,
        )
    told, arms = compare_arms(result, given["of"], given["at"], given["limits"])
    if given["as_json"]:
        print_json({"told": told, "limits": list(given["limits"]), "arms": [vars(arm) for arm in arms]})
    else:
        rows = []
        for arm in arms:
            change = f"{arm.change:+.1f} ({arm.change_low:+.1f} to {arm.change_high:+.1f})"
            change = "-" if arm.change != arm.change else change
            bands = [f"{v:.1f}" for v in (arm.low, arm.median, arm.high)]
            rows.append([arm.arm, *bands, change, *(f"{100 * share:.1f} %" for share in arm.above)])
        print(f"{swept.title}\n{told}, {len(result.weights):,} subjects")
        head = ["arm", "5 %", "median", "95 %", f"change from {arms[0].arm} (95 % CI)"]
        print_table([*head, *(f"above {limit:g}" for limit in given["limits"])], rows)
    failed = sum(count for reason, count in result.status.items() if reason != "ok")
    if failed:
        note(f"{failed} courses failed: {dict(result.status)}")
    return 1 if failed else 0


def _values(over: tuple[str, ...]) -> dict[str, list[Any]]:
    """Read `NAME=V,V` lists; amounts and regimens are text, everything else numbers."""
    found: dict[str, list[Any]] = {}
    for text in over:
        name, equals, rest = (part.strip() for part in text.partition("="))
        values = [v.strip() for v in rest.split(",") if v.strip()]
        if not equals or not name or not values:
            raise ArgumentError(
                f"`--over {text}` is not NAME=VALUE,VALUE", help='write for example `--over "secretion=0,1"`'
            )
        if name in found:
            raise ArgumentError(f"`{name}` is swept twice")
        if name.endswith((".dose", ".regimen")):
            found[name] = values
            continue
        try:
            found[name] = [int(v) if v.isdigit() else float(v) for v in values]
        except ValueError:
            help = "amounts are given to DRUG.dose, regimens to DRUG.regimen"
            raise ArgumentError(f"`--over {text}`: values of `{name}` must be numbers", help=help) from None
    return found
