"""Dose-response: the same people at several doses, of one drug or of several schedules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.analysis.asked import Asked, read_asked
from mtorsim.analysis.courses import ROWS, repeated, share_out
from mtorsim.errors import ArgumentError, UnitError, choose_from
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.run.amounts import SIZES, in_unit_of, route_of
from mtorsim.run.arguments import checked
from mtorsim.run.arms import PlannedArm
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import prepare
from mtorsim.scenario.parts import Regimen
from mtorsim.scenario.regimen import read_regimen
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers
from mtorsim.units.units import Unit, convert, parse_quantity

from .course import reached
from .responses import DoseResponse, ScheduleResponse

__all__ = ["dose_response"]

FACTORS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Doses that are tried by default, relative to the written one."""
MOST_SUBJECTS = 100_000
MOST_DOSES = 50


@checked
def dose_response(
    scenario: Scenario | str | Path,
    *,
    drug: str | None = None,
    doses: Sequence[str | float] | None = None,
    schedules: Sequence[str] = (),
    of: str = "fasting_glucose",
    at: str | float | None = None,
    arm: str | None = None,
    versus: str | None = None,
    by: str | None = None,
    subjects: int = 200,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> DoseResponse:
    """Give the same people several doses, and see what becomes of a quantity.

    Parameters
    ----------
    scenario
        A scenario, the name of a bundled one, or the path of a file. Its rules apply at every dose.
    drug
        The drug whose doses differ; default: the first that only the treated arm takes.
    doses
        Amounts in the unit of the scenario's dose, or with a unit; default: 0.25 to 2 times the scenario's. A regimen
        of several amounts is scaled as a whole, to these first amounts.
    schedules
        Further schedules in place of the drug's own, such as `"sirolimus 2 mg q24h"` or `"everolimus 70 mg q7d"`, each
        from 0.25 to 2 times its dose.
    of, at, arm, versus, by
        As in `explain`.
    subjects
        Number of subjects, the same at every dose.
    seed, population, settings, threads, library, progress, note
        As in `simulate`.

    Returns
    -------
    DoseResponse
        The quantity of every subject at every dose, with trough levels and inhibition of mTORC1.

    Raises
    ------
    MtorsimError
        If an input is invalid, or a dose out of the plausible range of its drug.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.dose_response("everolimus_breast", doses=[5, 10], at="2 weeks", subjects=8)
    >>> bool((found.schedules[0].trough[:, 1] > found.schedules[0].trough[:, 0]).all())
    True
    """
    if not 2 <= subjects <= MOST_SUBJECTS:
        raise ArgumentError(f"subjects = {subjects}: from 2 to {MOST_SUBJECTS:,}")
    base = scenario_of(scenario, library)
    given = {"seed": seed, "population": population, "settings": settings}
    asked = read_asked(base, of, at, arm, versus, library, **given)
    asked.require_drug()
    if by is not None and by not in asked.draft.population.traits:
        raise ArgumentError(f"`by`: unknown trait `{by}`", help=choose_from(by, asked.draft.population.traits))
    own = _regimen(asked.treated, drug, _both(asked))
    tried = [_Tried(asked, own, _doses(doses, own, asked))]
    for text in schedules:
        other = _with_schedule(base, asked.treated, own.drug, text)
        again = read_asked(other, of, at, None, None, library, **given)
        mine = _regimen(again.treated, text.split()[0])
        tried.append(_Tried(again, mine, _doses(None, mine, again)))
    cores, report = workers(threads), shown_progress(progress)
    return _found(tried, np.arange(subjects), cores, report, by, note)


@dataclass(frozen=True)
class _Tried:
    """One schedule: what is asked, its regimen, and doses in the regimen's unit."""

    asked: Asked
    regimen: Regimen
    doses: np.ndarray

    @property
    def name(self) -> str:
        """The drug and its interval."""
        steps = {round(b - a, 6) for a, b in pairwise(self.regimen.times)}
        if len(steps) != 1:
            return self.regimen.drug
        hours = steps.pop()
        return f"{self.regimen.drug} q" + (f"{hours:g}h" if hours % 24 or hours == 24 else f"{hours / 24:g}d")


def _found(
    tried: Sequence[_Tried],
    who: np.ndarray,
    threads: int,
    report: Progress | None,
    by: str | None,
    note: Callable[[str], None] | None,
) -> DoseResponse:
    """Compute every schedule, and join what they say of the same people."""
    whole = len(who) * len(tried)
    found, first = [], None
    for k, one in enumerate(tried):
        plan, treated, untreated = one.asked.plan(note)
        plan.choose_forms(len(who), days=len(who) * (len(one.doses) + 1) * plan.scenario.duration / 24)
        work = _Work(plan, treated, untreated, one)
        done = None if report is None else _after(report, k * len(who), whole)
        size = max(1, ROWS // len(one.doses))
        parts = list(share_out(who, size, threads, work.batch, done))
        values = [np.concatenate(part) for part in zip(*parts, strict=True)]
        if first is None:
            first = (plan, *values[4:])
        drug, unit = one.regimen.drug, str(one.regimen.unit)
        found.append(ScheduleResponse(one.name, drug, unit, one.doses, *values[:4], written=work.first))
    assert first is not None
    plan, start, untreated, status, weights, traits = first
    asked = tried[0].asked
    return DoseResponse(
        scenario=plan.scenario.name,
        title=plan.scenario.title,
        of=asked.of,
        unit=plan.observables[asked.of],
        at=asked.time,
        versus=asked.untreated,
        seed=plan.seed,
        population=plan.population.name,
        by=by,
        subjects=who,
        weights=weights,
        start=start,
        untreated=np.where(status == OK, untreated, np.nan),
        schedules=tuple(found),
        traits=dict(zip(plan.population.traits, traits.T, strict=True)) if traits.size else {},
    )


def _after(report: Progress, before: int, whole: int) -> Progress:
    return lambda done, _: report(before + done, whole)


@dataclass(frozen=True)
class _Work:
    """Everything that a batch of people needs."""

    plan: Plan
    treated: PlannedArm
    untreated: PlannedArm
    tried: _Tried

    @property
    def first(self) -> float:
        """The scenario's own dose."""
        return self.tried.regimen.amounts[0]

    def batch(self, who: np.ndarray) -> tuple[np.ndarray, ...]:
        """Values of some people at all doses, (n, doses) each; at the start and untreated; status, weights, traits."""
        people = prepare(self.plan, who)
        asked, k = self.tried.asked, len(self.tried.doses)
        without = reached(self.plan, self.untreated, people, asked.of, asked.time)
        factors = np.tile(self.tried.doses / self.first, len(who))
        schedule = self.treated.schedule
        schedule = replace(schedule, factors={**schedule.factors, self.tried.regimen.drug: factors})
        arm = replace(self.treated, schedule=schedule)
        on = reached(self.plan, arm, repeated(people, k), asked.of, asked.time)
        shaped = [part.reshape(len(who), k) for part in (on.value, on.trough, on.inhibition, on.status)]
        traits = people.traits if people.traits.size else np.zeros((len(who), 0))
        status = np.where(people.status != OK, people.status, without.status)
        return (*shaped, without.start, without.value, status, people.weights, traits)


def _both(asked: Asked) -> list[str]:
    """Drugs that the people of the untreated arm take as well."""
    without = next((a for a in asked.draft.arms if a.name == asked.untreated), None)
    return [] if without is None else [r.drug for r in without.spec.regimens if any(r.amounts) and not r.placebo]


def _regimen(arm: PlannedArm, drug: str | None, both: Sequence[str] = ()) -> Regimen:
    """The regimen of a drug in the treated arm, by default its first that only this arm takes."""
    given = [r for r in arm.spec.regimens if any(r.amounts) and not r.placebo and not r.waits]
    if drug is None:
        return next((r for r in given if r.drug not in both), given[0])
    mine = [r for r in given if r.drug == drug]
    if not mine:
        help = choose_from(drug, [r.drug for r in given])
        raise ArgumentError(f"`{drug}` is not dosed in the arm `{arm.name}`", help=help)
    return mine[0]


def _doses(doses: Sequence[str | float] | None, regimen: Regimen, asked: Asked) -> np.ndarray:
    """Doses in the regimen's unit, in order; each within the drug's plausible range."""
    route = route_of(regimen, asked.draft.model)
    if doses is None:
        tried = [f * regimen.amounts[0] for f in FACTORS]
        tried = [d for d in tried if _is_plausible(d, regimen, asked)]
        return np.array(tried if len(tried) > 1 else [regimen.amounts[0]])
    if not 1 <= len(doses) <= MOST_DOSES:
        raise ArgumentError(f"doses: {len(doses)} of them; from 1 to {MOST_DOSES}")
    found = [_amount(dose, regimen.unit, regimen.drug) for dose in doses]
    for dose in found:
        if dose <= 0:
            raise ArgumentError(f"doses: {dose:g} is not more than 0", help="the untreated arm is compared anyway")
        if not _is_plausible(dose, regimen, asked):
            low, high = route.range or (0.0, np.inf)
            message = f"{dose:g} {regimen.unit} of {regimen.drug} is outside its plausible range {low:g} to {high:g}"
            raise ArgumentError(f"{message} {route.unit}", help="copy the module beside your scenario to widen it")
    return np.unique(np.array(found, float))


def _amount(dose: str | float, unit: Unit, drug: str) -> float:
    """A dose in a regimen's unit."""
    if not isinstance(dose, str):
        return float(dose)
    try:
        return float(dose)
    except ValueError:
        pass
    try:
        return convert(*parse_quantity(dose), unit)
    except UnitError as error:
        raise ArgumentError(f"doses: {error.message}", help=error.help or f"{drug} is dosed in {unit}") from None


def _is_plausible(dose: float, regimen: Regimen, asked: Asked) -> bool:
    """Whether a dose is within the range of its route."""
    route = route_of(regimen, asked.draft.model)
    if not route.range:
        return True
    (amount,), per = in_unit_of(replace(regimen, amounts=(regimen.amounts[0],)), route)
    size = SIZES[per][1] if per else 1.0
    return route.admits(size * amount * dose / regimen.amounts[0])


_SCHEDULE = re.compile(r"(?P<drug>[A-Za-z_]\w*)\s+(?P<regimen>\d.*)")


def _with_schedule(base: Scenario, treated: PlannedArm, own: str, text: str) -> Scenario:
    """The scenario with another drug or schedule in place of its own."""
    match = _SCHEDULE.fullmatch(text.strip())
    if match is None:
        raise ArgumentError(f"`{text}` is not a schedule", help="write for example `sirolimus 2 mg q24h`")
    if treated.name != base.arms[0].name:
        raise ArgumentError(f"schedules replace that of the arm `{base.arms[0].name}`, not of `{treated.name}`")
    drug, regimen = match["drug"], match["regimen"]
    try:
        read_regimen(regimen)
    except UnitError as error:
        raise ArgumentError(f"`{text}`: {error.message}", help=error.help) from None
    lines: list[dict[str, Any]] = []
    for line in base.dose_lines:
        if line["drug"] == own:
            if not any(x["drug"] == drug for x in lines):
                keep = {k: v for k, v in line.items() if k in ("start", "stop", "missed", "late", "interruptions")}
                lines.append({**keep, "drug": drug, "regimen": regimen})
        else:
            lines.append(line)
    modules = list(dict.fromkeys(drug if m == own else m for m in base.modules))
    changed = {"model": modules, "doses": lines, "arms": {}, "observed": None, "arm_name": None}
    # Rules name the drug that they hold.
    data = base.place.source.data.get("rule")
    if data and drug != own:
        word = re.compile(rf"\b{re.escape(own)}\b")
        changed["rules"] = [{k: _renamed(v, word, drug) for k, v in rule.items()} for rule in data]
    return base.replace(**changed)


def _renamed(value: Any, word: re.Pattern[str], drug: str) -> Any:
    """Text of a rule with another drug."""
    if isinstance(value, str):
        return word.sub(drug, value)
    return [_renamed(v, word, drug) for v in value] if isinstance(value, list) else value
