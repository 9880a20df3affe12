"""Results with labels: what every subject showed at every visit, summaries, status, manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError, one_line
from .kernel.status import SENTENCES
from .manifest import read_manifest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import xarray as xr

__all__ = [
    "TEST_KEYS",
    "Block",
    "Result",
    "TestValues",
    "labelled",
    "ledger_table",
    "open_result",
    "people_table",
    "test_table",
    "treatment_table",
    "visit_table",
]


TEST_KEYS = ("arm", "subject", "test", "options", "at_h", "index")
"""Columns that name a row of the table of tests."""


@dataclass(frozen=True)
class TestValues:
    """The indices of one test of the virtual laboratory in some subjects of one arm.

    Attributes
    ----------
    test, options, at_h, arm
        Which, what differs from the standard test, when, and whose.
    units
        Of each index, by name.
    values
        Shape (n, indices), NaN where a subject has none.
    """

    test: str
    options: str
    at_h: float
    arm: str
    units: Mapping[str, str]
    values: np.ndarray


@dataclass(frozen=True)
class Block:
    """What some subjects gave, arm by arm.

    Attributes
    ----------
    subjects, attempts
        Shape (n,).
    status
        Shape (arms, n).
    traits
        What tells the subjects apart, shape (n, traits).
    visits, series
        Shape (arms, n, times, observables); `series` has no rows where it is not kept.
    weights
        How many people of the population each subject stands for, shape (n,).
    left
        Hours at which each left, infinite for those who stayed, shape (arms, n).
    ledger
        What was decided in each arm: rows as `mtorsim.decisions.LEDGER` has them.
    given
        Of each arm the share of the planned amount of each regimen that was given, shape (n, regimens).
    tests
        One for each arm, test and time.
    """

    subjects: np.ndarray
    arms: tuple[str, ...]
    status: np.ndarray
    attempts: np.ndarray
    traits: np.ndarray
    visits: np.ndarray
    series: np.ndarray
    weights: np.ndarray
    left: np.ndarray
    ledger: tuple[np.ndarray, ...]
    given: tuple[np.ndarray, ...]
    tests: tuple[TestValues, ...] = ()

    @classmethod
    def joined(cls, blocks: list[Block]) -> Block:
        """Several blocks of the same arms as one; the finer series of those that kept it."""
        kept = [b.series for b in blocks if b.series.shape[2]] or [blocks[0].series]
        return cls(
            subjects=np.concatenate([b.subjects for b in blocks]),
            arms=blocks[0].arms,
            status=np.concatenate([b.status for b in blocks], axis=1),
            attempts=np.concatenate([b.attempts for b in blocks]),
            traits=np.concatenate([b.traits for b in blocks]),
            visits=np.concatenate([b.visits for b in blocks], axis=1),
            series=np.concatenate(kept, axis=1),
            weights=np.concatenate([b.weights for b in blocks]),
            left=np.concatenate([b.left for b in blocks], axis=1),
            ledger=tuple(np.concatenate(same) for same in zip(*(b.ledger for b in blocks), strict=True)),
            given=tuple(np.concatenate(same) for same in zip(*(b.given for b in blocks), strict=True)),
            tests=tuple(
                replace(same[0], values=np.concatenate([t.values for t in same]))
                for same in zip(*(b.tests for b in blocks), strict=True)
            ),
        )


@dataclass(frozen=True)
class Result:
    """A run's result, in memory or in a folder.

    Attributes
    ----------
    manifest
        What the run was; enough to compute any subject again.
    summary
        Shares above each limit with intervals, medians and bands at each visit, status counts.
    series
        The finer series of the first subjects, dims (arm, subject, time).
    folder
        Where it lies, None if only in memory.
    """

    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    series: xr.Dataset
    folder: Path | None
    block: Block | None = None

    @cached_property
    def visits(self) -> xr.Dataset:
        """Every observable at every visit, dims (arm, subject, time), and `status` (arm, subject)."""
        block = self.block if self.block is not None else _read_block(self)
        return labelled(self.manifest, block.visits, block.subjects, self.manifest["visits_h"], block.status)

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

        block = self.block if self.block is not None else _read_block(self)
        tables = [visit_table(self.manifest, block, i) for i in range(len(block.arms))]

        pq.write_table(pa.concat_tables(tables), path)


def labelled(
    manifest: Mapping[str, Any],
    values: np.ndarray,
    subjects: np.ndarray,
    times: list[float],
    status: np.ndarray | None = None,
) -> xr.Dataset:
    """Arrays (arms, n, times, observables) as a dataset with names and units."""
    import xarray as xr

    dims = ("arm", "subject", "time")
    data: dict[str, Any] = {
        name: (dims, values[..., j], {"units": unit}) for j, (name, unit) in enumerate(manifest["observables"].items())
    }
    if status is not None:
        sentences = "; ".join(f"{code}: {text}" for code, text in SENTENCES.items())
        data["status"] = (("arm", "subject"), status.astype(np.int32), {"meaning": sentences})
    coords = {
        "arm": list(manifest["arms"]),
        "subject": subjects.astype(np.int64),
        "time": ("time", np.asarray(times, float), {"units": "h"}),
    }
    return xr.Dataset(data, coords, {"title": manifest["title"], "scenario": manifest["scenario"]})


def visit_table(manifest: Mapping[str, Any], block: Block, arm: int) -> pa.Table:
    """The visits of one arm: one row a subject and visit; units stand in the fields' metadata."""
    import pyarrow as pa

    _, n, visits, _ = block.visits.shape
    names = pa.array([block.arms[arm]])
    columns: dict[str, Any] = {
        "arm": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n * visits, np.int32)), names),
        "subject": np.repeat(block.subjects.astype(np.int64), visits),
        "visit": np.tile(np.arange(visits, dtype=np.int32), n),
        "time_h": np.tile(np.array(manifest["visits_h"], float), n),
        "status": np.repeat(block.status[arm].astype(np.int32), visits),
    }
    about = {"time_h": {"unit": "h"}, "status": {str(c): s for c, s in SENTENCES.items()}}
    for j, (name, unit) in enumerate(manifest["observables"].items()):
        columns[name] = block.visits[arm, :, :, j].reshape(-1)
        about[name] = {"unit": unit}
    fields = [
        pa.field(
            name, pa.array(values).type if not isinstance(values, pa.Array) else values.type, metadata=about.get(name)
        )
        for name, values in columns.items()
    ]
    known = {
        k: manifest[k]
        for k in ("scenario", "seed", "hashes", "settings", "method", "precision", "rtol", "atol", "versions")
    }
    schema = pa.schema(fields, metadata={"mtorsim": json.dumps(known)})
    return pa.table([v if isinstance(v, pa.Array) else pa.array(v) for v in columns.values()], schema=schema)


