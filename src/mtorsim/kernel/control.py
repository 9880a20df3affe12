"""Step size control: the error of a step, and the length of the next one."""

from __future__ import annotations

from mtorsim.kernel.functions import exp, log, maximum, minimum
from mtorsim.kernel.lanes import Lanes, absolute, inlined, load, select_less, store

from .error import no_errors
from .method import ORDER
from .precision import lanewise, rowwise

SAFETY = 0.9
SMALLEST_FACTOR = 0.2
LARGEST_FACTOR = 5.0
CAUTIOUS_STEP = 1e-4
"""Hours; the first step if the state gives no time scale."""
SMALLEST_ERROR = 1e-10
LISTENERS_LIMIT = 0.5
"""Listeners limit the next step only if their error exceeds this fraction of the tolerance."""
ALPHA = 0.7 / ORDER
BETA = 0.4 / ORDER
"""Gustafsson's PI exponents as in Hairer & Wanner, Solving ODEs II, section IV.2: without the
memory of the last error a method held back by stability alternates between long and rejected steps."""

SIZE, SPEED = range(2)
"""Rows of `Seats.norms` during the choice of a first step."""


@rowwise("norms", "relative")
def gather_scales(x, slope, norms, absolute_, steers, relative):
    """Include the size and the slope of a steering state."""
    scale = absolute_ + relative * absolute(load(x, 0))
    for row, what in ((SIZE, x), (SPEED, slope)):
        largest = load(norms, row)
        found = maximum(largest, absolute(load(what, 0)) / scale)
        store(norms, row, select_less(0.5, steers, found, largest))


@lanewise
def close_scales(norms):
    """Put the first step into the first row."""
    size, speed = load(norms, SIZE), load(norms, SPEED)
    step = 0.01 * size / maximum(speed, 1e-30)
    step = select_less(size, 1e-5, CAUTIOUS_STEP, step)
    store(norms, 0, select_less(speed, 1e-5, CAUTIOUS_STEP, step))


@inlined
def first_step(seats, tolerance):
    """Choose a first step that moves no steering state by more than a hundredth of its size.

    `seats.k` begins with the slopes; the first row of `seats.norms` receives the step.

    References
    ----------
    Hairer, Norsett & Wanner, Solving ODEs I, section II.4, first half of the algorithm.
    """
    no_errors(seats.norms)
    gather_scales(seats.x, seats.k, seats.norms, tolerance.absolute, tolerance.steers, tolerance.relative)
    close_scales(seats.norms)


def growth(now: Lanes, before: Lanes, listening: Lanes) -> Lanes:
    """Factor on the step after one that was accepted, from its error and that of the step before."""
    exponent = BETA * log(maximum(before, SMALLEST_ERROR)) - ALPHA * log(maximum(now, SMALLEST_ERROR))
    factor = minimum(maximum(SAFETY * exp(exponent), SMALLEST_FACTOR), LARGEST_FACTOR)
    own = SAFETY * exp(-1.0 / ORDER * log(maximum(listening, SMALLEST_ERROR)))
    return select_less(LISTENERS_LIMIT, listening, minimum(own, factor), factor)


def retreat(now: Lanes) -> Lanes:
    """Factor on the step after one that was rejected."""
    factor = SAFETY * exp(-1.0 / ORDER * log(now))
    # NaN compares false and falls through to the smallest factor.
    return select_less(SMALLEST_FACTOR, factor, factor, SMALLEST_FACTOR)
