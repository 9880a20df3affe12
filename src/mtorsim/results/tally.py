"""What is known of all subjects of a run: counted chunk by chunk, in memory independent of their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.run.plan import Plan
from mtorsim.stats.shares import Share
from mtorsim.stats.sketch import Sketch
from mtorsim.stats.survival import EventFree, kaplan_meier

from .block import Block
from .digest import Digest
from .goal import Goal
from .limits import limits_of, worst_fasting
from .summary import LISTED, quantile_name, reference

__all__ = ["Tally"]


class Tally:
    """Counts of a run's subjects.

    Attributes
    ----------
    done
        Number of subjects so far.
    status, worst_status
        Number of subjects by status, in each arm and in the arm in which each fails first.
    failed
        The first failed subjects of each kind: subject, arm, status and last visit.
    turned_away
        Number of screen failures.
    limits
        Limits of fasting glucose, by name.
    sketched
        Whether quantiles are kept as sketches, too.
    """

    def __init__(self, plan: Plan, goal: Goal | None, *, sketched: bool) -> None:
        self.plan = plan
        self.goal = goal
        self.sketched = sketched
        self.names = list(plan.stored)
        self.times = np.array(plan.scenario.visits)
        self.done = 0
        self.status: list[Counter[int]] = [Counter() for _ in plan.arms]
        self.worst_status: Counter[int] = Counter()
        self.failed: list[dict[str, Any]] = []
        self.turned_away = 0
        self.limits = limits_of(plan.scenario.uln)
        is_fasting = np.array([plan.scenario.is_fasting(t) for t in self.times], bool)
        self.counts = bool(is_fasting[self.times > 0].any()) and "glucose" in plan.model.observables
        self.counts_new = self.counts and bool(is_fasting[self.times == 0].any())
        shape = len(plan.arms), len(self.limits)
        self.above, self.new = np.zeros(shape), np.zeros(shape)
        self.first_above, self.last_below = (np.zeros((*shape, len(self.times))) for _ in range(2))
        self.sums = np.zeros(2)
        self.met = np.zeros(len(goal.arms) if goal else 0)
        self.digests = [Digest() for _ in plan.arms]
        beside = reference(plan)
        self.beside = beside
        self.sketches = [self._empty() for _ in plan.arms]
        self.differences = [self._empty() for _ in plan.arms] if beside is not None else []

    def _empty(self) -> list[list[Sketch]]:
        """A sketch for each observable and visit."""
        return [[Sketch() for _ in self.times] for _ in self.names] if self.sketched else []

    def add(self, block: Block) -> None:
        """Count the next subjects."""
        self._count_status(block)
        self._count_limits(block)
        self.sums += np.array([block.weights.sum(), block.weights @ block.weights])
        if self.goal is not None:
            self.met += self.goal.count(block, self.names, self.times)
        if self.sketched:
            self._sketch(block)
        self.done += len(block.subjects)

    def _count_status(self, block: Block) -> None:
        for i, digest in enumerate(self.digests):
            digest.add(block.visits[i], block.status[i])
            self.status[i].update(block.status[i].tolist())
        # A subject that fails for two reasons counts by that of its first arm.
        first = np.argmax(block.status != OK, axis=0)
        codes = block.status[first, np.arange(block.status.shape[1])]
        before = self.worst_status.copy()
        self.worst_status.update(codes.tolist())
        self.turned_away += int(block.attempts.sum())
        for j in np.flatnonzero(codes != OK):
            arm, code = int(first[j]), int(codes[j])
            before[code] += 1
            if before[code] > LISTED:
                continue
            reached = self.times[~np.isnan(block.visits[arm, j]).all(axis=1)]
            last = float(reached[-1]) if len(reached) else None
            found = {"subject": int(block.subjects[j]), "arm": block.arms[arm], "status": SENTENCES[code]}
            self.failed.append({**found, "last_visit_h": last})

    def _count_limits(self, block: Block) -> None:
        """Count those above each limit, and when they are first seen there."""
        fasting = block.visits[..., self.names.index(self.plan.graded)]
        worst = worst_fasting(fasting, self.times)
        start = fasting[..., np.flatnonzero(self.times == 0)[:1]].max(axis=-1, initial=-np.inf)
        weights = block.weights
        seen = ~np.isnan(fasting)
        last = np.where(seen.any(axis=-1), seen.shape[-1] - 1 - np.argmax(seen[..., ::-1], axis=-1), 0)
        for k, limit in enumerate(self.limits.values()):
            with np.errstate(invalid="ignore"):
                over = (fasting > limit) & (self.times > 0)
            below = ~(start > limit)
            event = np.where(over.any(axis=-1), np.argmax(over, axis=-1), -1)
            for i in range(len(self.plan.arms)):
                self.above[i, k] += weights @ (worst[i] > limit)
                self.new[i, k] += weights @ ((worst[i] > limit) & (start[i] <= limit))
                has = below[i] & (event[i] >= 0)
                free = below[i] & (event[i] < 0)
                visits = len(self.times)
                self.first_above[i, k] += np.bincount(event[i][has], weights[has], visits)
                self.last_below[i, k] += np.bincount(last[i][free], weights[free], visits)

    def _sketch(self, block: Block) -> None:
        """Add values at the visits, and their differences from the reference arm, to the sketches."""
        for i in range(len(self.plan.arms)):
            _include(self.sketches[i], block.visits[i], block.weights)
            if self.beside is not None and i != self.beside:
                _include(self.differences[i], block.visits[i] - block.visits[self.beside], block.weights)

    def bands(self, arm: int, shares: Sequence[float], *, apart: bool = False) -> list[dict[str, Any]]:
        """Quantiles at each visit of an arm from sketches, and the 95 % CI of the median; of differences if `apart`."""
        rows: list[dict[str, Any]] = [{"time_h": float(t)} for t in self.times]
        for name, sketches in zip(self.names, (self.differences if apart else self.sketches)[arm], strict=True):
            for row, sketch in zip(rows, sketches, strict=True):
                if sketch.total:
                    around = 0.98 / np.sqrt(sketch.size)
                    ends = max(0.5 - around, 0.0), min(0.5 + around, 1.0)
                    found = sketch.quantiles([*shares, *ends]).tolist()
                    keys = [*(quantile_name(q) for q in shares), "q50_low", "q50_high"]
                    row[name] = dict(zip(keys, found, strict=True))
        return rows

    def shares(self, *, new: bool) -> dict[str, dict[str, Share]]:
        """Share of subjects above each limit by arm; `new`: of those who were below it at the start."""
        counts = self.new if new else self.above
        of = self.done if (self.counts_new if new else self.counts) else 0
        total, squares = self.sums
        # Weights are normalised to sum to the number of subjects.
        scale = of / total if total else 1.0
        size = total * total / squares if squares and of else 0.0
        return {
            arm.name: {
                n: Share(count * scale, of, size) for n, count in zip(self.limits, counts[i].tolist(), strict=True)
            }
            for i, arm in enumerate(self.plan.arms)
        }

    def event_free(self) -> dict[str, dict[str, list[EventFree]]]:
        """For each arm and limit the share who have not exceeded it yet, of those who were below it at the start."""
        if not self.counts:
            return {}
        total, squares = self.sums
        found: dict[str, dict[str, list[EventFree]]] = {}
        for i, arm in enumerate(self.plan.arms):
            found[arm.name] = {}
            for k, limit in enumerate(self.limits):
                events, censored = self.first_above[i, k], self.last_below[i, k]
                size = (events.sum() + censored.sum()) * total / squares if squares else None
                found[arm.name][limit] = kaplan_meier(self.times.tolist(), events, censored, size)
        return found

    def event_free_rows(self) -> Mapping[str, Any]:
        """`event_free` as plain values."""
        return {
            arm: {limit: [_row(at) for at in rows] for limit, rows in limits.items()}
            for arm, limits in self.event_free().items()
        }


def _row(at: EventFree) -> dict[str, float]:
    """One time of a curve, as in the summary."""
    return {"time_h": at.time} | {k: v for k, v in asdict(at).items() if k != "time"}


def _include(sketches: list[list[Sketch]], visits: np.ndarray, weights: np.ndarray) -> None:
    """Add values (n, visits, observables) with their weights (n,) to a sketch for each observable and visit."""
    for j, own in enumerate(sketches):
        for v, sketch in enumerate(own):
            values = visits[:, v, j]
            there = np.isfinite(values)
            sketch.add(values[there], weights[there])
