"""Chunks of a result on disk: what tables lack of each, and the chunk as it was computed."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import DataError

from .block import Block, TestValues
from .digest import Digest
from .folder import PARTS, draft_of
from .tables import SCREEN_FAILURES, WEIGHTS

__all__ = ["checked_blocks", "complete_part", "load_part", "load_tests", "write_part"]

_KEPT = ("subjects", "status", "series", "series_of", "left")
"""Data of a chunk that tables lack."""
_BY_ARM = ("ledger", "dose_intensity")


def write_part(folder: Path, number: int, block: Block) -> None:
    """Save what tables lack of a chunk; written last, it marks a complete chunk."""
    path = folder / PARTS / f"chunk-{number:06d}.npz"
    kept = {name: getattr(block, name) for name in _KEPT}
    for name in _BY_ARM:
        kept |= {f"{name} {i}": part for i, part in enumerate(getattr(block, name))}
    with draft_of(path) as draft, draft.open("wb") as file:
        np.savez(file, **kept)


def complete_part(folder: Path, manifest: Mapping[str, Any], number: int) -> Block | None:
    """A chunk as it was computed, None if it is not complete on disk."""
    import pyarrow as pa

    try:
        return load_part(folder, manifest, number)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, pa.ArrowException):
        return None


def load_part(folder: Path, manifest: Mapping[str, Any], number: int) -> Block:
    """A chunk as it was computed, from its files."""
    import pyarrow.parquet as pq

    name, arms = f"chunk-{number:06d}", manifest["arms"]
    # Opened here, so that it is closed even if it is not an archive.
    with (folder / PARTS / f"{name}.npz").open("rb") as file, np.load(file) as part:
        rest: dict[str, Any] = {kept: part[kept] for kept in _KEPT}
        for kept in _BY_ARM:
            rest[kept] = tuple(part[f"{kept} {i}"] for i in range(len(arms)))
    n, visits = len(rest["subjects"]), len(manifest["visits_h"])
    values = []
    for arm in arms:
        table = pq.ParquetFile(folder / "visits.parquet" / f"arm={arm}" / f"{name}.parquet").read()
        columns = [table.column(of).to_numpy().reshape(n, visits) for of in manifest["observables"]]
        values.append(np.stack(columns, axis=-1))
    people = pq.ParquetFile(folder / "people.parquet" / f"{name}.parquet").read()
    traits = [people.column(trait).to_numpy() for trait in manifest["traits"]]
    return Block(
        arms=tuple(arms),
        visits=np.stack(values),
        traits=np.stack(traits, axis=1) if traits else np.zeros((n, 0)),
        attempts=people.column(SCREEN_FAILURES).to_numpy(),
        weights=people.column(WEIGHTS).to_numpy(),
        tests=load_tests(folder, n, number) if (folder / "tests.parquet").is_dir() else (),
        **rest,
    )


def load_tests(folder: Path, n: int, number: int) -> tuple[TestValues, ...]:
    """Indices of laboratory tests of a chunk of n subjects."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(folder / "tests.parquet" / f"chunk-{number:06d}.parquet").read().to_pandas()
    found = []
    for (arm, test, options, at), part in table.groupby(["arm", "test", "options", "at_h"], sort=False):
        units = dict(zip(part["index"], part["unit"], strict=True))
        found.append(TestValues(test, options, at, arm, units, part["value"].to_numpy().reshape(n, len(units))))
    return tuple(found)


def checked_blocks(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Block]:
    """Chunks of a finished run in order.

    Raises
    ------
    DataError
        If one is missing or, after the last, if the numbers are not those of the run.
    """
    digests = [Digest() for _ in manifest["arms"]]
    done, number = 0, 0
    while done < manifest["subjects"]:
        block = complete_part(folder, manifest, number)
        size = min(manifest["chunk"], manifest["subjects"] - done)
        begin = manifest["first"] + done
        if block is None or not np.array_equal(block.subjects, np.arange(begin, begin + size)):
            help = "files are missing, doubled or changed: run it again"
            raise DataError(f"`{folder}` lacks subjects {begin:,} to {begin + size - 1:,}", help=help)
        for i, digest in enumerate(digests):
            digest.add(block.visits[i], block.status[i])
        yield block
        done, number = done + size, number + 1
    for arm, digest in zip(manifest["arms"], digests, strict=True):
        if digest.hex() != manifest["result"].get(arm):
            help = "files were changed: run it again"
            raise DataError(f"the numbers of arm `{arm}` in `{folder}` are not those of its run", help=help)
