"""The picture behind `result.plot`: one quantity over time, for all subjects or for classes of them side by side."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError, choose_from, did_you_mean
from mtorsim.results.result import Result
from mtorsim.stats.classes import classes_of

from .style import STYLE, Picture
from .views import bands, difference, spaghetti, time_course

__all__ = ["plot_result"]

KINDS = {"time_course": time_course, "bands": bands, "spaghetti": spaghetti, "difference": difference}


def plot_result(result: Result, of: str, by: str, kind: str, ax: Axes | None) -> Figure:
    """Draw a quantity of a result over time; the arguments are those of `Result.plot`."""
    if kind not in KINDS:
        help = choose_from(kind, KINDS)
        raise ArgumentError(f"`kind`: unknown picture `{kind}`", help=help)
    if by == "arm":
        return KINDS[kind](result, of, ax=ax)
    if ax is not None:
        raise ArgumentError(f'`ax` takes one picture, and `by="{by}"` makes several')
    traits = [str(name) for name in result.people.columns]
    if by not in traits:
        help = did_you_mean(by, traits) or "choose from arm, " + ", ".join(traits)
        raise ArgumentError(f"`by`: unknown trait `{by}`", help=help)
    classes = classes_of(by, result.people[by].to_numpy())
    with mpl.rc_context(STYLE):
        figure = Picture(figsize=(3.6 * len(classes) + 0.6, 3.6), layout="constrained")
        axes = figure.subplots(1, len(classes), sharey=True, squeeze=False)[0]
        for axis, (label, who) in zip(axes, classes.items(), strict=True):
            KINDS[kind](_of(result, who), of, ax=axis)
            axis.set_title(f"{label} ({who.sum():,} subjects)")
            if axis is not axes[0]:
                axis.set_ylabel("")
                axis.get_legend().remove()
        return figure


def _of(result: Result, who: np.ndarray) -> Result:
    """A result of some subjects, for pictures of visits."""
    part = replace(result, manifest={**result.manifest, "subjects": int(who.sum())})
    # The whole is labelled already: a cached property takes its place.
    part.__dict__["visits"] = result.visits.isel(subject=np.flatnonzero(who))
    return part
