"""Run a trial and compare predicted with observed rates, with sampling and calibration uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.files.roles import PATHWAY
from mtorsim.kernel.status import OK
from mtorsim.population.settings import full_settings
from mtorsim.results.limits import limits_of
from mtorsim.results.result import Result
from mtorsim.run.arguments import checked
from mtorsim.run.plan import draft_plan
from mtorsim.scenario.grades import ctcae, read_grading
from mtorsim.scenario.parts import ULN_RANGE, TrialSpec
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.scenario.variants import BETWEEN, alternatives_of, with_variants
from mtorsim.simulation.simulate import simulate

from .endpoints import about, arm_report, difference
from .matching import how_matched, matched
from .observed import beside
from .report import ArmFlow, Difference, Flow, Shares, TrialReport
from .reporting import read_reporting
from .uncertainty import BetweenSets, between_sets, with_sets
from .values import ArmValues, arm_values

__all__ = ["run_trial", "values_of"]

Alternatives: TypeAlias = Mapping[str, Mapping[str, Shares]]


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
    progress: Callable[[int, int], None] | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> TrialReport:
    """Run a trial scenario and compare it with what was observed.

    Parameters
    ----------
    scenario
        A scenario, a bundled name, or the path of a file; `[trial]` and `[[observed]]` are optional.
    subjects, seed, settings
        Values that replace the scenario's; settings are medians and switches.
    uln
        Upper limit of normal of the laboratory, mg/dL; default: the scenario's.
    sets
        Number of sets of calibrated quantities that widen the intervals; 1 for the fit alone.
    variants
        Whether to run also the structural variants.
    alternatives
        Whether to run also the structural alternatives (`variants.ALTERNATIVES`).
    threads, out, force, library, progress, note
        As for `simulate`.

    Returns
    -------
    TrialReport

    Raises
    ------
    MtorsimError
        If the scenario or a file it refers to is invalid.

    Examples
    --------
    >>> import mtorsim as mt
    >>> report = mt.run_trial("record_1", subjects=40, sets=1, variants=False)
    >>> report.arms["everolimus"].share[">160"].value
    0.175
    >>> row = report.observed[0]
    >>> row.arm, row.endpoint, row.agreement
    ('everolimus', '>ULN', 'overlaps')
    """
    scenario = _settled(scenario, uln, library)
    if sets < 1:
        raise ArgumentError(f"sets = {sets}: there must be at least 1")
    if alternatives and not alternatives_of(draft_plan(scenario, settings=settings).model):
        message = "`alternatives`: the model has none of the mechanisms of the structural alternatives"
        raise ArgumentError(message, help="they belong to glucose_insulin and mtor")
    whole = with_variants(scenario) if variants and PATHWAY in scenario.modules else scenario
    given: dict[str, Any] = {"seed": seed, "threads": threads}
    result = simulate(
        whole, subjects=subjects, settings=settings, out=out, force=force, progress=progress, note=note, **given
    )
    others = _alternatives(scenario, settings, subjects, given) if alternatives else None
    return _report(scenario, whole, result, between_sets(whole, scenario, result, settings, sets, given), others)


def _settled(given: Scenario | str | Path, uln: float | None, library: Library | None) -> Scenario:
    """Complete the trial with defaults and the given limit, and check that it has visits."""
    scenario = scenario_of(given, library)
    if uln is not None:
        if not ULN_RANGE[0] <= uln <= ULN_RANGE[1]:
            raise ArgumentError(f"uln = {uln:g} mg/dL is outside {ULN_RANGE[0]:g} to {ULN_RANGE[1]:g}")
        scenario = scenario.but(uln=float(uln))
    if not any(t >= 24.0 for t in scenario.visits):
        scenario.place.fail("a trial needs a visit a day or more after baseline", "visits", "at")
    return scenario.as_trial()


def _report(
    scenario: Scenario, whole: Scenario, result: Result, moved: BetweenSets, others: Alternatives | None
) -> TrialReport:
    """Make the report of a trial that was run."""
    spec, manifest = scenario.trial or TrialSpec(""), result.manifest
    reporting = None if spec.reporting is None else read_reporting(spec.reporting, scenario.library)
    weights = matched(scenario, result)
    values = values_of(scenario, result, weights)
    reports = {arm: arm_report(result, v, scenario.uln, reporting) for arm, v in values.items()}
    own = [arm.name for arm in scenario.arms]
    arms = {arm: with_sets(reports[arm], moved.shifts.get(arm, [])) for arm in own}
    shares = {arm: report.share for arm, report in reports.items()}
    return TrialReport(
        result=result,
        values={arm: values[arm] for arm in own},
        trial=spec.name,
        scenario=scenario.name,
        title=scenario.title,
        about=scenario.about,
        seed=manifest["seed"],
        subjects=manifest["subjects"],
        population=manifest["population"],
        uln_mg_dl=scenario.uln,
        sample="fasting" if scenario.sampling.fasting else "random",
        ctcae=spec.ctcae,
        reporting=None if reporting is None else {"name": reporting.name, "about": reporting.about},
        calibration={"name": spec.calibration, "sets": moved.sets},
        intervals="95 %: sampling of the simulated patients"
        + (" and the uncertainty of the calibration" if moved.sets > 1 else ""),
        assumptions=spec.assumptions,
        settings=dict(manifest["settings"]),
        status=dict(result.summary["status"]),
        failed=result.summary["failed"],
        matched=how_matched(scenario, result, weights),
        flow=_flow(result, values, own),
        arms=arms,
        difference=_differences(scenario, values),
        variants=_variants(shares, own) if whole is not scenario else None,
        alternatives=None if others is None else {"standard model": {arm: shares[arm] for arm in own}, **others},
        tests=tuple(t for t in result.summary["tests"] if t["arm"] in own),
        observed=tuple(beside(row, arms[row.arm]) for row in scenario.observed),
        seconds=result.summary["seconds"],
    )


def values_of(scenario: Scenario, result: Result, weights: np.ndarray) -> dict[str, ArmValues]:
    """Values of all subjects in all arms, graded by the trial's scale."""
    spec = scenario.trial or TrialSpec("")
    fasting = scenario.sampling.fasting
    grading = read_grading(ctcae(spec.ctcae), scenario.uln, scenario.library, fasting=fasting)
    return {arm: arm_values(result, arm, grading, weights) for arm in result.manifest["arms"]}


