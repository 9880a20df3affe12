"""Another checkout of mtorsim as an engine: its own code, its own problems, CPU seconds of its process.

`python before.py CHECKOUT/benchmarks PROBLEM SUBJECTS QUICK`, with that checkout's Python, answers each line
`method precision rtol atol` on its standard input with CPU seconds and the name of a file of glucose.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

__all__ = ["trials"]


def trials(checkout: Path, name: str, subjects: int, quick: bool, wanted: list[tuple]) -> Iterator[tuple]:
    """Method, precision, rtol and a function that solves, for each that is wanted."""
    python = checkout / ".venv" / "bin" / "python"
    words = [str(python), __file__, str(checkout / "benchmarks"), name, str(subjects), str(int(quick))]
    run = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdin is not None
    assert run.stdout is not None

    def solve(method: str, precision: str, rtol: float, atol: float) -> tuple[np.ndarray, float]:
        run.stdin.write(f"{method} {precision} {rtol!r} {atol!r}\n")
        run.stdin.flush()
        seconds, path = run.stdout.readline().split()
        return np.load(path), float(seconds)

    for method, precision, rtol, atol in wanted:
        yield method, precision, rtol, lambda m=method, p=precision, r=rtol, a=atol: solve(m, p, r, a)


def serve(folder: str, name: str, subjects: str, quick: str) -> None:
    """Solve what is asked for, until nothing more is."""
    sys.path[0] = folder
    from problems import PROBLEMS

    setting = PROBLEMS[name].setting(int(subjects), quick == "1")
    with tempfile.TemporaryDirectory() as kept:
        path = f"{kept}/glucose.npy"
        for line in sys.stdin:
            method, precision, rtol, atol = line.split()
            started = time.process_time()
            found = setting.solve(method, precision, float(rtol), float(atol))
            seconds = time.process_time() - started
            np.save(path, found)
            print(seconds, path, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
