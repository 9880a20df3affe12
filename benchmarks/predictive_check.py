"""Predictive checks of data that the model itself made, and of data made by another model.

    python benchmarks/predictive_check.py [--sets 400] [--replicates 500] > benchmarks/results/predictive_check.txt
    python benchmarks/predictive_check.py --figures docs/images

Coverage of the intervals of percentiles, p of the tests of prediction errors, and how often other models are found out.
Data sets are checked in twenties, each twenty against replicates of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import mtorsim as mt
from mtorsim.analysis.predictive_check.correction import predictions
from mtorsim.analysis.predictive_check.design import design_of
from mtorsim.analysis.predictive_check.normality import error_tests
from mtorsim.analysis.predictive_check.npde import prediction_errors
from mtorsim.analysis.predictive_check.panels import panels_of
from mtorsim.run.options import Options

TOGETHER = 20
LEVELS = (5.0, 50.0, 95.0)
HALVED = """
[population]
name = "halved"
about = "half the variability that the module states"
{parameters}
"""
LINE = """[parameters."everolimus.{name}"]
iiv = {iiv:.4f}
source = "this_work"
evidence = "design"
"""
CV = {"CL": 0.36, "V1": 0.60, "ka": 0.30}


def everolimus():
    """Drug levels of 30 people on 5, 7.5 and 10 mg a day: one profile on day 7, at about the planned hours."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(30):
        dose = (5, 7.5, 10)[i % 3]
        rows.append((i + 1, 0.0, 1, dose, 24, 7, np.nan))
        for hour in (0, 1, 2, 4, 8, 24):
            rows.append((i + 1, round(144 + hour + (hour > 0) * rng.uniform(-0.2, 0.2), 2), 0, 0, 0, 0, 1.0))
    return pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "AMT", "II", "ADDL", "DV"]).sort_values(
        ["ID", "TIME"], kind="stable"
    )


def glucose():
    """Glucose of 40 people after 75 g by mouth."""
    hours = (0, 0.5, 1, 1.5, 2, 3)
    return pd.DataFrame([(i + 1, t, 1.0) for i in range(40) for t in hours], columns=["ID", "TIME", "DV"])


STUDIES = {
    "drug level, own doses": {
        "scenario": ["everolimus"],
        "table": everolimus,
        "of": "everolimus.C",
        "cv": 0.15,
        "wrong": {"clearance x 1.5": {"settings": {"everolimus.CL": 31.5}}, "omega / 2": {"population": "halved"}},
        "lloq": 5.0,
    },
    "glucose, planned meal": {
        "scenario": "minimal_ogtt",
        "table": glucose,
        "of": "glucose",
        "cv": 0.05,
        "arm": "healthy",
        "wrong": {"insulin sensitivity / 2": {"settings": {"minimal.SI": 1.75e-4}}},
        "lloq": None,
    },
}


def designed(study, library, lloq=None, settings=None, population="modelled"):
    given = {"seed": 1, "population": population, "settings": settings, "options": Options.given()}
    table = mt.read_events(study["table"]())
    wanted = {"of": study["of"], "arm": study.get("arm"), "cv": study["cv"], "sd": None}
    reading = {"dv_unit": None, "lloq": lloq, "dvid": None, "by": None}
    return design_of(study["scenario"], table, given, library, None, **wanted, **reading)


def with_values(observed, value):
    """The samples with other values."""
    from dataclasses import replace

    below = value < observed.limit
    return replace(observed, value=np.where(below, observed.limit, value), below=below)


