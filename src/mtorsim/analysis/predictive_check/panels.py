"""The visual predictive check of one stratum: its bins, and percentiles measured and simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bins import Bin, bins_of
from .correction import corrected
from .observations import Observations
from .percentiles import Compared, compared, quantile

__all__ = ["BinChecked", "Panel", "panels_of"]


@dataclass(frozen=True)
class BinChecked:
    """One bin.

    Attributes
    ----------
    low, high, time
        Its edges, and the median time of its samples, hours.
    n, people
        Number of samples, and of people who have them.
    percentiles
        Each percentile, measured and simulated.
    below
        Share of values below the limit of quantification; None without a limit.
    """

    low: float
    high: float
    time: float
    n: int
    people: int
    percentiles: tuple[Compared, ...]
    below: Compared | None


@dataclass(frozen=True)
class Panel:
    """One stratum.

    Attributes
    ----------
    stratum
        Its name, empty for all samples.
    time, value
        Of its samples, corrected if the check is; -inf below the limit, (n,).
    limit
        The highest limit of quantification of its samples, -inf without one.
    bins
        Its bins, in order of time.
    """

    stratum: str
    time: np.ndarray
    value: np.ndarray
    limit: float
    bins: tuple[BinChecked, ...]


def panels_of(
    observed: Observations,
    simulated: np.ndarray,
    prediction: np.ndarray | None,
    given: str | int | Sequence[float],
    percentiles: Sequence[float],
) -> list[Panel]:
    """Compare samples of each stratum in its bins.

    Parameters
    ----------
    observed
        The samples.
    simulated
        Shape (replicates, n).
    prediction
        The prediction by which values are corrected, (n,), positive; None for values as they are.
    given
        Bins, as in `predictive_check`.
    percentiles
        Between 0 and 100.
    """
    found = []
    for stratum in observed.strata:
        mine = np.flatnonzero(observed.stratum == stratum)
        own = observed.select(mine)
        theirs = np.where(simulated[:, mine] < own.limit, -np.inf, simulated[:, mine])
        value = np.where(own.below, -np.inf, own.value)
        bins = bins_of(own.time, given)
        if prediction is not None:
            for each in bins:
                at = each.samples
                value[at] = corrected(value[at], prediction[mine][at])
                theirs[:, at] = corrected(theirs[:, at], prediction[mine][at])
        checked = tuple(_checked(each, own, value, theirs, percentiles) for each in bins)
        found.append(Panel(stratum, own.time, value, float(own.limit.max()), checked))
    return found


def _checked(
    each: Bin, own: Observations, value: np.ndarray, simulated: np.ndarray, percentiles: Sequence[float]
) -> BinChecked:
    """Percentiles of one bin."""
    at = each.samples
    theirs = simulated[:, at]
    rows = [compared(float(quantile(value[at], p / 100)), quantile(theirs, p / 100)) for p in percentiles]
    below = None
    if own.censored:
        there = np.maximum((~np.isnan(theirs)).sum(axis=1), 1)
        below = compared(float(own.below[at].mean()), np.isneginf(theirs).sum(axis=1) / there)
    people = len(np.unique(own.person[at]))
    return BinChecked(each.low, each.high, each.time, len(at), people, tuple(rows), below)
