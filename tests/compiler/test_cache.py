"""What is kept on disk: damaged, left behind by a process that died, or made by two at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mtorsim as mt
from mtorsim.compiler.warm import _is_alive

COMMAND = [sys.executable, "-m", "mtorsim", "test", "ogtt", "--preset", "NGT", "--quiet", "--json"]


def run(cache: Path) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"MTORSIM_CACHE": str(cache)}
    return subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def cold(tmp_path_factory):
    """A cache of its own, filled once, and what the command printed."""
    cache = tmp_path_factory.mktemp("cache")
    first = run(cache)
    assert (first.returncode, first.stderr) == (0, "")
    return cache, first.stdout


@pytest.mark.parametrize("damage", ["code", "layout and text", "claim"])
def test_a_damaged_cache_is_mended_and_gives_the_same(cold, damage):
    cache, wanted = cold
    solver = next(p for p in cache.iterdir() if p.name.startswith("solver_"))
    if damage == "code":
        # Some emptied and some cut short: each is noticed in its own way.
        for k, path in enumerate(sorted(p for p in cache.rglob("*") if p.is_file())):
            path.write_bytes(path.read_bytes()[:100] if k % 2 and path.suffix == ".nbc" else b"")
    elif damage == "layout and text":
        # In one run, since each is written anew and compiled again.
        for path in cache.rglob("layout.json"):
            path.write_text("[]")
        for path in cache.rglob("problem.py"):
            path.write_text("1/0")
        for path in cache.rglob("precision.py"):
            path.write_text("")
    else:
        # A process that was killed while it compiled has left its claims, and no marker.
        for marker in solver.glob("compiled-*"):
            marker.with_name(f".{marker.name}").write_text(f"{2**22 + 1} {os.uname().nodename}")
            marker.unlink()
    found = run(cache)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == wanted


def test_a_claim_lives_as_long_as_its_process(tmp_path):
    claim = tmp_path / "claim"
    assert not _is_alive(claim)
    claim.write_text(f"{os.getpid()} {os.uname().nodename}")
    assert _is_alive(claim)
    claim.write_text(f"{2**22 + 1} {os.uname().nodename}")
    assert not _is_alive(claim)
    claim.write_text(f"{2**22 + 1} another-machine")
    assert _is_alive(claim)
    claim.write_text("")
    assert _is_alive(claim)


def test_a_title_is_text_and_no_formula(tmp_path):
    from mtorsim.plots.run import draw
    from mtorsim.units.display import display_units

    scenario = mt.read_scenario("ogtt").replace(title=r"costs $\input{x}$ or $5", subjects=1)
    paths = draw(mt.simulate(scenario), tmp_path, display_units("mg/dL"), "svg")
    assert paths
