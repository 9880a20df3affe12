"""Mechanism checks: drug effects in humans, animals and cells, with a single parameter set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.laboratory.findings import Examination
from mtorsim.model.compose import load_model
from mtorsim.protocols.clamp import clamp
from mtorsim.protocols.ivgtt import ivgtt
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.profile import profile
from mtorsim.protocols.protocol import Protocol
from mtorsim.scenario.scenario import Scenario
from mtorsim.scenario.tables import Arm, Dose

from .check import Check, judged, reference
from .session import Session

__all__ = ["LOOK", "beside_placebo", "checks", "lipid_checks"]

SECTION = "mechanism"
MODEL = ("glucose_insulin", "mtor", "lipids", "everolimus", "sirolimus", "azd8055", "alpelisib", "bath")
"""One model for all checks; drugs without doses have no effect."""

KREBS = clamp(insulin=(0.12, 1.0))
"""About 100 and 450 pmol/L of insulin."""
LOOK = Protocol("a look", np.array([0.0, 1.0]))
"""No test: the subject at rest."""
EXPOSURE = ("mtor.s6k", "mtor.bp1", "glucose_insulin.f_secretion")
LIPIDS = ("lipids.f_tg_clearance", "lipids.cholesterol")
AKT = ("mtor.akt_muscle",)


def beside_placebo(
    session: Session,
    duration: str,
    doses: Sequence[tuple[str, str]] = (),
    population: str = "ngt",
    subjects: int = 1,
    fast: bool = False,
    **more: Any,
) -> Scenario:
    """A scenario of drugs with regimens and a placebo arm; with `fast`, without meals on the first day."""
    lines = []
    for drug, regimen in doses:
        name, _, stop = drug.partition(" until ")
        lines.append(Dose(name, regimen=regimen, stop=stop or None))
    # An arm with different switches, so that one kernel with all switches serves all scenarios.
    arms = {"switches": Arm(settings={"insulin_action.muscle": 0.5})}
    drugs = sorted({d.partition(" until ")[0] for d, _ in doses})
    if drugs:
        arms["placebo"] = Arm(without=drugs)
    return session.scenario(
        title="mechanism check",
        model=MODEL,
        population=population,
        subjects=subjects,
        duration=duration,
        arm_name="drug",
        observe=[*EXPOSURE, *LIPIDS, *AKT],
        doses=lines,
        meals={"fast": ["0 d"]} if fast else None,
        arms=arms,
        **more,
    )


@dataclass(frozen=True)
class Answer:
    """The model's answer to one row."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    note: str = ""
    what: str = ""


def checks(session: Session) -> Iterator[Check]:
    """All mechanism checks; those that need a transplant trial are listed but not simulated."""
    parts = (_krebs, _alpelisib, _teutonico, _s6k, _acute, _cells, _benedini, _washout)
    yield from _rows(SECTION, [x for part in parts for x in part(session)], OF_LIPIDS)


def lipid_checks(session: Session) -> Iterator[Check]:
    """The mechanism checks of lipids."""
    yield from _rows("lipids", [x for part in (_lipids, _everest) for x in part(session)], None)


OF_LIPIDS = ("MC14", "MC15", "MC16", "MC17", "MC18", "MC19", "MC20", "MC35")
"""Rows in their own section."""


def _rows(section: str, given: Sequence[tuple[str, Answer]], without: Sequence[str] | None) -> Iterator[Check]:
    """Rows with their answers: all but some, including unanswered ones; or only answered ones."""
    answers: dict[str, list[Answer]] = {}
    for name, answer in given:
        answers.setdefault(name, []).append(answer)
    for row in reference("mechanism_checks.csv"):
        id = row["check_id"]
        if (without is None and id not in answers) or (without is not None and id in without):
            continue
        mine = answers.get(id, [NOT_HERE])
        for k, answer in enumerate(mine):
            suffix = "" if len(mine) == 1 else "abcdef"[k]
            yield judged(
                id + suffix,
                section,
                row["what"] + (f": {answer.what}" if answer.what else ""),
                f"{row['expected']}; {row['tolerance_or_direction']}",
                answer.value,
                answer.unit,
                row["evidence"],
                "in-sample" if row["kind"] == "in-sample" else "independent",
                row["source"],
                answer.low,
                answer.high,
                answer.note,
            )


NOT_HERE = Answer(
    float("nan"), "1", note="not simulated: an incidence in transplantation, with calcineurin inhibitor and steroid"
)
Answers = Iterator[tuple[str, Answer]]


