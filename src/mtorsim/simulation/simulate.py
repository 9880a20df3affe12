"""Run a population through a scenario."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.compiler.warm import COMPILED_FROM
from mtorsim.errors import ArgumentError, DataError, one_line
from mtorsim.files.library import Library
from mtorsim.results.block import Block
from mtorsim.results.goal import STEP
from mtorsim.results.manifest import plan_from_manifest, read_manifest
from mtorsim.results.result import Result, open_run
from mtorsim.results.writer import Writer
from mtorsim.run.arguments import checked
from mtorsim.run.design import Design
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, announce, announce_unused, make_plan
from mtorsim.run.prepare import prepare
from mtorsim.run.solve import parameters_in
from mtorsim.run.visit import PythonRule
from mtorsim.scenario.file import MOST_SUBJECTS
from mtorsim.scenario.scenario import Scenario

from .chunks import Times, as_block, import_tables, run_arm
from .distribute import Workers, given_workers
from .progress import Progress, shown_progress
from .verify import certified

MOST_UNTIL = 1_000_000
"""Largest number of subjects of a run to a precision, if none is given."""
MOST_IN_CHUNK = 100_000
"""Largest number of subjects per file, since a chunk is held in memory."""
__all__ = ["extend", "one_subject", "resume", "simulate"]


@checked
def simulate(
    scenario: Scenario | str | Path,
    *,
    subjects: int | None = None,
    first: int = 0,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    processes: int | None = None,
    cluster: Any = None,
    chunk: int = 1024,
    quantiles: Sequence[float] = (),
    observe: Sequence[str] | None = None,
    series_of: str | None = None,
    draws: str = "random",
    tails: Mapping[str, str] | None = None,
    until: str | None = None,
    certify: bool | None = None,
    method: str | None = None,
    precision: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    kernel: str = "auto",
    out: str | Path | None = None,
    force: bool = False,
    resume: bool = False,
    library: Library | None = None,
    progress: Progress | bool | None = None,
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
        Values that replace the scenario's.
    first
        Number of the first subject: subjects `first` to `first + subjects - 1` are run. Ranges can be run on several
        machines and put together by `mtorsim.merge`.
    settings
        Medians of parameters and values of switches, by name; `{"mtorc2": 0}` switches off all mechanisms `mtorc2.…`.
    threads
        Number of threads; default: all cores, or with processes a share of them each.
    processes
        Number of processes of this machine among which chunks are divided; default: this one alone.
    cluster
        Address of the scheduler of a Dask cluster whose workers compute the chunks, or a `distributed.Client`.
    chunk
        Number of subjects per file; an interrupted run can be resumed after its last complete chunk.
    quantiles
        Further quantiles of the summary, between 0 and 1, beside 0.05, 0.25, 0.5, 0.75 and 0.95.
    observe
        The observables that are kept of every subject, beside the fasting glucose by which it is graded; default: all.
    series_of
        Numbers of the subjects whose finer series is kept, such as `0-99,5000`; default: the first thousand.
    draws
        How subjects are drawn: `random`, or `sobol` for scrambled Sobol points, which need fewer subjects for the same
        precision.
    tails
        Tails of quantities that vary, to be oversampled: `{"phis": "lowest 10 % as 50 %"}` draws those with the
        lowest tenth in half of the subjects, with weights that make up for it.
    until
        A precision, such as `P(worst_fasting_glucose > 250 mg/dL) +- 0.2 %`: subjects are added until the half width of
        the share's 95 % CI is that small in every arm, or in one: `P(...) in placebo +- 0.2 %`. `subjects` is then the
        largest number, by default a million.
    certify
        Whether to verify the result as `verify` does, and to keep its certificate in `out`; default: from 10,000
        subjects on.
    method
        Integration method: `grk4t` (implicit, the default) or `tsit5` (explicit).
    precision
        `single` or `double` arithmetic within a step (states are always double); default: single if `rtol` is 3e-5 or
        larger.
    rtol, atol
        Tolerances of a step: relative (default: that which the model states, else 3e-3), and absolute in units of each
        state's scale (default: `rtol` / 10).
    kernel
        Form of the equations: `tape`, run by an interpreter that starts at once; `compiled`, about 2.5 times as fast
        after compilation; `auto`, chosen by the size of the run. Results are identical to the bit.
    out
        Folder to which the result is streamed; by default it stays in memory.
    force
        Whether to replace an existing result.
    resume
        Resume an interrupted run in `out`: the result is identical to the bit.
    library
        Where names are looked up.
    progress
        Called with the number of subjects done and their total; True shows a bar in a notebook, a line elsewhere.
    note
        Called with a one-line message before a slow step.
    rules
        Functions called at each visit in every arm, after the scenario's own rules; see `mtorsim.Visit`. The manifest
        cannot contain functions, so such a run stays in memory.

    Returns
    -------
    Result
        Visits of every subject (arm, subject, time), summaries, status, and the manifest.

    Raises
    ------
    MtorsimError
        If the scenario or a file it refers to is invalid. Subjects that fail raise no error: they are reported in
        `Result.status`.

    Examples
    --------
    >>> import mtorsim as mt
    >>> result = mt.simulate("ogtt")
    >>> round(float(result.visits.glucose.sel(arm="untreated", subject=0).max()))
    149
    """
    who = given_workers(threads, processes, cluster)
    for name, value in (("subjects", subjects), ("chunk", chunk)):
        _check_count(name, value)
    if rules and out is not None:
        raise ArgumentError("rules that are functions cannot be saved in a folder", help="leave out `out=...`")
    if rules and (who.processes > 1 or who.cluster is not None):
        raise ArgumentError("rules that are functions stay in this process", help="leave out `processes` and `cluster`")
    if out is None and (force or resume):
        raise ArgumentError(
            f"`{'resume' if resume else 'force'}=True` needs a result folder", help="name it with `out=...`"
        )
    options = Options.given(method, precision, rtol, atol, kernel)
    design = Design.given(draws, tails, observe, series_of)
    given = {"seed": seed, "population": population, "settings": settings, "library": library}
    plan = make_plan(scenario, **given, options=options, design=design, note=note)
    announce(plan, note)
    announce_unused(plan, note)
    n = plan.scenario.subjects if subjects is None else subjects
    if until is not None:
        n = MOST_UNTIL if subjects is None else subjects
        if STEP % chunk:
            raise ArgumentError(f"chunk = {chunk}: with `until` it must divide {STEP:,}", help=f"leave it at {STEP:,}")
    if first < 0 or first + n > MOST_SUBJECTS:
        raise ArgumentError(f"first = {first}: subjects are numbered from 0 to {MOST_SUBJECTS - 1:,}")
    folder = Path(out).expanduser() if out is not None else None
    if certify and folder is None:
        raise ArgumentError("`certify=True` needs a result folder", help="name it with `out=...`")
    if chunk > MOST_IN_CHUNK:
        raise ArgumentError(f"chunk = {chunk}: there can be at most {MOST_IN_CHUNK:,} subjects in a file")
    for q in quantiles:
        if not 0 <= q <= 1:
            raise ArgumentError(f"the quantile {q:g} is outside 0 to 1")
    kept = {
        "quantiles": quantiles,
        "force": force,
        "resume": resume,
        "first": first,
        "until": until,
        "certify": certify,
    }
    make_writer = partial(Writer, plan, n, chunk, folder, **kept)
    result = _run(plan, n, make_writer, who, shown_progress(progress), tuple(rules), note)
    return certified(result, certify, who.threads, note)


