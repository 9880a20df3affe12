"""The number of threads."""

from __future__ import annotations

import os

from mtorsim.errors import ArgumentError

__all__ = ["workers"]

MOST = 4096


def workers(threads: int | None, name: str = "threads") -> int:
    """The number of threads as given; default: one for each core that this process may use.

    Raises
    ------
    ArgumentError
        If it is not at least 1.
    """
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise ArgumentError(f"{name} = {threads}: there must be at least 1")
    if threads > MOST:
        raise ArgumentError(f"{name} = {threads}: there can be at most {MOST:,}")
    return threads
