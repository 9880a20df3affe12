"""Writes a kernel as a folder of real modules in the user's cache, and loads it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mtorsim.model.model import Equation, Model

from .errors import DataError
from .kernel.event import Events

__all__ = [
    "METHODS",
    "PRECISIONS",
    "Kernel",
    "Part",
    "Variant",
    "cache_folder",
    "compile_part",
    "compile_parts",
    "load_kernel",
    "stale_kernels",
]

_HERE = Path(__file__).resolve().parent
_SHARED = (
    "kernel/lanes.py",
    "kernel/packed.py",
    "kernel/double.py",
    "kernel/single.py",
    "kernel/status.py",
    "kernel/event.py",
)
_COPIED = ("kernel/drive.py", "kernel/control.py", "kernel/rest.py", "kernel/functions.py")
METHODS = ("grk4t", "tsit5")
"""Integration methods, each a file of that name in `kernel`."""
PRECISIONS = ("single", "double")
"""Precisions that steps are computed in, each a file of that name in `kernel`; states are always double."""
_MAKERS = (
    "expressions.py",
    "units.py",
    "compose.py",
    "checks.py",
    "sharing.py",
    "elimination.py",
    "system.py",
    "codegen.py",
    "built.py",
)
_PACKAGE = "mtorsim_kernels"
PATIENCE = 180.0
"""Seconds that a process waits for another that compiles the same."""


@dataclass(frozen=True)
class Kernel:
    """Compiled code for one system, and where in its arrays each quantity lies.

    Attributes
    ----------
    name
        Name of its folder: the modules, and the hash of everything it was made from.
    states, parameters, quantities
        Names in the order of the arrays.
    fixed
        Value of each quantity that came out as a plain number, resting states among them.
    entries
        Row and column of each entry of the Jacobian, in order.
    reads
        For each quantity the states it depends on.
    modules
        The folder's modules by name: `drive`, `rest`, `problem`, ...
    """

    name: str
    folder: Path
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    quantities: tuple[str, ...]
    fixed: Mapping[str, float]
    entries: tuple[tuple[int, int], ...]
    reads: tuple[tuple[int, ...], ...]
    modules: Mapping[str, ModuleType]

    def function(self, module: str, name: str) -> Callable[..., Any]:
        """One compiled function of the folder."""
        return vars(self.modules[module])[name]

    def memory(self, n: int) -> np.ndarray:
        """What `advance` remembers of subjects, at the start of their lives, (n, numbers)."""
        return np.zeros((n, vars(self.modules["drive"])["MEMORY"]))

    def advance(
        self,
        state: np.ndarray,
        memory: np.ndarray,
        parameters: np.ndarray,
        events: Events,
        samples: np.ndarray,
        rows: np.ndarray,
        until: tuple[float, float],
        tolerance: tuple[float, np.ndarray],
        steers: np.ndarray,
        out: np.ndarray,
        status: np.ndarray,
        cancel: np.ndarray | None = None,
    ) -> None:
        """Carry subjects, in place; shapes and units are those of `advance` in `drive`.

        Parameters
        ----------
        until
            From when to when, in hours.
        tolerance
            Relative, and absolute for each state.
        """
        self.function("drive", "advance")(
            state,
            memory,
            parameters,
            events.time,
            events.kind,
            events.row,
            events.amount,
            events.first,
            events.last,
            samples,
            rows,
            *until,
            *tolerance,
            steers,
            out,
            status,
            np.zeros(1, np.int64) if cancel is None else cancel,
        )

    def read_by(self, columns: np.ndarray) -> np.ndarray:
        """The states that some quantities depend on, in order."""
        return np.array(sorted({s for c in columns for s in self.reads[c]}), np.int64)

    def observed(
        self, times: np.ndarray, states: np.ndarray, rows: np.ndarray, parameters: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """Quantities of subjects from the states they depend on.

        Parameters
        ----------
        times
            In hours, shape (times,).
        states
            Shape (n, times, rows), the states that `rows` names.
        parameters
            Shape (n, parameters).
        columns
            The quantities.

        Returns
        -------
        ndarray
            Shape (n, times, columns).
        """
        out = np.full((*states.shape[:2], len(columns)), np.nan)
        self.function("rest", "look")(times, states, rows, parameters, columns, out)
        return out


def cache_folder() -> Path:
    """The folder kernels are kept in: $MTORSIM_CACHE, or the user's cache folder."""
    chosen = os.environ.get("MTORSIM_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("mtorsim", appauthor=False)) / "kernels"


@dataclass(frozen=True)
class Variant:
    """Which kernel of a model.

    Attributes
    ----------
    method
        One of `METHODS`.
    precision
        One of `PRECISIONS`.
    untreated
        The kernel of the untreated day, for the run-in.
    switches
        Switches that stand at a value for good, in the model's order.
    """

    method: str
    precision: str = "double"
    untreated: bool = False
    switches: tuple[tuple[str, float], ...] = ()


def load_kernel(model: Model, variant: Variant) -> Kernel:
    """Load the kernel of a model, writing it first if it is not there yet.

    Parameters
    ----------
    model
        The composed model, checked.
    variant
        Method, and what is known of the runs it is for.
    """
    name = _name(model, variant)
    folder = cache_folder() / name
    try:
        if not (folder / "layout.json").is_file():
            _write(folder, model, variant)
        try:
            return _load(folder)
        except (ValueError, KeyError, ImportError, SyntaxError, AttributeError):
            # Not whole: a disk was full, or somebody has been at it. Write it anew.
            shutil.rmtree(folder, ignore_errors=True)
            _forget(folder.name)
            _write(folder, model, variant)
            return _load(folder)
    except OSError as problem:
        message = f"cannot keep kernels in `{cache_folder()}`: {problem.strerror}"
        raise DataError(message, help="name a folder that can be written in MTORSIM_CACHE") from None


def _forget(name: str) -> None:
    """Unload what was imported of a kernel."""
    package = f"{_PACKAGE}.{name}"
    for module in [m for m in sys.modules if m == package or m.startswith(package + ".")]:
        del sys.modules[module]


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
    code = "import sys; from mtorsim.built import compile_part; compile_part(*sys.argv[1:])"
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
    Part(_load(Path(folder)), module).compile()


def stale_kernels(*, remove: bool = False) -> list[str]:
    """Names of kernels in the cache that other versions have written, or that are not whole.

    Parameters
    ----------
    remove
        Remove them too.
    """
    found = []
    for folder in cache_folder().iterdir():
        try:
            current = json.loads((folder / "layout.json").read_text(encoding="utf-8"))["makers"] == _makers()
        except (OSError, ValueError, KeyError):
            current = False
        # What starts with a dot is being written by another process.
        if folder.is_dir() and not folder.name.startswith(".") and not current:
            found.append(folder.name)
            if remove:
                shutil.rmtree(folder, ignore_errors=True)
    return found


def _name(model: Model, variant: Variant) -> str:
    parts = "_".join(m.name for m in model.modules)
    kind = "day" if variant.untreated else "run"
    text = json.dumps([_describe(model), asdict(variant), _makers()], sort_keys=True)
    return f"{parts[:60]}_{kind}_{variant.method}_{variant.precision}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@lru_cache(maxsize=1)
def _makers() -> list[str]:
    """Everything but the model that decides what a kernel is: our own text, and the compiler."""
    import llvmlite
    import numba

    from .kernel.packed import CHECKED

    methods = [f"kernel/{m}.py" for m in METHODS]
    texts = [hashlib.sha256((_HERE / f).read_bytes()).hexdigest() for f in (*_SHARED, *_COPIED, *methods, *_MAKERS)]
    versions = [numba.__version__, llvmlite.__version__, np.__version__, sys.version]
    return [*texts, *versions, str(CHECKED)]


def _describe(model: Model) -> dict[str, Any]:
    """All of a model that ends up in a kernel's text: equations, names and units, not values."""

    def equation(eq: Equation) -> list[Any]:
        unit = str(eq.unit) if eq.unit else None
        return [eq.name, eq.expression.text, dict(eq.scope), unit, eq.about, eq.mechanism, eq.port]

    rest = model.rest
    return {
        "parameters": [(n, line.unit, line.about) for n, (line, _) in model.parameters.items()],
        "switches": list(model.switches),
        "states": [(n, line.unit, line.about) for n, (line, _) in model.states.items()],
        "equations": [equation(eq) for eq in model.equations.values()],
        "derivatives": [equation(eq) for eq in model.derivatives.values()],
        "initials": [equation(eq) for eq in model.initials.values()],
        "ports": [(p.name, p.kind, str(p.unit), p.about, p.contributions) for p in model.ports.values()],
        "doses": [d.to for d in model.doses.values()],
        "times": [m.data.module.time for m in model.modules],
        "hold": model.hold,
        "means": [equation(eq) for eq in model.means.values()],
        "then": [equation(eq) for eq in model.then.values()],
        "rest": [rest.unknown, equation(rest.balance), [equation(s) for s in rest.steps]] if rest else None,
    }


def _write(folder: Path, model: Model, variant: Variant) -> None:
    """Write a kernel's folder elsewhere and rename it into place: two processes may do so at once."""
    from .codegen import generate
    from .system import build_system, build_untreated

    system = build_untreated(model) if variant.untreated else build_system(model, dict(variant.switches))
    layout = {
        "makers": _makers(),
        "states": system.states,
        "parameters": system.parameters,
        "quantities": system.quantities,
        "fixed": system.fixed,
        "reads": [sorted(system.states.index(s) for s in system.reads(q)) for q in system.quantities],
        "entries": [(system.states.index(r), system.states.index(c)) for r, c in system.jacobian()[1]],
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        (draft / "__init__.py").write_text(f'"""{system.title}"""\n', encoding="utf-8")
        for name in (*_COPIED, f"kernel/{variant.method}.py"):
            shutil.copyfile(_HERE / name, draft / Path(name).name)
        for name, default, chosen in (
            ("method", ".tsit5", f".{variant.method}"),
            ("precision", ".double", f"mtorsim.kernel.{variant.precision}"),
        ):
            text = (_HERE / f"kernel/{name}.py").read_text(encoding="utf-8")
            (draft / f"{name}.py").write_text(text.replace(f"from {default} ", f"from {chosen} "), encoding="utf-8")
        (draft / "problem.py").write_text(generate(system), encoding="utf-8")
        (draft / "layout.json").write_text(json.dumps(layout, indent=1), encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        if not (folder / "layout.json").is_file():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _load(folder: Path) -> Kernel:
    """Import a kernel's modules as a package of their own."""
    layout = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    package = f"{_PACKAGE}.{folder.name}"
    if _PACKAGE not in sys.modules:
        parent = ModuleType(_PACKAGE)
        parent.__path__ = []
        sys.modules[_PACKAGE] = parent
    if package not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            package, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = module
        spec.loader.exec_module(module)
    names = ("problem", "method", "control", "drive", "rest")
    modules = {n: importlib.import_module(f"{package}.{n}") for n in names}
    return Kernel(
        name=folder.name,
        folder=folder,
        states=tuple(layout["states"]),
        parameters=tuple(layout["parameters"]),
        quantities=tuple(layout["quantities"]),
        fixed=layout["fixed"],
        entries=tuple((r, c) for r, c in layout["entries"]),
        reads=tuple(tuple(r) for r in layout["reads"]),
        modules=modules,
    )
