"""How long a newcomer waits: wall clock and CPU seconds of commands as they are typed, from an empty cache.

    python benchmarks/start.py --json FILE

Cold is with nothing compiled yet, warm with what the demo has left. Of runs the clock stops when the numbers
are printed, before figures are drawn; CPU seconds are of the whole command. Threads: the same run in one process,
everything compiled, people drawn anew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from mtorsim.files.library import Library
from mtorsim.results.manifest import machine

DEMO = ("run", "everolimus_breast", "--subjects", "200", "--out", "out", "--force")
OGTT = ("test", "ogtt", "--preset", "NGT")
SWITCH = ("run", "everolimus_breast", "--subjects", "20", "--set", "secretion=0")
NEW_DRUG = ("run", "mine.toml")
SUBJECTS = 2048
SCENARIO = """
title = "a drug of one's own"
model = ["glucose_insulin", "mtor", "newlimus"]
population = "healthy_adults"
subjects = 20
duration = "8 weeks"

[[dose]]
drug = "newlimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 weeks", "every 2 weeks"]
"""


@dataclass(frozen=True)
class Wait:
    """Seconds until the numbers, and CPU seconds of the command."""

    command: str
    cache: str
    wall_s: float
    cpu_s: float
    at_most_s: float


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    waits = []
    for words, most in ((OGTT, 5.0), (NEW_DRUG, 5.0), (DEMO, 10.0)):
        with tempfile.TemporaryDirectory() as folder:
            waits.append(measured(words, folder, "empty", most))
            if words is DEMO:
                waits.append(min((measured(DEMO, folder, "warm", 2.5) for _ in range(3)), key=lambda w: w.wall_s))
                waits.append(measured(SWITCH, folder, "warm", 2.0))
                waits.append(measured(NEW_DRUG, folder, "warm", 5.0))
                waits.append(measured(OGTT, folder, "warm", 5.0))
    print(f"{'command':72s} {'cache':6s} {'wall s':>7s} {'CPU s':>7s} {'at most':>8s}")
    for wait in waits:
        shown = f"mtorsim {wait.command}"
        print(f"{shown:72s} {wait.cache:6s} {wait.wall_s:7.2f} {wait.cpu_s:7.2f} {wait.at_most_s:8.1f}")
    seconds = {threads: threaded(threads) for threads in (1, 2)}
    print(f"{SUBJECTS} subjects: one thread {seconds[1]:.1f} s, two {seconds[2]:.1f} s, {seconds[1] / seconds[2]:.2f}x")
    line = {
        "problem": "start",
        "engine": "mtorsim",
        "waits": [asdict(wait) for wait in waits],
        "threads_s": seconds,
        "threads_ratio": seconds[1] / seconds[2],
        "machine": machine(),
    }
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(line) + "\n", encoding="utf-8")


def measured(words: tuple[str, ...], folder: str, cache: str, most: float) -> Wait:
    """A command as a user types it, in a folder with a drug of the user's own."""
    text = Library().modules["everolimus"].read_text(encoding="utf-8")
    Path(folder, "newlimus.toml").write_text(text.replace('name = "everolimus"', 'name = "newlimus"'), encoding="utf-8")
    Path(folder, "mine.toml").write_text(SCENARIO, encoding="utf-8")
    environment = {**os.environ, "MTORSIM_CACHE": f"{folder}/kernels", "NUMBA_CACHE_DIR": f"{folder}/numba"}
    command = [sys.executable, "-m", "mtorsim", *words]
    started = time.perf_counter()
    run = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert run.stdout is not None
    found, named = 0.0, False
    for line in run.stdout:
        # Files are named, and figures drawn, after the numbers.
        named = named or line.startswith("run ")
        found = found if named else time.perf_counter() - started
    _, code, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(code)
    assert run.returncode == 0, command
    return Wait(" ".join(words), cache, round(found, 3), round(used.ru_utime + used.ru_stime, 3), most)


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
