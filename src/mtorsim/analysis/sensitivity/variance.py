"""How much of the variance of an answer each parameter explains, alone and with the others: indices of Sobol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.analysis.asked import read_asked
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.run.arguments import checked
from mtorsim.run.options import Options
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers

from .person import Person, check_one_person, person_of, reasons
from .question import ROUNDING, RTOL, Question, Questioned
from .ranges import RangedParameter, free_parameters
from .saltelli import Answers, design, indices
from .screening import Screening, check_trajectories, screened

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SobolIndices", "VarianceShare", "sobol"]

SCREENED = 8
"""Parameters that are taken from a screening."""
FEWEST, MOST = 8, 16_384
"""Samples."""


@dataclass(frozen=True)
class VarianceShare(RangedParameter):
    """Share of one parameter in the variance of the answer.

    Attributes
    ----------
    name, value, unit, about, source, evidence, ranged
        As in the model files.
    between
        The ends of its range in this person.
    first, total
        First-order and total index: the share of the parameter alone, and with all interactions in which it takes part.
        A share near 0 may come out negative.
    first_interval, total_interval
        Bootstrap intervals of 95 %.
    """

    first: float
    first_interval: tuple[float, float]
    total: float
    total_interval: tuple[float, float]


@dataclass(frozen=True, repr=False)
class SobolIndices(Questioned):
    """Shares of parameters in the variance of an answer.

    Attributes
    ----------
    of, unit, at, effect
        The quantity, its unit, the time in hours or `highest`, and whether the answer is its difference from the arm
        without the drug.
    subject
        Number of the person.
    within
        Relative distance from its own values to which ranges were narrowed, None for whole ranges.
    samples
        Number of samples n; the person was computed with n (parameters + 2) sets of parameters.
    answer
        The answer with all parameters as they are.
    mean, deviation
        Mean and standard deviation of the answer over the ranges.
    interactions, interactions_interval
        Share of the variance that no parameter explains alone, and its bootstrap interval of 95 %. Near 0, it may come
        out negative.
    rows
        Parameters, from the largest total index to the smallest.
    screening
        The screening from which the parameters were taken; None if they were named.
    """

    subject: int
    within: float | None
    samples: int
    answer: float
    mean: float
    deviation: float
    interactions: float
    interactions_interval: tuple[float, float]
    rows: tuple[VarianceShare, ...] = field(repr=False)
    screening: Screening | None = field(repr=False)

    @property
    def told(self) -> str:
        """What is asked, in a line."""
        return self.told_of(f"subject {self.subject}")

    @property
    def table(self) -> pd.DataFrame:
        """One row per parameter."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows]).set_index("name")

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        screening = self.screening.to_json() if self.screening else None
        rows = [vars(row) for row in self.rows]
        return {**vars(self), "rows": rows, "screening": screening}

    def __repr__(self) -> str:
        lines = [f"SobolIndices({self.told}: mean {self.mean:.4g}, standard deviation {self.deviation:.3g}"]
        for r in self.rows[:8]:
            first, total = (f"{low:.2f} to {high:.2f}" for low, high in (r.first_interval, r.total_interval))
            lines.append(f"  {r.name}: first {r.first:.2f} ({first}), total {r.total:.2f} ({total})")
        return "\n".join([*lines, ")"])


