"""Numbers only: everything that crosses into this package is a float64 or int64 array.

`lanes` and `functions` are shared. The other modules import `problem` beside them, and are copied
with a generated `problem` to make the kernel of a model (`mtorsim.built`); as they stand here they
solve the worked example in `problem.py`.
"""

WIDTH = 8
"""Subjects that advance together; eight doubles fill an AVX-512 register, or two of AVX2."""
