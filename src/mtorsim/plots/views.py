"""Pictures of a result over time, against the dose, and of laboratory tests over each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.laboratory.findings import CURVES, Examination
from mtorsim.results.result import Result

from .style import COLOURS, DASHES, STYLE, Picture, band, figure_of, in_print, tick_weeks

__all__ = [
    "bands",
    "caption",
    "check_quantity",
    "difference",
    "disposition",
    "dose_response",
    "label_time",
    "named_arm",
    "new_axes",
    "ogtt",
    "spaghetti",
    "time_axis",
    "time_course",
    "title_of",
    "told",
]

LIMITS: Mapping[str, Sequence[tuple[float, str]]] = {
    "fasting_glucose": ((126.0, "diabetes, 126"), (160.0, "grade 2, 160"), (250.0, "grade 3, 250")),
    "hba1c": ((6.5, "diabetes, 6.5"),),
}
"""Limits drawn in a picture that reaches near them."""
NEAR = 0.85
"""Share of a limit that values must reach for it to be drawn."""


def time_course(result: Result, of: str = "fasting_glucose", *, ax: Axes | None = None) -> Figure:
    """Draw the median of a quantity over time, arm by arm, with the quartiles.

    Parameters
    ----------
    result
        A run's result.
    of
        An observable.
    ax
        Axes to draw into; default: a new figure.

    Raises
    ------
    ArgumentError
        If the result has no such quantity.

    Examples
    --------
    >>> import mtorsim as mt
    >>> figure = mt.plot.time_course(mt.simulate("ogtt"), "glucose")
    >>> figure.axes[0].get_ylabel()
    'Glucose (mg/dL)'
    """
    return _over_time(result, of, ax, lambda axis, *given: band(axis, *given, shades=1))


def bands(result: Result, of: str = "fasting_glucose", *, ax: Axes | None = None) -> Figure:
    """Draw the median with quartiles and with the 5th and 95th percentile; as `time_course`."""
    return _over_time(result, of, ax, lambda axis, *given: band(axis, *given, shades=2))


def spaghetti(result: Result, of: str = "fasting_glucose", *, subjects: int = 40, ax: Axes | None = None) -> Figure:
    """Draw the first subjects one by one; as `time_course`.

    Parameters
    ----------
    subjects
        Largest number of subjects.
    """

    def draw(axis: Axes, time: np.ndarray, values: np.ndarray, colour: str, dashes: Any) -> None:
        for row in values[:subjects]:
            axis.plot(time, row, color=colour, lw=0.7, alpha=0.45)
        band(axis, time, values, colour, dashes, shades=0)

    return _over_time(result, of, ax, draw)


def _over_time(
    result: Result, of: str, ax: Axes | None, draw: Callable[[Axes, np.ndarray, np.ndarray, str, Any], None]
) -> Figure:
    """Draw a quantity over time, one arm after the other."""
    check_quantity(result, of)
    with mpl.rc_context(STYLE):
        axis = new_axes(ax)
        time, unit = time_axis(result.visits.time.to_numpy())
        for arm, colour, dashes in _arms(result.manifest["arms"]):
            draw(axis, time, result.visits[of].sel(arm=arm).to_numpy(), colour, dashes)
            axis.plot([], [], color=colour, ls=dashes, lw=1.8, label=arm)
        label_time(axis, time, unit)
        axis.set_ylabel(title_of(of, result.manifest["observables"][of]))
        _limits(axis, of)
        axis.legend(frameon=False)
        return caption(axis, told(result))


def difference(
    result: Result, of: str = "fasting_glucose", *, versus: str | None = None, ax: Axes | None = None
) -> Figure:
    """Draw the difference from another arm in the same subjects over time: median, quartiles, 5th and 95th percentile.

    Parameters
    ----------
    versus
        The arm that is subtracted; default: the first without a drug, else the last.
    """
    check_quantity(result, of)
    arms = result.manifest["arms"]
    versus = named_arm(result, versus or _reference(result))
    with mpl.rc_context(STYLE):
        axis = new_axes(ax)
        time, unit = time_axis(result.visits.time.to_numpy())
        base = result.visits[of].sel(arm=versus).to_numpy()
        for arm, colour, dashes in _arms([a for a in arms if a != versus]):
            values = result.visits[of].sel(arm=arm).to_numpy() - base
            band(axis, time, values, colour, dashes, shades=2 if len(arms) < 4 else 1)
            axis.plot([], [], color=colour, ls=dashes, lw=1.8, label=arm)
        axis.axhline(0, color="#444444", lw=0.8)
        label_time(axis, time, unit)
        axis.set_ylabel(f"{title_of(of, result.manifest['observables'][of])}\ndifference from {versus}")
        axis.legend(frameon=False)
        return caption(axis, told(result))


def dose_response(
    result: Result, of: str = "fasting_glucose", *, at: float | None = None, ax: Axes | None = None
) -> Figure:
    """Draw a quantity against the dose of the arms: median, quartiles, 5th and 95th percentile.

    Parameters
    ----------
    at
        Time in hours; default: the last visit.

    Raises
    ------
    ArgumentError
        If the arms do not have doses of one drug; `mt.sweep` makes such arms.
    """
    check_quantity(result, of)
    doses = _doses(result)
    time = float(result.visits.time[-1]) if at is None else at
    with mpl.rc_context(STYLE):
        axis = new_axes(ax)
        there = sorted(doses, key=lambda arm: doses[arm])
        values = [result.visits[of].sel(arm=arm).sel(time=time, method="nearest").to_numpy() for arm in there]
        x = np.array([doses[arm] for arm in there])
        low, quarter, middle, three, high = np.nanquantile(np.stack(values), (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
        axis.fill_between(x, low, high, color=COLOURS[0], alpha=0.13, lw=0)
        axis.fill_between(x, quarter, three, color=COLOURS[0], alpha=0.22, lw=0)
        axis.plot(x, middle, "o-", color=COLOURS[0], ms=4.5, lw=1.6)
        unit, drug = _drug(result)
        axis.set_xlabel(f"{drug} ({unit})")
        axis.set_ylabel(title_of(of, result.manifest["observables"][of]))
        _limits(axis, of)
        shown, clock = time_axis(np.array([0.0, time]))
        return caption(axis, f"after {shown[1]:g} {clock}; {told(result)}")


def ogtt(
    *tests: Examination, labels: Sequence[str] | None = None, curve: str = "glucose", ax: Axes | None = None
) -> Figure:
    """Draw tests over each other, such as before and after a drug: medians and quartiles.

    Parameters
    ----------
    tests
        Results of `mt.examine`.
    labels
        A label for each; default: its arm.
    curve
        The curve, such as `glucose` or `insulin`.

    Raises
    ------
    ArgumentError
        If a test has no such curve.

    Examples
    --------
    >>> import mtorsim as mt
    >>> lean, ill = mt.examine("ogtt", "ngt"), mt.examine("ogtt", "t2d")
    >>> len(mt.plot.ogtt(lean, ill, labels=["healthy", "diabetic"]).axes[0].get_legend().get_texts())
    2
    """
    if not tests:
        raise ArgumentError("give at least one test", help='`mt.examine("ogtt", "ngt")` returns one')
    named = list(labels or [test.arm for test in tests])
    if len(named) != len(tests):
        raise ArgumentError(f"{len(named)} labels for {len(tests)} tests")
    with mpl.rc_context(STYLE):
        axis = new_axes(ax)
        for (label, colour, dashes), test in zip(_arms(named), tests, strict=True):
            if curve not in test.curves:
                help = choose_from(curve, test.curves)
                raise ArgumentError(f"this test has no curve `{curve}`", help=help)
            band(axis, test.minutes, test.curves[curve], colour, dashes, shades=1)
            axis.plot([], [], color=colour, ls=dashes, lw=1.8, label=label)
        if curve == "glucose" and tests[0].protocol.name == "ogtt":
            for value, words in ((140, "impaired at 120 min"), (200, "diabetes at 120 min")):
                axis.plot([105, 135], [value] * 2, color="#444444", lw=0.9, ls=(0, (4, 3)))
                axis.annotate(words, (137, value), fontsize=7.5, va="center", color="#444444")
        axis.set_xlabel("time (min)")
        axis.set_ylabel(title_of(curve, CURVES[curve][0]))
        axis.set_ylim(bottom=min(50.0, axis.get_ylim()[0]) if curve == "glucose" else 0)
        axis.legend(frameon=False)
        return caption(axis, "")


def disposition(*tests: Examination, labels: Sequence[str] | None = None, ax: Axes | None = None) -> Figure:
    """Draw the acute insulin response against insulin sensitivity by intravenous tests, with the typical hyperbola.

    Parameters
    ----------
    tests
        Results of `mt.examine("ivgtt", ...)`.
    labels
        A label for each; default: its arm.
    """
    named = list(labels or [test.arm for test in tests])
    with mpl.rc_context(STYLE):
        axis = new_axes(ax)
        products = []
        for (label, colour, _), test in zip(_arms(named), tests, strict=True):
            if not {"S_I", "AIRg"} <= set(test.indices):
                raise ArgumentError("a disposition plot needs intravenous tests", help='`mt.examine("ivgtt", ...)`')
            x, y = test.indices["S_I"][1], test.indices["AIRg"][1]
            axis.plot(x, y, "o", color=colour, ms=5, alpha=0.75, label=label)
            products.append(x * y)
        whole = np.concatenate(products)
        typical = float(np.nanmedian(whole[whole > 0])) if (whole > 0).any() else 0.0
        low, high = axis.get_xlim()
        x = np.linspace(max(low, 1e-3 * high), high, 200)
        axis.plot(x, typical / x, color="#444444", lw=0.9, ls=(0, (4, 3)), label=f"S_I x AIRg = {typical:.3g}")
        axis.set_ylim(0, 1.15 * max(float(np.nanmax(test.indices["AIRg"][1])) for test in tests))
        axis.set_xlabel(f"insulin sensitivity S_I ({in_print(tests[0].indices['S_I'][0])})")
        axis.set_ylabel(f"acute insulin response ({in_print(tests[0].indices['AIRg'][0])})")
        axis.legend(frameon=False)
        return caption(axis, "")


def new_axes(ax: Axes | None) -> Axes:
    """The caller's axes, or those of a new figure."""
    return Picture(figsize=(6.4, 3.8), layout="constrained").add_subplot() if ax is None else ax


