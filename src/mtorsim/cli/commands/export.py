"""`mtorsim export`: a result's visits as one file."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.errors import DataError


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("to", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE.")
def command(folder: Path, to: Path, force: bool) -> int:
    """Write the visits of the result in DIR to FILE: .csv (tidy, with a column of units), .nc or .parquet.

    Values keep the units of the result, glucose in mg/dL; nothing is converted.
    """
    from mtorsim.result import open_result

    kinds = {".csv": "to_csv", ".nc": "to_netcdf", ".parquet": "to_parquet"}
    if to.suffix not in kinds:
        raise DataError(f"`{to}` does not say what to write", help="end its name in .csv, .nc or .parquet")
    if to.exists() and not force:
        raise DataError(f"`{to}` exists already", help="give `--force` to replace it")
    result = open_result(folder)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        draft = to.with_name(f".{to.name}.draft{to.suffix}")
        try:
            getattr(result, kinds[to.suffix])(draft)
            draft.replace(to)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write `{to}`: {problem.strerror or problem}") from None
    print(f"visits    {to}")
    return 0
