"""Treated people: what dose, time and each arm of the mechanism do, and lost insulin action as the control case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import gaussian_kde

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.ogtt import ogtt
from mtorsim.results.limits import worst_fasting
from mtorsim.results.result import Result
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import fasting_values
from mtorsim.scenario.scenario import read_scenario
from mtorsim.scenario.tables import Arm, Dose
from mtorsim.simulation.simulate import simulate
from mtorsim.trial.matching import matched

from .check import Check, answered
from .mechanism import beside_placebo
from .session import Session

__all__ = ["checks"]

SECTION = "treated"
PATIENTS = 250
"""Subjects of each trial-like comparison."""
WEEK = 168.0


def checks(session: Session) -> Iterator[Check]:
    """All comparisons of treated people; SOLAR-1 was fitted, and the single dose of alpelisib chose its values."""
    yield from answered(SECTION, _one_dose_of_alpelisib(session))
    yield from answered(SECTION, _daily_alpelisib(session))
    yield from answered(SECTION, _everolimus(session))
    yield from answered(SECTION, _low_doses(session))
    yield from answered(SECTION, _glucagon(session))
    yield from answered(SECTION, _temsirolimus(session))
    yield from answered(SECTION, _capivasertib(session))
    yield from answered(SECTION, _untreated(session))


def _one_dose_of_alpelisib(session: Session) -> dict[str, float]:
    """A tablet at bedtime in the lean healthy person, and an oral test the next morning."""
    scenario = beside_placebo(session, "1 d", [("alpelisib", "300 mg x 1")], fast=True)
    (drug,), (placebo,) = (session.examine(scenario, [(9.0, ogtt())], arm) for arm in ("drug", "placebo"))

    def both(name: str) -> tuple[float, float]:
        return _index(drug, name), _index(placebo, name)

    def ratio(name: str) -> float:
        on, off = both(name)
        return on / off

    on, off = both("fasting_glucose")
    return {
        "alpelisib.fasting": on - off,
        "alpelisib.insulin": ratio("fasting_insulin"),
        "alpelisib.insulin_area": ratio("insulin_area_above_fasting"),
        "alpelisib.glucose_area": 100 * (ratio("glucose_area") - 1),
        "alpelisib.c_peptide": ratio("fasting_c_peptide"),
    }


def _index(test: Examination, name: str) -> float:
    return float(test.indices[name][1][0])


@dataclass(frozen=True)
class _Arm:
    """Highest measured glucose after the start of every subject, and its weight."""

    worst: np.ndarray
    weights: np.ndarray

    def above(self, limit: float) -> float:
        """Share above a limit, %."""
        return 100 * float(self.weights @ (self.worst > limit) / self.weights.sum())


def _arm(result: Result, arm: str) -> _Arm:
    seen = result.visits.sel(arm=arm)
    worst = worst_fasting(seen[result.manifest["graded"]].to_numpy(), seen.time.to_numpy())
    return _Arm(worst, result.weights)


def _trial(session: Session, name: str) -> tuple[Result, np.ndarray]:
    """A bundled trial, with the weights of its report."""
    scenario = read_scenario(name, session.library)
    result = simulate(scenario, subjects=PATIENTS, library=session.library)
    return result, matched(scenario, result)


def _daily_alpelisib(session: Session) -> dict[str, float]:
    """SOLAR-1 and METALLICA."""
    solar, _ = _trial(session, "solar_1")
    drug = _arm(solar, "alpelisib")
    found = {
        "solar_1.severe": drug.above(250),
        "solar_1.bmi": _odds_ratio(drug.worst > 250, np.asarray(solar.people["bmi"], float)),
    }
    for stratum in ("normal", "raised"):
        result, _ = _trial(session, f"metallica_{stratum}")
        found[f"metallica.{stratum}"] = _arm(result, "alpelisib").above(250)
    return found


def _odds_ratio(hit: np.ndarray, x: np.ndarray) -> float:
    """Odds ratio per unit by logistic regression, Newton's method."""
    table = np.stack([np.ones(len(x)), x - x.mean()], axis=1)
    beta = np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-table @ beta))
        beta += np.linalg.solve((table * (p * (1 - p))[:, None]).T @ table + 1e-9 * np.eye(2), table.T @ (hit - p))
    return float(np.exp(beta[1]))


DAYS = ("3 days", "2 weeks", "4 weeks", "8 weeks", "12 weeks", "24 weeks", "36 weeks", "48 weeks")
ARMS = {
    "10 mg": ("10 mg", {}),
    "5 mg": ("5 mg", {}),
    "insulin action spared": ("10 mg", {"insulin_action": 0.0}),
    "secretion spared": ("10 mg", {"secretion": 0.0}),
    "glucotoxicity frozen": ("10 mg", {"glucose_insulin.toxic": 0.0}),
    "placebo": ("0 mg", {}),
}


