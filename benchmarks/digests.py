"""Digests of what twelve runs come to: equal digests are equal numbers, to the bit.

Run it before and after a change that should change no number:

    python benchmarks/digests.py > before.txt
    python benchmarks/digests.py --against before.txt
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mtorsim as mt

RECORDS = "\n".join(
    [
        "ID,TIME,AMT,CMT,EVID,ADDL,II",
        *(f"{i},0,10,everolimus.A_gut,1,13,24\n{i},100,0,.,0,0,0\n{i},330,0,.,0,0,0" for i in range(1, 6)),
    ]
)
"""Five subjects with daily doses by one record, and two observations each."""


def digest(arrays: Mapping[str, Any]) -> str:
    """A digest of numbers by name; text, such as a status, is left out."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        values = np.asarray(arrays[name])
        if values.dtype.kind in "fi":
            found.update(name.encode())
            found.update(np.ascontiguousarray(values, float).tobytes())
    return found.hexdigest()[:16]


def visits(result: Any) -> str:
    """Everything at every visit of every arm."""
    return digest({str(name): values.to_numpy() for name, values in result.visits.data_vars.items()})


def test(found: Any) -> str:
    """Curves and indices of a test of the laboratory."""
    return digest({**found.curves, **{f"index {name}": values for name, (_, values) in found.indices.items()}})


def records() -> str:
    """What each record of a table sees."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.csv"
        path.write_text(RECORDS + "\n", encoding="utf-8")
        frame = mt.simulate_events("everolimus_healthy", mt.read_events(path))
    return digest({str(name): frame[name].to_numpy() for name in frame.columns})


RUNS: Mapping[str, Callable[[], str]] = {
    "run everolimus_breast": lambda: visits(mt.simulate("everolimus_breast", subjects=64)),
    "run everolimus_healthy": lambda: visits(mt.simulate("everolimus_healthy", subjects=48)),
    "run untreated": lambda: visits(mt.simulate("untreated", subjects=32)),
    "run minimal_ivgtt": lambda: visits(mt.simulate("minimal_ivgtt")),
    "run topp_insulin_resistance": lambda: visits(mt.simulate("topp_insulin_resistance")),
    "run ogtt, double, tsit5": lambda: visits(mt.simulate("ogtt", method="tsit5", rtol=1e-6)),
    "run with a moved switch": lambda: visits(
        mt.simulate("everolimus_breast", subjects=32, settings={"insulin_action": 0})
    ),
    "table of records": records,
    "trial bolero_2, with rules": lambda: visits(mt.run_trial("bolero_2", subjects=48, sets=1).result),
    "test ogtt": lambda: test(mt.examine("ogtt", "ngt")),
    "test clamp": lambda: test(mt.examine("clamp", "igt", subjects=20)),
    "test ivgtt on drug": lambda: test(
        mt.examine("ivgtt", "ngt", dose="everolimus 10 mg q24h", at="2 weeks", subjects=20)
    ),
}


def main() -> None:
    """Print the digests, or those that differ from a file's; exit code 1 where any does."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--against", type=Path, help="digests printed before")
    before = parser.parse_args().against
    known = dict(line.rsplit(maxsplit=1) for line in before.read_text().splitlines()) if before else {}
    changed = 0
    for name, run in RUNS.items():
        found = run()
        verdict = "" if not known else "  same" if known.get(name) == found else f"  was {known.get(name)}"
        changed += "was" in verdict
        print(f"{name:30s} {found}{verdict}", flush=True)
    sys.exit(1 if changed else 0)


if __name__ == "__main__":
    main()
