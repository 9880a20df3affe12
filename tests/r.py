"""R, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed: no Rscript")


def run_r(code: str, folder: Path, *words: str) -> str:
    """What a script prints; it ends well."""
    script = folder / "script.R"
    script.write_text(code, encoding="utf-8")
    command = ["Rscript", "--vanilla", str(script), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_plain())
    assert done.returncode == 0, done.stderr
    return done.stdout


def _plain() -> dict[str, str]:
    import os

    return {**os.environ, "LC_ALL": "C.UTF-8"}
