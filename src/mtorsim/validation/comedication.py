"""Concomitant drugs in typical subjects, against measured effects on glucose, insulin and insulin action.

Gains and half-times were chosen by all of these numbers: none is independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mtorsim.laboratory.findings import Examination
from mtorsim.protocols.clamp import clamp
from mtorsim.protocols.ivgtt import ivgtt
from mtorsim.protocols.mixed_meal import mixed_meal
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.profile import profile
from mtorsim.protocols.protocol import Protocol
from mtorsim.scenario.tables import Arm, Dose

from .check import Check, answered
from .session import Session

__all__ = ["checks"]

DAY = 24.0
STEPS = clamp(insulin=[0.5, 1.5, 2.0])
"""Insulin at about 20, 60 and 80 mU/m2/min."""


def checks(session: Session) -> Iterator[Check]:
    """Steroids, calcineurin inhibitors and octreotide."""
    yield from answered("comedication", _prednisolone(session) | _dexamethasone(session))
    yield from answered("comedication", _tacrolimus(session) | _ciclosporin(session) | _octreotide(session))


def _tests(
    session: Session,
    drug: str,
    regimens: Sequence[str],
    requests: Sequence[tuple[float, Protocol]],
    population: str = "ngt",
    route: str | None = None,
) -> dict[str, list[Examination]]:
    """Tests under each regimen of a drug, and under none."""
    last = max(time for time, _ in requests)
    # No breakfast before a test that comes later in the day.
    late = sorted({f"{time // DAY:.0f} d" for time, _ in requests if time % DAY})
    scenario = session.scenario(
        title=f"validation of {drug}",
        model=["glucose_insulin", drug],
        population=population,
        duration=f"{last / DAY + 2:.0f} d",
        arm_name="as given",
        meals={"fast": late},
        doses=[Dose(drug, regimen=regimens[0], route=route)],
        arms={r: Arm(doses=[Dose(drug, regimen=r, route=route)]) for r in regimens} | {"nothing": Arm(without=[drug])},
    )
    return {name: session.examine(scenario, requests, name) for name in (*regimens, "nothing")}


def _prednisolone(session: Session) -> dict[str, float]:
    """Two weeks, with the day's tablet three hours before insulin, and a day with meals."""
    regimens = ("7.5 mg q24h", "10 mg q24h", "25 mg q24h", "30 mg q24h")
    found = _tests(session, "prednisolone", regimens, [(14 * DAY + 3, STEPS), (12 * DAY, profile())])
    none = found["nothing"]

    def change(regimen: str, index: str) -> float:
        return 100 * (_index(found[regimen][0], index) / _index(none[0], index) - 1)

    day = {name: tests[1].curves["glucose"][0] - none[1].curves["glucose"][0] for name, tests in found.items()}
    high = day["30 mg q24h"]
    # Samples every 5 min from 07:30: from noon to midnight, and the last before breakfast.
    return {
        "prednisolone.production.7.5": change("7.5 mg q24h", "production_suppression_1"),
        "prednisolone.production.30": change("30 mg q24h", "production_suppression_1"),
        "prednisolone.uptake.7.5": change("7.5 mg q24h", "M_2"),
        "prednisolone.uptake.30": change("30 mg q24h", "M_2"),
        "prednisolone.disposal.10": change("10 mg q24h", "M_3"),
        "prednisolone.disposal.25": change("25 mg q24h", "M_3"),
        "prednisolone.insulin.30": 6.0
        * (_index(found["30 mg q24h"][0], "fasting_insulin") - _index(none[0], "fasting_insulin")),
        "prednisolone.afternoon": float(high[54:198].mean()),
        "prednisolone.morning": float(high[-1]),
    }


