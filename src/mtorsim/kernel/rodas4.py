"""The Rosenbrock method RODAS of order 4(3): implicit, stiffly accurate, L-stable, no iteration.

The equations must not depend on time itself; models that do have a state for it.
"""

from __future__ import annotations

from mtorsim.kernel.lanes import Lanes, compiled, fma, inlined, load, splat, store

from .problem import N_ENTRIES, N_LU, N_STATES, factor, linearise, rhs, solve

NAME = "rodas4"
ORDER = 4
STAGES = 6
N_WORK = N_ENTRIES + N_LU
"""Rows of scratch a step needs: the Jacobian, and its factors."""
FIRST_SAME_AS_LAST = False
REFERENCE = "Hairer & Wanner, Solving ODEs II, 2nd ed. 1996, section IV.10; coefficients of the code RODAS"

GAMMA = 0.25
A21 = 1.544000000000000
A31, A32 = 0.9466785280815826, 0.2557011698983284
A41, A42, A43 = 3.314825187068521, 2.896124015972201, 0.9986419139977817
A51, A52, A53, A54 = 1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950
C21 = -5.668800000000000
C31, C32 = -2.430093356833875, -0.2063599157091915
C41, C42, C43 = -0.1073529058151375, -9.594562251023355, -20.47028614809616
C51, C52, C53, C54 = 7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160
C61, C62, C63 = 8.083246795921522, -7.981132988064893, -31.52159432874371
C64, C65 = 16.31930543123136, -6.058818238834054
D11, D12, D13 = 10.12623508344586, -7.487995877610167, -34.80091861555747
D14, D15 = -7.992771707568823, 1.025137723295662
D21, D22, D23 = -0.6762803392801253, 6.087714651680015, 16.43084320892478
D24, D25 = 24.76722511418386, -6.594389125716872
"""Of the dense output, of order 3."""


@compiled
def step(t, h, t_new, y, p, k, work, y_new):
    """One step of size `h` from `t` to `t_new`; `k` holds the six stages on exit.

    Shapes: t, h, t_new lanes; y, y_new (N_STATES, WIDTH); p (N_ROWS, WIDTH); k (6, N_STATES, WIDTH);
    work (N_WORK, WIDTH). Returns nothing; allocates nothing.
    """
    k1, k2, k3, k4, k5, k6 = k[0], k[1], k[2], k[3], k[4], k[5]
    LU = work[N_ENTRIES:]
    v = 1.0 / h
    linearise(t, y, p, k1, work)
    factor(v * (1.0 / GAMMA), work, LU)
    solve(LU, k1)
    for i in range(N_STATES):
        store(y_new, i, fma(splat(A21), load(k1, i), load(y, i)))
    rhs(t, y_new, p, k2)
    for i in range(N_STATES):
        store(k2, i, fma(v, C21 * load(k1, i), load(k2, i)))
    solve(LU, k2)
    for i in range(N_STATES):
        sum = fma(splat(A31), load(k1, i), load(y, i))
        store(y_new, i, fma(splat(A32), load(k2, i), sum))
    rhs(t, y_new, p, k3)
    for i in range(N_STATES):
        sum = fma(splat(C32), load(k2, i), C31 * load(k1, i))
        store(k3, i, fma(v, sum, load(k3, i)))
    solve(LU, k3)
    for i in range(N_STATES):
        sum = fma(splat(A41), load(k1, i), load(y, i))
        sum = fma(splat(A42), load(k2, i), sum)
        store(y_new, i, fma(splat(A43), load(k3, i), sum))
    rhs(t, y_new, p, k4)
    for i in range(N_STATES):
        sum = fma(splat(C42), load(k2, i), C41 * load(k1, i))
        sum = fma(splat(C43), load(k3, i), sum)
        store(k4, i, fma(v, sum, load(k4, i)))
    solve(LU, k4)
    for i in range(N_STATES):
        sum = fma(splat(A51), load(k1, i), load(y, i))
        sum = fma(splat(A52), load(k2, i), sum)
        sum = fma(splat(A53), load(k3, i), sum)
        store(y_new, i, fma(splat(A54), load(k4, i), sum))
    rhs(t, y_new, p, k5)
    for i in range(N_STATES):
        sum = fma(splat(C52), load(k2, i), C51 * load(k1, i))
        sum = fma(splat(C53), load(k3, i), sum)
        sum = fma(splat(C54), load(k4, i), sum)
        store(k5, i, fma(v, sum, load(k5, i)))
    solve(LU, k5)
    for i in range(N_STATES):
        store(y_new, i, load(y_new, i) + load(k5, i))
    rhs(t, y_new, p, k6)
    for i in range(N_STATES):
        sum = fma(splat(C62), load(k2, i), C61 * load(k1, i))
        sum = fma(splat(C63), load(k3, i), sum)
        sum = fma(splat(C64), load(k4, i), sum)
        sum = fma(splat(C65), load(k5, i), sum)
        store(k6, i, fma(v, sum, load(k6, i)))
    solve(LU, k6)
    for i in range(N_STATES):
        store(y_new, i, load(y_new, i) + load(k6, i))


@inlined
def error(i: int, h: Lanes, k) -> Lanes:
    """Estimated error of state `i` after a step: the last stage."""
    return load(k[5], i)


@compiled
def interpolate(part, h, y, y_new, k, y_at):
    """State at the fraction `part` of the step just made.

    Shapes: part, h lanes; y, y_new, y_at (N_STATES, WIDTH); k (6, N_STATES, WIDTH). `y` and `y_new` are
    the states at the start and the end of the step.
    """
    rest = 1.0 - part
    for i in range(N_STATES):
        one = fma(splat(D12), load(k[1], i), D11 * load(k[0], i))
        one = fma(splat(D13), load(k[2], i), one)
        one = fma(splat(D14), load(k[3], i), one)
        one = fma(splat(D15), load(k[4], i), one)
        two = fma(splat(D22), load(k[1], i), D21 * load(k[0], i))
        two = fma(splat(D23), load(k[2], i), two)
        two = fma(splat(D24), load(k[3], i), two)
        two = fma(splat(D25), load(k[4], i), two)
        inner = fma(rest, fma(part, two, one), load(y_new, i))
        store(y_at, i, fma(part, inner, rest * load(y, i)))