def checked(design, sets, replicates):
    """Share of percentiles outside, and p of tests, of data sets (sets, samples)."""
    outside, corrected, below, ps, simulated, moments = [], [], [], [], [], []
    for first in range(0, len(sets), TOGETHER):
        found = design.simulate(replicates, 1, seed=100 + first).values
        prediction = predictions(found)
        for value in sets[first : first + TOGETHER]:
            own = with_values(design.observed, value)
            panel = panels_of(own, found, None, "auto", LEVELS)[0]
            outside.append(np.mean([c.outside for b in panel.bins for c in b.percentiles]))
            if own.censored:
                below.append(np.mean([b.below.outside for b in panel.bins]))
            else:
                panel = panels_of(own, found, prediction, "auto", LEVELS)[0]
                corrected.append(np.mean([c.outside for b in panel.bins for c in b.percentiles]))
            errors = prediction_errors(own, found, 1)
            test = error_tests(errors.npde, errors.exchangeable)
            moments.append((test.mean, test.variance))
            ps.append((test.p_mean, test.p_variance, test.p_normal, test.p_global))
            simulated.append(
                (test.simulated_mean, test.simulated_variance, test.simulated_normal, test.simulated_global)
            )
    return outside, corrected, below, np.array(ps), np.array(simulated), np.array(moments)


def told(name, found):
    outside, corrected, below, ps, simulated, moments = found
    k = len(outside)
    print(f"  {name}: percentiles outside {100 * np.mean(outside):.1f} %", end="")
    if corrected:
        print(f", corrected {100 * np.mean(corrected):.1f} %", end="")
    if below:
        print(f", share below the limit outside {100 * np.mean(below):.1f} %", end="")
    print(f"; npde mean {moments[:, 0].mean():+.3f}, variance {moments[:, 1].mean():.3f} (of {k} sets)")
    for label, p in (("usual tests", ps), ("by replicates", simulated)):
        rejected = ", ".join(f"{n} {100 * (p[:, j] < 0.05).mean():.1f} %" for j, n in enumerate(NAMES))
        uniform = ", ".join(f"{stats.kstest(p[:, j], 'uniform').pvalue:.3f}" for j in range(3))
        print(f"    {label}: p < 0.05 in {rejected}; p of uniform p: {uniform}")


def levels():
    """The table of docs/predictive_check.md."""
    rows = []
    for person in range(1, 25):
        rows.append((person, 0.0, 1, (5, 7.5, 10)[person % 3], 24, 6, None))
        rows += [(person, 144.0 + h, 0, 0, 0, 0, 1.0) for h in (1, 2, 4, 8, 23.9)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "AMT", "II", "ADDL", "DV"])
    true = mt.simulate_events(["everolimus"], mt.read_events(table), population="modelled", seed=7)
    error = np.random.default_rng(7).normal(1, 0.15, len(table))
    return table.assign(DV=(true["everolimus.C"] * error).where(table.EVID == 0))


def draw(folder):
    """The figures of docs/predictive_check.md."""
    found = mt.predictive_check(
        ["everolimus"], levels(), of="everolimus.C", population="modelled", cv=0.15, replicates=200
    )
    mt.plot.vpc(found).savefig(folder / "vpc.png", dpi=130)
    mt.plot.npde(found).savefig(folder / "npde.png", dpi=130)


NAMES = ("mean", "variance", "shape", "any (Bonferroni)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args()
    if given.figures:
        draw(given.figures)
        return
    with tempfile.TemporaryDirectory() as folder:
        lines = "\n".join(LINE.format(name=n, iiv=np.sqrt(np.log(1 + v**2)) / 2) for n, v in CV.items())
        (Path(folder) / "halved.toml").write_text(HALVED.format(parameters=lines), encoding="utf-8")
        library = mt.Library((Path(folder),))
        for name, study in STUDIES.items():
            for lloq in dict.fromkeys((None, study["lloq"])):
                started = time.perf_counter()
                design = designed(study, library, lloq)
                sets = design.simulate(given.sets, 1, seed=7).values
                limit = f", {100 * np.mean(sets < lloq):.0f} % below {lloq:g}" if lloq else ""
                n = len(design.observed)
                print(f"{name}{limit}: {given.sets} data sets of {n} samples, {given.replicates} replicates")
                told("the model itself", checked(design, sets, given.replicates))
                for wrong, how in study["wrong"].items():
                    told(wrong, checked(designed(study, library, lloq, **how), sets[:100], given.replicates))
                print(f"  {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
