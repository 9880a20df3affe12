"""The numerical core, which works on arrays, integers and floats only.

`lanes` and what it imports are shared. `drive`, `stepper`, `control`, the methods, `initial`, `observe` and
`interpret` are the solver: they are copied to the cache, once for each method and precision, and compiled there
once on a machine (`mtorsim.compiler.solver`). A model adds its equations, as `problem` shows, on a tape or
compiled (`mtorsim.compiler.kernel`).
"""
