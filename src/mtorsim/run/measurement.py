"""Measurement at visits: assay error, samples that were not fasting, and leaving."""

from __future__ import annotations

import numpy as np

from mtorsim.scenario.parts import DAY, NotFasting, Staying
from mtorsim.stats.draws import normal, uniform
from mtorsim.stats.portable import exp, log

__all__ = ["AFTER_BREAKFAST", "MEASURED", "after_breakfast", "leaving_times", "measure"]


MEASURED = "_measured"
"""Suffix of the name of a measured value, beside the true one."""

AFTER_BREAKFAST = 7
"""Number of times at which a sample that was not fasting may have been drawn."""

_SECONDS = 3600.0


def after_breakfast(visit: float, spoilt: NotFasting) -> np.ndarray:
    """Times at which a visit's sample may have been drawn if it was not fasting: on the day before, hours."""
    return visit - DAY + np.linspace(spoilt.first, spoilt.last, AFTER_BREAKFAST)


def measure(
    values: np.ndarray,
    name: str,
    cv: float,
    seed: int,
    subjects: np.ndarray,
    times: np.ndarray,
    fed: np.ndarray | None = None,
    share: float = 0.0,
) -> np.ndarray:
    """Values that a laboratory reports.

    Errors depend on (seed, subject, observable, planned time) only: the arms of a trial share errors as they share
    subjects, and errors do not depend on how a run is split.

    Parameters
    ----------
    values
        True values, (n, times).
    cv
        Coefficient of variation of the assay.
    seed, subjects, times
        Keys of the errors; times in hours.
    fed, share
        Values after breakfast, (n, times, AFTER_BREAKFAST), and the share of samples that are drawn there; NaN where
        there was no day before.

    Returns
    -------
    ndarray (n, times)
    """
    occasion = np.round(times * _SECONDS).astype(np.uint64)[None, :]
    who = subjects[:, None]
    found = values
    if fed is not None and share > 0:
        u, which = uniform(seed, ["not fasting", "hour after breakfast"], who, occasion)
        drawn = np.take_along_axis(fed, (which * AFTER_BREAKFAST).astype(np.int64)[:, :, None], axis=2)[:, :, 0]
        found = np.where((u < share) & np.isfinite(drawn), drawn, found)
    if cv > 0:
        # Normal, truncated to keep values positive.
        found = found * np.maximum(1.0 + cv * normal(seed, [f"assay {name}"], who, occasion)[0], 0.01)
    return found


def leaving_times(staying: Staying | None, seed: int, subjects: np.ndarray) -> np.ndarray:
    """Leaving time of each subject, hours, (n,); infinite if all stay.

    A subject's rank in leaving is the same in all arms.
    """
    if staying is None:
        return np.full(len(subjects), np.inf)
    u = uniform(seed, ["leaving"], subjects)[0]
    return staying.median * exp(log(-log(u) / log(np.array(2.0))) / staying.shape)
