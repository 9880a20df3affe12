"""`mtorsim run --events`: a table of event records through a scenario's model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtorsim.cli.console import note, print_json
from mtorsim.cli.options import parse_settings
from mtorsim.errors import ArgumentError

__all__ = ["run_events"]

_WITHOUT = ("subjects", "resume")


def run_events(scenario: str, out: Path | None, silent: bool, given: dict[str, Any]) -> int:
    """Run the table, write what each record sees, and say how many subjects there were."""
    from mtorsim.event_records.simulate import simulate_events, write_records
    from mtorsim.event_records.table import read_events

    for name in _WITHOUT:
        if given[name]:
            raise ArgumentError(f"`--{name}` does not go with `--events`", help="the table says who there is, and when")
    ways = dict(_pair(text) for text in given["interpolate"])
    table = read_events(given["events"], time_unit=given["time_unit"], interpolation=ways)
    frame = simulate_events(
        scenario,
        table,
        settings=parse_settings(given["settings"]),
        note=None if given["quiet"] else note,
        **{k: given[k] for k in ("seed", "population", "method", "precision", "rtol", "atol")},
    )
    path = write_records(frame, out, given["force"]) if out is not None else None
    failed = frame.attrs["manifest"]["status"]
    failed = {sentence: count for sentence, count in failed.items() if sentence != "ok"}
    if given["as_json"]:
        print_json(
            {"subjects": table.subjects, "records": len(frame), "failed": failed, "table": str(path) if path else None}
        )
    else:
        who = "1 subject" if table.subjects == 1 else f"{table.subjects:,} subjects"
        print(f"{who}, {len(frame):,} record{'s' if len(frame) > 1 else ''}")
        for sentence, count in failed.items():
            print(f"{count:,} could not be carried: {sentence}")
        if path:
            print(f"table     {path}")
        else:
            print(frame.head(20).dropna(axis=1, how="all").to_string(index=False))
            if not silent:
                note("nothing was kept; `--out DIR` keeps the whole table")
    return 1 if failed else 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, way = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise ArgumentError(
            f"`--interpolate {text}` is not NAME=WAY", help="write for example `--interpolate weight=locf`"
        )
    return name, way
