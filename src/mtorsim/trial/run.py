"""A trial: predicted beside observed, with the uncertainty of patients and of the calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.population.settings import full_settings
from mtorsim.results.result import Result
from mtorsim.run.arguments import checked
from mtorsim.run.plan import draft_plan
from mtorsim.scenario.grades import Grading, ctcae, read_grading
from mtorsim.scenario.parts import Observed, TrialSpec
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.scenario.variants import BETWEEN, alternatives_of, with_variants
from mtorsim.simulation.simulate import simulate
from mtorsim.stats.shares import wilson

from .endpoints import ArmEndpoints, about, arm_endpoints, difference, limits_of
from .matching import matched, told
from .reporting import Reporting, read_reporting
from .uncertainty import between_sets, pooled

__all__ = ["TrialReport", "run_trial"]


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


@checked
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
    scenario = _settled(scenario, uln, library)
    if sets < 1:
        raise ArgumentError(f"sets = {sets}: there must be at least 1")
    if alternatives and not alternatives_of(draft_plan(scenario, settings=settings).model):
        message = "`alternatives`: the model has none of the mechanisms that could be built otherwise"
        raise ArgumentError(message, help="they are of glucose_insulin and mtor")
    grading, reporting = _layers(scenario)
    whole = with_variants(scenario) if variants and "mtor" in scenario.modules else scenario
    given: dict[str, Any] = {"seed": seed, "threads": threads}
    result = simulate(
        whole, subjects=subjects, settings=settings, out=out, force=force, progress=progress, note=note, **given
    )
    weights = matched(scenario, result)
    arms = {a: arm_endpoints(result, a, grading, scenario.uln, reporting, weights) for a in result.manifest["arms"]}
    spread = between_sets(whole, scenario, result, arms, settings, sets, given)
    otherwise = _alternatives(scenario, arms, settings, subjects, given) if alternatives else None
    own = [a.name for a in scenario.arms]
    data = {
        **_head(scenario, result, reporting, spread["sets"]),
        "matched": told(scenario, result, weights),
        "flow": _flow(result, arms, own),
        "arms": {a: _combined(arms[a], spread["shares"].get(a, [])) for a in own},
        "difference": _differences(scenario, arms),
        "variants": _variants(arms, own) if whole is not scenario else None,
        "alternatives": otherwise,
        "tests": [t for t in result.summary["tests"] if t["arm"] in own],
        "observed": [_beside(o, arms, spread, reporting) for o in scenario.observed],
        "seconds": result.summary["seconds"],
    }
    return TrialReport(result, {a: arms[a] for a in own}, data)


def _settled(given: Scenario | str | Path, uln: float | None, library: Library | None) -> Scenario:
    """The trial as it is to be run: with its own table and limit, and seen to look at people."""
    scenario = scenario_of(given, library)
    if uln is not None:
        if not 50 <= uln <= 300:
            raise ArgumentError(f"uln = {uln:g} mg/dL is outside 50 to 300")
        scenario = scenario.but(uln=float(uln))
    if not [t for t in scenario.visits if t > 0]:
        message = "a trial looks at people after the start, and there is no such visit"
        scenario.place.fail(message, "visits", "at")
    return scenario.as_trial()


def _table(scenario: Scenario) -> TrialSpec:
    assert scenario.trial is not None
    return scenario.trial


def _layers(scenario: Scenario) -> tuple[Grading, Reporting | None]:
    """Grades and reporting layer."""
    table, library = _table(scenario), scenario.library
    grading = read_grading(ctcae(table.ctcae), scenario.uln, library)
    return grading, None if table.reporting is None else read_reporting(table.reporting, library)


def _head(scenario: Scenario, result: Result, reporting: Reporting | None, sets: int) -> dict[str, Any]:
    """Which trial it is, and what stands behind it."""
    table = _table(scenario)
    calibrated = " and the uncertainty of the calibration" if sets > 1 else ""
    return {
        "trial": table.name,
        "scenario": scenario.name,
        "title": scenario.title,
        "about": scenario.about,
        "seed": result.manifest["seed"],
        "subjects": result.manifest["subjects"],
        "population": result.manifest["population"],
        "uln_mg_dl": scenario.uln,
        "ctcae": table.ctcae,
        "reporting": None if reporting is None else {"name": reporting.name, "about": reporting.about},
        "calibration": {"name": table.calibration, "sets": sets},
        "intervals": f"95 %: sampling of the simulated patients{calibrated}",
        "assumptions": list(table.assumptions),
        "settings": dict(result.manifest["settings"]),
        "status": dict(result.summary["status"]),
        "failed": result.summary["failed"],
    }


def _differences(scenario: Scenario, arms: Mapping[str, ArmEndpoints]) -> dict[str, Any]:
    """Every arm's shares less those of the reference."""
    reference = _reference(scenario)
    others = [a.name for a in scenario.arms if reference is not None and a.name != reference]
    limits = limits_of(scenario.uln)
    return {"from": reference, "arms": {a: difference(arms[a], arms[str(reference)], limits) for a in others}}


def _reference(scenario: Scenario) -> str | None:
    """The first arm without an active drug; the first where all have one; None if there is one arm."""
    names = [a.name for a in scenario.arms]
    if len(names) < 2:
        return None
    return next((a.name for a in scenario.arms if not a.is_treated), names[0])


def _combined(arm: ArmEndpoints, shifts: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """An arm's endpoints, the uncertainty of the calibration in the intervals of its shares."""
    values = dict(arm.values)
    shares = {
        name: share | {"low_sampling": share["low"], "high_sampling": share["high"]}
        for name, share in arm.values["share"].items()
    }
    if len(shifts) > 1 and shares[">ULN"]["value"] is not None:
        size = arm.values["n_effective"]
        shares = {n: s | pooled(s["value"], size, [shift[n] for shift in shifts]) for n, s in shares.items()}
    values["share"] = shares
    if values["ae"] is not None:
        size = arm.values["n_effective"]
        values["ae"] = {k: pooled(v["value"], size, [0.0]) for k, v in values["ae"].items()}
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
    scenario: Scenario,
    arms: Mapping[str, ArmEndpoints],
    settings: Mapping[str, float] | None,
    subjects: int | None,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Share above each limit of each arm with the body built otherwise: as far as the same entry criteria let in."""
    draft = draft_plan(scenario, settings=settings)
    own = full_settings(draft.population, settings or {})
    names = [a.name for a in scenario.arms]
    found: dict[str, Any] = {"as it stands": {a: arms[a].values["share"] for a in names}}
    for name, change in alternatives_of(draft.model).items():
        other = full_settings(draft.population, change)
        report = run_trial(scenario, subjects=subjects, settings={**own, **other}, sets=1, variants=False, **given)
        found[name] = {a: e.values["share"] for a, e in report.arms.items()}
    return found


def _flow(result: Result, arms: Mapping[str, ArmEndpoints], own: Sequence[str]) -> dict[str, Any]:
    """Who was screened, entered, left and stayed; numbers of simulated subjects, without weights."""
    turned, n = int(result.summary["turned_away"]), result.manifest["subjects"]
    end = result.manifest["duration_h"]
    flow: dict[str, Any] = {"screened": n + turned, "turned_away": turned, "entered": n, "arms": {}}
    for a in own:
        well = result.visits.status.sel(arm=a).to_numpy() == OK
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
        "arm": row.arm,
        "endpoint": row.endpoint,
        "of": row.of,
        "role": row.role,
        "source": row.source,
        "evidence": row.evidence,
    }
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
