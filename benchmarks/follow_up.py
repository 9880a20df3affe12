"""Schedules of follow-up on BOLERO-2's drug, with illness: what each finds, and what it costs.

    python benchmarks/follow_up.py [--subjects 2000]

Prints the numbers of docs/follow_up.md and draws its figure.
"""

from __future__ import annotations

import argparse
import time

import mtorsim as mt


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=2000)
    given = parser.parse_args()
    started = time.perf_counter()
    found = mt.follow_up("bolero_2", subjects=given.subjects, acted=400)
    print(f"{found.told}: {time.perf_counter() - started:.0f} s")
    for row in found.table.to_dict("records"):
        print(
            f"{row['name']}: {row['visits']:.1f} visits, delay {row['delay_days']:.0f} d, undetected "
            f"{row['weeks_undetected']:.1f} weeks/100, in time {100 * row['in_time']:.0f} % "
            f"({100 * row['in_time_low']:.0f}-{100 * row['in_time_high']:.0f}) of {row['severe_cases']}, "
            f"found {100 * row['found']:.0f} % of {row['cases']}, false {100 * row['false']:.1f} %"
        )
    best = next(way for way in found.ways if way.kind == "best")
    for way in found.ways:
        if way.kind == "adaptive":
            gain, low, high = (100 * x for x in found.gain(way, best))
            print(
                f"{way.name} less {best.name}: {gain:+.1f} points of severe cases in time ({low:+.1f} to {high:+.1f})"
            )
    print(f"{best.name}: {best.days}; {best.about}")
    for name, way in found.chosen_for.items():
        print(f"best for {name}: {way.days}")
    for row in found.acted:
        print(
            f"acted, {row.name}: {row.weeks_above:.0f} weeks above/100, ever severe {100 * row.severe:.1f} % "
            f"({100 * row.low:.1f}-{100 * row.high:.1f}), drug given {100 * row.intensity:.0f} %"
        )
    mt.plot.pareto(found).savefig("docs/images/follow_up.png", dpi=110)


if __name__ == "__main__":
    main()
