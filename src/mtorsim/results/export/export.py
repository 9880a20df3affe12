"""Export a table of a result to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mtorsim.errors import ArgumentError, DataError, choose_from

from .contents import DATASETS, TABLES, contents_of, records_contents
from .formats import SUFFIXES, check_suffix, write_table

if TYPE_CHECKING:
    from mtorsim.results.records import RecordsResult
    from mtorsim.results.result import Result

__all__ = ["export_records", "export_result"]


def export_result(
    result: Result, path: Path, kind: str, xpt_version: int, force: bool, note: Callable[[str], None] | None
) -> None:
    """Write a table of a run; see `Result.export`."""
    if kind not in (*TABLES, *DATASETS):
        raise ArgumentError(f"there is no table `{kind}`", help=choose_from(kind, (*TABLES, *DATASETS)))
    visits = kind == "visits"
    check_suffix(path, (".csv", ".nc", *SUFFIXES[1:]) if visits else SUFFIXES)
    own = {".csv": result.to_csv, ".nc": result.to_netcdf, ".parquet": result.to_parquet}
    if visits and path.suffix in own:
        _save(path, force, lambda draft: own[path.suffix](draft), note)
    else:
        source = contents_of(result, kind)
        _save(path, force, lambda draft: write_table(source, draft, xpt_version), note)


def export_records(
    result: RecordsResult, path: Path, kind: str, xpt_version: int, force: bool, note: Callable[[str], None] | None
) -> None:
    """Write a table of a run of event records; see `RecordsResult.export`."""
    if path.suffix == ".nc":
        help = f"end its name in {', '.join(SUFFIXES)}"
        raise DataError("a run of event records has no netCDF to export", help=help)
    check_suffix(path)
    own = {".csv": result.to_csv, ".parquet": result.to_parquet}
    if kind in ("visits", "records") and path.suffix in own:
        _save(path, force, lambda draft: own[path.suffix](draft), note)
    else:
        source = records_contents(result, kind)
        _save(path, force, lambda draft: write_table(source, draft, xpt_version), note)


def _save(
    path: Path, force: bool, write: Callable[[Path], list[str] | None], note: Callable[[str], None] | None
) -> None:
    """Write a file under another name and rename it, so that one that fails leaves nothing half written."""
    if path.exists() and not force:
        raise DataError(f"`{path}` already exists", help="pass `force=True` to replace it")
    draft = path.with_name(f".{path.name}.draft{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            told = write(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror or problem}") from None
    for line in told or ():
        if note is not None:
            note(line)