@checked
def resume(
    folder: str | Path,
    *,
    threads: int | None = None,
    processes: int | None = None,
    cluster: Any = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Result:
    """Resume an interrupted run from its folder alone.

    The manifest holds all inputs, so the files of the run are not needed. Finished chunks are kept; the result is the
    same to the bit as that of an uninterrupted run.

    Parameters
    ----------
    folder
        The folder of the run.
    threads, processes, cluster, progress, note
        As in `simulate`.

    Returns
    -------
    Result
        The finished result; that of a finished run is opened.

    Raises
    ------
    DataError
        If the folder holds no run, or one by other versions of the libraries, or a table of records.

    Examples
    --------
    >>> import mtorsim as mt
    >>> result = mt.resume("results/breast")  # doctest: +SKIP
    """
    who, folder = given_workers(threads, processes, cluster), Path(folder).expanduser()
    manifest = read_manifest(folder)
    if manifest.get("records"):
        raise DataError(f"`{folder}` holds a run of event records, which is never unfinished")
    if manifest.get("finished"):
        return open_run(folder)
    return _again(manifest, folder, manifest["subjects"], who, progress, note, resume=True)


@checked
def extend(
    folder: str | Path,
    subjects: int,
    *,
    threads: int | None = None,
    processes: int | None = None,
    cluster: Any = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Result:
    """Add subjects to a finished run; those that are there are not run again.

    Parameters
    ----------
    folder
        The folder of the run.
    subjects
        Number of subjects that it will have.
    threads, processes, cluster, progress, note
        As in `simulate`.

    Returns
    -------
    Result
        The same to the bit as that of one run of so many subjects.

    Raises
    ------
    DataError
        If the folder holds no finished run, or one of as many subjects or more.

    Examples
    --------
    >>> import mtorsim as mt
    >>> result = mt.extend("results/breast", 20000)  # doctest: +SKIP
    """
    who, folder = given_workers(threads, processes, cluster), Path(folder).expanduser()
    manifest = read_manifest(folder)
    if manifest.get("records"):
        raise DataError(f"`{folder}` holds a run of event records, whose subjects are those of its table")
    if not manifest.get("finished"):
        raise DataError(f"the run in `{folder}` was not finished", help=f'resume it: `mtorsim.resume("{folder}")`')
    _check_count("subjects", subjects)
    if subjects <= manifest["subjects"]:
        raise DataError(f"`{folder}` has {manifest['subjects']:,} subjects already", help="ask for more")
    return _again(manifest, folder, subjects, who, progress, note, extend=True)


def _again(
    manifest: Mapping[str, Any],
    folder: Path,
    n: int,
    who: Workers,
    progress: Progress | bool | None,
    note: Callable[[str], None] | None,
    **how: bool,
) -> Result:
    """Take up the run of a folder."""
    until = manifest["until"] if how.get("resume") else None
    certify = manifest["certify"]
    kept = {"quantiles": manifest["quantiles"], "first": manifest["first"], "until": until, "certify": certify, **how}
    with plan_from_manifest(manifest, note) as plan:
        most = n if until is None else manifest["most_subjects"]
        make_writer = partial(Writer, plan, most, manifest["chunk"], folder, **kept)
        result = _run(plan, most, make_writer, who, shown_progress(progress), (), note)
    return certified(result, certify, who.threads, note)


def _run(
    plan: Plan,
    n: int,
    make_writer: Callable[[], Writer],
    who: Workers,
    progress: Progress | None,
    rules: tuple[PythonRule, ...],
    note: Callable[[str], None] | None,
) -> Result:
    """Run a plan for subjects that the writer does not have yet."""
    writer = make_writer()
    try:
        if not writer.finished:
            choice = plan.choose_forms(n)
            if note:
                note(f"equations: {choice.form} ({choice.days:,.0f} subject-days; compiled from {COMPILED_FROM:,})")
        return _written(plan, n, writer, who, progress, rules)
    finally:
        writer.release()


def _written(
    plan: Plan, n: int, writer: Writer, who: Workers, progress: Progress | None, rules: tuple[PythonRule, ...]
) -> Result:
    """Compute the subjects that a writer does not have yet."""
    folder = writer.folder
    if folder is not None and writer.finished:
        return open_run(folder)
    started = time.perf_counter()
    if folder is not None:
        threading.Thread(target=import_tables).start()
    try:
        while writer.done < (n := writer.wanted()):
            span = writer.first + writer.done, writer.first + n
            told = None if progress is None else lambda done, _, n=n: progress(done - writer.first, n)
            for block in who.blocks(plan, writer.manifest, span, told, rules):
                writer.add(block)
        return writer.finish(threads=who.threads, seconds=time.perf_counter() - started)
    except OSError as problem:
        if folder is not None and not (folder / "run.json").is_file():
            raise DataError(f"`{folder}` was removed during the run", help="run it again") from None
        reason = os.strerror(problem.errno) if problem.errno else one_line(str(problem), 120)
        help = f"{writer.done:,} of {n:,} subjects are saved; repeat the call with `resume=True`"
        raise DataError(f"cannot write to `{folder}`: {reason}", help=help) from None


def one_subject(plan: Plan, subject: int, arm: str) -> tuple[Block, Mapping[str, float]]:
    """Compute one subject of one arm, and return its parameters by name.

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
    people = prepare(plan, np.array([subject]))
    drawn = bool(plan.design.has_series(people.subjects).any())
    run = run_arm(plan, chosen, people, Times.of(plan, drawn), np.zeros(1, np.int64))
    block = as_block(plan, people, [run])
    return block, dict(zip(plan.kernel.parameters, parameters_in(plan, chosen, people)[0].tolist(), strict=True))


def _check_count(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ArgumentError(f"{name} = {value}: there must be at least 1")
    if value is not None and value > MOST_SUBJECTS:
        raise ArgumentError(f"{name} = {value}: there can be at most {MOST_SUBJECTS:,}")
