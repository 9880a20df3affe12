"""How long the demo takes to its first numbers, cold and warm, and what a second thread brings.

    python benchmarks/start.py --json FILE

Cold: nothing compiled yet. Both are the wall clock of the command as a user types it, until the
numbers are printed. Threads: the same run in one process, everything compiled, people drawn anew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mtorsim.results.manifest import machine

DEMO = ("run", "everolimus_breast", "--subjects", "200")
SUBJECTS = 2048


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MTORSIM_CACHE": f"{folder}/kernels", "NUMBA_CACHE_DIR": f"{folder}/numba"}
        cold = until_numbers(folder, environment)
        warm = min(until_numbers(folder, environment) for _ in range(3))
    seconds = {threads: threaded(threads) for threads in (1, 2)}
    line = {
        "problem": "demo-start",
        "engine": "mtorsim",
        "cold_s": cold,
        "warm_s": warm,
        "threads_s": seconds,
        "threads_ratio": seconds[1] / seconds[2],
        "machine": machine(),
    }
    print(f"demo, 200 subjects in two arms over 24 weeks: cold {cold:.1f} s, warm {warm:.1f} s to the numbers")
    print(f"{SUBJECTS} subjects: one thread {seconds[1]:.1f} s, two {seconds[2]:.1f} s, {seconds[1] / seconds[2]:.2f}x")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(line) + "\n", encoding="utf-8")


def until_numbers(folder: str, environment: dict[str, str]) -> float:
    """Seconds from typing the command until its table of results is there."""
    command = [sys.executable, "-m", "mtorsim", *DEMO, "--out", f"{folder}/out", "--force"]
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("run "):
                found = time.perf_counter() - started
        assert run.wait() == 0
    return found


def threaded(threads: int) -> float:
    """The least seconds of three runs."""
    import mtorsim as mt

    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        mt.simulate("everolimus_breast", subjects=SUBJECTS, threads=threads)
        best = min(best, time.perf_counter() - started)
    return best


if __name__ == "__main__":
    main()
