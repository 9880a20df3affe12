"""The virtual laboratory: tests on copies of subjects, at any time of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import SetError, did_you_mean
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, WELL
from mtorsim.model.dimensions import time_factor
from mtorsim.protocols import indices as ix
from mtorsim.protocols.minimal_model import fit_minimal_model
from mtorsim.protocols.protocol import BODY, Protocol, needs
from mtorsim.run.arms import PlannedArm
from mtorsim.run.layout import Stop, Turn
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People
from mtorsim.run.schedule import Schedule
from mtorsim.run.solve import observed, parameters_in, recording, solve, subjects_at
from mtorsim.scenario.scenario import FASTING_HOURS, since_last_meal

from .examination import CLAMP, CURVES, Examination

__all__ = ["examine_people"]


STEADY = 30.0
"""Minutes at the end of a step over which a clamp is read."""

ARRIVING = "arriving insulin"
"""Insulin that comes from another module, such as one injected under the skin, pmol/kg/min."""
OF_SECRETION = ("homa_b", "insulinogenic_index", "oral_disposition_index", "issi_2")
"""Indices that take all insulin in plasma for secreted."""
FROM_OUTSIDE = 0.05
"""Share of fasting insulin that comes from outside, above which they have no meaning."""


def examine_people(
    plan: Plan,
    people: People,
    arm: PlannedArm,
    requests: Sequence[tuple[float, Protocol]],
    observe: Sequence[str] = (),
    cancel: np.ndarray | None = None,
    decided: tuple[Events, np.ndarray, np.ndarray] | None = None,
) -> list[Examination]:
    """Carry subjects through an arm and test copies of them; the arm goes on as if nothing had happened.

    Parameters
    ----------
    plan
        The run; its model has the modules that the tests need.
    people
        Prepared subjects.
    arm
        Whose doses and settings they have until then, and through a profile.
    requests
        When, in hours, and which test. Drug given at that very time comes after a test; drug in the body
        stays, and no more is given while it lasts.
    observe
        Further quantities, by full name, that become curves.
    decided
        What happened to the subjects where rules decided: events, status, and when each left; whoever has left
        is not tested.

    Returns
    -------
    list of Examination
        In the order of the requests.

    Raises
    ------
    SetError
        If a test cannot be done: the model has no glucose and insulin, the subject is not fasting, or
        the scenario ends before a profile does.
    """
    for at, protocol in requests:
        _check(plan, at, protocol)
    sources = _sources(plan, observe)
    parameters = parameters_in(plan, arm, people)
    named = plan.kernel.named(parameters)
    if decided is None:
        events, possible = arm.schedule.events(plan.kernel.states, named, plan.seed, people.subjects)
        status = np.where((people.status == WELL) & ~possible, IMPOSSIBLE_DOSE, people.status)
        left = np.full(len(status), np.inf)
    else:
        events, status, left = decided
    grids = [at + _grid(p) / 60 if p.everyday else np.array([at]) for at, p in requests]
    times = np.unique(np.concatenate(grids))
    if times[-1] > 0:
        states, status = _carried(plan, people.start, parameters, events, times, arm.steering, status, cancel)
    else:
        states = people.start[:, None].copy()
    found = []
    for grid, (at, protocol) in zip(grids, requests, strict=True):
        where = np.searchsorted(times, grid)
        if protocol.everyday:
            values = _look(plan, sources, arm.schedule, times[where], states[:, where], parameters)
            found.append(_read(plan, protocol, at, arm, people, status, values, parameters))
        else:
            start = states[:, where[0]]
            found.append(_copy(plan, protocol, at, arm, people, start, status, parameters, sources, cancel))
        gone = left < at + (protocol.duration if protocol.everyday else 0.0)
        for values in (*found[-1].curves.values(), *(v for _, v in found[-1].indices.values())):
            values[gone] = np.nan
    return found


def _carried(
    plan: Plan,
    start: np.ndarray,
    parameters: np.ndarray,
    events: Events,
    times: np.ndarray,
    steering: frozenset[str],
    status: np.ndarray,
    cancel: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Every state at some times, (n, times, states), and how each subject ended, (n,)."""
    kernel = plan.kernel
    subjects = subjects_at(kernel, start, parameters, status)
    seen = recording(times, np.arange(len(kernel.states)), len(start))
    span, error = (0.0, float(times[-1])), plan.tolerance(steering)
    solve(kernel, plan.solver, subjects, events, span, error, seen, retry=True, cancel=cancel)
    return seen.out, subjects.status


