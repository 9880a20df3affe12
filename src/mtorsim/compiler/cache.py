"""The kernel cache: folders of Python modules, named by the hash of all their inputs."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np

from mtorsim.errors import DataError

__all__ = [
    "LAYOUT",
    "cache_folder",
    "compiled_in",
    "forget_package",
    "import_package",
    "kept",
    "makers",
    "package_file",
    "stale_folders",
]

LAYOUT = "layout.json"
"""The file that lists the inputs of a folder; it is written last."""
_PACKAGE = "mtorsim_kernels"
_OF_SOLVER = ("kernel/*.py",)
_OF_KERNELS = (*_OF_SOLVER, "compiler/*.py", "model/*.py", "units/*.py")
"""Inputs of every folder, besides the model."""

T = TypeVar("T")


def package_file(name: str) -> Path:
    """The path of a file in this package."""
    return Path(__file__).resolve().parents[1] / name


def cache_folder() -> Path:
    """The folder of the cache: $MTORSIM_CACHE, or the user's cache folder."""
    chosen = os.environ.get("MTORSIM_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("mtorsim", appauthor=False)) / "kernels"


@lru_cache
def makers(*, solver: bool = False) -> str:
    """Hash of all inputs of a folder except the model: our own source text, and the compiler.

    Parameters
    ----------
    solver
        Whether the folder is the solver's, which does not depend on the text about models.
    """
    import llvmlite
    import numba

    root = package_file(".")
    patterns = _OF_SOLVER if solver else _OF_KERNELS
    texts = [p.read_bytes() for pattern in patterns for p in sorted(root.glob(pattern))]
    versions = [
        numba.__version__,
        llvmlite.__version__,
        np.__version__,
        sys.version,
        os.environ.get("MTORSIM_BOUNDS", ""),
    ]
    return hashlib.sha256(b"\0".join([*texts, *(v.encode() for v in versions)])).hexdigest()


def kept(name: str, write: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """Read a folder of the cache, writing it first if it is missing or incomplete.

    Parameters
    ----------
    write
        Fills an empty folder, except its layout file.
    read
        Reads the folder.

    Raises
    ------
    DataError
        If the cache cannot be written to.
    """
    folder = cache_folder() / name
    try:
        if not _is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _write(folder, write)
        try:
            return read(folder)
        except OSError:
            raise
        except Exception:
            # The cached folder is incomplete or was edited: rebuild it.
            shutil.rmtree(folder, ignore_errors=True)
            forget_package(name)
            _write(folder, write)
            return read(folder)
    except OSError as problem:
        message = f"cannot save kernels in `{cache_folder()}`: {problem.strerror}"
        raise DataError(message, help="name a writable folder in MTORSIM_CACHE") from None


def _is_whole(folder: Path) -> bool:
    """Whether a folder has all its source files as they were written."""
    try:
        files = json.loads((folder / LAYOUT).read_text(encoding="utf-8"))["files"]
        return all(_digest(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _write(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder elsewhere and rename it into place, since two processes may do so at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        write(draft)
        layout = draft / LAYOUT
        known = json.loads(layout.read_text(encoding="utf-8")) if layout.is_file() else {}
        by = makers(solver=folder.name.startswith("solver_"))
        files = {path.relative_to(draft).as_posix(): _digest(path) for path in sorted(draft.rglob("*.py"))}
        layout.write_text(json.dumps({"makers": by, "files": files, **known}, indent=1), encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        if not (folder / LAYOUT).is_file():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def import_package(folder: Path, modules: Sequence[str]) -> dict[str, ModuleType]:
    """Import modules of a folder as a separate package."""
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
    return {name: importlib.import_module(f"{package}.{name}") for name in modules}


def compiled_in(folder: Path, compile: Callable[[], T]) -> T:
    """Compile functions of a folder or load their machine code; damaged files are removed, and compiled again."""
    from numba import config

    try:
        return compile()
    except (EOFError, pickle.UnpicklingError, ValueError, KeyError, IndexError, AttributeError, ImportError, TypeError):
        elsewhere = str(getattr(config, "CACHE_DIR", ""))
        places = [folder, *(Path(elsewhere).glob(f"*{folder.name}*") if elsewhere else ())]
        damaged = [p for place in places for p in place.rglob("*.nb[ic]")]
        if not damaged:
            raise
        for path in damaged:
            path.unlink(missing_ok=True)
        return compile()


def forget_package(name: str) -> None:
    """Unload the modules imported from a folder."""
    package = f"{_PACKAGE}.{name}"
    for module in [m for m in sys.modules if m == package or m.startswith(package + ".")]:
        del sys.modules[module]


def stale_folders(*, remove: bool = False) -> list[str]:
    """Names of folders in the cache that are incomplete or were written by other versions.

    Parameters
    ----------
    remove
        Whether to remove them.
    """
    found = []
    for folder in cache_folder().iterdir():
        try:
            by = json.loads((folder / LAYOUT).read_text(encoding="utf-8"))["makers"]
            current = by in (makers(), makers(solver=True))
        except (OSError, ValueError, KeyError):
            current = False
        # A folder whose name starts with a dot is being written by another process.
        if folder.is_dir() and not folder.name.startswith(".") and not current:
            found.append(folder.name)
            if remove:
                shutil.rmtree(folder, ignore_errors=True)
    return found
