"""The worked example: an oral drug with one compartment. The equations of a model are generated in this form."""

from mtorsim.kernel.functions import load, store

N_STATES = 2
N_PARAMETERS = 3
N_ROWS = 4
N_QUANTITIES = 3
N_LU = 3
ENTRIES = ((0, 0), (1, 0), (1, 1))


def constants(p):
    """Compute everything that depends on parameters only."""
    CL = load(p, 0)  # L/h: clearance
    V = load(p, 1)  # L: volume
    store(p, 3, CL / V)  # k, 1/h


def initial(p, y):
    """Initial value of every state that has one."""
    store(y, 0, 0.0)  # A_gut
    store(y, 1, 0.0)  # A_c


def rhs(t, y, p, dy):
    """Derivatives of the states, per hour."""
    A_gut = load(y, 0)  # mg: in the gut
    A_c = load(y, 1)  # mg: in the body
    ka = load(p, 2)  # 1/h: absorption
    k = load(p, 3)  # 1/h: elimination
    store(dy, 0, -ka * A_gut)  # mg/h
    store(dy, 1, ka * A_gut - k * A_c)  # mg/h


def observe(t, y, p, q):
    """All quantities that can be recorded."""
    A_gut = load(y, 0)
    A_c = load(y, 1)
    V = load(p, 1)
    store(q, 0, A_gut)  # mg
    store(q, 1, A_c)  # mg
    store(q, 2, A_c / V)  # C, mg/L


def balance(x, p, y, out):
    """Put the state of rest for the trial value in x into y, and the residual into out."""
    amount = load(x, 0)
    store(y, 0, 0.0)
    store(y, 1, amount)
    k = load(p, 3)
    store(out, 0, -k * amount)


def linearise(t, y, p, dy, LU):
    """The result of `rhs`, and its derivatives by the states: the first rows of LU, placed as in ENTRIES."""
    rhs(t, y, p, dy)
    ka = load(p, 2)
    store(LU, 0, -ka)  # d A_gut / d A_gut
    store(LU, 1, ka)  # d A_c / d A_gut
    store(LU, 2, -load(p, 3))  # d A_c / d A_c


def factor(g, LU):
    """Factor (shift in g) - (Jacobian in LU) in place: the multiplier and the reciprocal pivots."""
    shift = load(g, 0)
    r_0 = 1.0 / (shift - load(LU, 0))
    l_1_0 = -load(LU, 1) * r_0
    r_1 = 1.0 / (shift - load(LU, 2))
    store(LU, 0, r_0)
    store(LU, 1, l_1_0)
    store(LU, 2, r_1)


def solve(LU, b):
    """Solve with the result of `factor`; b holds the right-hand side, then the solution."""
    b_0 = load(b, 0)
    b_1 = load(b, 1) - load(LU, 1) * b_0
    store(b, 1, b_1 * load(LU, 2))
    store(b, 0, b_0 * load(LU, 0))
