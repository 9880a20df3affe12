"""What measured values say of a candidate: residuals in SDs, with the variation within the person and of the assay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People

from .history import Courses, begin, joined
from .person import Person
from .posterior import Evaluated
from .prior import Prior

__all__ = ["Likelihood", "Noise"]

COPIES = 32
"""Copies of a person, each with other days, from whom the variation within the person is taken."""
DAILY = 0.05
"""SD of the logarithm of glucose from day to day with which the search for a mode begins."""
TOGETHER = 36.0
"""Hours within which values share the day's variation."""
LEAST = 1e-6
"""Smallest value of which a logarithm is taken."""


@dataclass(frozen=True)
class Noise:
    """Error of the logarithms of measured values.

    Attributes
    ----------
    factor
        Lower Cholesky factor of their covariance, (m, m).
    """

    factor: np.ndarray

    @property
    def sd(self) -> np.ndarray:
        """SD of each, (m,)."""
        return np.sqrt(np.sum(self.factor**2, axis=1))


@dataclass(frozen=True)
class Likelihood:
    """Residuals of candidates for a person.

    Attributes
    ----------
    share
        Calls a function on parts of the candidates, and joins what it returns.
    """

    person: Person
    plan: Plan
    prior: Prior
    share: Callable[[Callable[[np.ndarray], tuple[np.ndarray, ...]], int], tuple[np.ndarray, ...]]

    @property
    def _times(self) -> np.ndarray:
        return np.unique([v.time for v in self.person.values])

    def courses(self, people: People) -> tuple[Courses, np.ndarray]:
        """Courses to the present, and the logarithm of what would have been measured, (n, m)."""
        plan = self.plan
        arm = plan.arms[0]
        courses = begin(plan, arm, people)
        times = self._times
        values = courses.advance(self.person.now, times, arm.schedule.steady())
        return courses, self._logarithms(values, times)

    def candidates(self, deviates: np.ndarray) -> tuple[Courses, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Courses of candidates to the present; their implied deviates, log weights and expected logarithms."""
        plan = self.plan

        def some(who: np.ndarray) -> tuple[np.ndarray, ...]:
            people, implied, weight = self.prior.people(plan, deviates[who])
            courses, expected = self.courses(people)
            return implied, weight, expected, *courses.arrays()

        implied, weight, expected, *arrays = self.share(some, len(deviates))
        return joined(plan, plan.arms[0], self.person.now, arrays), (implied, weight, expected)

    def residuals(self, noise: Noise, kept: list[Courses] | None = None) -> Callable[[np.ndarray], Evaluated]:
        """The problem of the posterior, from deviates (n, d) to residuals (n, k + m).

        Parameters
        ----------
        noise
            The error of each value.
        kept
            A list to which the courses of each call are added.
        """

        def problem(deviates: np.ndarray) -> Evaluated:
            courses, (implied, weight, expected) = self.candidates(deviates)
            if kept is not None:
                kept.append(courses)
            return Evaluated(np.concatenate([implied, self._whitened(expected, noise)], axis=1), weight)

        return problem

    def rewhitened(self, slopes: np.ndarray, old: Noise, new: Noise) -> np.ndarray:
        """Derivatives of residuals, (k + m, d), after another noise."""
        m = len(self.person.values)
        mine = slopes[len(slopes) - m :]
        known = np.array([v.beyond == 0 for v in self.person.values])
        moved = mine * (old.sd / new.sd)[:, None]
        one, two = (np.linalg.cholesky((n.factor @ n.factor.T)[np.ix_(known, known)]) for n in (old, new))
        moved[known] = np.linalg.solve(two, one @ mine[known])
        return np.concatenate([slopes[: len(slopes) - m], moved])

    def first_noise(self) -> Noise:
        """A first guess of the error of each value."""
        daily = np.array([DAILY if "glucose" in v.name else 0.0 for v in self.person.values])
        return Noise(np.diag(np.hypot(daily, np.log1p([v.error for v in self.person.values]))))

    def noise(self, deviates: np.ndarray) -> Noise:
        """The error of each value in a person with some deviates, (d,): of the assay, and from day to day."""
        plan = self.plan
        person, _, _ = self.prior.people(self.plan, deviates[None])
        copies = People(**{name: np.repeat(value, COPIES, axis=0) for name, value in vars(person).items()})
        copies = People(**{**vars(copies), "subjects": np.arange(COPIES)})

        def some(who: np.ndarray) -> tuple[np.ndarray, ...]:
            own = People(**{name: value[who] for name, value in vars(copies).items()})
            values = begin(plan, plan.arms[0], own).advance(self.person.now, self._times, plan.arms[0].schedule)
            return (self._logarithms(values, self._times),)

        (found,) = self.share(some, COPIES)
        found = found[np.isfinite(found).all(axis=1)]
        m = len(self.person.values)
        within = np.cov(found, rowvar=False).reshape(m, m) if len(found) > 8 else np.zeros((m, m))
        when = np.array([v.time for v in self.person.values])
        within[np.abs(when[:, None] - when[None, :]) > TOGETHER] = 0.0
        assay = np.diag([np.log1p(v.error) ** 2 for v in self.person.values])
        return Noise(np.linalg.cholesky(within + assay))

    def _logarithms(self, values: np.ndarray, times: np.ndarray) -> np.ndarray:
        """The logarithm of each measured quantity at its time, (n, m)."""
        names = list(self.plan.observables)
        at = np.searchsorted(times, [v.time for v in self.person.values])
        columns = [names.index(v.name) for v in self.person.values]
        return np.log(np.maximum(values[:, at, columns], LEAST))

    def _whitened(self, expected: np.ndarray, noise: Noise) -> np.ndarray:
        """Residuals in SDs, (n, m); those of values beyond a limit square to minus twice their log probability."""
        values = self.person.values
        logs = np.log([v.value for v in values])
        beyond = np.array([v.beyond for v in values])
        apart = expected - logs
        known = np.flatnonzero(beyond == 0)
        found = np.zeros_like(apart)
        if len(known):
            covariance = (noise.factor @ noise.factor.T)[np.ix_(known, known)]
            found[:, known] = np.linalg.solve(np.linalg.cholesky(covariance), apart[:, known].T).T
        for j in np.flatnonzero(beyond):
            # A value said to lie below a limit is likelier the further the expected one lies below.
            found[:, j] = np.sqrt(-2.0 * log_ndtr(beyond[j] * apart[:, j] / noise.sd[j]))
        return found
