"""What is done ahead of a command that computes, so that less is waited for."""

from __future__ import annotations

import sys

__all__ = ["COMPUTING", "prepare"]

COMPUTING = frozenset(("calibrate", "events", "replay", "run", "test", "trial", "validate", "warmup"))
"""Commands that run the solver."""


def prepare(command: str) -> None:
    """Start to compile where nothing has been compiled yet, and load numba without SciPy's linear algebra."""
    if command not in COMPUTING:
        return
    from mtorsim.compiler import early
    from mtorsim.compiler.cache import cache_folder

    early.start(cache_folder())
    # numba asks for BLAS when it loads compiled code, which takes SciPy a tenth of a second; kernels use none.
    if "scipy.linalg" not in sys.modules:
        sys.modules["scipy.linalg"] = None  # pyright: ignore[reportArgumentType]
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            del sys.modules["scipy.linalg"]
