"""People who differ and who change: children and adolescents, age, weight, against measurements in them.

Values and intervals were chosen with knowledge of these numbers; only the peak of
everolimus in children is independent.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.clamp import clamp
from mtorsim.protocols.profile import profile
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import fasting_values
from mtorsim.scenario.tables import Dose
from mtorsim.simulation.simulate import simulate

from .check import Check, answered
from .session import Session

__all__ = ["checks"]

CHILDREN = 3000
HOMA = 405.0
"""Product of glucose in mg/dL and insulin in uU/mL at which HOMA-IR is 1."""
LOST = 0.048
"""Share of weight lost in the study of insulin-resistant lean people."""
KCAL = 3.7
"""Energy in a gram of glucose, kcal."""
WEEK = 168.0


def checks(session: Session) -> Iterator[Check]:
    """Children untreated and on everolimus, a year older, and lighter."""
    yield from answered("people", _children(session) | _puberty(session) | _everolimus(session))
    yield from answered("people", _older(session) | _lighter(session))


def _children(session: Session) -> dict[str, float]:
    """Fasting values of a population of children."""
    seen = fasting_values(make_plan(session.untreated("children")), np.arange(CHILDREN), ("glucose", "insulin"))
    glucose, insulin = seen["untreated glucose"], seen["untreated insulin"]
    homa, teens = glucose * insulin / HOMA, seen["age"] >= 12
    # Percentiles 85 and 95 of body mass index for age, by the adult index at the same percentile.
    index = seen["adult_bmi"]
    slim, obese = index < np.quantile(index, 0.85), index > np.quantile(index, 0.95)
    (small,) = session.examine(
        session.untreated("children", settings={"bmi": 15.6, "height": 1.265, "age": 7.5}), [(0.0, clamp(insulin=0.25))]
    )
    return {
        "children.production": 15.6 * 1.265**2 * _index(small, "basal_production"),
        "children.homa": _typical(homa[teens & slim]),
        "children.homa.obese": _typical(homa[teens & obese]),
        "children.insulin": float(insulin[teens].mean()),
        "children.raised": 100 * float(((glucose >= 100) & (glucose < 126))[teens].mean()),
    }


def _puberty(session: Session) -> dict[str, float]:
    """The same children of eleven years before and in puberty."""
    before, within = (
        fasting_values(
            make_plan(session.untreated("children"), settings={"age": 11, "puberty": extent}),
            np.arange(500),
            ("glucose", "insulin"),
        )
        for extent in (0.0, 1.0)
    )
    ratio = within["untreated insulin"] / before["untreated insulin"]
    return {
        "puberty.glucose": float((within["untreated glucose"] - before["untreated glucose"]).mean()),
        "puberty.insulin": 100 * (_typical(ratio) - 1),
    }


def _everolimus(session: Session) -> dict[str, float]:
    """Levels over half a day after two weeks of 0.8 mg/m2 twice a day beside ciclosporin."""
    hours = np.arange(0.0, 12.5, 0.5)
    scenario = session.scenario(
        title="everolimus in children",
        model=["glucose_insulin", "mtor", "everolimus"],
        population="children",
        subjects=60,
        duration="15 d",
        doses=[Dose("everolimus", "0.8 mg/m^2", every="12 h")],
        changes=[{"at": "0 h", "condition": "ciclosporin"}],
        visits={"at": ["0 d", *(f"{336 + h:g} h" for h in hours)], "sample": "random"},
        settings={"age": 9.9},
    )
    result = simulate(scenario, library=session.library)
    level = result.visits.drug_level.isel(arm=0).to_numpy()[:, 1:]
    area = np.trapezoid(level, hours, axis=1)
    return {
        "children.everolimus.clearance": float(np.median(800.0 / area)),
        "children.everolimus.trough": float(np.median(level[:, 0])),
        "children.everolimus.peak": float(np.median(level.max(axis=1))),
    }


def _older(session: Session) -> dict[str, float]:
    """A year of type 2 diabetes without any change of treatment."""
    scenario = session.scenario(
        title="a year older",
        model=["glucose_insulin", "ageing"],
        population="t2d",
        duration="52 weeks",
        visits=["0 weeks", "52 weeks"],
    )
    hba1c = simulate(scenario, library=session.library).visits.hba1c.to_numpy().ravel()
    return {"ageing.hba1c": float(hba1c[-1] - hba1c[0])}


def _lighter(session: Session) -> dict[str, float]:
    """Glucose and weight lost on empagliflozin in 90 weeks, and insulin action after a loss of weight."""
    scenario = session.scenario(
        title="empagliflozin and weight",
        model=["glucose_insulin", "weight", "sglt2_inhibitor"],
        population="t2d",
        duration="90 weeks",
        doses=[Dose("sglt2_inhibitor", "25 mg", every="24 h")],
        visits=["0 weeks", "90 weeks"],
    )
    (last,) = session.examine(scenario, [(89 * WEEK, profile())], observe=["weight.W"])
    resistant = session.scenario(title="lighter", model=["glucose_insulin", "weight"], population="igt")
    plan = session.plan(resistant)
    steepness = plan.model.parameters["weight.steepness"][0].value or 0.0
    usual = plan.kernel.named(session.people(plan, 1, None).parameters)
    names = [f"glucose_insulin.{name}" for name in ("SIp", "SIh", "SIa")]
    lost = {name: float(usual[name][0]) * np.array([1.0, (1 - LOST) ** -steepness]) for name in names}
    (test,) = session.examine(resistant, [(0.0, clamp())], values=lost)
    used = test.indices["M_2"][1]
    untreated = session.plan(scenario)
    weight = float(untreated.kernel.named(session.people(untreated, 1, None).parameters)["glucose_insulin.BW"][0])
    return {
        "weight.urine": KCAL * _index(last, "urinary_glucose_24h"),
        "weight.change": weight * (float(last.curves["weight.W"][0, 0]) - 1),
        "weight.clamp": 100 * float(used[1] / used[0] - 1),
    }


def _typical(values: np.ndarray) -> float:
    """The geometric mean."""
    return float(np.exp(np.log(values).mean()))


def _index(test: Examination, name: str) -> float:
    return float(test.indices[name][1][0])
