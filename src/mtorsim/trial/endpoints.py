"""Clinical endpoints of a trial: highest values and grades over its visits, incidence, onset, discontinuation."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mtorsim.results.limits import limits_of
from mtorsim.results.result import Result
from mtorsim.stats.shares import Estimate, paired_difference

from .report import (
    ArmReport,
    Change,
    ClassShare,
    Decision,
    Discontinuation,
    Incidence,
    Mean,
    NewDiabetes,
    Onset,
    Reported,
    Rise,
    VisitMean,
)
from .reporting import Reporting
from .values import ArmValues, effective_size, weighted_share

__all__ = ["about", "arm_report", "definition_of_diabetes", "difference", "incidence", "new_diabetes"]


DIABETES_GLUCOSE, DIABETES_HBA1C = 126.0, 6.5
"""ADA limits: fasting glucose at two consecutive visits, or HbA1c."""
LOW = {"<70": 70.0, "<54": 54.0}
DIABETES = (
    "fasting glucose >= 126 mg/dL at two visits in a row, or HbA1c >= 6.5 %; neither at baseline, nor known before"
)
BY_HBA1C = "HbA1c >= 6.5 %, not at baseline, nor known before; glucose was not fasting"


def arm_report(result: Result, values: ArmValues, uln: float, reporting: Reporting | None) -> ArmReport:
    """Compute the endpoints of one arm.

    Parameters
    ----------
    result
        Result of the run.
    values
        Values of all subjects.
    uln
        mg/dL.
    reporting
        Reporting layer from grades to adverse events; None for none.
    """
    limits, after = limits_of(uln), values.times > 0
    ae = None
    if reporting is not None and values.measured:
        ae = Reported(**{k: Estimate(v) for k, v in reporting.shares(values.grade, values.weights).items()})
    visits = zip(values.times.tolist(), values.glucose.T, strict=True)
    return ArmReport(
        n=len(values.weights),
        n_effective=effective_size(values.weights),
        share={name: values.share(values.worst > limit) for name, limit in limits.items()},
        grades={str(grade): values.share(values.grade == grade) for grade in range(5)},
        ae=ae,
        glucose=tuple(
            VisitMean(**vars(_mean(glucose, values.weights)), time_h=time, week=time / 168) for time, glucose in visits
        ),
        hba1c_change=_hba1c_change(values),
        by_baseline=_by_baseline(values),
        rise=_rise(values),
        new_onset_diabetes=_new_diabetes(values),
        time_to={name: _onset(values, limit) for name, limit in limits.items()},
        weeks_above={name: _weeks_above(values, limit) if values.measured else None for name, limit in limits.items()},
        hypoglycaemia={n: values.share((values.glucose[:, after] < low).any(axis=1)) for n, low in LOW.items()},
        discontinuation=_discontinuation(result, values),
        dose_intensity=_intensity(result, values),
        decisions=_decisions(result, values),
    )


def _mean(values: np.ndarray, weights: np.ndarray) -> Mean:
    """Weighted mean and SD of subjects on study."""
    there = np.isfinite(values)
    if not there.any():
        return Mean(0, None, None)
    w, x = weights[there] / weights[there].sum(), values[there]
    mean = float(w @ x)
    return Mean(int(there.sum()), mean, math.sqrt(float(w @ (x - mean) ** 2)))


def _hba1c_change(values: ArmValues) -> Change:
    """Change from the first visit to each subject's last, percentage points."""
    hba1c = values.hba1c
    there = np.isfinite(hba1c)
    last = np.where(there.any(axis=1), hba1c.shape[1] - 1 - there[:, ::-1].argmax(axis=1), 0)
    change = hba1c[np.arange(len(hba1c)), last] - hba1c[:, 0]
    # Subjects with a single visit have no change.
    change[last == 0] = np.nan
    mean = _mean(change, values.weights)
    return Change(**vars(mean), unit="percentage points", between="first and last visit of each subject")


