"""Symbolic elimination: the generated lines factor and solve any sparse matrix with a strong diagonal."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mtorsim.compiler.codegen import _factor, _solve
from mtorsim.compiler.sparse_lu import eliminate


def run(lines, **arrays):
    """Execute generated lines on plain lists; they hold nothing but names of ours."""
    space = {"load": lambda a, i: a[i], "store": lambda a, i, v: a.__setitem__(i, v)}
    space |= {"fma": lambda a, b, c: a * b + c, **arrays}
    exec("\n".join(lines), space)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))
    ),
    st.integers(0, 2**32 - 1),
)
def test_generated_lines_solve_what_numpy_solves(pattern, seed):
    n, entries = pattern[0], sorted(pattern[1])
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, len(entries))
    g = 3.0 * n
    matrix = g * np.eye(n)
    for (i, j), v in zip(entries, values, strict=True):
        matrix[i, j] -= v
    plan = eliminate(n, entries)
    LU = values.tolist() + [0.0] * (len(plan.places) - len(entries))
    b = rng.uniform(-1, 1, n)
    x = b.tolist()
    run(_factor(plan, entries), g=[g], LU=LU)
    run(_solve(plan), LU=LU, b=x)
    assert np.allclose(x, np.linalg.solve(matrix, b), rtol=1e-12, atol=1e-14)


def test_a_tree_fills_in_nothing():
    arrow = [(0, j) for j in range(1, 9)] + [(i, 0) for i in range(1, 9)]
    assert len(eliminate(9, arrow).places) == 9 + len(arrow)