def _index(test: Examination, name: str, subject: int = 0) -> float:
    return float(test.indices[name][1][subject])


def _change(drug: float, control: float) -> float:
    """Change in per cent."""
    return 100 * (drug / control - 1)


def _krebs(session: Session) -> Answers:
    acute = beside_placebo(session, "1 d", [("sirolimus", "6 mg x 1")], fast=True)
    amino = {"clamp.amino_acids": np.array([1.0, 0.0])}
    (drug,) = session.examine(acute, [(2.0, KREBS)], "drug", values=amino)
    (placebo,) = session.examine(acute, [(2.0, KREBS)], "placebo", values=amino)
    for name, index, window in (
        ("MC01", "disposal_2", (5, 30)),
        ("MC02", "disposal_1", (-5, 5)),
        ("MC03", "production_1", (-5, 5)),
    ):
        value = _change(_index(drug, index), _index(placebo, index))
        yield name, Answer(value, "%", *window, what=f"2 h after the dose, {index.replace('_', ' at step ')}")
    value = _change(_index(placebo, "disposal_2", 0), _index(placebo, "disposal_2", 1))
    yield "MC04", Answer(value, "%", -45, -20, "gain chosen for this row")
    ratio = _index(placebo, "production_1", 0) / _index(placebo, "production_1", 1)
    yield "MC05", Answer(ratio, "1", 1.05, None, "direction: ratio of production with and without amino acids")
    # The same single dose without amino acids, as in mice.
    value = _change(_index(drug, "disposal_2", 1), _index(placebo, "disposal_2", 1))
    yield "MC24", Answer(value, "%", -5, 5, "within 5 %", what="disposal at 1 mU/kg/min, 2 h after one dose")


def _alpelisib(session: Session) -> Answers:
    scenario = beside_placebo(session, "1 d", [("alpelisib", "300 mg x 1")], fast=True)
    (drug,) = session.examine(scenario, [(9.0, ogtt())], "drug")
    (placebo,) = session.examine(scenario, [(9.0, ogtt())], "placebo")
    value = _change(_index(drug, "fasting_glucose"), _index(placebo, "fasting_glucose"))
    note = "9 h after a dose at bedtime, fasting; the loss of insulin action was fitted with a prior from these rows"
    yield "MC06", Answer(value, "%", -1, 23, "11 % with a standard error of 6. " + note)
    ratio = _index(drug, "fasting_insulin") / _index(placebo, "fasting_insulin")
    yield "MC07", Answer(ratio, "1", 2.4, 8.9, "95 % of the ratio of the two groups. " + note)
    ratio = _index(drug, "homa_ir") / _index(placebo, "homa_ir")
    yield "MC08", Answer(ratio, "1", 2.5, 10, "direction and order: 4.9")
    name = "insulin_area_above_fasting"
    yield "MC09", Answer(_index(drug, name) / _index(placebo, name), "1", 2.2, 8.8, "direction and order: 4.4")


SIX_MONTHS = 180 * 24.0


def _teutonico(session: Session) -> Answers:
    scenario = beside_placebo(session, "181 d", [("sirolimus", "2 mg q24h")])
    requests = [(SIX_MONTHS, ivgtt())]
    (drug,) = session.examine(scenario, requests, "drug")
    (placebo,) = session.examine(scenario, requests, "placebo")
    for name, index in (("MC10", "S_I"), ("MC11", "disposition_index")):
        value = _change(_index(drug, index), _index(placebo, index))
        yield name, Answer(value, "%", None, -1e-9, "direction; percentages are not in the abstract", what=index)
    people = beside_placebo(session, "181 d", [("sirolimus", "2 mg q24h")], "breast_postmenopausal", 150)
    before, after = session.examine(people, [(0.0, ogtt()), (SIX_MONTHS, ogtt())], "drug", 150)
    well = (before.status == 0) & (after.status == 0)
    two_hours = [t.indices["glucose_120"][1][well] for t in (before, after)]
    fasting = [t.indices["fasting_glucose"][1][well] for t in (before, after)]
    impaired = [100 * float(np.mean((g >= 140) | (f >= 126))) for g, f in zip(two_hours, fasting, strict=True)]
    yield "MC12", Answer(impaired[1] - impaired[0], "% of people", note="shown: women of 62 years, not transplanted")
    resistance = np.log(after.indices["homa_ir"][1][well] / before.indices["homa_ir"][1][well])
    lipids = np.log(after.curves["triglycerides"][well, 0] / before.curves["triglycerides"][well, 0])
    r = float(np.corrcoef(resistance, lipids)[0, 1])
    yield (
        "MC13",
        Answer(r, "1", note="shown; the gains of slow mTORC1 loss and of triglyceride clearance are correlated, 0.5"),
    )


