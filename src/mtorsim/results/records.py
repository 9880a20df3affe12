"""The result of a table of event records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError, one_line, shortened
from mtorsim.files.html import card, table
from mtorsim.run.arguments import checked

from .manifest import read_manifest
from .result import Result, open_run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RecordsResult", "open_records", "open_result"]


@dataclass(frozen=True, repr=False)
class RecordsResult:
    """The result of a table of event records.

    Attributes
    ----------
    frame
        The table's own columns, and the observables at each record; see `simulate_events`.
    manifest
        Description of the run, sufficient to recompute any subject.
    folder
        The result folder.
    curves
        The first subjects at evenly spaced times, for figures: `subject_number`, `time_h` and the observables.
    """

    frame: pd.DataFrame
    manifest: Mapping[str, Any]
    folder: Path
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each observable in the table."""
        return {name: unit for name, unit in self.manifest["observables"].items() if name in self.frame.columns}

    @property
    def status(self) -> dict[str, int]:
        """Number of subjects by status."""
        return dict(self.manifest["status"])

    def __repr__(self) -> str:
        status = ", ".join(f"{count:,} {word}" for word, count in self.status.items())
        n = self.manifest["subjects"]
        size = f"{len(self.frame):,} records of {n:,} subject{'s' if n > 1 else ''}"
        return f"RecordsResult({self.manifest['title']}: {size}; status: {status}; {shortened(self.units, 6)})"

    def _repr_html_(self) -> str:
        """Range of each observable, for notebooks."""
        rows = []
        for name, unit in self.units.items():
            values = self.frame[name]
            rows.append([name, *(f"{x:.4g}" for x in (values.median(), values.min(), values.max())), unit])
        head = ["observable", "median", "lowest", "highest", "unit"]
        return card(self.manifest["title"], repr(self), table(head, rows, words=4))

    def with_units(self) -> pd.DataFrame:
        """The table with the unit of each observable in its name, for files."""
        return self.frame.rename(columns={n: f"{n} ({u})" for n, u in self.units.items() if u != "1"})

    @checked
    def export(
        self,
        path: str | Path,
        *,
        as_: str = "records",
        xpt_version: int = 5,
        force: bool = False,
        note: Callable[[str], None] | None = None,
    ) -> None:
        """Write a table to a file: .csv, .parquet, .feather, .rds, .xpt, .dta or .sav.

        Parameters
        ----------
        as_
            `records`, or with the names of CDISC's ADaM `adsl`, `adlb`, `adpc` or `adex`.
        xpt_version
            Version of the SAS transport format: 5, or 8 with longer names and labels.
        force
            Whether to replace the file.
        note
            Called with a line on what the format made shorter: names, labels, vanishing numbers.

        Raises
        ------
        ArgumentError
            If there is no such table, or a library is not installed.
        DataError
            If the result does not have it, or the format cannot hold it.
        """
        from .export.export import export_records

        export_records(self, Path(path).expanduser(), as_, xpt_version, force, note)

    def to_csv(self, path: str | Path) -> None:
        """Write the table as CSV, with units in the names of observables."""
        self.with_units().to_csv(path, index=False)

    def to_parquet(self, path: str | Path) -> None:
        """Write the table as Parquet, with units in the names of observables."""
        self.with_units().to_parquet(path, index=False)


def open_result(folder: str | Path) -> Result | RecordsResult:
    """Open a result folder, of a scenario or of a table of event records.

    Raises
    ------
    DataError
        If it holds no finished result.
    """
    if read_manifest(Path(folder)).get("records"):
        return open_records(folder)
    return open_run(folder)


def open_records(folder: str | Path) -> RecordsResult:
    """Open the result of a table of event records.

    Raises
    ------
    DataError
        If it holds none, or it is incomplete.
    """
    import pandas as pd

    folder = Path(folder).expanduser()
    manifest = read_manifest(folder)
    if not manifest.get("records"):
        raise DataError(f"`{folder}` holds no run of event records")
    own = [*manifest["observables"], "time_h", "tad"]
    try:
        frame = pd.read_csv(folder / "records.csv", dtype=object, keep_default_na=False)
        numbers = [c for c in frame.columns if c.removeprefix("simulated_") in own]
        frame = frame.astype({c: object for c in frame.columns}).replace("", None)
        frame[numbers] = frame[numbers].astype(float)
        frame["subject_number"] = frame["subject_number"].astype(int)
        curves = pd.read_csv(folder / "curves.csv")
    except (OSError, KeyError, ValueError) as problem:
        raise DataError(f"the result in `{folder}` is incomplete: {one_line(str(problem), 120)}") from None
    if len(frame) != manifest["records"]:
        raise DataError(f"`{folder}` has {len(frame):,} records instead of {manifest['records']:,}")
    return RecordsResult(frame, manifest, folder, {name: curves[name].to_numpy() for name in curves.columns})
