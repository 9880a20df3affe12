"""Labelled results: visits of all subjects, summaries, status, manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ValidationError

from mtorsim.errors import DataError, one_line, shortened
from mtorsim.files.html import Line, card, line_chart, table
from mtorsim.run.arguments import checked
from mtorsim.stats.shares import Estimate

from .block import Block
from .limits import ordered_limits
from .manifest import read_manifest
from .stored import Visits, chunks_in, read_visits, stored_series
from .tables import SCREEN_FAILURES, WEIGHTS, labelled, ledger_table, test_table, treatment_table, visit_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Result", "open_run"]


@dataclass(frozen=True, repr=False)
class Result:
    """A run's result, in memory or in a folder.

    Attributes
    ----------
    manifest
        Description of the run, sufficient to recompute any subject.
    summary
        Shares above each limit with intervals, medians and bands at each visit, status counts.
    folder
        The result folder, None for a result in memory.
    """

    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    make_series: Callable[[], xr.Dataset]
    folder: Path | None
    block: Block | None = None

    @cached_property
    def series(self) -> xr.Dataset:
        """The finer series of the first subjects, dims (arm, subject, time)."""
        return self.make_series()

    def __repr__(self) -> str:
        m = self.manifest
        arms, status = shortened(m["arms"]), ", ".join(f"{count:,} {word}" for word, count in self.status.items())
        where = f"in {self.folder}" if self.folder else "in memory"
        visits = f"{len(m['visits_h'])} visits over {m['duration_h'] / 24:g} days"
        lines = [f"Result({m['scenario']}: {m['subjects']:,} subjects of {m['population']}, {visits}, seed {m['seed']}"]
        lines += [f"  arms: {arms}", f"  status: {status}; {where})"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Median glucose of the arms, shares above limits, for notebooks."""
        arms = self.summary["arms"]
        names = {name for arm in arms.values() for row in arm["visits"] for name in row}
        shown = next((name for name in ("fasting_glucose", "glucose") if name in names), None)
        chart = ""
        if shown is not None:
            lines = {name: _line(arm["visits"], shown) for name, arm in list(arms.items())[:7]}
            chart = line_chart(
                lines, "days", f"{shown.replace('_', ' ')}, {self.summary['units'][shown]}: median, 5 to 95 %"
            )
        limits = ordered_limits(self.summary["limits_mg_dl"])
        rows = [
            [escape(name), *(str(Estimate(**arm["share"][limit])) for limit, *_ in limits)]
            for name, arm in list(arms.items())[:50]
        ]
        head = ["arm", *(f"&gt; {value:g} mg/dL" + (" (ULN)" if uln else "") for _, value, uln in limits)]
        m = self.manifest
        title = f"{m['title']}: {m['subjects']:,} subjects of {m['population']}"
        about = f"seed {m['seed']}; status: " + ", ".join(f"{count:,} {word}" for word, count in self.status.items())
        return card(title, about, chart, table(head, rows))

    def plot(
        self, of: str = "fasting_glucose", *, by: str = "arm", kind: str = "bands", ax: Axes | None = None
    ) -> Figure:
        """Draw a quantity over time; for other pictures see `mt.plot`.

        Parameters
        ----------
        of
            An observable.
        by
            `arm` for all arms in one picture, or a trait of the subjects (a column of `people`): then one picture for
            each of its values, or for each third of the subjects if it has many.
        kind
            `time_course`, `bands`, `spaghetti` or `difference`.
        ax
            Axes to draw into, for `by="arm"`; default: a new figure.

        Raises
        ------
        ArgumentError
            If the quantity or the trait is unknown.
        """
        from mtorsim.plots.by import plot_result

        return plot_result(self, of, by, kind, ax)

    @cached_property
    def visits(self) -> xr.Dataset:
        """Every observable at every visit, dims (arm, subject, time), and `status` (arm, subject)."""
        held = self._held
        return labelled(self.manifest, held.visits, held.subjects, self.manifest["visits_h"], held.status)

    def visits_of(self, arm: str, subject: int) -> np.ndarray:
        """Stored numbers of one subject, (visits, observables), read without the others.

        Raises
        ------
        DataError
            If they are missing.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = list(self.manifest["observables"])
        if self.folder is None:
            return self.visits.sel(arm=arm, subject=subject)[names].to_array().to_numpy().T
        number = (subject - self.manifest["first"]) // self.manifest["chunk"]
        path = self.folder / "visits.parquet" / f"arm={arm}" / f"chunk-{number:06d}.parquet"
        try:
            table = pq.ParquetFile(path).read(["subject", *names])
            mine = table.column("subject").to_numpy() == subject
            found = np.stack([table.column(name).to_numpy()[mine] for name in names], axis=-1)
        except (pa.ArrowException, KeyError, ValueError, OSError) as problem:
            message = f"the visits of `{arm}` in `{self.folder}` are incomplete: {one_line(str(problem), 120)}"
            raise DataError(message) from None
        if len(found) != len(self.manifest["visits_h"]):
            raise DataError(f"`{self.folder}` has {len(found)} visits of subject {subject} in arm `{arm}`")
        return found

    @property
    def _held(self) -> Block | Visits:
        """Visits from memory or from the folder."""
        if self.block is not None:
            return self.block
        assert self.folder is not None
        return read_visits(self.folder, self.manifest)

    @cached_property
    def people(self) -> pd.DataFrame:
        """Traits: one row per subject, one column per covariate, drawn parameter and group."""
        import pandas as pd

        if self.block is not None:
            frame = pd.DataFrame(self.block.traits, columns=list(self.manifest["traits"]))
            return frame.set_index(pd.Index(self.block.subjects, name="subject"))
        parts = self._parts("people.parquet", "it is incomplete")
        return pd.concat(parts).set_index("subject").drop(columns=[SCREEN_FAILURES, WEIGHTS])

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Indices of laboratory tests: one row per arm, subject, test, time and index."""
        import pandas as pd

        if self.block is not None:
            return self._in_order(test_table(self.block).to_pandas())
        return self._in_order(pd.concat(self._parts("tests.parquet", "add `[[test]]` to the scenario")))

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """All decisions: one row per arm, subject and decision, in order of time; doses in their unit.

        `rule` is empty if a subject left for other reasons; `value` is the first quantity in the rule's condition.
        """
        import pandas as pd

        if self.block is not None:
            return self._in_order(ledger_table(self.manifest, self.block).to_pandas())
        return self._in_order(pd.concat(self._parts("ledger.parquet", "add `[[rule]]` to the scenario")))

    @cached_property
    def treatment(self) -> pd.DataFrame:
        """One row per arm, subject and drug: when the subject left, and the given share of the planned amount."""
        import pandas as pd

        if self.block is not None:
            return self._in_order(treatment_table(self.manifest, self.block).to_pandas())
        return self._in_order(pd.concat(self._parts("treatment.parquet", "add `[[rule]]` to the scenario")))

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Sort rows by arm and subject, independent of chunks."""
        arms = {a: i for i, a in enumerate(self.manifest["arms"])}
        place = [arms[a] for a in frame["arm"]]
        subjects = np.asarray(frame["subject"])
        order = np.lexsort([np.arange(len(frame)), subjects, np.array(place, np.int64)])
        return frame.iloc[order].reset_index(drop=True)

    def _parts(self, name: str, help: str) -> list[pd.DataFrame]:
        """Read all chunks of one of the tables."""
        import pandas as pd
        import pyarrow as pa

        assert self.folder is not None
        files, what = chunks_in(self.folder / name), name.partition(".")[0]
        if not files:
            raise DataError(f"`{self.folder}` has no {what}", help=help)
        number = math.ceil(self.manifest["subjects"] / self.manifest["chunk"])
        if [path.name for path in files] != [f"chunk-{k:06d}.parquet" for k in range(number)]:
            message = f"{what} in `{self.folder}` has {len(files):,} of {number:,} chunks"
            raise DataError(message, help="files are missing or doubled: run the scenario again")
        try:
            return [pd.read_parquet(path) for path in files]
        except (pa.ArrowException, OSError) as problem:
            said = one_line(str(problem), 120)
            raise DataError(f"{what} in `{self.folder}` is incomplete: {said}", help="run the scenario again") from None

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each subject, (n,)."""
        import pandas as pd

        if self.block is not None:
            return self.block.weights
        return pd.concat(self._parts("people.parquet", "it is incomplete"))[WEIGHTS].to_numpy()

    @cached_property
    def left(self) -> Mapping[str, np.ndarray]:
        """Time at which each subject left, hours, infinite for those who stayed, (n,), by arm."""
        import pandas as pd

        if self.block is not None:
            return dict(zip(self.block.arms, self.block.left, strict=True))
        found = {}
        for arm in self.manifest["arms"]:
            mine = pd.DataFrame(self.treatment[self.treatment["arm"] == arm]).groupby("subject", sort=False).first()
            left = np.asarray(mine["left_h"], float)
            found[arm] = np.where(np.isnan(left), np.inf, left)
        return found

    @property
    def status(self) -> Mapping[str, int]:
        """Number of subjects by status."""
        return self.summary["status"]

    def table(self) -> pd.DataFrame:
        """Return the visits as a long table: one row per arm, subject and visit, with its weight if they differ."""
        frame = self.visits.to_dataframe().reset_index()
        frame.insert(2, "visit", frame.groupby(["arm", "subject"], sort=False).cumcount())
        if len(np.unique(self.weights)) > 1:
            numbers = self.visits.subject.to_numpy()
            frame.insert(3, "weight", self.weights[np.searchsorted(numbers, frame["subject"])])
        return frame.rename(columns={"time": "time_h"})

    @checked
    def export(
        self,
        path: str | Path,
        *,
        as_: str = "visits",
        xpt_version: int = 5,
        force: bool = False,
        note: Callable[[str], None] | None = None,
    ) -> None:
        """Write a table to a file: .csv, .parquet, .feather, .rds, .xpt, .dta, .sav, or visits as .nc.

        Parameters
        ----------
        as_
            `visits`, `people`, `tests`, `ledger` or `treatment`, or with the names of CDISC's ADaM `adsl`, `adlb` or
            `adpc`.
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
        from .export.export import export_result

        export_result(self, Path(path).expanduser(), as_, xpt_version, force, note)

    def to_netcdf(self, path: str | Path) -> None:
        """Save the visits, with units and manifest, as netCDF."""
        dataset = self.visits.copy()
        dataset.attrs = {**dataset.attrs, "manifest": json.dumps(self.manifest)}
        dataset.to_netcdf(path, engine="scipy")

    def to_csv(self, path: str | Path) -> None:
        """Save the visits as a tidy table: arm, subject, visit, time_h, name, value, unit."""
        import pandas as pd

        frame = self.table()
        keys = [k for k in ("arm", "subject", "visit", "weight", "time_h", "status") if k in frame]
        tidy = frame.melt(id_vars=keys, var_name="name", value_name="value")
        tidy["unit"] = [self.manifest["observables"][name] for name in tidy["name"]]
        pd.DataFrame(tidy).to_csv(path, index=False)

    def to_parquet(self, path: str | Path) -> None:
        """Save the visits as one Parquet file, with units in the metadata of the schema."""
        import pyarrow.parquet as pq

        from .export.walk import arm_parts

        with ExitStack() as stack:
            file = None
            for part in arm_parts(self):
                table = visit_table(self.manifest, part.arm, part.subjects, part.status, part.visits)
                file = file or stack.enter_context(pq.ParquetWriter(path, table.schema))
                file.write_table(table)


def _line(visits: Sequence[Mapping[str, Any]], name: str) -> Line:
    """Median and 5th to 95th percentile of an observable at the visits of an arm."""
    rows = [row for row in visits if name in row]
    days = np.array([row["time_h"] / 24 for row in rows])
    middle, low, high = (np.array([row[name][q] for row in rows]) for q in ("q50", "q05", "q95"))
    return Line(days, middle, low, high)


class _ArmSummary(BaseModel):
    share: dict[str, dict[str, float | None]]
    new_share: dict[str, dict[str, float | None]]
    event_free: dict[str, list[dict[str, float]]]
    status: dict[str, int]
    visits: list[dict[str, Any]]


class _Summary(BaseModel):
    """What a reader relies on in `summary.json`."""

    arms: dict[str, _ArmSummary]
    units: dict[str, str]
    limits_mg_dl: dict[str, float]
    status: dict[str, int]
    failed: list[dict[str, Any]]
    subjects: int


@checked
def open_run(folder: str | Path) -> Result:
    """Open the result folder of a scenario.

    Raises
    ------
    DataError
        If it holds no finished result.
    """
    folder = Path(folder).expanduser()
    manifest = read_manifest(folder)
    if manifest.get("records"):
        raise DataError(f"`{folder}` holds a run of event records", help="`open_result` reads it; see also `export`")
    if not manifest.get("finished"):
        raise DataError(f"the run in `{folder}` was not finished", help=f'resume it: `mtorsim.resume("{folder}")`')
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        series = stored_series(folder, manifest)
    except Exception as problem:  # netCDF readers raise many kinds of errors for damaged files
        raise DataError(f"the result in `{folder}` is incomplete: {one_line(str(problem), 120)}") from None
    try:
        _Summary.model_validate(summary)
        assert set(summary["arms"]) == set(manifest["arms"])
    except (ValidationError, AssertionError):
        raise DataError(f"the result in `{folder}` is incomplete: summary.json is damaged") from None
    return Result(manifest, summary, lambda: series, folder)
