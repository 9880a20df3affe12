"""Share of a population above a limit, with assay error and stray samples integrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from mtorsim.scenario.parts import Stray
from mtorsim.scenario.scenario import Scenario

from .calibration_file import CalibrationFile

__all__ = ["share_above"]


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
"""Integration points of the factor of stray samples."""


def share_above(
    glucose: np.ndarray,
    times: np.ndarray,
    limit: float,
    cv: float,
    stray: Stray | None,
    measured: np.ndarray | None = None,
) -> np.ndarray:
    """Probability that the highest measured value after baseline exceeds a limit, (n,).

    Parameters
    ----------
    glucose, times
        True fasting glucose (n, visits), NaN after a subject has left; hours.
    cv
        CV of the assay.
    stray
        Stray samples.
    measured
        Measured values without stray samples; given if assay error is not integrated since rules reacted to it.
    """
    after = times > 0
    glucose = glucose[:, after]
    there = np.isfinite(glucose)
    with np.errstate(invalid="ignore"):
        if measured is not None:
            below = (~(measured[:, after] > limit)).astype(float)
        else:
            below = 1.0 - _passes(glucose, limit, cv)
        if stray is not None:
            factors = [stray.factor * math.exp(stray.log_sd * x) for x in NODES]
            strayed = sum(
                w * _passes(glucose * f, limit, cv) for f, w in zip(factors, WEIGHTS / WEIGHTS.sum(), strict=True)
            )
            below = (1 - stray.share) * below + stray.share * (1.0 - strayed)
    return 1.0 - np.where(there, below, 1.0).prod(axis=1)


def _passes(glucose: np.ndarray, limit: float, cv: float) -> np.ndarray:
    """Probability that a measured value exceeds a limit."""
    return ndtr(-(limit / glucose - 1.0) / cv)


def _share(
    data: CalibrationFile,
    scenario: Scenario,
    trial: str,
    result: Any,
    arm: str,
    endpoint: str,
    values: Mapping[str, float],
) -> float:
    """One endpoint of one arm, for given quantities that need no simulation."""
    mine = [q for q in data.quantity if q.trials is None or trial in q.trials]
    uln = next((values[q.name] for q in mine if q.uln), scenario.uln)
    stray = scenario.sampling.stray
    for q in mine:
        if q.stray and stray is not None:
            stray = replace(stray, share=values[q.name])
    weights = np.ones(result.visits.sizes["subject"])
    people = result.people
    shares = {q.group: values[q.name] for q in mine if q.group}
    for group, sampled in data.calibration.sampled.items():
        written = float(result.manifest["groups"][group])
        if not 0 < written < 1:
            continue
        share = shares.get(group, written)
        member = people[f"group {group}"].to_numpy() > 0.5
        weights = weights * np.where(member, share / sampled, (1 - share) / (1 - sampled))
    seen = result.visits.sel(arm=arm)
    limit = uln if endpoint == ">ULN" else float(endpoint.removeprefix(">"))
    measured = None if endpoint == ">ULN" else seen[result.manifest["graded"]].to_numpy()
    above = share_above(
        seen.fasting_glucose.to_numpy(),
        np.asarray(scenario.visits),
        limit,
        scenario.sampling.assay.get("fasting_glucose", 1e-6),
        stray,
        measured,
    )
    return float(weights @ above / weights.sum())
