"""Forecasts against what comes: coverage, scores, grades and time, in simulated people whose future is known.

Each of the people is drawn from the population and followed on the drug with days that vary and assays that err. The
forecast sees age, sex, body size, whether diabetes was known, and 3 to 8 values; then it is compared with the value
that the laboratory reports 4 and 12 weeks later.

    python benchmarks/forecast.py [--people 500] [--walks 10]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.analysis.forecast.forecast import forecasts
from mtorsim.analysis.forecast.likelihood import Likelihood
from mtorsim.analysis.forecast.person import read_person
from mtorsim.analysis.forecast.posterior import find_mode
from mtorsim.analysis.forecast.prior import prior_of
from mtorsim.run.plan import make_plan

AHEAD = (28, 84)
HISTORY = ((0, 14), (0, 14, 28), (0, 14, 28, 56), (0, 7, 14, 28, 42, 56))
"""Days of fasting glucose; with HbA1c at the first, and a trough level on day 14, these are 3 to 8 values."""
LAST = 56
ASSAY = {"fasting_glucose": 0.02, "hba1c": 0.02, "drug_level": 0.10}


def truth(n: int, seed: int, population: str) -> mt.Result:
    """People on the drug, measured every week."""
    scenario = mt.Scenario(
        model=["glucose_insulin", "mtor", "everolimus"],
        population=population,
        subjects=n,
        seed=seed,
        duration=f"{LAST + AHEAD[-1]} days",
        doses=[mt.Dose("everolimus", "10 mg", every="24 h")],
        visits={"at": ["every 7 days"], "assay": ASSAY},
        occasion="2 days",
        arm_name="everolimus",
    )
    return mt.simulate(scenario)


def tables(result: mt.Result, i: int, population: str) -> tuple[dict, int]:
    """What the clinic knows of subject i, and the last day on which it was measured."""
    days = HISTORY[i % len(HISTORY)]
    trait = result.people.iloc[i]
    of = {name: measured(result, name)[i] for name in ASSAY}
    rows = []
    for day in days:
        row = {"day": day, "fasting_glucose": f"{of['fasting_glucose'][day // 7]:.1f} mg/dL"}
        if day == 0:
            row["hba1c"] = f"{of['hba1c'][0]:.2f} %"
        if day == 14 and i % 2:
            row["drug_level"] = f"{of['drug_level'][2]:.2f} ug/L"
        rows.append(row)
    person = {
        "name": f"subject {i}",
        "population": population,
        "sex": "male" if trait["male"] else "female",
        "age": float(trait["age"]),
        "bmi": float(trait["bmi"]),
        "height": float(trait["height"]),
        "diabetic": bool(trait["group diabetic"]),
        "ahead": f"{AHEAD[-1]} days",
    }
    dose = {"drug": "everolimus", "amount": "10 mg", "every": "24 h"}
    return {"person": person, "dose": [dose], "measured": rows}, days[-1]


def measured(result: mt.Result, name: str) -> np.ndarray:
    """Values that the laboratory reports, (subjects, weeks)."""
    return result.visits[f"{name}_measured"].values[0]


def crps(ensemble: np.ndarray, value: float) -> float:
    """Continuous ranked probability score of an ensemble (Gneiting and Raftery 2007)."""
    x = np.sort(ensemble)
    n = len(x)
    spread = 2.0 * np.sum(x * (np.arange(1, n + 1) - 0.5 * (n + 1))) / n**2
    return float(np.mean(np.abs(x - value)) - spread)


def scores(result: mt.Result, found: list, last: list[int]) -> None:
    """Print coverage, scores and grades at every horizon."""
    glucose = measured(result, "fasting_glucose")
    for horizon in AHEAD:
        inside, own, population, risk, came = [], [], [], [], []
        for i, forecast in enumerate(found):
            if isinstance(forecast, mt.MtorsimError):
                continue
            k = int(np.flatnonzero(forecast.days == horizon)[0])
            week = (last[i] + horizon) // 7
            value = glucose[i, week]
            ensemble = forecast.values("measured")[:, k]
            low, high = forecast.band("measured", 0.05)[k], forecast.band("measured", 0.95)[k]
            inside.append(low <= value <= high)
            own.append(crps(ensemble[np.isfinite(ensemble)], value))
            others = np.delete(glucose[:, week], i)
            population.append(crps(others[np.isfinite(others)], value))
            risk.append([float(np.mean(ensemble > limit)) for limit in LIMITS])
            came.append([value > limit for limit in LIMITS])
        n = len(inside)
        share = np.mean(inside)
        print(
            f"{horizon // 7} weeks ahead, {n} people: 90 % bands cover {100 * share:.1f} % "
            f"(standard error {100 * (share * (1 - share) / n) ** 0.5:.1f})"
        )
        print(
            f"  CRPS {np.mean(own):.2f} mg/dL, population {np.mean(population):.2f}: "
            f"{100 * (1 - np.mean(own) / np.mean(population)):.0f} % better"
        )
        risks, outcomes = np.array(risk), np.array(came, float)
        for j, name in enumerate(GRADES):
            p, y = risks[:, j], outcomes[:, j]
            climate = np.mean((y - y.mean()) ** 2)
            print(
                f"  {name}: {100 * y.mean():.1f} % have it, forecast {100 * p.mean():.1f} %; "
                f"Brier {np.mean((p - y) ** 2):.4f}, climatology {climate:.4f}"
            )
        if horizon == AHEAD[-1]:
            reliability(risks, outcomes)


GRADES = {"above 126 mg/dL": 126.0, "grade 2, above 160": 160.0, "grade 3, above 250": 250.0}
LIMITS = tuple(GRADES.values())


def reliability(risks: np.ndarray, outcomes: np.ndarray) -> None:
    """Print how often what was forecast with a probability comes."""
    p, y = risks[:, 1], outcomes[:, 1]
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01)):
        some = (p >= low) & (p < high)
        if some.any():
            print(
                f"  grade 2 forecast {100 * p[some].mean():.0f} %: came in {100 * y[some].mean():.0f} % of {some.sum()}"
            )


def walk(table: dict, steps: int, chains: int) -> tuple[float, float, float]:
    """Sample a person's posterior by random walks that keep the prior (preconditioned Crank-Nicolson, Cotter 2013).

    Returns the largest difference of a mean from that of the forecast's samples, in SDs; the largest ratio of SDs
    off 1; and the share of accepted steps. The walks start from the normal law at the mode.
    """
    person = read_person(table, compare=False)
    plan = make_plan(person.scenario, seed=1)
    plan.choose_forms(10**6)
    prior = prior_of(plan, person.given, person.members)
    with ThreadPoolExecutor(2) as pool:

        def share(work, n):
            parts = np.array_split(np.arange(n), min(2, n))
            return tuple(np.concatenate(part) for part in zip(*pool.map(work, parts), strict=True))

        likelihood = Likelihood(person, plan, prior, share)
        mode = find_mode(likelihood.residuals(likelihood.first_noise()), np.zeros(len(prior.names)))
        noise = likelihood.noise(mode.deviates)
        problem = likelihood.residuals(noise)
        mode = find_mode(problem, mode.deviates)
        rng = np.random.default_rng(5)
        here = mode.deviates + rng.normal(size=(chains, len(prior.names))) @ np.linalg.cholesky(mode.covariance).T

        def fit(z):
            found = problem(z)
            value = found.log_weight - 0.5 * np.sum(found.residuals**2, axis=1)
            return np.where(np.isfinite(value), value, -np.inf)

        value, kept, moved, size = fit(here), [], 0, 0.25
        for step in range(steps):
            there = np.sqrt(1 - size**2) * here + size * rng.normal(size=here.shape)
            new = fit(there)
            accepts = np.log(rng.uniform(size=chains)) < new - value
            here[accepts], value[accepts] = there[accepts], new[accepts]
            moved += accepts.mean()
            if step >= steps // 3:
                kept.append(here.copy())
    walked = np.concatenate(kept)
    found = mt.forecast(table, compare=False, enough=600, ahead=16).inferred
    sd = walked.std(axis=0)
    return (
        float(np.max(np.abs(walked.mean(axis=0) - found.mean) / sd)),
        float(np.max(np.abs(np.log(found.sd / sd)))),
        moved / steps,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--population", default="oncology")
    parser.add_argument("--keep", type=Path, help="write one line per person to this file")
    parser.add_argument("--walks", type=int, default=0, help="compare so many people with an independent sampler")
    given = parser.parse_args()
    result = truth(given.people, given.seed, given.population)
    known = [tables(result, i, given.population) for i in range(given.people)]
    people = [table for table, _ in known]
    if given.walks:
        for table in people[: given.walks]:
            mean, spread, moved = walk(table, steps=240, chains=48)
            name = table["person"]["name"]
            print(
                f"{name}: means within {mean:.2f} SD, SDs within {100 * (np.exp(spread) - 1):.0f} %, "
                f"{100 * moved:.0f} % of steps accepted"
            )
        return
    last = [day for _, day in known]
    forecasts(people[:2])  # warm
    started = time.perf_counter()
    found = forecasts(people)
    took = time.perf_counter() - started
    refused = [(i, f) for i, f in enumerate(found) if isinstance(f, mt.MtorsimError)]
    well = [f for f in found if not isinstance(f, mt.MtorsimError)]
    print(f"{given.people} people in {took:.0f} s on {os.cpu_count()} cores: {took / given.people:.2f} s each")
    for i, error in refused:
        print(f"subject {i} refused: {error.message}")
    ess = np.array([f.inferred.effective for f in well])
    print(
        f"effective sample size: median {np.median(ess):.0f}, above 100 in {100 * np.mean(ess > 100):.1f} %; "
        f"candidates: median {np.median([f.inferred.candidates for f in well]):.0f}"
    )
    apart = np.array([f.inferred.apart for f in well])
    print(f"mode and mean of the samples within half an SD of each other in {100 * np.mean(apart <= 0.5):.0f} %")
    scores(result, found, last)
    if given.keep:
        rows = [
            {
                "i": i,
                "ess": f.inferred.effective,
                "n": f.inferred.candidates,
                "apart": f.inferred.apart,
                "widths": [float(np.ptp(np.nanquantile(f.values("measured")[:, -1], [0.05, 0.95])))],
            }
            for i, f in enumerate(found)
            if not isinstance(f, mt.MtorsimError)
        ]
        given.keep.write_text("\n".join(map(json.dumps, rows)))


if __name__ == "__main__":
    main()
