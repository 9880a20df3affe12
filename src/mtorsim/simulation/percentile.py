"""Find the person at a percentile of a result, without reading more than one column of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, DataError, did_you_mean, one_line
from mtorsim.kernel.status import OK
from mtorsim.results.manifest import read_manifest
from mtorsim.results.outcome import Outcome, outcome_of
from mtorsim.results.tables import WEIGHTS

__all__ = ["person_at"]


def person_at(folder: Path, percentile: float, of: str, arm: str | None = None) -> tuple[int, float]:
    """The subject whose value is the given percentile of all.

    Parameters
    ----------
    folder
        A result folder.
    percentile
        0 to 100.
    of
        An observable at the last visit, or `worst_` and its name for the highest value at the visits after the start.
    arm
        The arm; default: the first.

    Returns
    -------
    subject, value
        The nearest rank: subjects with at least so many per cent of the weight have this value or less. Of equal
        values, the subject with the lowest number.

    Raises
    ------
    DataError
        If the folder, the arm or the values are missing.
    ArgumentError
        If the percentile or the quantity is unknown.
    """
    manifest = read_manifest(folder)
    if manifest.get("records") or not manifest.get("finished"):
        raise DataError(f"`{folder}` holds no finished run of a scenario")
    if not 0 <= percentile <= 100:
        raise ArgumentError(f"percentile = {percentile:g} is not between 0 and 100")
    outcome = outcome_of(of, manifest["observables"])
    chosen = manifest["arms"][0] if arm is None else arm
    if chosen not in manifest["arms"]:
        help = did_you_mean(chosen, manifest["arms"]) or "arms are " + ", ".join(manifest["arms"])
        raise DataError(f"the run in `{folder}` has no arm `{chosen}`", help=help)
    subjects, values, weights = _values(folder, manifest, chosen, outcome)
    if not len(values):
        raise DataError(f"nobody in arm `{chosen}` of `{folder}` has a value of `{of}`")
    order = np.lexsort([subjects, values])
    reached = np.cumsum(weights[order])
    asked = percentile / 100 * reached[-1] * (1 - 1e-12)
    rank = min(int(np.searchsorted(reached, asked)), len(values) - 1)
    return int(subjects[order[rank]]), float(values[order[rank]])


def _values(
    folder: Path, manifest: Mapping[str, Any], arm: str, outcome: Outcome
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, values and weights of the subjects that ended well and have a value, chunk by chunk."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    visits = len(manifest["visits_h"])
    times = np.array(manifest["visits_h"])
    who, found, weights = [], [], []
    for path in sorted((folder / "visits.parquet" / f"arm={arm}").glob("chunk-*.parquet")):
        try:
            table = pq.ParquetFile(path).read(["subject", "status", outcome.name])
            people = pq.ParquetFile(folder / "people.parquet" / path.name).read([WEIGHTS])
        except (pa.ArrowException, OSError) as problem:
            raise DataError(f"cannot read `{path}`: {one_line(str(problem), 120)}") from None
        columns = [table.column(c).to_numpy().reshape(-1, visits) for c in ("subject", "status", outcome.name)]
        subject, status, values = columns[0][:, 0], columns[1][:, 0], columns[2]
        mine = outcome.of(values, times)
        some = (status == OK) & np.isfinite(mine)
        who.append(subject[some])
        found.append(mine[some])
        weights.append(people.column(WEIGHTS).to_numpy()[some])
    nothing = [np.zeros(0)]
    return (
        np.concatenate(who or [np.zeros(0, np.int64)]),
        np.concatenate(found or nothing),
        np.concatenate(weights or nothing),
    )
