"""From decision to decision: compiled code carries the subjects, rules change what they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtorsim.errors import SetError, did_you_mean
from mtorsim.kernel.arguments import Subjects
from mtorsim.kernel.event import Events
from mtorsim.kernel.status import IMPOSSIBLE_DOSE, WELL
from mtorsim.scenario.actions import Hold
from mtorsim.scenario.scenario import rechecks

from .arms import PlannedArm
from .measurement import MEASURED, leaving_times, measure
from .plan import Plan
from .prepare import People
from .rules import CLOCKS, GRADE, Do, PlannedRule
from .solve import observed, parameters_in, recording, solve, some, subjects_at
from .visit import GIVEN, HELD, LEDGER, WAITING, PythonRule, Visit, _Care

__all__ = ["Followed", "decision_times", "follow"]


Reason = tuple[Callable[[str], np.ndarray], str]


@dataclass(frozen=True)
class Followed:
    """One arm, followed.

    Attributes
    ----------
    values
        Everything observed, (n, times, observables), NaN from when a subject has left.
    status, left
        Status, and hours at which each left, infinite for those who stayed, (n,).
    ledger
        Rows of `LEDGER`, by subject and time.
    given
        Share of the planned amount of each regimen that was given while the subject was there, (n, regimens).
    events
        All that happened to each, as it was decided.
    """

    values: np.ndarray
    status: np.ndarray
    left: np.ndarray
    ledger: np.ndarray
    given: np.ndarray
    events: Events


def decision_times(plan: Plan, arm: PlannedArm) -> list[float]:
    """When subjects are looked at: visits, and what is checked between them."""
    actions = [a for r in arm.branch.rules for a in r.actions]
    found = {*plan.scenario.visits}
    for every in {a.check for a in actions if isinstance(a, Hold) and a.check}:
        found |= {*rechecks(plan.scenario.visits, every, plan.scenario.duration)}
    return sorted(found)


def follow(
    plan: Plan,
    arm: PlannedArm,
    people: People,
    times: np.ndarray,
    fasting: np.ndarray,
    cancel: np.ndarray | None = None,
    python_rules: Sequence[PythonRule] = (),
) -> Followed:
    """Carry subjects through an arm, and decide at its visits; each failed one a second time with more care.

    Parameters
    ----------
    plan, arm, people
        The run, one of its arms, and prepared subjects.
    times, fasting
        When something is recorded, hours, and whether it is fasting then, (m,).
    python_rules
        Functions that come after the arm's own rules.
    """
    return _Walk(plan, arm, people, times, fasting, cancel, python_rules).through()


def _in_order(ledger: np.ndarray) -> np.ndarray:
    return ledger[np.lexsort((np.arange(len(ledger)), ledger["time_h"], ledger["subject"]))]


def _members(plan: Plan, people: People, rule: PlannedRule) -> np.ndarray:
    """Whom a rule is about, (n,)."""
    names = list(plan.population.traits)
    group = f"group {rule.among}"
    if rule.among is None or group not in names:
        return np.full(len(people.subjects), rule.among is None or rule.others)
    return (people.traits[:, names.index(group)] == 1) != rule.others


class _Walk:
    """One arm's people on their way; what does not change on the way."""

    def __init__(
        self,
        plan: Plan,
        arm: PlannedArm,
        people: People,
        times: np.ndarray,
        fasting: np.ndarray,
        cancel: np.ndarray | None,
        python_rules: Sequence[PythonRule],
    ) -> None:
        self.plan, self.arm, self.people, self.cancel = plan, arm, people, cancel
        self.times, self.fasting = times, fasting
        self.python_rules = python_rules
        self.parameters = parameters_in(plan, arm, people)
        named = plan.kernel.named(self.parameters)
        self.layout = arm.schedule.layout(plan.kernel.states, named, plan.seed, people.subjects)
        self.possible = self.layout.possible
        self.columns = plan.columns[plan.columns >= 0]
        self.rows = plan.kernel.read_by(self.columns)
        self.drugs = [r.drug for r in arm.regimens]
        drug_of = [s.dose.name.partition(".")[0] for s in self.layout.stops]
        self.regimen_of = np.array([self.drugs.index(d) if d in self.drugs else -1 for d in drug_of], np.int64)
        self.nominal = np.array([s.time for s in self.layout.stops])
        self.looks = decision_times(plan, arm)
        self.visits = frozenset(plan.scenario.visits)
        self.checks = {
            a.check: self.visits | {*rechecks(plan.scenario.visits, a.check, plan.scenario.duration)}
            for rule in arm.rules
            for a in rule.actions
            if a.check
        }
        self.about = [_members(plan, people, rule) for rule in arm.rules]
        self.decides = bool(arm.rules or python_rules)

    def through(self) -> Followed:
        """The people from start to end."""
        plan, n = self.plan, len(self.people.subjects)
        who = np.arange(n)
        states = np.full((n, len(self.times), len(self.rows)), np.nan)
        status = np.where(
            (self.people.status[who] == WELL) & ~self.possible[who], IMPOSSIBLE_DOSE, self.people.status[who]
        )
        care = self._care(who)
        subjects = subjects_at(plan.kernel, self.people.start, self.parameters, status)
        status = subjects.status
        well = status == WELL
        states[np.ix_(well, self.times == 0.0)] = subjects.state[well][:, None, self.rows]
        given = np.array([[0.0 if s.dormant else 1.0 for s in self.layout.stops]]) * np.ones((n, 1))
        cuts = self.looks if self.decides else []
        end = plan.scenario.duration
        events = self.events(who, given) if self.decides else self._planned(who)
        for a, b in pairwise([0.0, *[c for c in cuts if 0 < c < end], end]):
            if a in cuts and self._decide(a, who, care, given, states, status):
                events = self.events(who, given)
            self._carry((a, b), care, subjects, events, states)
        if end in cuts and self._decide(end, who, care, given, states, status):
            events = self.events(who, given)
        self._end_holds(who, care, status)
        values = self._values(who, self.times, states)
        values[self.times[None, :] > care.left[:, None]] = np.nan
        ledger = np.concatenate([np.zeros(0, LEDGER), *care.rows, self._leavers(who, care, status)])
        return Followed(values, status, care.left, _in_order(ledger), self._share_given(who, care, given), events)

    def _care(self, who: np.ndarray) -> _Care:
        n, d, r = len(who), len(self.drugs), len(self.arm.rules)
        dormant = np.array([g.dormant for g in self.arm.regimens], bool)
        return _Care(
            level=np.ones((n, d)),
            stage=np.where(dormant, WAITING, GIVEN) * np.ones((n, 1), np.int64),
            resume=np.ones((n, d)),
            release=np.full((n, d), np.inf),
            holder=np.full((n, d), -1),
            streak=np.zeros((n, r), np.int64),
            count=np.zeros((n, r), np.int64),
            left=leaving_times(self.arm.branch.staying, self.plan.seed, self.people.subjects[who]),
        )

    def events(self, who: np.ndarray, given: np.ndarray) -> Events:
        """What happens to some subjects, from the start on."""
        full = np.ones((len(self.people.subjects), given.shape[1]))
        full[who] = given
        events = self.layout.events(full)
        return events.of(who)

    def _planned(self, who: np.ndarray) -> Events:
        """What happens to some subjects where nothing is decided."""
        events = self.layout.events()
        return events.of(who)

    def _give(self, care: _Care, given: np.ndarray, since: float) -> None:
        """Doses from a time on as they are decided."""
        for d in range(len(self.drugs)):
            later = (self.regimen_of == d) & (self.nominal >= since)
            share = np.where(care.stage[:, d] == GIVEN, care.level[:, d], 0.0)
            given[:, later] = share[:, None]
            timed = (care.stage[:, d] == HELD) & np.isfinite(care.release[:, d])
            for i in np.flatnonzero(timed):
                after = later & (self.nominal >= care.release[i, d])
                given[i, after] = care.level[i, d] * care.resume[i, d]

    def _carry(
        self, span: tuple[float, float], care: _Care, subjects: Subjects, events: Events, states: np.ndarray
    ) -> None:
        """Carry those who are still there over one span."""
        plan, (a, b) = self.plan, span
        well = subjects.status == WELL
        here = np.flatnonzero((care.left > a) & well) if a > 0 else np.flatnonzero(well)
        if not len(here):
            return
        mine = (self.times > a if a > 0 else self.times >= a) & (self.times <= b)
        part = some(subjects, here)
        seen = recording(self.times[mine], self.rows, len(here))
        error = plan.tolerance(self.arm.steering)
        solve(plan.kernel, plan.solver, part, events.of(here), span, error, seen, retry=True, cancel=self.cancel)
        for whole, own in zip(subjects, part, strict=True):
            whole[here] = own
        states[np.ix_(here, np.flatnonzero(mine))] = seen.out

    def _values(self, who: np.ndarray, times: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Everything observed, in the plan's order, with what was measured of it."""
        plan = self.plan
        out = observed(plan, self.arm.schedule, times, states, self.rows, self.parameters[who], self.columns)
        names = list(plan.observables)
        full = np.full((*out.shape[:2], len(names)), np.nan)
        full[:, :, plan.columns >= 0] = out
        fasting = self.fasting[np.searchsorted(self.times, times)]
        full[:, ~fasting, names.index("fasting_glucose")] = np.nan
        for name, cv in plan.measured.items():
            stray = plan.stray if name == "fasting_glucose" else None
            j, k = names.index(name), names.index(name + MEASURED)
            # Nobody is measured but where somebody looks.
            at = np.flatnonzero(np.isin(times, self.looks))
            found = measure(full[:, at, j], name, cv, stray, plan.seed, self.people.subjects[who], times[at])
            full[:, at, k] = found
        return full

    def _decide(
        self, time: float, who: np.ndarray, care: _Care, given: np.ndarray, states: np.ndarray, status: np.ndarray
    ) -> bool:
        """Ask the rules at one time; returns whether anybody's doses have changed."""
        at = int(np.searchsorted(self.times, time))
        values = self._values(who, self.times[at : at + 1], states[:, at : at + 1])[:, 0]
        present = (status == WELL) & (care.left > time)
        subjects = self.people.subjects[who]
        visit = Visit(time, subjects, present, care, self.drugs, self._reader(time, values, len(who)))
        before = len(care.rows)
        self._resume(visit)
        if time in self.plan.scenario.visits:
            for r, rule in enumerate(self.arm.rules):
                visit._rule = r
                asked = visit.present & self.about[r][who] & (time >= rule.since)
                holds = asked & rule.question.holds(visit.measured)
                care.streak[asked, r] = np.where(holds[asked], care.streak[asked, r] + 1, 0)
                fires = holds & (care.streak[:, r] >= rule.confirmed)
                if rule.most is not None:
                    fires &= care.count[:, r] < rule.most
                visit._value = np.array(visit.measured(rule.question.first), float)
                rows = len(care.rows)
                for action in rule.actions:
                    # What a rule has just started it does not change at once.
                    done = [
                        row["subject"]
                        for row in care.rows[rows:]
                        if (row["regimen"] == action.regimen).any() and (row["what"] == "start").all()
                    ]
                    fresh = ~np.isin(subjects, np.concatenate(done)) if done else True
                    self._act(visit, action, fires & fresh, r)
                # What changed nothing is no use of a rule.
                touched = np.concatenate([np.zeros(0, np.int64), *(row["subject"] for row in care.rows[rows:])])
                care.count[np.isin(subjects, touched), r] += 1
            for i, rule in enumerate(self.python_rules):
                visit._rule = len(self.arm.rules) + i
                visit._value = np.full(len(who), np.nan)
                rule(visit)
        if len(care.rows) == before:
            return False
        self._give(care, given, time)
        return True

    def _reader(self, time: float, values: np.ndarray, n: int) -> Callable[[str], np.ndarray]:
        """What was measured, by name."""
        names = list(self.plan.observables)

        def measured(name: str) -> np.ndarray:
            if name in CLOCKS:
                return np.full(n, time / CLOCKS[name])
            if name == GRADE:
                graded = values[:, names.index(self.plan.graded)]
                return np.where(np.isnan(graded), np.nan, self.plan.grading.of(graded))
            own = name + MEASURED if name + MEASURED in names else name
            if own not in names:
                raise SetError(f"`{name}` is not measured", help=did_you_mean(name, [*names, *CLOCKS, GRADE]))
            return values[:, names.index(own)]

        return measured

    def _resume(self, visit: Visit) -> None:
        """Give again what was held, where its time has passed or what it waits for has come."""
        self._over(visit)
        care = visit._care
        for d in range(len(self.drugs)):
            for r, rule in enumerate(self.arm.rules):
                for action in rule.actions:
                    if action.kind != "hold" or action.regimen != d or action.until is None:
                        continue
                    if visit.time not in self.checks.get(action.check, self.visits):
                        continue
                    waits = (care.stage[:, d] == HELD) & (care.holder[:, d] == r)
                    if waits.any():
                        visit._rule = r
                        visit._value = np.array(visit.measured(action.until.first), float)
                        visit._release(d, waits & action.until.holds(visit.measured), visit.time)

    def _end_holds(self, who: np.ndarray, care: _Care, status: np.ndarray) -> None:
        """Note that doses went on where a hold of some hours has ended since the last visit."""
        end = self.plan.scenario.duration
        present = (status == WELL) & (care.left > end)
        visit = Visit(end, self.people.subjects[who], present, care, self.drugs, lambda name: np.full(len(who), np.nan))
        self._over(visit)

    def _over(self, visit: Visit) -> None:
        """Give again what was held for some hours, from the very hour on."""
        care = visit._care
        for d in range(len(self.drugs)):
            held = care.stage[:, d] == HELD
            over = held & (care.release[:, d] <= visit.time)
            for holder in np.unique(care.holder[over, d]):
                visit._rule = int(holder)
                visit._value = np.full(len(held), np.nan)
                visit._release(d, over & (care.holder[:, d] == holder), care.release[:, d])

    def _act(self, visit: Visit, do: Do, who: np.ndarray, rule: int) -> None:
        """Do one thing to those whom a rule is about."""
        if do.kind == "leave":
            visit.leave(who)
            return
        drug, d = self.drugs[do.regimen], do.regimen
        if do.kind == "hold":
            visit._hold(d, who, visit.time + do.hours, do.resume, rule)
        elif do.kind == "stop":
            visit.stop(drug, who)
        elif do.kind == "start":
            visit.start(drug, who, do.level)
        elif do.kind == "scale":
            care = visit._care
            now = care.level[:, d] * np.where(care.stage[:, d] == HELD, care.resume[:, d], 1.0)
            level = now * (1.0 if do.by is None else do.by) + (do.plus or 0.0)
            if do.to is not None:
                level = np.full_like(now, do.to)
            level = np.clip(level, do.low, do.high)
            # What reduces never raises, whatever its bounds, and the other way round.
            level = np.minimum(level, now) if do.direction < 0 else level
            level = np.maximum(level, now) if do.direction > 0 else level
            visit.set(drug, who, level)
        else:
            self._titrate(visit, do, who)

    def _titrate(self, visit: Visit, do: Do, who: np.ndarray) -> None:
        """Move a dose towards the middle of a window of levels; it halves or doubles at most."""
        level, (low, high) = visit.measured(do.quantity), do.window
        now = visit.dose(self.drugs[do.regimen])
        with np.errstate(invalid="ignore", divide="ignore"):
            # Where there is nothing to measure, as under placebo, nothing is titrated.
            outside = who & (now > 0) & (level > 0) & ((level < low) | (level > high))
            wanted = now * np.clip(np.sqrt(low * high) / level, 0.5, 2.0)
        wanted = np.where(outside, wanted, now)
        if do.step > 0:
            wanted = np.maximum(np.round(wanted / do.step), 1.0) * do.step
        wanted = np.clip(wanted, do.low, do.high)
        with np.errstate(invalid="ignore"):
            wanted = np.where(level > high, np.minimum(wanted, now), np.maximum(wanted, now))
        visit.set(self.drugs[do.regimen], outside, np.minimum(wanted, 2.0 * now), "titrate")

    def _leavers(self, who: np.ndarray, care: _Care, status: np.ndarray) -> np.ndarray:
        """Rows for those who left by themselves before the end."""
        said = {int(r) for rows in care.rows for r in rows["subject"][rows["what"] == "leave"]}
        subjects = self.people.subjects[who]
        gone = (care.left < self.plan.scenario.duration) & (status == WELL)
        where = [i for i in np.flatnonzero(gone) if int(subjects[i]) not in said]
        rows = np.zeros(len(where), LEDGER)
        rows["subject"], rows["time_h"], rows["rule"], rows["regimen"] = subjects[where], care.left[where], -1, -1
        rows["what"] = "leave"
        rows["value"] = rows["before"] = rows["after"] = np.nan
        return rows

    def _share_given(self, who: np.ndarray, care: _Care, given: np.ndarray) -> np.ndarray:
        """Share of the planned amount of each regimen that was given while the subject was there."""
        found = np.full((len(given), len(self.drugs)), np.nan)
        written = np.array([s.amount for s in self.layout.stops])
        for d in range(len(self.drugs)):
            mine = np.flatnonzero(self.regimen_of == d)
            there = (self.nominal[None, mine] < care.left[:, None]) * np.where(written[mine] > 0, written[mine], 1.0)
            planned = there.sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                taken = given[:, mine] * self.layout.taken[np.ix_(who, mine)]
                found[:, d] = np.where(planned > 0, (there * taken).sum(axis=1) / planned, np.nan)
        return found
