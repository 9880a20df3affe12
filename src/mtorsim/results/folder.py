"""Open, clear and write a result folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mtorsim.errors import DataError

from .manifest import read_manifest

__all__ = ["CERTIFICATE", "PARTS", "claim", "draft_of", "open_folder", "release", "remove_result", "write_json"]


CERTIFICATE = "certificate.json"
PARTS = "parts"
"""Folder of what tables lack of each chunk: with it a result can be resumed, extended and merged."""


_OURS = (
    "run.json",
    "summary.json",
    "shares.csv",
    "kaplan_meier.csv",
    CERTIFICATE,
    "series.nc",
    "visits.parquet",
    "people.parquet",
    "tests.parquet",
    "ledger.parquet",
    "treatment.parquet",
    "trial.json",
    "records.csv",
    "curves.csv",
    "failed.csv",
    "percentiles.csv",
    "below.csv",
    "npde.csv",
    "tests.csv",
    "check.json",
    PARTS,
)
_DRAWN = ("time_course", "shares", "records", "vpc", "npde")
_FIGURES = tuple(f"{name}.{suffix}" for name in _DRAWN for suffix in ("png", "pdf", "svg"))


LOCK = ".lock"
"""File that the process that writes to a folder holds locked."""

_NO_CONTENT = (LOCK, ".run.json.draft")


def claim(folder: Path) -> IO[str] | None:
    """Keep other processes from writing to a folder until the file returned is released, or this process ends.

    Raises
    ------
    DataError
        If another process writes to it.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a")
    except OSError:
        # What is wrong with the folder is told when a result is written to it.
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        help = "wait until it ends, or name another folder"
        raise DataError(f"another process is writing to `{folder}`", help=help) from None
    except OSError:
        # Some network disks have no locks.
        file.close()
        return None
    return file


def release(folder: Path, file: IO[str] | None) -> None:
    """Let other processes write to a folder again, which is removed if it is empty."""
    if file is None:
        return
    (folder / LOCK).unlink(missing_ok=True)
    file.close()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def open_folder(folder: Path, force: bool) -> None:
    """Create a result folder; `force` removes an earlier result in it, but never any other file."""
    try:
        inside = folder.iterdir() if folder.is_dir() else [folder]
        if folder.exists() and any(path.name not in _NO_CONTENT for path in inside):
            if not force:
                raise DataError(f"`{folder}` already exists", help=_help(folder))
            try:
                read_manifest(folder, of_check=True)
            except DataError:
                message = f"`{folder}` is not a result, so `force=True` does not touch it"
                raise DataError(message, help="name another folder") from None
            remove_result(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write to `{folder}`: {problem.strerror}") from None


def _help(folder: Path) -> str:
    """Advice on a folder that already has content."""
    try:
        finished = read_manifest(folder, of_check=True).get("finished")
    except DataError:
        return "name another folder"
    if not finished:
        resume = f'`mtorsim.resume("{folder}")`'
        return f"it holds an interrupted run: resume it by {resume}, or pass `force=True` to begin again"
    return "pass `force=True` to replace the result in it, or another folder"


def remove_result(folder: Path) -> None:
    """Remove the files of a result, and leave everything else.

    They are first moved aside, `run.json` last: if one cannot be moved, or the process ends, the folder is still a
    result.
    """
    aside = Path(tempfile.mkdtemp(prefix=".old-", dir=folder))
    moved: list[Path] = []
    try:
        for name in (*_FIGURES, *(n for n in _OURS if n != "run.json"), "run.json"):
            path = folder / name
            if path.is_symlink() or path.exists():
                path.rename(aside / name)
                moved.append(path)
    except OSError:
        for path in moved:
            (aside / path.name).rename(path)
        aside.rmdir()
        raise
    shutil.rmtree(aside)


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A path to write to, which then becomes the file, so that a reader never sees an incomplete one."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        yield draft
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Save plain values."""
    with draft_of(path) as draft:
        draft.write_text(json.dumps(data, indent=1, allow_nan=False, default=float) + "\n", encoding="utf-8")
