"""Compile ahead of use: the solver once per machine, the equations of a model for large runs."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import math
import os
import platform
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
from .solver import Solver, driver, load_solver, people_function, solver_folder

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
"""Forms of the kernel: chosen by the size of the run, interpreted, or compiled before it starts."""

COMPILED_FROM = 50_000
"""Subject-days above which a run compiles its equations. Compiling costs as much as the interpreter loses in about
30,000 subject-days, and later runs profit from it."""
LOADED_FROM = 5_000
"""Subject-days above which equations that were compiled earlier are loaded from disk."""
_READY: set[tuple[str, ...]] = set()
"""Parts compiled or loaded by this process."""
PATIENCE = 180.0
"""Seconds that a process waits for another that compiles the same part."""

Part = tuple[str, ...]
"""A part of the solver: (`drive`,), (`people`,), (`stepper`, method, precision) or (`interpreter`, precision)."""


class Warming:
    """A solver being compiled: a second process compiles half of the missing parts.

    Parameters
    ----------
    solvers
        Solvers that will be used.
    note
        Called with a one-line message when the wait begins: a command that fails earlier prints only its error.
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
        """Compile the other half, and wait for the second process."""
        if self._note and (self._mine or self._other):
            self._note("compiling the solver: once on this machine, a few seconds")
        for part in self._mine:
            compile_part(part)
        if self._other:
            # A failed worker is harmless: its part is compiled on first use.
            self._other.join()


def _is_cold(part: Part) -> bool:
    """Whether a part was compiled neither by this process nor on this machine."""
    return JIT and part not in _READY and not _marker(part).is_file()


def compile_part(part: Part) -> None:
    """Compile a part of the solver, or wait for another process that compiles it and load the result from disk."""
    marker = _marker(part)
    claim = marker.with_name(f".{marker.name}")
    try:
        with os.fdopen(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "w") as file:
            file.write(f"{os.getpid()} {platform.node()}")
    except FileExistsError:
        while not marker.is_file() and _age(claim) < PATIENCE and _is_alive(claim):
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
    """Compile a part of the solver; numba caches it on disk."""
    if part[0] == "stepper":
        _ = load_solver(*part[1:]).stepper  # pyright: ignore[reportArgumentType]
    elif part[0] == "interpreter":
        _ = load_solver("tsit5", part[1]).interpreter  # pyright: ignore[reportArgumentType]
    elif part[0] == "drive":
        driver()
    else:
        for name in ("rest", "start", "observe"):
            people_function(name)


def _marker(part: Part) -> Path:
    """The file that marks a part as compiled on this machine."""
    return solver_folder() / f"compiled-{'-'.join(part)}-{_processor()}"


def _is_alive(claim: Path) -> bool:
    """Whether the process of a claim may still be at work; one of another machine may."""
    try:
        number, _, machine = claim.read_text(encoding="utf-8").partition(" ")
        if machine == platform.node() and os.name == "posix":
            os.kill(int(number), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except (OSError, ValueError):
        return True
    return True


def _age(path: Path) -> float:
    """Seconds since a file was written; infinite if there is none."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return math.inf


@lru_cache(maxsize=1)
def _processor() -> str:
    """A name for this kind of processor, since machine code differs between kinds."""
    from llvmlite import binding

    kind = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(kind.encode()).hexdigest()[:12]


def was_compiled(kernel: Kernel, solver: Solver) -> bool:
    """Whether the equations were compiled for a solver on this machine earlier."""
    return _kernel_marker(kernel, solver).is_file()


def compile_kernel(kernel: Kernel, solver: Solver) -> None:
    """Compile the equations for a solver and for subjects at rest, or load them from disk."""
    if JIT:
        kernel.compile(solver.precision, solver.method)
        # A cache that others filled may be read-only.
        with contextlib.suppress(OSError):
            _kernel_marker(kernel, solver).touch()


def _compile_if_possible(kernel: Kernel, solver: Solver) -> None:
    """Compile the equations; if they cannot be saved, the run continues on the tape."""
    with contextlib.suppress(OSError, RuntimeError):
        compile_kernel(kernel, solver)


def _kernel_marker(kernel: Kernel, solver: Solver) -> Path:
    return kernel.folder / f"compiled-{solver.method}-{solver.precision}-{_processor()}"


@dataclass(frozen=True)
class Choice:
    """The chosen form of a kernel.

    Attributes
    ----------
    form
        `tape` or `compiled`, or `tape, then compiled` if they are compiled in the background.
    days
        Subject-days on which the choice is based.
    """

    form: str
    days: float


def choose_form(kernel: Kernel, solver: Solver, days: float, form: Form = "auto") -> Choice:
    """Choose the form of a kernel, and start compiling if need be.

    Parameters
    ----------
    days
        Subject-days to integrate.
    form
        The user's choice.
    """
    if not JIT or form == "tape":
        return Choice("tape", days)
    known = was_compiled(kernel, solver)
    if form == "compiled" or (known and days >= LOADED_FROM):
        compile_kernel(kernel, solver)
        return Choice("compiled", days)
    if days < COMPILED_FROM:
        return Choice("tape", days)
    # Compiling is finished even after the run ends, for the benefit of the next run.
    threading.Thread(target=_compile_if_possible, args=(kernel, solver)).start()
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
