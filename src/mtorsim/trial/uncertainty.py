"""How far the rates of a trial move between plausible sets of what was calibrated."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import beta

from mtorsim.errors import DataError
from mtorsim.files.library import Library
from mtorsim.population.population import Population
from mtorsim.population.settings import full_settings
from mtorsim.results.result import Result
from mtorsim.run.plan import draft_plan
from mtorsim.scenario.parts import Setting
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.simulate import simulate

from .calibration import plausible_sets
from .calibration_file import CalibrationFile, read_calibration, shifted
from .endpoints import ArmEndpoints, limits_of

__all__ = ["between_sets", "pooled"]


SET_SUBJECTS = 160
"""Subjects whose shares are compared between sets of the calibration: the same people in each."""
_QUANTILES = (np.arange(200) + 0.5) / 200


def between_sets(
    whole: Scenario,
    scenario: Scenario,
    result: Result,
    arms: Mapping[str, ArmEndpoints],
    settings: Mapping[str, float] | None,
    sets: int,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """How the shares of the same people differ between plausible sets of calibrated quantities."""
    found: dict[str, Any] = {"sets": 1, "shares": {}}
    name = None if scenario.trial is None else scenario.trial.calibration
    fit = None if name is None else _read_fit(name, scenario.library)
    limits = limits_of(scenario.uln)
    if fit is None or sets < 2 or "mtor" not in scenario.modules:
        return found
    data = read_calibration(str(name), scenario.library)
    n = min(SET_SUBJECTS, result.manifest["subjects"])
    few = {a: e for a, e in arms.items() if a in [b.name for b in scenario.arms]}
    first = {
        a: {k: float(e.weights[:n] @ (e.worst[:n] > limit) / e.weights[:n].sum()) for k, limit in limits.items()}
        for a, e in few.items()
    }
    shifts: dict[str, list[dict[str, float]]] = {a: [dict.fromkeys(limits, 0.0)] for a in few}
    draft = draft_plan(whole, settings=settings)
    settled = full_settings(draft.population, settings or {})
    plausible = plausible_sets(fit, data, sets, result.manifest["seed"])
    for values in plausible[1:]:
        other, medians, uln = _moved(whole, draft.population, data, values, plausible[0])
        run = simulate(other, subjects=n, settings={**settled, **medians}, **given)
        for a in few:
            glucose = run.visits.sel(arm=a)[run.manifest["graded"]].to_numpy()
            after = run.visits.time.to_numpy() > 0
            worst = np.where(np.isnan(glucose[:, after]), -np.inf, glucose[:, after]).max(axis=1)
            # The same people as in the run itself, so that they keep its weights.
            w = run.weights * arms[a].weights[:n] / result.weights[:n]
            w = w / w.sum()
            now = {name: float(w @ (worst > (uln if name == ">ULN" else limit))) for name, limit in limits.items()}
            # The fit stands for one of the sets, which takes its share from their variance.
            wider = math.sqrt(sets / (sets - 1))
            shifts[a].append({name: wider * (now[name] - first[a][name]) for name in limits})
    return {"sets": sets, "shares": shifts}


def _moved(
    whole: Scenario, people: Population, data: CalibrationFile, values: Mapping[str, float], fit: Mapping[str, float]
) -> tuple[Scenario, dict[str, float], float]:
    """A scenario under another set: as far from itself as the set is from the fit."""
    medians: dict[str, float] = {}
    shares, stray, uln = {g.name: g.share for g in people.groups}, whole.sampling.stray, whole.uln
    own = {q.name: q.median.constant() for q in people.quantities}
    for q in data.quantity:
        mine = q.trials is None or whole.name in q.trials or whole.name not in data.calibration.trials
        stands = own.get(q.parameter or "")
        if q.parameter is not None and stands is not None:
            # A median that somebody set at its bound does not leave what is plausible.
            line, _ = people.model.parameters.get(q.parameter, (None, None))
            low, high = (line.range if line else None) or (-math.inf, math.inf)
            medians[q.parameter] = min(max(shifted(q, stands, values[q.name], fit[q.name]), low), high)
        elif q.group is not None and mine and 0 < shares.get(q.group, 0.0) < 1:
            shares[q.group] = shifted(q, shares[q.group], values[q.name], fit[q.name])
        elif q.stray and mine and stray is not None and stray.share > 0:
            stray = replace(stray, share=min(stray.share * values[q.name] / fit[q.name], 0.5))
        elif q.uln and q.trials is not None and whole.name in q.trials:
            uln += values[q.name] - fit[q.name]
    moved = tuple(Setting(name, share, whole.place.inside("share")) for name, share in shares.items())
    return whole.but(shares=moved, sampling=replace(whole.sampling, stray=stray)), medians, uln


def _read_fit(name: str, library: Library) -> Mapping[str, Any] | None:
    """The result of a calibration, beside its file; None where it was never run."""
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
        raise DataError(f"`{path}` is not whole", help=f"write it again: `mtorsim calibrate {name}`") from None
    return fit


def pooled(share: float, size: float, shifts: Sequence[float]) -> dict[str, float]:
    """A share with the interval of its pooled posteriors: Jeffreys' for each set, moved by the set."""
    draws = []
    for shift in shifts:
        p = min(max(share + shift, 0.0), 1.0)
        draws.append(beta.ppf(_QUANTILES, p * size + 0.5, (1 - p) * size + 0.5))
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))
    return {"value": share, "low": min(float(low), share), "high": max(float(high), share)}
