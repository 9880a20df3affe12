"""Writes a kernel as a folder of real modules in the user's cache, and loads it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mtorsim.errors import DataError
from mtorsim.model.model import Equation, Model

from .kernel import METHODS, Kernel, Variant

__all__ = ["cache_folder", "load_kernel", "stale_kernels"]


_HERE = Path(__file__).resolve().parents[1]
_SHARED = (
    "kernel/lanes.py",
    "kernel/packed.py",
    "kernel/double.py",
    "kernel/single.py",
    "kernel/status.py",
    "kernel/event.py",
)
_COPIED = ("kernel/drive.py", "kernel/control.py", "kernel/rest.py", "kernel/functions.py")


_MAKERS = (
    "model/expressions.py",
    "units/units.py",
    "model/model.py",
    "model/compose.py",
    "model/dimensions.py",
    *(f"compiler/{m}.py" for m in ("to_sympy", "build", "system", "subexpressions", "sparse_lu", "codegen", "cache")),
)
_PACKAGE = "mtorsim_kernels"


def cache_folder() -> Path:
    """The folder kernels are kept in: $MTORSIM_CACHE, or the user's cache folder."""
    chosen = os.environ.get("MTORSIM_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("mtorsim", appauthor=False)) / "kernels"


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
            return load_folder(folder)
        except (ValueError, KeyError, ImportError, SyntaxError, AttributeError):
            # Not whole: a disk was full, or somebody has been at it. Write it anew.
            shutil.rmtree(folder, ignore_errors=True)
            _forget(folder.name)
            _write(folder, model, variant)
            return load_folder(folder)
    except OSError as problem:
        message = f"cannot keep kernels in `{cache_folder()}`: {problem.strerror}"
        raise DataError(message, help="name a folder that can be written in MTORSIM_CACHE") from None


def _forget(name: str) -> None:
    """Unload what was imported of a kernel."""
    package = f"{_PACKAGE}.{name}"
    for module in [m for m in sys.modules if m == package or m.startswith(package + ".")]:
        del sys.modules[module]


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

    from mtorsim.kernel.packed import CHECKED

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
    from mtorsim.compiler.build import build_system, build_untreated
    from mtorsim.compiler.codegen import generate

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


def load_folder(folder: Path) -> Kernel:
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
