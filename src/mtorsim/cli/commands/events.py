"""`mtorsim events`: run a table of event records through a scenario's model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json
from mtorsim.cli.options import PATH, accuracy, as_json, library, library_of, parse_settings, quiet, settings
from mtorsim.cli.table_options import read_table, table_options
from mtorsim.errors import ArgumentError, one_line


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="[SCENARIO] TABLE")
@click.option("--figures/--no-figures", default=True, help="Save a figure in DIR.", show_default=True)
@table_options
@click.option("--seed", type=int, metavar="S", help="Seed of the population's draws.")
@click.option("--population", metavar="NAME", help="Use another population.")
@click.option("--out", type=PATH, metavar="DIR", help="Save the result in this folder.")
@click.option("--force", is_flag=True, help="Replace an existing result in DIR.")
@settings
@accuracy
@library
@as_json
@quiet
def command(what: tuple[str, ...], models: tuple[str, ...], out: Path | None, **given: Any) -> int:
    """Run the event records in TABLE, a CSV or Parquet file, through the model of SCENARIO, or through modules.

    \b
      mtorsim events everolimus_healthy records.csv --out results/records
      mtorsim events records.csv --model my_pk --out results/records

    The scenario's doses, meals, arms and visits are ignored: all events come from the table. With --model, the
    subjects are typical persons (--population modelled: with the variability of the modules). Exit code 0: ok; 1:
    some subjects failed, the others are saved; 2: an input is wrong.
    """  # noqa: D301
    from mtorsim.event_records.simulate import simulate_events, write_records
    from mtorsim.kernel.status import CURES

    scenario, table = _what(what, models)
    records = read_table(table, given)
    frame = simulate_events(
        scenario,
        records,
        settings=parse_settings(given["settings"]),
        library=library_of(scenario if isinstance(scenario, str) else table, given["folders"]),
        note=None if given["quiet"] else note,
        **{k: given[k] for k in ("seed", "population", "method", "precision", "rtol", "atol", "kernel")},
    )
    path = write_records(frame, out, given["force"]) if out is not None else None
    figures = []
    if out is not None and given["figures"]:
        from mtorsim.plots.records import draw_records

        figures = draw_records(frame, frame.attrs["manifest"], frame.attrs["curves"], out, "png")
    counts = frame.attrs["manifest"]["status"]
    failed = {sentence: count for sentence, count in counts.items() if sentence != "ok"}
    if given["as_json"]:
        kept = str(path) if path else None
        print_json({"subjects": records.subjects, "records": len(frame), "failed": failed, "table": kept})
        return 1 if failed else 0
    who = "1 subject" if records.subjects == 1 else f"{records.subjects:,} subjects"
    print(f"{who}, {len(frame):,} record{'s' if len(frame) > 1 else ''}")
    for sentence, count in failed.items():
        print(f"{count:,} could not be simulated: {sentence}")
        if sentence in CURES:
            note(f"  help: {CURES[sentence]}")
    if path:
        print(f"table     {path}")
        for figure in figures:
            print(f"figure    {figure}")
    else:
        shown = frame.head(20).dropna(axis=1, how="all")
        # A cell may hold anything, such as commands of a terminal.
        printable = shown.map(lambda cell: one_line(cell, 40) if isinstance(cell, str) else cell)
        print(printable.to_string(index=False))
        if not given["quiet"]:
            note("the table was not saved; add `--out DIR` to save it")
    return 1 if failed else 0


def _what(given: tuple[str, ...], models: tuple[str, ...]) -> tuple[str | list[str], Path]:
    """The scenario or the modules, and the table."""
    what = list(given)
    if len(what) > 2 or (len(what) == 2 and models):
        help = "give [SCENARIO] TABLE, or TABLE and --model"
        raise ArgumentError(f"`{what[-1]}` is one argument too many", help=help)
    if len(what) == 2:
        return what[0], Path(what[1])
    if not models:
        help = "put a scenario before TABLE, or name --model"
        raise ArgumentError("there is neither a scenario nor a model", help=help)
    return list(models), Path(what[0])
