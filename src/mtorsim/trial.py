"""A trial: predicted beside observed, with the uncertainty of patients and of the calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from .calibration import CalibrationFile, plausible_sets, read_calibration, shifted
from .endpoints import LIMITS, ArmEndpoints, about, arm_endpoints, difference
from .errors import DataError, SetError, did_you_mean
from .grades import Grading, ctcae, read_grading
from .kernel.status import WELL
from .library import Library
from .plan import draft_plan, library_for
from .population import Population, full_settings
from .rates import wilson
from .reporting import Reporting, read_reporting
from .result import Result
from .scenario import Scenario, read_scenario
from .scenario_form import Observed, Trial
from .simulation import simulate
from .variants import BETWEEN, alternatives_of, is_treated, with_variants
from .weighting import Moment, effective_number, weigh

__all__ = ["TrialReport", "run_trial"]

SET_SUBJECTS = 160
"""Subjects whose shares are compared between sets of the calibration: the same people in each."""
_QUANTILES = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class TrialReport:
    """A trial, run.

    Attributes
    ----------
    result
        The run: visits, ledger, treatment.
    arms
        Endpoints of each arm, by name.
    data
        Everything as `mtorsim trial --json` prints it.
    """

    result: Result
    arms: Mapping[str, ArmEndpoints]
    data: Mapping[str, Any]


def run_trial(
    scenario: Scenario | str | Path,
    *,
    subjects: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, float] | None = None,
    uln: float | None = None,
    sets: int = 6,
    variants: bool = True,
    alternatives: bool = False,
    threads: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    library: Library | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> TrialReport:
    """Run a trial scenario and compare it with what was observed.

    Parameters
    ----------
    scenario
        A scenario, a bundled name, or the path of a file; `[trial]` and `[[observed]]` may be left out.
    subjects, seed, settings
        Replace what the scenario says; settings are medians and switches.
    uln
        The laboratory's upper limit of normal, mg/dL; the scenario's when left out.
    sets
        Sets of calibrated quantities whose spread goes into the intervals; 1 for the fit alone.
    variants
        Whether the structural variants are run beside it.
    alternatives
        Whether the body built otherwise (`variants.ALTERNATIVES`) is run beside it.
    threads, out, force, library, progress, note
        As for `simulate`.

    Returns
    -------
    TrialReport

    Raises
    ------
    MtorsimError
        If something in the scenario or the files it names is wrong.
    """
    if sets < 1:
        raise SetError(f"sets = {sets}: there must be at least 1")
    if not isinstance(scenario, Scenario):
        library = library or library_for(scenario)
        scenario = read_scenario(scenario, library)
    library = library or library_for(scenario.file.path)
    if uln is not None:
        if not 50 <= uln <= 300:
            raise SetError(f"uln = {uln:g} mg/dL is outside 50 to 300")
        scenario = replace(scenario, uln=float(uln))
    if not [t for t in scenario.visits if t > 0]:
        scenario.file.fail("a trial looks at people after the start, and there is no such visit", ("visits", "at"))
    table = scenario.data.trial or Trial.model_validate({"name": scenario.data.title})
    scenario = replace(scenario, data=scenario.data.model_copy(update={"trial": table}))
    grading, reporting = _layers(scenario, table, library)
    variants = variants and "mtor" in scenario.data.model
    if alternatives and not alternatives_of(draft_plan(scenario, settings=settings, library=library).model):
        message = "`alternatives`: the model has none of the mechanisms that could be built otherwise"
        raise SetError(message, help="they are of glucose_insulin and mtor")
    given: dict[str, Any] = {"seed": seed, "threads": threads, "library": library}
    whole = with_variants(scenario) if variants else scenario
    result = simulate(
        whole, subjects=subjects, settings=settings, out=out, force=force, progress=progress, note=note, **given
    )  # fmt: skip
    weights = matched(scenario, result)
    arms = {a: arm_endpoints(result, a, grading, scenario.uln, reporting, weights) for a in result.manifest["arms"]}
    limits = {">ULN": scenario.uln, **LIMITS}
    spread = _between_sets(whole, scenario, table, result, arms, limits, settings, sets, given)
    own = [b.name for b in scenario.branches]
    reference = _reference(scenario)
    otherwise = _alternatives(scenario, arms, settings, subjects, given) if alternatives else None
    data = {
        "trial": table.name,
        "scenario": scenario.name,
        "title": scenario.data.title,
        "about": scenario.data.about,
        "seed": result.manifest["seed"],
        "subjects": result.manifest["subjects"],
        "population": result.manifest["population"],
        "uln_mg_dl": scenario.uln,
        "ctcae": table.ctcae,
        "reporting": None if reporting is None else {"name": reporting.name, "about": reporting.about},
        "calibration": {"name": table.calibration, "sets": spread["sets"]},
        "intervals": "95 %: sampling of the simulated patients"
        + (" and the uncertainty of the calibration" if spread["sets"] > 1 else ""),
        "assumptions": list(table.assumptions),
        "settings": dict(result.manifest["settings"]),
        "status": dict(result.summary["status"]),
        "failed": result.summary["failed"],
        "matched": _told(scenario, result, weights),
        "flow": _flow(result, arms, own),
        "arms": {a: _combined(arms[a], spread["shares"].get(a, [])) for a in own},
        "difference": {
            "from": reference,
            "arms": {a: difference(arms[a], arms[reference], limits) for a in own if a != reference}
            if reference is not None
            else {},
        },
        "variants": _variants(arms, own) if variants else None,
        "alternatives": otherwise,
        "tests": [t for t in result.summary["tests"] if t["arm"] in own],
        "observed": [_beside(o, arms, spread, reporting) for o in scenario.data.observed],
        "seconds": result.summary["seconds"],
    }
    return TrialReport(result, {a: arms[a] for a in own}, data)


def _layers(scenario: Scenario, table: Trial, library: Library) -> tuple[Grading, Reporting | None]:
    """Grades and reporting layer, errors at their place in the scenario."""
    grading = read_grading(ctcae(table.ctcae), scenario.uln, library)
    return grading, None if table.reporting in (None, "none") else read_reporting(str(table.reporting), library)


def _quantity(scenario: Scenario, result: Result, name: str, key: tuple[str | int, ...]) -> np.ndarray:
    """What people are matched by, of each subject as it starts, (n,)."""
    people, visits = result.people, result.visits
    if name in people:
        return np.asarray(people[name], float)
    if name in visits and "time" in visits[name].dims:
        if float(visits.time[0]) > 0:
            scenario.file.fail(f"`{name}` is not measured at the start", key, 'begin `at` with "0 weeks"', needle=name)
        return visits[name].isel(arm=0, time=0).to_numpy()
    test, _, index = name.partition(".")
    if scenario.tests and index:
        table = result.tests
        mine = table[(table["test"] == test) & (table["index"] == index) & (table["at_h"] == 0)]
        mine = mine[mine["arm"] == result.manifest["arms"][0]]
        if len(mine):
            return np.asarray(mine["value"], float)
    known = [*people.columns, *visits.data_vars]
    help = did_you_mean(name, [str(k) for k in known]) or "an index of a test needs a [[test]] at the start"
    scenario.file.fail(f"`{name}` is not known of the people", key, help, needle=name)


def matched(scenario: Scenario, result: Result) -> np.ndarray:
    """Weights of the subjects: as they were sampled, and as what was published of patients asks.

    Raises
    ------
    ScenarioError
        If a quantity is not known, or no weights give what was published.
    """
    rows = scenario.data.match
    if not rows:
        return result.weights
    values = {n: _quantity(scenario, result, n, ("match", i, "of")) for i, m in enumerate(rows) for n in m.of}
    there = np.asarray(np.isfinite(np.stack(list(values.values()))).all(axis=0))
    moments = [Moment(tuple(m.of), m.mean, m.sd, m.correlation) for m in rows]
    # Who failed counts as it was sampled.
    weights = np.array(result.weights, float)
    try:
        weights[there] = weigh({n: v[there] for n, v in values.items()}, moments, result.weights[there])
    except ValueError as problem:
        spans = "; ".join(f"{n} {v[there].min():.4g} to {v[there].max():.4g}" for n, v in values.items())
        scenario.file.fail(str(problem), ("match",), f"here are {spans}; take more subjects, or a nearer population")
    return weights


def _told(scenario: Scenario, result: Result, weights: np.ndarray) -> dict[str, Any] | None:
    """What was matched, before and after, and what it has cost."""
    if not scenario.data.match:
        return None
    rows = []
    for i, m in enumerate(scenario.data.match):
        if len(m.of) > 1:
            rows.append({"of": list(m.of), "correlation": m.correlation})
            continue
        x = _quantity(scenario, result, m.of[0], ("match", i, "of"))
        there = np.isfinite(x)
        found = [_moments(x[there], w[there]) for w in (result.weights, weights)]
        told = {"published": m.mean, "drawn": found[0][0], "weighted": found[1][0]}
        spread = {"published_sd": m.sd, "drawn_sd": found[0][1], "weighted_sd": found[1][1]}
        rows.append({"of": list(m.of), **told, **spread})
    return {"n_effective": effective_number(weights), "of": len(weights), "quantities": rows}


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean and SD."""
    w = weights / weights.sum()
    mean = float(w @ values)
    return mean, float(np.sqrt(w @ (values - mean) ** 2))


