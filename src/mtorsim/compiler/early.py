"""Compile half of the solver in a separate process, which the command line starts before its imports."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["BESIDE", "compile_beside", "start"]

BESIDE = (("drive",), ("people",))
"""The parts of the solver that the other process compiles: half of the work."""
_CODE = "import sys; from mtorsim.compiler.warm import compile_part as f; [f(tuple(p.split())) for p in sys.argv[1:]]"
_started: list[threading.Thread] = []
"""The thread that waits for the process that was started early; at most one."""


def start(cache: Path) -> None:
    """Start the process if the cache is empty."""
    if os.environ.get("NUMBA_DISABLE_JIT") != "1" and not any(cache.glob("solver_*/compiled-*")):
        _started.append(_process([" ".join(part) for part in BESIDE]))


def compile_beside(parts: list[tuple[str, ...]]) -> threading.Thread | None:
    """Compile parts of the solver in the process that was started early, or in a new one.

    Returns
    -------
    threading.Thread or None
        It ends with the process.
    """
    if not parts:
        return None
    return _started.pop() if _started else _process([" ".join(part) for part in parts])


def _process(parts: list[str]) -> threading.Thread:
    # The process may outlive us and must not hold open a pipe that our reader waits for.
    words, none = [sys.executable, "-c", _CODE, *parts], subprocess.DEVNULL
    process = subprocess.Popen(words, stdin=none, stdout=none, stderr=none)
    waiting = threading.Thread(target=process.wait, daemon=True)
    waiting.start()
    return waiting
