"""Walk through the subjects of a result, arm by arm and chunk by chunk, so that memory stays flat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError, one_line
from mtorsim.results.block import Block
from mtorsim.results.digest import Digest
from mtorsim.results.tables import SCREEN_FAILURES, WEIGHTS

if TYPE_CHECKING:
    import pyarrow as pa

    from mtorsim.results.result import Result

__all__ = ["ArmPart", "arm_parts", "chunk_tables", "weighted"]

HELP = "files are missing, doubled or changed: run the scenario again"


@dataclass(frozen=True)
class ArmPart:
    """Some subjects in one arm.

    Attributes
    ----------
    subjects, status, weights, left
        Shape (n,); `left` is the hour at which each left, infinite for those who stayed.
    visits
        Shape (n, visits, observables).
    traits
        Shape (n, traits).
    """

    arm: str
    subjects: np.ndarray
    status: np.ndarray
    visits: np.ndarray
    traits: np.ndarray
    weights: np.ndarray
    left: np.ndarray


def arm_parts(result: Result) -> Iterator[ArmPart]:
    """All subjects, in order of arms and subjects.

    Raises
    ------
    DataError
        If files are missing, or after an arm if its numbers are not those of the run.
    """
    if result.block is not None:
        yield from _of_block(result.block)
        return
    assert result.folder is not None
    for arm in result.manifest["arms"]:
        yield from _of_files(result.folder, result.manifest, arm)


def weighted(result: Result) -> bool:
    """Whether subjects have different weights."""
    low, high = np.inf, -np.inf
    for weights in _weights(result):
        low, high = min(low, weights.min(initial=np.inf)), max(high, weights.max(initial=-np.inf))
    return bool(low < high)


def chunk_tables(result: Result, name: str) -> Iterator[pa.Table]:
    """One of the tables of a folder, chunk by chunk."""
    assert result.folder is not None
    for number in range(_chunks(result.manifest)):
        yield _read(result.folder, f"{name}.parquet", number)


def _weights(result: Result) -> Iterator[np.ndarray]:
    if result.block is not None:
        yield result.block.weights
        return
    assert result.folder is not None
    for number in range(_chunks(result.manifest)):
        yield _read(result.folder, "people.parquet", number, [WEIGHTS]).column(WEIGHTS).to_numpy()


def _of_block(block: Block) -> Iterator[ArmPart]:
    for i, arm in enumerate(block.arms):
        own = block.status[i], block.visits[i], block.traits, block.weights, block.left[i]
        yield ArmPart(arm, block.subjects, *own)


def _of_files(folder: Path, manifest: Mapping[str, Any], arm: str) -> Iterator[ArmPart]:
    names, count, digest = list(manifest["observables"]), len(manifest["visits_h"]), Digest()
    done = 0
    for number in range(_chunks(manifest)):
        table = _read(folder, f"visits.parquet/arm={arm}", number, ["subject", "status", *names])
        people = _read(folder, "people.parquet", number)
        subjects = people.column("subject").to_numpy()
        begin, size = manifest["first"] + done, min(manifest["chunk"], manifest["subjects"] - done)
        expected = np.arange(begin, begin + size)
        seen = table.column("subject").to_numpy()
        if not np.array_equal(subjects, expected) or not np.array_equal(seen, np.repeat(expected, count)):
            raise DataError(f"arm `{arm}` in `{folder}` lacks subjects {begin:,} to {begin + size - 1:,}", help=HELP)
        status = table.column("status").to_numpy().reshape(-1, count)[:, 0]
        columns = [table.column(name).to_numpy().reshape(-1, count) for name in names]
        visits = np.stack(columns, axis=-1)
        digest.add(visits, status)
        traits = [n for n in people.column_names if n not in ("subject", SCREEN_FAILURES, WEIGHTS)]
        yield ArmPart(
            arm,
            subjects,
            status,
            visits,
            np.stack([people.column(n).to_numpy() for n in traits], axis=1) if traits else np.zeros((size, 0)),
            people.column(WEIGHTS).to_numpy(),
            _left(folder, number, arm, subjects),
        )
        done += size
    if digest.hex() != manifest.get("result", {}).get(arm):
        raise DataError(f"the numbers of arm `{arm}` in `{folder}` are not those of its run", help=HELP)


def _left(folder: Path, number: int, arm: str, subjects: np.ndarray) -> np.ndarray:
    """Hour at which each subject left; nobody leaves in a run without rules or drop-out."""
    found = np.full(len(subjects), np.inf)
    if (folder / "treatment.parquet").is_dir():
        table = _read(folder, "treatment.parquet", number).to_pydict()
        for who, own, hour in zip(table["subject"], table["arm"], table["left_h"], strict=True):
            if own == arm and hour is not None:
                found[who - subjects[0]] = hour
    return found


def _chunks(manifest: Mapping[str, Any]) -> int:
    return math.ceil(manifest["subjects"] / manifest["chunk"])


def _read(folder: Path, table: str, number: int, columns: list[str] | None = None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / table / f"chunk-{number:06d}.parquet"
    try:
        return pq.ParquetFile(path).read(columns)
    except FileNotFoundError:
        raise DataError(f"`{folder}` lacks `{table}/{path.name}`", help=HELP) from None
    except (pa.ArrowException, KeyError, ValueError, OSError) as problem:
        raise DataError(f"`{path}` cannot be read: {one_line(str(problem), 120)}", help=HELP) from None
