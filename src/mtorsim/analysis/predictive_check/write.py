"""Save a predictive check in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError
from mtorsim.results.folder import draft_of, open_folder, write_json

if TYPE_CHECKING:
    from .check import PredictiveCheck

__all__ = ["write_check"]


def write_check(found: PredictiveCheck, folder: Path, force: bool = False) -> list[Path]:
    """Save `percentiles.csv`, `npde.csv`, `tests.csv`, with a limit `below.csv`, and all of it as `check.json`.

    Returns
    -------
    list of Path
        The files, in that order.

    Raises
    ------
    DataError
        If the folder already holds a result, or cannot be written to.
    """
    import pandas as pd

    open_folder(folder, force)
    tests = pd.DataFrame([{"errors": name, **test.to_json()} for name, test in found.tests.items()])
    tables = {
        "percentiles.csv": found.percentiles,
        "npde.csv": found.npde,
        "tests.csv": tests,
        "below.csv": found.below,
    }
    paths = []
    try:
        for name, frame in tables.items():
            if len(frame):
                with draft_of(folder / name) as draft:
                    frame.to_csv(draft, index=False, float_format="%.9g")
                paths.append(folder / name)
        write_json(folder / "check.json", _finite(found.to_json()))
        write_json(folder / "run.json", found.manifest)
    except OSError as problem:
        raise DataError(f"cannot write to `{folder}`: {problem.strerror}") from None
    return [*paths, folder / "check.json"]


def _finite(data: Any) -> Any:
    """Plain values, null in place of NaN."""
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_finite(value) for value in data]
    if isinstance(data, (bool, np.bool_)):
        return bool(data)
    if isinstance(data, (float, np.floating)):
        return float(data) if np.isfinite(data) else None
    return int(data) if isinstance(data, np.integer) else data