def _everolimus(session: Session) -> dict[str, float]:
    """A year of everolimus in people with cancer: nobody leaves, no rules."""
    per_year = read_scenario("bolero_2", session.library).episodes[0].per_year
    scenario = session.scenario(
        title="everolimus for 48 weeks",
        model=["glucose_insulin", "mtor", "everolimus", "illness"],
        population="oncology",
        subjects=PATIENTS,
        duration="48 weeks",
        occasion="2 days",
        doses=[Dose("everolimus", "10 mg", every="24 h")],
        episode=[{"what": "illness", "amount": 1.0, "per_year": per_year, "spread": 0.8}],
        visits={"at": ["0 weeks", *DAYS], "assay": {"fasting_glucose": 0.02}},
        arm_name="10 mg",
        arms={
            name: Arm(doses=[Dose("everolimus", dose, every="24 h")], settings=settings)
            for name, (dose, settings) in ARMS.items()
            if name != "10 mg"
        },
    )
    result = simulate(scenario, library=session.library)
    worst = {name: _arm(result, name) for name in ARMS}
    glucose = {name: result.visits.fasting_glucose.sel(arm=name).to_numpy() for name in ARMS}
    frozen = glucose["glucotoxicity frozen"] - glucose["placebo"]
    rise = glucose["10 mg"] - glucose["placebo"]
    mean = dict(zip(("start", *DAYS), rise.mean(axis=0), strict=True))
    measured, times = result.visits.fasting_glucose_measured.sel(arm="10 mg").to_numpy(), result.visits.time.to_numpy()
    passed = (measured[:, 1:] > 160) & (measured[:, :1] <= 160)
    onset = times[1:][passed[passed.any(axis=1)].argmax(axis=1)] / WEEK
    known = np.asarray(result.people["group diabetic"]) > 0
    severe = worst["10 mg"].worst > 250
    spared = {
        short: worst[f"{name} spared"] for short, name in (("action", "insulin action"), ("secretion", "secretion"))
    }
    found = {
        "dose.severe": worst["5 mg"].above(250) / worst["10 mg"].above(250),
        "time.day_3": 100 * mean["3 days"] / mean["8 weeks"],
        "time.onset": float(np.median(onset)),
        "time.late": mean["48 weeks"] / mean["8 weeks"],
    }
    for short, arm in spared.items():
        found[f"spared.{short}.any"] = worst["10 mg"].above(110) - arm.above(110)
        found[f"spared.{short}.severe"] = 100 * (1 - arm.above(250) / worst["10 mg"].above(250))
    found["people.modes"] = _modes(rise[:, -1])
    found["people.modes_frozen"] = _modes(frozen[:, -1])
    found["people.not_known"] = 100 * float((severe & ~known).sum() / max(severe.sum(), 1))
    found["people.known"] = 100 * float(known.mean())
    return found


def _modes(values: np.ndarray) -> float:
    """Number of modes of a kernel density that are higher than a twentieth of the highest."""
    at = np.linspace(values.min() - 20, values.max() + 20, 600)
    density = gaussian_kde(values)(at)
    top = (density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])
    return float((density[1:-1][top] > 0.05 * density.max()).sum())


def _low_doses(session: Session) -> dict[str, float]:
    """Doses for healthy people: 12 weeks."""
    doses = {"10 mg": ("10 mg", "24 h"), "0.5 mg": ("0.5 mg", "24 h"), "5 mg weekly": ("5 mg", "1 week")}
    scenario = session.scenario(
        title="low doses",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="healthy_adults",
        subjects=60,
        duration="12 weeks",
        doses=[Dose("everolimus", "10 mg", every="24 h")],
        visits=["0 weeks", "12 weeks"],
        arm_name="10 mg",
        arms={
            **{n: Arm(doses=[Dose("everolimus", a, every=e)]) for n, (a, e) in doses.items() if n != "10 mg"},
            "placebo": Arm(without="everolimus"),
        },
    )
    glucose = simulate(scenario, library=session.library).visits.fasting_glucose.sel(time=12 * WEEK)
    rise = (glucose - glucose.sel(arm="placebo")).mean("subject")
    return {f"healthy.{name.replace(' ', '_')}": float(rise.sel(arm=name)) for name in doses}


def _temsirolimus(session: Session) -> dict[str, float]:
    """Mean over placebo from week 4 on, at the trial's dose."""
    scenario = session.scenario(
        title="temsirolimus",
        model=["glucose_insulin", "mtor", "temsirolimus"],
        population="renal_cell",
        subjects=120,
        duration="16 weeks",
        doses=[Dose("temsirolimus", "25 mg", every="1 week", over="30 min")],
        visits=["0 weeks", "4 weeks", "8 weeks", "12 weeks", "16 weeks"],
        arm_name="drug",
        arms={"placebo": Arm(without="temsirolimus")},
    )
    glucose = simulate(scenario, library=session.library).visits.fasting_glucose
    rise = (glucose.sel(arm="drug") - glucose.sel(arm="placebo")).mean("subject").to_numpy()
    return {"temsirolimus.mean": float(rise[1:].mean())}


def _glucagon(session: Session) -> dict[str, float]:
    """Glucagon after four weeks in those people with neuroendocrine tumours whose glucagon was high before."""
    scenario = session.scenario(
        title="glucagon",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="net",
        subjects=120,
        duration="4 weeks",
        doses=[Dose("everolimus", "10 mg", every="24 h")],
        visits=["0 weeks", "4 weeks"],
    )
    glucagon = simulate(scenario, library=session.library).visits.glucagon.isel(arm=0).to_numpy()
    high = glucagon[:, 0] > np.median(glucagon[:, 0])
    return {"everolimus.glucagon": 100 * float(np.median(glucagon[high, 1] / glucagon[high, 0]) - 1)}


def _capivasertib(session: Session) -> dict[str, float]:
    """FAKTION: four days of seven."""
    result, _ = _trial(session, "faktion")
    drug = _arm(result, "capivasertib")
    return {"faktion.raised": drug.above(160), "faktion.severe": drug.above(250)}


def _untreated(session: Session) -> dict[str, float]:
    """Untreated people of 60 years and more fill the range between health and disease."""
    plan = make_plan(session.untreated("oncology"), settings={"age": 70})
    glucose = fasting_values(plan, np.arange(3000), ("glucose",))["untreated glucose"]
    steps = np.histogram(glucose, np.arange(130, 251, 20))[0]
    return {
        "untreated.between": 100 * float(((glucose > 140) & (glucose < 250)).mean()),
        "untreated.emptiest": float(steps.min() / len(glucose) * 1000),
    }