def people_table(manifest: Mapping[str, Any], block: Block) -> pa.Table:
    """One row a subject: what tells it apart, and how many drawn people were turned away before it."""
    import pyarrow as pa

    columns = {
        "subject": pa.array(block.subjects.astype(np.int64)),
        "turned_away": pa.array(block.attempts),
        "weight": pa.array(block.weights),
    }
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    for j, (name, unit) in enumerate(manifest["traits"].items()):
        columns[name] = pa.array(block.traits[:, j])
        fields.append(pa.field(name, pa.float64(), metadata={"unit": unit}))
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def ledger_table(manifest: Mapping[str, Any], block: Block) -> pa.Table:
    """Every decision of a block, names and units instead of numbers."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {
        n: [] for n in ("arm", "subject", "time_h", "rule", "drug", "what", "asked", "value", "before", "after", "unit")
    }
    for arm, rows in zip(block.arms, block.ledger, strict=True):
        told = manifest["rules"][arm]
        names, asked = [*told["rules"], ""], [*told["asks"], ""]
        drugs, units = [*told["drugs"], ""], [*told["units"], ""]
        amounts = np.array([*told["amounts"], 1.0])
        rule = np.where(rows["rule"] < len(names) - 1, rows["rule"], -1)
        columns["arm"].append(np.full(len(rows), arm, dtype=object))
        columns["subject"].append(rows["subject"])
        columns["time_h"].append(rows["time_h"])
        given = np.array([*names[:-1], ""], dtype=object)[rule]
        columns["rule"].append(np.where(rows["rule"] > rule, "function", given))
        columns["drug"].append(np.array(drugs, dtype=object)[rows["regimen"]])
        columns["what"].append(rows["what"].astype(object))
        columns["asked"].append(np.array(asked, dtype=object)[rule])
        columns["value"].append(rows["value"])
        columns["before"].append(rows["before"] * amounts[rows["regimen"]])
        columns["after"].append(rows["after"] * amounts[rows["regimen"]])
        columns["unit"].append(np.array(units, dtype=object)[rows["regimen"]])
    text = ("arm", "rule", "drug", "what", "asked", "unit")
    return pa.table(
        {
            n: pa.array(np.concatenate(parts).tolist(), pa.string()) if n in text else np.concatenate(parts)
            for n, parts in columns.items()
        }
    )


def treatment_table(manifest: Mapping[str, Any], block: Block) -> pa.Table:
    """When each subject left, and how much of each drug's plan was given until then."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {n: [] for n in ("arm", "subject", "left_h", "drug", "given")}
    for i, arm in enumerate(block.arms):
        drugs = manifest["rules"][arm]["drugs"]
        for d, drug in enumerate(drugs or [""]):
            n = len(block.subjects)
            columns["arm"] += [arm] * n
            columns["subject"] += block.subjects.tolist()
            columns["left_h"] += [None if np.isinf(t) else float(t) for t in block.left[i]]
            columns["drug"] += [drug] * n
            columns["given"] += block.given[i][:, d].tolist() if drugs else [None] * n
    types = (pa.string(), pa.int64(), pa.float64(), pa.string(), pa.float64())
    return pa.table({n: pa.array(v, t) for (n, v), t in zip(columns.items(), types, strict=True)})


