"""`mtorsim export`: write a result's visits or tests as one file."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.options import PATH
from mtorsim.errors import DataError


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.argument("to", metavar="FILE", type=PATH)
@click.option("--tests", is_flag=True, help="Export the indices of its laboratory tests instead of the visits.")
@click.option("--force", is_flag=True, help="Replace FILE.")
def command(folder: Path, to: Path, tests: bool, force: bool) -> int:
    """Write the visits of the result in DIR to FILE: .csv (tidy, with a column of units), .nc or .parquet.

    Of a run of event records, the table: .csv or .parquet, with units in the names of observables.

    With --tests, the indices of its laboratory tests: .csv or .parquet, one row per index.
    Values keep the units of the result (glucose in mg/dL).
    """
    from mtorsim.results.records import RecordsResult, open_result
    from mtorsim.results.result import Result

    kinds = {".csv": "to_csv", ".nc": "to_netcdf", ".parquet": "to_parquet"}
    if tests:
        del kinds[".nc"]
    if to.suffix not in kinds:
        *most, last = kinds
        raise DataError(f"unsupported format: `{to}`", help=f"end its name in {', '.join(most)} or {last}")
    if to.exists() and not force:
        raise DataError(f"`{to}` already exists", help="give `--force` to replace it")
    result = open_result(folder)
    if isinstance(result, RecordsResult) and (tests or to.suffix == ".nc"):
        what = "tests" if tests else "netCDF"
        raise DataError(f"a run of event records has no {what} to export", help="end its name in .csv or .parquet")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        draft = to.with_name(f".{to.name}.draft{to.suffix}")
        try:
            if tests and isinstance(result, Result):
                getattr(result.tests, kinds[to.suffix])(draft, index=False)
            else:
                getattr(result, kinds[to.suffix])(draft)
            draft.replace(to)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write `{to}`: {problem.strerror or problem}") from None
    what = "records" if isinstance(result, RecordsResult) else "tests" if tests else "visits"
    print(f"{what:9} {to}")
    return 0
