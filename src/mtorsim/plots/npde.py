"""Prediction errors: their distribution, and whether it changes with time or with the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError
from mtorsim.stats.portable import normal_quantile

from .style import COLOURS, STYLE, Picture
from .views import label_time, time_axis
from .vpc import titled

if TYPE_CHECKING:
    from mtorsim.analysis.predictive_check.check import PredictiveCheck

__all__ = ["npde"]

REPLICATES = "95 % of replicates"
INK, POINT, BAND = "#222222", COLOURS[1], COLOURS[2]
LEVELS = (0.05, 0.5, 0.95)
MOST_GROUPS, LEAST_IN_GROUP = 8, 10


def npde(found: PredictiveCheck) -> Figure:
    """Draw prediction errors: a quantile plot, a histogram, and errors against time and against the prediction.

    Shaded: where 95 % of replicates lie, each treated as if it had been measured. If the model is right, errors are
    standard normal and depend on neither time nor prediction.

    Parameters
    ----------
    found
        The result of `mt.predictive_check`.

    Raises
    ------
    ArgumentError
        If fewer than four samples have an error.
    """
    some = np.isfinite(found.errors.npde)
    if some.sum() < 4:
        help = "simulated values of a person must vary: give the error of the assay by `cv`, or more replicates"
        raise ArgumentError(f"only {some.sum()} samples have a prediction error", help=help)
    z, theirs = found.errors.npde[some], found.errors.exchangeable[1:, some]
    theirs = theirs[np.isfinite(theirs).all(axis=1)]
    with mpl.rc_context(STYLE):
        figure = Picture(figsize=(8.2, 6.2), layout="constrained")
        (quantiles, histogram), (over_time, against) = figure.subplots(2, 2)
        _quantiles(quantiles, z, theirs)
        _histogram(histogram, z, theirs)
        hours, unit = time_axis(found.observed.time[some])
        _over(over_time, hours, z, theirs, found.observed.below[some])
        label_time(over_time, hours, unit)
        if found.clock != "the start":
            over_time.set_xlabel(f"time after {found.clock} ({unit})")
        _over(against, found.errors.mean[some], z, theirs, found.observed.below[some])
        against.set_xlabel(f"{titled(found)}, predicted")
        for axis in (over_time, against):
            axis.set_ylabel("npde")
        whole = found.tests.get("all")
        said = ""
        if whole is not None:
            said = (
                f"; mean {whole.mean:.2f}, variance {whole.variance:.2f}; p by replicates {whole.simulated_global:.2g}"
            )
        figure.supxlabel(f"{found.told}{said}", x=0.01, ha="left", fontsize=7.5, color="#555555")
        return figure


def _quantiles(axis: Axes, z: np.ndarray, theirs: np.ndarray) -> None:
    """Ordered errors against normal quantiles."""
    n = len(z)
    expected = normal_quantile((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    low, high = np.quantile(np.sort(theirs, axis=1), (0.025, 0.975), axis=0)
    axis.fill_between(expected, low, high, color=BAND, alpha=0.22, lw=0, label=REPLICATES)
    axis.plot(expected, expected, color=INK, lw=0.9, ls=(0, (4, 3)))
    axis.plot(expected, np.sort(z), "o", ms=3, mew=0, color=POINT, label="measured")
    axis.set_xlabel("normal quantile")
    axis.set_ylabel("npde")
    axis.legend(frameon=False, fontsize=7.5, loc="upper left")


def _histogram(axis: Axes, z: np.ndarray, theirs: np.ndarray) -> None:
    """Distribution of errors."""
    count = int(np.clip(np.sqrt(len(z)), 6, 24))
    edge = max(3.2, float(np.abs(z).max()) + 1e-9)
    edges = np.linspace(-edge, edge, count + 1)
    width = edges[1] - edges[0]
    shares = np.stack([np.histogram(row, edges)[0] for row in theirs]) / (theirs.shape[1] * width)
    low, high = np.quantile(shares, (0.025, 0.975), axis=0)
    own = np.histogram(z, edges)[0] / (len(z) * width)
    axis.bar(edges[:-1], own, width, align="edge", color="#d4d4d4", edgecolor="white", lw=0.8, label="measured")
    axis.bar(edges[:-1], high - low, width, bottom=low, align="edge", color=BAND, alpha=0.3, lw=0, label=REPLICATES)
    x = np.linspace(-edge, edge, 200)
    axis.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=INK, lw=1.1, label="standard normal")
    axis.set_xlabel("npde")
    axis.set_ylabel("density")
    axis.set_ylim(top=1.32 * max(float(own.max()), float(high.max()), 0.4))
    axis.legend(frameon=False, fontsize=7.5, loc="upper left", ncols=3, columnspacing=1.0, handlelength=1.4)


def _over(axis: Axes, x: np.ndarray, z: np.ndarray, theirs: np.ndarray, below: np.ndarray) -> None:
    """Errors against something, and their percentiles in groups of it over those of replicates."""
    axis.axhline(0, color=INK, lw=0.8)
    for limit in (-1.96, 1.96):
        axis.axhline(limit, color=INK, lw=0.8, ls=(0, (4, 3)))
    axis.plot(x[~below], z[~below], "o", ms=3, mew=0, color=POINT, alpha=0.6)
    if below.any():
        axis.plot(
            x[below], z[below], "o", ms=3, mfc="none", mec=COLOURS[0], mew=0.8, alpha=0.8, label="below the limit"
        )
        axis.legend(frameon=False, fontsize=7.5)
    groups = _groups(x)
    if len(groups) < 2:
        return
    at = np.array([np.median(x[g]) for g in groups])
    for level, colour in zip(LEVELS, (COLOURS[1], BAND, COLOURS[1]), strict=True):
        expected = np.array([np.quantile(np.quantile(theirs[:, g], level, axis=1), (0.025, 0.975)) for g in groups])
        axis.fill_between(at, expected[:, 0], expected[:, 1], color=colour, alpha=0.18, lw=0)
        axis.plot(at, [np.quantile(z[g], level) for g in groups], color=INK, lw=1.4 if level == 0.5 else 0.9)


def _groups(x: np.ndarray) -> list[np.ndarray]:
    """Places of samples with similar x, in groups of about the same size; equal x stay together."""
    count = int(np.clip(len(x) // LEAST_IN_GROUP, 1, MOST_GROUPS))
    edges = np.unique(np.quantile(x, np.linspace(0, 1, count + 1)[1:-1]))
    which = np.searchsorted(edges, x, side="left")
    return [np.flatnonzero(which == k) for k in np.unique(which) if (which == k).sum() >= LEAST_IN_GROUP // 2]
