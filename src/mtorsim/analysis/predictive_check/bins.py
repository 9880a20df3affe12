"""Bins of sampling times: one for each time of a protocol, natural clusters, a number of them, or given edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtorsim.errors import ArgumentError

__all__ = ["Bin", "bins_of"]

FEW_TIMES = 12
"""Distinct times that are one bin each: those of a protocol."""
MOST_BINS = 15
MEAN_SAMPLES = 8
"""Samples in a bin on average, at least, of automatic bins."""
PENALTY = 0.2
"""Price of a bin in units of the logarithm of the variance within bins (Lavielle and Bleakley 2011, recalled)."""
FINEST = 400
"""Distinct times among which clusters are sought; more are rounded first."""


@dataclass(frozen=True)
class Bin:
    """Samples close in time.

    Attributes
    ----------
    low, high
        Its edges, hours.
    time
        Median time of its samples, hours.
    samples
        Their places, (n,).
    """

    low: float
    high: float
    time: float
    samples: np.ndarray


def bins_of(times: np.ndarray, given: str | int | Sequence[float]) -> list[Bin]:
    """Sort samples into bins.

    Parameters
    ----------
    times
        Hours, (n,).
    given
        `auto`, a number of bins, or their edges in hours.

    Returns
    -------
    list of Bin
        In order of time; none is empty.

    Raises
    ------
    ArgumentError
        If a bin would be empty, or a sample in none.
    """
    if isinstance(given, str):
        if given != "auto":
            raise ArgumentError(f"`bins` = {given}: not bins", help="`auto`, a number of bins, or edges in hours")
        return _cut(times, _automatic(times))
    if isinstance(given, int):
        distinct = len(np.unique(times))
        if not 1 <= given <= distinct:
            raise ArgumentError(
                f"`bins` = {given}: samples have {distinct} distinct times", help=f"from 1 to {distinct}"
            )
        return _cut(times, _between(*_clusters(times, given)[given - 1]))
    return _by_edges(times, np.asarray(given, float))


def _by_edges(times: np.ndarray, edges: np.ndarray) -> list[Bin]:
    shown = ", ".join(f"{edge:g}" for edge in edges)
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ArgumentError(f"`bins` = {shown}: edges must increase", help="two edges or more, in hours")
    outside = times[(times < edges[0]) | (times > edges[-1])]
    if len(outside):
        help = "the first edge is at most the first sample's time, the last at least the last one's"
        raise ArgumentError(
            f"`bins`: {len(outside)} samples, such as one at {outside[0]:g} h, are in no bin", help=help
        )
    for low, high in pairwise(edges):
        within = (times >= low) & ((times < high) | ((high == edges[-1]) & (times == high)))
        if not within.any():
            raise ArgumentError(f"`bins`: no sample from {low:g} to {high:g} h", help="leave one edge out")
    return _cut(times, edges[1:-1], edges)


def _cut(times: np.ndarray, inner: np.ndarray, edges: np.ndarray | None = None) -> list[Bin]:
    """Bins between inner edges; a sample on an edge belongs to the later one."""
    which = np.searchsorted(inner, times, side="right")
    if edges is None:
        edges = np.concatenate([[times.min()], inner, [times.max()]])
    found = []
    for k in np.unique(which):
        mine = np.flatnonzero(which == k)
        found.append(Bin(float(edges[k]), float(edges[k + 1]), float(np.median(times[mine])), mine))
    return found


def _automatic(times: np.ndarray) -> np.ndarray:
    """Inner edges of automatic bins."""
    distinct = np.unique(times)
    if len(distinct) <= FEW_TIMES:
        return (distinct[1:] + distinct[:-1]) / 2
    most = int(np.clip(len(times) // MEAN_SAMPLES, 1, MOST_BINS))
    natural = _natural(distinct, most)
    if natural is not None:
        return natural
    best, edges = np.inf, np.zeros(0)
    for k, (ends, values, within) in enumerate(_clusters(times, most), start=1):
        score = np.log(max(within, 1e-12 * float(np.var(times)) * len(times)) / len(times)) + PENALTY * k
        if score < best:
            best, edges = score, _between(ends, values, within)
    return edges


def _natural(distinct: np.ndarray, most: int) -> np.ndarray | None:
    """Inner edges of groups of times that lie farther apart than any is wide, as around planned times; None without.

    The largest number of such groups, at most `most`.
    """
    gaps = np.diff(distinct)
    order = np.argsort(-gaps, kind="stable")
    for count in range(most, 1, -1):
        cuts = np.sort(order[: count - 1])
        ends = np.split(distinct, cuts + 1)
        if gaps[cuts].min() > max(group[-1] - group[0] for group in ends):
            return (distinct[cuts] + distinct[cuts + 1]) / 2
    return None


def _between(ends: Sequence[int], values: np.ndarray, within: float) -> np.ndarray:
    """Inner edges midway between clusters, which end at some places of sorted values."""
    return np.array([(values[end - 1] + values[end]) / 2 for end in ends[:-1]])


def _clusters(times: np.ndarray, most: int) -> list[tuple[list[int], np.ndarray, float]]:
    """The partition of times with the least squares within, for 1 to `most` clusters.

    Exact, by dynamic programming over sorted distinct times (Fisher, J. Am. Stat. Assoc. 53 (1958) 789, recalled).

    Returns
    -------
    list
        For each number: the end of each cluster among the values, the values, and the sum of squares within.
    """
    values, counts = np.unique(times, return_counts=True)
    if len(values) > max(FINEST, most):
        ranks = np.linspace(0, len(values) - 1, FINEST).round().astype(int)
        nearest = values[ranks][np.abs(values[:, None] - values[ranks][None]).argmin(axis=1)]
        values, counts = np.unique(np.repeat(nearest, counts), return_counts=True)
    m, scale = len(values), values - values.mean()
    n, s, q = (np.concatenate([[0.0], np.cumsum(counts * scale**p)]) for p in (0, 1, 2))

    def squares(a: np.ndarray, b: int) -> np.ndarray:
        """Sum of squares within values a to b - 1."""
        return np.maximum(q[b] - q[a] - (s[b] - s[a]) ** 2 / np.maximum(n[b] - n[a], 1), 0.0)

    cost = np.array([0.0, *(squares(np.zeros(1, int), b)[0] for b in range(1, m + 1))])
    starts: list[np.ndarray] = []
    found = [([m], values, float(cost[m]))]
    for k in range(2, min(most, m) + 1):
        new, start = np.full(m + 1, np.inf), np.zeros(m + 1, int)
        for b in range(k, m + 1):
            a = np.arange(k - 1, b)
            whole = cost[a] + squares(a, b)
            start[b] = a[whole.argmin()]
            new[b] = whole.min()
        cost = new
        starts.append(start)
        ends = [m]
        for back in reversed(starts):
            ends.insert(0, int(back[ends[0]]))
        found.append((ends, values, float(cost[m])))
    return found
