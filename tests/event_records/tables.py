"""Tables of event records, run by every method; alone, among others and on a finer grid to the same bits."""

from __future__ import annotations

import csv
import io
import itertools
import os
from pathlib import Path

import numpy as np

import mtorsim as mt
from helpers import TESTS
from mtorsim.compiler.solver import METHODS
from mtorsim.files.library import Library
from mtorsim.scenario.scenario import scenario_from_text

HERE = Path(__file__).parent

SCENARIO = """
title = "records"
model = ["{model}"]
population = "ngt"
duration = "1 d"
observe = {observe}
[set]
{settings}
[visits]
at = "0 d"
"""
OBSERVED = {
    "one": ["one.gut", "one.blood", "one.gone"],
    "two": ["two.gut", "two.blood", "two.tissue", "two.gone"],
    "saturable": ["saturable.blood"],
}


def scenario(model, settings):
    lines = "\n".join(f'"{model}.{k}" = {v!r}' for k, v in settings.items())
    library = Library((TESTS,))
    text = SCENARIO.format(model=model, observe=OBSERVED[model], settings=lines)
    return scenario_from_text(text, HERE / "records.toml", library), library


def kept(rows, name, number):
    """Hold a table against its file in `rows`; MTORSIM_WRITE=1 writes it."""
    path = HERE / "rows" / f"{name}.{number}.csv"
    text = rows if isinstance(rows, str) else written(rows)
    if os.environ.get("MTORSIM_WRITE") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert path.read_text(encoding="utf-8").splitlines() == text.splitlines()


def runner(tmp_path, name):
    """What runs a table by every method and returns what the records see: `run(rows, model="one", CL=3)`."""

    def carried(rows, method, model, settings, interpolation):
        path = tmp_path / "data.csv"
        path.write_text(rows if isinstance(rows, str) else written(rows), encoding="utf-8")
        alone = "ID" not in path.read_text(encoding="utf-8").partition("\n")[0].split(",")
        table = mt.read_events(path, interpolation=interpolation, one_subject=alone)
        described, library = scenario(model, settings)
        return mt.simulate_events(
            described, table, method=method, precision="double", rtol=1e-10, atol=1e-12, library=library
        )

    numbers = itertools.count(1)

    def go(rows, model="one", interpolation=None, **settings):
        if name is not None:
            kept(rows, name, next(numbers))
        frames = [carried(rows, m, model, settings, interpolation) for m in METHODS]
        names = OBSERVED[model]
        for other in frames[1:]:
            assert np.allclose(frames[0][names], other[names], rtol=2e-8, atol=1e-8, equal_nan=True)
            assert frames[0].status.tolist() == other.status.tolist()
        if not isinstance(rows, str):
            same_bits(carried, rows, model, settings, interpolation, frames[0])
        frame = frames[0]
        if model != "saturable" and not isinstance(rows, str) and not interpolation:
            balanced(frame, rows, model, settings)
        frame.columns = [c.partition(".")[2] if c in names else c for c in frame.columns]
        return frame

    return go


