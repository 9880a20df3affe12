"""Open, clear and write a result folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtorsim.errors import DataError

from .manifest import read_manifest

__all__ = ["open_folder", "write_json"]


_PARTS = "unfinished"


_OURS = (
    "run.json",
    "summary.json",
    "shares.csv",
    "series.nc",
    "visits.parquet",
    "people.parquet",
    "tests.parquet",
    "ledger.parquet",
    "treatment.parquet",
    "trial.json",
    "records.csv",
    _PARTS,
)
_FIGURES = ("time_course", "shares")


def open_folder(folder: Path, force: bool) -> None:
    """Create a result folder; `force` removes an earlier result in it, but never any other file."""
    try:
        if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
            if not force:
                help = "pass `force=True` to replace the result in it, or another folder"
                raise DataError(f"`{folder}` already exists", help=help)
            try:
                read_manifest(folder)
            except DataError:
                message = f"`{folder}` is not a result, so `force=True` does not touch it"
                raise DataError(message, help="name another folder") from None
            _remove_result(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write to `{folder}`: {problem.strerror}") from None


def _remove_result(folder: Path) -> None:
    """Remove the files of a result, and leave everything else."""
    for name in _OURS:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in _FIGURES:
        for path in folder.glob(f"{name}.*"):
            path.unlink()


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write to a temporary file and rename it, so a reader never sees an incomplete file."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(data, indent=1, allow_nan=False, default=float) + "\n", encoding="utf-8")
    draft.replace(path)
