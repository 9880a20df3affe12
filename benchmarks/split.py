"""The same digest however the work is split: threads, processes, chunks, ranges, growth, and a cluster.

    python benchmarks/split.py [--subjects 20000] --json FILE

Women of a breast cancer trial take everolimus for two weeks. One worker process, and one worker of the cluster, is
killed while it computes. Needs dask.distributed (`pip install "mtorsim[cluster]"`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mtorsim as mt
from mtorsim.results.manifest import machine
from mtorsim.scenario.scenario import scenario_from_text

TEXT = """
title = "two weeks"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "breast_postmenopausal"
duration = "2 weeks"

[[dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 weeks", "2 weeks"]
"""


def main() -> None:
    """Run each way, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=20_000)
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    n, scenario, lines, digests = given.subjects, scenario_from_text(TEXT, Path("split.toml")), [], set()
    with tempfile.TemporaryDirectory() as name:
        for way, run in ways(scenario, n, Path(name)).items():
            started = time.perf_counter()
            digest = json.dumps(run().manifest["result"], sort_keys=True)
            seconds = time.perf_counter() - started
            digests.add(digest)
            lines.append({"way": way, "subjects": n, "seconds": seconds, "digest": digest, "machine": machine()})
            print(f"{way:45s} {seconds:6.1f} s  {digest[-20:-2]}", flush=True)
    print(f"{len(lines)} ways, {len(digests)} digest{'s' if len(digests) > 1 else ''}")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


def ways(scenario: mt.Scenario, n: int, folder: Path) -> dict[str, Callable[[], mt.Result]]:
    """Every way to run the same subjects."""

    def run(**how) -> mt.Result:
        return mt.simulate(scenario, **{"subjects": n, "kernel": "compiled", "certify": False, **how})

    def merged() -> mt.Result:
        cut = n // 3
        run(subjects=cut, out=folder / "a")
        run(first=cut, subjects=n - cut, chunk=1000, out=folder / "b")
        return mt.merge([folder / "b", folder / "a"], folder / "both")

    def grown() -> mt.Result:
        run(subjects=n // 4, chunk=1000, out=folder / "grown")
        return mt.extend(folder / "grown", n)

    def clustered(kill: bool) -> mt.Result:
        from distributed import LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
            progress = killer(lambda: cluster.workers[0].pid) if kill else None
            return run(cluster=cluster.scheduler_address, progress=progress)

    return {
        "1 thread": lambda: run(threads=1),
        "2 threads": lambda: run(threads=2),
        "chunks of 64": lambda: run(chunk=64),
        "chunks of 1,000": lambda: run(chunk=1000),
        "chunks of 4,096": lambda: run(chunk=4096),
        "2 processes": lambda: run(processes=2),
        "3 processes": lambda: run(processes=3),
        "2 processes, one killed": lambda: run(
            processes=2, progress=killer(lambda: multiprocessing.active_children()[0].pid)
        ),
        "two ranges merged": merged,
        "a quarter, extended": grown,
        "a cluster of two workers": lambda: clustered(kill=False),
        "a cluster of two workers, one killed": lambda: clustered(kill=True),
    }


def killer(pid: Callable[[], int]) -> Callable[[int, int], None]:
    """A progress function that kills a process after the third chunk."""
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        told.append(done)
        if len(told) == 3:
            os.kill(pid(), signal.SIGKILL)

    return progress


if __name__ == "__main__":
    main()
