"""Who gets hyperglycaemia on everolimus in BOLERO-2, from what is known before the first dose; and what it costs.

    python benchmarks/risk.py [--subjects 1000]

Prints every number of docs/risk.md and draws its two figures.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import mtorsim as mt
from mtorsim.analysis.risk.performance import c_statistic
from mtorsim.analysis.risk.risk import cross_validated
from mtorsim.trial.run import values_of

PERSON = {
    "fasting_glucose": 112,
    "hba1c": 5.9,
    "known_diabetes": 0,
    "age": 66,
    "bmi": 33,
    "c_peptide": 2.4,
    "insulin": 12,
    "weight": 86,
    "height": 1.62,
    "bsa": 1.92,
    "haematocrit": 0.36,
}
"""A woman of the docs; the models take what they need."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=1000)
    given = parser.parse_args()
    for run in ("cold", "warm"):
        started = time.perf_counter()
        found = mt.risk("bolero_2", subjects=given.subjects)
        print(f"{run}: {found.told}: {time.perf_counter() - started:.0f} s")
    for outcome, model in found.models.items():
        told(outcome, model)
    for outcome, risk in found.probability(**PERSON).items():
        print(f"the woman of the docs: {outcome}: {risk}")
    two = ["fasting_glucose", "hba1c"]
    few = mt.risk("bolero_2", subjects=given.subjects, predictors=two)
    for outcome, model in few.models.items():
        print(f"{outcome}, of {' and '.join(two)} alone: c {model.validation.c}; Brier {model.validation.brier:.3f}")
    unseen(given.subjects)
    mt.plot.nomogram(found, person=PERSON).savefig("docs/images/risk.png", dpi=110)
    mt.plot.reliability(found).savefig("docs/images/risk_calibration.png", dpi=110)


UNSEEN = {
    "exposure": ["everolimus.CL", "everolimus.V1", "everolimus.ka"],
    "sensitivity to the drug": ["mtor.gI", "mtor.gS", "everolimus.K2_shared", "everolimus.K2_beta"],
    "sensitivity and reserve": ["glucose_insulin.SIp", "glucose_insulin.SIh", "glucose_insulin.phis"],
}
"""Parameters of the model, which no clinic knows."""


def unseen(subjects):
    """Print how much better risks would be if parameters of the model were known."""
    scenario = mt.read_scenario("bolero_2").as_trial()
    scenario = scenario.but(arms=scenario.arms[:1])
    result = mt.simulate(scenario, subjects=subjects)
    values = values_of(scenario, result, result.weights)["everolimus"]
    y, who = (values.grade >= 2).astype(float), np.arange(subjects)
    known = {"glucose": values.glucose[:, 0], "hba1c": values.hba1c[:, 0]}
    for name in [*UNSEEN, "all"]:
        more = [p for group in UNSEEN.values() for p in group] if name == "all" else UNSEEN[name]
        x = known | {p: np.log(np.asarray(result.people[p])) for p in more}
        risk = cross_validated(x, y, values.weights, who)
        print(f"grade 2, of glucose, HbA1c and {name}: c {c_statistic(risk, y, values.weights)}")


def told(outcome, model):
    """Print a model."""
    v = model.validation
    print(f"{outcome}: {model.events} of {model.n}, {model.rate}; {model.already} at the start")
    for row in model.odds:
        if row.ratio is not None:
            print(f"  {row.told}: {row.ratio}; alone {row.alone}")
    for name, reason in model.dropped.items():
        print(f"  not used: {name}: {reason}")
    print(f"  c {v.c}; slope {v.slope}; intercept {v.intercept}; Brier {v.brier:.3f} (base rate {v.brier_base:.3f})")
    for t in v.tenths:
        print(f"  {t.n}: predicted {100 * t.predicted:.1f} %, observed {t.observed}")


if __name__ == "__main__":
    main()