def new_diabetes(values: ArmValues) -> tuple[np.ndarray, np.ndarray]:
    """Masks of subjects who reach the ADA limits, and of those without diabetes at baseline, (n,) each.

    The first are among the second. Limits as recalled from the ADA's standards of care.
    """
    glucose, hba1c, after = values.glucose, values.hba1c, values.times > 0
    at_start = values.known | ((glucose[:, 0] >= DIABETES_GLUCOSE) & values.fasting) | (hba1c[:, 0] >= DIABETES_HBA1C)
    free = ~at_start & np.isfinite(hba1c[:, 0]) & (values.times[0] == 0)
    high = (glucose[:, after] >= DIABETES_GLUCOSE) & values.fasting
    twice = (high[:, 1:] & high[:, :-1]).any(axis=1) if high.shape[1] > 1 else np.zeros(len(glucose), bool)
    return (twice | (hba1c[:, after] >= DIABETES_HBA1C).any(axis=1)) & free, free


def definition_of_diabetes(values: ArmValues) -> str:
    """How new diabetes is told, in words."""
    return DIABETES if values.fasting else BY_HBA1C


def _new_diabetes(values: ArmValues) -> NewDiabetes:
    """Share of subjects without diabetes at baseline who reach the ADA limits."""
    new, free = new_diabetes(values)
    said = definition_of_diabetes(values)
    if not free.any():
        return NewDiabetes(definition=said)
    return NewDiabetes(**vars(weighted_share(new[free], values.weights[free])), of=int(free.sum()), definition=said)


SEVERE = 250.0
"""Above which glucose is grade 3, mg/dL."""
CLASSES = {
    "< 100": (-np.inf, 100.0),
    "100 to 125": (100.0, DIABETES_GLUCOSE),
    "126 and more": (DIABETES_GLUCOSE, np.inf),
}


def _by_baseline(values: ArmValues) -> dict[str, ClassShare]:
    """Share above 250 mg/dL by measured glucose at baseline, and of those with known diabetes."""
    first = values.glucose[:, 0] if values.times[0] == 0 else np.full(len(values.weights), np.nan)
    classes = {name: ~values.known & (first >= low) & (first < high) for name, (low, high) in CLASSES.items()}
    classes["known diabetes"] = values.known
    found = {}
    for name, mine in classes.items():
        share = Estimate()
        if mine.any() and values.measured:
            share = weighted_share(values.worst[mine] > SEVERE, values.weights[mine])
        found[name] = ClassShare(**vars(share), of=int(mine.sum()))
    return found


def _rise(values: ArmValues) -> Rise:
    """Quantiles of the highest value after baseline minus the value at baseline."""
    rise = values.worst - values.glucose[:, 0]
    there = np.isfinite(rise) & (values.times[0] == 0)
    if not there.any():
        return Rise(0)
    at = np.quantile(rise[there], (0.05, 0.25, 0.5, 0.75, 0.95), weights=values.weights[there], method="inverted_cdf")
    return Rise(int(there.sum()), *map(float, at))


