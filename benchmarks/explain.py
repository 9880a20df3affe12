"""Why glucose rises on everolimus 10 mg a day, by class of people; and what an explanation costs.

    python benchmarks/explain.py [--subjects 400] [--weeks 24]

The population and the dose are those of BOLERO-2. The first lines time 40 people and eight effects, warm.
"""

from __future__ import annotations

import argparse
import time

import mtorsim as mt


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=400)
    parser.add_argument("--weeks", type=int, default=24)
    given = parser.parse_args()
    at = f"{given.weeks} weeks"
    for run in ("cold", "warm"):
        started = time.perf_counter()
        why = mt.explain("everolimus_breast", at=at, subjects=40)
        print(f"{run}: 40 people, {len(why.effects)} effects, {at}: {time.perf_counter() - started:.0f} s")
    why = mt.explain("everolimus_breast", at=at, subjects=given.subjects)
    print(why.told)
    for name, who in {"all": why.well, **why.classes(), **why.classes("bmi")}.items():
        some = why.well & who
        rows = "; ".join(f"{r.name} {r.mean:+.1f} ({r.low:+.1f} to {r.high:+.1f})" for r in why.families(who)[:-1])
        print(f"{name} ({some.sum()}): {(why.treated - why.untreated)[some].mean():+.1f} mg/dL; {rows}")
    for limit in (126.0, 160.0):
        found = why.above(limit)
        rows = "; ".join(f"{r.name} {r.mean:+.1f}" for r in found["shares"])
        print(f"above {limit:g}: {found['untreated']:.1f} % without, {found['treated']:.1f} % on the drug; {rows}")
    for one, other, row in why.pairs()[:4]:
        print(f"{one} and {other}: {row.mean:+.2f}")
    why_figure(why)


def why_figure(why):
    """Draw the mean contributions and the people."""
    mt.plot.contributions(why).savefig("docs/images/why.png", dpi=110)
    mt.plot.people(why).savefig("docs/images/why_people.png", dpi=110)


if __name__ == "__main__":
    main()