def balanced(frame, rows, model, settings):
    """Between two looks, what is there and what is gone grows by what is given, to a billionth.

    From the last reset or steady state on; where states are replaced or added to nothing is balanced.
    """
    evids = [int(float(r.get("EVID", 0))) for r in rows]
    if max(evids) > 4 or any(float(r.get("SS", 0)) == 2 for r in rows) or any("ID" in r for r in rows):
        return
    begins = [i for i, r in enumerate(rows) if evids[i] in (3, 4) or float(r.get("SS", 0)) == 1]
    first = begins[-1] if begins else 0
    looks = [i for i in range(first, len(rows)) if evids[i] == 0]
    fresh = not begins or (evids[first] in (3, 4) and not float(rows[first].get("SS", 0)))
    if not looks:
        return
    total = frame[OBSERVED[model]].to_numpy().sum(axis=1)
    doses = [r for i, r in enumerate(rows) if i >= first and evids[i] in (1, 4)]
    given = [sum(delivered(r, float(rows[i]["TIME"]), settings) for r in doses) for i in (looks[0], looks[-1])]
    # A dose that follows the first look at its very time has not been seen there.
    given[0] -= sum(
        delivered(r, float(r["TIME"]), settings)
        for i, r in enumerate(rows)
        if i > looks[0] and evids[i] in (1, 4) and float(r["TIME"]) == float(rows[looks[0]]["TIME"])
    )
    if not np.isfinite(total[looks]).all():
        return
    scale = max(1.0, *np.abs(total[looks]))
    if fresh:
        assert abs(total[looks[0]] - given[0]) < 1e-9 * scale, (total[looks[0]], given[0])
    grown = total[looks[-1]] - total[looks[0]]
    assert abs(grown - (given[1] - given[0])) < 2e-9 * scale, (grown, given)


def delivered(record, until, settings):
    """How much of a record has arrived by a time; at steady state, of a hundred doses before it too."""
    to = "blood" if record.get("CMT") == "blood" else "gut"
    if float(record["AMT"]) == 0:
        return 0.0
    amount = settings.get(f"F_{to}", 1.0) * float(record["AMT"])
    rate, duration = float(record.get("RATE", 0)), float(record.get("DUR", 0))
    lasts = amount / rate if rate > 0 else amount / 25.0 if rate == -1 else 4.0 if rate == -2 else duration
    before = -100 if float(record.get("SS", 0)) else 0
    found = 0.0
    for k in range(before, int(record.get("ADDL", 0)) + 1):
        lag = settings.get(f"lag_{to}", 0.0)
        since = until - float(record["TIME"]) - k * float(record.get("II", 0)) - lag
        found += amount * float(np.clip(since / lasts, 0, 1) if lasts else since >= 0)
    return found


def same_bits(carried, rows, model, settings, interpolation, alone):
    """Among shuffled neighbours, and with more samples, no record sees another bit."""
    names = OBSERVED[model]
    if "ID" not in rows[0]:
        others = [{**r, "ID": "x", **({"AMT": 3 * float(r["AMT"])} if r.get("AMT") else {})} for r in rows]
        mixed = [{**r, "ID": "before"} for r in others] + [{**r, "ID": "own"} for r in rows]
        mixed += [{**r, "ID": "after"} for r in others]
        found = carried(mixed, METHODS[0], model, settings, interpolation)
        own = found[found.ID == "own"]
        assert own[names].to_numpy().tobytes() == alone[names].to_numpy().tobytes()
    if all(float(r.get("EVID", 0)) not in (3, 4) for r in rows) and not interpolation:
        finer, kept = [], []
        for r, after in zip(rows, [*rows[1:], None], strict=True):
            kept.append(len(finer))
            finer.append(r)
            if after and float(after["TIME"]) > float(r["TIME"]) and r.get("ID") == after.get("ID"):
                grid = np.linspace(float(r["TIME"]), float(after["TIME"]), 7)[1:-1]
                extra = {k: v for k, v in r.items() if k == "ID"}
                finer += [{**extra, "TIME": repr(float(t)), "EVID": 0} for t in grid]
        found = carried(finer, METHODS[0], model, settings, interpolation)
        assert found[names].to_numpy()[kept].tobytes() == alone[names].to_numpy().tobytes()


def written(rows):
    columns = list(dict.fromkeys(k for r in rows for k in r))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def at(*times, **more):
    """Observations."""
    return [{"TIME": t, "EVID": 0, **more} for t in times]


def dose(time, amount, **more):
    """A dose record."""
    return {"TIME": time, "EVID": 1, "AMT": amount, **more}


def table(*parts):
    """Records in order of time; those of one time as they are given."""
    flat = [r for p in parts for r in (p if isinstance(p, list) else [p])]
    return sorted(flat, key=lambda r: float(r["TIME"]))