def _check(plan: Plan, at: float, protocol: Protocol) -> None:
    missing = [m for m in (BODY, *needs([protocol])) if m not in {m.name for m in plan.model.modules}]
    if missing:
        names = " and ".join(f"`{m}`" for m in missing)
        raise SetError(f"the test `{protocol.name}` needs the module {names}", help="add it to `model`")
    end = at + (protocol.duration if protocol.everyday else 0.0)
    if end > plan.scenario.duration + 1e-9:
        raise SetError(
            f"a test `{protocol.name}` at {at:g} h ends after the scenario, which lasts {plan.scenario.duration:g} h",
            help="make `duration` longer, or test earlier",
        )
    since = since_last_meal(at, [m.time for m in plan.scenario.meals])
    if protocol.fasting and since < FASTING_HOURS:
        raise SetError(
            f"the test `{protocol.name}` at {at:g} h is not fasting: the last meal was {since:g} h before",
            help="at whole days it is 07:30, before breakfast",
        )


def _grid(protocol: Protocol) -> np.ndarray:
    """Minutes that are looked at: when blood is drawn, and in a test every minute."""
    if protocol.everyday:
        return protocol.minutes
    return np.unique(np.concatenate([protocol.minutes, np.arange(0, protocol.minutes[-1] + 0.5)]))


def _copy(
    plan: Plan,
    protocol: Protocol,
    at: float,
    arm: PlannedArm,
    people: People,
    start: np.ndarray,
    status: np.ndarray,
    parameters: np.ndarray,
    sources: Sources,
    cancel: np.ndarray | None,
) -> Examination:
    """Test copies of subjects as they stand."""
    columns = {name: j for j, name in enumerate(plan.kernel.parameters)}
    # What changes at this very time comes after the test, as a dose at it does; what holds from the start holds.
    before = float(np.nextafter(at, -np.inf)) if at > 0 else at
    named = arm.schedule.parameters_at(before, {name: parameters[:, j] for name, j in columns.items()})
    own = np.stack([named[name] for name in plan.kernel.parameters], axis=1)
    if protocol.clamped:
        fasting = _look(plan, sources, Schedule((), {}), np.zeros(1), start[:, None], own)["glucose"][:, 0]
        target = protocol.target if protocol.above is None else fasting + protocol.above
        own[:, columns[f"{CLAMP}.target"]] = target
        own[:, columns[f"{CLAMP}.step"]] = np.maximum(target - fasting, 0)
    schedule = _schedule(plan, protocol)
    events, _ = schedule.events(plan.kernel.states, dict(zip(columns, own.T, strict=True)), plan.seed, people.subjects)
    times = _grid(protocol) / 60
    steering = plan.model.steering(arm.switches)
    states, ended = _carried(plan, start, own, events, times, steering, status, cancel)
    values = _look(plan, sources, schedule, times, states, own)
    return _read(plan, protocol, at, arm, people, ended, values, own)


def _schedule(plan: Plan, protocol: Protocol) -> Schedule:
    """What a test gives, as a schedule of its own."""
    doses = plan.model.doses
    stops = [Stop(g.minute / 60, doses[f"{BODY}.{g.route}"], g.amount, g.over / 60) for g in protocol.given]
    turns = []
    if protocol.clamped:
        since, until = (m / 60 for m in protocol.clamped)
        stops.append(Stop(since, doses[f"{CLAMP}.prime"], 1.0))
        turns.append(Turn(since, f"{CLAMP}.on", 1.0, 1.0))
        if until < protocol.duration:
            turns.append(Turn(until, f"{CLAMP}.on", 0.0, 1.0))
    hours = {s.dose.name: time_factor(plan.model, s.dose.lag) for s in stops}
    return Schedule(tuple(sorted(stops, key=lambda s: s.time)), hours, tuple(turns))


Sources = Mapping[str, list[int]]
"""For each curve the kernel's quantities that are summed."""


