"""How large the error of a step is, and how long the next one may be."""

from __future__ import annotations

from mtorsim.kernel.functions import exp, log, maximum, minimum
from mtorsim.kernel.lanes import Lanes, absolute, compiled, fma, inlined, load, select_less, splat, store

from .method import ORDER, error
from .problem import N_STATES

SAFETY = 0.9
SMALLEST_FACTOR = 0.2
LARGEST_FACTOR = 5.0
CAUTIOUS_STEP = 1e-4
"""Hours; the first step where the state says nothing about its own time scale."""
SMALLEST_ERROR = 1e-10
LISTENERS_LIMIT = 0.5
"""Listeners have a say in the next step once their error passes this share of the tolerance."""
ALPHA = 0.7 / ORDER
BETA = 0.4 / ORDER
"""Gustafsson's PI exponents as in Hairer & Wanner, Solving ODEs II, section IV.2: without the
memory of the last error a method held back by stability alternates between long and rejected steps."""


@compiled
def error_norms(h, y, y_new, k, rtol, atol, steers, norms):
    """Largest error of a step in units of its tolerance, of the states that steer and of the others.

    Shapes: h lanes; y, y_new (N_STATES, WIDTH); k (stages, N_STATES, WIDTH); atol, steers
    (N_STATES,); norms (2, WIDTH) receives the result, NaN where any state is not finite.

    A state that nothing steering reads (`steers` 0) only listens: it must be within tolerance like
    every other, but the step is chosen without it, so that adding a listener changes no digit of
    the rest.
    """
    steering = splat(0.0)
    listening = splat(0.0)
    spoilt = splat(0.0)
    for i in range(N_STATES):
        size = maximum(absolute(load(y, i)), absolute(load(y_new, i)))
        e = absolute(error(i, h, k)) / (atol[i] + rtol * size)
        spoilt = fma(e, splat(0.0), spoilt)
        if steers[i] != 0.0:
            steering = select_less(steering, e, e, steering)
        else:
            listening = select_less(listening, e, e, listening)
    store(norms, 0, steering + spoilt)
    store(norms, 1, listening + spoilt)


@compiled
def first_step(y, slope, rtol, atol, steers, out):
    """A first step that moves no steering state by more than a hundredth of its size.

    Shapes: y, slope (N_STATES, WIDTH); atol, steers (N_STATES,); out (1, WIDTH) receives the step.

    References
    ----------
    Hairer, Norsett & Wanner, Solving ODEs I, section II.4, first half of the algorithm.
    """
    size = splat(0.0)
    speed = splat(0.0)
    for i in range(N_STATES):
        if steers[i] != 0.0:
            scale = atol[i] + rtol * absolute(load(y, i))
            size = maximum(size, absolute(load(y, i)) / scale)
            speed = maximum(speed, absolute(load(slope, i)) / scale)
    step = 0.01 * size / maximum(speed, splat(1e-30))
    step = select_less(size, splat(1e-5), splat(CAUTIOUS_STEP), step)
    step = select_less(speed, splat(1e-5), splat(CAUTIOUS_STEP), step)
    store(out, 0, step)


@inlined
def growth(now: Lanes, before: Lanes, listening: Lanes) -> Lanes:
    """Factor on the step after one that was accepted, from its error and that of the step before."""
    exponent = BETA * log(maximum(before, splat(SMALLEST_ERROR))) - ALPHA * log(maximum(now, splat(SMALLEST_ERROR)))
    factor = SAFETY * exp(exponent)
    factor = minimum(maximum(factor, splat(SMALLEST_FACTOR)), splat(LARGEST_FACTOR))
    own = SAFETY * exp(-1.0 / ORDER * log(maximum(listening, splat(SMALLEST_ERROR))))
    own = minimum(own, factor)
    return select_less(splat(LISTENERS_LIMIT), listening, own, factor)


@inlined
def retreat(now: Lanes) -> Lanes:
    """Factor on the step after one that was rejected."""
    factor = SAFETY * exp(-1.0 / ORDER * log(now))
    # NaN compares false and falls through to the smallest factor.
    return select_less(splat(SMALLEST_FACTOR), factor, factor, splat(SMALLEST_FACTOR))
