"""Half of the solver compiled in a process of its own, which the command line starts before it imports anything."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["BESIDE", "compile_beside", "start"]

BESIDE = (("drive",), ("people",))
"""The parts of the solver that are compiled in the other process: as much work as the rest."""
_CODE = "import sys; from mtorsim.compiler.warm import compile_part as f; [f(tuple(p.split())) for p in sys.argv[1:]]"
_started: list[threading.Thread] = []
"""Waits for the process that was started early; at most one."""


def start(cache: Path) -> None:
    """Start where nothing was ever compiled in a cache; what has to be compiled again is found out later."""
    if os.environ.get("NUMBA_DISABLE_JIT") != "1" and not any(cache.glob("solver_*/compiled-*")):
        _started.append(_process([" ".join(part) for part in BESIDE]))


def compile_beside(parts: list[tuple[str, ...]]) -> threading.Thread | None:
    """Compile parts of the solver in another process, the one that was started early or a new one.

    Returns
    -------
    threading.Thread or None
        Ends when the process does.
    """
    if not parts:
        return None
    return _started.pop() if _started else _process([" ".join(part) for part in parts])


def _process(parts: list[str]) -> threading.Thread:
    # It may outlive us, and must not keep a pipe open that our reader waits for.
    words, none = [sys.executable, "-c", _CODE, *parts], subprocess.DEVNULL
    process = subprocess.Popen(words, stdin=none, stdout=none, stderr=none)
    waiting = threading.Thread(target=process.wait, daemon=True)
    waiting.start()
    return waiting
