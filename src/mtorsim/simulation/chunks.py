"""Run chunks of subjects on several threads: slices are prepared, then integrated through each arm."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from mtorsim.laboratory.run_test import examine_people
from mtorsim.results.block import Block, TestValues
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import Followed, decision_times, follow
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, prepare
from mtorsim.run.visit import PythonRule

__all__ = ["Times", "as_block", "blocks", "import_tables", "run_arm"]

SMALLEST_SLICE, LARGEST_SLICE = 32, 128
"""Subjects per task: many keep the lanes full, few keep all threads busy to the end."""
LARGEST_GROUP = 512
"""Subjects that are prepared together."""

Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class Times:
    """Sample times of a run, whether each is fasting, and the indices of visits and series."""

    all: np.ndarray
    fasting: np.ndarray
    visits: np.ndarray
    series: np.ndarray

    @classmethod
    def of(cls, plan: Plan, series: bool) -> Times:
        """The times of a run, with the finer series or without."""
        visits = np.array(plan.scenario.visits)
        finer = np.array(plan.scenario.series if series else ())
        looks = [decision_times(plan, arm) for arm in plan.arms]
        every = np.unique(np.concatenate([visits, finer, *looks]))
        fasting = np.array([plan.scenario.is_fasting(t) for t in every])
        return cls(every, fasting, np.searchsorted(every, visits), np.searchsorted(every, finer))


@dataclass(frozen=True)
class ArmRun:
    """One arm of some subjects: visits (n, times, observables), and the finer series of those who have one."""

    arm: str
    visits: np.ndarray
    series: np.ndarray
    followed: Followed
    tests: tuple[TestValues, ...]


def blocks(
    plan: Plan, done: int, n: int, chunk: int, threads: int, progress: Progress | None, rules: Sequence[PythonRule]
) -> Iterator[Block]:
    """Yield chunks of subjects in order, after those already done."""
    times = {series: Times.of(plan, series) for series in (True, False)}
    work = _Work(plan, np.zeros(1, np.int64), times, rules, threads)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for first in range(done, n, chunk):
                last = min(first + chunk, n)
                before = first
                tell = None if progress is None else lambda count, before=before: progress(before + count, n)
                yield work.chunk(pool, [*range(first, last, _size(last - first, threads)), last], tell)
        except BaseException:
            work.cancel[0] = 1
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@dataclass(frozen=True)
class _Work:
    """Shared inputs of all tasks of a run."""

    plan: Plan
    cancel: np.ndarray
    times: dict[bool, Times]
    rules: Sequence[PythonRule]
    threads: int

    def chunk(self, pool: ThreadPoolExecutor, cuts: list[int], tell: Callable[[int], None] | None) -> Block:
        """Run one chunk; each arm of a slice is a separate task, so that even few subjects keep all threads busy."""
        arms = self.plan.arms
        slices = [np.arange(a, b) for a, b in pairwise(cuts)]
        people: dict[int, People] = {}
        runs: dict[tuple[int, int], ArmRun] = {}
        told = 0
        tasks: dict[Future[Any], tuple[int, int]] = {}
        # Preparing many at once keeps lanes busy when a few are drawn again.
        for i in _grouped(slices, max(1, len(slices) // self.threads)):
            tasks[pool.submit(prepare, self.plan, np.concatenate([slices[k] for k in i]))] = i.start, -1
        while tasks:
            ended, _ = wait(tasks, timeout=0.2, return_when=FIRST_COMPLETED)
            for task in ended:
                i, a = tasks.pop(task)
                found = task.result()
                if not isinstance(found, People):
                    runs[i, a] = found
                    continue
                while len(found.subjects):
                    people[i], found = found.cut(len(slices[i]))
                    times = self.times[bool(self.plan.design.has_series(slices[i]).any())]
                    given = (people[i], times, self.cancel, self.rules)
                    tasks |= {pool.submit(run_arm, self.plan, arm, *given): (i, k) for k, arm in enumerate(arms)}
                    i += 1
            whole = sum(len(slices[i]) for i in people if all((i, a) in runs for a in range(len(arms))))
            if tell and whole > told:
                tell(whole)
            told = whole
        order = range(len(slices))
        return Block.joined([as_block(self.plan, people[i], [runs[i, a] for a in range(len(arms))]) for i in order])


def run_arm(
    plan: Plan, arm: PlannedArm, people: People, times: Times, cancel: np.ndarray, rules: Sequence[PythonRule] = ()
) -> ArmRun:
    """Integrate prepared subjects through an arm, and do the scenario's tests on copies of them."""
    run = follow(plan, arm, people, times.all, times.fasting, cancel, rules)
    tests = tuple(_tests(plan, arm, people, cancel, run))
    kept = np.flatnonzero(np.isin(list(plan.observables), list(plan.stored)))
    values = run.values[..., kept]
    visits = values[:, times.visits]
    visits[:, ~np.isin(times.all[times.visits], arm.spec.visits)] = np.nan
    drawn = plan.design.has_series(people.subjects)
    series = np.zeros((0, len(plan.scenario.series), len(kept)))
    if drawn.any():
        series = values[drawn][:, times.series]
    return ArmRun(arm.name, visits, series, run, tests)


def as_block(plan: Plan, people: People, runs: Sequence[ArmRun]) -> Block:
    """The arms of some subjects as one block."""
    drawn = plan.design.has_series(people.subjects)
    followed = [run.followed for run in runs]
    return Block(
        subjects=people.subjects,
        arms=tuple(run.arm for run in runs),
        status=np.stack([f.status for f in followed]),
        attempts=people.attempts,
        traits=people.traits,
        visits=np.stack([run.visits for run in runs]),
        series=np.stack([run.series for run in runs]),
        series_of=people.subjects[drawn],
        weights=people.weights,
        left=np.stack([f.left for f in followed]),
        ledger=tuple(f.ledger for f in followed),
        dose_intensity=tuple(f.dose_intensity for f in followed),
        tests=tuple(test for run in runs for test in run.tests),
    )


def _tests(plan: Plan, arm: PlannedArm, people: People, cancel: np.ndarray, run: Followed) -> Iterator[TestValues]:
    """The scenario's laboratory tests, on copies of the subjects of one arm."""
    if not plan.scenario.tests:
        return
    decided = run.events, run.status, run.left
    for found in examine_people(plan, people, arm, plan.scenario.tests, cancel=cancel, decided=decided):
        units = {name: unit for name, (unit, _) in found.indices.items()}
        values = np.stack([values for _, values in found.indices.values()], axis=1)
        yield TestValues(found.protocol.name, found.protocol.options, found.at, found.arm, units, values)


def import_tables() -> None:
    """Import slow libraries that a saved result needs, while the threads work."""
    for name in ("pyarrow.parquet", "xarray"):
        importlib.import_module(name)


def _grouped(slices: Sequence[np.ndarray], most: int) -> Iterator[range]:
    """Places of slices that are prepared together."""
    size = min(most, LARGEST_GROUP // LARGEST_SLICE)
    for first in range(0, len(slices), size):
        yield range(first, min(first + size, len(slices)))


def _size(n: int, threads: int) -> int:
    """Number of subjects of a slice."""
    return min(max(n // (3 * threads) // 16 * 16, SMALLEST_SLICE), LARGEST_SLICE)
