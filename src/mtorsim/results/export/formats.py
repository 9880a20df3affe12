"""Write a table in any of the formats, by the suffix of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtorsim.errors import ArgumentError, DataError, did_you_mean

from .rds import write_rds
from .source import Source
from .stat_files import LIMITS, VERSION_8, write_stat_file

__all__ = ["SUFFIXES", "check_suffix", "write_table"]

SUFFIXES = (".csv", ".parquet", ".feather", ".rds", ".xpt", ".dta", ".sav")
CLOSE = {".sas7bdat": ".xpt", ".sas": ".xpt", ".xport": ".xpt", ".arrow": ".feather", ".ipc": ".feather"}
CLOSE |= {".rda": ".rds", ".rdata": ".rds", ".txt": ".csv", ".tsv": ".csv", ".stata": ".dta", ".spss": ".sav"}
"""Suffixes that people may mean by others."""


def check_suffix(path: Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Raise if a file has none of the suffixes.

    Raises
    ------
    DataError
        With the nearest one.
    """
    if path.suffix in suffixes:
        return
    *most, last = suffixes
    near = CLOSE.get(path.suffix.lower())
    nearest = f"did you mean `{near}`?" if near in suffixes else did_you_mean(path.suffix, suffixes)
    help = f"end its name in {', '.join(most)} or {last}"
    raise DataError(
        f"unsupported format: `{path}`", help=f"{nearest} {help[:1].upper()}{help[1:]}" if nearest else help
    )


def write_table(source: Source, path: Path, xpt_version: int = 5) -> list[str]:
    """Write a table, and return what the format made shorter.

    Raises
    ------
    ArgumentError
        If a library is not installed, or there is no such version.
    DataError
        If the format cannot hold the table.
    """
    if xpt_version not in (5, 8):
        raise ArgumentError(f"there is no version {xpt_version} of the SAS transport format", help="choose 5 or 8")
    limits = VERSION_8 if (path.suffix, xpt_version) == (".xpt", 8) else LIMITS.get(path.suffix)
    if limits is not None:
        return write_stat_file(source, path, limits)
    write: Mapping[str, Callable[[Source, Path], None]] = {
        ".csv": _csv,
        ".parquet": _parquet,
        ".feather": _feather,
        ".rds": write_rds,
    }
    write[path.suffix](source, path)
    return []


def _csv(source: Source, path: Path) -> None:
    """Write with a head of names; missing values are empty, numbers are the shortest that have the same bits."""
    from pyarrow import csv

    with csv.CSVWriter(path, source.schema(), write_options=csv.WriteOptions(quoting_style="needed")) as file:
        for part in source.tables():
            file.write_table(part)


def _parquet(source: Source, path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, source.schema()) as file:
        for part in source.tables():
            file.write_table(part)


def _feather(source: Source, path: Path) -> None:
    """Write an Arrow file, which is version 2 of Feather."""
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as plain, pa.ipc.new_file(plain, source.schema(), options=options) as file:
        for part in source.tables():
            file.write_table(part, max_chunksize=1 << 16)
