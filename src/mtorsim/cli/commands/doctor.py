"""`mtorsim doctor`: check this machine and installation."""

from __future__ import annotations

import os
import tempfile

import click

from mtorsim.cli.console import print_json
from mtorsim.cli.options import as_json

Check = tuple[str, bool, str]


@click.command()
@click.option("--clean", is_flag=True, help="Remove kernels that this version does not use.")
@as_json
def command(clean: bool, as_json: bool) -> int:
    """Check this machine and installation. Exit code 0: all ok; 1: something is wrong."""
    checks = [_python(), *_versions(), _data(), _cache(clean), _processor(), _compiler()]
    if as_json:
        print_json({name: {"ok": ok, "found": found} for name, ok, found in checks})
    else:
        for name, ok, found in checks:
            print(f"{'ok   ' if ok else 'WRONG'}  {name:<12} {found}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def _python() -> Check:
    import platform
    import sys

    return "python", sys.version_info >= (3, 11), f"{platform.python_version()} at {sys.executable}"


def _versions() -> list[Check]:
    from mtorsim.results.manifest import package_versions

    found = package_versions()
    wanted = ("mtorsim", "numpy", "numba", "llvmlite", "scipy", "sympy", "xarray", "pyarrow")
    return [(name, name in found, found.get(name, "is missing: install mtorsim again")) for name in wanted]


def _data() -> Check:
    from mtorsim.files.library import Library, bundled_folder

    library = Library()
    counts = (
        f"{len(library.modules)} modules, {len(library.populations)} populations, {len(library.scenarios)} scenarios"
    )
    return "models", bool(library.modules and library.scenarios), f"{counts} in {bundled_folder('models').parent}"


def _cache(clean: bool) -> Check:
    from mtorsim.compiler.cache import cache_folder, stale_folders

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        return "cache", False, f"cannot write to {folder}: {problem.strerror}; name another in MTORSIM_CACHE"
    stale = stale_folders(remove=clean)
    kernels = sum(1 for p in folder.iterdir() if (p / "layout.json").is_file())
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20
    what = "removed" if clean else "no longer used, `mtorsim doctor --clean` removes them"
    rest = f"; {len(stale)} {what}" if stale else ""
    return "cache", True, f"{kernels} kernels, {size:.0f} MiB in {folder}{rest}"


def _processor() -> Check:
    from llvmlite import binding

    from mtorsim.results.manifest import machine

    features = binding.get_host_cpu_features()
    names = {"avx512f": "AVX-512", "avx2": "AVX2", "neon": "NEON"}
    vectors = [shown for key, shown in names.items() if features.get(key)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = vectors[0] if vectors else "no wide vector instructions: runs take several times as long"
    return "processor", True, f"{machine()['processor']}, {cores} cores, {found}"


def _compiler() -> Check:
    """Compile and run the worked example of the kernel, without the cache."""
    import numpy as np

    from mtorsim.compiler.warm import compile_example

    try:
        p = np.ones((4, 8))
        p[0], p[1] = 20.0, 40.0
        compile_example()(p)
        ok = bool((p[3] == 0.5).all())
    except Exception as problem:  # the user must see any error that numba raises here
        return "compiler", False, f"numba cannot compile: {type(problem).__name__}: {problem}"
    return "compiler", ok, "compiles and computes correctly" if ok else "computes CL / V = 0.5 incorrectly"
