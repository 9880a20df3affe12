"""`mtorsim replay`: recompute one subject of a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import column, note, print_json, print_table, warn
from mtorsim.cli.options import PATH, as_json, units
from mtorsim.errors import ArgumentError


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--arm", metavar="A", help="Name of the arm; default: the first.")
@click.option("--subject", type=int, metavar="I", help="Number of the subject, from 0.")
@click.option("--percentile", type=float, metavar="P", help="In place of a number: the person at this percentile.")
@click.option(
    "--of",
    default="worst_fasting_glucose",
    show_default=True,
    metavar="NAME",
    help="Of an observable at the last visit, or of its highest value: worst_NAME.",
)
@units
@as_json
def command(
    folder: Path, arm: str | None, subject: int | None, percentile: float | None, of: str, units: str, as_json: bool
) -> int:
    """Recompute one subject of the result in DIR from its manifest.

    \b
      mtorsim replay results/breast --subject 17
      mtorsim replay results/breast --percentile 97.5 --of worst_fasting_glucose

    The input files of the run are not needed. All numbers, including indices of tests, are compared with the stored
    ones: they agree to the bit on the same kind of processor with the same versions. Exit code 0: they agree; 1: they
    do not.
    """  # noqa: D301
    from mtorsim.results.manifest import read_manifest
    from mtorsim.simulation.percentile import person_at
    from mtorsim.simulation.replay import replay_subject
    from mtorsim.units.display import display_units

    shown_in = display_units(units)
    if (subject is None) == (percentile is None):
        raise ArgumentError("give either `--subject` or `--percentile`")
    if subject is None:
        assert percentile is not None
        subject, value = person_at(folder, percentile, of, arm)
        note(f"percentile {percentile:g} of {of}: subject {subject}, {value:.5g}")
    if read_manifest(folder).get("records"):
        return _records(folder, arm, subject, as_json)
    found = replay_subject(folder, subject, arm, note)
    if as_json:
        print_json(_record(found, shown_in))
    else:
        _print(found, shown_in)
    for line in found.versions_differ:
        warn(line)
    return 0 if found.same else 1


def _records(folder: Path, arm: str | None, subject: int, as_json: bool) -> int:
    """Recompute one subject of a run of event records."""
    from mtorsim.event_records.replay import replay_records

    if arm is not None:
        raise ArgumentError("a run of event records has no arms", help="leave out `--arm`")
    found = replay_records(folder, subject, note)
    shown = [c for c in ("time_h", "tad", *found.units) if c in found.frame.columns]
    if as_json:
        rows = found.frame[shown].to_dict("records")
        kept = {"subject": subject, "id": found.label, "status": found.status, "same_bits": found.same}
        more = {"max_difference": found.difference, "units": dict(found.units), "parameters": dict(found.parameters)}
        print_json({**kept, **more, "records": rows})
    else:
        head = [f"{c}, {found.units[c]}" if c in found.units else c for c in shown]
        columns = [column(found.frame[c].to_numpy(float).tolist(), 5) for c in shown[1:]]
        times = [f"{t:g}" for t in found.frame["time_h"]]
        rows = [list(row) for row in zip(times, *columns, strict=True)]
        print_table(head, rows, f"subject {subject} (ID {found.label}) of {found.title}: {found.status}")
        _print_agreement(found)
    for line in found.versions_differ:
        warn(line)
    return 0 if found.same else 1


def _print_agreement(found: Any) -> None:
    if found.same:
        print("these numbers agree with the stored ones to the bit")
    else:
        print(f"these differ from the stored numbers by up to {found.difference:.3g} (relative)")


def _columns(found: Any, shown_in: Any) -> dict[str, Any]:
    """The observables that have values, in display units."""
    data = found.visits
    names = [n for n in data.data_vars if bool(data[n].notnull().any())]
    return {n: shown_in.value(n, data[n].attrs["units"], data[n].to_numpy()) for n in names}


def _record(found: Any, shown_in: Any) -> dict[str, Any]:
    columns = _columns(found, shown_in)
    times = found.visits.time.to_numpy()
    return {
        "scenario": found.scenario,
        "arm": found.arm,
        "subject": found.subject,
        "status": found.status,
        "same_bits": found.same,
        "max_difference": found.difference,
        "units": {n: shown_in.unit(n, found.visits[n].attrs["units"]) for n in columns},
        "visits": [
            {"time_h": float(t), **{n: None if v[i] != v[i] else float(v[i]) for n, v in columns.items()}}
            for i, t in enumerate(times)
        ],
        "tests": [_converted(row, shown_in) for row in found.tests.to_dict("records")],
        "parameters": dict(found.parameters),
    }


def _converted(row: dict[str, Any], shown_in: Any) -> dict[str, Any]:
    """One index of a test in display units; None if it has no number."""
    value = shown_in.value(row["index"], row["unit"], row["value"])
    kept = {n: row[n] for n in ("test", "options", "at_h", "index")}
    return kept | {"value": None if value != value else value, "unit": shown_in.unit(row["index"], row["unit"])}


def _print(found: Any, shown_in: Any) -> None:
    columns = _columns(found, shown_in)
    head = ["time_h", *(f"{n}, {shown_in.unit(n, found.visits[n].attrs['units'])}" for n in columns)]
    times = [f"{t:g}" for t in found.visits.time.to_numpy()]
    rows = [list(row) for row in zip(times, *(column(v.tolist(), 5) for v in columns.values()), strict=True)]
    print_table(head, rows, f"subject {found.subject}, arm {found.arm}, of {found.scenario}: {found.status}")
    tests = [_converted(row, shown_in) for row in found.tests.to_dict("records")]
    for kind, options, at in dict.fromkeys((t["test"], t["options"], t["at_h"]) for t in tests):
        rows = [
            [t["index"], "-" if t["value"] is None else f"{t['value']:.5g}", t["unit"]]
            for t in tests
            if (t["test"], t["options"], t["at_h"]) == (kind, options, at)
        ]
        print_table(["index", "value", "unit"], rows, f"{kind} at {at:g} h" + (f", {options}" if options else ""))
    _print_agreement(found)
