"""Variation of a trial's rates between plausible sets of calibrated quantities."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import beta

from mtorsim.errors import DataError
from mtorsim.files.library import Library
from mtorsim.files.roles import PATHWAY
from mtorsim.population.population import Population
from mtorsim.population.settings import full_settings
from mtorsim.results.limits import limits_of, worst_fasting
from mtorsim.results.result import Result
from mtorsim.run.plan import draft_plan
from mtorsim.scenario.parts import Setting
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.simulate import simulate
from mtorsim.stats.shares import Estimate

from .calibration import plausible_sets
from .calibration_file import CalibrationFile, read_calibration, shifted
from .matching import matched
from .quantities import applies
from .report import ArmReport, PooledEstimate, Reported

__all__ = ["BetweenSets", "between_sets", "pooled", "with_sets"]

Shares: TypeAlias = Mapping[str, float]
"""Shares above limits, or changes of them, by name of the limit."""


SET_SUBJECTS = 160
"""Number of subjects for comparison between sets of the calibration, the same in each."""
_QUANTILES = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class BetweenSets:
    """Variation of shares between plausible sets of calibrated quantities.

    Attributes
    ----------
    sets
        Number of sets; 1 for the fit alone.
    shifts
        For each arm and set, the changes of shares above each limit.
    """

    sets: int = 1
    shifts: Mapping[str, Sequence[Shares]] = field(default_factory=dict)


def between_sets(
    whole: Scenario,
    scenario: Scenario,
    result: Result,
    settings: Mapping[str, float] | None,
    sets: int,
    given: Mapping[str, Any],
) -> BetweenSets:
    """Compare the shares of the same subjects between plausible sets of calibrated quantities.

    Parameters
    ----------
    whole, scenario
        The trial with and without its variants.
    result
        Result of the run.
    settings
        Values that replace those of the files.
    sets
        Number of sets, including the fit.
    given
        Other arguments of `simulate`.
    """
    name = None if scenario.trial is None else scenario.trial.calibration
    fit = None if name is None else _read_fit(name, scenario.library)
    if fit is None or name is None or sets < 2 or PATHWAY not in scenario.modules:
        return BetweenSets()
    data = read_calibration(name, scenario.library)
    n = min(SET_SUBJECTS, result.manifest["subjects"])
    people = draft_plan(whole, settings=settings).population
    settled = full_settings(people, settings or {})
    plausible = plausible_sets(fit, data, sets, result.manifest["seed"])
    # The same subjects in every set, with the weights of the run.
    weights = matched(scenario, result)[:n]
    arms = [arm.name for arm in scenario.arms]
    first = {arm: _shares(result, arm, scenario.uln, weights) for arm in arms}
    shifts: dict[str, list[Shares]] = {arm: [dict.fromkeys(first[arm], 0.0)] for arm in arms}
    # The fit is one of the sets, so their variance is corrected for it.
    wider = math.sqrt(sets / (sets - 1))
    for values in plausible[1:]:
        other, medians = _moved(whole, people, data, values, plausible[0])
        run = simulate(other, subjects=n, settings={**settled, **medians}, **given)
        for arm in arms:
            now = _shares(run, arm, whole.uln, run.weights * weights / result.weights[:n])
            shifts[arm].append({limit: wider * (now[limit] - first[arm][limit]) for limit in now})
    return BetweenSets(sets, shifts)


def _shares(result: Result, arm: str, uln: float, weights: np.ndarray) -> Shares:
    """Share above each limit, of the first subjects of an arm."""
    visits = result.visits.sel(arm=arm)
    worst = worst_fasting(visits[result.manifest["graded"]].to_numpy()[: len(weights)], visits.time.to_numpy())
    return {name: float(weights @ (worst > limit) / weights.sum()) for name, limit in limits_of(uln).items()}


def with_sets(arm: ArmReport, shifts: Sequence[Shares]) -> ArmReport:
    """Return an arm's endpoints with calibration uncertainty in the intervals of its shares."""
    share = {name: PooledEstimate(e.value, e.low, e.high, e.low, e.high) for name, e in arm.share.items()}
    if len(shifts) > 1:
        share = {n: _pooled(e, arm.n_effective, [shift[n] for shift in shifts]) for n, e in share.items()}
    ae = arm.ae
    if ae is not None:
        ae = Reported(*(_pooled(e, arm.n_effective, [0.0]) for e in (ae.any, ae.grade_3_4)))
    return replace(arm, share=share, ae=ae)


