"""Forecast one person: from a population and measured values to bands, grades and options.

The person's deviates from the population are inferred: the mode first, then weighted candidates, each of them a whole
virtual person who is run in and followed through the history. What is ahead is drawn from them, with new days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, MtorsimError
from mtorsim.files.library import Library, library_for
from mtorsim.run.arguments import checked
from mtorsim.run.measurement import MEASURED, measure
from mtorsim.run.plan import Draft, Plan, announce, draft_plan, make_plan
from mtorsim.scenario.parts import DAY
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers
from mtorsim.stats.draws import normal

from .contradiction import check_values
from .history import Courses, continued, joined, scaled
from .likelihood import Likelihood, Noise
from .outlook import Ahead, Forecast, Inferred
from .person import Person, read_person
from .posterior import Mode, Sampled, find_mode, resampled, sample
from .prior import Prior, prior_of
from .value import KINDS

__all__ = ["check_person", "forecast", "forecasts"]

ROUND = 64
"""Candidates in a round of sampling."""
ENOUGH = 115.0
"""Effective sample size at which sampling ends."""
ROUNDS = 32
AHEAD = 150
"""Candidates, all of equal weight, from whom what is ahead is drawn."""
COMPARED = 3
"""One of so many of them is followed under every option."""
UNMEASURED = 64
"""Most people of whom what would be ahead is drawn if nothing had been measured."""
MOST_CANDIDATES = 100_000
AGAIN = 3
"""Forecasts for which it should pay to compile: whoever forecasts once does so again."""


@checked
def forecast(
    person: str | Path | Mapping[str, Any],
    *,
    candidates: int = ROUND * ROUNDS,
    enough: float = ENOUGH,
    ahead: int = AHEAD,
    seed: int = 1,
    compare: bool = True,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Forecast:
    """Forecast one person's glucose from what was measured.

    Parameters
    ----------
    person
        The path of a person's file, or its tables.
    candidates
        Largest number of candidates: sampling ends earlier at the effective sample size `enough`.
    enough
        See `candidates`.
    ahead
        Number of candidates, resampled to equal weights, from whom what is ahead is drawn.
    seed
        Seed of all draws.
    compare
        Whether to compare what could be done, and what would be forecast without any value.
    settings, library, note
        As in `simulate`.
    threads
        Number of threads; default: all cores. Results do not depend on it.
    progress
        As in `simulate`; it counts the stages.

    Returns
    -------
    Forecast
        Bands ahead, probability of each grade, options, and what the data say of the person.

    Raises
    ------
    MtorsimError
        If an input is invalid, or a value contradicts the model in view of the others.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.forecast({
    ...     "person": {"sex": "female", "age": 61, "bmi": 29, "diabetic": False, "ahead": "2 weeks"},
    ...     "dose": [{"drug": "everolimus", "amount": "10 mg", "every": "24 h"}],
    ...     "measured": [{"day": 0, "fasting_glucose": "104 mg/dL"}, {"day": 14, "fasting_glucose": "131 mg/dL"}],
    ... }, enough=20, ahead=16, compare=False)
    >>> bool(found.band("fasting_glucose", 0.05)[-1] < found.band("fasting_glucose", 0.95)[-1])
    True
    """
    given = _Given(candidates, enough, ahead, seed, settings)
    return _forecast(read_person(person, library, compare=compare), given, compare, threads, progress, note)


@checked
def forecasts(
    people: Sequence[str | Path | Mapping[str, Any] | MtorsimError],
    *,
    candidates: int = ROUND * ROUNDS,
    enough: float = ENOUGH,
    ahead: int = AHEAD,
    seed: int = 1,
    compare: bool = False,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> list[Forecast | MtorsimError]:
    """Forecast several people; one who cannot be forecast does not cost the others.

    Parameters
    ----------
    people
        The path of a file, or its tables, for each, as from `read_people`; an error is passed on.
    candidates, enough, ahead, seed, compare, settings, threads, library, progress, note
        As in `forecast`. A person's forecast does not depend on the others.

    Returns
    -------
    list
        A forecast, or the reason why there is none, for each.
    """
    given = _Given(candidates, enough, ahead, seed, settings)
    # The folders of the library are read once.
    shared = library or library_for()
    report, cores = shown_progress(progress), workers(threads)
    lock, done = Lock(), 0

    def one(person: Any, own: Callable[[str], None] | None = None) -> Forecast | MtorsimError:
        nonlocal done
        try:
            if isinstance(person, MtorsimError):
                raise person
            found: Forecast | MtorsimError = _forecast(
                read_person(person, shared if isinstance(person, Mapping) else library, compare=compare),
                given,
                compare,
                1,
                None,
                own,
            )
        except MtorsimError as error:
            found = error
        with lock:
            done += 1
            if report is not None:
                report(done, len(people))
        return found

    if not people:
        return []
    # What is compiled or announced is so once, for the first.
    first = one(people[0], note)
    with ThreadPoolExecutor(cores) as pool:
        return [first, *pool.map(one, people[1:])]


@dataclass(frozen=True)
class _Given:
    """How much to compute.

    Attributes
    ----------
    candidates, enough, ahead, seed, settings
        As in `forecast`.
    """

    candidates: int
    enough: float
    ahead: int
    seed: int
    settings: Mapping[str, float] | None

    def work(self, person: Person) -> tuple[int, float]:
        """Courses, and days of courses, that forecasts take, about."""
        courses = 4.0 * self.enough
        options = 1.0 + (len(person.choices) - 1) / COMPARED
        days = courses * person.now / DAY + self.ahead * options * (person.end - person.now) / DAY
        return AGAIN * int(courses), AGAIN * days

    def __post_init__(self) -> None:
        if not 2 * ROUND <= self.candidates <= MOST_CANDIDATES:
            raise ArgumentError(f"candidates = {self.candidates}: from {2 * ROUND} to {MOST_CANDIDATES:,}")
        if not 2 <= self.ahead <= MOST_CANDIDATES:
            raise ArgumentError(f"ahead = {self.ahead}: from 2 to {MOST_CANDIDATES:,}")
        if not 1 <= self.enough <= self.candidates:
            message = f"enough = {self.enough:g}: from 1 to the number of candidates, {self.candidates:,}"
            raise ArgumentError(message)


def _forecast(
    person: Person,
    given: _Given,
    compare: bool,
    threads: int | None,
    progress: Progress | bool | None,
    note: Callable[[str], None] | None,
) -> Forecast:
    """Forecast a person who has been read."""
    plan = make_plan(person.scenario, seed=given.seed, settings=given.settings, note=note)
    announce(plan, note)
    prior = _prior(person, plan)
    plan.choose_forms(*given.work(person))
    cores = workers(threads)
    with ThreadPoolExecutor(cores) as pool:
        work = _Work(person, plan, prior, pool, cores, shown_progress(progress))
        return work.run(given, compare)


def check_person(person: Person) -> Draft:
    """Check everything that a forecast needs, without computing anything.

    Raises
    ------
    MtorsimError
        For the first error.
    """
    draft = draft_plan(person.scenario)
    _prior(person, draft)
    return draft


def _prior(person: Person, draft: Draft) -> Prior:
    """What the population says of the person; raises if something measured is not modelled, or not said."""
    known = dict(zip(draft.observables, draft.sources, strict=True))
    for value in person.values:
        if known.get(value.name) is None:
            help = "add the module `weight` to `model`" if value.name == "weight" else "leave it out"
            value.place.fail(f"this model has no `{value.name}`", help=help)
    if any(g.name == "diabetic" for g in draft.population.groups) and "diabetic" not in person.members:
        help = "write `diabetic = false` or `diabetic = true` in [person]"
        person.place.fail("say whether the person was known to be diabetic before treatment", "person", help=help)
    try:
        return prior_of(draft, person.given, person.members)
    except ArgumentError as error:
        help = 'write `sex = "female"` or `sex = "male"`' if "`male`" in error.message else error.help
        person.place.fail(error.message.replace("`male`", "`sex`"), "person", help=help)


@dataclass
class _Work:
    """One forecast."""

    person: Person
    plan: Plan
    prior: Prior
    pool: ThreadPoolExecutor
    threads: int
    report: Progress | None

    def run(self, given: _Given, compare: bool) -> Forecast:
        likelihood = Likelihood(self.person, self.plan, self.prior, self._share)
        self._stage(0)
        mode, noise = self._mode(likelihood)
        self._stage(1)
        check_values(self.person, mode, noise)
        names = [f"forecast {name}" for name in (*self.prior.names, "component")]

        def normals(number: int) -> np.ndarray:
            return normal(self.plan.seed, names, np.arange(ROUND), number).T

        kept: list[Courses] = []
        problem = likelihood.residuals(noise, kept)
        found = sample(problem, mode, normals, enough=given.enough, rounds=given.candidates // ROUND)
        self._stage(2)
        arrays = [np.concatenate(parts) for parts in zip(*(c.arrays() for c in kept), strict=True)]
        everybody = joined(self.plan, self.plan.arms[0], self.person.now, arrays)
        after = self._ahead(everybody, resampled(found, given.ahead), len(self.person.choices))
        self._stage(3)
        before = self._unmeasured(likelihood, min(given.ahead, UNMEASURED)) if compare else None
        self._stage(4)
        return Forecast(
            person=self.person,
            seed=self.plan.seed,
            units=dict(self.plan.observables),
            days=(self._times - self.person.now) / DAY,
            grading=self.plan.grading,
            ahead={c.name: a for c, a in zip(self.person.choices, after, strict=False)},
            compared=np.arange(given.ahead)[::COMPARED],
            unmeasured=before,
            inferred=self._inferred(mode, noise, found, likelihood),
        )

    def _mode(self, likelihood: Likelihood) -> tuple[Mode, Noise]:
        """The mode, with the noise of the person at the mode."""
        first = likelihood.first_noise()
        mode = find_mode(likelihood.residuals(first), np.zeros(len(self.prior.names)), roughly=True)
        if mode is None:
            message = "the model cannot be run for a person with these covariates"
            self.person.place.fail(message, "person", help="check age, body size and groups")
        noise = likelihood.noise(mode.deviates)
        mode = find_mode(likelihood.residuals(noise), mode.deviates, likelihood.rewhitened(mode.slopes, first, noise))
        assert mode is not None
        return mode, noise

    @property
    def _times(self) -> np.ndarray:
        """Mornings ahead: each of the first week, then once a week, hours."""
        now, end = self.person.now, self.person.end
        last = (end - now) / DAY
        days = np.concatenate([np.arange(1.0, 8.0), np.arange(7.0, last, 7.0), [last]])
        return now + DAY * np.unique(days[days <= last])

    def _ahead(self, courses: Courses, chosen: np.ndarray, options: int) -> list[Ahead]:
        """What is ahead of chosen candidates under some options; a candidate's days are the same in all."""

        def some(who: np.ndarray) -> tuple[np.ndarray, ...]:
            compared = who[who % COMPARED == 0]
            going = [who, *[compared] * (options - 1)]
            return tuple(self._option(continued(courses, chosen[mine], mine), k) for k, mine in enumerate(going))

        found = self._share(some, len(chosen))
        numbers = np.arange(len(chosen))
        return [Ahead(v, self._measured(v, numbers[:: COMPARED if k else 1])) for k, v in enumerate(found)]

    def _unmeasured(self, likelihood: Likelihood, n: int) -> Ahead:
        """What would be ahead if nothing had been measured."""
        names = [f"prior {name}" for name in self.prior.names]
        courses, _ = likelihood.candidates(normal(self.plan.seed, names, np.arange(n)).T)
        return self._ahead(courses, np.arange(n), 1)[0]

    def _option(self, courses: Courses, k: int) -> np.ndarray:
        """Observables ahead under one option."""
        schedule = scaled(self.plan.arms[k].schedule, self.person.choices[k].factor, self.person.now)
        return courses.advance(self.person.end, self._times, schedule)

    def _measured(self, values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Fasting glucose as a laboratory would report it, (n, times)."""
        column = list(self.plan.observables).index("fasting_glucose")
        # A laboratory's, if the person has been to one and does not only measure at home.
        known = [v.error for v in self.person.values if v.name == "fasting_glucose"]
        error = min(known, default=KINDS["fasting_glucose"].error)
        return measure(values[:, :, column], f"fasting_glucose{MEASURED}", error, self.plan.seed, numbers, self._times)

    def _inferred(self, mode: Mode, noise: Noise, found: Sampled, likelihood: Likelihood) -> Inferred:
        """What the data say of the person."""
        m = len(self.person.values)
        people, _, _ = self.prior.people(self.plan, mode.deviates[None])
        _, expected = likelihood.courses(people)
        return Inferred(
            names=self.prior.names,
            mode=mode.deviates,
            mode_sd=np.sqrt(np.diag(mode.covariance)),
            mean=found.mean,
            sd=found.sd,
            effective=found.effective,
            candidates=len(found.weights),
            expected=np.exp(expected[0]),
            noise_sd=noise.sd,
            steps=mode.steps,
            values=m,
        )

    def _share(self, work: Callable[[np.ndarray], tuple[np.ndarray, ...]], n: int) -> tuple[np.ndarray, ...]:
        """Results of parts of n candidates on threads, joined."""
        parts = np.array_split(np.arange(n), max(1, min(self.threads, n // 4)))
        found = [work(parts[0])] if len(parts) == 1 else list(self.pool.map(work, parts))
        return tuple(np.concatenate(part) for part in zip(*found, strict=True))

    def _stage(self, number: int) -> None:
        if self.report is not None:
            self.report(number, 4)
