"""Indices of glucose metabolism, computed from curves.

Every function takes times (m,) in minutes and curves (n, m), one row per subject, glucose in mg/dL and
insulin in uU/mL, and gives an array (n,).
"""

from __future__ import annotations

import numpy as np

from mtorsim.units.conversions import MG_DL_PER_MMOL_L

__all__ = [
    "area",
    "at",
    "cgm",
    "gmi",
    "hbgi",
    "homa_b",
    "homa_ir",
    "incremental_area",
    "insulinogenic",
    "lbgi",
    "mage",
    "matsuda",
    "mean",
    "modd",
    "quicki",
]


def at(times: np.ndarray, curve: np.ndarray, minute: float) -> np.ndarray:
    """The curve at a minute, by linear interpolation."""
    j = int(np.clip(np.searchsorted(times, minute), 1, len(times) - 1))
    share = (minute - times[j - 1]) / (times[j] - times[j - 1])
    return curve[:, j - 1] * (1 - share) + curve[:, j] * share


def area(times: np.ndarray, curve: np.ndarray, since: float, until: float) -> np.ndarray:
    """Area under the curve by the trapezoid rule, in its unit times minutes."""
    inside = (times > since) & (times < until)
    t = np.concatenate([[since], times[inside], [until]])
    y = np.concatenate([at(times, curve, since)[:, None], curve[:, inside], at(times, curve, until)[:, None]], axis=1)
    # With rows contiguous in memory, a sum is the same to the bit for any number of subjects.
    return np.trapezoid(np.ascontiguousarray(y), t, axis=1)


def mean(times: np.ndarray, curve: np.ndarray, since: float, until: float) -> np.ndarray:
    """Mean over time."""
    return area(times, curve, since, until) / (until - since)


def incremental_area(times: np.ndarray, curve: np.ndarray, since: float, until: float) -> np.ndarray:
    """Area above the value at `since`, minus the area below it."""
    return area(times, curve, since, until) - (until - since) * at(times, curve, since)


def homa_ir(glucose: np.ndarray, insulin: np.ndarray) -> np.ndarray:
    """Homeostatic model of insulin resistance (Matthews 1985): insulin times glucose in mmol/L, over 22.5."""
    return insulin * glucose / MG_DL_PER_MMOL_L / 22.5


def homa_b(glucose: np.ndarray, insulin: np.ndarray) -> np.ndarray:
    """Homeostatic model of beta-cell function (Matthews 1985), %; NaN below 3.5 mmol/L."""
    over = glucose / MG_DL_PER_MMOL_L - 3.5
    return np.where(over > 0, 20 * insulin / np.where(over > 0, over, 1.0), np.nan)


def quicki(glucose: np.ndarray, insulin: np.ndarray) -> np.ndarray:
    """Quantitative insulin sensitivity check index (Katz 2000); NaN without insulin."""
    there = insulin * glucose > 1
    return np.where(there, 1 / np.log10(np.where(there, insulin * glucose, 10.0)), np.nan)


def matsuda(times: np.ndarray, glucose: np.ndarray, insulin: np.ndarray) -> np.ndarray:
    """Whole-body insulin sensitivity from an oral test (Matsuda 1999), with samples at 0, 30, 60, 90 and 120 min."""
    seen = (0, 30, 60, 90, 120)
    g = np.stack([at(times, glucose, m) for m in seen], axis=1)
    i = np.stack([at(times, insulin, m) for m in seen], axis=1)
    return 1e4 / np.sqrt(g[:, 0] * i[:, 0] * g.mean(axis=1) * i.mean(axis=1))


def insulinogenic(times: np.ndarray, glucose: np.ndarray, insulin: np.ndarray) -> np.ndarray:
    """Insulinogenic index: rise of insulin over rise of glucose in 30 min; NaN if glucose does not rise."""
    rise = at(times, glucose, 30) - at(times, glucose, 0)
    gain = at(times, insulin, 30) - at(times, insulin, 0)
    return np.where(rise > 0, gain / np.where(rise > 0, rise, 1.0), np.nan)


