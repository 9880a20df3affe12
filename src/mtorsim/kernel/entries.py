"""The functions of a model as compiled code; a copy in a kernel's folder names its own precision and equations."""

from __future__ import annotations

from mtorsim.kernel.arguments import ARRAYS, FUNCTIONS, OF_METHOD, OF_PEOPLE
from mtorsim.kernel.calls import model_functions

from . import problem
from .precision import SINGLE, WIDTH


def _chosen(names):
    return {FUNCTIONS.index(name): (getattr(problem, name), ARRAYS[name]) for name in names}


_tsit5 = model_functions(_chosen(OF_METHOD["tsit5"]), WIDTH, single=SINGLE)
_grk4t = model_functions(_chosen(OF_METHOD["grk4t"]), WIDTH, single=SINGLE)
_people = model_functions(_chosen(OF_PEOPLE), WIDTH, single=SINGLE)


def tsit5(own, columns, scratch, a, b, c, d, e):
    """The functions that the explicit method calls; `own` is the place in `FUNCTIONS`."""
    _tsit5(own, columns, scratch, a, b, c, d, e)


def grk4t(own, columns, scratch, a, b, c, d, e):
    """The functions that the implicit method calls."""
    _grk4t(own, columns, scratch, a, b, c, d, e)


def people(own, columns, scratch, a, b, c, d, e):
    """The functions that are evaluated without integration."""
    _people(own, columns, scratch, a, b, c, d, e)
