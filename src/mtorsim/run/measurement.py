"""Measurement at visits: assay error, stray samples, and leaving."""

from __future__ import annotations

import numpy as np

from mtorsim.scenario.parts import Staying, Stray
from mtorsim.stats.draws import normal, uniform
from mtorsim.stats.portable import exp, log

__all__ = ["MEASURED", "leaving_times", "measure"]


MEASURED = "_measured"
"""Suffix of the name of a measured value, beside the true one."""

_SECONDS = 3600.0


def measure(
    values: np.ndarray, name: str, cv: float, stray: Stray | None, seed: int, subjects: np.ndarray, times: np.ndarray
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
    stray
        Stray samples (not fasting, for example); None if there are none.
    seed, subjects, times
        Keys of the errors; times in hours.

    Returns
    -------
    ndarray (n, times)
    """
    occasion = np.round(times * _SECONDS).astype(np.uint64)[None, :]
    who = subjects[:, None]
    found = values
    if stray is not None and stray.share > 0:
        hit = uniform(seed, ["stray sample"], who, occasion)[0] < stray.share
        factor = stray.factor * exp(stray.log_sd * normal(seed, ["stray factor"], who, occasion)[0])
        found = np.where(hit, found * factor, found)
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
