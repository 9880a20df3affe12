"""The worked example: one-compartment oral drug with a linear effect. A generated kernel replaces this file."""

from mtorsim.kernel.lanes import compiled

from .precision import load, splat, store

N_STATES = 2
N_PARAMETERS = 3
N_ROWS = 4
N_QUANTITIES = 3
N_ENTRIES = 3
N_LU = 3


@compiled
def constants(p):
    """Work out what depends on parameters only."""
    CL = load(p, 0)  # L/h: clearance
    V = load(p, 1)  # L: volume
    store(p, 3, CL / V)  # k, 1/h


@compiled
def initial(p, y):
    """Start of every state that has one of its own."""
    store(y, 0, 0.0)  # A_gut
    store(y, 1, 0.0)  # A_c


@compiled
def rhs(t, y, p, dy):
    """Derivatives of the states, per hour."""
    A_gut = load(y, 0)  # mg: in the gut
    A_c = load(y, 1)  # mg: in the body
    ka = load(p, 2)  # 1/h: absorption
    k = load(p, 3)  # 1/h: elimination
    store(dy, 0, -ka * A_gut)  # mg/h
    store(dy, 1, ka * A_gut - k * A_c)  # mg/h


@compiled
def observe(t, y, p, q):
    """Everything that can be recorded."""
    A_gut = load(y, 0)
    A_c = load(y, 1)
    V = load(p, 1)
    store(q, 0, A_gut)  # mg
    store(q, 1, A_c)  # mg
    store(q, 2, A_c / V)  # C, mg/L


@compiled
def linearise(t, y, p, dy, LU):
    """What `rhs` gives, and its derivatives by the states; LU (N_LU, WIDTH) holds them in its first rows."""
    rhs(t, y, p, dy)
    ka = load(p, 2)
    store(LU, 0, -ka)  # d A_gut / d A_gut
    store(LU, 1, ka)  # d A_c / d A_gut
    store(LU, 2, -load(p, 3))  # d A_c / d A_c


@compiled
def factor(g, LU):
    """Factor g less the Jacobian in LU, in place: the multiplier and the reciprocal pivots."""
    r_0 = 1.0 / (g - load(LU, 0))
    store(LU, 0, r_0)
    store(LU, 1, -load(LU, 1) * r_0)
    store(LU, 2, 1.0 / (g - load(LU, 2)))


@compiled
def solve(LU, b):
    """Solve with what `factor` has left; b (N_STATES, WIDTH) holds the right-hand side, then the solution."""
    b_0 = load(b, 0)
    b_1 = load(b, 1) - load(LU, 1) * b_0
    store(b, 1, b_1 * load(LU, 2))
    store(b, 0, b_0 * load(LU, 0))


@compiled
def balance(x, p, y):
    """Put the state of rest for the trial value `x` into `y`; returns what must be zero."""
    store(y, 0, 0.0)
    store(y, 1, x)
    k = load(p, 3)
    return -k * x + splat(0.0)
