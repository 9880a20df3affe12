"""Results with labels: what every subject showed at every visit, summaries, status, manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError, one_line, shortened
from mtorsim.files.html import Line, card, line_chart, table
from mtorsim.run.arguments import checked
from mtorsim.stats.shares import Estimate

from .block import Block
from .limits import ordered_limits
from .manifest import read_manifest
from .tables import labelled, ledger_table, test_table, treatment_table, visit_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Result", "open_result"]


@dataclass(frozen=True, repr=False)
class Result:
    """A run's result, in memory or in a folder.

    Attributes
    ----------
    manifest
        What the run was; enough to compute any subject again.
    summary
        Shares above each limit with intervals, medians and bands at each visit, status counts.
    folder
        Where it lies, None if only in memory.
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

    @cached_property
    def visits(self) -> xr.Dataset:
        """Every observable at every visit, dims (arm, subject, time), and `status` (arm, subject)."""
        held = self._held
        return labelled(self.manifest, held.visits, held.subjects, self.manifest["visits_h"], held.status)

    @property
    def _held(self) -> Block | _Visits:
        """Visits in memory, or as they are read from the folder."""
        return self.block if self.block is not None else _read_visits(self)

    @cached_property
    def people(self) -> pd.DataFrame:
        """What tells the subjects apart: one row a subject, a column each covariate, drawn parameter and group."""
        import pandas as pd

        if self.block is not None:
            frame = pd.DataFrame(self.block.traits, columns=list(self.manifest["traits"]))
            return frame.set_index(pd.Index(self.block.subjects, name="subject"))
        parts = self._parts("people.parquet", "it is not whole")
        return pd.concat(parts).set_index("subject").drop(columns=["turned_away", "weight"])

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Indices of the tests of the virtual laboratory: one row an arm, subject, test, time and index."""
        import pandas as pd

        if self.block is not None:
            return test_table(self.block).to_pandas()
        return pd.concat(self._parts("tests.parquet", "a scenario asks for them with `[[test]]`"), ignore_index=True)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """Every decision: one row an arm, subject and decision, in order of time; doses in their unit.

        `rule` is empty where a subject left by itself; `value` is what the rule asked for first.
        """
        import pandas as pd

        if self.block is not None:
            return self._in_order(ledger_table(self.manifest, self.block).to_pandas())
        return self._in_order(pd.concat(self._parts("ledger.parquet", "a scenario has one with `[[rule]]`")))

    @cached_property
    def treatment(self) -> pd.DataFrame:
        """One row an arm, subject and drug: when the subject left, and the share of the planned amount given."""
        import pandas as pd

        if self.block is not None:
            return self._in_order(treatment_table(self.manifest, self.block).to_pandas())
        return self._in_order(pd.concat(self._parts("treatment.parquet", "a scenario has one with `[[rule]]`")))

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows by arm and subject, however the run was cut into chunks."""
        arms = {a: i for i, a in enumerate(self.manifest["arms"])}
        place = [arms[a] for a in frame["arm"]]
        subjects = np.asarray(frame["subject"])
        order = np.lexsort([np.arange(len(frame)), subjects, np.array(place, np.int64)])
        return frame.iloc[order].reset_index(drop=True)

    def _parts(self, name: str, help: str) -> list[pd.DataFrame]:
        """Every chunk of one of the tables beside the visits."""
        import pandas as pd

        assert self.folder is not None
        parts = [pd.read_parquet(p) for p in sorted((self.folder / name).glob("chunk-*.parquet"))]
        if not parts:
            raise DataError(f"`{self.folder}` has no {name.partition('.')[0]}", help=help)
        return parts

    @cached_property
    def weights(self) -> np.ndarray:
        """How many people of the population each subject stands for, (n,)."""
        import pandas as pd

        if self.block is not None:
            return self.block.weights
        return pd.concat(self._parts("people.parquet", "it is not whole"))["weight"].to_numpy()

    @cached_property
    def left(self) -> Mapping[str, np.ndarray]:
        """When each subject left, hours, infinite for those who stayed, (n,), by arm."""
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
        """How many subjects ended in each way."""
        return self.summary["status"]

    def table(self) -> pd.DataFrame:
        """The visits as a long table: one row an arm, subject and visit."""
        frame = self.visits.to_dataframe().reset_index()
        frame.insert(2, "visit", frame.groupby(["arm", "subject"], sort=False).cumcount())
        return frame.rename(columns={"time": "time_h"})

    def to_netcdf(self, path: str | Path) -> None:
        """Write the visits, with units and manifest, as netCDF."""
        dataset = self.visits.copy()
        dataset.attrs = {**dataset.attrs, "manifest": json.dumps(self.manifest)}
        dataset.to_netcdf(path, engine="scipy")

    def to_csv(self, path: str | Path) -> None:
        """Write the visits as a tidy table with a column of units: arm, subject, visit, time_h, name, value, unit."""
        import pandas as pd

        frame = self.table()
        keys = ["arm", "subject", "visit", "time_h", "status"]
        tidy = frame.melt(id_vars=keys, var_name="name", value_name="value")
        tidy["unit"] = [self.manifest["observables"][name] for name in tidy["name"]]
        pd.DataFrame(tidy).to_csv(path, index=False)

    def to_parquet(self, path: str | Path) -> None:
        """Write the visits as one Parquet file; units stand in the schema's metadata."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        held = self._held
        arms = self.manifest["arms"]
        tables = [
            visit_table(self.manifest, arm, held.subjects, held.status[i], held.visits[i]) for i, arm in enumerate(arms)
        ]
        pq.write_table(pa.concat_tables(tables), path)


def _line(visits: Sequence[Mapping[str, Any]], name: str) -> Line:
    """Median and 5 to 95 % of an observable at the visits of an arm."""
    rows = [row for row in visits if name in row]
    days = np.array([row["time_h"] / 24 for row in rows])
    middle, low, high = (np.array([row[name][q] for row in rows]) for q in ("q50", "q05", "q95"))
    return Line(days, middle, low, high)


@checked
def open_result(folder: str | Path) -> Result:
    """Open a result folder.

    Raises
    ------
    DataError
        If it holds no finished result.
    """
    import xarray as xr

    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest.get("records"):
        raise DataError(f"`{folder}` holds what event records saw", help="it is in its records.csv")
    if not manifest.get("finished"):
        raise DataError(f"the run in `{folder}` was not finished", help="resume it: repeat the run with `resume=True`")
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        with xr.open_dataset(folder / "series.nc", engine="scipy") as stored:
            series = stored.load()
    except Exception as problem:  # netCDF readers raise whatever a damaged byte leads them to
        raise DataError(f"the result in `{folder}` is not whole: {one_line(str(problem), 120)}") from None
    if not isinstance(summary, dict) or not {"arms", "units", "limits_mg_dl", "status"} <= set(summary):
        raise DataError(f"the result in `{folder}` is not whole: summary.json is damaged")
    return Result(manifest, summary, lambda: series, folder)


@dataclass(frozen=True)
class _Visits:
    """What the files of visits hold: subjects (n,), status (arms, n), visits (arms, n, times, observables)."""

    subjects: np.ndarray
    status: np.ndarray
    visits: np.ndarray


def _read_visits(result: Result) -> _Visits:
    """All visits of a stored result."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert result.folder is not None
    names = list(result.manifest["observables"])
    visits, status, subjects = [], [], np.zeros(0, np.int64)
    for arm in result.manifest["arms"]:
        files = sorted((result.folder / "visits.parquet" / f"arm={arm}").glob("chunk-*.parquet"))
        if not files:
            raise DataError(f"`{result.folder}` has no visits of arm `{arm}`")
        count = len(result.manifest["visits_h"])
        try:
            table = pa.concat_tables([pq.ParquetFile(f).read() for f in files])
            columns = [table.column(n).to_numpy().reshape(-1, count) for n in names]
            status.append(table.column("status").to_numpy().reshape(-1, count)[:, 0])
            subjects = table.column("subject").to_numpy().reshape(-1, count)[:, 0]
        except (pa.ArrowException, KeyError, ValueError, OSError) as problem:
            said = one_line(str(problem), 120)
            raise DataError(f"the visits of `{arm}` in `{result.folder}` are not whole: {said}") from None
        visits.append(np.stack(columns, axis=-1))
    return _Visits(subjects, np.stack(status), np.stack(visits))
