"""How near the kernel of the full model comes to what the core can do, and where its time goes.

    python benchmarks/ceiling.py [--precision single|double] [--method NAME] --json FILE

The ceiling is the rate of fused multiply-adds on independent registers. Instructions are counted in
the machine code; a division or a square root counts as one operation, though it takes the time of ten.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import numba as nb
import numpy as np

from mtorsim.results.manifest import machine
from problems import PROBLEMS

CALLS = {
    "rhs": "rhs(t, x, p, d)",
    "linearise": "linearise(t, x, p, d, LU)",
    "factor": "factor(g, LU)",
    "solve": "solve(LU, d)",
    "step": "step(t, h, t, x, p, s, work, d)",
    "error_norms": "error_norms(h, x, d, s, 1e-3, atol, steers, norms)",
    "judge": "judge(seat, clock, norms, after_dose, status)",
    "commit": "commit(clock, y, x, d, s)",
}
ARGUMENTS = "x, y, p, d, LU, s, work, atol, steers, norms, seat, clock, after_dose, status, rows"
REPEATS, ROUNDS = 5_000, 15


def main() -> None:
    """Measure the ceiling, then each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("single", "double"), default="single")
    parser.add_argument("--method", default="grk4t")
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    setting = PROBLEMS["full-24-weeks"].setting(16, quick=True)
    kernel = setting.kernel(given.method, given.precision)
    form = _form(given.precision)
    peak = ceiling(form)
    print(f"{machine()['processor']}: {peak:.0f} Gflop/s in {given.precision} precision, {form.WIDTH} lanes")
    print(f"{'part':12s} {'ns':>7s} {'a subject':>10s} {'packed':>7s} {'divisions':>10s} {'Gflop/s':>8s} {'peak':>5s}")
    lines = [{"part": "ceiling", "precision": given.precision, "gflops": peak, "machine": machine()}]
    for name, seconds, counts in parts(kernel, form, setting):
        flops = counts["flops"] * form.WIDTH
        rate = flops / seconds / 1e9 if flops else float("nan")
        lines.append(
            {
                "part": name,
                "precision": given.precision,
                "ns": seconds * 1e9,
                "lanes": form.WIDTH,
                **counts,
                "gflops": rate,
                "share_of_peak": rate / peak,
            }
        )
        own = name in ("rhs", "linearise", "factor", "solve")
        shown = f"{counts['packed']:7d} {counts['divisions']:10d} {rate:8.1f} {rate / peak:5.0%}" if own else ""
        print(f"{name:12s} {seconds * 1e9:7.0f} {seconds * 1e9 / form.WIDTH:10.1f} {shown}")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


def _form(precision: str):
    from mtorsim.kernel import double, single

    return single if precision == "single" else double


def ceiling(form) -> float:
    """Fused multiply-adds of twelve independent registers, in Gflop/s."""
    from mtorsim.kernel.lanes import fma

    load, store = form.load, form.store
    names = [f"r{i}" for i in range(12)]
    source = "def run(n, a):\n" + "".join(f"    {r} = load(a, {i})\n" for i, r in enumerate(names))
    source += "    for _ in range(n):\n" + "".join(f"        {r} = fma({r}, 0.999999, 1e-7)\n" for r in names)
    source += "".join(f"    store(a, {i}, {r})\n" for i, r in enumerate(names))
    space = {"load": load, "store": store, "fma": fma}
    exec(source, space)
    run, a, n = nb.njit(space["run"]), np.ones((12, form.WIDTH), form.FLOAT), 1_000_000
    run(1, a)
    return n * 12 * form.WIDTH * 2 / _best(lambda: run(n, a)) / 1e9


def parts(kernel, form, setting):
    """Name, seconds a call, and instructions of each part of a step."""
    problem, method, control, drive = (kernel.modules[m] for m in ("problem", "method", "control", "drive"))
    functions = {**vars(problem), **vars(method), **vars(control), **vars(drive)}
    width, real, n = form.WIDTH, form.FLOAT, len(kernel.states)
    y = np.repeat(setting.start[:1].T, width, axis=1)
    p = np.ones((problem.N_ROWS, width), real)
    p[: problem.N_PARAMETERS] = np.repeat(setting.parameters[:1].T, width, axis=1)
    problem.constants(p)
    arrays = SimpleNamespace(
        x=y.astype(real),
        y=y,
        p=p,
        d=np.zeros((n, width), real),
        LU=np.zeros((problem.N_LU, width), real),
        s=np.zeros((method.N_SLOPES, n, width), real),
        work=np.zeros((method.N_WORK, width), real),
        atol=np.full(n, 3e-4),
        steers=np.ones(n),
        norms=np.full((2, width), 0.5, real),
        seat=np.full((5, width), -1, np.int64),
        clock=np.ones((12, width)),
        after_dose=np.zeros((n, width)),
        status=np.zeros(1, np.int64),
        rows=np.repeat(np.array([[0.0], [0.1], [4.0]], real), width, axis=1),
    )
    arrays.clock[1] = 1e9
    for name, call in CALLS.items():
        if name not in functions:
            continue
        used = {f: functions[f] for f in CALLS if f in functions}
        source = f"def run(n, {ARGUMENTS}):\n    for _ in range(n):\n"
        source += "        t = load(rows, 0)\n        h = load(rows, 1)\n        g = load(rows, 2)\n"
        source += f"        {call}\n"
        space = {**used, "load": form.load}
        exec(source, space)
        run, values = nb.njit(space["run"]), [getattr(arrays, a) for a in ARGUMENTS.split(", ")]
        run(1, *values)
        yield name, _best(lambda r=run, v=values: r(REPEATS, *v)) / REPEATS, instructions(functions[name])


def instructions(function) -> dict[str, int]:
    """Packed arithmetic in a compiled function, calls of others left out."""
    # Machine code can be read where it was compiled, not where it was fetched from a cache.
    fresh = nb.njit(function.py_func, nogil=True, error_model="numpy")
    fresh.compile(function.signatures[0])
    (text,) = fresh.inspect_asm().values()
    found = re.findall(r"^\tv(\w+?)p[sd]\t", text, flags=re.MULTILINE)
    fused = sum(op.startswith(("fmadd", "fmsub", "fnmadd", "fnmsub")) for op in found)
    single = sum(op in ("add", "sub", "mul", "min", "max", "rndscale") for op in found)
    slow = sum(op in ("div", "sqrt") for op in found)
    return {"packed": fused + single + slow, "fused": fused, "divisions": slow, "flops": 2 * fused + single + slow}


def _best(run) -> float:
    """The least CPU seconds of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.thread_time()
        run()
        best = min(best, time.thread_time() - started)
    return best


if __name__ == "__main__":
    main()
