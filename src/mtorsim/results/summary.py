"""Quantiles and shares of a run, as in summary.json."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mtorsim.kernel.status import SENTENCES
from mtorsim.run.plan import Plan
from mtorsim.stats.shares import quantiles

from .block import TestValues

__all__ = ["BANDS_OF", "LISTED", "QUANTILES", "bands", "quantile_name", "reference", "spoken", "test_bands"]


BANDS_OF = 1_000_000
"""Medians and bands are over at most so many subjects, the first ones: any prefix is a fair sample."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


LISTED = 20
"""Largest number of failed subjects listed in the summary."""


def reference(plan: Plan) -> int | None:
    """The reference arm: the first without a drug, else the first; None if it is the only arm."""
    if len(plan.arms) < 2:
        return None
    doses = [arm.is_treated for arm in plan.scenario.arms]
    return doses.index(False) if False in doses else 0


def quantile_name(share: float) -> str:
    """Key of a quantile: `q05`, `q2.5`, `q50`."""
    percent = f"{100 * share:.10g}"
    return f"q{percent:0>2}"


def test_bands(test: TestValues, shares: Sequence[float]) -> dict[str, Any]:
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
            cuts = zip(shares, np.quantile(column, shares), strict=True)
            found["indices"][name] = {"unit": unit} | {quantile_name(q): float(x) for q, x in cuts}
    return found


def spoken(counts: Counter[int]) -> dict[str, int]:
    return {SENTENCES[code]: counts[code] for code in sorted(counts)}


def bands(
    column: Callable[[int], np.ndarray],
    names: Sequence[str],
    times: Sequence[float],
    weights: np.ndarray,
    shares: Sequence[float],
) -> list[dict[str, Any]]:
    """Quantiles over subjects at each visit, and the 95 % CI of the median.

    Parameters
    ----------
    column
        Function that gives the values of an observable, (n, times).
    """
    rows: list[dict[str, Any]] = [{"time_h": time} for time in times]
    for j, name in enumerate(names):
        values = column(j)
        for row, at in zip(rows, values.T, strict=True):
            there = ~np.isnan(at)
            if there.any():
                row[name] = _cuts(at[there], weights[there], shares)
    return rows


def _cuts(values: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> dict[str, float]:
    """Quantiles by name, and the order statistics between which the median lies with 95 % confidence."""
    around = 0.98 / math.sqrt(weights.sum() ** 2 / (weights @ weights))
    ends = (max(0.5 - around, 0.0), min(0.5 + around, 1.0))
    found = quantiles(values, (*shares, *ends), weights).tolist()
    names = [*(quantile_name(q) for q in shares), "q50_low", "q50_high"]
    return dict(zip(names, found, strict=True))
