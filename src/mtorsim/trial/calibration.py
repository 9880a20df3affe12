"""Fit few named quantities to what trials reported, with uncertainty.

Stray samples are integrated instead of drawn, and above the upper limit of normal the assay's error too, so that
shares are smooth in what is fitted; above a limit that rules react to, what was measured counts. Groups of people
are sampled apart and weighted, so that their share needs no new simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from mtorsim.errors import ScenarioError, did_you_mean
from mtorsim.files.library import Library
from mtorsim.run.plan import draft_plan
from mtorsim.scenario.read import read_scenario
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.simulate import simulate
from mtorsim.stats.draws import normal
from mtorsim.stats.shares import wilson

from .calibration_file import CalibrationFile, _fit, _own, read_calibration
from .share_above import _share

__all__ = ["Calibrated", "Target", "calibrate", "plausible_sets"]


@dataclass(frozen=True)
class Target:
    """One reported share, and what the fit makes of it; shares from 0 to 1."""

    trial: str
    arm: str
    endpoint: str
    observed: float
    of: int
    low: float
    high: float
    value: float

    @property
    def inside(self) -> bool:
        """Whether the fit lies in the reported 95 % interval, widened as the acceptance allows."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True)
class Calibrated:
    """The fit.

    Attributes
    ----------
    names, values
        The quantities, in their own units.
    mean, covariance
        On the scale of the fit.
    targets
        Reported and fitted shares.
    cost, evaluations
        Half the sum of squares, and how many sets were simulated.
    """

    data: CalibrationFile
    values: Mapping[str, float]
    mean: np.ndarray
    covariance: np.ndarray
    targets: tuple[Target, ...]
    cost: float
    evaluations: int

    def as_dict(self) -> dict[str, Any]:
        """As it is written: every quantity with its interval, grade, and what it cannot be told from."""
        sd = np.sqrt(np.diag(self.covariance))
        correlation = self.covariance / np.outer(sd, sd)
        quantities = []
        for i, line in enumerate(self.data.quantity):
            low, high = (_own(line, self.mean[i] + z * sd[i]) for z in (-1.96, 1.96))
            others = [
                {"name": self.data.quantity[j].name, "correlation": round(float(correlation[i, j]), 3)}
                for j in np.argsort(-np.abs(correlation[i]))
                if j != i and abs(correlation[i, j]) >= 0.3
            ]
            quantities.append(
                {
                    "name": line.name,
                    "about": line.about,
                    "value": self.values[line.name],
                    "low": low,
                    "high": high,
                    "prior": line.prior,
                    "evidence": "fit",
                    "learned": round(float(1 - (sd[i] / line.sd) ** 2), 3),
                    "goes_with": others,
                }
            )
        return {
            "calibration": self.data.calibration.name,
            "about": self.data.calibration.about,
            "version": 1,
            "seed": self.data.calibration.seed,
            "subjects": self.data.calibration.subjects,
            "cost": self.cost,
            "sets_simulated": self.evaluations,
            "quantities": quantities,
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "targets": [vars(t) | {"inside": t.inside} for t in self.targets],
        }


@dataclass
class _Trials:
    """Simulated courses, one set of parameters after another."""

    data: CalibrationFile
    scenarios: Mapping[str, Scenario]
    threads: int | None
    library: Library | None
    told: Callable[[str], None] | None
    known: dict[tuple[float, ...], dict[str, Any]] = field(default_factory=dict)

    def courses(self, settings: Mapping[str, float]) -> dict[str, Any]:
        """True glucose and groups of each trial, simulated once for a set of parameters."""
        key = tuple(round(v, 12) for v in settings.values())
        if key not in self.known:
            if self.told:
                self.told(f"set {len(self.known) + 1}: " + ", ".join(f"{n} {v:.4g}" for n, v in settings.items()))
            head = self.data.calibration
            self.known[key] = {
                name: simulate(
                    scenario,
                    settings=settings,
                    subjects=head.subjects,
                    seed=head.seed,
                    threads=self.threads,
                    library=self.library,
                )
                for name, scenario in self.scenarios.items()
            }
        return self.known[key]


