"""diffrax: every subject at once by vmap, on one thread of a CPU in double precision."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from plain import Plain
from problems import Setting
from trial import Trial, between

__all__ = ["trials"]

MOST_STOPS = 20
"""The stops are unrolled into the program; months of them would compile for hours."""


def trials(setting: Setting) -> Iterator[Trial]:
    """Tsit5 and Kvaerno5, where there are few stops."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax

    jax.config.update("jax_enable_x64", True)
    pieces = list(between(setting, 0))
    if len(pieces) > MOST_STOPS or (setting.events.first != setting.events.first[0]).any():
        return
    plain = Plain(setting)
    import diffrax as dx

    for name, solver, tolerances in (("Tsit5", dx.Tsit5(), (1e-4, 1e-6)), ("Kvaerno5", dx.Kvaerno5(), (1e-4,))):
        for rtol in tolerances:
            run = _program(setting, plain, pieces, solver, rtol)
            yield Trial(name, rtol, len(setting.start), run)


def _program(setting: Setting, plain: Plain, pieces, solver, rtol: float):
    import diffrax as dx
    import jax
    import jax.numpy as jnp

    space = {"jax": jax, "jnp": jnp}
    slopes = ", ".join(f"d_{i}" for i in range(len(plain.states)))
    source = plain.python("def slope(t, y, p):", "d_{i} = {value}", jax=True)
    exec(source + f"    return jnp.stack([{slopes}])\n", space)
    term = dx.ODETerm(space["slope"])
    control = dx.PIDController(rtol=rtol, atol=rtol * setting.atol_share)
    row = setting.tape.states.index(setting.glucose_state)

    def one(y, p):
        found = []
        for t0, t1, given, looked in pieces:
            for state, amount in given:
                y = y.at[state].add(amount)
            grid = np.union1d(setting.times[looked], [t1])
            ended = dx.diffeqsolve(
                term,
                solver,
                t0,
                t1,
                0.01,
                y,
                args=p,
                saveat=dx.SaveAt(ts=jnp.asarray(grid)),
                stepsize_controller=control,
                max_steps=20_000,
            )
            found.append(ended.ys[: looked.stop - looked.start, row])
            y = ended.ys[-1]
        return jnp.concatenate(found)

    program = jax.jit(jax.vmap(one))
    start, values = jnp.asarray(setting.start), jnp.asarray(plain.values)
    return lambda: setting.shown(np.array(program(start, values).block_until_ready()))
