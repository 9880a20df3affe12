"""Compiles kernels ahead of their first use, in processes of their own."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mtorsim.kernel.event import Events

from .cache import load_folder
from .kernel import Kernel

__all__ = ["Part", "compile_part", "compile_parts"]


PATIENCE = 180.0
"""Seconds that a process waits for another that compiles the same."""


@dataclass(frozen=True)
class Part:
    """What is needed of a kernel: `drive` carries subjects, `rest` looks at them where they stand."""

    kernel: Kernel
    module: str

    @property
    def warm(self) -> bool:
        """Whether it has been compiled here before."""
        return self._marker.is_file()

    @property
    def _marker(self) -> Path:
        return self.kernel.folder / f"compiled-{self.module}-{_processor()}"

    def compile(self) -> None:
        """Compile it, or wait for another process that is at it and take what that leaves on disk."""
        claim = self.kernel.folder / f".compiling-{self.module}-{_processor()}"
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            # One that was left behind by a process that is no more does not count for ever.
            while not self.warm and _age(claim) < PATIENCE:
                time.sleep(0.1)
        except OSError:
            pass
        try:
            self._call()
        finally:
            claim.unlink(missing_ok=True)

    def _call(self) -> None:
        """Call every function that is called from outside, with nobody in it; the disk keeps the result."""
        kernel = self.kernel
        n_states, none, whole = len(kernel.states), np.zeros(0), np.zeros(0, np.int64)
        state, parameters = np.zeros((0, n_states)), np.zeros((0, len(kernel.parameters)))
        if self.module == "drive":
            each = np.ones(n_states)
            nothing = Events(none, whole, whole, none, whole, whole)
            kernel.advance(
                state,
                kernel.memory(0),
                parameters,
                nothing,
                none,
                whole,
                (0.0, 0.0),
                (1e-3, each),
                each,
                np.zeros((0, 0, 0)),
                whole,
            )
        else:
            kernel.function("rest", "rest")(parameters, 0.0, 1.0, state, whole)
            kernel.function("rest", "start")(parameters, state)
            kernel.function("rest", "look")(none, np.zeros((0, 0, 0)), whole, parameters, whole, np.zeros((0, 0, 0)))
        self._marker.touch()


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


def compile_parts(parts: Sequence[Part]) -> None:
    """Compile parts of kernels for this machine, each in a process of its own but the last."""
    code = "import sys; from mtorsim.compiler.warm import compile_part; compile_part(*sys.argv[1:])"
    others = [
        subprocess.Popen([sys.executable, "-c", code, str(p.kernel.folder), p.module], stderr=subprocess.DEVNULL)
        for p in parts[:-1]
    ]
    try:
        for part in parts[-1:]:
            part.compile()
    finally:
        # One that fails costs nothing but time: what it would have left is compiled when it is called.
        for other in others:
            other.wait()


def compile_part(folder: str, module: str) -> None:
    """Compile a part of the kernel in a folder of the cache."""
    Part(load_folder(Path(folder)), module).compile()
