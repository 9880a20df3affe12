"""Clinical endpoints of a trial: worst values and grades over its own visits, incidence, onset, discontinuation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtorsim.results.limits import worst_fasting
from mtorsim.results.result import Result
from mtorsim.scenario.grades import Grading
from mtorsim.stats.shares import Share, paired_difference

from .reporting import Reporting

__all__ = ["LIMITS", "ArmEndpoints", "about", "arm_endpoints", "difference", "incidence", "limits_of"]


LIMITS = {">126": 126.0, ">160": 160.0, ">250": 250.0, ">500": 500.0}
"""mg/dL, beside the laboratory's own upper limit of normal."""
DIABETES_GLUCOSE, DIABETES_HBA1C = 126.0, 6.5
"""The ADA's limits: fasting glucose at two visits in a row, or HbA1c."""
LOW = {"<70": 70.0, "<54": 54.0}
KNOWN = "group diabetic"
"""What people are marked with who are known diabetics before the start."""
_NOTHING = {"value": None, "low": None, "high": None}


@dataclass(frozen=True)
class ArmEndpoints:
    """What is needed of one arm, subject by subject.

    Attributes
    ----------
    weights
        Of the subjects (n,).
    worst, grade
        Worst measured fasting glucose after the start, -inf where none was measured; and its grade (n,).
    glucose
        Measured fasting glucose at each visit (n, visits), NaN where a subject was not there.
    times
        Of the visits, hours.
    left
        When each left, hours, infinite for those who stayed (n,).
    values
        Everything that is reported, as it stands in the JSON.
    """

    name: str
    weights: np.ndarray
    worst: np.ndarray
    grade: np.ndarray
    glucose: np.ndarray
    times: np.ndarray
    left: np.ndarray
    values: Mapping[str, Any]


def limits_of(uln: float) -> dict[str, float]:
    """Every limit by its name, mg/dL."""
    return {">ULN": uln, **LIMITS}


def arm_endpoints(
    result: Result, arm: str, grading: Grading, uln: float, reporting: Reporting | None, weights: np.ndarray
) -> ArmEndpoints:
    """Endpoints of one arm.

    Parameters
    ----------
    result
        Of the run.
    grading
        Version of the CTCAE.
    uln
        mg/dL.
    reporting
        The layer from grades to reported events; None for none.
    weights
        Of the subjects, (n,).
    """
    visits = result.visits.sel(arm=arm)
    glucose = visits[result.manifest["graded"]].to_numpy()
    times = visits.time.to_numpy()
    # Somebody who failed counts in every denominator, as not above any limit.
    worst = worst_fasting(glucose, times)
    grade = grading.of(worst)
    left = result.left[arm]
    end = float(result.manifest["duration_h"])
    hba1c = visits["hba1c_measured" if "hba1c_measured" in visits else "hba1c"].to_numpy()
    # What nobody measured is no rate of 0.
    measured = np.isfinite(glucose[:, times > 0]).any()
    limits = limits_of(uln)
    values: dict[str, Any] = {
        "n": len(weights),
        "n_effective": _size(weights),
        "share": {n: _share(worst > limit, weights, measured) for n, limit in limits.items()},
        "grades": {str(g): _share(grade == g, weights, measured) for g in range(5)},
        "ae": None
        if reporting is None or not measured
        else {k: {"value": v} for k, v in reporting.shares(grade, weights).items()},
        "fasting_glucose": [
            {"time_h": float(t), "week": float(t) / 168, **_mean(glucose[:, v], weights)} for v, t in enumerate(times)
        ],
        "hba1c_change": _hba1c_change(hba1c, weights),
        "new_onset_diabetes": _new_diabetes(glucose, hba1c, times, _known(result), weights),
        "time_to": {n: _onset(glucose, times, left, limit, weights, measured) for n, limit in limits.items()},
        "weeks_above": {
            n: _weeks_above(glucose, times, left, limit, weights) if measured else None for n, limit in limits.items()
        },
        "hypoglycaemia": {
            n: _share((glucose[:, times > 0] < limit).any(axis=1), weights, measured) for n, limit in LOW.items()
        },
        "discontinuation": _discontinuation(result, arm, left, end, weights),
        "dose_intensity": _intensity(result, arm, weights),
        "decisions": _decisions(result, arm, weights),
    }
    return ArmEndpoints(arm, weights, worst, grade, glucose, times, left, values)


