"""What the effect of everolimus 10 mg a day on fasting glucose rests on: every parameter over its range.

python benchmarks/sensitivity.py [--subjects 8] [--weeks 8]
"""

from __future__ import annotations

import argparse
import time

import mtorsim as mt


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--weeks", type=int, default=8)
    given = parser.parse_args()
    started = time.perf_counter()
    found = mt.sensitivity("everolimus_breast", at=f"{given.weeks} weeks", effect=True, subjects=given.subjects)
    count = len(found.rows) + len(found.idle)
    print(f"{found.told}: {found.answer:+.1f}; {count} parameters in {time.perf_counter() - started:.0f} s")
    for row in found.rows[:12]:
        ends = f"{row.between[0]:g} to {row.between[1]:g} {row.unit}"
        print(f"| `{row.name}` | {ends} | {row.low:+.0f} to {row.high:+.0f} | {row.evidence} | {row.about} |")
    print(", ".join(f"{kind} {100 * share:.0f} %" for kind, share in found.by_evidence.items()))
    print("some failed:", ", ".join(f"{r.name} ({r.failed})" for r in found.rows if r.failed) or "none")
    mt.plot.tornado(found).savefig("docs/images/tornado.png", dpi=110)


if __name__ == "__main__":
    main()
