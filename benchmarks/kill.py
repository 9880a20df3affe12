"""Kill a run at random moments, resume it each time, and compare its numbers with those of an undisturbed run.

    python benchmarks/kill.py [--subjects 20000] [--kills 50]

A run of two weeks in chunks of 200 subjects is ended by SIGKILL after a random time, again and again.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import mtorsim as mt

CALL = "import mtorsim as mt; mt.simulate({scenario!r}, subjects={n}, chunk={chunk}, out={out!r}, resume=True)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="topp_insulin_resistance")
    parser.add_argument("--subjects", type=int, default=20000)
    parser.add_argument("--chunk", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    given = parser.parse_args()
    usual = mt.simulate(given.scenario, subjects=given.subjects, chunk=given.chunk)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run"
        call = CALL.format(scenario=given.scenario, n=given.subjects, chunk=given.chunk, out=str(out))
        kills, started = 0, time.perf_counter()
        while kills < given.kills:
            process = subprocess.Popen([sys.executable, "-c", call], stderr=subprocess.DEVNULL)
            before = len(list(out.glob("parts/*.npz")))
            # After the first new chunk, so that the run gets on, at any moment of the next ones.
            while process.poll() is None and len(list(out.glob("parts/*.npz"))) <= before:
                time.sleep(0.001)
            time.sleep(float(rng.exponential(0.05)))
            process.send_signal(signal.SIGKILL)
            if process.wait() != -signal.SIGKILL:
                break
            kills += 1
        found = mt.simulate(given.scenario, subjects=given.subjects, chunk=given.chunk, out=out, resume=True)
        same = found.manifest["result"] == usual.manifest["result"]
        chunks = -(-given.subjects // given.chunk)
        print(f"{kills} kills in {time.perf_counter() - started:.0f} s, {chunks} chunks: the same numbers: {same}")


if __name__ == "__main__":
    main()
