"""Results of the bundled trials, their sensitivity to assumptions, and time: the tables of docs/trials.md.

    python benchmarks/trials.py [--subjects 500] [--few 250]

One assumption at a time is changed in BOLERO-2, RADIANT-4 and EXIST-2, in the same subjects, without refitting.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import mtorsim as mt
from mtorsim.scenario.variants import ALTERNATIVES

TRIALS = ("bolero_2", "radiant_4", "exist_2", "record_1", "solar_1", "metallica_normal", "metallica_raised", "faktion")
CHANGES = {
    "standard model": {},
    "secretion spared": {"secretion": 0},
    "insulin action spared": {"insulin_action": 0},
    **ALTERNATIVES,
}


def rates(report):
    """Share above the ULN and above 250 mg/dL of drug and placebo, %."""
    arms = list(report.arms.values())[:2]
    return " / ".join(f"{100 * arm.share[n].value:.1f}" for arm in arms for n in (">ULN", ">250"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--few", type=int, default=250)
    given = parser.parse_args()
    n, few = given.subjects, given.few
    print("| trial, arm | above | observed, % (95 %) | predicted, % (95 %) | |\n|---|---|---|---|---|")
    for name in TRIALS:
        for row in mt.run_trial(name, subjects=n).observed:
            if row.observed is not None:
                seen = f"{100 * row.observed:.1f} ({100 * row.observed_low:.1f}-{100 * row.observed_high:.1f})"
                ours = f"{100 * row.predicted:.1f} ({100 * row.low:.1f}-{100 * row.high:.1f})"
                print(f"| {name}, {row.arm} | {row.endpoint} | {seen} | {ours} | {row.role}: {row.agreement} |")
    print("\n| changed, without refitting | BOLERO-2 | RADIANT-4 | EXIST-2 |\n|---|---|---|---|")
    for name, settings in CHANGES.items():
        label = name + (f" ({', '.join(f'`{k}` = {v:g}' for k, v in settings.items())})" if settings else "")
        cells = [rates(mt.run_trial(t, subjects=few, settings=settings, sets=1, variants=False)) for t in TRIALS[:3]]
        print(f"| {label} | {' | '.join(cells)} |", flush=True)
    for label, share in (("no sample", 0.0), ("every fourth sample", 0.25)):
        scenario = mt.read_scenario("bolero_2")
        sampling = replace(scenario.sampling, not_fasting=replace(scenario.sampling.not_fasting, share=share))
        shown = rates(mt.run_trial(scenario.but(sampling=sampling), subjects=few, sets=1, variants=False))
        print(f"| {label} of BOLERO-2 not fasting | {shown} | | |", flush=True)
    for uln in (99, 106, 115):
        cells = [rates(mt.run_trial(t, subjects=few, sets=1, variants=False, uln=uln)) for t in TRIALS[:3]]
        print(f"| upper limit of normal {uln} mg/dL | {' | '.join(cells)} |", flush=True)
    scenario = mt.read_scenario("radiant_4").replace(duration="40 weeks")
    started = time.perf_counter()
    mt.simulate(scenario)
    seconds = time.perf_counter() - started
    print(f"\n2 x {scenario.subjects} subjects, 40 weeks, with rules: {seconds:.1f} s warm")


if __name__ == "__main__":
    main()