def _dexamethasone(session: Session) -> dict[str, float]:
    """Three days of 2 and of 6 mg a day, and an oral test one and two days after a single one."""
    found = _tests(session, "dexamethasone", ("0.5 mg q6h", "1.5 mg q6h"), [(3 * DAY, clamp(insulin=1.0, target=0))])
    (none,) = found["nothing"]
    single = _tests(session, "dexamethasone", ("8 mg x 1",), [(DAY, ogtt()), (2 * DAY, ogtt())])
    after, before = single["8 mg x 1"], single["nothing"]

    def change(dose: str, index: str) -> float:
        return 100 * (_index(found[dose][0], index) / _index(none, index) - 1)

    def at_60(curve: str, day: int) -> float:
        return _at(after[day], curve, 60) / _at(before[day], curve, 60)

    return {
        "dexamethasone.s_i.2": change("0.5 mg q6h", "S_I_clamp_1"),
        "dexamethasone.s_i.6": change("1.5 mg q6h", "S_I_clamp_1"),
        "dexamethasone.glucose": at_60("glucose", 0),
        "dexamethasone.insulin": at_60("insulin", 0),
        "dexamethasone.c_peptide": at_60("c_peptide", 0),
        "dexamethasone.glucose.2d": at_60("glucose", 1),
    }


def _tacrolimus(session: Session) -> dict[str, float]:
    """Intravenous glucose at troughs of 9.5 and 6.4 ug/L, doses for which the clearance is chosen."""
    doses = ("2.8 mg q12h", "1.9 mg q12h")
    found = _tests(session, "tacrolimus", doses, [(28 * DAY, ivgtt())])
    high, low, none = (_secreted(found[d][0]) for d in (*doses, "nothing"))
    same = _index(found[doses[0]][0], "S_I") / _index(found["nothing"][0], "S_I")
    return {
        "tacrolimus.trough": low / high,
        "tacrolimus.secretion": 100 * (high / none - 1),
        "tacrolimus.action": 100 * (same - 1),
    }


def _ciclosporin(session: Session) -> dict[str, float]:
    """Everolimus with and without."""
    scenario = session.scenario(
        title="validation of ciclosporin",
        model=["glucose_insulin", "mtor", "everolimus", "ciclosporin"],
        population="ngt",
        duration="22 d",
        arm_name="both",
        doses=[Dose("everolimus", regimen="1 mg q12h"), Dose("ciclosporin", regimen="150 mg q12h")],
        arms={"alone": Arm(without=["ciclosporin"])},
    )
    both, alone = (
        float(session.examine(scenario, [(20 * DAY, profile())], arm)[0].curves["drug_level"][0].mean())
        for arm in ("both", "alone")
    )
    return {"ciclosporin.everolimus": both / alone}


def _octreotide(session: Session) -> dict[str, float]:
    """A mixed meal half an hour after an injection under the skin, in obese people."""
    doses = ("0.025 mg x 1", "0.1 mg x 1")
    meal = mixed_meal(grams=50, solid=0, protein=16, fat=12, hours=4)
    found = _tests(session, "octreotide", doses, [(0.5, meal)], "ngt_obese", "subcutaneous")
    none = found["nothing"][0]

    def change(dose: str, index: str) -> float:
        return 100 * (_index(found[dose][0], index) / _index(none, index) - 1)

    more = _index(found[doses[1]][0], "peak_glucose") - _index(none, "peak_glucose")
    return {
        "octreotide.insulin.25": change(doses[0], "peak_insulin"),
        "octreotide.insulin.100": change(doses[1], "peak_insulin"),
        "octreotide.glucose.100": more,
    }


def _index(test: Examination, name: str) -> float:
    return float(test.indices[name][1][0])


def _at(test: Examination, curve: str, minute: float) -> float:
    return float(test.curves[curve][0, int(np.searchsorted(test.minutes, minute))])


def _secreted(test: Examination) -> float:
    """C-peptide above fasting over an hour after intravenous glucose."""
    until = int(np.searchsorted(test.minutes, 60))
    curve = test.curves["c_peptide"][0, : until + 1]
    return float(np.trapezoid(curve - curve[0], test.minutes[: until + 1]))
