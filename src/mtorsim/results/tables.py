"""Long tables of a result: visits, people, ledger, treatment, tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.kernel.status import SENTENCES

from .block import Block

if TYPE_CHECKING:
    import pyarrow as pa
    import xarray as xr

__all__ = ["TEST_KEYS", "labelled", "ledger_table", "people_table", "test_table", "treatment_table", "visit_table"]


TEST_KEYS = ("arm", "subject", "test", "options", "at_h", "index")
"""Columns that identify a row of the table of tests."""

SCREEN_FAILURES, WEIGHTS = "screen failures", "sampling weight"
"""Columns of the table of traits whose names cannot be those of a trait."""


def labelled(
    manifest: Mapping[str, Any],
    values: np.ndarray,
    subjects: np.ndarray,
    times: list[float],
    status: np.ndarray | None = None,
) -> xr.Dataset:
    """Make a dataset with names and units from arrays (arms, n, times, observables)."""
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


def visit_table(
    manifest: Mapping[str, Any], arm: str | None, subjects: np.ndarray, status: np.ndarray, values: np.ndarray
) -> pa.Table:
    """Table of the visits of one arm: one row per subject and visit; units are in the fields' metadata.

    Parameters
    ----------
    arm
        Its name; None for a table without a column for it, in a folder that has the name.
    subjects, status
        Shape (n,).
    values
        Shape (n, visits, observables).
    """
    import pyarrow as pa

    n, visits, _ = values.shape
    columns: dict[str, Any] = {}
    if arm is not None:
        columns["arm"] = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n * visits, np.int32)), pa.array([arm]))
    columns |= {
        "subject": np.repeat(subjects.astype(np.int64), visits),
        "visit": np.tile(np.arange(visits, dtype=np.int32), n),
        "time_h": np.tile(np.array(manifest["visits_h"], float), n),
        "status": np.repeat(status.astype(np.int32), visits),
    }
    about = {"time_h": {"unit": "h"}, "status": {str(c): s for c, s in SENTENCES.items()}}
    for j, (name, unit) in enumerate(manifest["observables"].items()):
        columns[name] = values[:, :, j].reshape(-1)
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
    """Table of traits: one row per subject, with its traits and the number of screen failures before it."""
    import pyarrow as pa

    columns = {
        "subject": pa.array(block.subjects.astype(np.int64)),
        SCREEN_FAILURES: pa.array(block.attempts),
        WEIGHTS: pa.array(block.weights),
    }
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    for j, (name, unit) in enumerate(manifest["traits"].items()):
        columns[name] = pa.array(block.traits[:, j])
        fields.append(pa.field(name, pa.float64(), metadata={"unit": unit}))
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def ledger_table(manifest: Mapping[str, Any], block: Block) -> pa.Table:
    """Table of all decisions of a block, with names and units."""
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
    """Table of leaving times, and of the given share of each drug's plan until then."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {n: [] for n in ("arm", "subject", "left_h", "drug", "dose_intensity")}
    for i, arm in enumerate(block.arms):
        drugs = manifest["rules"][arm]["drugs"]
        for d, drug in enumerate(drugs or [""]):
            n = len(block.subjects)
            columns["arm"] += [arm] * n
            columns["subject"] += block.subjects.tolist()
            columns["left_h"] += [None if np.isinf(t) else float(t) for t in block.left[i]]
            columns["drug"] += [drug] * n
            columns["dose_intensity"] += block.dose_intensity[i][:, d].tolist() if drugs else [None] * n
    types = (pa.string(), pa.int64(), pa.float64(), pa.string(), pa.float64())
    return pa.table({n: pa.array(v, t) for (n, v), t in zip(columns.items(), types, strict=True)})


def test_table(block: Block) -> pa.Table:
    """Table of test indices: one row per arm, subject, test with its options, time and index."""
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
