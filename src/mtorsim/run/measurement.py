"""What is measured at a visit: assay error, stray samples, and who is still there."""

from __future__ import annotations

import numpy as np

from mtorsim.scenario.parts import Staying, Stray
from mtorsim.stats.draws import normal, uniform
from mtorsim.stats.portable import exp, log

__all__ = ["MEASURED", "leaving_times", "measure"]


MEASURED = "_measured"
"""Ending of the name of what was measured, beside what was there."""

_SECONDS = 3600.0


def measure(
    values: np.ndarray, name: str, cv: float, stray: Stray | None, seed: int, subjects: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """What a laboratory reports.

    Errors depend on (seed, subject, observable, planned time) only: the arms of a trial share them, as
    they share their people, and so does any way to split a run.

    Parameters
    ----------
    values
        What is there, (n, times).
    cv
        Coefficient of variation of the assay.
    stray
        Samples that are not what they are taken for; None where there are none.
    seed, subjects, times
        Key of the errors; times in hours.

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
        # Normal, and cut where a value would not be positive: no assay reports such a one.
        found = found * np.maximum(1.0 + cv * normal(seed, [f"assay {name}"], who, occasion)[0], 0.01)
    return found


def leaving_times(staying: Staying | None, seed: int, subjects: np.ndarray) -> np.ndarray:
    """When each subject leaves, hours, (n,); infinite where all stay.

    A subject's place in the order of leaving is the same in every arm.
    """
    if staying is None:
        return np.full(len(subjects), np.inf)
    u = uniform(seed, ["leaving"], subjects)[0]
    return staying.median * exp(log(-log(u) / log(np.array(2.0))) / staying.shape)
