"""People of a table without doses: each follows an arm of the scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mtorsim.errors import ArgumentError, choose_from, did_you_mean
from mtorsim.event_records.table import EventTable
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import decision_times, follow
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import prepare

from .observations import Observations

__all__ = ["ARM", "PlannedDoses", "arms_of", "check_times"]

ARM = "ARM"
"""Column of the arm of each person."""
FASTING = "fasting_glucose"


@dataclass(frozen=True)
class PlannedDoses:
    """Simulates people in the arms of a scenario, with its meals, doses and rules, and without drop-out.

    Attributes
    ----------
    plan
        The run, to the last sample.
    arms
        The arm of each person, by number of the person.
    times
        Times of each person's samples, by number of the person.
    known
        Covariates of the people by name, an array over all people of the table.
    """

    plan: Plan
    arms: Mapping[int, PlannedArm]
    times: Mapping[int, np.ndarray]
    of: str
    known: Mapping[str, np.ndarray]

    @classmethod
    def of_arms(
        cls, plan: Plan, names: Mapping[int, str], observed: Observations, known: Mapping[str, np.ndarray]
    ) -> PlannedDoses:
        """A simulator of the samples of some people, each in the arm of this name."""
        # Sampled subjects had not dropped out.
        stays = {arm.name: replace(arm, spec=replace(arm.spec, staying=None)) for arm in plan.arms}
        last = max(float(observed.time.max(initial=0.0)), 1e-3)
        plan = replace(plan, scenario=plan.scenario.but(duration=last))
        times = {int(i): observed.time[observed.person == i] for i in observed.people}
        return cls(plan, {i: stays[names[i]] for i in times}, times, observed.of, known)

    @property
    def blocks(self) -> list[np.ndarray]:
        """People of each arm."""
        names = list(dict.fromkeys(arm.name for arm in self.arms.values()))
        return [np.array([i for i, arm in self.arms.items() if arm.name == name]) for name in names]

    def __call__(self, who: np.ndarray, numbers: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
        """See `Simulator`; all people are of one arm."""
        plan, arm = self.plan, self.arms[int(who[0])]
        people = prepare(plan, numbers, {name: value[who] for name, value in self.known.items()})
        own = [self.times[int(i)] for i in who]
        looks = [t for t in decision_times(plan, arm) if t <= plan.scenario.duration]
        times = np.unique(np.concatenate([[0.0], *own, looks]))
        fasting = np.array([plan.scenario.is_fasting(t) for t in times])
        run = follow(plan, arm, people, times, fasting)
        seen = run.values[:, :, list(plan.observables).index(self.of)]
        values = [row[np.searchsorted(times, at)] for row, at in zip(seen, own, strict=True)]
        return values, own, run.status

    def after_dose(self, observed: Observations) -> np.ndarray:
        """Time of each sample after the last dose, NaN before the first, (n,); a sample precedes a dose at its time."""
        found = np.full(len(observed), np.nan)
        for i, arm in self.arms.items():
            doses = np.unique([t for regimen in arm.spec.regimens for t in regimen.times])
            mine = observed.person == i
            at = np.searchsorted(doses, observed.time[mine], side="left") - 1
            found[mine] = (
                np.where(at >= 0, observed.time[mine] - doses[np.maximum(at, 0)], np.nan) if len(doses) else np.nan
            )
        return found


def arms_of(table: EventTable, observed: Observations, arm: str | None, known: list[str]) -> dict[int, str]:
    """The arm of each person with samples: that in the table's column ARM, else the one that is named.

    Raises
    ------
    ArgumentError
        If an arm is unknown, or there are several and none is named.
    DataError
        If a person has two arms, or none.
    """
    if arm is not None and arm not in known:
        raise ArgumentError(f"unknown arm `{arm}`", help=choose_from(arm, known))
    column = next((c for c in table.frame.columns if c.upper() == ARM), None)
    if column is None or arm is not None:
        if arm is None and len(known) > 1:
            help = "`arm` is one of " + ", ".join(known) + "; or give the table a column ARM"
            raise ArgumentError("which arm these people were in is not said", help=help)
        return {int(i): arm or known[0] for i in observed.people}
    found: dict[int, str] = {}
    for person, record in zip(observed.person.tolist(), observed.record.tolist(), strict=True):
        name = str(table.frame[column].iloc[record] or "")
        if name not in known:
            help = did_you_mean(name, known) or "arms of the scenario are " + ", ".join(known)
            table.fail(record, column, f"unknown arm `{name}`" if name else "the arm is missing", help)
        if found.setdefault(person, name) != name:
            table.fail(record, column, f"this person is in arms `{found[person]}` and `{name}`")
    return found


def check_times(plan: Plan, table: EventTable, observed: Observations) -> None:
    """Raise if a sample is outside the scenario, or not fasting where it must be.

    Raises
    ------
    DataError
        For the first such sample.
    """
    end, column = plan.scenario.duration, table.used.get("TIME", "TIME")
    for record, time in zip(observed.record.tolist(), observed.time.tolist(), strict=True):
        if time < 0:
            table.fail(record, column, f"{time:g} h is before the start of the scenario", "times count from its start")
        if time > end:
            help = "a longer `duration`; or times in another unit: `time_unit`"
            table.fail(record, column, f"{time:g} h is after the end of the scenario, {end:g} h", help)
        if observed.of == FASTING and not plan.scenario.is_fasting(time):
            help = "shift it to before breakfast, or compare `glucose`"
            table.fail(record, column, f"a sample at {time:g} h is not fasting: people have eaten", help)
