"""The solver, compiled once per machine for all models."""

from __future__ import annotations

import inspect
import shutil
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from mtorsim.kernel.arguments import TIMES, Program, Seats
from mtorsim.kernel.lanes import JIT

from .cache import compiled_in, import_package, kept, makers, package_file

__all__ = [
    "METHODS",
    "PRECISIONS",
    "Method",
    "Precision",
    "Solver",
    "aligned",
    "entry",
    "load_solver",
    "people_function",
]

Method = Literal["grk4t", "tsit5"]
Precision = Literal["single", "double"]
METHODS: tuple[Method, ...] = ("grk4t", "tsit5")
"""Integration methods, each a file in `kernel/`."""
PRECISIONS: tuple[Precision, ...] = ("single", "double")
"""Precisions of a step, each a file in `kernel/`; states are always double."""

_OF_A_STEP = ("stepper", "control", "error")
_OF_PEOPLE = ("initial", "observe", "interpret")
CACHE_LINE = 64
"""Bytes of a cache line; a vector that straddles two lines takes twice as long to load."""


@dataclass(frozen=True)
class Solver:
    """An integration method in one precision.

    Attributes
    ----------
    method
        One of `METHODS`.
    precision
        One of `PRECISIONS`.
    """

    method: Method
    precision: Precision

    @property
    def careful(self) -> Solver:
        """The fallback for subjects that fail: the other method, in double precision."""
        return load_solver(next(m for m in METHODS if m != self.method), "double")

    @property
    def form(self) -> ModuleType:
        """The module of its precision: `FLOAT`, `WIDTH`."""
        return solver_module(f"{self.method}_{self.precision}.precision")

    @cached_property
    def stepper(self) -> Any:
        """Its step function; the compiled code is at `stepper.address`."""
        function = solver_module(f"{self.method}_{self.precision}.stepper").stepper
        if not JIT:
            return function
        from mtorsim.kernel.calls import STEPPER_SIGNATURE

        return entry(STEPPER_SIGNATURE, function)

    @cached_property
    def interpreter(self) -> Any:
        """The tape interpreter in its precision."""
        from mtorsim.kernel.calls import SIGNATURE

        return _interpreter(self.precision, SIGNATURE)

    def integrate(self, table: Any) -> None:
        """Integrate subjects; `table` is that of `mtorsim.kernel.drive.advance`."""
        driver()(table)

    def seats(self, states: int, parameters: int, program: Program) -> Seats:
        """Empty seats, one per column of the program."""
        method = solver_module(f"{self.method}_{self.precision}.method")
        columns, kind = program.scratch.shape[1], self.form.FLOAT
        rows = {
            "clock": (12, float),
            "who": (5, np.int64),
            "y": (states, float),
            "after_dose": (states, float),
            "given": (parameters, float),
            "x": (states, kind),
            "d": (states, kind),
            "e": (states, kind),
            "p": (program.rows, kind),
            "k": (method.N_SLOPES * states, kind),
            "work": (method.scratch_rows(states, program.entries), kind),
            "time": (TIMES, kind),
            "norms": (3, kind),
        }
        found = {name: aligned(n, columns, dtype) for name, (n, dtype) in rows.items()}
        found["p"][:] = 1.0
        return Seats(**found)


def aligned(rows: int, columns: int, dtype: Any) -> np.ndarray:
    """Rows of zeros, aligned to cache lines."""
    size = rows * columns * np.dtype(dtype).itemsize
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(rows, columns)


@cache
def load_solver(method: Method, precision: Precision) -> Solver:
    """The solver of a method and precision; one of each per process."""
    return Solver(method, precision)


@cache
def driver() -> Any:
    """The driver, `advance`, which all solvers share."""
    return _called_with_table(solver_module("drive").advance)


@cache
def people_function(name: str) -> Any:
    """`rest`, `start` or `observe`, in double precision."""
    return _called_with_table(getattr(solver_module(f"double.{'observe' if name == 'observe' else 'initial'}"), name))


def _called_with_table(function: Any) -> Any:
    """A function of a table, compiled or loaded from disk."""
    if JIT:
        import numba as nb

        compiled_in(solver_folder(), lambda: function.compile((nb.types.Array(nb.int64, 2, "C"),)))
    return function


@cache
def _interpreter(precision: Precision, signature: Any) -> Any:
    return entry(signature, solver_module(f"{precision}.interpret").interpret)


def entry(signature: Any, function: Any) -> Any:
    """A function compiled for calls by address, cached on disk."""
    import numba as nb

    folder = Path(inspect.getfile(function)).parent
    decorate = nb.cfunc(signature, cache=True, error_model="numpy")  # pyright: ignore[reportCallIssue]
    return compiled_in(folder, lambda: decorate(function))


@cache
def solver_module(name: str) -> ModuleType:
    """Import a module of the solver's folder."""
    return kept(_name(), _write, lambda folder: import_package(folder, [name])[name])


def solver_folder() -> Path:
    """The solver's folder in the cache, written first if it is missing."""
    return kept(_name(), _write, lambda folder: folder)


def _name() -> str:
    return f"solver_{makers(solver=True)[:16]}"


def _write(folder: Path) -> None:
    """Copy the solver's files for each precision and method; numba caches compiled code beside them."""
    _copy(folder, ("drive",))
    for precision in PRECISIONS:
        _copy(folder / precision, _OF_PEOPLE, precision=precision)
        for method in METHODS:
            _copy(folder / f"{method}_{precision}", (*_OF_A_STEP, method), precision=precision, method=method)


def _copy(folder: Path, files: tuple[str, ...], **chosen: str) -> None:
    """Copy files of the kernel, importing the chosen precision and method."""
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text("", encoding="utf-8")
    for name in files:
        shutil.copyfile(package_file(f"kernel/{name}.py"), folder / f"{name}.py")
    for name, value in chosen.items():
        text = package_file(f"kernel/{name}.py").read_text(encoding="utf-8")
        default, own = {"method": (".tsit5", f".{value}"), "precision": (".double", f"mtorsim.kernel.{value}")}[name]
        (folder / f"{name}.py").write_text(text.replace(f"from {default} ", f"from {own} "), encoding="utf-8")