def _differences(scenario: Scenario, values: Mapping[str, ArmValues]) -> Difference:
    """Differences of shares from the reference: the first arm without an active drug, else the first."""
    names = [arm.name for arm in scenario.arms]
    if len(names) < 2:
        return Difference(None, {})
    reference = next((arm.name for arm in scenario.arms if not arm.is_treated), names[0])
    limits = limits_of(scenario.uln)
    others = [name for name in names if name != reference]
    return Difference(reference, {name: difference(values[name], values[reference], limits) for name in others})


def _variants(shares: Mapping[str, Shares], own: Sequence[str]) -> dict[str, dict[str, Shares]]:
    """Share above each limit of each arm under each structural variant."""
    found: dict[str, dict[str, Shares]] = {arm: {"both": shares[arm]} for arm in own}
    for name in shares:
        base, between, variant = name.partition(BETWEEN)
        if between:
            found[base][variant] = shares[name]
    return {arm: variants for arm, variants in found.items() if len(variants) > 1}


def _alternatives(
    scenario: Scenario, settings: Mapping[str, float] | None, subjects: int | None, given: Mapping[str, Any]
) -> Alternatives:
    """Share above each limit of each arm under each structural alternative, with the same entry criteria."""
    draft = draft_plan(scenario, settings=settings)
    own = full_settings(draft.population, settings or {})
    limits, found = limits_of(scenario.uln), {}
    for name, change in alternatives_of(draft.model).items():
        other = full_settings(draft.population, change)
        result = simulate(scenario, subjects=subjects, settings={**own, **other}, **given)
        values = values_of(scenario, result, matched(scenario, result))
        found[name] = {arm: {n: v.share(v.worst > limit) for n, limit in limits.items()} for arm, v in values.items()}
    return found


def _flow(result: Result, values: Mapping[str, ArmValues], own: Sequence[str]) -> Flow:
    """Numbers screened, entered, left and stayed, without weights."""
    turned, n, end = int(result.summary["turned_away"]), result.manifest["subjects"], result.manifest["duration_h"]
    arms = {}
    for arm in own:
        ok = result.visits.status.sel(arm=arm).to_numpy() == OK
        left = ok & (values[arm].left <= end)
        arms[arm] = ArmFlow(
            allocated=n,
            left=int(left.sum()),
            completed=int((ok & ~left).sum()),
            failed=int((~ok).sum()),
            treatment_held=len(about(result, arm, "hold")),
            treatment_stopped=len(about(result, arm, "stop")),
            rescued=len(about(result, arm, "start")),
        )
    return Flow(screened=n + turned, turned_away=turned, entered=n, arms=arms)