def _pooled(estimate: Estimate, size: float, shifts: Sequence[float]) -> PooledEstimate:
    """Pool a share's posteriors over the sets."""
    if estimate.value is None:
        return PooledEstimate()
    low, high = pooled(estimate.value, size, shifts)
    return PooledEstimate(estimate.value, low, high, estimate.low, estimate.high)


def _moved(
    whole: Scenario, people: Population, data: CalibrationFile, values: Mapping[str, float], fit: Mapping[str, float]
) -> tuple[Scenario, dict[str, float]]:
    """Apply a set to a scenario, as differences from the fit."""
    medians: dict[str, float] = {}
    shares = {g.name: g.share for g in people.groups if g.share is not None}
    spoilt, episodes = whole.sampling.not_fasting, whole.episodes
    own = {q.name: q.median.constant() for q in people.quantities}
    for q in data.quantity:
        mine = applies(q, whole.name) or whole.name not in data.calibration.trials
        for name in q.parameters:
            stands = own.get(name)
            if stands is not None:
                # A median at its bound stays in the plausible range.
                line, _ = people.model.parameters.get(name, (None, None))
                low, high = (line.range if line else None) or (-math.inf, math.inf)
                medians[name] = min(max(shifted(q, stands, values[q.name], fit[q.name]), low), high)
        if q.group is not None and mine and 0 < shares.get(q.group, 0.0) < 1:
            shares[q.group] = shifted(q, shares[q.group], values[q.name], fit[q.name])
        elif q.not_fasting and mine and spoilt is not None and spoilt.share > 0:
            spoilt = replace(spoilt, share=min(spoilt.share * values[q.name] / fit[q.name], 0.5))
        elif q.episode is not None and mine:
            factor = values[q.name] / fit[q.name]
            alike = lambda e: e.regimen.drug == q.episode  # noqa: B023, E731
            episodes = tuple(replace(e, per_year=e.per_year * factor) if alike(e) else e for e in episodes)
    moved = tuple(Setting(name, share, whole.place.inside("share")) for name, share in shares.items())
    sampling = replace(whole.sampling, not_fasting=spoilt)
    return whole.but(shares=moved, sampling=sampling, episodes=episodes), medians


def _read_fit(name: str, library: Library) -> Mapping[str, Any] | None:
    """Read the saved result of a calibration; None if it was never run."""
    path = library.calibration(name).with_suffix(".json")
    if not path.is_file():
        return None
    try:
        fit = json.loads(path.read_text(encoding="utf-8"))
        np.linalg.cholesky(np.array(fit["covariance"], float))
        count = len(read_calibration(name, library).quantity)
        if not count == len(fit["mean"]) == len(fit["covariance"]):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, np.linalg.LinAlgError):
        raise DataError(f"`{path}` is incomplete", help=f"write it again: `mtorsim calibrate {name}`") from None
    return fit


def pooled(share: float, size: float, shifts: Sequence[float]) -> tuple[float, float]:
    """Interval of a share's pooled posteriors: Jeffreys' posterior of each set, shifted by the set."""
    draws = []
    for shift in shifts:
        p = min(max(share + shift, 0.0), 1.0)
        draws.append(beta.ppf(_QUANTILES, p * size + 0.5, (1 - p) * size + 0.5))
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))
    return min(float(low), share), max(float(high), share)
