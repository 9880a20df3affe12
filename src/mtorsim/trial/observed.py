"""Compare predictions with reported rates."""

from __future__ import annotations

from mtorsim.scenario.parts import Observed
from mtorsim.stats.shares import Estimate, wilson

from .report import ArmReport, Comparison

__all__ = ["beside"]

_REPORTED = {"ae any": "any", "ae grade 3-4": "grade_3_4"}
"""Endpoints of the reporting layer."""


def beside(row: Observed, arm: ArmReport) -> Comparison:
    """Compare one observed row with its prediction."""
    if row.percent is None:
        observed, seen_low, seen_high = None, 0.0, (row.below or 0.0) / 100
    else:
        observed = row.percent / 100
        seen_low, seen_high = wilson(observed * row.of, row.of)
    predicted = _predicted(row.endpoint, arm)
    agreement = None
    if predicted.value is not None and predicted.low is not None and predicted.high is not None:
        agreement = "apart"
        if seen_low <= predicted.value <= seen_high:
            agreement = "inside"
        elif predicted.low <= seen_high and seen_low <= predicted.high:
            agreement = "overlaps"
    return Comparison(
        row.arm,
        row.endpoint,
        row.of,
        row.role,
        row.source,
        row.evidence,
        observed,
        seen_low,
        seen_high,
        predicted.value,
        predicted.low,
        predicted.high,
        agreement,
    )


def _predicted(endpoint: str, arm: ArmReport) -> Estimate:
    """The prediction of an endpoint, if any."""
    if endpoint in _REPORTED:
        return Estimate() if arm.ae is None else getattr(arm.ae, _REPORTED[endpoint])
    return arm.share.get(endpoint, Estimate())
