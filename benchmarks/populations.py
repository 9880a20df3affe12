"""Many sampled subjects of every bundled population: how many fail, and why.

    python benchmarks/populations.py [--subjects N] [--days D] [--population NAME ...] --json FILE

Each subject is drawn, brought to its untreated day, and carried through two arms: 10 mg of everolimus
a day, and nothing. A line for each population: statuses by their sentence, values that are not numbers
although the subject is well, and the share that failed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.files.library import Library
from mtorsim.kernel.status import SENTENCES
from mtorsim.scenario.scenario import scenario_from_text

TEXT = """
title = "everyone"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "{population}"
duration = "{days} d"

[[arm]]
name = "everolimus"
[[arm.dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 d", "{days} d"]
"""


def main() -> None:
    """Run every population."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--population", nargs="*", default=list(Library().populations))
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    lines = []
    for name in given.population:
        lines.append(tried(name, given.subjects, given.days))
        print(lines[-1], flush=True)
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


def tried(population: str, subjects: int, days: int) -> dict:
    """One population."""
    text = TEXT.format(population=population, days=days)
    started = time.perf_counter()
    result = mt.simulate(scenario_from_text(text, Path("everyone.toml")), subjects=subjects)
    status = result.visits.status.transpose("arm", "subject").to_numpy()
    counts = Counter(status.ravel().tolist())
    glucose = result.visits.glucose.transpose("arm", "subject", "time").to_numpy()
    well = status == 0
    failed = int((~well).any(axis=0).sum())
    return {
        "population": population,
        "subjects": subjects,
        "days": days,
        "failed": failed,
        "share": failed / subjects,
        "not_numbers": int(np.isnan(glucose[well]).sum()),
        "status": {SENTENCES[int(code)]: count for code, count in sorted(counts.items())},
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    main()
