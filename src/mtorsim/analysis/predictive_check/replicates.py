"""Simulate the observed people again and again, at their own sampling times.

Person i of replicate r is the subject of number 1,000,000 r + i of the seed, whatever the number of people, of
replicates, of threads, and however the work is split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mtorsim.kernel.status import OK

from .observations import Observations
from .residual import Residual

__all__ = ["APART", "MOST_REPLICATES", "Simulated", "Simulator", "numbers_of", "simulate_replicates"]

APART = 1_000_000
"""Distance of the numbers of one person in two replicates, and the largest number of people."""
MOST_REPLICATES = 10_000
LANES = 128
"""People simulated together."""
FEW = 8
"""Of these, people of the table, if there are enough replicates: their sampling times differ."""


class Simulator(Protocol):
    """What simulates people at their sampling times."""

    def __call__(self, who: np.ndarray, numbers: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
        """True values at the samples of each person, times that key their errors, and status.

        Parameters
        ----------
        who
            Numbers of people of the table, (n,).
        numbers
            The number by which each is drawn, (n,).

        Returns
        -------
        values, times
            An array (samples of the person,) for each.
        status : ndarray (n,)
        """
        ...


@dataclass(frozen=True)
class Simulated:
    """Simulated samples.

    Attributes
    ----------
    values
        Shape (replicates, samples), NaN if the person of this replicate failed.
    failed
        Number of people that failed, of all replicates.
    status
        Number of people by status.
    """

    values: np.ndarray
    failed: int
    status: dict[int, int]


def numbers_of(who: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """The numbers by which people are drawn in replicates."""
    return APART * replicates.astype(np.int64) + who


def simulate_replicates(
    simulator: Simulator,
    observed: Observations,
    residual: Residual,
    seed: int,
    replicates: int,
    blocks: Sequence[np.ndarray],
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> Simulated:
    """Simulate all replicates.

    Parameters
    ----------
    simulator
        Simulates people.
    observed
        The samples.
    residual
        Their error.
    seed
        Seed of the errors.
    blocks
        People that can be simulated together.
    """
    samples = [np.flatnonzero(observed.person == i) for i in range(len(observed.labels))]
    values = np.full((replicates, len(observed)), np.nan)
    status: dict[int, int] = {}

    def work(batch: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        who, turn = batch
        numbers = numbers_of(who, turn)
        true, times, ended = simulator(who, numbers)
        for i in np.unique(who):
            mine = np.flatnonzero(who == i)
            # The times of a person are the same in all replicates.
            own = np.stack([true[k] for k in mine])
            found = residual.measured(own, observed.of, seed, numbers[mine], times[mine[0]])
            values[np.ix_(turn[mine], samples[i])] = found
        return ended

    batches = list(_batches(blocks, replicates))
    total, done = replicates * sum(len(block) for block in blocks), 0
    with ThreadPoolExecutor(threads) as pool:
        for batch, ended in zip(batches, pool.map(work, batches), strict=True):
            for code, count in zip(*np.unique(ended, return_counts=True), strict=True):
                status[int(code)] = status.get(int(code), 0) + int(count)
            done += len(batch[0])
            if progress is not None:
                progress(done, total)
    return Simulated(values, sum(n for code, n in status.items() if code != OK), status)


def _batches(blocks: Sequence[np.ndarray], replicates: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """People and replicates that are simulated together: the same people several times."""
    for block in blocks:
        few = min(len(block), max(FEW, LANES // replicates))
        for first in range(0, len(block), few):
            who = block[first : first + few]
            each = max(1, LANES // len(who))
            for turn in range(0, replicates, each):
                turns = np.arange(turn, min(turn + each, replicates))
                yield np.tile(who, len(turns)), np.repeat(turns, len(who))
