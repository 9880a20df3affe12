"""Peak memory of a streamed run against the number of subjects.

    python benchmarks/memory.py --json FILE

Each run is a process of its own, written to a folder and not read back.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mtorsim.results.manifest import machine

SUBJECTS = (1_000, 10_000, 100_000)
RUN = """
import resource, sys
import mtorsim as mt
mt.simulate("everolimus_breast", subjects=int(sys.argv[1]), out=sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="*", default=list(SUBJECTS))
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    lines = []
    for subjects in given.subjects:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", RUN, str(subjects), f"{folder}/out"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            stored = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 2**20
        lines.append(
            {
                "problem": "memory",
                "engine": "mtorsim",
                "subjects": subjects,
                "peak_mib": float(done.stdout),
                "stored_mib": stored,
                "machine": machine(),
            }
        )
        print(f"{subjects:7d} subjects: peak {float(done.stdout):.0f} MiB, stored {stored:.0f} MiB", flush=True)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
