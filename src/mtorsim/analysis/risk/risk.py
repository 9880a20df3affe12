"""From baseline predictors to the risk of hyperglycaemia: a logistic model an outcome, validated on other people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mtorsim.analysis.courses import named_arm
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.results.result import Result
from mtorsim.run.arguments import checked
from mtorsim.run.plan import Draft, draft_plan
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.simulation.progress import Progress
from mtorsim.simulation.simulate import simulate
from mtorsim.trial.matching import matched
from mtorsim.trial.run import values_of
from mtorsim.trial.values import ArmValues, weighted_share

from .logistic import EVENTS_EACH, Choice, Fit, choose, logistic, probability
from .nomogram import axis_range
from .outcomes import Outcome, check_outcomes, outcome_of
from .performance import Interval, Z, performance
from .prediction import OddsRatio, Risk, RiskModel
from .predictors import Predictor, at_start, graded_in, named_predictors, recorded

__all__ = ["risk"]

OUTCOMES = ("grade 2", "grade 3", "new diabetes")
FOLDS = 5


@checked
def risk(
    scenario: Scenario | str | Path,
    *,
    arm: str | None = None,
    outcomes: Sequence[str] = OUTCOMES,
    predictors: Sequence[str] | None = None,
    subjects: int | None = None,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Risk:
    """Predict who gets hyperglycaemia on a drug from what a clinic knows before the first dose.

    The treated arm is simulated with its rules and rescue. For each outcome a weighted logistic regression is fitted
    to predictors at the start, never to parameters of the model, and judged by five-fold cross-validation in which
    predictors are chosen anew.

    Parameters
    ----------
    scenario
        A scenario or trial, the name of a bundled one, or the path of a file.
    arm
        The treated arm; default: the first with a drug.
    outcomes
        `grade 1` to `grade 4`, by the highest glucose at visits after the start (that grade or worse, as trials count
        it), and `new diabetes`, among people without diabetes at the start.
    predictors
        Names such as `fasting_glucose`, `hba1c`, `bmi`, `known_diabetes`; default: all that are known in a clinic.
    subjects, seed, population, settings, threads, library, progress, note
        As in `simulate`.

    Returns
    -------
    Risk
        Odds ratios, validation, and risks of further people.

    Raises
    ------
    MtorsimError
        If an input is invalid, no outcome has enough people with and without it, or statsmodels is not installed
        (`pip install "mtorsim[risk]"`). Subjects that fail raise no error: they are left out, see `Risk.failed`.

    References
    ----------
    American Diabetes Association, Standards of care in diabetes (`ADA`; limits recalled): new diabetes.
    Steyerberg, Clinical Prediction Models (2019): validation, events for each predictor, and calibration (recalled).

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.risk("everolimus_breast", outcomes=["grade 1"], predictors=["hba1c", "bmi"], subjects=50)
    >>> found.model("grade 1").names[0]
    'hba1c'
    >>> low, high = (found.probability(hba1c=value, bmi=29)["grade 1"].value for value in (5.2, 6.2))
    >>> low < high
    True
    """
    chosen = scenario_of(scenario, library).as_trial()
    draft = draft_plan(chosen, seed=seed, population=population, settings=settings, library=library)
    if not {graded_in(draft), "hba1c"} <= recorded(draft):
        raise ArgumentError("the model has no glucose and HbA1c to count outcomes of", help="add `glucose_insulin`")
    names = check_outcomes(outcomes, draft.grading)
    known = named_predictors(draft, predictors)
    treated = named_arm(draft.arms, arm, treated=True)
    if not treated.spec.is_treated:
        raise ArgumentError(f"no drug is given in arm `{treated.name}`", help="choose a treated arm")
    # A missing library is told before the people are simulated.
    logistic(np.zeros((2, 0)), np.array([0.0, 1.0]), np.ones(2))
    only = chosen.but(arms=(treated.spec,))
    given = {"subjects": subjects, "seed": seed, "population": population, "settings": settings, "threads": threads}
    result = simulate(only, **given, library=library, progress=progress, note=note)
    weights = matched(only, result)
    values = values_of(only, result, weights)[treated.name]
    return _risk(draft, result, values, known, names)


def _risk(
    draft: Draft, result: Result, values: ArmValues, known: tuple[Predictor, ...], names: tuple[str, ...]
) -> Risk:
    """Fit every outcome of a run."""
    measured = at_start(result, values.arm, known)
    measured = {name: v for name, v in measured.items() if np.isfinite(v).any()}
    known = tuple(p for p in known if p.name in measured)
    status = result.visits.status.sel(arm=values.arm).to_numpy()
    whole = np.all([np.isfinite(v) for v in measured.values()], axis=0) & (status == OK)
    subjects = result.visits.subject.to_numpy()
    models, unfit = {}, {}
    for name in names:
        outcome = outcome_of(name, values, draft.grading)
        there = whole & outcome.among
        reason = _too_few(outcome, there)
        if reason is None:
            found = _model(outcome, there, subjects, measured, values.weights, known)
            if isinstance(found, RiskModel):
                models[name] = found
                continue
            reason = found
        unfit[name] = reason
    if not models:
        help = "simulate more people, or choose another outcome"
        raise ArgumentError("; ".join(f"{name}: {reason}" for name, reason in unfit.items()), help=help)
    return Risk(
        scenario=draft.scenario.name,
        title=draft.scenario.title,
        arm=values.arm,
        population=draft.population.name,
        seed=draft.seed,
        folds=FOLDS,
        models=models,
        unfit=unfit,
        predictors=known,
        incomplete=int(((status == OK) & ~whole).sum()),
        subjects=subjects,
        status=status,
        weights=values.weights,
        values=measured,
    )


def _too_few(outcome: Outcome, there: np.ndarray) -> str | None:
    """Why an outcome cannot be predicted, None if it can."""
    n, events = int(there.sum()), int((outcome.hit & there).sum())
    if min(events, n - events) >= EVENTS_EACH:
        return None
    return f"{events} of {n} people have it; at least {EVENTS_EACH} with it and {EVENTS_EACH} without are needed"


def _model(
    outcome: Outcome,
    there: np.ndarray,
    subjects: np.ndarray,
    measured: Mapping[str, np.ndarray],
    weights: np.ndarray,
    known: tuple[Predictor, ...],
) -> RiskModel | str:
    """The model of an outcome, or why there is none."""
    x = {name: v[there] for name, v in measured.items()}
    y, w, who = outcome.hit[there].astype(float), weights[there], subjects[there]
    choice = choose(x, y, w)
    if choice.fit is None:
        return "no predictor can be used: " + "; ".join(f"{n}: {why}" for n, why in choice.dropped.items())
    by_name = {p.name: p for p in known}
    predicted = cross_validated(x, y, w, who)
    axes = {name: axis_range(by_name[name], x[name]) for name in choice.names}
    ends = {n: (min(low, float(x[n].min())), max(high, float(x[n].max()))) for n, (low, high) in axes.items()}
    return RiskModel(
        outcome=outcome.name,
        definition=outcome.definition,
        n=len(y),
        events=int(y.sum()),
        already=outcome.already,
        rate=weighted_share(y == 1, w),
        predictors=tuple(by_name[name] for name in choice.names),
        dropped=choice.dropped,
        fit=choice.fit,
        odds=tuple(_odds(known, x, choice)),
        ranges=ends,
        axes=axes,
        validation=performance(predicted, y, w),
        people=who,
        predicted=predicted,
        observed=y,
    )


def cross_validated(
    x: Mapping[str, np.ndarray], y: np.ndarray, weights: np.ndarray, subjects: np.ndarray, folds: int = FOLDS
) -> np.ndarray:
    """Risk of each person by a model, predictors chosen anew, that was fitted to the people of all other folds.

    Parameters
    ----------
    x, y, weights
        As in `choose`.
    subjects
        Numbers of the subjects (n,): subject i is in fold i modulo `folds`, so that nothing is drawn.
    """
    found = np.empty(len(y))
    for fold in range(folds):
        mine = subjects % folds == fold
        if not mine.any():
            continue
        rest = ~mine
        choice = choose({name: v[rest] for name, v in x.items()}, y[rest], weights[rest])
        if choice.fit is None:
            found[mine] = np.average(y[rest], weights=weights[rest])
            continue
        logits, _ = choice.fit.logits(np.column_stack([x[name][mine] for name in choice.names]))
        found[mine] = probability(logits)
    return found


def _odds(known: tuple[Predictor, ...], x: Mapping[str, np.ndarray], choice: Choice) -> list[OddsRatio]:
    """Odds ratios of all predictors, first those in the model."""
    place = {name: j for j, name in enumerate(choice.names, start=1)}
    rows = []
    for p in sorted(known, key=lambda p: place.get(p.name, len(place) + 1)):
        step = p.step or float(f"{x[p.name].std():.2g}")
        fit = choice.fit
        ratio = _ratio(fit, place[p.name], step) if fit is not None and p.name in place else None
        alone = choice.alone.get(p.name)
        rows.append(OddsRatio(p, step, ratio, None if alone is None else _ratio(alone, 1, step)))
    return rows


def _ratio(fit: Fit, j: int, step: float) -> Interval:
    middle, error = float(fit.coefficients[j]) * step, Z * float(fit.errors[j]) * step
    return Interval(*(float(np.exp(v)) for v in (middle, middle - error, middle + error)))
