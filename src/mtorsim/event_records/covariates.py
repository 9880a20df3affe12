"""Values of one subject's covariates between its records."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from .table import EventTable

__all__ = ["Covariates"]


class Covariates:
    """Covariates of one subject.

    Parameters
    ----------
    times
        Time of each of the subject's records.
    columns
        The parameters that each covariate replaces.
    """

    def __init__(
        self,
        table: EventTable,
        records: Sequence[int],
        times: Mapping[int, float],
        columns: Mapping[str, Sequence[str]],
    ) -> None:
        self.columns: dict[str, Sequence[str]] = {}
        self.own = {name: table.covariates[name] for name in columns}
        self.kind = {name: table.interpolation.get(name, "locf") for name in columns}
        self.times: dict[str, list[float]] = {}
        self.values: dict[str, list[float]] = {}
        for name, replaced in columns.items():
            known = [r for r in records if not math.isnan(self.own[name][r])]
            if known:
                self.columns[name] = replaced
                self.times[name] = [times[r] for r in known]
                self.values[name] = self.own[name][known].tolist()

    def at(self, time: float, record: int | None = None) -> dict[str, float]:
        """Parameters at a time; at a record, its own values apply."""
        now = {}
        for name, replaced in self.columns.items():
            now |= dict.fromkeys(replaced, self._value(name, time, record))
        return now

    def _value(self, name: str, time: float, record: int | None) -> float:
        times, values = self.times[name], self.values[name]
        if record is not None and not math.isnan(self.own[name][record]):
            return float(self.own[name][record])
        if self.kind[name] == "linear":
            return float(np.interp(time, times, values))
        if self.kind[name] == "nocb":
            return values[min(bisect_left(times, time), len(times) - 1)]
        return values[max(bisect_right(times, time) - 1, 0)]

    def paths(self) -> dict[str, list[tuple[float, float, float]]]:
        """Times from which each parameter has another value or slope per hour; the first from the start."""
        return {full: self._path(name) for name, replaced in self.columns.items() for full in replaced}

    def _path(self, name: str) -> list[tuple[float, float, float]]:
        known = list(zip(self.times[name], self.values[name], strict=True))
        path = [(-math.inf, known[0][1], 0.0)]
        for (t0, v0), (t1, v1) in pairwise(known):
            if self.kind[name] == "nocb":
                path.append((t0, v1, 0.0))
            elif self.kind[name] == "linear" and t1 > t0:
                path.append((t0, v0, (v1 - v0) / (t1 - t0)))
            else:
                path.append((t1, v1, 0.0))
        path.append((known[-1][0], known[-1][1], 0.0))
        # A record without a change must not alter the steps.
        return [path[0], *(new for old, new in pairwise(path) if old[1:] != new[1:])]