def _sources(plan: Plan, observe: Sequence[str]) -> Sources:
    """Every curve the model has, and what is asked for besides."""
    model, quantities = plan.model, plan.kernel.quantities
    found: dict[str, list[int]] = {}
    for name, parts in {**{n: p for n, (_, p) in CURVES.items()}, **{n: (n,) for n in observe}}.items():
        full = [model.observables.get(part, part) for part in parts]
        if name in observe and full[0] not in quantities:
            raise SetError(f"there is no quantity `{name}` to observe", help=did_you_mean(name, quantities))
        found[name] = [quantities.index(q) for q in full if q in quantities]
    found[ARRIVING] = [quantities.index(f"{BODY}.iv_insulin")]
    return {name: part for name, part in found.items() if part}


def _look(
    plan: Plan, sources: Sources, schedule: Schedule, times: np.ndarray, states: np.ndarray, parameters: np.ndarray
) -> dict[str, np.ndarray]:
    """Every curve, (n, times)."""
    columns = np.unique([c for part in sources.values() for c in part]).astype(np.int64)
    everything = np.arange(len(plan.kernel.states))
    values = observed(plan, schedule, times, states, everything, parameters, columns)
    return {
        name: np.sum([values[..., np.searchsorted(columns, c)] for c in part], axis=0) for name, part in sources.items()
    }


