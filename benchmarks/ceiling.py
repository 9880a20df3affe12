"""How near the equations of the full model come to what the core can do, compiled and on the tape.

    python benchmarks/ceiling.py [--precision single|double] --json FILE

The ceiling is the rate of fused multiply-adds on independent registers. Instructions are counted in the
machine code; a division or a square root counts as one operation, though it takes the time of ten.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numba as nb
import numpy as np

from mtorsim.compiler.kernel import Kernel
from mtorsim.compiler.solver import Solver, aligned, load_solver
from mtorsim.compiler.warm import compile_kernel
from mtorsim.kernel import double, single
from mtorsim.kernel.arguments import ARRAYS, FUNCTIONS, OF_METHOD, Program, Sheet, table
from mtorsim.kernel.calls import SIGNATURE, model_functions
from mtorsim.kernel.lanes import call, fma, load, store
from mtorsim.results.manifest import machine
from problems import PROBLEMS

REPEATS, ROUNDS = 5_000, 15
TAPE_LANES = 64


def main() -> None:
    """Measure the ceiling, then each function."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("single", "double"), default="single")
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    setting = PROBLEMS["full-24-weeks"].setting(16, quick=True)
    solver = load_solver("grk4t", given.precision)
    compile_kernel(setting.compiled, solver)
    form = single if given.precision == "single" else double
    peak = ceiling(form)
    print(f"{machine()['processor']}: {peak:.0f} Gflop/s in {given.precision} precision, {form.WIDTH} lanes")
    print(
        f"{'function':10s} {'ns a subject':>13s} {'tape':>6s} {'ratio':>6s} {'packed':>7s} {'Gflop/s':>8s} {'peak':>5s}"
    )
    lines: list[dict[str, Any]] = [{"part": "ceiling", "gflops": peak, "machine": machine()}]
    taped = dict(timed(setting.tape, solver, TAPE_LANES))
    for name, seconds in timed(setting.compiled, solver, 1):
        counts = instructions(getattr(setting.tape.problem, name), ARRAYS[name], form)
        rate = counts["flops"] / seconds / 1e9
        lines.append({"part": name, "ns": seconds * 1e9, "tape_ns": taped[name] * 1e9, **counts, "gflops": rate})
        shown = f"{counts['packed']:7d} {rate:8.1f} {rate / peak:5.0%}"
        print(f"{name:10s} {seconds * 1e9:13.1f} {taped[name] * 1e9:6.1f} {taped[name] / seconds:6.1f} {shown}")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    lines = [{**x, "precision": given.precision} for x in lines]
    given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


def compiled(body: Callable[..., None], arrays: int, form: ModuleType) -> Any:
    """A function of arrays of rows as compiled code at an address."""
    traced = model_functions({0: (body, arrays)}, form.WIDTH, single=form.SINGLE)

    def entry(own: Any, columns: Any, scratch: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
        traced(own, columns, scratch, a, b, c, d, e)

    return nb.cfunc(SIGNATURE)(entry)


def repeater(form: ModuleType) -> Callable[[Any, int, int], None]:
    """A compiled loop over calls of one function of a program, all arrays the same sheet's."""
    unpack = form.unpack

    @nb.njit(nogil=True)
    def run(given, which, n):
        program, sheet = unpack(given, Program, 0), unpack(given, Sheet, 4)
        for _ in range(n):
            call(program, which, sheet.x, sheet.y, sheet.p, sheet.q, sheet.q)

    return run


def timed(kernel: Kernel, solver: Solver, subjects: int) -> Iterator[tuple[str, float]]:
    """Name and seconds a subject of each function of the method."""
    form = single if solver.precision == "single" else double
    program, run = kernel.program(solver, subjects), repeater(form)
    columns = program.scratch.shape[1]
    for name in OF_METHOD["grk4t"]:
        rows = max(kernel.problem.N_ROWS, kernel.problem.N_LU, len(kernel.states))
        sheet = Sheet(*(aligned(rows, columns, form.FLOAT) for _ in range(4)))
        for part in sheet:
            part[:] = 1.0
        given, which = table(program, sheet), FUNCTIONS.index(name)
        run(given, which, 1)
        yield name, best(lambda g=given, w=which: run(g, w, REPEATS)) / REPEATS / columns


def ceiling(form: ModuleType) -> float:
    """Fused multiply-adds of twelve independent registers, in Gflop/s."""

    def body(a: Any) -> None:
        values = [load(a, i) for i in range(12)]
        for _ in range(200):
            values = [fma(v, 0.999999, 1e-7) for v in values]
        for i, v in enumerate(values):
            store(a, i, v)

    made, run = compiled(body, 1, form), repeater(form)
    code = np.array([[made.address, 0]])
    sheet = Sheet(*(aligned(12, form.WIDTH, form.FLOAT) for _ in range(4)))
    given = table(Program(code, aligned(0, form.WIDTH, form.FLOAT), 0, 0), sheet)
    run(given, 0, 1)
    seconds = best(lambda: run(given, 0, REPEATS)) / REPEATS
    return 200 * 12 * form.WIDTH * 2 / seconds / 1e9


def instructions(function: Callable[..., None], arrays: int, form: ModuleType) -> dict[str, int]:
    """Packed arithmetic in a compiled function, and what it comes to for one subject."""
    text = compiled(function, arrays, form)._library.get_asm_str()
    found = re.findall(r"^\tv(\w+?)p[sd]\t", text, flags=re.MULTILINE)
    fused = sum(op.startswith(("fmadd", "fmsub", "fnmadd", "fnmsub")) for op in found)
    single = sum(op in ("add", "sub", "mul", "min", "max", "rndscale") for op in found)
    slow = sum(op in ("div", "sqrt") for op in found)
    return {"packed": fused + single + slow, "fused": fused, "divisions": slow, "flops": 2 * fused + single + slow}


def best(run: Callable[[], Any]) -> float:
    """The least CPU seconds of several rounds."""
    found = float("inf")
    for _ in range(ROUNDS):
        started = time.thread_time()
        run()
        found = min(found, time.thread_time() - started)
    return found


if __name__ == "__main__":
    main()