def _lipids(session: Session) -> Answers:
    week = 7 * 24.0
    found = {}
    for dose in (2, 5):
        scenario = beside_placebo(session, "26 weeks", [("sirolimus until 12 weeks", f"{dose} mg q24h")])
        requests = [(0.0, LOOK), (6 * week, LOOK), (12 * week, LOOK), (12 * week + 60 * 24, LOOK)]
        tests = session.examine(scenario, requests, "drug", observe=LIPIDS)
        found[dose] = {n: np.array([t.curves[n][0, 0] for t in tests]) for n in ("triglycerides", "ldl", *LIPIDS)}
    five, two = found[5], found[2]
    clearance = five["lipids.f_tg_clearance"]
    conflict = "size: a fall of 71 % beside the +46 % of triglycerides (MC19) would need half the production"
    yield "MC14", Answer(_change(clearance[1], clearance[0]), "%", None, -1e-9, "direction. " + conflict)
    triglycerides = five["triglycerides"]
    yield (
        "MC15",
        Answer(_change(triglycerides[1], triglycerides[0]), "%", 1e-9, None, "direction; triglycerides stand for VLDL"),
    )
    for name, curve, sizes in (("MC16", "triglycerides", (59, 103)), ("MC17", "lipids.cholesterol", (17, 30))):
        for dose, size, part in ((2, sizes[0], two), (5, sizes[1], five)):
            rise = float(part[curve][2] - part[curve][0])
            yield name, Answer(rise, "mg/dL", size / 2, size * 2, f"{size}; within a factor of 2", f"{dose} mg/d")
        growth = (five[curve][2] - five[curve][0]) / (two[curve][2] - two[curve][0])
        yield (name, Answer(float(growth), "1", 1.0, None, f"{sizes[1] / sizes[0]:.2f}; direction", "5 over 2 mg/d"))
    yield "MC18", Answer(_change(two["ldl"][2], two["ldl"][0]), "%", 11.5, 46, "within a factor of 2")
    yield (
        "MC19",
        Answer(_change(two["triglycerides"][2], two["triglycerides"][0]), "%", 23, 92, "within a factor of 2"),
    )
    left = (
        100 * (two["triglycerides"][3] - two["triglycerides"][0]) / (two["triglycerides"][2] - two["triglycerides"][0])
    )
    yield "MC20", Answer(float(left), "% of the rise left", None, 33, "60 days after stopping; at most a third is left")


def _s6k(session: Session) -> Answers:
    weekly = beside_placebo(session, "14 d", [("everolimus", "20 mg q168h")])
    (test,) = session.examine(weekly, [(168.0, LOOK)], "drug", observe=EXPOSURE)
    loss = 100 * (1 - float(test.curves["mtor.s6k"][0, 0]))
    yield "MC21", Answer(loss, "%", 20, None, "S6K output lost on day 7; at least 20 %")
    losses = []
    for dose in (5, 10):
        daily = beside_placebo(session, "29 d", [("everolimus", f"{dose} mg q24h")])
        (test,) = session.examine(daily, [(28 * 24.0, LOOK)], "drug", observe=EXPOSURE)
        losses.append(1 - float(test.curves["mtor.s6k"][0, 0]))
    yield "MC22", Answer(_change(losses[1], losses[0]), "%", 0, 10, "more S6K lost on 10 than on 5 mg; at most 10 %")


def _acute(session: Session) -> Answers:
    scenario = beside_placebo(session, "3 d", [("azd8055", "90 mg x 1")], fast=True)
    requests = [(1.0, clamp(insulin=1.0)), (48.0, clamp(insulin=1.0))]
    drug = session.examine(scenario, requests, "drug")
    placebo = session.examine(scenario, requests, "placebo")
    name = "S_I_clamp_1"
    value = [_change(_index(d, name), _index(p, name)) for d, p in zip(drug, placebo, strict=True)]
    yield "MC25", Answer(value[0], "%", None, -10, "direction; at least 10 %", "clamp S_I 1 h after the dose")
    yield "MC25", Answer(value[1], "%", -3, 3, "transient", "clamp S_I two days after the dose")


