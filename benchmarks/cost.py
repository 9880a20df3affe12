"""What a run costs per subject and day, run-in included, in this checkout and beside another, in one run.

    python benchmarks/cost.py [--before CHECKOUT] [--scenario NAME ...] [--rounds R] --json FILE

Each round is a process of its own on one thread, the checkouts in turn: it runs subjects through a scenario with
compiled equations and the checkout's default tolerance, once to warm up and three times for the least CPU seconds.
Ratios are of medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from mtorsim.results.manifest import machine

HERE = Path(__file__).resolve().parents[1]
SCENARIOS = ("everolimus_breast", "untreated")
CHILD = """
import sys, time
import mtorsim as mt
name, n = sys.argv[1], int(sys.argv[2])
def run():
    started = time.process_time()
    found = mt.simulate(name, subjects=n, threads=1, kernel="compiled")
    return time.process_time() - started, found
run()
seconds, found = min((run() for _ in range(3)), key=lambda x: x[0])
days = n * len(found.manifest["arms"]) * found.manifest["duration_h"] / 24
print(seconds / days * 1e6, found.manifest["rtol"])
"""


def main() -> None:
    """Measure both checkouts in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="folder of another checkout")
    parser.add_argument("--scenario", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--subjects", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    checkouts = {"now": HERE} | ({} if given.before is None else {"before": given.before.resolve()})
    lines = []
    for scenario in given.scenario:
        found: dict[str, list[float]] = {who: [] for who in checkouts}
        rtol: dict[str, float] = {}
        for _ in range(given.rounds):
            for who, folder in checkouts.items():
                command = [sys.executable, "-c", CHILD, scenario, str(given.subjects)]
                # Models of the working directory come before bundled ones.
                environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
                done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
                cost, rtol[who] = map(float, done.stdout.split())
                found[who].append(cost)
        middle = {who: float(np.median(costs)) for who, costs in found.items()}
        line = {"scenario": scenario, "us_per_day": found, "median": middle, "rtol": rtol, "machine": machine()}
        if "before" in middle:
            line["ratio"] = middle["now"] / middle["before"]
        lines.append(line)
        print(json.dumps({k: v for k, v in line.items() if k != "machine"}), flush=True)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
