"""Figure of a forecast: what was measured, bands ahead, and what each option would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, STYLE, Picture, figure_of

if TYPE_CHECKING:
    from mtorsim.analysis.forecast.outlook import Forecast

__all__ = ["forecast"]

OWN, BEFORE = COLOURS[1], "#888888"
MEASURED = ("fasting_glucose", "glucose")


def forecast(found: Forecast, *, ax: Axes | None = None) -> Figure:
    """Draw a forecast of fasting glucose: measured values, 50 and 90 % bands ahead, and options at the end.

    Parameters
    ----------
    found
        The result of `mt.forecast`.
    ax
        Axes to draw into, without the options; default: a new figure.

    Examples
    --------
    >>> import mtorsim as mt
    >>> person = {"sex": "female", "age": 61, "bmi": 29, "diabetic": False, "ahead": "2 weeks"}
    >>> measured = [{"day": 0, "fasting_glucose": "104 mg/dL"}]
    >>> found = mt.forecast({"person": person, "measured": measured}, enough=10, ahead=12, compare=False)
    >>> mt.plot.forecast(found).axes[0].get_ylabel()
    'fasting glucose (mg/dL)'
    """
    with mpl.rc_context(STYLE):
        if ax is not None:
            _course(ax, found)
            return figure_of(ax)
        compared = len(found.ahead) > 1
        figure = Picture(figsize=(8.6 if compared else 6.4, 3.6), layout="constrained")
        parts = figure.subplots(1, 2, width_ratios=(2.6, 1.0), sharey=True) if compared else [figure.add_subplot()]
        _course(parts[0], found)
        if compared:
            _options(parts[1], found)
        return figure


def _course(ax: Axes, found: Forecast) -> None:
    """Draw what was measured and what is ahead."""
    now = found.person.now / 24.0
    days = (found.days + now) / 7.0
    if found.unmeasured is not None:
        for q in (0.05, 0.95):
            label = "without these values, 90 %" if q < 0.5 else None
            ax.plot(days, found.unmeasured_band(q), color=BEFORE, lw=0.9, ls=(0, (4, 2)), label=label)
    for low, high, alpha in ((0.05, 0.95, 0.18), (0.25, 0.75, 0.28)):
        share = f"{100 * (high - low):.0f} % of what will be measured"
        ends = found.band("measured", low), found.band("measured", high)
        ax.fill_between(days, *ends, color=OWN, alpha=alpha, lw=0, label=share)
    ax.plot(days, found.band("measured"), color=OWN, lw=1.6, label="median")
    values = [v for v in found.person.values if v.name in MEASURED and v.beyond == 0]
    for name, marker in zip(MEASURED, "oD", strict=True):
        mine = [v for v in values if v.name == name]
        if mine:
            label = "measured" if name == "fasting_glucose" else "measured, not fasting"
            at = [v.time / 168.0 for v in mine]
            ax.plot(at, [v.value for v in mine], marker, color="#222222", ms=4.5, ls="", label=label, zorder=5)
    ax.axvline(now / 7.0, color="#444444", lw=0.8)
    ax.margins(x=0.02)
    _limits(ax, found)
    ax.set_xlabel("weeks from the first day")
    ax.set_ylabel("fasting glucose (mg/dL)")
    worst = found.worst()[-1]
    risks = (
        f"grade 2 or worse by {found.day(len(found.days) - 1)}: {100 * worst[1]:.0f} %, grade 3: {100 * worst[2]:.0f} %"
    )
    ax.set_title(f"{found.person.name}\n{risks}", fontsize=9)
    ax.legend(fontsize=7.5, loc="upper left", facecolor="white", edgecolor="none", framealpha=0.9)


def _limits(ax: Axes, found: Forecast) -> None:
    """Draw limits of grades that the picture reaches, with room above for the legend."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))
    for grade, limit, sign, _ in found.grading.limits:
        if sign > 0 and low < limit < high:
            ax.axhline(limit, color="#b0382a", lw=0.7, ls=(0, (1, 2)))
            place = ax.get_yaxis_transform()
            ax.annotate(
                f"grade {grade}", (0.995, limit), xycoords=place, ha="right", va="bottom", fontsize=7, color="#b0382a"
            )


def _options(ax: Axes, found: Forecast) -> None:
    """Draw the last morning under each option."""
    names = list(found.ahead)
    for i, name in enumerate(names):
        last = found.values("measured", name)[:, -1]
        low, first, middle, third, high = np.nanquantile(last, [0.05, 0.25, 0.5, 0.75, 0.95])
        colour = OWN if i == 0 else COLOURS[2]
        ax.plot([i, i], [low, high], color=colour, lw=1.2)
        ax.plot([i, i], [first, third], color=colour, lw=5, solid_capstyle="butt", alpha=0.6)
        ax.plot(i, middle, "o", color=colour, ms=4.5)
    ax.set_xticks(range(len(names)), [n.replace("_", " ") for n in names], rotation=40, ha="right", fontsize=8)
    ax.grid(axis="x", visible=False)
    ax.set_title(f"on {found.day(len(found.days) - 1)}, if from now on:", fontsize=9)
