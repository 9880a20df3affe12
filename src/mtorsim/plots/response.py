"""Figures of a dose-response: the quantity and the share above a limit, against dose, level or inhibition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError, choose_from

from .style import COLOURS, MARKERS, STYLE, Picture, figure_of, in_print

if TYPE_CHECKING:
    from mtorsim.analysis.response.responses import DoseResponse, ScheduleResponse

__all__ = ["responses"]

AGAINST = {"dose": "dose", "trough": "lowest level in the last week (µg/L)", "inhibition": "inhibition of mTORC1 (%)"}
BANDS = ((0.05, 0.95, 0.14), (0.25, 0.75, 0.22))


def responses(
    found: DoseResponse, *, against: str = "dose", limit: float | None = None, risk: float | None = None
) -> Figure:
    """Draw a dose-response: bands over people for one schedule, means with 95 % intervals for several.

    Parameters
    ----------
    found
        The result of `mt.dose_response`.
    against
        `dose`, `trough` or `inhibition`.
    limit
        A limit of the quantity; the share of people above it is drawn beside.
    risk
        The share that is accepted, 0 to 1; it is drawn with the highest dose at which it holds.

    Raises
    ------
    ArgumentError
        If `against` is unknown, or is the dose of schedules with different drugs.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.dose_response("everolimus_breast", doses=[5, 10], at="2 weeks", subjects=8)
    >>> len(mt.plot.responses(found, limit=110).axes)
    2
    """
    if against not in AGAINST:
        raise ArgumentError(f"cannot draw against `{against}`", help=choose_from(against, AGAINST))
    first = found.schedules[0]
    if against == "dose" and len(found.schedules) > 1:
        raise ArgumentError("doses of several schedules are not comparable", help='draw against="inhibition"')
    with mpl.rc_context(STYLE):
        wide = limit is not None
        figure = Picture(figsize=(8.4 if wide else 5.2, 3.6), layout="constrained")
        axes: list[Axes] = list(figure.subplots(1, 2)) if wide else [figure.add_subplot()]
        label = f"{first.drug} ({in_print(first.unit)})" if against == "dose" else AGAINST[against]
        _values(axes[0], found, against)
        if limit is not None:
            _shares(axes[1], found, against, limit, risk)
        for ax in axes:
            ax.set_xlabel(label)
        axes[0].set_title(found.told.split(", ", 1)[1], fontsize=8.5)
        return figure_of(axes[0])


def _x(found: DoseResponse, one: ScheduleResponse, against: str) -> np.ndarray:
    """Place of each dose on the axis."""
    if against == "dose":
        return one.doses
    mean = np.nanmean(one.exposure(against)[found.well], axis=0)
    return 100 * mean if against == "inhibition" else mean


def _values(ax: Axes, found: DoseResponse, against: str) -> None:
    """The quantity, or the effects of several schedules."""
    what, unit = found.of.replace("_", " "), in_print(found.unit)
    well = found.well
    if len(found.schedules) == 1:
        one = found.schedules[0]
        x, values = _x(found, one, against), one.value[well]
        for low, high, alpha in BANDS:
            ends = np.quantile(values, (low, high), axis=0)
            ax.fill_between(
                x, *ends, color=COLOURS[0], alpha=alpha, lw=0, label=f"{100 * (high - low):.0f} % of people"
            )
        ax.plot(x, np.median(values, axis=0), "o-", color=COLOURS[0], ms=4.5, lw=1.6, label="median")
        without = float(np.median(found.untreated[well]))
        ax.axhline(without, color="#666666", lw=0.9, ls=(0, (4, 2)), label=f"median, {found.versus}")
        ax.set_ylabel(f"{what} ({unit})")
    else:
        table = found.table
        for k, one in enumerate(found.schedules):
            rows = table[table.schedule == one.name]
            x, mark = _x(found, one, against), MARKERS[k % len(MARKERS)]
            colour = COLOURS[k % len(COLOURS)]
            ax.fill_between(x, rows.low, rows.high, color=colour, alpha=0.15, lw=0)
            ax.plot(x, rows.effect, mark + "-", color=colour, ms=4.5, lw=1.4, label=one.name)
        ax.axhline(0, color="#666666", lw=0.9, ls=(0, (4, 2)))
        ax.set_ylabel(f"mean change of {what} ({unit})")
    ax.legend(fontsize=7.5, frameon=False, loc="upper left")


def _shares(ax: Axes, found: DoseResponse, against: str, limit: float, risk: float | None) -> None:
    """The share of people above a limit, with its interval."""
    for k, one in enumerate(found.schedules):
        shares = [share.estimate for share in found.above(limit, k)]
        x, colour = _x(found, one, against), COLOURS[k % len(COLOURS)]
        value, low, high = (
            100 * np.array([getattr(s, part) for s in shares], float) for part in ("value", "low", "high")
        )
        error = np.maximum([value - low, high - value], 0.0)
        ax.errorbar(x, value, error, fmt=MARKERS[k % len(MARKERS)] + "-", color=colour, ms=4.5, lw=1.2, capsize=2)
    ax.set_ylabel(f"above {limit:g} {in_print(found.unit)} (% of people)")
    ax.set_ylim(bottom=0)
    if risk is None:
        return
    ax.axhline(100 * risk, color="#b0382a", lw=0.8, ls=(0, (1, 2)))
    if against == "dose":
        dose = found.highest_dose(limit, risk)
        ends = np.clip([dose.low, dose.high], found.schedules[0].doses[0], found.schedules[0].doses[-1])
        ax.axvspan(*ends, color="#b0382a", alpha=0.08, lw=0)
        told = dose.told(found.schedules[0].doses, found.schedules[0].unit)
        ax.set_title(f"{100 * risk:g} % at {told}", fontsize=8.5)
