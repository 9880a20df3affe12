"""Compare schedules of follow-up on a virtual population: published, regular, best for a budget, adaptive, at home."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtorsim.analysis.asked import Asked, read_asked
from mtorsim.analysis.people import classes
from mtorsim.errors import ArgumentError, UnitError, choose_from
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.run.arguments import checked
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import follow
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People
from mtorsim.scenario.parts import DAY
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.scenario.tables import Arm
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers
from mtorsim.stats.draws import normal
from mtorsim.stats.shares import wilson
from mtorsim.units.units import convert, parse_quantity, parse_unit

from .adaptive import Bank, adaptive_days, bank_of
from .comparison import Consequence, Followed, FollowUp
from .detection import detect, detect_at
from .mornings import Mornings, follow_mornings
from .schedules import best_days, published, regular

__all__ = ["follow_up"]

RISKS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32)
"""Risks at which the next measurement of an adaptive schedule is due, for a picture of what they cost."""
WEEK = 7
BUDGET = 6
SELDOM = 12
LONGEST = (12, 10, 8, 6, 5, 4, 3, 2)
"""Weeks after which everybody is measured again."""
EVERY = (7, 14, 28, 56, 84)
"""Days between the visits of regular schedules."""
SENSOR = (14, 28)
"""Days on which a sensor is put on and read."""
SENSOR_ERROR = 0.04
"""CV of a sensor's mean of two weeks: what calibration leaves (design)."""
ACTED = 160
"""Most people in whom schedules are acted upon."""
LEAST = 20
MOST = 20_000


