"""Weight subjects to reported patient characteristics."""

from __future__ import annotations

import numpy as np

from mtorsim.errors import did_you_mean
from mtorsim.results.result import Result
from mtorsim.scenario.parts import Match
from mtorsim.scenario.scenario import Scenario
from mtorsim.stats.balancing import Moment, effective_number, weigh

from .report import Matched, MatchedQuantity

__all__ = ["how_matched", "matched"]


def matched(scenario: Scenario, result: Result) -> np.ndarray:
    """Return sampling weights, and weights that match published characteristics.

    Raises
    ------
    ScenarioError
        If a quantity is unknown, or no weights match the published values.
    """
    rows = scenario.matches
    if not rows:
        return result.weights
    values = {n: _quantity(scenario, result, n, m) for m in rows for n in m.of}
    there = np.asarray(np.isfinite(np.stack(list(values.values()))).all(axis=0))
    moments = [Moment(m.of, m.mean, m.sd, m.correlation) for m in rows]
    # Failed subjects keep their sampling weight.
    weights = np.array(result.weights, float)
    try:
        weights[there] = weigh({n: v[there] for n, v in values.items()}, moments, result.weights[there])
    except ValueError as problem:
        spans = "; ".join(f"{n} {v[there].min():.4g} to {v[there].max():.4g}" for n, v in values.items())
        help = f"ranges here are {spans}; use more subjects, or a closer population"
        scenario.place.fail(str(problem), "match", help=help)
    return weights


def _quantity(scenario: Scenario, result: Result, name: str, match: Match) -> np.ndarray:
    """A matched quantity of each subject at baseline, (n,)."""
    people, visits = result.people, result.visits
    if name in people:
        return np.asarray(people[name], float)
    if name in visits and "time" in visits[name].dims:
        if float(visits.time[0]) > 0:
            help = 'begin `at` with "0 weeks"'
            match.place.fail(f"`{name}` is not measured at baseline", "of", help=help, needle=name)
        return visits[name].isel(arm=0, time=0).to_numpy()
    test, _, index = name.partition(".")
    if scenario.tests and index:
        table = result.tests
        mine = table[(table["test"] == test) & (table["index"] == index) & (table["at_h"] == 0)]
        mine = mine[mine["arm"] == result.manifest["arms"][0]]
        if len(mine):
            return np.asarray(mine["value"], float)
    known = [*people.columns, *visits.data_vars]
    help = did_you_mean(name, [str(k) for k in known]) or "an index of a test needs a [[test]] at baseline"
    match.place.fail(f"`{name}` is not a trait, observable or index", "of", help=help, needle=name)


def how_matched(scenario: Scenario, result: Result, weights: np.ndarray) -> Matched | None:
    """Matched moments before and after weighting, and the effective sample size."""
    if not scenario.matches:
        return None
    rows = []
    for m in scenario.matches:
        if m.correlation is not None:
            rows.append(MatchedQuantity(m.of, correlation=m.correlation))
            continue
        x = _quantity(scenario, result, m.of[0], m)
        there = np.isfinite(x)
        drawn, weighted = (_moments(x[there], w[there]) for w in (result.weights, weights))
        means, spreads = zip(drawn, weighted, strict=True)
        rows.append(MatchedQuantity(m.of, None, m.mean, *means, m.sd, *spreads))
    return Matched(effective_number(weights), len(weights), tuple(rows))


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean and SD."""
    w = weights / weights.sum()
    mean = float(w @ values)
    return mean, float(np.sqrt(w @ (values - mean) ** 2))