def caption(axis: Axes, text: str) -> Figure:
    """The figure of some axes, with a caption below."""
    if text:
        axis.annotate(
            text,
            (0, 0),
            (0, -38),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=7.5,
            color="#555555",
            va="top",
            annotation_clip=False,
        )
    return figure_of(axis)


def _arms(names: Sequence[str]) -> Iterator[tuple[str, str, Any]]:
    """Each name with its colour and line."""
    return zip(names, itertools.cycle(COLOURS), itertools.cycle(DASHES))


def check_quantity(result: Result, of: str) -> None:
    """Raise if a result lacks a quantity."""
    if of not in result.visits or of == "status":
        known = [n for n in result.visits if n != "status"]
        help = choose_from(of, map(str, known))
        raise ArgumentError(f"the result has no `{of}`", help=help)


def named_arm(result: Result, name: str) -> str:
    """The name of an arm that the result has; raises otherwise."""
    arms = result.manifest["arms"]
    if name not in arms:
        raise ArgumentError(f"unknown arm `{name}`", help=choose_from(name, arms))
    return name


def time_axis(hours: np.ndarray) -> tuple[np.ndarray, str]:
    """Times in the unit of the axis, and its name."""
    end = float(hours.max(initial=0.0))
    if end > 21 * 24:
        return hours / 168.0, "weeks"
    return (hours / 24.0, "days") if end > 72 else (hours, "hours")


