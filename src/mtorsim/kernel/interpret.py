"""The interpreter of tapes, in the precision of this solver."""

from __future__ import annotations

from mtorsim.kernel.calls import entry_point
from mtorsim.kernel.interpreter import write_interpreter

from .precision import SINGLE, WIDTH

_run = entry_point(write_interpreter, WIDTH, single=SINGLE)


def interpret(own, columns, scratch, a, b, c, d, e):
    """Run a tape; `own` is the address of its length and of its steps."""
    _run(own, columns, scratch, a, b, c, d, e)
