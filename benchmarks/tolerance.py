"""Error and cost of a run by its tolerance, in every bundled scenario of the full model.

    python benchmarks/tolerance.py [--subjects N] [--scenario NAME ...] [--rtol R ...] --json FILE

The same subjects are run at each tolerance and, for reference, by the explicit method in double precision at 1e-7.
Errors are those of fasting glucose at the visits, and of glucose at every quarter of an hour of a day after four weeks.
Subjects of whom a rule decides otherwise are counted, and left out of the errors.
"""

from __future__ import annotations

import argparse
import json
import time
from copy import copy
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.results.manifest import machine
from mtorsim.scenario.scenario import Scenario, read_scenario

DAY_AT = 28 * 24.0
"""When the day with all its meals is looked at, hours."""


def main() -> None:
    """Run every scenario at every tolerance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=64)
    parser.add_argument("--scenario", nargs="*", default=None)
    parser.add_argument("--rtol", nargs="*", type=float, default=[3e-3, 1e-2, 2e-2])
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    library = Library()
    every = {name: read_scenario(name, library) for name in given.scenario or library.scenarios}
    lines = []
    print(
        f"{'scenario':22s} {'rtol':>6s} {'us/day':>7s} {'fasting: worst':>15s} {'99 %':>7s} {'day: worst':>11s} apart"
    )
    for name, scenario in every.items():
        if "glucose_insulin" not in scenario.modules:
            continue
        for row in tried(scenario, given.subjects, given.rtol):
            lines.append({"scenario": name, **row, "machine": machine()})
            shown = (
                f"{row['rtol']:6.0e} {row['us_per_day']:7.1f} {row['fasting_worst']:15.4f} {row['fasting_p99']:7.4f}"
            )
            print(f"{name:22s} {shown} {row['day_worst']:11.3f} {row['otherwise']}", flush=True)
            given.json.parent.mkdir(parents=True, exist_ok=True)
            given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


def tried(scenario: Scenario, n: int, tolerances: list[float]) -> list[dict]:
    """One scenario at all tolerances."""
    day = DAY_AT + np.arange(0, 24.01, 0.25)
    scenario = copy(scenario)
    # A file cannot ask for such a series.
    object.__setattr__(scenario, "series", tuple(day.tolist()))
    exact = run(scenario, n, method="tsit5", precision="double", rtol=1e-7)
    found = []
    for rtol in tolerances:
        started = time.process_time()
        mine = run(scenario, n, rtol=rtol)
        seconds = time.process_time() - started
        same = np.array([[decisions(mine, a, i) == decisions(exact, a, i) for i in range(n)] for a in arms(mine)])
        for one in (mine, exact):
            same &= one.visits.status.transpose("arm", "subject").to_numpy() == OK
        fasting = worst(mine.visits.fasting_glucose, exact.visits.fasting_glucose)[same]
        during = worst(mine.series.glucose, exact.series.glucose)[same]
        found.append(
            {
                "rtol": rtol,
                "us_per_day": seconds / same.size / (scenario.duration / 24) * 1e6,
                "fasting_worst": float(fasting.max()),
                "fasting_p99": float(np.percentile(fasting, 99)),
                "day_worst": float(during.max()),
                "otherwise": int((~same).sum()),
                "courses": same.size,
            }
        )
    return found


def run(scenario: Scenario, n: int, **options) -> mt.Result:
    """A run whose equations are compiled."""
    return mt.simulate(scenario, subjects=n, kernel="compiled", **options)


def arms(result: mt.Result) -> list[str]:
    """Names of the arms."""
    return list(result.manifest["arms"])


def decisions(result: mt.Result, arm: str, subject: int) -> list[tuple]:
    """Times and kinds of what was decided of a subject."""
    if not any(r["rules"] for r in result.manifest["rules"].values()):
        return []
    rows = result.ledger[(result.ledger["arm"] == arm) & (result.ledger["subject"] == subject)]
    return list(zip(rows["time_h"], rows["what"], strict=True))


def worst(mine, other) -> np.ndarray:
    """Largest difference over time, shape (arms, subjects), 0 where there is none."""
    apart = np.abs(mine - other).transpose("arm", "subject", "time").to_numpy()
    return np.nanmax(apart, axis=2, initial=0.0)


if __name__ == "__main__":
    main()