def _reference(scenario: Scenario) -> str | None:
    """The first arm without an active drug; the first where all have one; None if there is one arm."""
    names = [b.name for b in scenario.branches]
    if len(names) < 2:
        return None
    return next((b.name for b in scenario.branches if not is_treated(b)), names[0])


def _between_sets(
    whole: Scenario, scenario: Scenario, table: Trial, result: Result, arms: Mapping[str, ArmEndpoints],
    limits: Mapping[str, float], settings: Mapping[str, float] | None, sets: int, given: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """How the shares of the same people differ between plausible sets of calibrated quantities."""
    found: dict[str, Any] = {"sets": 1, "shares": {}}
    fit = None if table.calibration in (None, "none") else _read_fit(str(table.calibration), given["library"])
    if fit is None or sets < 2 or "mtor" not in scenario.data.model:
        return found
    data = read_calibration(str(table.calibration), given["library"])
    n = min(SET_SUBJECTS, result.manifest["subjects"])
    few = {a: e for a, e in arms.items() if a in [b.name for b in scenario.branches]}
    first = {
        a: {name: float(e.weights[:n] @ (e.worst[:n] > limit) / e.weights[:n].sum()) for name, limit in limits.items()}
        for a, e in few.items()
    }
    shifts: dict[str, list[dict[str, float]]] = {a: [dict.fromkeys(limits, 0.0)] for a in few}
    draft = draft_plan(whole, settings=settings, library=given["library"])
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
    shares, visits, uln = {g.name: g.share for g in people.groups}, whole.data.visits, whole.uln
    own = {q.name: q.median.constant() for q in people.quantities}
    for q in data.quantity:
        mine = q.trials is None or whole.name in q.trials or whole.name not in data.calibration.trials
        stands = own.get(q.parameter or "")
        if q.parameter is not None and stands is not None:
            # A median that somebody set at its bound does not leave what is plausible.
            low, high = people.model.parameters[q.parameter][0].range or (-math.inf, math.inf)
            medians[q.parameter] = min(max(shifted(q, stands, values[q.name], fit[q.name]), low), high)
        elif q.group is not None and mine and 0 < shares.get(q.group, 0.0) < 1:
            shares[q.group] = shifted(q, shares[q.group], values[q.name], fit[q.name])
        elif q.stray and mine and visits.stray is not None and visits.stray.share > 0:
            share = min(visits.stray.share * values[q.name] / fit[q.name], 0.5)
            visits = visits.model_copy(update={"stray": visits.stray.model_copy(update={"share": share})})
        elif q.uln and q.trials is not None and whole.name in q.trials:
            uln += values[q.name] - fit[q.name]
    return replace(whole, data=whole.data.model_copy(update={"share": shares, "visits": visits})), medians, uln


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
        raise DataError(
            f"`{path}` is not whole", help=f"write it again: `mtorsim calibrate {name} --out {path.name}`"
        ) from None
    return fit


def _pooled(share: float, size: float, shifts: Sequence[float]) -> dict[str, float]:
    """A share with the interval of its pooled posteriors: Jeffreys' for each set, moved by the set."""
    draws = []
    for shift in shifts:
        p = min(max(share + shift, 0.0), 1.0)
        draws.append(beta.ppf(_QUANTILES, p * size + 0.5, (1 - p) * size + 0.5))
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))
    return {"value": share, "low": min(float(low), share), "high": max(float(high), share)}


