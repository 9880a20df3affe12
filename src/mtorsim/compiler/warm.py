"""Compiles ahead of use: the solver once on a machine, the equations of a model where a run is large."""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mtorsim.kernel.lanes import JIT

from .early import BESIDE, compile_beside
from .kernel import Kernel
from .solver import Solver, load_solver, people_function, solver_folder, solver_module

__all__ = [
    "COMPILED_FROM",
    "Choice",
    "Form",
    "Warming",
    "choose_form",
    "compile_example",
    "compile_kernel",
    "was_compiled",
]

Form = Literal["auto", "tape", "compiled"]
"""How equations are run: as a run's size suggests, by the interpreter, or compiled before it starts."""

COMPILED_FROM = 50_000
"""Subject-days from which a run compiles its equations. To compile them costs as much as the interpreter loses
in about 30,000 subject-days; later runs have it for nothing."""
LOADED_FROM = 5_000
"""Subject-days from which equations that were compiled before are loaded from the disk."""
_READY: set[tuple[str, ...]] = set()
"""Parts that this process has compiled or loaded."""
PATIENCE = 180.0
"""Seconds that a process waits for another that compiles the same."""

Part = tuple[str, ...]
"""A part of the solver: (`drive`,), (`people`,), (`stepper`, method, precision) or (`interpreter`, precision)."""


class Warming:
    """The solver on its way: half of what has not been compiled yet is compiled in a process beside this one.

    Parameters
    ----------
    solvers
        The methods and precisions that will be used.
    note
        Called with a one-line message if anything has to be compiled, once it is waited for: a command that
        fails before says only why.
    """

    def __init__(self, solvers: Iterable[Solver], note: Callable[[str], None] | None = None) -> None:
        steppers = dict.fromkeys((s.method, s.precision) for s in solvers)
        mine: list[Part] = [("stepper", *s) for s in steppers]
        mine += [("interpreter", p) for p in dict.fromkeys(p for _, p in steppers)]
        beside = [p for p in BESIDE if _is_cold(p)]
        self._mine = [p for p in mine if _is_cold(p)]
        self._other = compile_beside(beside)
        self._note = note

    def finish(self) -> None:
        """Compile the other half, and wait for the process beside."""
        if self._note and (self._mine or self._other):
            self._note("compiling the solver: once on this machine, a few seconds")
        for part in self._mine:
            compile_part(part)
        if self._other:
            # A failed worker is harmless: its part is compiled on first use.
            self._other.join()


def _is_cold(part: Part) -> bool:
    """Whether a part has to be compiled, in this process and on this machine."""
    return JIT and part not in _READY and not _marker(part).is_file()


def compile_part(part: Part) -> None:
    """Compile a part of the solver, or wait for another process that is at it and take what that leaves on disk."""
    marker = _marker(part)
    claim = marker.with_name(f".{marker.name}")
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        # A claim that was left behind by a process that is no more does not count for ever.
        while not marker.is_file() and _age(claim) < PATIENCE:
            time.sleep(0.05)
    except OSError:
        pass
    try:
        _compile(part)
        marker.touch()
        _READY.add(part)
    finally:
        claim.unlink(missing_ok=True)


def _compile(part: Part) -> None:
    """Compile a part of the solver; numba keeps it on the disk."""
    if part[0] == "stepper":
        _ = load_solver(*part[1:]).stepper  # pyright: ignore[reportArgumentType]
    elif part[0] == "interpreter":
        _ = load_solver("tsit5", part[1]).interpreter  # pyright: ignore[reportArgumentType]
    else:
        import numba as nb

        of_people = [people_function(name) for name in ("rest", "start", "observe")]
        for function in [solver_module("drive").advance] if part[0] == "drive" else of_people:
            function.compile((nb.types.Array(nb.int64, 2, "C"),))


def _marker(part: Part) -> Path:
    """The file that says that a part was compiled here before."""
    return solver_folder() / f"compiled-{'-'.join(part)}-{_processor()}"


def _age(path: Path) -> float:
    """Seconds since a file was written; infinite where there is none."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return math.inf


@lru_cache(maxsize=1)
def _processor() -> str:
    """A name for this kind of processor: machine code is kept for each."""
    from llvmlite import binding

    kind = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(kind.encode()).hexdigest()[:12]


def was_compiled(kernel: Kernel, solver: Solver) -> bool:
    """Whether the equations were compiled for a solver on this machine before."""
    return _kernel_marker(kernel, solver).is_file()


def compile_kernel(kernel: Kernel, solver: Solver) -> None:
    """Compile the equations for a solver and for people as they stand, or load them from the disk."""
    if JIT:
        kernel.compile(solver.precision, solver.method)
        _kernel_marker(kernel, solver).touch()


def _kernel_marker(kernel: Kernel, solver: Solver) -> Path:
    return kernel.folder / f"compiled-{solver.method}-{solver.precision}-{_processor()}"


@dataclass(frozen=True)
class Choice:
    """How equations are run.

    Attributes
    ----------
    form
        `tape` or `compiled`, or `tape, then compiled` where they are compiled beside the work.
    days
        The subject-days that the choice is about.
    """

    form: str
    days: float


def choose_form(kernel: Kernel, solver: Solver, days: float, form: Form = "auto") -> Choice:
    """Choose how equations are run, and see to it.

    Parameters
    ----------
    days
        Subject-days that are to be carried.
    form
        What the user asks for.
    """
    if not JIT or form == "tape":
        return Choice("tape", days)
    known = was_compiled(kernel, solver)
    if form == "compiled" or (known and days >= LOADED_FROM):
        compile_kernel(kernel, solver)
        return Choice("compiled", days)
    if days < COMPILED_FROM:
        return Choice("tape", days)
    # What is begun is finished, even after the run: the next one has it.
    threading.Thread(target=compile_kernel, args=(kernel, solver)).start()
    return Choice("tape, then compiled", days)


def compile_example() -> Callable[[np.ndarray], None]:
    """Compile `constants` of the kernel's worked example; the result works on rows of eight doubles, in place."""
    import numba as nb

    from mtorsim.kernel import problem
    from mtorsim.kernel.calls import SIGNATURE, model_functions

    traced = model_functions({0: (problem.constants, 1)}, 8, single=False)

    def entry(own: Any, columns: Any, scratch: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
        traced(own, columns, scratch, a, b, c, d, e)

    made: Any = nb.cfunc(SIGNATURE)(entry)  # pyright: ignore[reportCallIssue]

    def constants(p: np.ndarray) -> None:
        pointer = p.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        made.ctypes(0, 8, *[pointer] * 6)

    return constants