def incidence(
    glucose: np.ndarray, times: np.ndarray, left: np.ndarray, limit: float, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative share of subjects above a limit by visit after baseline; subjects who leave are censored.

    Weighted Kaplan-Meier estimate.

    Returns
    -------
    times, shares
        Shape (visits after the start,).
    """
    after = np.flatnonzero(times > 0)
    with np.errstate(invalid="ignore"):
        above = glucose[:, after] > limit
    first = np.where(above.any(axis=1), above.argmax(axis=1), len(after))
    shares, free = [], 1.0
    for k, v in enumerate(after):
        at_risk = (first >= k) & (left >= times[v]) & np.isfinite(glucose[:, v])
        total = weights[at_risk].sum()
        if total > 0:
            free *= 1.0 - weights[at_risk & (first == k)].sum() / total
        shares.append(1.0 - free)
    return times[after], np.array(shares)


def _onset(values: ArmValues, limit: float) -> Onset:
    """Time of first exceeding a limit, and the incidence over time."""
    if not values.measured:
        return Onset(None, ())
    after = values.times > 0
    with np.errstate(invalid="ignore"):
        above = values.glucose[:, after] > limit
    hit = above.any(axis=1)
    weeks = values.times[after][above.argmax(axis=1)] / 168
    at, shares = incidence(values.glucose, values.times, values.left, limit, values.weights)
    median = None
    if hit.any():
        median = float(np.quantile(weeks[hit], 0.5, weights=values.weights[hit], method="inverted_cdf"))
    return Onset(median, tuple(Incidence(float(t) / 168, float(s)) for t, s in zip(at, shares, strict=True)))


def _weeks_above(values: ArmValues, limit: float) -> float:
    """Mean weeks above a limit, carrying each value forward to the next visit or to leaving."""
    times = values.times
    ends = np.minimum(np.append(times[1:], times[-1])[None, :], values.left[:, None])
    span = np.maximum(ends - times[None, :], 0.0)
    with np.errstate(invalid="ignore"):
        weeks = (span * (values.glucose > limit)).sum(axis=1) / 168
    return float(values.weights @ weeks / values.weights.sum())


def _discontinuation(result: Result, values: ArmValues) -> Discontinuation:
    """Subjects who left the study, and those whose treatment a rule stopped."""
    weights, gone = values.weights, values.left <= float(result.manifest["duration_h"])
    until = np.where(gone, values.left, np.inf)
    median = float(np.quantile(until, 0.5, weights=weights, method="inverted_cdf"))
    ledger = result.ledger
    ledger = ledger[ledger["arm"] == values.arm]
    by_rule = set(ledger[(ledger["what"] == "leave") & (ledger["rule"] != "")]["subject"])
    subjects = result.visits.subject.to_numpy()
    return Discontinuation(
        left=weighted_share(gone, weights),
        median_week=median / 168 if np.isfinite(median) else None,
        left_by_rule=weighted_share(np.isin(subjects, list(by_rule)), weights),
        treatment_stopped=weighted_share(np.isin(subjects, list(about(result, values.arm, "stop"))), weights),
    )


def about(result: Result, arm: str, what: str) -> set[int]:
    """Subjects with a decision of some kind, such as a hold, a stop or rescue."""
    ledger = result.ledger
    told = result.manifest["rules"][arm]
    first = [d for d, dormant in zip(told["drugs"], told["dormant"], strict=True) if not dormant]
    mine = (ledger["arm"] == arm) & (ledger["what"] == what)
    if what != "start":
        mine &= ledger["drug"].isin(first)
    return set(np.asarray(ledger["subject"])[np.asarray(mine)].tolist())


def _intensity(result: Result, values: ArmValues) -> dict[str, float | None]:
    """Mean dose intensity of each drug while on study."""
    table, weights = result.treatment, values.weights
    table = table[table["arm"] == values.arm]
    found = {}
    for drug, part in table.groupby("drug", sort=False):
        if not drug:
            continue
        share = np.asarray(part["dose_intensity"], float)
        there = np.isfinite(share)
        found[str(drug)] = float(weights[there] @ share[there] / weights[there].sum()) if there.any() else None
    return found


def _decisions(result: Result, values: ArmValues) -> tuple[Decision, ...]:
    """Share of subjects affected by each rule and action."""
    ledger = result.ledger
    ledger = ledger[(ledger["arm"] == values.arm) & (ledger["rule"] != "")]
    subjects = result.visits.subject.to_numpy()
    found = []
    for key, part in ledger.groupby(["rule", "drug", "what"], sort=False):
        rule, drug, what = (str(k) for k in (key if isinstance(key, tuple) else (key,)))
        hit = np.isin(subjects, np.asarray(part["subject"]))
        found.append(Decision(rule, drug, what, int(hit.sum()), len(part), weighted_share(hit, values.weights)))
    return tuple(found)


def difference(arm: ArmValues, reference: ArmValues, limits: Mapping[str, float]) -> dict[str, Estimate]:
    """Difference of shares above each limit, arm minus reference, paired since both have the same subjects."""
    if not arm.measured or not reference.measured:
        return dict.fromkeys(limits, Estimate())
    found = {}
    # Counts are scaled to the effective sample size.
    w = arm.weights / arm.weights.sum() * effective_size(arm.weights)
    for name, limit in limits.items():
        a, b = arm.worst > limit, reference.worst > limit
        found[name] = Estimate(*paired_difference(*(float(w @ cell) for cell in (a & b, a & ~b, ~a & b, ~a & ~b))))
    return found
