"""`mtorsim forecast`: what is ahead of one person, or of many, given what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import PATH, as_json, check_output, library, parse_settings, quiet, settings, threads
from mtorsim.errors import ArgumentError, MtorsimError

if TYPE_CHECKING:
    from mtorsim.analysis.forecast.outlook import Forecast


@click.command()
@click.argument("person", type=PATH)
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="Seed of all draws.")
@click.option("--candidates", type=int, metavar="N", help="Largest number of candidates; default: 2048.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw the forecast of one person (.png, .pdf or .svg).")
@click.option("--dialect", default="comma", show_default=True, metavar="D", help="Of a table: comma, semicolon or tab.")
@threads
@settings
@library
@as_json
@quiet
def command(person: Path, dialect: str, **given: Any) -> int:
    """Forecast the fasting glucose of a PERSON, a file such as patient.toml, or of all people in a table (.csv, .rds).

    \b
      mtorsim new person patient
      mtorsim forecast patient.toml --figure ahead.png
      mtorsim forecast clinic.csv --json

    The person is sought among the population: candidates are run through the history and weighed by
    what was measured. For research and teaching, not for patient care.
    """  # noqa: D301
    from mtorsim.tables.binary import BINARY

    if person.suffix.lower() in (".csv", *BINARY):
        if given["figure"] is not None:
            raise ArgumentError("`--figure` draws one person", help="give a person's file in place of a table")
        return _many(person, dialect, given)
    return _one(person, given)


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments that both functions take."""
    from mtorsim.cli.options import library_of

    found = {
        "seed": given["seed"],
        "settings": parse_settings(given["settings"]),
        "threads": given["threads"],
        "library": library_of(None, given["folders"]) if given["folders"] else None,
        "note": None if given["quiet"] else note,
    }
    return found | ({} if given["candidates"] is None else {"candidates": given["candidates"]})


def _one(person: Path, given: dict[str, Any]) -> int:
    from mtorsim.analysis.forecast.forecast import forecast
    from mtorsim.plots.style import FORMATS

    if given["figure"] is not None:
        check_output(given["figure"], "picture", [f".{f}" for f in FORMATS])
    found = forecast(person, **_arguments(given))
    if given["figure"] is not None:
        from mtorsim.plots.forecast import forecast as draw

        draw(found).savefig(given["figure"], dpi=180)
    if given["as_json"]:
        print_json(found.to_json())
    else:
        _print(found)
    return 0


def _print(found: Forecast) -> None:
    """Print a forecast as tables."""
    from mtorsim.analysis.forecast.outlook import NOTICE

    print(f"{found.person.name}, {len(found.person.values)} values; {NOTICE[0].lower()}{NOTICE[1:]}")
    rows = [
        [value.said, f"{expected:.4g}", f"{100 * sd:.0f} %"]
        for value, expected, sd in zip(
            found.person.values, found.inferred.expected, found.inferred.noise_sd, strict=True
        )
    ]
    print_table(["measured", "model at its best", "error and days"], rows, "what was measured")
    rows = []
    for k, worst in zip(found.weekly, found.worst(), strict=True):
        bands = [f"{found.band('measured', q)[k]:.0f}" for q in (0.05, 0.25, 0.5, 0.75, 0.95)]
        rows.append([found.day(k), *bands, *(f"{100 * w:.0f} %" for w in worst[:3])])
    head = ["morning", "5 %", "25 %", "median", "75 %", "95 %", "grade 1+", "grade 2+", "grade 3+"]
    print_table(head, rows, "fasting glucose that will be measured (mg/dL), and the worst grade until then")
    if len(found.ahead) > 1:
        rows = []
        for option in found.ahead:
            last, worst = found.alike(option).measured[:, -1], found.worst_alike(option)
            change = "-" if option == next(iter(found.ahead)) else _change(*found.change(option))
            rows.append([option, f"{_median(last):.0f}", change, *(f"{100 * w:.0f} %" for w in worst[1:3])])
        head = ["from now on", "median", "change (90 % of people)", "grade 2+", "grade 3+"]
        print_table(head, rows, f"on {found.day(len(found.days) - 1)}, in the same candidates")
    rows = [
        [found.day(k), f"{100 * day.passed:.0f} %", f"{day.unseen:.1f}", f"{day.information:.2f}"]
        for k, day in zip(found.weekly, found.next_measurement(), strict=True)
    ]
    head = ["measured next on", "truly above 160 by then", "days unseen", "information, bit"]
    print_table(head, rows, "when to measure next")
    inferred = found.inferred
    if found.unmeasured is not None:
        does, by = ("narrow" if found.narrowed > 0 else "widen"), abs(100 * found.narrowed)
        print(f"the values {does} the 90 % band of the last morning by {by:.0f} %")
    rows = [[name, f"{mean:+.2f}", f"{sd:.2f}"] for name, mean, sd in inferred.moved(6)]
    print_table(["quantity", "mean", "SD"], rows, "on which they say most, in SDs of the population (0, 1 before)")
    print(f"{inferred.candidates:,} candidates worth {inferred.effective:.0f}; {inferred.agreement}")
    if found.failed:
        print(f"{found.failed} of {len(found.values())} candidates could not be followed to the end")


def _median(values: Any) -> float:
    import numpy as np

    return float(np.nanmedian(values))


def _change(mean: float, low: float, high: float) -> str:
    return f"{mean:+.0f} ({low:+.0f} to {high:+.0f})"


def _many(path: Path, dialect: str, given: dict[str, Any]) -> int:
    from mtorsim.analysis.forecast.forecast import forecasts
    from mtorsim.analysis.forecast.outlook import FEW
    from mtorsim.analysis.forecast.people import read_people

    people = read_people(path, dialect)
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = forecasts(list(people.values()), **_arguments(given), progress=bar)
    refused = {who: f for who, f in zip(people, found, strict=True) if isinstance(f, MtorsimError)}
    well = {who: f for who, f in zip(people, found, strict=True) if not isinstance(f, MtorsimError)}
    if given["as_json"]:
        reasons = {who: {"refused": error.message, "help": error.help} for who, error in refused.items()}
        print_json({who: reasons[who] if who in reasons else well[who].to_json() for who in people})
    else:
        rows = []
        for who, f in well.items():
            bands = [f"{f.band('measured', q)[-1]:.0f}" for q in (0.05, 0.5, 0.95)]
            risks = [f"{100 * w:.0f} %" for w in f.worst()[-1][1:3]]
            rows.append([who, f"{len(f.person.values)}", f.day(len(f.days) - 1), *bands, *risks])
        head = ["person", "values", "morning", "5 %", "median", "95 %", "grade 2+ until then", "grade 3+"]
        print_table(head, rows, "fasting glucose that will be measured (mg/dL)")
    for who, f in well.items():
        if f.inferred.effective < FEW:
            note(f"{who}: {f.inferred.agreement}")
    for who, error in refused.items():
        note(f"{who}: no forecast: {error.message}" + (f" ({error.help})" if error.help else ""))
    return 1 if refused else 0
