"""`mtorsim export`: write a table of a result as one file."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.options import PATH, as_json, quiet
from mtorsim.errors import ArgumentError


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.argument("to", metavar="FILE", type=PATH)
@click.option("--as", "table", metavar="TABLE", help="Table to export; default: the visits, or the records.")
@click.option("--tests", is_flag=True, help="Export the indices of its laboratory tests: --as tests.")
@click.option("--xpt-version", type=int, default=5, show_default=True, metavar="V", help="Version of .xpt: 5 or 8.")
@click.option("--force", is_flag=True, help="Replace FILE.")
@quiet
@as_json
def command(
    folder: Path, to: Path, table: str | None, tests: bool, xpt_version: int, force: bool, quiet: bool, as_json: bool
) -> int:
    """Write a table of the result in DIR to FILE, in the format of its suffix.

    \b
    .csv .parquet .feather   text, and two formats of Arrow, with units in the metadata
    .rds                     R: a data frame for `readRDS`, numbers to the bit
    .xpt                     SAS transport: names of 8 characters, labels of 40
    .dta .sav                Stata and SPSS
    .nc                      netCDF, of visits only

    \b
    Tables (--as):
    visits                   the default; as .csv tidy, with a column of units
    people                   traits and weights, one row per subject
    tests ledger treatment   indices of laboratory tests; decisions of rules; who left, and dose intensity
    records                  of a run of event records its only table
    adsl adlb adpc           subjects, laboratory and concentrations, with the names of CDISC's ADaM
    adex                     doses, of a run of event records

    .xpt, .dta and .sav need `pip install "mtorsim[tables]"`. Values keep the units of the result (glucose in mg/dL).
    """  # noqa: D301
    from mtorsim.cli.console import note, print_json
    from mtorsim.results.records import RecordsResult, open_result

    if tests and table not in (None, "tests"):
        raise ArgumentError(f"`--tests` and `--as {table}` are two tables", help="leave one of them out")
    result = open_result(folder)
    usual = "records" if isinstance(result, RecordsResult) else "visits"
    table = "tests" if tests else table or usual
    told = None if quiet else note
    result.export(to, as_=table, xpt_version=xpt_version, force=force, note=told)
    if as_json:
        print_json({"table": table, "file": str(to), "bytes": to.stat().st_size})
    else:
        print(f"{table:9} {to}")
    return 0
