"""How many subjects a precision takes: random draws, Sobol points, an oversampled tail; and runs that stop in time.

    python benchmarks/draws.py [--repeats R] [--subjects N] [--stops S] --json FILE --figure FILE

Women of a breast cancer trial take everolimus for four weeks. For each of R seeds, the share with fasting glucose above
160 and above 250 mg/dL and its mean are estimated from the first 64, 128, ... subjects; errors are those from the mean
of all Sobol draws. Then S runs are stopped at `P(worst_fasting_glucose > 160 mg/dL) +- 0.8 %`, and it is counted in
how many the interval covers the share.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.results.manifest import machine
from mtorsim.scenario.scenario import scenario_from_text
from mtorsim.stats.shares import wilson

TEXT = """
title = "four weeks"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "breast_postmenopausal"
duration = "4 weeks"

[[dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["2 weeks", "4 weeks"]
sample = "fasting"
"""
KINDS = {
    "random": {},
    "Sobol": {"draws": "sobol"},
    "tail oversampled": {"tails": {"glucose_insulin.phis": "lowest 20 % as 50 %"}},
    "Sobol, tail oversampled": {"draws": "sobol", "tails": {"glucose_insulin.phis": "lowest 20 % as 50 %"}},
}
OUTCOMES = {
    "P(> 160 mg/dL)": lambda worst: worst > 160,
    "P(> 250 mg/dL)": lambda worst: worst > 250,
    "mean": lambda worst: worst,
}
GOAL = "P(worst_fasting_glucose > 160 mg/dL) +- 0.8 %"


def main() -> None:
    """Estimate, compare, draw, and stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--subjects", type=int, default=4096)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    given = parser.parse_args()
    scenario = scenario_from_text(TEXT, Path("draws.toml"))
    sizes = [2**k for k in range(6, given.subjects.bit_length())]
    found = {kind: estimates(scenario, how, sizes, given) for kind, how in KINDS.items()}
    truth = found["Sobol"][:, -1].mean(axis=0)
    lines = []
    print(
        f"{'draws':24s} {'n':>5s} " + " ".join(f"{name:>16s}" for name in OUTCOMES) + "   random subjects it replaces"
    )
    for kind, estimated in found.items():
        errors = np.sqrt(((estimated - truth) ** 2).mean(axis=0))
        # The error of n random subjects falls as 1 / sqrt(n); its constant is fitted over all n.
        one = np.sqrt((((found["random"] - truth) ** 2) * np.array(sizes)[None, :, None]).mean(axis=(0, 1)))
        for n, row in zip(sizes, errors, strict=True):
            worth = (one / row) ** 2
            lines.append({"draws": kind, "n": n, "rmse": row.tolist(), "replaces": worth.tolist()})
            shown = " ".join(f"{x:16.5f}" for x in row)
            print(f"{kind:24s} {n:5d} {shown}   " + ", ".join(f"{w:.0f}" for w in worth), flush=True)
    covered, stopped = stops(scenario, given.stops, truth[0])
    print(f"{GOAL}: {covered} of {given.stops} intervals cover; stopped at {min(stopped)} to {max(stopped)} subjects")
    report = {"truth": truth.tolist(), "outcomes": list(OUTCOMES), "errors": lines, "machine": machine()}
    report |= {"goal": GOAL, "stops": given.stops, "covered": covered, "stopped_at": stopped}
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(report) + "\n", encoding="utf-8")
    draw(lines, given.figure)


def estimates(scenario: mt.Scenario, how: dict, sizes: list[int], given: argparse.Namespace) -> np.ndarray:
    """Each outcome's mean in the first subjects, (repeats, sizes, outcomes)."""
    found = []
    for seed in range(given.repeats):
        result = mt.simulate(scenario, subjects=sizes[-1], seed=seed, kernel="compiled", observe=[], **how)
        worst, weights = worst_of(result), result.weights
        own = [[np.average(f(worst[:n]), weights=weights[:n]) for f in OUTCOMES.values()] for n in sizes]
        found.append(own)
    return np.array(found)


def worst_of(result: mt.Result) -> np.ndarray:
    """Highest fasting glucose of each subject."""
    return result.visits.fasting_glucose.to_numpy()[0].max(axis=1)


def stops(scenario: mt.Scenario, count: int, truth: float) -> tuple[int, list[int]]:
    """In how many runs to a precision the interval covers the share, and where they stopped."""
    covered, stopped = 0, []
    for seed in range(1000, 1000 + count):
        result = mt.simulate(scenario, seed=seed, until=GOAL, kernel="compiled", observe=[])
        n = result.summary["subjects"]
        low, high = wilson(float((worst_of(result) > 160).sum()), n)
        covered += bool(low <= truth <= high)
        stopped.append(n)
    return covered, stopped


def draw(lines: list[dict], path: Path) -> None:
    """Error against the number of subjects."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for k, (axis, name) in enumerate(zip(axes, OUTCOMES, strict=True)):
        for style, kind in zip(("o-", "s-", "^--", "d--"), KINDS, strict=True):
            own = [x for x in lines if x["draws"] == kind]
            axis.loglog([x["n"] for x in own], [x["rmse"][k] for x in own], style, label=kind, ms=4, lw=1.4)
        axis.set(title=name, xlabel="subjects")
        axis.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("root mean square error")
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
