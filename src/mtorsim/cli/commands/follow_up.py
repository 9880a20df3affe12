"""`mtorsim follow-up`: compare schedules of glucose measurements on a virtual population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import (
    PATH,
    as_json,
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
    from mtorsim.analysis.follow_up.comparison import FollowUp

PRINTED = (0.02, 0.08, 0.32)
"""Risks of adaptive schedules that are printed."""


@click.command()
@click.argument("scenario")
@click.option("--limit", type=float, default=160.0, show_default=True, metavar="X", help="mg/dL; above it one acts.")
@click.option("--severe", type=float, default=250.0, show_default=True, metavar="X", help="mg/dL to be avoided.")
@click.option("--budget", type=int, metavar="K", help="Visits of chosen schedules; default: 6.")
@click.option("--schedule", "schedules", multiple=True, metavar="D,D", help="Days of another, as '14,28'; repeatable.")
@click.option("--by", metavar="TRAIT", help="Classes of people by a trait, such as bmi; default: by fasting glucose.")
@click.option("--arm", metavar="NAME", help="The treated arm; default: the first with a drug.")
@click.option("--subjects", type=int, default=600, show_default=True, metavar="N", help="Number of subjects.")
@click.option("--seed", type=int, metavar="S", help="Seed of the draws.")
@click.option("--population", metavar="NAME", help="Another population than the scenario's.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw visits against undetected time (.png, .pdf or .svg).")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, schedules: tuple[str, ...], **given: Any) -> int:
    """Compare ways of following the people of SCENARIO: visits, adaptive visits, a home meter, a sensor.

    \b
      mtorsim follow-up everolimus_breast --limit 126 --severe 160
      mtorsim follow-up bolero_2 --budget 4 --schedule 7,14,28,56 --figure pareto.png

    Half of the people choose schedules, which are compared in the other half. For research and
    teaching, not for patient care.
    """  # noqa: D301
    from mtorsim.analysis.follow_up.follow_up import follow_up
    from mtorsim.plots.style import FORMATS

    for name in ("limit", "severe"):
        finite(f"--{name}", given[name])
    if given["figure"] is not None:
        check_output(given["figure"], "picture", [f".{f}" for f in FORMATS])
    own = {f"days {text}": [d.strip() for d in text.split(",") if d.strip()] for text in schedules}
    if len(own) < len(schedules):
        raise ArgumentError("a schedule is given twice")
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = follow_up(
            scenario,
            limit=given["limit"],
            severe=given["severe"],
            budget=given["budget"],
            schedules=own,
            by=given["by"],
            arm=given["arm"],
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
        from mtorsim.plots.follow_up import pareto

        pareto(found).savefig(given["figure"], dpi=180)
    if given["as_json"]:
        print_json(found.to_json())
    else:
        _print(found)
    if found.failed:
        note(f"{found.failed} subjects could not be followed to the end, and are left out")
    return 1 if found.failed else 0


def _print(found: FollowUp) -> None:
    """Print the comparison as tables."""
    from mtorsim.analysis.follow_up.comparison import NOTICE

    print(found.title)
    print(found.told)
    first = found.table.to_dict("records")
    print(f"{first[0]['cases']} pass {found.limit:g} mg/dL, {first[0]['severe_cases']} pass {found.severe:g}. {NOTICE}")
    rows = []
    for row in first:
        # All risks are in the JSON and in the figure.
        if row["kind"] == "adaptive" and "no more visits" not in row["name"] and row["risk"] not in PRINTED:
            continue
        in_time = _percent(row["in_time"], row["in_time_low"], row["in_time_high"])
        delay = "-" if row["delay_days"] != row["delay_days"] else f"{row['delay_days']:.0f} d"
        undetected, false = f"{row['weeks_undetected']:.1f}", f"{100 * row['false']:.0f} %"
        rows.append([row["name"], f"{row['visits']:.1f}", delay, undetected, in_time, false])
    head = ["follow-up", "visits", "median delay", "weeks undetected/100", "severe cases in time", "false alarms"]
    print_table(head, rows, "as if nothing were done until it is seen")
    rows = [[name, ", ".join(map(str, way.days or ()))] for name, way in found.chosen_for.items()]
    if rows:
        title = f"the {found.budget} visits that leave the least time undetected, by class"
        print_table(["people (n)", "days"], rows, title)
    if found.acted:
        rows = [
            [a.name, f"{a.weeks_above:.0f}", _percent(a.severe, a.low, a.high), f"{100 * a.intensity:.0f} %"]
            for a in found.acted
        ]
        head = ["follow-up", f"weeks above {found.limit:g}/100", f"ever above {found.severe:g}", "drug given"]
        print_table(head, rows, "once what is seen is acted upon, by the scenario's rules")


def _percent(value: float, low: float, high: float) -> str:
    return "-" if value != value else f"{100 * value:.0f} % ({100 * low:.0f}-{100 * high:.0f})"
