"""People of a table with doses: each takes their own, as recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtorsim.event_records.simulate import carried
from mtorsim.event_records.table import EventTable
from mtorsim.run.plan import Plan

from .observations import Observations

__all__ = ["OwnDoses"]


@dataclass(frozen=True)
class OwnDoses:
    """Simulates people of a table of event records.

    Attributes
    ----------
    columns
        The parameters that each covariate replaces.
    samples
        Places of each person's samples among their records, by number of the person.
    column
        Place of the observable among those of the plan.
    """

    plan: Plan
    table: EventTable
    columns: Mapping[str, Sequence[str]]
    samples: Mapping[int, np.ndarray]
    column: int

    @classmethod
    def of(
        cls, plan: Plan, table: EventTable, columns: Mapping[str, Sequence[str]], observed: Observations
    ) -> OwnDoses:
        """A simulator of the samples of some people."""
        first = np.searchsorted(table.subject, np.arange(table.subjects))
        places = {int(i): observed.record[observed.person == i] - first[i] for i in observed.people}
        return cls(plan, table, columns, places, list(plan.observables).index(observed.of))

    def __call__(self, who: np.ndarray, numbers: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
        """See `Simulator`."""
        group = carried(self.plan, self.table, self.columns, who, numbers)
        mine = [self.samples[int(i)] for i in who]
        values = [seen[at, self.column] for seen, at in zip(group.seen, mine, strict=True)]
        times = [np.array([own.seen[k].time for k in at]) for own, at in zip(group.laid, mine, strict=True)]
        return values, times, group.status

    def after_dose(self, observed: Observations) -> np.ndarray:
        """Time of each sample after the person's last dose, NaN before the first, (n,)."""
        found = np.full(len(observed), np.nan)
        for i in observed.people:
            # Nominal times of doses do not depend on who the person is.
            laid = carried(self.plan, self.table, self.columns, np.array([i]), np.array([i])).laid[0]
            found[observed.person == i] = [laid.seen[k].after_dose for k in self.samples[int(i)]]
        return found