def _bath(session: Session, nmol: float, **more: float) -> dict[str, np.ndarray]:
    """Constant drives at an unbound concentration, from the constants of everolimus."""
    constants = load_model(["everolimus"], session.library).parameters
    half = {n: constants[f"everolimus.{n}"][0].value or np.nan for n in ("Kd1", "K2_muscle")}
    drives = {"bath.rapalog1": nmol / half["Kd1"], "bath.rapalog2": nmol / half["K2_muscle"], "clamp.amino_acids": 1.0}
    return {name: np.array([value]) for name, value in (drives | more).items()}


def _cells(session: Session) -> Answers:
    """Cells and muscles in a bath of everolimus at a constant concentration."""
    scenario = beside_placebo(session, "7 d", changes=[{"at": "0 d", "set": {"bath.on": 1.0}}])
    (test,) = session.examine(scenario, [(24.0, LOOK)], values=_bath(session, 20.0), observe=EXPOSURE)
    loss = 100 * (1 - float(test.curves["mtor.s6k"][0, 0]))
    yield "MC23", Answer(loss, "%", 95, None, "I_s6k was chosen for this row")
    (none,) = session.examine(scenario, [(0.0, clamp(insulin=2.0))], values=_bath(session, 0.0))
    requests = [(0.0, clamp(insulin=2.0, step=60)), (48.0, clamp(insulin=2.0))]
    early, late = session.examine(
        scenario, requests, values=_bath(session, 100.0, **{"mtor.t_action": 0.5, "mtor.t_mtorc2": 12.0})
    )
    at_60 = float(none.curves["disposal"][0, 60])
    yield "MC26", Answer(_change(float(early.curves["disposal"][0, 60]), at_60), "%", 0, None, "direction", "hour 1")
    value = _change(_index(late, "S_I_clamp_1"), _index(none, "S_I_clamp_1"))
    yield (
        "MC26",
        Answer(
            value,
            "%",
            None,
            -10,
            "direction; in culture proteins turn over within a day: t_action 0.5 d, t_mtorc2 12 h",
            "clamp S_I at 48 h",
        ),
    )
    # Re-phosphorylation of 4E-BP1: an independent test that is only shown.
    look = Protocol("a look", np.array([0.0, 90.0, 360.0, 720.0]))
    (test,) = session.examine(scenario, [(0.0, look)], values=_bath(session, 100.0), observe=EXPOSURE)
    minutes = np.searchsorted(test.minutes, [90, 360, 720])
    bp1, s6k = test.curves["mtor.bp1"][0, minutes], test.curves["mtor.s6k"][0, minutes]
    yield "MC32", Answer(float(bp1[1] / bp1[0]), "1", 1.3, None, "4E-BP1 phosphorylation at 6 h over that at 1.5 h")
    yield "MC32", Answer(float(s6k[1:].max()), "1", None, 0.2, "", "S6K output at 6 and 12 h, fraction of untreated")
    yield from _beta_cells(session, scenario)
    yield from _signs(session, scenario)


def _beta_cells(session: Session, scenario: Scenario) -> Answers:
    """Secretory capacity of beta cells in the bath."""
    rodent = _bath(session, 30.0, **{"mtor.gS": 0.45, "mtor.t_beta": 0.1, "mtor.t_mtorc2": 7.0})
    conflict = (
        "conflicts with MC11 and MC33: a beta cell that loses nothing at 22 nM loses nothing in patients either; n 5"
    )
    rows = (
        (
            "MC33",
            24.0,
            rodent,
            -40,
            -20,
            "rodent variant: gS 0.45, t_beta 0.1 d, t_mtorc2 7 h, chosen for this row",
            "24 h",
        ),
        ("MC34", 144.0, _bath(session, 22.0), -10, 10, conflict, "6 d"),
    )
    for id, at, values, low, high, note, when in rows:
        (test,) = session.examine(scenario, [(at, LOOK)], values=values, observe=EXPOSURE)
        change = _change(float(test.curves["glucose_insulin.f_secretion"][0, 0]), 1)
        yield id, Answer(change, "%", low, high, note, f"secretory capacity after {when}")


