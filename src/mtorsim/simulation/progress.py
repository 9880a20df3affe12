"""Progress of a run, shown where it is computed: as a bar in a notebook, as a line on stderr elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Progress", "shown_progress"]

Progress: TypeAlias = Callable[[int, int], None]
OFTEN = 0.2
"""Seconds between two updates."""


def shown_progress(progress: Progress | bool | None) -> Progress | None:
    """The function to be called with the number of subjects done and their total; True shows it."""
    if progress is True:
        return _Shown()
    return progress or None


class _Shown:
    """Shows progress and the time left, at most every `OFTEN` seconds."""

    def __init__(self) -> None:
        self.started = self.told = time.monotonic()
        self.handle: Any = _notebook()
        self.drawn = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self.told < OFTEN:
            return
        self.told = now
        spent = now - self.started
        left = spent * (total - done) / done if done else float("inf")
        words = f"{done:,} of {total:,} subjects"
        words += f", {spent:.0f} s" if done == total else f", about {left:.0f} s left" if done else ""
        if self.handle is not None:
            from IPython.display import HTML

            bar = HTML(f"<progress value='{done}' max='{total}' style='width: 18em'></progress> {words}")
            self.handle.update(bar) if self.drawn else self.handle.display(bar)
        else:
            sys.stderr.write(f"\r{words:<60}" + ("\n" if done == total else ""))
            sys.stderr.flush()
        self.drawn = True


def _notebook() -> Any:
    """A display handle of the notebook that runs this, None elsewhere."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython
    from IPython.display import DisplayHandle

    return DisplayHandle() if getattr(get_ipython(), "kernel", None) is not None else None