@checked
def follow_up(
    scenario: Scenario | str | Path,
    *,
    limit: float = 160.0,
    severe: float = 250.0,
    budget: int | None = None,
    schedules: Mapping[str, Sequence[str | float]] | None = None,
    by: str | None = None,
    arm: str | None = None,
    subjects: int = 600,
    acted: int = ACTED,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> FollowUp:
    """Compare ways of following people on a drug: what each finds, how late, and with how many visits.

    Parameters
    ----------
    scenario
        A scenario, the name of a bundled one, or the path of a file.
    limit, severe
        Fasting glucose above which something would be done, and which should be avoided, mg/dL.
    budget
        Number of visits of the schedules that are chosen; default: 6, or one a week in a shorter scenario.
    schedules
        Further schedules: days, or times such as `"2 weeks"`, by name.
    by
        A trait in thirds of which the best schedules are also chosen; default: by fasting glucose at the start.
    arm
        The treated arm; default: the first with a drug.
    subjects
        Number of subjects. Half of them choose schedules, which are compared in the other half.
    acted
        Largest number of people in whom what is found is acted upon, by the scenario's rules.
    seed, population, settings, threads, library, progress, note
        As in `simulate`.

    Returns
    -------
    FollowUp
        Every way with what it finds.

    Raises
    ------
    MtorsimError
        If an input is invalid.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.follow_up("everolimus_breast", limit=110, severe=125, subjects=40)
    >>> often, seldom = found.way("every 7 days"), found.way("every 28 days")
    >>> bool((often.detection.found <= seldom.detection.found).all())
    True
    """
    if not LEAST <= subjects <= MOST:
        raise ArgumentError(f"subjects = {subjects}: from {LEAST} to {MOST:,}")
    if not 0 < limit < severe:
        raise ArgumentError(f"limit = {limit:g} must be below severe = {severe:g}")
    given = {"seed": seed, "population": population, "settings": settings}
    chosen = scenario_of(scenario, library)
    asked = read_asked(chosen, "fasting_glucose", chosen.duration, arm, None, library, **given)
    asked.require_drug()
    if by is not None and by not in asked.draft.population.traits:
        raise ArgumentError(f"`by`: unknown trait `{by}`", help=choose_from(by, asked.draft.population.traits))
    days = int(asked.scenario.duration // DAY) + 1
    most = max((days - 1) // WEEK, 1)
    budget = min(BUDGET, most) if budget is None else budget
    if not 1 <= budget <= most:
        raise ArgumentError(f"budget = {budget}: from 1 to the number of weeks, {most}")
    own = {name: _days(name, times, days) for name, times in (schedules or {}).items()}
    work = _Work(asked, limit, severe, budget, own, by, workers(threads), shown_progress(progress), note)
    return work.run(subjects, acted)


_DAYS = re.compile(r"\d+(\.\d+)?")


def _days(name: str, times: Sequence[str | float], days: int) -> np.ndarray:
    """Days of a schedule as given."""
    found = []
    for time in times:
        try:
            bare = not isinstance(time, str) or _DAYS.fullmatch(time.strip())
            day = float(time) if bare else convert(*parse_quantity(str(time)), parse_unit("h")) / DAY
        except UnitError as error:
            raise ArgumentError(f"schedule `{name}`: {error.message}", help="write days, or `2 weeks`") from None
        if not 1 <= day < days:
            raise ArgumentError(f"schedule `{name}`: day {day:g} is not within days 1 to {days - 1} of the scenario")
        found.append(round(day))
    if not found:
        raise ArgumentError(f"schedule `{name}` has no visit")
    return np.unique(np.array(found, int))


@dataclass(frozen=True)
class _Work:
    """One comparison."""

    asked: Asked
    limit: float
    severe: float
    budget: int
    own: Mapping[str, np.ndarray]
    by: str | None
    threads: int
    report: Progress | None
    note: Callable[[str], None] | None

    def run(self, subjects: int, acted: int) -> FollowUp:
        """Follow people, choose schedules in half of them, and compare all in the other half."""
        plan, arm, _ = self.asked.plan(self.note)
        plan.choose_forms(subjects, days=2.0 * subjects * plan.scenario.duration / DAY)
        everyone = follow_mornings(plan, arm, np.arange(subjects), self.threads, self.report)
        if not (everyone.people.weights == everyone.people.weights[0]).all():
            help = "leave [sampled] out: here everybody counts once"
            raise ArgumentError("schedules cannot be compared in people of whom a group is oversampled", help=help)
        well = np.flatnonzero(everyone.well)
        choosing, tested = well[well % 2 == 0], well[well % 2 == 1]
        if min(len(choosing), len(tested)) < LEAST // 4:
            raise ArgumentError("too few people could be followed to the end", help="ask for more subjects")
        ways = self._ways(everyone, choosing, tested)
        start, hba1c = everyone.true[:, 0], everyone.hba1c
        traits = everyone.people.traits_of(plan)
        return FollowUp(
            scenario=plan.scenario.name,
            title=plan.scenario.title,
            arm=arm.name,
            population=plan.population.name,
            seed=plan.seed,
            days=everyone.days - 1,
            limit=self.limit,
            severe=self.severe,
            budget=self.budget,
            subjects=everyone.people.subjects[tested],
            failed=int(np.sum(~everyone.well)),
            start=start[tested],
            hba1c=hba1c[tested],
            ways=tuple(ways),
            chosen_for=self._by_class(everyone, choosing, tested, traits),
            acted=self._acted(everyone, tested[:acted], ways),
        )

    def _ways(self, all_: Mornings, choosing: np.ndarray, tested: np.ndarray) -> list[Followed]:
        """Every way, in the people who did not choose it."""
        days = all_.days
        found = [self._fixed(n, "published", about, d, all_, tested) for n, (d, about) in published(days).items()]
        found += [self._fixed(n, "yours", "given", d, all_, tested) for n, d in self.own.items()]
        found += [
            self._fixed(f"every {every} days", "regular", "", regular(every, days), all_, tested)
            for every in EVERY
            if every < days
        ]
        true, measured = all_.true[choosing], all_.measured[choosing]
        best = best_days(true, measured, self.budget, self.limit, self.severe)
        about = "least undetected time in the other half of the people"
        found.append(self._fixed(f"best {self.budget} visits", "best", about, best, all_, tested))
        found += self._adaptive(all_, choosing, tested, found[-1])
        return [*found, *self._home(all_, tested)]

    def _fixed(self, name: str, kind: str, about: str, days: np.ndarray, all_: Mornings, who: np.ndarray) -> Followed:
        found = detect(all_.true[who], all_.measured[who], days, self.limit, self.severe)
        return Followed(name, kind, about, tuple(int(d) for d in days), None, found)

    def _adaptive(self, all_: Mornings, choosing: np.ndarray, tested: np.ndarray, best: Followed) -> list[Followed]:
        """Adaptive schedules at several risks, and the best of those with as many visits as the best fixed one."""
        bank = bank_of(all_.true[choosing], all_.expected[choosing], all_.measured[choosing], self.limit)
        ways = [self._at_risk(bank, all_, tested, risk, SELDOM, f"adaptive, risk {100 * risk:g} %") for risk in RISKS]
        assert best.days is not None
        true, weekly = all_.true[choosing], all_.measured[choosing][:, ::WEEK]
        spent = detect(true, all_.measured[choosing], np.array(best.days), self.limit, self.severe)
        tried = []
        for longest in LONGEST:
            for risk in RISKS:
                weeks, samples = adaptive_days(bank, weekly, self.limit, risk, longest)
                if samples.mean() <= np.mean(spent.visits):
                    found = np.minimum(WEEK * weeks, all_.days)
                    left = detect_at(true, found, samples, self.limit, self.severe).above.sum()
                    tried.append((float(left), risk, longest))
        if not tried:
            return ways
        _, risk, longest = min(tried)
        name = f"adaptive, no more visits than the best {self.budget}"
        return [*ways, self._at_risk(bank, all_, tested, risk, longest, name)]

    def _at_risk(self, bank: Bank, all_: Mornings, who: np.ndarray, risk: float, longest: int, name: str) -> Followed:
        nobody = np.full(len(who), -1)
        weeks, samples = adaptive_days(bank, all_.measured[who][:, ::WEEK], self.limit, risk, longest, nobody)
        found = np.minimum(WEEK * weeks, all_.days)
        about = f"next when the forecast's risk reaches {100 * risk:g} %, at the latest after {longest} weeks"
        seen = detect_at(all_.true[who], found, samples, self.limit, self.severe)
        return Followed(name, "adaptive", about, None, risk, seen)

    def _home(self, all_: Mornings, who: np.ndarray) -> list[Followed]:
        """A home meter, and a sensor for two weeks."""
        days, true = all_.days, all_.true[who]
        ways = []
        for every, name in ((1, "home meter every day"), (7, "home meter once a week")):
            at = np.arange(every, days, every)
            found = detect(true, all_.metered[who], at, self.limit, self.severe, visits_each=0.0)
            ways.append(Followed(name, "home", "before breakfast, error 7 %", tuple(int(d) for d in at), None, found))
        if days > SENSOR[1]:
            ways.append(self._sensor(all_, who))
        return ways

    def _sensor(self, all_: Mornings, who: np.ndarray) -> Followed:
        first, last = SENSOR
        true, days = all_.true[who], all_.days
        z = normal(self.asked.draft.seed, ["sensor"], all_.people.subjects[who])[0]
        seen = true[:, first + 1 : last + 1].mean(axis=1) * np.maximum(1.0 + SENSOR_ERROR * z, 0.5) > self.limit
        found = np.where(seen, last, days)
        about = "mean of the mornings of weeks 3 and 4, error 4 %"
        one = np.ones(len(who), int)
        return Followed(
            "sensor, weeks 3 and 4", "home", about, (last,), None, detect_at(true, found, one, self.limit, self.severe)
        )

    def _by_class(
        self, all_: Mornings, choosing: np.ndarray, tested: np.ndarray, traits: Mapping[str, np.ndarray]
    ) -> dict[str, Followed]:
        """The best days for each class of people."""
        found = {}
        for name, mask in classes(self.by, traits, all_.true[:, 0]).items():
            mine, others = choosing[mask[choosing]], tested[mask[tested]]
            if len(mine) >= LEAST // 2 and len(others) >= LEAST // 2:
                best = best_days(all_.true[mine], all_.measured[mine], self.budget, self.limit, self.severe)
                found[f"{name} ({len(others)})"] = self._fixed(name, "best", "for this class", best, all_, others)
        return found

    def _acted(self, all_: Mornings, who: np.ndarray, ways: Sequence[Followed]) -> tuple[Consequence, ...]:
        """What schedules do to people once what they find is acted upon."""
        chosen = [w for w in ways if w.kind in ("published", "yours", "best") or w.name == "every 7 days"]
        first = self.asked.scenario.arms[0].name
        if not self.asked.treated.rules or self.asked.treated.name != first or not len(who):
            return ()
        arms = {
            f"visits {k}": Arm(visits=["0 days", *(f"{d} days" for d in way.days or ())])
            for k, way in enumerate(chosen)
        }
        plan, _, _ = self.asked.plan(None, arms)
        plan.choose_forms(len(who), days=len(who) * len(arms) * plan.scenario.duration / DAY)
        planned = {a.name: a for a in plan.arms}
        people = People(**{name: value[who] for name, value in vars(all_.people).items()})
        return tuple(self._act(plan, planned[f"visits {k}"], people, way.name) for k, way in enumerate(chosen))

    def _act(self, plan: Plan, arm: PlannedArm, people: People, name: str) -> Consequence:
        times = DAY * np.arange(int(plan.scenario.duration // DAY) + 1)
        stays = replace(arm, spec=replace(arm.spec, staying=None))
        looks = np.union1d(times, [t for t in arm.spec.visits if t <= plan.scenario.duration])
        fasting = np.array([plan.scenario.is_fasting(t) for t in looks])
        run = follow(plan, stays, people, looks, fasting)
        glucose = run.values[:, np.isin(looks, times), list(plan.observables).index("fasting_glucose")]
        well = run.status == OK
        high = glucose[well] > self.severe
        count, n = int(high.any(axis=1).sum()), int(well.sum())
        low, top = wilson(count, n) if n else (float("nan"),) * 2
        # Of the drug itself, which is given from the start, and not of a rescue that waits.
        drug = next(r.drug for r in arm.spec.regimens if any(r.amounts) and not r.placebo and not r.waits)
        given = run.dose_intensity[well, [t.drug for t in arm.treatments].index(drug)]
        return Consequence(
            name=name,
            weeks_above=float(100.0 * np.nansum(glucose[well] > self.limit) / 7.0 / max(n, 1)),
            severe=count / n if n else float("nan"),
            low=float(low),
            high=float(top),
            intensity=float(np.nanmean(given)),
        )
