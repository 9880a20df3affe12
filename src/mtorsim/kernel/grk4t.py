"""The Rosenbrock method GRK4T of order 4(3): implicit, three slopes per step, no iteration.

It has the smallest error of the four-stage methods of its order. The equations must be autonomous; models that depend
on time have a state for it.
"""

from __future__ import annotations

from mtorsim.kernel.arguments import AFTER, FACTOR, INVERSE, LENGTH, LINEARISE, NOW, RHS, SHIFT, SOLVE
from mtorsim.kernel.lanes import call, fma, inlined, load, rows_from, store

from .error import include_error
from .precision import lanewise, rowwise

NAME = "grk4t"
ORDER = 4
STAGES = 4
N_SLOPES = STAGES + 2
"""Number of stored slopes: of the stages, then at both ends of a step for interpolation."""
FIRST_SAME_AS_LAST = False
REFERENCE = "Kaps & Rentrop, Numer. Math. 33 (1979) 55; transformed as in Hairer & Wanner, Solving ODEs II, IV.7"

GAMMA = 0.231
A21 = 2.0
A31, A32 = 4.524708207373116, 4.163528788597648
C21 = -5.071675338776316
C31, C32 = 6.020152728650786, 0.1597506846727117
C41, C42, C43 = -1.856343618686113, -8.505380858179826, -2.084075136023187
B1, B2, B3, B4 = 3.957503746640777, 4.624892388363313, 0.6174772638750108, 1.282612945269037
E1, E2, E3, E4 = 2.302155402932996, 3.073634485392623, -0.8732808018045032, -1.282612945269037


def scratch_rows(n_states: int, n_entries: int) -> int:
    """Number of rows of scratch of a step: the argument of a stage, and the Jacobian or its factors."""
    return n_states + n_entries


@lanewise
def invert(time):
    """Compute 1 / h, and the shift of the Jacobian's diagonal."""
    inverse = 1.0 / load(time, LENGTH)
    store(time, INVERSE, inverse)
    store(time, SHIFT, inverse * (1.0 / GAMMA))


@rowwise()
def second_argument(x, k1, work):
    """The state of the second stage."""
    store(work, 0, fma(A21, load(k1, 0), load(x, 0)))


@rowwise()
def third_argument(x, k1, k2, work):
    """The state of the third and of the fourth stage."""
    sum = fma(A31, load(k1, 0), load(x, 0))
    store(work, 0, fma(A32, load(k2, 0), sum))


@rowwise("time")
def second_side(x, k1, k2, time):
    """The right-hand side of the second stage."""
    store(k2, 0, fma(load(time, INVERSE), C21 * load(k1, 0), load(k2, 0)))


@rowwise("time")
def third_side(x, k1, k2, k3, k4, time):
    """The right-hand side of the third stage and the first part of the fourth's; they share one slope."""
    one, two, slope, inverse = load(k1, 0), load(k2, 0), load(k3, 0), load(time, INVERSE)
    store(k3, 0, fma(inverse, fma(C32, two, C31 * one), slope))
    store(k4, 0, fma(inverse, fma(C42, two, C41 * one), slope))


@rowwise("time")
def fourth_side(x, k3, k4, time):
    """The right-hand side of the fourth stage."""
    store(k4, 0, fma(load(time, INVERSE), C43 * load(k3, 0), load(k4, 0)))


@rowwise("norms", "relative")
def finish(x, k1, k2, k3, k4, d, e, norms, absolute, steers, relative):
    """The change of state, and its estimated error: against the embedded method of order 3."""
    one, two, three, four = load(k1, 0), load(k2, 0), load(k3, 0), load(k4, 0)
    change = fma(B4, four, fma(B3, three, fma(B2, two, B1 * one)))
    error = fma(E4, four, fma(E3, three, fma(E2, two, E1 * one)))
    store(d, 0, change)
    store(e, 0, error)
    include_error(norms, load(x, 0), change, error, absolute, steers, relative)


@rowwise()
def keep_slope(x, k1, kept):
    """Keep the slope at the start of a step, for interpolation."""
    store(kept, 0, load(k1, 0))


@inlined
def step(program, seats, tolerance, interpolated):
    """One step from `time[NOW]` of size `time[LENGTH]`; allocates nothing.

    Parameters
    ----------
    interpolated
        Whether the step may be interpolated afterwards.

    Notes
    -----
    `k` holds the four stages on exit, `d` and `e` the change of state and its error, and `norms` includes the latter.
    """
    x, p, time, work, n = seats.x, seats.p, seats.time, seats.work, seats.x.shape[0]
    k1, k2, k3, k4 = seats.k, rows_from(seats.k, n), rows_from(seats.k, 2 * n), rows_from(seats.k, 3 * n)
    LU, now = rows_from(work, n), rows_from(time, NOW)
    invert(time)
    call(program, LINEARISE, now, x, p, k1, LU)
    if interpolated:
        keep_slope(x, k1, rows_from(seats.k, 4 * n))
    call(program, FACTOR, rows_from(time, SHIFT), LU)
    call(program, SOLVE, LU, k1)
    second_argument(x, k1, work)
    call(program, RHS, now, work, p, k2)
    second_side(x, k1, k2, time)
    call(program, SOLVE, LU, k2)
    third_argument(x, k1, k2, work)
    call(program, RHS, now, work, p, k3)
    third_side(x, k1, k2, k3, k4, time)
    call(program, SOLVE, LU, k3)
    fourth_side(x, k3, k4, time)
    call(program, SOLVE, LU, k4)
    limits = tolerance.absolute, tolerance.steers, tolerance.relative
    finish(x, k1, k2, k3, k4, seats.d, seats.e, seats.norms, *limits)


@rowwise()
def end_of_step(x, d, work):
    """The state after a step."""
    store(work, 0, load(x, 0) + load(d, 0))


@inlined
def look_back(program, seats):
    """Prepare interpolation in the last step: compute the slope at its end; that at its start was kept."""
    x, k, work, n = seats.x, seats.k, seats.work, seats.x.shape[0]
    end_of_step(x, seats.d, work)
    call(program, RHS, rows_from(seats.time, AFTER), work, seats.p, rows_from(k, 5 * n))


@inlined
def change_at(part, h, seats, i, lane):
    """Change of state `i` of a lane at the fraction `part` of the last step, by Hermite's cubic."""
    k, n, rest = seats.k, seats.x.shape[0], part - 1.0
    change = float(seats.d[i, lane])
    bend = (1.0 - 2.0 * part) * change + h * (rest * k[4 * n + i, lane] + part * k[5 * n + i, lane])
    return part * (change + rest * bend)
