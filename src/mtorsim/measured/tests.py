"""Indices of measured samples, one function per kind of test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mtorsim.protocols import indices as ix
from mtorsim.protocols.clamp import SPACE, STEADY
from mtorsim.protocols.minimal_model import MIXED, fit_minimal_model

from .samples import Samples, Series

__all__ = ["TESTS", "Found"]

ORAL = (0.0, 30.0, 60.0, 90.0, 120.0)
"""Sampling times of the original Matsuda index."""
FEWEST = 8
"""Samples after mixing that a fit of the minimal model needs."""
ACTIVE = 70.0
"""Share of readings, %, below which a sensor's metrics are not representative (Battelino 2019)."""


@dataclass
class Found:
    """Indices of one series.

    Attributes
    ----------
    indices
        Unit and value of each index; NaN if it cannot be computed.
    notes
        Why not, and how.
    """

    indices: dict[str, tuple[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, value: float | np.ndarray) -> None:
        """Add an index, from a number or an array of one."""
        self.indices[name] = unit, float(np.asarray(value).reshape(-1)[0])

    def value(self, name: str) -> float:
        """The value of an index that was added."""
        return self.indices[name][1]


def fasting(samples: Samples, window: Sequence[float] | None = None) -> Found:
    """Fasting concentrations, HOMA and QUICKI, from the mean of the samples at minute 0 and before."""
    found = Found()
    glucose, insulin = (samples.get(name).basal for name in ("glucose", "insulin"))
    found.add("fasting_glucose", "mg/dL", glucose)
    found.add("fasting_insulin", "uU/mL", insulin)
    if "c_peptide" in samples.series:
        found.add("fasting_c_peptide", "ng/mL", samples.get("c_peptide").basal)
    found.add("homa_ir", "1", ix.homa_ir(np.array([glucose]), np.array([insulin])))
    found.add("homa_b", "%", ix.homa_b(np.array([glucose]), np.array([insulin])))
    found.add("quicki", "1", ix.quicki(np.array([glucose]), np.array([insulin])))
    before = [len(s.minutes[s.minutes <= 0]) for s in samples.series.values()]
    if max(before, default=0) > 1:
        found.notes.append(f"basal values are means of {max(before)} samples")
    if not before or not min(before):
        found.notes.append("a fasting sample, at minute 0 or before, is missing")
    return found


def oral(samples: Samples, window: Sequence[float] | None = None) -> Found:
    """Indices of an oral glucose tolerance or meal test, over its first two hours."""
    found = fasting(samples)
    glucose, insulin = samples.get("glucose").from_zero(), samples.get("insulin").from_zero()
    for name, series, unit in (("glucose", glucose, "mg/dL"), ("insulin", insulin, "uU/mL")):
        for minute in (30, 60, 120):
            found.add(f"{name}_{minute}", unit, series.at(minute))
        found.add(f"peak_{name}", unit, series.values.max() if len(series) else np.nan)
        found.add(f"peak_{name}_time", "min", series.minutes[series.values.argmax()] if len(series) else np.nan)
    _areas(found, "glucose", glucose, "mg/dL*min")
    _areas(found, "insulin", insulin, "uU/mL*min")
    if "c_peptide" in samples.series:
        _areas(found, "c_peptide", samples.get("c_peptide").from_zero(), "ng/mL*min")
    _matsuda(found, glucose, insulin)
    rise, gain = glucose.at(30) - glucose.at(0), insulin.at(30) - insulin.at(0)
    index = gain / rise if rise > 0 else np.nan
    found.add("insulinogenic_index", "uU/mL/(mg/dL)", index)
    if not rise > 0:
        found.notes.append(
            "insulinogenic_index needs a rise of glucose"
            if rise <= 0
            else "insulinogenic_index needs samples at 30 min"
        )
    found.add("oral_disposition_index", "1e-4/(mg/dL)**2", index * found.value("matsuda"))
    ratio = found.value("insulin_area") / found.value("glucose_area")
    found.add("issi_2", "1e-4/(mg/dL)**2", ratio * found.value("matsuda"))
    return found


def _areas(found: Found, name: str, series: Series, unit: str) -> None:
    """Areas by trapezoids over two hours, and to the last sample."""
    for text, until in (("area", 120.0), ("area_to_last", float(series.minutes[-1]) if len(series) else np.nan)):
        covered = series.covers(until)
        found.add(f"{name}_{text}", unit, ix.area(series.minutes, series.row, 0, until) if covered else np.nan)
        above = ix.incremental_area(series.minutes, series.row, 0, until) if covered else np.nan
        found.add(f"{name}_{text}_above_fasting", unit, above)
    if len(series) and not series.covers(120):
        found.notes.append(f"{name} was not sampled from 0 to 120 min, which its areas need")


def _matsuda(found: Found, glucose: Series, insulin: Series) -> None:
    """Matsuda index: the original one of five samples, and by trapezoids over all samples of two hours.

    The authors' web calculator uses trapezoids; with fewer samples only they are defined (DeFronzo 2010).
    """
    unit = "1e-4/(mg/dL*uU/mL)"
    covered = glucose.covers(120) and insulin.covers(120)
    means = [ix.mean(s.minutes, s.row, 0, 120)[0] if covered else np.nan for s in (glucose, insulin)]
    fasting = glucose.at(0) * insulin.at(0)
    plain = [np.mean([s.at(t) for t in ORAL]) for s in (glucose, insulin)]
    trapezoid, original = (1e4 / np.sqrt(p) if (p := fasting * m[0] * m[1]) > 0 else np.nan for m in (means, plain))
    if covered and np.isnan(original):
        times = [", ".join(f"{t:g}" for t in s.minutes if t <= 120) for s in (glucose, insulin)]
        both = times[0] if times[0] == times[1] else f"{times[0]} min (glucose) and {times[1]}"
        found.notes.append(f"matsuda is by trapezoids over samples at {both} min")
    found.add("matsuda", unit, trapezoid if np.isnan(original) else original)
    found.add("matsuda_trapezoids", unit, trapezoid)


def intravenous(samples: Samples, window: Sequence[float] | None = None) -> Found:
    """Minimal model, acute insulin response and disposition index of an intravenous glucose tolerance test."""
    found = fasting(samples)
    glucose, insulin = samples.get("glucose").from_zero(), samples.get("insulin").from_zero()
    both = np.intersect1d(glucose.minutes, insulin.minutes)
    g, i = (np.interp(both, s.minutes, s.values) if len(s) else np.zeros(0) for s in (glucose, insulin))
    fitted = (np.nan,) * 5
    if len(both) and both[0] == 0 and (both >= MIXED).sum() >= FEWEST:
        fit = fit_minimal_model(both, g, i)
        fitted = (fit.S_G, 1e4 * fit.S_I, fit.p2, fit.G_0, 100 * fit.cv)
    else:
        found.notes.append(f"the minimal model needs {FEWEST} samples of glucose and insulin after {MIXED:g} min")
    units = ("1/min", "1e-4/min/(uU/mL)", "1/min", "mg/dL", "%")
    for name, unit, value in zip(("S_G", "S_I", "p2", "G_0", "minimal_model_residual"), units, fitted, strict=True):
        found.add(name, unit, value)
    first = (insulin.minutes >= 2) & (insulin.minutes <= 10)
    airg = insulin.values[first].mean() - insulin.basal if first.any() else np.nan
    found.add("AIRg", "uU/mL", airg)
    found.add("disposition_index", "1e-4/min", fitted[1] * airg)
    late = (glucose.minutes >= 10) & (glucose.minutes <= 19)
    slope = np.polyfit(glucose.minutes[late], np.log(glucose.values[late]), 1)[0] if late.sum() > 1 else np.nan
    found.add("K_G", "%/min", -100 * slope)
    return found


def clamp(samples: Samples, window: Sequence[float] | None = None) -> Found:
    """M value and insulin sensitivity of a euglycaemic clamp, over its last half hour or a given window."""
    found = fasting(samples)
    infusion, glucose, insulin = (samples.get(n) for n in ("glucose_infusion", "glucose", "insulin"))
    last = float(infusion.minutes[-1]) if len(infusion) else np.nan
    since, until = (last - STEADY, last) if window is None else (float(window[0]), float(window[1]))
    inside = {n: (s.minutes >= since) & (s.minutes <= until) for n, s in samples.series.items()}

    def mean(name: str) -> float:
        """Mean over the samples in the window."""
        return float(samples.get(name).values[inside[name]].mean()) if name in inside and inside[name].any() else np.nan

    there = glucose.minutes[inside["glucose"]] if "glucose" in inside else np.zeros(0)
    level = glucose.values[inside["glucose"]] if len(there) else np.zeros(0)
    # Space correction: glucose that changes its pool is not metabolised (DeFronzo 1979).
    change = float(np.polyfit(there, level, 1)[0]) if len(there) > 1 else np.nan
    m = mean("glucose_infusion") - SPACE * change
    found.add("M", "mg/kg/min", m)
    found.add("M_uncorrected", "mg/kg/min", mean("glucose_infusion"))
    found.add("glucose", "mg/dL", mean("glucose"))
    found.add("glucose_cv", "%", 100 * level.std(ddof=1) / level.mean() if len(level) > 1 else np.nan)
    found.add("insulin", "uU/mL", mean("insulin"))
    found.add("M_over_I", "mg/kg/min/(uU/mL)", m / mean("insulin"))
    rise = mean("insulin") - insulin.basal
    found.add("S_I_clamp", "1e-4 dL/kg/min/(uU/mL)", 1e4 * m / (mean("glucose") * rise) if rise > 0 else np.nan)
    if last == last:
        found.notes.append(f"means over {since:g} to {until:g} min; M less the space correction ({SPACE:g} dL/kg)")
    else:
        found.notes.append("a clamp needs a column of the glucose infusion rate")
    if found.value("glucose_cv") > 5:
        found.notes.append(f"glucose was not steady: its CV is {found.value('glucose_cv'):.1f} %")
    return found


def sensor(samples: Samples, window: Sequence[float] | None = None) -> Found:
    """Mean, variability, times in range and risk indices of a continuous glucose monitor."""
    found = Found()
    series = samples.get("glucose")
    if len(series) < 2:
        found.notes.append("fewer than two readings")
        return found
    every = float(np.median(np.diff(series.minutes)))
    length = float(series.minutes[-1] - series.minutes[0])
    expected = round(length / every) + 1
    found.add("days", "d", (length + every) / 1440)
    found.add("readings", "1", float(len(series)))
    found.add("active", "%", min(100.0, 100 * len(series) / expected))
    units = {"mean_glucose": "mg/dL", "sd_glucose": "mg/dL", "mage": "mg/dL", "lbgi": "1", "hbgi": "1"}
    for name, value in ix.cgm(series.row).items():
        found.add(name, units.get(name, "%"), value)
    found.add("modd", "mg/dL", ix.modd(series.minutes, series.row, every / 2))
    if found.value("active") < ACTIVE:
        found.notes.append(f"only {found.value('active'):.0f} % of the readings of its time are there")
    if found.value("days") < 14:
        found.notes.append(f"{found.value('days'):.1f} days of readings; 14 are recommended")
    return found


TESTS: Mapping[str, Callable[[Samples, Sequence[float] | None], Found]] = {
    "fasting": fasting,
    "ogtt": oral,
    "mixed-meal": oral,
    "ivgtt": intravenous,
    "clamp": clamp,
    "cgm": sensor,
}
"""Function from samples and a window to indices, by kind of test."""