def _combined(arm: ArmEndpoints, shifts: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """An arm's endpoints, the uncertainty of the calibration in the intervals of its shares."""
    values = dict(arm.values)
    shares = {
        name: share | {"low_sampling": share["low"], "high_sampling": share["high"]}
        for name, share in arm.values["share"].items()
    }
    if len(shifts) > 1 and shares[">ULN"]["value"] is not None:
        size = arm.values["n_effective"]
        shares = {n: s | _pooled(s["value"], size, [shift[n] for shift in shifts]) for n, s in shares.items()}
    values["share"] = shares
    if values["ae"] is not None:
        size = arm.values["n_effective"]
        values["ae"] = {k: _pooled(v["value"], size, [0.0]) for k, v in values["ae"].items()}
    return values


def _variants(arms: Mapping[str, ArmEndpoints], own: Sequence[str]) -> dict[str, Any]:
    """Share above each limit of each arm under each structural variant."""
    found: dict[str, Any] = {a: {"both": arms[a].values["share"]} for a in own}
    for name, arm in arms.items():
        base, between, variant = name.partition(BETWEEN)
        if between:
            found[base][variant] = arm.values["share"]
    return {a: v for a, v in found.items() if len(v) > 1}


def _alternatives(
    scenario: Scenario, arms: Mapping[str, ArmEndpoints], settings: Mapping[str, float] | None,
    subjects: int | None, given: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Share above each limit of each arm with the body built otherwise: as far as the same entry criteria let in."""
    draft = draft_plan(scenario, settings=settings, library=given["library"])
    own = full_settings(draft.population, settings or {})
    names = [b.name for b in scenario.branches]
    found: dict[str, Any] = {"as it stands": {a: arms[a].values["share"] for a in names}}
    for name, change in alternatives_of(draft.model).items():
        other = full_settings(draft.population, change)
        report = run_trial(
            scenario, subjects=subjects, settings={**own, **other}, sets=1, variants=False, **given
        )  # fmt: skip
        found[name] = {a: e.values["share"] for a, e in report.arms.items()}
    return found


def _flow(result: Result, arms: Mapping[str, ArmEndpoints], own: Sequence[str]) -> dict[str, Any]:
    """Who was screened, entered, left and stayed; numbers of simulated subjects, without weights."""
    turned, n = int(result.summary["turned_away"]), result.manifest["subjects"]
    end = result.manifest["duration_h"]
    flow: dict[str, Any] = {"screened": n + turned, "turned_away": turned, "entered": n, "arms": {}}
    for a in own:
        well = result.visits.status.sel(arm=a).to_numpy() == WELL
        left = well & (arms[a].left <= end)
        flow["arms"][a] = {
            "allocated": n,
            "left": int(left.sum()),
            "completed": int((well & ~left).sum()),
            "failed": int((~well).sum()),
            "treatment_held": len(about(result, a, "hold")),
            "treatment_stopped": len(about(result, a, "stop")),
            "rescued": len(about(result, a, "start")),
        }
    return flow


def _beside(
    row: Observed, arms: Mapping[str, ArmEndpoints], spread: Mapping[str, Any], reporting: Reporting | None
) -> dict[str, Any]:
    """One observed row with its interval, and the prediction beside it."""
    found: dict[str, Any] = {
        "arm": row.arm, "endpoint": row.endpoint, "of": row.of, "role": row.role, "source": row.source,
        "evidence": row.evidence,
    }  # fmt: skip
    if row.percent is not None:
        share = row.percent / 100
        low, high = wilson(share * row.of, row.of)
        found |= {"observed": share, "observed_low": low, "observed_high": high}
    else:
        found |= {"observed": None, "observed_low": 0.0, "observed_high": (row.below or 0.0) / 100}
    values = _combined(arms[row.arm], spread["shares"].get(row.arm, []))
    kind = {"ae any": "any", "ae grade 3-4": "grade_3_4"}.get(row.endpoint)
    if kind is not None:
        predicted = values["ae"][kind] if values["ae"] else None
    else:
        predicted = values["share"].get(row.endpoint)
    if predicted is None or predicted["value"] is None:
        return found | {"predicted": None, "low": None, "high": None, "agreement": None}
    agreement = "apart"
    if found["observed_low"] <= predicted["value"] <= found["observed_high"]:
        agreement = "inside"
    elif predicted["low"] <= found["observed_high"] and found["observed_low"] <= predicted["high"]:
        agreement = "overlaps"
    return found | {
        "predicted": predicted["value"],
        "low": predicted["low"],
        "high": predicted["high"],
        "agreement": agreement,
    }
