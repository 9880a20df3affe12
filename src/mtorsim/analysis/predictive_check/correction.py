"""Prediction correction: what is left of the spread in a bin once doses, times and covariates are accounted for."""

from __future__ import annotations

import numpy as np

__all__ = ["corrected", "predictions"]


def predictions(simulated: np.ndarray) -> np.ndarray:
    """The population prediction of each sample: the median of its simulated values, (n,).

    It is that of a person with these doses, times and covariates, whoever they are; a typical subject has no such
    prediction where groups or entry criteria make the population.
    """
    ordered = np.sort(simulated, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    k = np.stack([np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2])
    return np.where(
        count > 0, np.take_along_axis(ordered, np.minimum(k, len(ordered) - 1), axis=0).mean(axis=0), np.nan
    )


def corrected(values: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Values of one bin as if all samples had the median prediction of the bin.

    Parameters
    ----------
    values
        Measured or simulated values, (..., n).
    prediction
        The prediction of each sample, (n,), positive.

    Notes
    -----
    Bergstrand et al., AAPS J. 13 (2011) 143, equation for values bounded by zero: each value times the bin's median
    prediction over its own.
    """
    return values * (np.median(prediction) / prediction)
