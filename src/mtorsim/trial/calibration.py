"""Fit a few named quantities to reported trial results, with uncertainty.

The same subjects, with the same draws of days, episodes and assays, are simulated for every set of quantities, so that
differences between sets are those of the quantities. Groups with a share are oversampled and weighted, so a change of
their share needs no new simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from mtorsim.errors import ArgumentError, ScenarioError, did_you_mean, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.results.limits import worst_fasting
from mtorsim.results.result import Result
from mtorsim.run.arguments import checked
from mtorsim.run.plan import Note, draft_plan
from mtorsim.scenario.parts import Observed, Setting
from mtorsim.scenario.scenario import Scenario, read_scenario
from mtorsim.simulation.simulate import simulate
from mtorsim.stats.draws import normal
from mtorsim.stats.shares import wilson

from .calibration_file import CalibrationFile, _fit, _own, read_calibration
from .profile import Point, bounds, profiles
from .quantities import applies, with_quantities

__all__ = ["Calibrated", "Target", "calibrate", "plausible_sets"]


@dataclass(frozen=True)
class Target:
    """A reported share and its fitted value, from 0 to 1."""

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
        """Whether the fitted value lies in the reported 95 % interval, widened by the allowance."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True)
class Calibrated:
    """Result of a calibration.

    Attributes
    ----------
    names, values
        Fitted quantities, in their own units.
    mean, covariance
        On the scale of the fit.
    targets
        Reported and fitted shares.
    cost, evaluations
        Half the sum of squares, and the number of simulated sets.
    profiles
        Profile likelihood of each quantity; None if it was not asked for.
    """

    data: CalibrationFile
    values: Mapping[str, float]
    mean: np.ndarray
    covariance: np.ndarray
    targets: tuple[Target, ...]
    cost: float
    evaluations: int
    profiles: tuple[tuple[Point, ...], ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON record: each quantity with its interval and strongest correlation."""
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
                    **self._profile(i),
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

    def _profile(self, i: int) -> dict[str, Any]:
        """The profile likelihood of one quantity, in its own unit."""
        if self.profiles is None:
            return {}
        line, points = self.data.quantity[i], self.profiles[i]
        limits = _fit(line, line.range[0]), _fit(line, line.range[1])
        ends = [None if end is None else _own(line, end) for end in bounds(points, float(self.mean[i]), limits)]
        told = [{"value": _own(line, p.at), "rise": p.rise, "of_data": p.of_data} for p in points]
        return {"profile": {"low": ends[0], "high": ends[1], "points": told}}


@dataclass(frozen=True)
class _Seen:
    """What the fit needs of a run: the highest glucose of each subject, and who belongs to a group."""

    worst: Mapping[str, np.ndarray]
    groups: Mapping[str, float]
    members: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, result: Result) -> _Seen:
        """Take it from a result, which is not kept."""
        graded, times = result.manifest["graded"], result.visits.time.to_numpy()
        seen = result.visits[graded]
        worst = {arm: worst_fasting(seen.sel(arm=arm).to_numpy(), times) for arm in result.manifest["arms"]}
        groups = {g: float(size) for g, size in result.manifest["groups"].items() if isinstance(size, (int, float))}
        members = {g: result.people[f"group {g}"].to_numpy() > 0.5 for g in groups}
        return cls(worst, groups, members)


@dataclass
class _Problem:
    """The least-squares problem, on the scale of the fit; each set of parameters is simulated once."""

    data: CalibrationFile
    scenarios: Mapping[str, Scenario]
    threads: int | None
    note: Note | None
    simulated: dict[tuple[str | float, ...], _Seen] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[tuple[str, Observed]]:
        """Trial and row of each fitted share."""
        head = self.data.calibration
        return [
            (trial, row)
            for trial, scenario in self.scenarios.items()
            for row in scenario.observed
            if row.role == "calibration" and row.endpoint in head.endpoints and row.percent is not None
        ]

    @cached_property
    def start(self) -> np.ndarray:
        """Prior means, (quantities,)."""
        return np.array([_fit(q, q.prior) for q in self.data.quantity])

    @cached_property
    def sd(self) -> np.ndarray:
        """Prior SDs, (quantities,)."""
        return np.array([q.sd for q in self.data.quantity])

    @cached_property
    def limits(self) -> np.ndarray:
        """Lowest and highest value of each quantity, (quantities, 2)."""
        return np.array([[_fit(q, v) for v in q.range] for q in self.data.quantity])

    def values(self, x: np.ndarray) -> dict[str, float]:
        """Quantities in their own units."""
        return {q.name: _own(q, v) for q, v in zip(self.data.quantity, x, strict=True)}

    def shares(self, x: np.ndarray) -> np.ndarray:
        """Predicted share of each row, (rows,)."""
        values = self.values(x)
        runs = self._runs({q.name: values[q.name] for q in self.data.quantity if q.group is None})
        shares = [
            _share(self.data, self.scenarios[t], t, runs[t], row.arm, row.endpoint, values) for t, row in self.rows
        ]
        return np.array(shares)

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """Differences of shares on the arcsine scale, then distances from the priors, in SD."""
        observed = np.array([row.percent / 100 for _, row in self.rows if row.percent is not None])
        size = np.array([min(row.of, self.data.calibration.most_n) for _, row in self.rows])
        apart = 2 * np.sqrt(size) * (np.arcsin(np.sqrt(self.shares(x))) - np.arcsin(np.sqrt(observed)))
        return np.concatenate([apart, (x - self.start) / self.sd])

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Finite differences of the residuals, with steps away from nearby limits."""
        at = self.residuals(x)
        columns = []
        for i, q in enumerate(self.data.quantity):
            h = q.step if x[i] + q.step <= self.limits[i, 1] else -q.step
            moved = x.copy()
            moved[i] += h
            columns.append((self.residuals(moved) - at) / h)
        return np.stack(columns, axis=1)

    def _runs(self, values: Mapping[str, float]) -> dict[str, _Seen]:
        """Simulate each trial; one that a change does not touch is taken from the sets before."""
        if self.note:
            self.note("set: " + ", ".join(f"{n} {v:.4g}" for n, v in values.items()))
        head = self.data.calibration
        found = {}
        for name, scenario in self.scenarios.items():
            mine = {q.name: values[q.name] for q in self.data.quantity if q.name in values and applies(q, name)}
            key = (name, *(round(v, 12) for v in mine.values()))
            if key not in self.simulated:
                moved, settings = with_quantities(scenario, self.data, mine)
                given: dict[str, Any] = {"subjects": head.subjects, "seed": head.seed, "threads": self.threads}
                self.simulated[key] = _Seen.of(simulate(moved, settings=settings, **given))
            found[name] = self.simulated[key]
        return found


@checked
def calibrate(
    name: str,
    *,
    threads: int | None = None,
    most_rounds: int = 5,
    profile: bool = False,
    library: Library | None = None,
    note: Note | None = None,
) -> Calibrated:
    """Fit the quantities of a calibration file.

    Residuals are differences of shares on the variance-stabilising arcsine scale, and deviations from the priors. They
    are minimised by trust-region least squares; the covariance is the inverse of J'J.

    Parameters
    ----------
    name
        Name of the calibration file.
    threads
        Number of threads; default: all cores.
    most_rounds
        Largest number of Jacobians.
    profile
        Whether to compute the profile likelihood of each quantity too, which takes as long as the fit.
    library
        Where names are looked up.
    note
        Called with a one-line message before each set of parameters is simulated.

    Raises
    ------
    MtorsimError
        If a file is invalid.

    Examples
    --------
    >>> import mtorsim as mt
    >>> fit = mt.calibrate("trials")  # doctest: +SKIP
    >>> dict(zip(fit.names, fit.values))  # doctest: +SKIP
    """
    if most_rounds < 1:
        raise ArgumentError(f"most_rounds = {most_rounds}: there must be at least 1")
    if not isinstance(name, str):
        raise ArgumentError(f"`name` must be the name of a calibration, or a path as text, not {spoken(name)}")
    library = library or library_for(name)
    data = read_calibration(name, library)
    head = data.calibration
    scenarios = {t: _as_simulated(read_scenario(t, library), head.sampled) for t in head.trials}
    problem = _Problem(data, scenarios, threads, note)
    if not problem.rows:
        raise ScenarioError("no reported rates to fit to", help='rows of `[[observed]]` with role = "calibration" are')
    groups = {g.name for s in scenarios.values() for g in draft_plan(s).population.groups}
    for q in data.quantity:
        if q.group is not None and q.group not in groups:
            raise ScenarioError(f"no population has a group `{q.group}`", help=did_you_mean(q.group, sorted(groups)))
    found = least_squares(
        problem.residuals,
        problem.start,
        jac=problem.jacobian,  # pyright: ignore[reportArgumentType]
        bounds=(problem.limits[:, 0] - 1e-9, problem.limits[:, 1] + 1e-9),
        x_scale=problem.sd,
        xtol=1e-3,
        ftol=1e-3,
        max_nfev=most_rounds,
    )
    shares = problem.shares(found.x)
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    told = None
    if profile:
        rows = len(problem.rows)
        told = profiles(problem.residuals, found.x, found.jac, covariance, problem.limits, rows)
    return Calibrated(
        data=data,
        values=problem.values(found.x),
        mean=found.x,
        covariance=covariance,
        targets=tuple(_target(t, row, float(v)) for (t, row), v in zip(problem.rows, shares, strict=True)),
        cost=float(found.cost),
        evaluations=len(problem.simulated),
        profiles=told,
    )


def _as_simulated(scenario: Scenario, sampled: Mapping[str, float]) -> Scenario:
    """A scenario with oversampled groups."""
    place = scenario.place.inside("sampled")
    return scenario.but(sampled=tuple(Setting(group, share, place) for group, share in sampled.items()))


def _share(
    data: CalibrationFile,
    scenario: Scenario,
    trial: str,
    seen: _Seen,
    arm: str,
    endpoint: str,
    values: Mapping[str, float],
) -> float:
    """One endpoint of one arm."""
    worst = seen.worst[arm]
    weights = np.ones(len(worst))
    shares = {q.group: values[q.name] for q in data.quantity if q.group and applies(q, trial)}
    for group, sampled in data.calibration.sampled.items():
        written = seen.groups[group]
        if not 0 < written < 1:
            continue
        share = shares.get(group, written)
        weights = weights * np.where(seen.members[group], share / sampled, (1 - share) / (1 - sampled))
    limit = scenario.uln if endpoint == ">ULN" else float(endpoint.removeprefix(">"))
    return float(weights @ (worst > limit) / weights.sum())


def _target(trial: str, row: Any, value: float) -> Target:
    """A reported share with its interval, widened by 5 points, or by a factor of 1.5 for severe grades."""
    low, high = wilson(row.percent / 100 * row.of, row.of)
    if row.endpoint == ">ULN":
        low, high = low - 0.05, high + 0.05
    else:
        low, high = low / 1.5, high * 1.5
    return Target(trial, row.arm, row.endpoint, row.percent / 100, row.of, max(low, 0.0), min(high, 1.0), value)


def plausible_sets(
    fit: Mapping[str, Any], data: CalibrationFile, count: int, seed: int
) -> Sequence[Mapping[str, float]]:
    """Draw sets of quantities from the fit's uncertainty; the first is the fit itself."""
    mean, covariance = np.array(fit["mean"]), np.array(fit["covariance"])
    lower = np.linalg.cholesky(covariance)
    found = []
    for k in range(count):
        z = normal(seed, [f"calibration {q.name}" for q in data.quantity], np.array([k]))[:, 0]
        x = mean + (lower @ z if k else 0.0)
        found.append({q.name: _own(q, v) for q, v in zip(data.quantity, x, strict=True)})
    return found
