"""The one function that runs a population through a scenario."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mtorsim.compiler.warm import COMPILED_FROM
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.laboratory.run_test import examine_people
from mtorsim.results.block import Block, TestValues
from mtorsim.results.result import Result
from mtorsim.results.writer import Writer
from mtorsim.run.arguments import checked
from mtorsim.run.arms import PlannedArm
from mtorsim.run.follow import Followed, decision_times, follow
from mtorsim.run.options import RTOL, Options
from mtorsim.run.plan import Plan, announce, make_plan
from mtorsim.run.prepare import People, prepare
from mtorsim.run.solve import parameters_in
from mtorsim.run.visit import PythonRule
from mtorsim.scenario.file import MOST_SUBJECTS
from mtorsim.scenario.scenario import Scenario

__all__ = ["one_subject", "simulate"]


SMALLEST_SLICE, LARGEST_SLICE = 32, 128
"""Subjects one thread takes at a time: many keep the lanes full, few keep the threads busy to the end."""
SERIES_OF = 1000
"""The finer series for figures is kept for the first subjects only, so that memory stays flat."""


@checked
def simulate(
    scenario: Scenario | str | Path,
    *,
    subjects: int | None = None,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    chunk: int = 1024,
    method: str | None = None,
    precision: str | None = None,
    rtol: float = RTOL,
    atol: float | None = None,
    kernel: str = "auto",
    out: str | Path | None = None,
    force: bool = False,
    resume: bool = False,
    library: Library | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    rules: Sequence[PythonRule] = (),
) -> Result:
    """Run a population through every arm of a scenario.

    The result does not depend on `threads` or `chunk`, and subject i is the same person for any
    number of subjects.

    Parameters
    ----------
    scenario
        A scenario, the name of a bundled one, or the path of a file.
    subjects, seed, population
        Replace what the scenario says.
    settings
        Medians of parameters and values of switches, by name; `{"mtorc2": 0}` switches every
        mechanism off that begins `mtorc2.`.
    threads
        Threads to use; all cores when left out.
    chunk
        Subjects a file, and a step of progress that survives an interruption.
    method
        Integration method: `grk4t`, implicit, when left out; `tsit5` is explicit.
    precision
        `single` or `double` arithmetic within a step, states being kept in double either way; when
        left out, single for `rtol` of 3e-5 and more.
    rtol, atol
        Error allowed in each step: relative, and as a share of each state's scale (`rtol` / 10 when
        left out).
    kernel
        How equations are run: `tape`, by an interpreter that starts at once; `compiled`, about 2.5 times as
        fast once they are; `auto`, as the size of the run suggests. The result is the same to the bit.
    out
        Folder to stream the result to; kept in memory when left out.
    force
        Replace a result that is already there.
    resume
        Resume an interrupted run in `out`: the result is the same to the bit.
    library
        Where names of modules and populations are looked up.
    progress
        Called with the number of subjects done and their total.
    note
        Called with a one-line message before a slow step.
    rules
        Functions that look at each visit and decide, after the scenario's own rules and in every arm; see
        `mtorsim.Visit`. What a function does is not in the manifest, so such a run is kept in memory.

    Returns
    -------
    Result
        Visits of every subject (arm, subject, time), summaries, status, and the manifest.

    Raises
    ------
    MtorsimError
        If something in the scenario or the files it names is wrong. A subject that cannot be
        solved raises nothing: it is reported in `Result.status`.

    Examples
    --------
    >>> import mtorsim as mt
    >>> result = mt.simulate("ogtt")
    >>> round(float(result.visits.glucose.sel(arm="untreated", subject=0).max()))
    157
    """
    workers = _cores() if threads is None else threads
    for name, value in (("subjects", subjects), ("chunk", chunk), ("threads", workers)):
        if value is not None and value < 1:
            raise ArgumentError(f"{name} = {value}: there must be at least 1")
        if value is not None and value > MOST_SUBJECTS:
            raise ArgumentError(f"{name} = {value}: there can be at most {MOST_SUBJECTS:,}")
    if rules and out is not None:
        raise ArgumentError("rules that are functions cannot be written to a folder", help="leave `out` out")
    if out is None and (force or resume):
        raise ArgumentError(f"`{'resume' if resume else 'force'}=True` is about a folder", help="name it with `out`")
    options = Options.given(method, precision, rtol, atol, kernel)
    plan = make_plan(
        scenario, seed=seed, population=population, settings=settings, options=options, library=library, note=note
    )
    announce(plan, note)
    n = plan.scenario.subjects if subjects is None else subjects
    choice = plan.choose_forms(n)
    if note:
        note(f"equations: {choice.form} ({choice.days:,.0f} subject-days; compiled from {COMPILED_FROM:,})")
    writer = Writer(plan, n, chunk, Path(out) if out is not None else None, force=force, resume=resume)
    started = time.perf_counter()
    for block in _blocks(plan, writer.done, n, chunk, workers, progress, tuple(rules)):
        writer.add(block)
    return writer.finish(threads=workers, seconds=time.perf_counter() - started)


def one_subject(plan: Plan, subject: int, arm: str) -> tuple[Block, Mapping[str, float]]:
    """Compute one subject of one arm, alone; and the subject's parameters by name.

    Parameters
    ----------
    plan
        The run.
    subject
        The subject's number.
    arm
        Name of the arm.
    """
    chosen = next(a for a in plan.arms if a.name == arm)
    times = Times.of(plan, subject < SERIES_OF)
    people = prepare(plan, np.array([subject]))
    block = _through(plan, people, (chosen,), times, np.zeros(1, np.int64))
    return block, dict(zip(plan.kernel.parameters, parameters_in(plan, chosen, people)[0].tolist(), strict=True))


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blocks(
    plan: Plan,
    done: int,
    n: int,
    chunk: int,
    threads: int,
    progress: Callable[[int, int], None] | None,
    rules: Sequence[PythonRule],
) -> Iterator[Block]:
    """Chunks of subjects in order, each computed slice by slice on several threads."""
    cancel = np.zeros(1, np.int64)
    times = {series: Times.of(plan, series) for series in (True, False)}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for first in range(done, n, chunk):
                last = min(first + chunk, n)
                cuts = [*_cuts(first, last, threads), last]
                futures = [
                    pool.submit(_slice, plan, np.arange(a, b), times[a < SERIES_OF], cancel, rules)
                    for a, b in pairwise(cuts)
                ]
                _import_tables()
                pending: set[Future[Block]] = set(futures)
                while pending:
                    ended, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                    done += sum(len(f.result().subjects) for f in ended)
                    if progress and ended:
                        progress(done, n)
                yield Block.joined([f.result() for f in futures])
        except BaseException:
            cancel[0] = 1
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _import_tables() -> None:
    """Import what the result will need, slow to load, while the threads are at work."""
    for name in ("pyarrow.parquet", "xarray"):
        importlib.import_module(name)


def _cuts(first: int, last: int, threads: int) -> Iterator[int]:
    """Starts of slices; none straddles the end of the finer series."""
    size = min(max((last - first) // (3 * threads) // 16 * 16, SMALLEST_SLICE), LARGEST_SLICE)
    at = first
    while at < last:
        yield at
        at = min(at + size, SERIES_OF) if at < SERIES_OF else at + size


@dataclass(frozen=True)
class Times:
    """Sample times of a run, which of them are fasting, and where visits and the series lie in them."""

    all: np.ndarray
    fasting: np.ndarray
    visits: np.ndarray
    series: np.ndarray

    @classmethod
    def of(cls, plan: Plan, series: bool) -> Times:
        visits = np.array(plan.scenario.visits)
        finer = np.array(plan.scenario.series if series else ())
        looks = [decision_times(plan, arm) for arm in plan.arms]
        every = np.unique(np.concatenate([visits, finer, *looks]))
        fasting = np.array([plan.scenario.is_fasting(t) for t in every])
        return cls(every, fasting, np.searchsorted(every, visits), np.searchsorted(every, finer))


def _slice(plan: Plan, subjects: np.ndarray, times: Times, cancel: np.ndarray, rules: Sequence[PythonRule]) -> Block:
    """A few subjects through every arm."""
    return _through(plan, prepare(plan, subjects), plan.arms, times, cancel, rules)


def _through(
    plan: Plan,
    people: People,
    arms: tuple[PlannedArm, ...],
    times: Times,
    cancel: np.ndarray,
    rules: Sequence[PythonRule] = (),
) -> Block:
    """Prepared people through some arms."""
    runs = [follow(plan, arm, people, times.all, times.fasting, cancel, rules) for arm in arms]
    tests = [_tests(plan, arm, people, cancel, r) for arm, r in zip(arms, runs, strict=True)]
    return Block(
        subjects=people.subjects,
        arms=tuple(a.name for a in arms),
        status=np.stack([r.status for r in runs]),
        attempts=people.attempts,
        traits=people.traits,
        visits=np.stack([r.values[:, times.visits] for r in runs]),
        series=np.stack([r.values[:, times.series] for r in runs]),
        weights=people.weights,
        left=np.stack([r.left for r in runs]),
        ledger=tuple(r.ledger for r in runs),
        dose_intensity=tuple(r.dose_intensity for r in runs),
        tests=tuple(t for of_arm in tests for t in of_arm),
    )


def _tests(plan: Plan, arm: PlannedArm, people: People, cancel: np.ndarray, run: Followed) -> list[TestValues]:
    """The scenario's tests of the virtual laboratory, on copies of the people of one arm."""
    if not plan.scenario.tests:
        return []
    decided = run.events, run.status, run.left
    found = examine_people(plan, people, arm, plan.scenario.tests, cancel=cancel, decided=decided)
    return [
        TestValues(
            e.protocol.name,
            e.protocol.options,
            e.at,
            e.arm,
            {n: unit for n, (unit, _) in e.indices.items()},
            np.stack([v for _, v in e.indices.values()], axis=1),
        )
        for e in found
    ]
