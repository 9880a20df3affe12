"""Mornings of a population on the drug: true, expected and measured fasting glucose, day by day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mtorsim.analysis.courses import share_out
from mtorsim.analysis.forecast.value import METER
from mtorsim.kernel.status import OK
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import follow
from mtorsim.run.measurement import MEASURED, measure
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, prepare
from mtorsim.scenario.parts import DAY

__all__ = ["Mornings", "follow_mornings", "onset"]

LABORATORY = 0.02
"""CV of the laboratory, unless the scenario says otherwise."""
BATCH = 64


@dataclass(frozen=True)
class Mornings:
    """Fasting glucose of people who take the drug, as if nothing were done about it.

    Attributes
    ----------
    people
        The people.
    true
        Every morning from day 0, (n, days).
    expected
        Without variation from day to day and without illness, (n, days).
    measured
        As a laboratory would report it on that day, (n, days).
    metered
        As a home meter would.
    hba1c
        HbA1c at the start, (n,).
    well
        Mask of those who did not fail, (n,).
    """

    people: People
    true: np.ndarray
    expected: np.ndarray
    measured: np.ndarray
    metered: np.ndarray
    hba1c: np.ndarray
    well: np.ndarray

    @property
    def days(self) -> int:
        """Number of mornings."""
        return self.true.shape[1]


def onset(values: np.ndarray, limit: float) -> np.ndarray:
    """First day on which values (n, days) are above a limit after day 0; the number of days if none is, (n,)."""
    above = values > limit
    above[:, 0] = False
    return np.where(above.any(axis=1), above.argmax(axis=1), values.shape[1])


def follow_mornings(
    plan: Plan, arm: PlannedArm, who: np.ndarray, threads: int, report: Callable[[int, int], None] | None
) -> Mornings:
    """Follow subjects through an arm without its rules and without drop-out.

    Parameters
    ----------
    who
        Numbers of the subjects.
    """
    days = int(plan.scenario.duration // DAY)
    times = DAY * np.arange(days + 1)
    fasting = np.array([plan.scenario.is_fasting(t) for t in times])
    alone = replace(arm, rules=(), treatments=(), spec=replace(arm.spec, rules=(), staying=None, visits=(0.0,)))
    quiet = replace(alone, schedule=arm.schedule.steady())
    glucose, hba1c = (list(plan.observables).index(name) for name in ("fasting_glucose", "hba1c"))

    def batch(some: np.ndarray) -> tuple[np.ndarray, ...]:
        people = prepare(plan, some)
        varying = follow(plan, alone, people, times, fasting)
        expected = follow(plan, quiet, people, times, fasting)
        well = (varying.status == OK) & (expected.status == OK)
        fields = [getattr(people, name) for name in vars(people)]
        return (
            *fields,
            varying.values[:, :, glucose],
            expected.values[:, :, glucose],
            varying.values[:, 0, hba1c],
            well,
        )

    parts = [np.concatenate(part) for part in zip(*share_out(who, BATCH, threads, batch, report), strict=True)]
    people = People(*parts[:-4])
    true, expected, start, well = parts[-4:]
    cv = plan.scenario.sampling.assay.get("fasting_glucose", LABORATORY)
    name = f"fasting_glucose{MEASURED}"
    return Mornings(
        people=people,
        true=true,
        expected=expected,
        measured=measure(true, name, cv, plan.seed, who, times),
        metered=measure(true, "meter", METER, plan.seed, who, times),
        hba1c=start,
        well=np.asarray(well, bool),
    )