def _signs(session: Session, scenario: Scenario) -> Answers:
    """Sign of the change in AKT over the ranges of potency and acute relief."""
    rng, n = np.random.default_rng(30), 64
    values = {
        "mtor.gF": rng.uniform(0.0, 0.3, n),
        "mtor.phi": rng.uniform(0.3, 0.8, n),
        "bath.rapalog1": 10 ** rng.uniform(0, 3, n),
        "bath.rapalog2": 10 ** rng.uniform(-2, 1, n),
        "clamp.amino_acids": np.ones(n),
    }
    (test,) = session.examine(scenario, [(24.0, clamp(insulin=2.0, step=60))], values=values, observe=AKT)
    akt = test.curves["mtor.akt_muscle"][:, -1]
    up, down = 100 * float((akt > 1).mean()), 100 * float((akt < 1).mean())
    note = f"up in {up:.0f} %, down in {down:.0f} % over gF 0-0.3, phi 0.3-0.8, Kd1 and K2 over three decades"
    yield "MC30", Answer(min(up, down), "%", 1, None, note, "the rarer sign")
    yield "MC31", Answer(up, "%", 1, 99, note, "up")


def _benedini(session: Session) -> Answers:
    scenario = beside_placebo(session, "31 d", [("sirolimus", "3 mg q24h")], "t1d")
    factor = np.array([1.0, 0.6, 0.8, 1.2, 1.5, 2.0])
    pump = 0.55 * factor
    requests = [(29 * 24.0, profile()), (29 * 24.0, LOOK)]
    values = {"glucose_insulin.pump": pump}
    drug = session.examine(scenario, requests, "drug", values=values)
    placebo = session.examine(scenario, requests, "placebo", values=values)
    wanted = _index(placebo[0], "mean_glucose")
    order = np.argsort(factor)
    means = drug[0].indices["mean_glucose"][1][order]
    # Find the infusion rate at which glucose under the drug equals the untreated mean.
    needed = float(np.interp(-wanted, -means, pump[order]))
    units = (needed - pump[0]) * 75 * 1440 / 6000
    note = (
        "conflicts with MC10 and MC11: lost insulin action in liver and muscle raises the need by more than the fall "
        "of glucagon lowers it; tried: a loss of 60 % of glucagon (against the 30 to 40 that were measured) or a "
        "potency of sirolimus 1.6 times lower (against MC01, MC29 and the mean on temsirolimus) would do, a slower "
        "or shallower loss of insulin action would not"
    )
    yield "MC27", Answer(units, "U/d", None, 0, note, "change of basal insulin for the same mean glucose, day 29")
    change = float(drug[1].curves["production"][0, 0] - placebo[1].curves["production"][0, 0])
    yield "MC28", Answer(change, "mg/kg/min", None, 0, note, "change of production at the same insulin, day 29")


def _washout(session: Session) -> Answers:
    scenario = beside_placebo(session, "43 d", [("sirolimus until 14 d", "5 mg q24h")])
    requests = [(day * 24.0, ogtt()) for day in (7, 14, 21, 42)]
    drug = session.examine(scenario, requests, "drug", observe=EXPOSURE)
    placebo = session.examine(scenario, requests, "placebo", observe=EXPOSURE)
    for index in ("fasting_glucose", "fasting_insulin"):
        *on, off = (_index(d, index) - _index(p, index) for d, p in zip(drug, placebo, strict=True))
        note = "4 weeks after a course of 2; at most a quarter of the largest effect is left"
        yield "MC29", Answer(100 * abs(off) / max(map(abs, on)), "% of the effect left", None, 25, note, index)


def _everest(session: Session) -> Answers:
    people = beside_placebo(session, "85 d", [("everolimus", "10 mg q24h")], "breast_postmenopausal", 200)
    (after,) = session.examine(people, [(84 * 24.0, LOOK)], "drug", 200)
    trough, high = after.curves["drug_level"][:, 0], after.curves["triglycerides"][:, 0] > 300
    quartile = np.searchsorted(np.nanquantile(trough, [0.25, 0.5, 0.75]), trough)
    odds = [(high[quartile == q].mean(), q) for q in range(4)]

    def ratio(q: int) -> float:
        a, b = (min(max(odds[k][0], 0.5 / 50), 1 - 0.5 / 50) for k in (q, 0))
        return float(a / (1 - a) / (b / (1 - b)))

    for q in (1, 2):
        yield (
            "MC35",
            Answer(ratio(q), "1", note="shown: triglycerides above 300 mg/dL at 12 weeks, n 200", what=f"Q{q + 1}"),
        )