def _size(weights: np.ndarray) -> float:
    """Kish's effective number of subjects."""
    return round(float(weights.sum() ** 2 / (weights @ weights)), 1)


def _share(hit: np.ndarray, weights: np.ndarray, measured: bool = True) -> dict[str, float | None]:
    """A weighted share with its Wilson interval; none where nothing was measured."""
    if not measured:
        return dict(_NOTHING)
    n, total = len(weights), weights.sum()
    return Share(float(weights @ hit / total * n), n, float(total**2 / (weights @ weights))).as_dict()


def _mean(values: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """Weighted mean and SD of those who were there."""
    there = np.isfinite(values)
    if not there.any():
        return {"n": 0, "mean": None, "sd": None}
    w, x = weights[there] / weights[there].sum(), values[there]
    mean = float(w @ x)
    return {"n": int(there.sum()), "mean": mean, "sd": math.sqrt(float(w @ (x - mean) ** 2))}


def _hba1c_change(hba1c: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """Change from the first visit to each subject's last, percentage points."""
    there = np.isfinite(hba1c)
    last = np.where(there.any(axis=1), hba1c.shape[1] - 1 - there[:, ::-1].argmax(axis=1), 0)
    change = hba1c[np.arange(len(hba1c)), last] - hba1c[:, 0]
    # Who was seen once has no change.
    change[last == 0] = np.nan
    return {"unit": "percentage points", "from": "first to last visit of each subject", **_mean(change, weights)}


def _known(result: Result) -> np.ndarray:
    """Who is a known diabetic before the start, (n,)."""
    people = result.people
    n = len(people)
    return np.asarray(people[KNOWN], float) == 1 if KNOWN in people else np.zeros(n, bool)


def _new_diabetes(
    glucose: np.ndarray, hba1c: np.ndarray, times: np.ndarray, known: np.ndarray, weights: np.ndarray
) -> dict[str, Any]:
    """Share of those without diabetes at the start who reach the ADA's limits."""
    at_start = known | (glucose[:, 0] >= DIABETES_GLUCOSE) | (hba1c[:, 0] >= DIABETES_HBA1C)
    free = ~at_start & np.isfinite(hba1c[:, 0]) & (times[0] == 0)
    after = times > 0
    high = glucose[:, after] >= DIABETES_GLUCOSE
    twice = (high[:, 1:] & high[:, :-1]).any(axis=1) if high.shape[1] > 1 else np.zeros(len(glucose), bool)
    new = (twice | (hba1c[:, after] >= DIABETES_HBA1C).any(axis=1)) & free
    definition = (
        "fasting glucose >= 126 mg/dL at two visits in a row, or HbA1c >= 6.5 %; neither at the start, nor known before"
    )
    if not free.any():
        return {"of": 0, **_NOTHING, "definition": definition}
    return {"of": int(free.sum()), **_share(new[free], weights[free]), "definition": definition}


def incidence(
    glucose: np.ndarray, times: np.ndarray, left: np.ndarray, limit: float, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of subjects who have passed a limit by each visit after the start, those who leave being censored.

    Kaplan and Meier, with weights.

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


def _onset(
    glucose: np.ndarray, times: np.ndarray, left: np.ndarray, limit: float, weights: np.ndarray, measured: bool
) -> dict[str, Any]:
    """When those who pass a limit first do, and the incidence over time."""
    if not measured:
        return {"median_week_of_those": None, "incidence": []}
    after = times > 0
    with np.errstate(invalid="ignore"):
        above = glucose[:, after] > limit
    hit = above.any(axis=1)
    weeks = times[after][above.argmax(axis=1)] / 168
    at, shares = incidence(glucose, times, left, limit, weights)
    median = None
    if hit.any():
        median = float(np.quantile(weeks[hit], 0.5, weights=weights[hit], method="inverted_cdf"))
    return {
        "median_week_of_those": median,
        "incidence": [{"week": float(t) / 168, "value": float(s)} for t, s in zip(at, shares, strict=True)],
    }


def _weeks_above(glucose: np.ndarray, times: np.ndarray, left: np.ndarray, limit: float, weights: np.ndarray) -> float:
    """Mean weeks above a limit, each value standing until the next visit or until the subject leaves."""
    ends = np.minimum(np.append(times[1:], times[-1])[None, :], left[:, None])
    span = np.maximum(ends - times[None, :], 0.0)
    with np.errstate(invalid="ignore"):
        weeks = (span * (glucose > limit)).sum(axis=1) / 168
    return float(weights @ weeks / weights.sum())


def _discontinuation(result: Result, arm: str, left: np.ndarray, end: float, weights: np.ndarray) -> dict[str, Any]:
    """Who left the study, and whose treatment was ended by a rule."""
    gone = left <= end
    median = float(np.quantile(np.where(gone, left, np.inf), 0.5, weights=weights, method="inverted_cdf"))
    ledger = result.ledger
    ledger = ledger[ledger["arm"] == arm]
    by_rule = set(ledger[(ledger["what"] == "leave") & (ledger["rule"] != "")]["subject"])
    subjects = result.visits.subject.to_numpy()
    return {
        "left": _share(gone, weights),
        "median_week": median / 168 if np.isfinite(median) else None,
        "left_by_rule": _share(np.isin(subjects, list(by_rule)), weights),
        "treatment_stopped": _share(np.isin(subjects, list(about(result, arm, "stop"))), weights),
    }


def about(result: Result, arm: str, what: str) -> set[int]:
    """Subjects about whom something was done: a treatment held or stopped, a rescue started."""
    ledger = result.ledger
    told = result.manifest["rules"][arm]
    first = [d for d, dormant in zip(told["drugs"], told["dormant"], strict=True) if not dormant]
    mine = (ledger["arm"] == arm) & (ledger["what"] == what)
    if what != "start":
        mine &= ledger["drug"].isin(first)
    return set(np.asarray(ledger["subject"])[np.asarray(mine)].tolist())


def _intensity(result: Result, arm: str, weights: np.ndarray) -> dict[str, Any]:
    """Mean share of each drug's planned amount that was given while subjects were there."""
    table = result.treatment
    table = table[table["arm"] == arm]
    found = {}
    for drug, part in table.groupby("drug", sort=False):
        if not drug:
            continue
        given = np.asarray(part["dose_intensity"], float)
        there = np.isfinite(given)
        found[str(drug)] = float(weights[there] @ given[there] / weights[there].sum()) if there.any() else None
    return found


def _decisions(result: Result, arm: str, weights: np.ndarray) -> list[dict[str, Any]]:
    """Share of subjects about whom each rule did each thing."""
    ledger = result.ledger
    ledger = ledger[(ledger["arm"] == arm) & (ledger["rule"] != "")]
    subjects = result.visits.subject.to_numpy()
    rows = []
    for key, part in ledger.groupby(["rule", "drug", "what"], sort=False):
        rule, drug, what = (str(k) for k in (key if isinstance(key, tuple) else (key,)))
        hit = np.isin(subjects, np.asarray(part["subject"]))
        rows.append(
            {
                "rule": rule,
                "drug": drug,
                "what": what,
                "subjects": int(hit.sum()),
                "times": len(part),
                **_share(hit, weights),
            }
        )
    return rows


def difference(arm: ArmEndpoints, reference: ArmEndpoints, limits: Mapping[str, float]) -> dict[str, Any]:
    """Share above each limit, arm less reference; the same people are in both, so the pairs are compared."""
    if arm.values["share"][">ULN"]["value"] is None or reference.values["share"][">ULN"]["value"] is None:
        return {name: dict(_NOTHING) for name in limits}
    found = {}
    # As many people as the weights are worth.
    w = arm.weights / arm.weights.sum() * _size(arm.weights)
    for name, limit in limits.items():
        a, b = arm.worst > limit, reference.worst > limit
        value, low, high = paired_difference(*(float(w @ cell) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)))
        found[name] = {"value": value, "low": low, "high": high}
    return found
