"""The Rosenbrock method GRK4T of order 4(3): implicit, three slopes a step, no iteration.

Of the four-stage methods of its order it is the one with the smallest error. The equations must not
depend on time itself; models that do have a state for it.
"""

from __future__ import annotations

from mtorsim.kernel.lanes import Lanes, compiled, fma, inlined

from .precision import load, store
from .problem import N_LU, N_STATES, factor, linearise, rhs, solve

NAME = "grk4t"
ORDER = 4
STAGES = 4
N_SLOPES = STAGES + 2
"""Slopes that are kept: of the stages, then at both ends of a step that is looked back into."""
N_WORK = N_STATES + N_LU
"""Rows of scratch a step needs: the argument of a stage, and the Jacobian, then its factors."""
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


@compiled
def step(t, h, t_new, x, p, k, work, d):
    """One step of size `h` from `t` to `t_new`; `k` holds the four stages on exit.

    Shapes: t, h, t_new lanes; x, the state, and d, its change (N_STATES, WIDTH); p (N_ROWS, WIDTH);
    k (N_SLOPES, N_STATES, WIDTH); work (N_WORK, WIDTH). Returns nothing; allocates nothing.
    """
    k1, k2, k3, k4 = k[0], k[1], k[2], k[3]
    LU = work[N_STATES:]
    v = 1.0 / h
    linearise(t, x, p, k1, LU)
    factor(v * (1.0 / GAMMA), LU)
    solve(LU, k1)
    for i in range(N_STATES):
        store(work, i, fma(A21, load(k1, i), load(x, i)))
    rhs(t, work, p, k2)
    for i in range(N_STATES):
        store(k2, i, fma(v, C21 * load(k1, i), load(k2, i)))
    solve(LU, k2)
    for i in range(N_STATES):
        sum = fma(A31, load(k1, i), load(x, i))
        store(work, i, fma(A32, load(k2, i), sum))
    rhs(t, work, p, k3)
    for i in range(N_STATES):
        # The third and the fourth stage have one slope between them.
        one, two, slope = load(k1, i), load(k2, i), load(k3, i)
        store(k3, i, fma(v, fma(C32, two, C31 * one), slope))
        store(k4, i, fma(v, fma(C42, two, C41 * one), slope))
    solve(LU, k3)
    for i in range(N_STATES):
        store(k4, i, fma(v, C43 * load(k3, i), load(k4, i)))
    solve(LU, k4)
    for i in range(N_STATES):
        sum = fma(B2, load(k2, i), B1 * load(k1, i))
        sum = fma(B3, load(k3, i), sum)
        store(d, i, fma(B4, load(k4, i), sum))


@inlined
def error(i: int, h: Lanes, k) -> Lanes:
    """Estimated error of state `i` after a step: against the embedded method of order 3."""
    sum = fma(E2, load(k[1], i), E1 * load(k[0], i))
    sum = fma(E3, load(k[2], i), sum)
    return fma(E4, load(k[3], i), sum)


@compiled
def look_back(t, h, t_new, x, p, k, work, d):
    """Get ready to interpolate in the step just made: work out the slopes at its ends."""
    rhs(t, x, p, k[4])
    for i in range(N_STATES):
        store(work, i, load(x, i) + load(d, i))
    rhs(t_new, work, p, k[5])


@inlined
def change_at(part: float, h: float, d, k, i: int, lane: int) -> float:
    """By how much state `i` of a lane has changed at the fraction `part` of the step just made: Hermite's cubic."""
    rest = part - 1.0
    change = float(d[i, lane])
    bend = (1.0 - 2.0 * part) * change + h * (rest * k[4, i, lane] + part * k[5, i, lane])
    return part * (change + rest * bend)
