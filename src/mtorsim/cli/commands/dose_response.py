"""`mtorsim dose-response`: the same people at several doses and schedules, and the dose that keeps a risk low."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import (
    PATH,
    as_json,
    asked,
    check_output,
    finite,
    library,
    library_of,
    parse_settings,
    quiet,
    settings,
    threads,
)
from mtorsim.errors import ArgumentError

if TYPE_CHECKING:
    from mtorsim.analysis.response.responses import DoseResponse


@click.command()
@click.argument("scenario")
@asked
@click.option("--drug", metavar="NAME", help="The drug whose doses differ; default: the first of the treated arm.")
@click.option("--doses", metavar="D,D", help="Such as 2.5,5,10; default: 0.25 to 2 times the scenario's.")
@click.option(
    "--schedule", "schedules", multiple=True, metavar="S", help="Another, as 'sirolimus 2 mg q24h'; repeatable."
)
@click.option("--limit", type=float, metavar="X", help="Count the people above X.")
@click.option(
    "--risk", type=float, metavar="R", help="Find the highest dose with a share of at most R above the limit."
)
@click.option("--by", metavar="TRAIT", help="Classes of people by a trait, such as bmi; default: by fasting glucose.")
@click.option("--subjects", type=int, default=200, show_default=True, metavar="N", help="Number of subjects.")
@click.option("--against", default=None, metavar="A", help="Draw against dose, trough or inhibition of mTORC1.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw the response (.png, .pdf or .svg).")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, doses: str | None, limit: float | None, risk: float | None, **given: Any) -> int:
    """Give the people of SCENARIO several doses, and see what becomes of a quantity.

    \b
      mtorsim dose-response everolimus_breast --at "8 weeks" --limit 126 --risk 0.2
      mtorsim dose-response everolimus_breast --schedule "everolimus 70 mg q7d" --schedule "sirolimus 4 mg q24h"

    Several schedules are compared at equal inhibition of mTORC1 and at equal trough levels.
    """  # noqa: D301
    from mtorsim.analysis.response.dose_response import dose_response
    from mtorsim.plots.style import FORMATS

    finite("--limit", limit)
    if risk is not None and (limit is None or not 0 < risk < 1):
        raise ArgumentError("`--risk` is a share between 0 and 1 of people above `--limit`", help="10 % is 0.1")
    if given["figure"] is not None:
        check_output(given["figure"], "picture", [f".{f}" for f in FORMATS])
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = dose_response(
            scenario,
            drug=given["drug"],
            doses=None if doses is None else [d.strip() for d in doses.split(",") if d.strip()],
            schedules=given["schedules"],
            of=given["of"],
            at=given["at"],
            arm=given["arm"],
            versus=given["versus"],
            by=given["by"],
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
        from mtorsim.plots.response import responses

        against = given["against"] or ("dose" if len(found.schedules) == 1 else "inhibition")
        responses(found, against=against, limit=limit, risk=risk).savefig(given["figure"], dpi=180)
    if given["as_json"]:
        print_json(found.to_json(limit, risk))
    else:
        _print(found, limit, risk)
    if found.failed:
        note(f"{found.failed} of {len(found.subjects):,} subjects failed at some dose, and are left out")
    return 1 if found.failed else 0


def _print(found: DoseResponse, limit: float | None, risk: float | None) -> None:
    """Print the response as tables."""
    print(found.title)
    print(found.told)
    above = {} if limit is None else {one.name: found.above(limit, k) for k, one in enumerate(found.schedules)}
    rows = []
    for one in found.schedules:
        mine = [row for row in found.table.to_dict("records") if row["schedule"] == one.name]
        for k, row in enumerate(mine):
            exposure = [_number(row["trough"], 1), _number(100 * row["inhibition"], 0)]
            share = [str(above[one.name][k].estimate)] if above else []
            effect = f"{row['effect']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f})"
            bands = [_number(row[q], 1) for q in ("5 %", "50 %", "95 %")]
            rows.append([f"{one.name} {row['dose']:g} {one.unit}", *exposure, *bands, effect, *share])
    head = ["dose", "trough", "mTORC1, % lost", "5 %", "median", "95 %", f"change from {found.versus}"]
    print_table([*head, *([f"above {limit:g}"] if above else [])], rows)
    if len(found.schedules) > 1:
        for what, words in (("inhibition", "inhibition of mTORC1"), ("trough", "trough levels")):
            _print_equal(found, what, words, limit)
    if limit is not None and risk is not None:
        _print_highest(found, limit, risk)


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if value == value else "-"


def _print_equal(found: DoseResponse, what: Any, words: str, limit: float | None) -> None:
    """Print the schedules at equal exposure."""
    rows = []
    for row in found.at_equal(what, limit=limit):
        if row.dose != row.dose:
            rows.append([row.name, "not reached", "-", *([] if limit is None else ["-"])])
            continue
        share = [] if row.above is None else [f"{100 * row.above:.1f} %"]
        rows.append(
            [row.name, f"{row.dose:.3g} {row.unit}", f"{row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})", *share]
        )
    head = ["schedule", "dose", f"change from {found.versus}", *([] if limit is None else [f"above {limit:g}"])]
    print_table(head, rows, f"at equal {words}, as the first schedule reaches")


def _print_highest(found: DoseResponse, limit: float, risk: float) -> None:
    """Print the highest dose that keeps a risk, by class."""
    import numpy as np

    one, rows = found.schedules[0], []
    for name, who in {"all": np.ones(len(found.subjects), bool), **found.classes()}.items():
        count = int((who & found.well).sum())
        if count:
            rows.append([f"{name} ({count})", found.highest_dose(limit, risk, who=who).told(one.doses, one.unit)])
    title = f"highest dose of {one.name} at which at most {100 * risk:g} % are above {limit:g} {found.unit}"
    print_table(["people (n)", "dose (95 % CI over people)"], rows, title)
