"""What the effect of everolimus 10 mg a day on fasting glucose rests on.

Every parameter over its range in some women, one at a time; then all at once in one woman whose effect is near the
mean: a screening of all parameters, and Sobol indices of the first eight.

python benchmarks/sensitivity.py [--by ranges|sobol] [--weeks 8] [--subjects 8] [--subject 1] [--samples 512]
"""

from __future__ import annotations

import argparse
import time

import mtorsim as mt


def ranges(given):
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


def sobol(given):
    started = time.perf_counter()
    found = mt.sobol(
        "everolimus_breast",
        at=f"{given.weeks} weeks",
        effect=True,
        subject=given.subject,
        samples=given.samples,
        within=given.within,
    )
    screening = found.screening
    sets = screening.samples + given.samples * (len(found.rows) + 2)
    print(f"{found.told}: {found.answer:+.1f}; {sets:,} sets of parameters in {time.perf_counter() - started:.0f} s")
    print(f"screening: {screening.failed} of {screening.samples:,} samples failed, {len(screening.idle)} idle")
    for row in screening.rows[:12]:
        print(f"| `{row.name}` | {row.mu_star:.1f} | {row.mu:+.1f} | {row.sigma:.1f} | {row.evidence} |")
    low, high = found.interactions_interval
    print(f"mean {found.mean:+.1f}, standard deviation {found.deviation:.1f}")
    print(f"interactions {found.interactions:.2f} ({low:.2f} to {high:.2f})")
    for row in found.rows:
        first, total = (f"{low:.2f} to {high:.2f}" for low, high in (row.first_interval, row.total_interval))
        print(f"| `{row.name}` | {row.first:.2f} ({first}) | {row.total:.2f} ({total}) | {row.evidence} |")
    mt.plot.morris(screening).savefig("docs/images/morris.png", dpi=110)
    mt.plot.sobol(found).savefig("docs/images/sobol.png", dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by", choices=["ranges", "sobol"], help="only this")
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--subject", type=int, default=1)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--within", type=float, default=0.2)
    parser.add_argument("--weeks", type=int, default=8)
    given = parser.parse_args()
    for name, analysis in (("ranges", ranges), ("sobol", sobol)):
        if given.by in (None, name):
            analysis(given)


if __name__ == "__main__":
    main()
