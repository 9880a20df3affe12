"""Who computes the chunks of a run: threads of this process, processes of this machine, or a cluster."""

from __future__ import annotations

import logging
import pickle
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mtorsim.errors import ArgumentError, DataError, one_line
from mtorsim.results.block import Block
from mtorsim.run.plan import Plan
from mtorsim.run.visit import PythonRule

from .chunks import blocks
from .remote import Job, compute, compute_into
from .workers import workers

__all__ = ["Workers", "given_workers"]

AHEAD = 2
"""Chunks per worker that are given out before the first is needed, so that none waits and memory stays flat."""
ANSWERS_WITHIN = "10 s"
_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx|inproc)://)?[^/\s:]+:\d+$|inproc://")
_EXAMPLE = "name the address that `dask scheduler` prints, such as tcp://10.0.0.1:8786"
LOSSES = 3
"""How often a chunk is given out again after its worker was lost."""

Submit: TypeAlias = Callable[[Job], Callable[[], Block]]
"""Gives out a chunk; what it returns waits for the block."""


@dataclass(frozen=True)
class Workers:
    """Who computes the chunks of a run.

    Attributes
    ----------
    threads
        Threads of each process.
    processes
        Processes of this machine; 1 is this one.
    cluster
        Address of the scheduler of a Dask cluster, or its client.
    """

    threads: int
    processes: int = 1
    cluster: Any = None

    def blocks(
        self,
        plan: Plan,
        manifest: Mapping[str, Any],
        span: tuple[int, int],
        progress: Callable[[int, int], None] | None,
        rules: Sequence[PythonRule],
    ) -> Iterator[Block]:
        """Compute the subjects from `span[0]` to before `span[1]` in chunks, in order.

        Raises
        ------
        ArgumentError
            If no cluster answers at the address.
        DataError
            If workers have other versions, or are lost again and again.
        """
        chunk = manifest["chunk"]
        if self.processes == 1 and self.cluster is None:
            yield from blocks(plan, *span, chunk, self.threads, progress, rules)
            return
        spans = [(a, min(a + chunk, span[1])) for a in range(span[0], span[1], chunk)]
        pool = _processes(self.processes) if self.cluster is None else _cluster(self.cluster)
        with pool as (submit, count):
            given = (Job.of(manifest, plan.options.kernel, self.threads, a, b) for a, b in spans)
            for (_, last), block in zip(spans, _in_order(given, submit, AHEAD * count), strict=True):
                yield block
                if progress is not None:
                    progress(last, span[1])


def _in_order(jobs: Iterable[Job], submit: Submit, most: int) -> Iterator[Block]:
    """Answers to jobs in their order, of which at most so many are given out at a time."""
    waiting: deque[Callable[[], Block]] = deque()
    for job in jobs:
        waiting.append(submit(job))
        if len(waiting) >= most:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


@contextmanager
def _processes(count: int) -> Iterator[tuple[Submit, int]]:
    """A pool of processes; one that is lost costs its chunk, which is computed again."""
    import multiprocessing
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    context = multiprocessing.get_context("spawn")
    pools = [ProcessPoolExecutor(count, mp_context=context)]
    folder = Path(tempfile.mkdtemp(prefix="mtorsim-"))

    def give_out(job: Job, path: Path) -> Future[None]:
        try:
            return pools[-1].submit(compute_into, job, str(path))
        except BrokenProcessPool:
            pools.append(ProcessPoolExecutor(count, mp_context=context))
            return pools[-1].submit(compute_into, job, str(path))

    def submit(job: Job) -> Callable[[], Block]:
        path = folder / f"{job.first}.pickle"
        given = [give_out(job, path)]

        def answer() -> Block:
            while True:
                try:
                    given[-1].result()
                    break
                except BrokenProcessPool:
                    # All that the pool had is lost, whichever process ended.
                    if len(given) > LOSSES:
                        message = (
                            f"processes were lost {len(given)} times at subjects {job.first:,} to {job.last - 1:,}"
                        )
                        help = "is there enough memory? Use fewer processes or smaller chunks"
                        raise DataError(message, help=help) from None
                    given.append(give_out(job, path))
            with path.open("rb") as file:
                block = pickle.load(file)
            path.unlink()
            return block

        return answer

    try:
        yield submit, count
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _cluster(given: Any) -> Iterator[tuple[Submit, int]]:
    """A Dask cluster; a worker that is lost costs its chunk, which is computed by another."""
    try:
        from distributed import CancelledError, Client, KilledWorker
    except ImportError:
        help = "install it: `pip install 'mtorsim[cluster]'`"
        raise ArgumentError("a cluster needs dask.distributed", help=help) from None
    own = isinstance(given, str)
    if own and not _ADDRESS.match(given):
        raise ArgumentError(f"`{given}` is not the address of a cluster", help=_EXAMPLE)
    try:
        client: Any = Client(given, timeout=ANSWERS_WITHIN, set_as_default=False) if own else given
    except (OSError, ValueError) as problem:
        raise ArgumentError(f"no cluster answers at `{given}`: {one_line(str(problem), 80)}", help=_EXAMPLE) from None
    if own:
        # What goes wrong is told once, by us.
        for name in [n for n in logging.root.manager.loggerDict if n.startswith(("distributed", "tornado"))]:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    futures: list[Any] = []

    def submit(job: Job) -> Callable[[], Block]:
        future = client.submit(compute, job, pure=False, retries=LOSSES)
        futures.append(future)

        def answer() -> Block:
            try:
                return future.result()
            except KilledWorker:
                message = f"workers were lost again and again at subjects {job.first:,} to {job.last - 1:,}"
                help = "look at their logs: is there enough memory?"
                raise DataError(message, help=help) from None
            except (CancelledError, OSError) as problem:
                message = f"the cluster at `{given}` was lost: {one_line(str(problem), 80)}"
                raise DataError(message, help="resume the run when it is back; finished chunks are saved") from None
            finally:
                futures.remove(future)

        return answer

    try:
        count = len(client.scheduler_info(n_workers=-1)["workers"])
        if not count:
            raise ArgumentError(f"the cluster at `{given}` has no workers", help="start some: `dask worker ADDRESS`")
        yield submit, count
    finally:
        with suppress(OSError, CancelledError):
            client.cancel(futures)
        if own:
            client.close()


def given_workers(threads: int | None, processes: int | None, cluster: Any) -> Workers:
    """Who computes, as given; default: one thread for each core that this process may use.

    Raises
    ------
    ArgumentError
        If a number is not at least 1, or both processes and a cluster are given.
    """
    if processes is not None and cluster is not None:
        raise ArgumentError("`processes` and `cluster` exclude each other", help="a cluster has workers of its own")
    if cluster is not None:
        return Workers(1 if threads is None else workers(threads), 1, cluster)
    count = 1 if processes is None else workers(processes, "processes")
    return Workers(workers(threads) if threads is not None else max(1, workers(None) // count), count)