def test_table(block: Block) -> pa.Table:
    """Indices of tests, one row an arm, subject, test with its options, time and index."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {n: [] for n in (*TEST_KEYS, "value", "unit")}
    for t in block.tests:
        n, names = len(block.subjects), list(t.units)
        for name, cells in (
            ("arm", np.full(n * len(names), t.arm)),
            ("subject", np.repeat(block.subjects.astype(np.int64), len(names))),
            ("test", np.full(n * len(names), t.test)),
            ("options", np.full(n * len(names), t.options)),
            ("at_h", np.full(n * len(names), t.at_h)),
            ("index", np.tile(np.array(names), n)),
            ("value", t.values.reshape(-1)),
            ("unit", np.tile(np.array(list(t.units.values())), n)),
        ):
            columns[name].append(cells)
    return pa.table({name: np.concatenate(parts) if parts else [] for name, parts in columns.items()})


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
        raise DataError(f"the run in `{folder}` was not finished", help="go on with it: `mtorsim run ... --resume`")
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        with xr.open_dataset(folder / "series.nc", engine="scipy") as stored:
            series = stored.load()
    except Exception as problem:  # netCDF readers raise whatever a damaged byte leads them to
        raise DataError(f"the result in `{folder}` is not whole: {one_line(str(problem), 120)}") from None
    if not isinstance(summary, dict) or not {"arms", "units", "limits_mg_dl", "status"} <= set(summary):
        raise DataError(f"the result in `{folder}` is not whole: summary.json is damaged")
    return Result(manifest, summary, series, folder)


def _read_block(result: Result) -> Block:
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
    n = len(subjects)
    return Block(
        subjects=subjects,
        arms=tuple(result.manifest["arms"]),
        status=np.stack(status),
        attempts=np.zeros(n),
        traits=np.zeros((n, 0)),
        visits=np.stack(visits),
        series=np.zeros((len(visits), 0, 0, len(names))),
        weights=np.ones(n),
        left=np.full((len(visits), n), np.inf),
        ledger=(),
        given=(),
    )
