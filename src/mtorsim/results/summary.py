"""Quantiles and shares of a run, as in summary.json."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from mtorsim.kernel.status import SENTENCES
from mtorsim.run.plan import Plan
from mtorsim.stats.shares import quantiles

from .block import TestValues

__all__ = ["BANDS_OF", "LISTED"]


BANDS_OF = 1000
"""Medians and bands are over the first subjects only, since any prefix is a fair sample."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


LISTED = 20
"""Largest number of failed subjects listed in the summary."""


def _reference(plan: Plan) -> int | None:
    """The reference arm: the first without a drug, else the first; None if it is the only arm."""
    if len(plan.arms) < 2:
        return None
    doses = [arm.is_treated for arm in plan.scenario.arms]
    return doses.index(False) if False in doses else 0


def _test_bands(test: TestValues) -> dict[str, Any]:
    """Quantiles over subjects of the indices of one test."""
    found: dict[str, Any] = {
        "arm": test.arm,
        "test": test.test,
        "options": test.options,
        "at_h": test.at_h,
        "indices": {},
    }
    for j, (name, unit) in enumerate(test.units.items()):
        column = test.values[:, j]
        column = column[np.isfinite(column)]
        if len(column):
            cuts = zip(QUANTILES, np.quantile(column, QUANTILES), strict=True)
            found["indices"][name] = {"unit": unit} | {f"q{round(100 * q):02d}": float(x) for q, x in cuts}
    return found


def _spoken(counts: Counter[int]) -> dict[str, int]:
    return {SENTENCES[code]: counts[code] for code in sorted(counts)}


def _bands(values: np.ndarray, names: list[str], times: tuple[float, ...], weights: np.ndarray) -> list[dict[str, Any]]:
    """Quantiles over subjects at each visit; values (n, times, observables)."""
    rows = []
    for v, time in enumerate(times):
        row: dict[str, Any] = {"time_h": time}
        for j, name in enumerate(names):
            column = values[:, v, j]
            there = ~np.isnan(column)
            if there.any():
                found = quantiles(column[there], QUANTILES, weights[there])
                row[name] = {f"q{round(100 * q):02d}": float(x) for q, x in zip(QUANTILES, found, strict=True)}
        rows.append(row)
    return rows