def label_time(axis: Axes, time: np.ndarray, unit: str) -> None:
    """Label the axis of time, with ticks where visits lie."""
    axis.set_xlabel(f"time ({unit})")
    if unit == "weeks":
        tick_weeks(axis, float(time.max()))


def title_of(name: str, unit: str) -> str:
    """A quantity in words, with its unit."""
    words = {"hba1c": "HbA1c", "c_peptide": "C-peptide", "ffa": "Free fatty acids", "mtorc1": "mTORC1 activity"}
    words |= {"mtorc2_liver": "mTORC2 activity in the liver", "mtorc2_muscle": "mTORC2 activity in muscle"}
    said = words.get(name, name.rpartition(".")[2].replace("_", " ").capitalize())
    return said if unit == "1" else f"{said} ({in_print(unit)})"


def _limits(axis: Axes, of: str) -> None:
    """Draw the limits that values come near."""
    top = axis.get_ylim()[1]
    for value, words in LIMITS.get(of, ()):
        if top > NEAR * value:
            axis.axhline(value, color="#444444", lw=0.8, ls=(0, (4, 3)))
            axis.annotate(
                words,
                (1.0, value),
                (-2, 2),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                fontsize=7.5,
                color="#444444",
            )


def told(result: Result) -> str:
    """How many subjects of which population a picture shows."""
    manifest = result.manifest
    n = manifest["subjects"]
    return f"{n:,} virtual subject{'s' if n > 1 else ''} of {manifest['population']}, seed {manifest['seed']}"


def _reference(result: Result) -> str:
    """The arm without a drug, else the last."""
    rules = result.manifest["rules"]
    idle = [a for a in result.manifest["arms"] if not any(rules[a]["amounts"])]
    named = [a for a in result.manifest["arms"] if a in ("placebo", "without", "untreated")]
    return (named or idle or result.manifest["arms"][-1:])[0]


def _doses(result: Result) -> dict[str, float]:
    """The dose of each arm that has one of the result's drug."""
    rules = result.manifest["rules"]
    doses = {arm: rules[arm]["amounts"][0] for arm in result.manifest["arms"] if len(rules[arm]["amounts"]) == 1}
    drugs = {rules[arm]["drugs"][0] for arm in doses}
    if len(doses) < 2 or len(drugs) != 1:
        help = 'make arms with `mt.sweep(scenario, {"everolimus.dose": ["2.5 mg", "5 mg"]})`'
        raise ArgumentError("a dose-response needs arms with different doses of one drug", help=help)
    placebo = [arm for arm in doses if arm in ("placebo", "without")]
    return doses | dict.fromkeys(placebo, 0.0)


def _drug(result: Result) -> tuple[str, str]:
    """Unit and name of the drug."""
    rules = next(r for r in result.manifest["rules"].values() if r["drugs"])
    return rules["units"][0], rules["drugs"][0]