def _read(
    plan: Plan,
    protocol: Protocol,
    at: float,
    arm: PlannedArm,
    people: People,
    status: np.ndarray,
    curves: dict[str, np.ndarray],
    parameters: np.ndarray,
) -> Examination:
    own = {name: parameters[:, plan.kernel.parameters.index(f"{BODY}.{name}")] for name in ("BW", "pump", "bolus")}
    minutes = _grid(protocol)
    seen = np.searchsorted(minutes, protocol.minutes)
    outside = own["pump"] + curves.pop(ARRIVING)[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        who = Who(own["BW"], outside / (outside + curves["secretion"][:, 0]))
        found = _INDICES[protocol.name](protocol, minutes, curves, seen, who)
    foreign = (own["bolus"] > 0) | (who.foreign > FROM_OUTSIDE)
    bad = status != WELL
    for values in (*curves.values(), *(v for _, v in found.values())):
        values[bad] = np.nan
    empty = [name for name in OF_SECRETION if name in found and foreign.any()]
    for name in empty:
        found[name][1][foreign] = np.nan
    notes = (f"insulin is given from outside, so that {', '.join(empty)} would not be of secretion",) if empty else ()
    return Examination(protocol, at, arm.name, people.subjects, status, minutes, curves, found, notes)


@dataclass(frozen=True)
class Who:
    """What indices need of the subjects besides curves: weight in kg, share of fasting insulin from outside."""

    weight: np.ndarray
    foreign: np.ndarray


Found = dict[str, tuple[str, np.ndarray]]


def _fasting(curves: Mapping[str, np.ndarray]) -> Found:
    glucose, insulin = curves["glucose"][:, 0], curves["insulin"][:, 0]
    return {
        "fasting_glucose": ("mg/dL", glucose.copy()),
        "fasting_insulin": ("uU/mL", insulin.copy()),
        "fasting_c_peptide": ("ng/mL", curves["c_peptide"][:, 0].copy()),
        "fasting_ffa": ("mmol/L", curves["ffa"][:, 0].copy()),
        "homa_ir": ("1", ix.homa_ir(glucose, insulin)),
        "homa_b": ("%", ix.homa_b(glucose, insulin)),
        "quicki": ("1", ix.quicki(glucose, insulin)),
        "basal_production": ("mg/kg/min", curves["production"][:, 0].copy()),
        "basal_hepatic_extraction": ("1", curves["hepatic_extraction"][:, 0].copy()),
    }


def _meal(
    protocol: Protocol, minutes: np.ndarray, curves: Mapping[str, np.ndarray], seen: np.ndarray, who: Who
) -> Found:
    t, glucose, insulin = protocol.minutes, curves["glucose"][:, seen], curves["insulin"][:, seen]
    fine, fine_i = curves["glucose"], curves["insulin"]
    c_peptide = curves["c_peptide"][:, seen]
    index, sensitivity = ix.insulinogenic(t, glucose, insulin), ix.matsuda(t, glucose, insulin)
    return _fasting(curves) | {
        "glucose_30": ("mg/dL", ix.at(t, glucose, 30)),
        "glucose_60": ("mg/dL", ix.at(t, glucose, 60)),
        "glucose_120": ("mg/dL", ix.at(t, glucose, 120)),
        "insulin_30": ("uU/mL", ix.at(t, insulin, 30)),
        "insulin_120": ("uU/mL", ix.at(t, insulin, 120)),
        "peak_glucose": ("mg/dL", fine.max(axis=1)),
        "peak_glucose_time": ("min", minutes[fine.argmax(axis=1)]),
        "peak_insulin": ("uU/mL", fine_i.max(axis=1)),
        "peak_insulin_time": ("min", minutes[fine_i.argmax(axis=1)]),
        "matsuda": ("1e-4/(mg/dL*uU/mL)", sensitivity),
        "insulinogenic_index": ("uU/mL/(mg/dL)", index),
        "oral_disposition_index": ("1e-4/(mg/dL)**2", index * sensitivity),
        "issi_2": ("1e-4/(mg/dL)**2", ix.area(t, insulin, 0, 120) / ix.area(t, glucose, 0, 120) * sensitivity),
        "glucose_area": ("mg/dL*min", ix.area(t, glucose, 0, 120)),
        "glucose_area_above_fasting": ("mg/dL*min", ix.incremental_area(t, glucose, 0, 120)),
        "insulin_area": ("uU/mL*min", ix.area(t, insulin, 0, 120)),
        "insulin_area_above_fasting": ("uU/mL*min", ix.incremental_area(t, insulin, 0, 120)),
        "c_peptide_area": ("ng/mL*min", ix.area(t, c_peptide, 0, 120)),
        "lowest_production": ("mg/kg/min", curves["production"].min(axis=1)),
    }


def _ivgtt(
    protocol: Protocol, minutes: np.ndarray, curves: Mapping[str, np.ndarray], seen: np.ndarray, who: Who
) -> Found:
    t, glucose, insulin = protocol.minutes, curves["glucose"][:, seen], curves["insulin"][:, seen]
    # AIRg: mean rise over the samples of the first ten minutes, as the reference values are given.
    first = (t >= 2) & (t <= 10)
    airg = np.ascontiguousarray(insulin[:, first]).mean(axis=1) - insulin[:, 0]
    late = (t >= 10) & (t <= 19)
    slope = np.array([np.polyfit(t[late], np.log(g[late]), 1)[0] if np.isfinite(g).all() else np.nan for g in glucose])
    names = ("S_G", "S_I", "p2", "cv", "G_0")
    fitted = np.full((len(glucose), len(names)), np.nan)
    for i in np.flatnonzero(np.isfinite(glucose).all(axis=1)):
        fit = fit_minimal_model(t, glucose[i], insulin[i])
        fitted[i] = [getattr(fit, n) for n in names]
    return _fasting(curves) | {
        "S_G": ("1/min", fitted[:, 0].copy()),
        "S_I": ("1e-4/min/(uU/mL)", 1e4 * fitted[:, 1]),
        "p2": ("1/min", fitted[:, 2].copy()),
        "G_0": ("mg/dL", fitted[:, 4].copy()),
        "AIRg": ("uU/mL", airg),
        "disposition_index": ("1e-4/min", 1e4 * fitted[:, 1] * airg),
        "K_G": ("%/min", -100 * slope),
        "minimal_model_residual": ("%", 100 * fitted[:, 3]),
    }


def _clamp(
    protocol: Protocol, minutes: np.ndarray, curves: Mapping[str, np.ndarray], seen: np.ndarray, who: Who
) -> Found:
    found = _fasting(curves)
    basal = {n: curves[n][:, 0] for n in ("production", "disposal", "ffa", "insulin", "c_peptide")}
    for k, (_, end, rate) in enumerate(protocol.steps, start=1):
        last = {n: ix.mean(minutes, c, end - STEADY, end) for n, c in curves.items()}
        # Glucose that left or filled its space while the clamp was read is not metabolised (DeFronzo 1979).
        change = (ix.at(minutes, curves["glucose"], end) - ix.at(minutes, curves["glucose"], end - STEADY)) / STEADY
        m = last["glucose_infusion"] - SPACE * change - last["urinary_loss"]
        wanted = protocol.target if protocol.above is None else curves["glucose"][:, 0] + protocol.above
        # Where glucose is not held yet, what is infused says nothing of what is used.
        m = np.where(np.abs(last["glucose"] - wanted) <= HELD * wanted, m, np.nan)
        rise = last["insulin"] - basal["insulin"]
        # Of the insulin before the clamp, what was secreted follows C-peptide (DeFronzo 1979); a pump goes on.
        before = basal["insulin"] * (who.foreign + (1 - who.foreign) * last["c_peptide"] / basal["c_peptide"])
        found |= {
            f"M_{k}": ("mg/kg/min", m),
            f"glucose_{k}": ("mg/dL", last["glucose"]),
            f"insulin_{k}": ("uU/mL", last["insulin"]),
            f"M_over_I_{k}": ("mg/kg/min/(uU/mL)", m / last["insulin"]),
            f"S_I_clamp_{k}": ("1e-4 dL/kg/min/(uU/mL)", 1e4 * m / (last["glucose"] * rise)),
            f"infused_insulin_clearance_{k}": ("mL/kg/min", 1000 * rate / (last["insulin"] - before)),
            f"production_{k}": ("mg/kg/min", last["production"]),
            f"delta_production_{k}": ("mg/kg/min", basal["production"] - last["production"]),
            f"production_suppression_{k}": ("%", 100 * (1 - last["production"] / basal["production"])),
            f"disposal_{k}": ("mg/kg/min", last["disposal"]),
            f"disposal_rise_{k}": ("%", 100 * (last["disposal"] / basal["disposal"] - 1)),
            f"ffa_suppression_{k}": ("%", 100 * (1 - last["ffa"] / basal["ffa"])),
        }
    return found


HELD = 0.05
"""Share of the target within which glucose counts as held."""
SPACE = 1.9
"""Distribution volume of glucose that clamps correct for, dL/kg (0.19 L/kg, DeFronzo 1979)."""


def _hyperglycaemic(
    protocol: Protocol, minutes: np.ndarray, curves: Mapping[str, np.ndarray], seen: np.ndarray, who: Who
) -> Found:
    t, insulin = protocol.minutes, curves["insulin"][:, seen]
    end = float(minutes[-1])
    first = (t > 0) & (t <= 10)
    last = {n: ix.mean(minutes, c, end - STEADY, end) for n, c in curves.items()}
    m = last["glucose_infusion"] - last["urinary_loss"]
    return _fasting(curves) | {
        "first_phase": ("uU/mL", np.ascontiguousarray(insulin[:, first]).mean(axis=1) - insulin[:, 0]),
        "second_phase": ("uU/mL", last["insulin"] - insulin[:, 0]),
        "glucose_end": ("mg/dL", last["glucose"]),
        "insulin_end": ("uU/mL", last["insulin"]),
        "M": ("mg/kg/min", m),
        "M_over_I": ("mg/kg/min/(uU/mL)", m / last["insulin"]),
        "secretion_fold": ("1", last["secretion"] / curves["secretion"][:, 0]),
    }


def _profile(
    protocol: Protocol, minutes: np.ndarray, curves: Mapping[str, np.ndarray], seen: np.ndarray, who: Who
) -> Found:
    days = protocol.duration / 24
    until = float(minutes[-1])
    secretion = ix.area(minutes, curves["secretion"], 0, until) * who.weight / 1000 / days
    basal = curves["secretion"][:, 0] * who.weight * 1440 / 1000
    units = {"mean_glucose": "mg/dL", "sd_glucose": "mg/dL", "mage": "mg/dL"}
    # The last sample is the first of the next day.
    found = {n: (units.get(n, "%"), v) for n, v in ix.cgm(curves["glucose"][:, :-1]).items()}
    return {
        "fasting_glucose": ("mg/dL", curves["glucose"][:, 0].copy()),
        **found,
        "mean_insulin": ("uU/mL", ix.mean(minutes, curves["insulin"], 0, until)),
        "mean_ffa": ("mmol/L", ix.mean(minutes, curves["ffa"], 0, until)),
        "secretion_24h": ("nmol", secretion),
        "basal_share_of_secretion": ("%", 100 * basal / secretion),
        "urinary_glucose_24h": ("g", ix.area(minutes, curves["urinary_loss"], 0, until) * who.weight / 1000 / days),
    }


_INDICES = {
    "ogtt": _meal,
    "mixed-meal": _meal,
    "ivgtt": _ivgtt,
    "clamp": _clamp,
    "hyperglycaemic-clamp": _hyperglycaemic,
    "profile": _profile,
}
