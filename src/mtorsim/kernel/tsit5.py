"""Tsitouras's Runge-Kutta pair of order 5(4), with its free interpolant of order 4."""

from __future__ import annotations

from mtorsim.kernel.arguments import AFTER, LENGTH, NOW, RHS, STAGE
from mtorsim.kernel.lanes import call, fma, inlined, load, rows_from, store

from .error import include_error
from .precision import lanewise, rowwise

NAME = "tsit5"
ORDER = 5
STAGES = 7
N_SLOPES = STAGES
"""Number of stored slopes, stages first."""
FIRST_SAME_AS_LAST = True
REFERENCE = "Tsitouras, Comput. Math. Appl. 62 (2011) 770, table 1; interpolant section 4"

C = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0)
A = (
    (),
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
    (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774),
)
B = (*A[6], 0.0)
ERROR = (
    -0.00178001105222577714,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    0.015151515151515152,
)
"""The fifth-order weights minus those of the embedded method of order 4."""


def scratch_rows(n_states: int, n_entries: int) -> int:
    """Number of rows of scratch of a step: the argument of a stage."""
    return n_states


def _sum(weights, *slopes):
    """A weighted sum of slopes, the first term first."""
    total = weights[0] * load(slopes[0], 0)
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        total = fma(weight, load(slope, 0), total)
    return total


def _move(x, time, work, weights, *slopes):
    """The state of a stage."""
    store(work, 0, fma(load(time, LENGTH), _sum(weights, *slopes), load(x, 0)))


@lanewise
def stage_times(time):
    """The times of the intermediate stages."""
    for i, c in enumerate(C[1:5]):
        store(time, STAGE + i, load(time, NOW) + c * load(time, LENGTH))


@rowwise("time")
def second_argument(x, work, time, k1):
    """The state of the second stage."""
    _move(x, time, work, A[1], k1)


@rowwise("time")
def third_argument(x, work, time, k1, k2):
    """The state of the third stage."""
    _move(x, time, work, A[2], k1, k2)


@rowwise("time")
def fourth_argument(x, work, time, k1, k2, k3):
    """The state of the fourth stage."""
    _move(x, time, work, A[3], k1, k2, k3)


@rowwise("time")
def fifth_argument(x, work, time, k1, k2, k3, k4):
    """The state of the fifth stage."""
    _move(x, time, work, A[4], k1, k2, k3, k4)


@rowwise("time")
def sixth_argument(x, work, time, k1, k2, k3, k4, k5):
    """The state of the sixth stage."""
    _move(x, time, work, A[5], k1, k2, k3, k4, k5)


@rowwise("time")
def finish(x, work, time, d, k1, k2, k3, k4, k5, k6):
    """The change of state, and the state after it."""
    change = load(time, LENGTH) * _sum(A[6], k1, k2, k3, k4, k5, k6)
    store(d, 0, change)
    store(work, 0, load(x, 0) + change)


@rowwise("time", "norms", "relative")
def estimate(x, d, e, time, norms, absolute, steers, relative, k1, k2, k3, k4, k5, k6, k7):
    """The estimated error of a step."""
    error = load(time, LENGTH) * _sum(ERROR, k1, k2, k3, k4, k5, k6, k7)
    store(e, 0, error)
    include_error(norms, load(x, 0), load(d, 0), error, absolute, steers, relative)


@inlined
def step(program, seats, tolerance, interpolated):
    """One step from `time[NOW]` of size `time[LENGTH]`, to `time[AFTER]`; allocates nothing.

    `k` begins with f(t, x) on entry, and ends with f(t + h, x + d) on exit; `d` and `e` receive the change
    of state and its error, and `norms` includes the latter.
    """
    x, p, time, work, n = seats.x, seats.p, seats.time, seats.work, seats.x.shape[0]
    k1, k2, k3, k4 = seats.k, rows_from(seats.k, n), rows_from(seats.k, 2 * n), rows_from(seats.k, 3 * n)
    k5, k6, k7 = rows_from(seats.k, 4 * n), rows_from(seats.k, 5 * n), rows_from(seats.k, 6 * n)
    after = rows_from(time, AFTER)
    stage_times(time)
    second_argument(x, work, time, k1)
    call(program, RHS, rows_from(time, STAGE), work, p, k2)
    third_argument(x, work, time, k1, k2)
    call(program, RHS, rows_from(time, STAGE + 1), work, p, k3)
    fourth_argument(x, work, time, k1, k2, k3)
    call(program, RHS, rows_from(time, STAGE + 2), work, p, k4)
    fifth_argument(x, work, time, k1, k2, k3, k4)
    call(program, RHS, rows_from(time, STAGE + 3), work, p, k5)
    sixth_argument(x, work, time, k1, k2, k3, k4, k5)
    call(program, RHS, after, work, p, k6)
    finish(x, work, time, seats.d, k1, k2, k3, k4, k5, k6)
    call(program, RHS, after, work, p, k7)
    limits = tolerance.absolute, tolerance.steers, tolerance.relative
    estimate(x, seats.d, seats.e, time, seats.norms, *limits, k1, k2, k3, k4, k5, k6, k7)


@inlined
def look_back(program, seats):
    """Prepare interpolation in the last step; this method needs no preparation."""


@inlined
def change_at(part, h, seats, i, lane):
    """Change of state `i` of a lane at the fraction `part` of the last step."""
    k, n, s = seats.k, seats.x.shape[0], part * part
    b1 = -1.0530884977290216 * part * (part - 1.3299890189751412) * (s - 1.4364028541716351 * part + 0.7139816917074209)
    b2 = 0.1017 * s * (s - 2.1966568338249754 * part + 1.2949852507374631)
    b3 = 2.490627285651252793 * s * (s - 2.38535645472061657 * part + 1.57803468208092486)
    b4 = -16.54810288924490272 * (part - 1.21712927295533244) * (part - 0.61620406037800089) * s
    b5 = 47.37952196281928122 * (part - 1.203071208372362603) * (part - 0.658047292653547382) * s
    b6 = -34.87065786149660974 * (part - 1.2) * (part - 0.666666666666666667) * s
    b7 = 2.5 * (part - 1.0) * (part - 0.6) * s
    slope = b1 * k[i, lane] + b2 * k[n + i, lane] + b3 * k[2 * n + i, lane] + b4 * k[3 * n + i, lane]
    return h * (slope + b5 * k[4 * n + i, lane] + b6 * k[5 * n + i, lane] + b7 * k[6 * n + i, lane])
