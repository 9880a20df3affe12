"""What every test may use; kernels of tests are kept in the working copy, apart from the user's."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ["MTORSIM_CACHE"] = str(ROOT / ".kernels")
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".kernels" / "numba"))
os.environ["COLUMNS"] = "200"

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from mtorsim.cli import main  # noqa: E402

# A machine that is busy with other work is no fault of a test.
settings.register_profile("busy", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


class Outcome:
    """What a command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def mtorsim(capsys):
    """The command line as a user types it, in this process: `mtorsim("check", "x.toml")`."""

    def run(*words: str | Path) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(w) for w in words])
        printed = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    return run