def gmi(glucose: np.ndarray) -> np.ndarray:
    """Glucose management indicator from mean glucose (Bergenstal 2018), %."""
    return 3.31 + 0.02392 * glucose


def lbgi(glucose: np.ndarray) -> np.ndarray:
    """Low blood glucose index (Kovatchev 2006): mean risk of the readings, 0 above 112.5 mg/dL."""
    return np.ascontiguousarray(10 * np.minimum(_risk(glucose), 0) ** 2).mean(axis=1)


def hbgi(glucose: np.ndarray) -> np.ndarray:
    """High blood glucose index (Kovatchev 2006): mean risk of the readings, 0 below 112.5 mg/dL."""
    return np.ascontiguousarray(10 * np.maximum(_risk(glucose), 0) ** 2).mean(axis=1)


def _risk(glucose: np.ndarray) -> np.ndarray:
    """Glucose on a scale on which 20 and 600 mg/dL are equally far from 112.5."""
    return 1.509 * (np.log(np.maximum(glucose, 1.0)) ** 1.084 - 5.381)


def modd(times: np.ndarray, glucose: np.ndarray, apart: float) -> np.ndarray:
    """Mean of daily differences (Molnar 1972): of readings 24 h apart, to within `apart` minutes; NaN if none are."""
    later = np.searchsorted(times, times + 1440 - apart)
    first = np.flatnonzero(later < len(times))
    second = later[first]
    # Of the two readings nearest to the same time on the next day, the nearer one.
    after = np.minimum(second + 1, len(times) - 1)
    second = np.where(
        np.abs(times[after] - times[first] - 1440) < np.abs(times[second] - times[first] - 1440), after, second
    )
    pairs = np.abs(times[second] - times[first] - 1440) <= apart
    if not pairs.any():
        return np.full(len(glucose), np.nan)
    return np.ascontiguousarray(np.abs(glucose[:, second[pairs]] - glucose[:, first[pairs]])).mean(axis=1)


def mage(glucose: np.ndarray) -> np.ndarray:
    """Mean amplitude of glycaemic excursions of more than 1 SD, up and down (Service 1970), 0 if there is none.

    Smaller reversals within an excursion are dropped before its amplitude is taken.
    """
    found = np.zeros(len(glucose))
    for i, curve in enumerate(glucose):
        legs = np.abs(np.diff(_turns(curve, float(curve.std(ddof=1)))))
        found[i] = legs.mean() if len(legs) else 0.0
    return found


def _turns(curve: np.ndarray, smallest: float) -> list[float]:
    """Peaks and nadirs of a curve, each of which differs from the one before by more than `smallest`."""
    turns: list[float] = []
    rising: bool | None = None
    low = high = float(curve[0])
    for value in curve.tolist():
        low, high = min(low, value), max(high, value)
        if rising is not True and value - low > smallest:
            turns, rising, high = [*turns, low], True, value
        elif rising is not False and high - value > smallest:
            turns, rising, low = [*turns, high], False, value
    if rising is not None:
        turns.append(high if rising else low)
    return turns


def cgm(glucose: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics of an evenly sampled CGM trace (Battelino 2019): mean, variability and times in range."""
    average = glucose.mean(axis=1)
    spread = glucose.std(axis=1, ddof=1)

    def share(low: float, high: float) -> np.ndarray:
        return 100 * ((glucose >= low) & (glucose <= high)).mean(axis=1)

    return {
        "mean_glucose": average,
        "sd_glucose": spread,
        "cv_glucose": 100 * spread / average,
        "time_70_180": share(70, 180),
        "time_70_140": share(70, 140),
        "time_71_120": share(71, 120),
        "time_above_180": 100 * (glucose > 180).mean(axis=1),
        "time_above_250": 100 * (glucose > 250).mean(axis=1),
        "time_below_70": 100 * (glucose < 70).mean(axis=1),
        "time_below_54": 100 * (glucose < 54).mean(axis=1),
        "mage": mage(glucose),
        "lbgi": lbgi(glucose),
        "hbgi": hbgi(glucose),
        "gmi": gmi(average),
    }
