"""The error of a step, in units of its tolerance."""

from __future__ import annotations

from mtorsim.kernel.functions import maximum
from mtorsim.kernel.lanes import absolute, fma, load, select_less, store

from .precision import lanewise

STEERING, LISTENING, SPOILT = range(3)
"""Rows of `Seats.norms`: the largest error, in units of its tolerance, of steering states and of the others, and NaN if
any state is not finite."""


@lanewise
def no_errors(norms):
    """Initialise the search for the largest error."""
    store(norms, STEERING, 0.0)
    store(norms, LISTENING, 0.0)
    store(norms, SPOILT, 0.0)


def include_error(norms, before, change, error, absolute_, steers, relative):
    """Include the error of a state, in a loop over states.

    A state that no steering state reads (`steers` 0) is a listener: it must be within tolerance like every other, but
    does not affect the choice of the step, so adding a listener leaves all other digits unchanged.
    """
    size = maximum(absolute(before), absolute(before + change))
    error = absolute(error) / fma(relative, size, absolute_)
    store(norms, SPOILT, fma(error, 0.0, load(norms, SPOILT)))
    for row, mine in (
        (STEERING, select_less(0.5, steers, error, 0.0)),
        (LISTENING, select_less(0.5, steers, 0.0, error)),
    ):
        largest = load(norms, row)
        store(norms, row, select_less(largest, mine, mine, largest))


@lanewise
def close_errors(norms):
    """Propagate NaN."""
    store(norms, STEERING, load(norms, STEERING) + load(norms, SPOILT))
    store(norms, LISTENING, load(norms, LISTENING) + load(norms, SPOILT))
