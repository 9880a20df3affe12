"""Tsitouras's Runge-Kutta pair of order 5(4), with its free interpolant of order 4."""

from __future__ import annotations

from mtorsim.kernel.lanes import Lanes, compiled, fma, inlined

from .precision import load, store
from .problem import N_STATES, rhs

NAME = "tsit5"
ORDER = 5
STAGES = 7
N_SLOPES = STAGES
"""Slopes that are kept, stages first."""
N_WORK = N_STATES
"""Rows of scratch a step needs: the argument of a stage."""
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
"""The fifth-order weights less those of the embedded method of order 4."""

(A21,) = A[1]
A31, A32 = A[2]
A41, A42, A43 = A[3]
A51, A52, A53, A54 = A[4]
A61, A62, A63, A64, A65 = A[5]
B1, B2, B3, B4, B5, B6 = A[6]
C2, C3, C4, C5 = C[1:5]
E1, E2, E3, E4, E5, E6, E7 = ERROR


@compiled
def step(t, h, t_new, x, p, k, work, d):
    """One step of size `h` from `t` to `t_new`; `k[0]` holds f(t, x) on entry, `k[6]` f(t_new, x + d) on exit.

    Shapes: t, h, t_new lanes; x, the state, and d, its change (N_STATES, WIDTH); p (N_ROWS, WIDTH);
    k (N_SLOPES, N_STATES, WIDTH); work (N_WORK, WIDTH). Returns nothing; allocates nothing.
    """
    k1, k2, k3, k4, k5, k6, k7 = k[0], k[1], k[2], k[3], k[4], k[5], k[6]
    for i in range(N_STATES):
        store(work, i, fma(h, A21 * load(k1, i), load(x, i)))
    rhs(t + C2 * h, work, p, k2)
    for i in range(N_STATES):
        slope = fma(A32, load(k2, i), A31 * load(k1, i))
        store(work, i, fma(h, slope, load(x, i)))
    rhs(t + C3 * h, work, p, k3)
    for i in range(N_STATES):
        slope = fma(A42, load(k2, i), A41 * load(k1, i))
        slope = fma(A43, load(k3, i), slope)
        store(work, i, fma(h, slope, load(x, i)))
    rhs(t + C4 * h, work, p, k4)
    for i in range(N_STATES):
        slope = fma(A52, load(k2, i), A51 * load(k1, i))
        slope = fma(A53, load(k3, i), slope)
        slope = fma(A54, load(k4, i), slope)
        store(work, i, fma(h, slope, load(x, i)))
    rhs(t + C5 * h, work, p, k5)
    for i in range(N_STATES):
        slope = fma(A62, load(k2, i), A61 * load(k1, i))
        slope = fma(A63, load(k3, i), slope)
        slope = fma(A64, load(k4, i), slope)
        slope = fma(A65, load(k5, i), slope)
        store(work, i, fma(h, slope, load(x, i)))
    rhs(t_new, work, p, k6)
    for i in range(N_STATES):
        slope = fma(B2, load(k2, i), B1 * load(k1, i))
        slope = fma(B3, load(k3, i), slope)
        slope = fma(B4, load(k4, i), slope)
        slope = fma(B5, load(k5, i), slope)
        slope = fma(B6, load(k6, i), slope)
        change = h * slope
        store(d, i, change)
        store(work, i, load(x, i) + change)
    rhs(t_new, work, p, k7)


@inlined
def error(i: int, h: Lanes, k) -> Lanes:
    """Estimated error of state `i` after a step."""
    slope = fma(E2, load(k[1], i), E1 * load(k[0], i))
    slope = fma(E3, load(k[2], i), slope)
    slope = fma(E4, load(k[3], i), slope)
    slope = fma(E5, load(k[4], i), slope)
    slope = fma(E6, load(k[5], i), slope)
    slope = fma(E7, load(k[6], i), slope)
    return h * slope


@inlined
def look_back(t, h, t_new, x, p, k, work, d):
    """Get ready to interpolate in the step just made; nothing is missing here."""


@inlined
def change_at(part: float, h: float, d, k, i: int, lane: int) -> float:
    """By how much state `i` of a lane has changed at the fraction `part` of the step just made."""
    s = part * part
    b1 = -1.0530884977290216 * part * (part - 1.3299890189751412) * (s - 1.4364028541716351 * part + 0.7139816917074209)
    b2 = 0.1017 * s * (s - 2.1966568338249754 * part + 1.2949852507374631)
    b3 = 2.490627285651252793 * s * (s - 2.38535645472061657 * part + 1.57803468208092486)
    b4 = -16.54810288924490272 * (part - 1.21712927295533244) * (part - 0.61620406037800089) * s
    b5 = 47.37952196281928122 * (part - 1.203071208372362603) * (part - 0.658047292653547382) * s
    b6 = -34.87065786149660974 * (part - 1.2) * (part - 0.666666666666666667) * s
    b7 = 2.5 * (part - 1.0) * (part - 0.6) * s
    slope = b1 * k[0, i, lane] + b2 * k[1, i, lane] + b3 * k[2, i, lane] + b4 * k[3, i, lane]
    return h * (slope + b5 * k[4, i, lane] + b6 * k[5, i, lane] + b7 * k[6, i, lane])
