"""Step size control: the error of a step, and the length of the next one."""

from __future__ import annotations

from mtorsim.kernel.functions import exp, log, maximum, minimum
from mtorsim.kernel.lanes import Lanes, absolute, fma, inlined, load, select_less, store

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

STEERING, LISTENING, SPOILT = range(3)
"""Rows of `Seats.norms`: the largest error, in units of its tolerance, of steering states and of the others, and NaN if
any state is not finite."""


@lanewise
def no_errors(norms):
    """Initialise the search for the largest error."""
    store(norms, STEERING, 0.0)
    store(norms, LISTENING, 0.0)
    store(norms, SPOILT, 0.0)


@rowwise("norms", "relative")
def gather_errors(x, d, e, norms, absolute_, steers, relative):
    """Include the error of a state.

    A state that no steering state reads (`steers` 0) is a listener: it must be within tolerance like every other, but
    does not affect the choice of the step, so adding a listener leaves all other digits unchanged.
    """
    before = load(x, 0)
    size = maximum(absolute(before), absolute(before + load(d, 0)))
    error = absolute(load(e, 0)) / fma(relative, size, absolute_)
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


@inlined
def error_norms(seats, tolerance):
    """Find the largest error of a step."""
    no_errors(seats.norms)
    gather_errors(seats.x, seats.d, seats.e, seats.norms, tolerance.absolute, tolerance.steers, tolerance.relative)
    close_errors(seats.norms)


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