@checked
def sobol(
    scenario: Scenario | str | Path,
    *,
    arm: str | None = None,
    versus: str | None = None,
    of: str = "fasting_glucose",
    at: str | float | None = None,
    effect: bool = False,
    parameters: Sequence[str] | None = None,
    subject: int = 0,
    samples: int = 256,
    within: float | None = None,
    trajectories: int = 10,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> SobolIndices:
    """Divide the variance of an answer among parameters of a person that vary over their ranges.

    The parameters are independent; each is uniform in its logarithm over its range where both ends are positive, else
    uniform over its range. Indices are those of this distribution, which states ignorance and no measured variability.
    Samples come from one scrambled Sobol sequence; first-order indices by the estimator of Saltelli et al. (2010),
    total ones by Jansen's (1999), through `scipy.stats.sobol_indices`; intervals are percentiles of 999 bootstrap
    resamples. The person is run in again for every sample.

    Parameters
    ----------
    scenario
        A scenario, the name of a bundled one, or the path of a file.
    arm, versus
        As in `explain`.
    of, at
        An observable, and the time, as in `explain`.
    effect
        Whether the answer is the difference from the arm without the drug.
    parameters
        At least two full names, all others keep the person's values; default: the 8 that `morris` puts first with the
        same arguments.
    subject
        Number of the person in the population.
    samples
        Number of samples n, a power of 2; the person is computed n (parameters + 2) times.
    within
        Narrows every range to this relative distance from the person's own value: 0.2 is 20 % to either side.
    trajectories
        As in `morris`, which is not called if `parameters` are given.
    seed
        Seed of the person, of the samples and of the bootstrap; default: the scenario's.
    population, settings, threads, library, progress, note
        As in `simulate`. Results are the same for any number of threads.

    Returns
    -------
    SobolIndices
        Parameters in order of their total index.

    Raises
    ------
    MtorsimError
        If an input is invalid, or any sample failed: indices without it would be those of another distribution.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.sobol("minimal_ivgtt", of="glucose", at="30 min", parameters=["minimal.SI", "minimal.Gb"])
    >>> [(row.name, row.total > row.first) for row in found.rows]
    [('minimal.SI', True), ('minimal.Gb', True)]
    """
    check_one_person(subject, within)
    check_trajectories(trajectories)
    _check_samples(samples)
    options = Options.given(precision="double", rtol=RTOL)
    given = {"seed": seed, "population": population, "settings": settings, "options": options}
    asked = read_asked(scenario, of, at, arm, versus, library, **given)
    plan, treated, untreated = asked.plan(note)
    question = Question(plan, treated, untreated, of, asked.time, effect)
    names = free_parameters(plan, parameters)
    person = person_of(question, names, subject, within)
    cores, shown = workers(threads), shown_progress(progress)
    screening, before = None, 0
    if parameters is None:
        before = trajectories * (len(names) + 1)
        expected = before + samples * (min(SCREENED, len(names)) + 2)
        screening = screened(person, within, trajectories, cores, _part_of(shown, 0, expected))
        names = [row.name for row in screening.rows[:SCREENED]]
        person = person_of(question, names, subject, within)
    if len(names) < 2:
        raise ArgumentError("a variance is divided among two parameters at least", help="name more of them")
    shown = _part_of(shown, before, before + samples * (len(names) + 2))
    found = _divided(person, within, samples, cores, shown)
    return replace(found, screening=screening)


def _check_samples(samples: int) -> None:
    if not FEWEST <= samples <= MOST or samples & (samples - 1):
        help = "take 256, 512 or 1024"
        raise ArgumentError(f"samples = {samples}: a power of 2 from {FEWEST} to {MOST:,}", help=help)


def _part_of(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of a part of the work as that of the whole."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def _divided(
    person: Person, within: float | None, samples: int, threads: int, progress: Progress | None
) -> SobolIndices:
    """Indices of all parameters of a person."""
    seed, inputs = person.question.plan.seed, len(person.names)
    rows, status = person.answers_at(design(inputs, samples, seed), threads, progress)
    _check_whole(person, rows, status)
    answers = Answers.of_rows(rows, inputs)
    mean, deviation = float(answers.whole.mean()), float(answers.whole.std())
    if deviation <= ROUNDING * np.abs(answers.whole).max():
        raise ArgumentError("none of these parameters changes the answer", help="name others")
    found = indices(answers, seed)
    shares = [
        VarianceShare(
            **person.described(j),
            first=float(found.first[j]),
            first_interval=(float(found.first_interval[j, 0]), float(found.first_interval[j, 1])),
            total=float(found.total[j]),
            total_interval=(float(found.total_interval[j, 0]), float(found.total_interval[j, 1])),
        )
        for j in range(inputs)
    ]
    return SobolIndices(
        **person.question.described(),
        subject=int(person.people.subjects[0]),
        within=within,
        samples=samples,
        answer=person.answer,
        mean=mean,
        deviation=deviation,
        interactions=found.interactions,
        interactions_interval=(float(found.interactions_interval[0]), float(found.interactions_interval[1])),
        rows=tuple(sorted(shares, key=lambda row: -row.total)),
        screening=None,
    )


def _check_whole(person: Person, rows: np.ndarray, status: np.ndarray) -> None:
    """Refuse failed samples, and name the parameters that most often decide whether a sample fails."""
    failed = ~np.isfinite(rows)
    if not failed.any():
        return
    parts = Answers.of_rows(failed, len(person.names))
    decides = (parts.mixed != parts.a).sum(axis=1)
    first = [f"`{person.names[j]}`" for j in np.argsort(-decides, kind="stable")[:3] if decides[j]]
    leave = f", or leave out {' or '.join(first)}, which most often decide it" if first else ""
    raise ArgumentError(
        f"{failed.sum():,} of {len(rows):,} samples failed: {reasons(rows, status)}",
        help=f"indices need all of them: narrow the ranges (`within`, such as 0.2){leave}",
    )
