"""Lay measured data beside a simulation: a visual predictive check, and normalised prediction distribution errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError
from mtorsim.event_records.read import read_events
from mtorsim.event_records.table import EventTable, Frame
from mtorsim.files.library import Library
from mtorsim.kernel.status import SENTENCES
from mtorsim.results.manifest import describe_run, machine
from mtorsim.run.arguments import checked
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, announce
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers

from .check import PredictiveCheck
from .correction import predictions
from .design import design_of
from .normality import ErrorTests, error_tests
from .npde import Errors, prediction_errors
from .observations import EVERYONE, Observations
from .panels import panels_of
from .replicates import APART, MOST_REPLICATES

__all__ = ["predictive_check"]

LEAST_REPLICATES = 20
REPLICATES = 500
LEVELS = (5.0, 50.0, 95.0)
CLOCKS = {"time": "the start", "tad": "the last dose"}
FAR = 8.0
"""Ratio of medians, measured to simulated, from which the unit is doubted."""


@checked
def predictive_check(
    scenario: Scenario | str | Path | Sequence[str],
    data: EventTable | str | Path | Frame,
    *,
    of: str | None = None,
    arm: str | None = None,
    by: str | None = None,
    bins: str | int | Sequence[float] = "auto",
    versus: str = "time",
    prediction_corrected: bool = False,
    percentiles: Sequence[float] = LEVELS,
    replicates: int = REPLICATES,
    dv_unit: str | None = None,
    lloq: float | None = None,
    dvid: str | None = None,
    cv: float | None = None,
    sd: float | None = None,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    method: str | None = None,
    precision: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    kernel: str = "auto",
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> PredictiveCheck:
    """Compare measured values with those that a model expects of the same people at the same times.

    Each replicate simulates as many people as were measured, drawn from the population, each at the sampling times of
    one of them and with the error of the assay. Without doses in the data, each person follows an arm of the scenario;
    with doses, each takes their own, and the scenario gives model and population only. Person i of replicate r is
    subject 1,000,000 r + i of the seed.

    Parameters
    ----------
    scenario
        A scenario, the name of a bundled one, or the path of a file; with doses in the data, also names of modules.
    data
        Samples, and doses if there are any: the path of a CSV or Parquet file or a DataFrame with columns ID, TIME in
        hours and DV, else the result of `read_events`, which has options for other tables. Optional columns: EVID, MDV
        and others of doses; DVID; LLOQ, BLQ or CENS; UNIT; ARM; covariates, which replace parameters in people with
        doses of their own, and are those of the population in others.
    of
        The observable that was measured; default: the one that column DVID names, or that the model has.
    arm
        The arm of all people; default: each person's in column ARM, or the only one.
    by
        Column by whose values samples are stratified.
    bins
        `auto`, a number of bins, or their edges in hours.
    versus
        `time` since the start, or `tad`, the time after the last dose.
    prediction_corrected
        Whether values of a bin are corrected for differences of doses, times and covariates.
    percentiles
        Percentiles that are compared.
    replicates
        Number of simulated data sets.
    dv_unit
        Unit of the measured values; default: column UNIT, else that of the model.
    lloq
        Lower limit of quantification, in that unit.
    dvid
        The value of column DVID for this observable.
    cv, sd
        Proportional error as a share, and additive error in the model's unit; default: the scenario's assay.
    seed, population, settings, threads, method, precision, rtol, atol, kernel, library, progress, note
        As in `simulate`.

    Returns
    -------
    PredictiveCheck
        Percentiles by bin, prediction errors and tests.

    Raises
    ------
    MtorsimError
        If the scenario, the data or an option is invalid.

    Notes
    -----
    Visual predictive check: Holford, PAGE 14 (2005) abstract 738 (recalled). Prediction-corrected: Bergstrand et al.,
    AAPS J. 13 (2011) 143. Prediction errors: Brendel et al., Pharm. Res. 23 (2006) 2036.
    """
    _check_numbers(replicates, percentiles, versus)
    table = data if isinstance(data, EventTable) else read_events(data)
    given = {"seed": seed, "population": population, "settings": settings}
    given["options"] = Options.given(method, precision, rtol, atol, kernel)
    asked = {"of": of, "arm": arm, "cv": cv, "sd": sd, "dv_unit": dv_unit, "lloq": lloq, "dvid": dvid, "by": by}
    design = design_of(scenario, table, given, library, note, **asked)
    plan, observed = design.plan, design.observed
    announce(plan, note)
    found = design.simulate(replicates, workers(threads), shown_progress(progress))
    values = found.values
    if versus == "tad":
        after = design.simulator.after_dose(observed)
        observed, values = _kept(replace(observed, time=after), values, np.isfinite(after), "before any dose")
    errors = prediction_errors(observed, values, plan.seed)
    shown, theirs, prediction = observed, values, None
    if prediction_corrected:
        prediction = predictions(values)
        shown, theirs = _kept(observed, values, prediction > 0, "without a positive prediction, not corrected")
        prediction = prediction[prediction > 0]
    return PredictiveCheck(
        scenario=plan.scenario.name,
        title=plan.scenario.title,
        population=plan.population.name,
        seed=plan.seed,
        of=observed.of,
        unit=observed.unit,
        doses=design.doses,
        error=design.residual.told,
        replicates=replicates,
        people=len(observed.people),
        observed=observed,
        panels=tuple(panels_of(shown, theirs, prediction, bins, percentiles)),
        levels=tuple(float(p) for p in percentiles),
        is_corrected=prediction_corrected,
        by=by,
        clock=CLOCKS[versus],
        errors=errors,
        tests=_tests(observed, errors),
        notes=shown.notes,
        warnings=tuple(_doubts(plan, observed, values)),
        failed=found.failed,
        status={SENTENCES[code]: count for code, count in found.status.items()},
        manifest=_manifest(plan, observed, replicates),
    )


def _check_numbers(replicates: int, percentiles: Sequence[float], versus: str) -> None:
    if not LEAST_REPLICATES <= replicates <= MOST_REPLICATES:
        raise ArgumentError(f"replicates = {replicates}: from {LEAST_REPLICATES} to {MOST_REPLICATES:,}")
    if not percentiles or any(not 0 < p < 100 for p in percentiles) or list(percentiles) != sorted(set(percentiles)):
        shown = ", ".join(f"{p:g}" for p in percentiles)
        raise ArgumentError(f"`percentiles` = {shown}: between 0 and 100, in order", help="such as 5, 50, 95")
    if versus not in CLOCKS:
        raise ArgumentError(f"`versus` = {versus}: it is `time` or `tad`")


def _kept(observed: Observations, values: np.ndarray, kept: np.ndarray, why: str) -> tuple[Observations, np.ndarray]:
    """The samples in a mask, with a note on the others."""
    out = int((~kept).sum())
    if out == len(observed):
        raise ArgumentError(f"every sample is {why}")
    return (observed.select(kept, f"samples {why}: {out:,}"), values[:, kept]) if out else (observed, values)


def _tests(observed: Observations, errors: Errors) -> dict[str, ErrorTests]:
    """Tests of all errors, and of those of each stratum."""
    masks = {"all": np.ones(len(observed), bool)}
    if observed.strata != [EVERYONE]:
        masks |= {str(stratum): observed.stratum == stratum for stratum in observed.strata}
    found = {name: error_tests(errors.npde[mask], errors.exchangeable[:, mask]) for name, mask in masks.items()}
    return {name: test for name, test in found.items() if test is not None}


def _doubts(plan: Plan, observed: Observations, values: np.ndarray) -> list[str]:
    """Warnings: people do not differ, or values are so far apart that the unit may be another one."""
    found = []
    if not plan.population.deviating:
        help = "name another, such as `modelled`"
        found.append(f"people of population {plan.population.name} do not differ from each other: {help}")
    middle = predictions(values)
    both = ~observed.below & (observed.value > 0) & (middle > 0)
    ratio = float(np.median(observed.value[both] / middle[both])) if both.any() else 1.0
    if not 1 / FAR < ratio < FAR:
        told = f"{ratio:.3g} times as high as" if ratio > 1 else f"{1 / ratio:.3g} times lower than"
        found.append(f"measured values are {told} simulated ones: is their unit {observed.unit}?")
    return found


def _manifest(plan: Plan, observed: Observations, replicates: int) -> dict[str, Any]:
    """The manifest of the run."""
    people = len(observed.people)
    return {
        **describe_run(plan, people * replicates, 1),
        "finished": True,
        "predictive_check": {"of": observed.of, "people": people, "replicates": replicates, "apart": APART},
        "machine": machine(),
    }
