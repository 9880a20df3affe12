"""Numbers only: everything that crosses into this package is a float64 or int64 array.

`lanes`, `double` and `single` are shared. The other modules import `problem` beside them, and are
copied with a generated `problem` to make the kernel of a model (`mtorsim.compiler.cache`); as they stand here
they solve the worked example in `problem.py`.
"""