def calibrate(
    name: str,
    *,
    threads: int | None = None,
    most_rounds: int = 5,
    library: Library | None = None,
    told: Callable[[str], None] | None = None,
) -> Calibrated:
    """Fit the quantities of a calibration file.

    Residuals are differences of shares on the arcsine scale, where a share's error does not depend on it, and
    distances from the priors. Minimised by trust-region least squares; the covariance is the inverse of J'J.

    Parameters
    ----------
    name
        Of the file.
    threads
        Threads to use; all cores when left out.
    most_rounds
        Jacobians at most.
    told
        Told a line for each set of parameters that is simulated.

    Raises
    ------
    MtorsimError
        If something in the files is wrong.
    """
    data = read_calibration(name, library)
    head = data.calibration
    scenarios = {t: _as_simulated(read_scenario(t, library), head.sampled) for t in head.trials}
    trials = _Trials(data, scenarios, threads, library, told)
    rows = [
        (t, o)
        for t, s in scenarios.items()
        for o in s.data.observed
        if o.role == "calibration" and o.endpoint in head.endpoints and o.percent is not None
    ]
    if not rows:
        raise ScenarioError("there is nothing to fit to", help='rows of `[[observed]]` with role = "calibration" are')
    for q in data.quantity:
        groups = {g for s in scenarios.values() for g in _groups(s, library)}
        if q.group is not None and q.group not in groups:
            raise ScenarioError(f"no population has a group `{q.group}`", help=did_you_mean(q.group, sorted(groups)))
    start = np.array([_fit(q, q.prior) for q in data.quantity])
    sd = np.array([q.sd for q in data.quantity])
    limits = np.array([[_fit(q, v) for v in q.range] for q in data.quantity])

    def shares(x: np.ndarray) -> np.ndarray:
        values = {q.name: _own(q, v) for q, v in zip(data.quantity, x, strict=True)}
        courses = trials.courses({q.parameter: values[q.name] for q in data.quantity if q.parameter})
        return np.array([_share(data, scenarios[t], t, courses[t], o.arm, o.endpoint, values) for t, o in rows])

    observed = np.array([o.percent / 100 for _, o in rows if o.percent is not None])
    size = np.array([min(o.of, head.most_n) for _, o in rows])

    def residuals(x: np.ndarray) -> np.ndarray:
        apart = 2 * np.sqrt(size) * (np.arcsin(np.sqrt(shares(x))) - np.arcsin(np.sqrt(observed)))
        return np.concatenate([apart, (x - start) / sd])

    def jacobian(x: np.ndarray) -> np.ndarray:
        at = residuals(x)
        columns = []
        for i, q in enumerate(data.quantity):
            # Away from a limit that is near.
            h = q.step if x[i] + q.step <= limits[i, 1] else -q.step
            moved = x.copy()
            moved[i] += h
            columns.append((residuals(moved) - at) / h)
        return np.stack(columns, axis=1)

    found = least_squares(
        residuals,
        start,
        jac=jacobian,  # pyright: ignore[reportArgumentType]
        bounds=(limits[:, 0] - 1e-9, limits[:, 1] + 1e-9),
        x_scale=sd,
        xtol=1e-3,
        ftol=1e-3,
        max_nfev=most_rounds,
    )
    values = {q.name: _own(q, x) for q, x in zip(data.quantity, found.x, strict=True)}
    fitted = shares(found.x)
    return Calibrated(
        data=data,
        values=values,
        mean=found.x,
        covariance=np.linalg.inv(found.jac.T @ found.jac),
        targets=tuple(_target(t, o, float(v)) for (t, o), v in zip(rows, fitted, strict=True)),
        cost=float(found.cost),
        evaluations=len(trials.known),
    )


def _groups(scenario: Scenario, library: Library | None) -> list[str]:
    """Names of the groups of a scenario's population."""
    return [g.name for g in draft_plan(scenario, library=library).population.groups]


def _as_simulated(scenario: Scenario, sampled: Mapping[str, float]) -> Scenario:
    """A scenario whose groups are sampled apart, and without stray samples: these are integrated afterwards."""
    stray = scenario.data.visits.stray
    none = None if stray is None else stray.model_copy(update={"share": 0.0})
    visits = scenario.data.visits.model_copy(update={"stray": none})
    return replace(scenario, data=scenario.data.model_copy(update={"sampled": dict(sampled), "visits": visits}))


def _target(trial: str, row: Any, value: float) -> Target:
    """A reported share with its interval, widened: 5 points for any grade, a factor of 1.5 for the severe."""
    low, high = wilson(row.percent / 100 * row.of, row.of)
    if row.endpoint == ">ULN":
        low, high = low - 0.05, high + 0.05
    else:
        low, high = low / 1.5, high * 1.5
    return Target(trial, row.arm, row.endpoint, row.percent / 100, row.of, max(low, 0.0), min(high, 1.0), value)


def plausible_sets(
    fit: Mapping[str, Any], data: CalibrationFile, count: int, seed: int
) -> Sequence[Mapping[str, float]]:
    """Sets of quantities from the fit's uncertainty, the first of them the fit itself."""
    mean, covariance = np.array(fit["mean"]), np.array(fit["covariance"])
    lower = np.linalg.cholesky(covariance)
    found = []
    for k in range(count):
        z = normal(seed, [f"calibration {q.name}" for q in data.quantity], np.array([k]))[:, 0]
        x = mean + (lower @ z if k else 0.0)
        found.append({q.name: _own(q, v) for q, v in zip(data.quantity, x, strict=True)})
    return found
