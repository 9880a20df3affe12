"""Preparations for commands that run the solver, made early to shorten the wait."""

from __future__ import annotations

import sys

__all__ = ["COMPUTING", "prepare"]

COMPUTING = frozenset(
    (
        "calibrate",
        "dose-response",
        "events",
        "explain",
        "extend",
        "follow-up",
        "forecast",
        "replay",
        "resume",
        "risk",
        "run",
        "sensitivity",
        "sweep",
        "test",
        "trial",
        "validate",
        "verify",
        "warmup",
    )
)
"""Commands that run the solver."""


def prepare(command: str) -> None:
    """Start compiling if the cache is empty, and load numba without SciPy's linear algebra."""
    if command not in COMPUTING:
        return
    from mtorsim.compiler import early
    from mtorsim.compiler.cache import cache_folder

    early.start(cache_folder())
    # numba loads SciPy's BLAS, which takes a tenth of a second, with compiled code; the kernels do not use it.
    if "scipy.linalg" not in sys.modules:
        sys.modules["scipy.linalg"] = None  # pyright: ignore[reportArgumentType]
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            del sys.modules["scipy.linalg"]
