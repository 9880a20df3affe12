"""Read the visits and the finer series of a stored result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError, one_line

from .digest import Digest
from .tables import labelled

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Visits", "chunks_in", "read_visits", "stored_series"]


def stored_series(folder: Path, manifest: Mapping[str, Any]) -> xr.Dataset:
    """The finer series of a stored result; nobody has one if no subject was asked for."""
    import xarray as xr

    ends = manifest["first"], manifest["first"] + manifest["subjects"] - 1
    if not any(a <= ends[1] and b >= ends[0] for a, b in manifest["series_of"]):
        nothing = np.zeros((len(manifest["arms"]), 0, 0, len(manifest["observables"])))
        return labelled(manifest, nothing, np.zeros(0, np.int64), [])
    with xr.open_dataset(folder / "series.nc", engine="scipy") as stored:
        return stored.load()


@dataclass(frozen=True)
class Visits:
    """Contents of the files of visits: subjects (n,), status (arms, n), visits (arms, n, times, observables)."""

    subjects: np.ndarray
    status: np.ndarray
    visits: np.ndarray


def read_visits(folder: Path, manifest: Mapping[str, Any]) -> Visits:
    """Read all visits of a stored result."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(manifest["observables"])
    visits, status, subjects = [], [], np.zeros(0, np.int64)
    for arm in manifest["arms"]:
        files = chunks_in(folder / "visits.parquet" / f"arm={arm}")
        if not files:
            raise DataError(f"`{folder}` has no visits of arm `{arm}`")
        count = len(manifest["visits_h"])
        try:
            table = pa.concat_tables([pq.ParquetFile(f).read() for f in files])
            columns = [table.column(n).to_numpy().reshape(-1, count) for n in names]
            status.append(table.column("status").to_numpy().reshape(-1, count)[:, 0])
            subjects = table.column("subject").to_numpy().reshape(-1, count)[:, 0]
        except (pa.ArrowException, KeyError, ValueError, OSError) as problem:
            said = one_line(str(problem), 120)
            raise DataError(f"the visits of `{arm}` in `{folder}` are incomplete: {said}") from None
        _check_arm(folder, manifest, arm, subjects, status[-1], values := np.stack(columns, axis=-1))
        visits.append(values)
    return Visits(subjects, np.stack(status), np.stack(visits))


def chunks_in(folder: Path) -> list[Path]:
    """The files of a table in order of their numbers."""
    return sorted(folder.glob("chunk-*.parquet"), key=lambda path: (len(path.name), path.name))


def _check_arm(
    folder: Path, manifest: Mapping[str, Any], arm: str, subjects: np.ndarray, status: np.ndarray, values: np.ndarray
) -> None:
    """Check that an arm has every subject once, and the numbers that the run computed."""
    n, first = manifest["subjects"], manifest["first"]
    help = "files are missing, doubled or changed: run the scenario again"
    if not np.array_equal(subjects, np.arange(first, first + n)):
        raise DataError(f"arm `{arm}` in `{folder}` does not have each of {n:,} subjects once", help=help)
    digest = Digest()
    digest.add(values, status)
    if digest.hex() != manifest.get("result", {}).get(arm):
        raise DataError(f"the numbers of arm `{arm}` in `{folder}` are not those of its run", help=help)
