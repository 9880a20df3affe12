"""How large the error of a step is, and how long the next one may be."""

from __future__ import annotations

from mtorsim.kernel.lanes import Lanes, absolute, compiled, fma, inlined, select_less

from .functions import exp, log, maximum, minimum
from .method import ORDER, error
from .precision import load, splat, store
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
def error_norms(h, x, d, k, rtol, atol, steers, norms):
    """Largest error of a step in units of its tolerance, of the states that steer and of the others.

    Shapes: h lanes; x, the state, and d, its change (N_STATES, WIDTH); k (N_SLOPES, N_STATES, WIDTH);
    atol, steers (N_STATES,); norms (2, WIDTH) receives the result, NaN where any state is not finite.

    A state that nothing steering reads (`steers` 0) only listens: it must be within tolerance like
    every other, but the step is chosen without it, so that adding a listener changes no digit of
    the rest.
    """
    steering = splat(0.0)
    listening = splat(0.0)
    spoilt = splat(0.0)
    for i in range(N_STATES):
        before = load(x, i)
        size = maximum(absolute(before), absolute(before + load(d, i)))
        e = absolute(error(i, h, k)) / fma(rtol, size, atol[i])
        spoilt = fma(e, 0.0, spoilt)
        if steers[i] != 0.0:
            steering = select_less(steering, e, e, steering)
        else:
            listening = select_less(listening, e, e, listening)
    store(norms, 0, steering + spoilt)
    store(norms, 1, listening + spoilt)


@compiled
def first_step(x, slope, rtol, atol, steers, out):
    """A first step that moves no steering state by more than a hundredth of its size.

    Shapes: x, slope (N_STATES, WIDTH); atol, steers (N_STATES,); out (1, WIDTH) receives the step.

    References
    ----------
    Hairer, Norsett & Wanner, Solving ODEs I, section II.4, first half of the algorithm.
    """
    size = splat(0.0)
    speed = splat(0.0)
    for i in range(N_STATES):
        if steers[i] != 0.0:
            scale = atol[i] + rtol * absolute(load(x, i))
            size = maximum(size, absolute(load(x, i)) / scale)
            speed = maximum(speed, absolute(load(slope, i)) / scale)
    step = 0.01 * size / maximum(speed, 1e-30)
    step = select_less(size, 1e-5, CAUTIOUS_STEP, step)
    step = select_less(speed, 1e-5, CAUTIOUS_STEP, step)
    store(out, 0, step)


@inlined
def growth(now: Lanes, before: Lanes, listening: Lanes) -> Lanes:
    """Factor on the step after one that was accepted, from its error and that of the step before."""
    exponent = BETA * log(maximum(before, SMALLEST_ERROR)) - ALPHA * log(maximum(now, SMALLEST_ERROR))
    factor = minimum(maximum(SAFETY * exp(exponent), SMALLEST_FACTOR), LARGEST_FACTOR)
    own = SAFETY * exp(-1.0 / ORDER * log(maximum(listening, SMALLEST_ERROR)))
    return select_less(LISTENERS_LIMIT, listening, minimum(own, factor), factor)


@inlined
def retreat(now: Lanes) -> Lanes:
    """Factor on the step after one that was rejected."""
    factor = SAFETY * exp(-1.0 / ORDER * log(now))
    # NaN compares false and falls through to the smallest factor.
    return select_less(SMALLEST_FACTOR, factor, factor, SMALLEST_FACTOR)
