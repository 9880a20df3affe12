"""A kernel: one system of equations as code that the solver calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.kernel.arguments import (
    ARRAYS,
    FUNCTIONS,
    SEARCH_ROWS,
    Look,
    Program,
    Recording,
    Search,
    Sheet,
    Subjects,
    table,
)
from mtorsim.kernel.lanes import JIT
from mtorsim.model.model import Equation, Model

from .cache import LAYOUT, import_package, kept, makers, package_file
from .solver import PRECISIONS, Precision, Solver, aligned, entry, load_solver, people_function
from .tape import Tapes, join, record

if TYPE_CHECKING:
    from .system import System

__all__ = ["Kernel", "load_kernel"]

TAPE_LANES = 64
"""Subjects per call of the tape interpreter: more would not fit the processor's L1 cache."""


@dataclass(frozen=True)
class Kernel:
    """One system of equations as code, with the position of each quantity in its arrays.

    An interpreter runs it from a tape until it has been compiled; the results are identical to the bit.

    Attributes
    ----------
    name
        Name of its folder: the modules, and the hash of all inputs.
    states, parameters, quantities
        Names in the order of the arrays.
    fixed
        Value of each quantity that is a plain number, including states at rest.
    entries
        Row and column of each entry of the Jacobian, in order.
    reads
        The states on which each quantity depends.
    problem
        The equations, as generated.
    """

    name: str
    folder: Path
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    quantities: tuple[str, ...]
    fixed: Mapping[str, float]
    entries: tuple[tuple[int, int], ...]
    reads: tuple[tuple[int, ...], ...]
    problem: ModuleType
    _compiled: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    def memory(self, n: int) -> np.ndarray:
        """Initial step-size memory of subjects, (n, numbers)."""
        return np.zeros((n, 2 + len(self.states)))

    def read_by(self, columns: np.ndarray) -> np.ndarray:
        """The states on which the given quantities depend, in order."""
        return np.array(sorted({s for c in columns for s in self.reads[c]}), np.int64)

    def named(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of parameters (n, parameters) by name."""
        return {name: parameters[:, j] for j, name in enumerate(self.parameters)}

    def rest(
        self, parameters: np.ndarray, bounds: tuple[float, float, float, float], state: np.ndarray, status: np.ndarray
    ) -> None:
        """Find the state of rest of each subject; see `mtorsim.kernel.initial.rest`."""
        self._people("rest", len(state), Subjects(state, np.zeros((0, 0)), parameters, status), Search(*bounds))

    def start(self, parameters: np.ndarray, state: np.ndarray) -> None:
        """Set every state that has an initial value."""
        self._people("start", len(state), Subjects(state, np.zeros((0, 0)), parameters, np.zeros(0, np.int64)))

    def observed(
        self, times: np.ndarray, states: np.ndarray, rows: np.ndarray, parameters: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """Compute quantities of subjects from the states on which they depend.

        Parameters
        ----------
        times
            In hours, shape (times,).
        states
            Shape (n, times, rows): the states in `rows`.
        parameters
            Shape (n, parameters).
        columns
            Columns of the quantities.

        Returns
        -------
        ndarray
            Shape (n, times, columns).
        """
        out = np.full((*states.shape[:2], len(columns)), np.nan)
        subjects = Subjects(np.zeros((0, 0)), np.zeros((0, 0)), parameters, np.zeros(0, np.int64))
        self._people("observe", len(times), subjects, Recording(times, rows, states), Look(columns, out))
        return out

    def _people(self, name: str, lanes: int, *groups: Any) -> None:
        """Call a function of subjects without integrating them."""
        program = self.program(load_solver("tsit5", "double"), lanes, "people")
        columns = program.scratch.shape[1]
        sizes = (program.rows, len(self.states), len(self.quantities), SEARCH_ROWS)
        sheet = Sheet(*(aligned(n, columns, float) for n in sizes))
        sheet.p[:] = 1.0
        people_function(name)(table(program, *groups, sheet))

    def program(self, solver: Solver, subjects: int, caller: str | None = None) -> Program:
        """The kernel as a solver calls it, for some subjects at a time.

        Parameters
        ----------
        caller
            The caller: the solver's method by default, or `people`.
        """
        problem, width = self.problem, solver.form.WIDTH
        if not JIT:
            own: Any = [*(getattr(problem, f) for f in FUNCTIONS), solver.stepper]
            return Program(own, np.zeros((1, width)), problem.N_ROWS, problem.N_LU)
        code = np.zeros((len(FUNCTIONS) + 1, 2), np.int64)
        code[-1, 0] = solver.stepper.address
        compiled = self._compiled.get((solver.precision, caller or solver.method))
        if compiled is not None:
            code[:-1, 0], code[:-1, 1] = compiled.address, np.arange(len(FUNCTIONS))
            return Program(code, np.zeros((0, width), solver.form.FLOAT), problem.N_ROWS, problem.N_LU)
        vectors = max(1, min(TAPE_LANES // width, -(-subjects // width)))
        tapes = self.tapes
        for i, f in enumerate(FUNCTIONS):
            code[i] = solver.interpreter.address, tapes.heads[f].ctypes.data
        scratch = aligned(tapes.rows, width * vectors, solver.form.FLOAT)
        scratch[tapes.working :] = tapes.numbers[:, None]
        return Program(code, scratch, problem.N_ROWS, problem.N_LU)

    @cached_property
    def tapes(self) -> Tapes:
        """The equations as tapes."""
        return _recorded(self.problem)

    def compile(self, precision: Precision, caller: str) -> None:
        """Compile the functions that a method, or `people`, calls, or load them from disk, and use them from now on."""
        from mtorsim.kernel.calls import SIGNATURE

        if (precision, caller) not in self._compiled:
            module = import_package(self.folder, [precision])[precision]
            self._compiled[precision, caller] = entry(SIGNATURE, getattr(module, caller))


@lru_cache(maxsize=16)
def _recorded(problem: ModuleType) -> Tapes:
    """The functions of generated code as tapes; a model that is loaded again has the same code."""
    return join({f: record(getattr(problem, f), n) for f, n in ARRAYS.items()})


def load_kernel(
    model: Model, *, untreated: bool = False, switches: Mapping[str, float] | None = None, ramps: Sequence[str] = ()
) -> Kernel:
    """Load the kernel of a model, writing it first if it is missing.

    Parameters
    ----------
    model
        The composed model, checked.
    untreated
        Whether to load the kernel of the untreated day, for the run-in.
    switches
        Switches fixed at a value, in the model's order.
    ramps
        Parameters that change linearly with time.
    """
    modules = "_".join(m.name for m in model.modules)[:60]
    text = json.dumps([_describe(model), list((switches or {}).items()), list(ramps), makers()], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if untreated:
        return kept(f"{modules}_day_{digest}", lambda folder: _write_day(folder, model), _read_day)
    return kept(f"{modules}_run_{digest}", lambda folder: _write_run(folder, model, switches or {}, ramps), _read)


def _write_run(folder: Path, model: Model, switches: Mapping[str, float], ramps: Sequence[str]) -> None:
    """Write the folder of a model's kernel."""
    from .build import build_system
    from .codegen import generate

    system = build_system(model, dict(switches), ramps)
    _fill(folder, system, generate(system))


def _write_day(folder: Path, model: Model) -> None:
    """Record which kernel is a model's untreated day; models of one physiology share it."""
    from .build import build_untreated
    from .codegen import generate

    system, fixed = build_untreated(model)
    text = generate(system)
    name = f"day_{hashlib.sha256((text + makers()).encode()).hexdigest()[:16]}"
    kept(name, lambda own: _fill(own, system, text), _read)
    (folder / LAYOUT).write_text(json.dumps({"kernel": name, "fixed": dict(fixed)}), encoding="utf-8")


def _read_day(folder: Path) -> Kernel:
    """Load the kernel of an untreated day, with the plain numbers of one model."""
    layout = json.loads((folder / LAYOUT).read_text(encoding="utf-8"))

    def lost(own: Path) -> None:
        raise ValueError(f"{own.name} is missing")

    return replace(kept(layout["kernel"], lost, _read), fixed=layout["fixed"])


def _fill(folder: Path, system: System, text: str) -> None:
    """Write a kernel's folder."""
    layout = {
        "states": system.states,
        "parameters": system.parameters,
        "quantities": system.quantities,
        "fixed": dict(system.fixed),
        "reads": [sorted(system.states.index(s) for s in system.reads(q)) for q in system.quantities],
        "entries": [(system.states.index(r), system.states.index(c)) for r, c in system.jacobian[1]],
    }
    (folder / "__init__.py").write_text(f'"""{system.title}"""\n', encoding="utf-8")
    (folder / "problem.py").write_text(text, encoding="utf-8")
    for precision in PRECISIONS:
        text = package_file("kernel/entries.py").read_text(encoding="utf-8")
        text = text.replace("from .precision ", f"from mtorsim.kernel.{precision} ")
        (folder / f"{precision}.py").write_text(text, encoding="utf-8")
    (folder / LAYOUT).write_text(json.dumps(layout), encoding="utf-8")


def _read(folder: Path) -> Kernel:
    """Import a kernel's equations."""
    layout = json.loads((folder / LAYOUT).read_text(encoding="utf-8"))
    return Kernel(
        name=folder.name,
        folder=folder,
        states=tuple(layout["states"]),
        parameters=tuple(layout["parameters"]),
        quantities=tuple(layout["quantities"]),
        fixed=layout["fixed"],
        entries=tuple((r, c) for r, c in layout["entries"]),
        reads=tuple(tuple(r) for r in layout["reads"]),
        problem=import_package(folder, ["problem"])["problem"],
    )


def _describe(model: Model) -> dict[str, Any]:
    """All parts of a model that enter a kernel's text: equations, names and units, not values."""

    def equation(eq: Equation) -> list[Any]:
        unit = str(eq.unit) if eq.unit else None
        return [eq.name, eq.expression.text, dict(eq.scope), unit, eq.about, eq.mechanism, eq.port]

    rest = model.rest
    inner = [rest.inner.unknown, equation(rest.inner.balance)] if rest and rest.inner else None
    return {
        "parameters": [(n, line.unit, line.about) for n, (line, _) in model.parameters.items()],
        "switches": list(model.switches),
        "states": [(n, line.unit, line.about) for n, (line, _) in model.states.items()],
        "equations": [equation(eq) for eq in model.equations.values()],
        "derivatives": [equation(eq) for eq in model.derivatives.values()],
        "initials": [equation(eq) for eq in model.initials.values()],
        "ports": [(p.name, p.kind, str(p.unit), p.about, p.contributions) for p in model.ports.values()],
        "doses": [d.to for d in model.routes.values()],
        "times": [m.data.module.time for m in model.modules],
        "hold": model.hold,
        "means": [equation(eq) for eq in model.means.values()],
        "then": [equation(eq) for eq in model.then.values()],
        "rest": [rest.unknown, equation(rest.balance), [equation(s) for s in rest.steps], inner] if rest else None,
    }
