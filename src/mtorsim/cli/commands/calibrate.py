"""`mtorsim calibrate`: fit a few named quantities to reported trial results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json, print_table
from mtorsim.cli.options import PATH, as_json, library, library_of, quiet, threads
from mtorsim.errors import DataError


@click.command()
@click.argument("calibration", default="trials")
@click.option("--out", type=PATH, metavar="FILE", help="Write the result as JSON.")
@click.option(
    "--rounds", type=int, default=5, show_default=True, metavar="N", help="Maximum number of steps of the search."
)
@click.option("--profile", is_flag=True, help="Compute profile likelihoods too, which takes as long again.")
@threads
@library
@as_json
@quiet
def command(calibration: str, out: Path | None, rounds: int, profile: bool, **given: Any) -> int:
    """Fit the quantities in CALIBRATION, a bundled name or a file, to the trial rows marked for calibration.

    \b
      mtorsim calibrate trials --out trials.json

    The same files give the same numbers. Intervals of a trial use the `.json` file beside the calibration file. A step
    takes minutes.
    """  # noqa: D301
    from mtorsim.trial.calibration import calibrate

    if out is not None and not out.parent.is_dir():
        raise DataError(f"`{out.parent}` is not a folder", help="create it first")
    silent = given["quiet"] or given["as_json"]
    found = calibrate(
        calibration,
        threads=given["threads"],
        most_rounds=rounds,
        profile=profile,
        library=library_of(calibration, given["folders"]),
        note=None if silent else note,
    )
    fit = found.as_dict()
    if out is not None:
        try:
            out.write_text(json.dumps(fit, indent=1) + "\n", encoding="utf-8")
        except OSError as problem:
            raise DataError(f"cannot write `{out}`: {problem.strerror}") from None
    if given["as_json"]:
        print_json(fit)
    else:
        _print(fit)
    return 0


def _profile(told: dict[str, Any]) -> tuple[str, str]:
    """The interval, and the points."""
    low, high = ("not bounded" if end is None else f"{end:.4g}" for end in (told["low"], told["high"]))
    points = [f"{p['value']:.4g}: {p['rise']:.1f} ({p['of_data']:.1f})" for p in told["points"]]
    return f"{low} to {high}", ", ".join(points)


def _print(fit: dict[str, Any]) -> None:
    rows = [
        [
            q["name"],
            f"{q['value']:.4g}",
            f"{q['low']:.4g} to {q['high']:.4g}",
            f"{q['prior']:g}",
            f"{100 * q['learned']:.0f}",
            ", ".join(f"{o['name']} {o['correlation']:+.2f}" for o in q["goes_with"]),
        ]
        for q in fit["quantities"]
    ]
    print_table(["quantity", "fitted", "95 %", "prior", "learned, %", "confounded with (correlation)"], rows)
    told = [q for q in fit["quantities"] if "profile" in q]
    if told:
        print_table(
            ["profile likelihood", "95 %", "rise of -2 log L, and that of the rates alone, at each value"],
            [[q["name"], *_profile(q["profile"])] for q in told],
        )
    rows = [
        [
            f"{t['trial']}, {t['arm']}, {t['endpoint']}",
            f"{100 * t['observed']:.1f}",
            f"{100 * t['value']:.1f}",
            f"{100 * t['low']:.1f} to {100 * t['high']:.1f}",
            "inside" if t["inside"] else "OUTSIDE",
        ]
        for t in fit["targets"]
    ]
    print_table(["share, %", "observed", "fitted", "allowed", ""], rows)
    print(
        "allowed: the observed 95 % interval, widened by 5 points for rates above the ULN "
        "and by a factor of 1.5 for rates above 250 mg/dL"
    )
