"""Dose-response of fasting glucose, the dose that keeps a risk low, and schedules at equal inhibition of mTORC1.

    python benchmarks/dose_response.py [--subjects 400]

Prints the numbers of docs/dose_response.md and draws its figures.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import mtorsim as mt

LIMIT, RISK = 126.0, 0.2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=400)
    given = parser.parse_args()
    started = time.perf_counter()
    found = mt.dose_response(
        "everolimus_breast",
        at="8 weeks",
        subjects=given.subjects,
        schedules=["everolimus 70 mg q7d", "sirolimus 4 mg q24h"],
    )
    print(f"{found.told}: {time.perf_counter() - started:.0f} s")
    for k, one in enumerate(found.schedules):
        shares = found.above(LIMIT, k)
        for row, share in zip(found.table[found.table.schedule == one.name].to_dict("records"), shares, strict=True):
            change = f"{row['effect']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f})"
            exposure = f"trough {row['trough']:.1f}, inhibition {100 * row['inhibition']:.0f} %"
            print(f"{one.name} {row['dose']:g}: {exposure}, change {change}, above {LIMIT:g}: {share.estimate}")
    for what in ("inhibition", "trough"):
        print(f"at equal {what}")
        for row in found.at_equal(what, limit=LIMIT):
            above = "" if row.above is None else f", above {LIMIT:g}: {100 * row.above:.1f} %"
            print(f"  {row.name}: {row.dose:.3g}, {row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f}){above}")
    one = found.schedules[0]
    for name, who in {"all": np.ones(len(found.subjects), bool), **found.classes()}.items():
        dose = found.highest_dose(LIMIT, RISK, who=who).told(one.doses, one.unit)
        print(f"at most {100 * RISK:g} % above {LIMIT:g}, {name} ({(who & found.well).sum()}): {dose}")
    own = mt.dose_response("everolimus_breast", at="8 weeks", subjects=given.subjects)
    mt.plot.responses(own, limit=LIMIT, risk=RISK).savefig("docs/images/dose_response.png", dpi=110)
    mt.plot.responses(found, against="inhibition", limit=LIMIT).savefig("docs/images/schedules.png", dpi=110)


if __name__ == "__main__":
    main()
