"""Rows of a report, one value per arm, for the terminal and the page."""

from __future__ import annotations

from typing import TypeAlias

from mtorsim.stats.shares import Estimate

from .report import Mean, TrialReport, VisitMean

__all__ = ["Cell", "endpoint_rows", "flow_rows", "in_text", "visit_rows"]

Cell: TypeAlias = Estimate | Mean | float | int | None
"""A share with its interval, a mean with its SD, or a number; None if missing."""


def in_text(cell: Cell, digits: int = 1) -> tuple[str, str]:
    """Format a value, and its interval or SD; shares in %. Text is empty if missing."""
    if isinstance(cell, Estimate):
        if cell.value is None or cell.low is None or cell.high is None:
            return "-", ""
        return f"{100 * cell.value:.1f}", f"{100 * cell.low:.1f}-{100 * cell.high:.1f}"
    if isinstance(cell, Mean):
        if cell.mean is None or cell.sd is None:
            return "-", ""
        return f"{cell.mean:.{digits}f}", f"{cell.sd:.{digits}f}"
    if cell is None:
        return "-", ""
    return (f"{cell:,}" if isinstance(cell, int) else f"{cell:.1f}"), ""


def endpoint_rows(report: TrialReport) -> list[tuple[str, list[Cell]]]:
    """Rows of clinical endpoints; shares and dose intensities are fractions."""
    arms = list(report.arms.values())
    drugs = dict.fromkeys(drug for arm in arms for drug in arm.dose_intensity)
    rows: list[tuple[str, list[Cell]]] = [
        ("reported AE, any grade, %", [arm.ae and arm.ae.any for arm in arms]),
        ("reported AE, grade 3-4, %", [arm.ae and arm.ae.grade_3_4 for arm in arms]),
        *(
            (f"> 250 mg/dL, of those at {name} at baseline, %", [arm.by_baseline[name] for arm in arms])
            if name != "known diabetes"
            else ("> 250 mg/dL, of those with known diabetes, %", [arm.by_baseline[name] for arm in arms])
            for name in arms[0].by_baseline
        ),
        ("highest rise over baseline, mg/dL: median", [arm.rise.median for arm in arms]),
        ("highest rise over baseline, mg/dL: 95th percentile", [arm.rise.q95 for arm in arms]),
        ("new-onset diabetes, %", [arm.new_onset_diabetes for arm in arms]),
        ("HbA1c change, percentage points", [arm.hba1c_change for arm in arms]),
        (f"{report.glucose} < 70 mg/dL, %", [arm.hypoglycaemia["<70"] for arm in arms]),
        (f"{report.glucose} < 54 mg/dL, %", [arm.hypoglycaemia["<54"] for arm in arms]),
        ("median week of first > 160 mg/dL", [arm.time_to[">160"].median_week_of_those for arm in arms]),
        ("mean weeks above 126 mg/dL", [arm.weeks_above[">126"] for arm in arms]),
        ("median week of discontinuation", [arm.discontinuation.median_week for arm in arms]),
    ]
    for drug in drugs:
        rows.append((f"dose intensity of {drug}, %", [_percent(arm.dose_intensity.get(drug)) for arm in arms]))
    return rows


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def flow_rows(report: TrialReport) -> list[tuple[str, list[Cell]]]:
    """Rows of unweighted numbers of subjects of each arm."""
    arms = [report.flow.arms[name] for name in report.arms]
    return [
        ("allocated", [arm.allocated for arm in arms]),
        ("discontinued", [arm.left for arm in arms]),
        ("completed", [arm.completed for arm in arms]),
        ("failed", [arm.failed for arm in arms]),
        ("dose interrupted", [arm.treatment_held for arm in arms]),
        ("treatment stopped by a rule", [arm.treatment_stopped for arm in arms]),
        ("rescue started", [arm.rescued for arm in arms]),
    ]


def visit_rows(report: TrialReport) -> list[tuple[float, list[VisitMean | None]]]:
    """Mean glucose of each arm by week; None where an arm has no visit."""
    by_week = [{visit.week: visit for visit in arm.glucose} for arm in report.arms.values()]
    weeks = sorted({week for visits in by_week for week in visits})
    return [(week, [visits.get(week) for visits in by_week]) for week in weeks]
