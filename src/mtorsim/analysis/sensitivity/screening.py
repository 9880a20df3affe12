"""Which of many parameters matter when all of them may vary: screening by elementary effects of Morris."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.analysis.asked import read_asked
from mtorsim.errors import ArgumentError, shortened
from mtorsim.files.library import Library
from mtorsim.run.arguments import checked
from mtorsim.run.options import Options
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers

from .morris import design, elementary_effects
from .person import Person, check_one_person, person_of, reasons
from .question import ROUNDING, RTOL, Question, Questioned
from .ranges import RangedParameter, free_parameters

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ElementaryEffect", "Screening", "check_trajectories", "morris", "screened"]

MOST_TRAJECTORIES = 1000


@dataclass(frozen=True)
class ElementaryEffect(RangedParameter):
    """What one parameter does to the answer per whole range, from many places of all other parameters.

    Attributes
    ----------
    name, value, unit, about, source, evidence, ranged
        As in the model files.
    between
        The ends of its range in this person.
    mu_star
        Mean of the absolute effects, in the unit of the answer.
    mu
        Mean of the effects; nearer to 0 than `mu_star` if the direction changes.
    sigma
        Standard deviation of the effects: 0 if the effect is the same everywhere, as in a linear model.
    failed
        Number of effects that are left out because a sample at one of their ends failed.
    """

    mu_star: float
    mu: float
    sigma: float
    failed: int


@dataclass(frozen=True, repr=False)
class Screening(Questioned):
    """Elementary effects of parameters on an answer.

    Attributes
    ----------
    of, unit, at, effect
        The quantity, its unit, the time in hours or `highest`, and whether the answer is its difference from the arm
        without the drug.
    subject
        Number of the person.
    within
        Relative distance from its own values to which ranges were narrowed, None for whole ranges.
    trajectories
        Number of trajectories, each of which moves every parameter once.
    answer
        The answer with all parameters as they are.
    samples, failed
        Number of all samples, and of those that failed and are left out.
    rows
        Parameters, from the largest `mu_star` to the smallest.
    idle
        Names of parameters that change nothing.
    """

    subject: int
    within: float | None
    trajectories: int
    answer: float
    samples: int
    failed: int
    rows: tuple[ElementaryEffect, ...] = field(repr=False)
    idle: tuple[str, ...] = field(repr=False)

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
        return {**vars(self), "rows": [vars(row) for row in self.rows]}

    def __repr__(self) -> str:
        lines = [f"Screening({self.told}: {self.answer:.4g}"]
        lines += [f"  {r.name}: mu* {r.mu_star:.3g}, mu {r.mu:+.3g}, sigma {r.sigma:.3g}" for r in self.rows[:8]]
        if self.failed:
            lines.append(f"  {self.failed:,} of {self.samples:,} samples failed")
        return "\n".join([*lines, ")"])


@checked
def morris(
    scenario: Scenario | str | Path,
    *,
    arm: str | None = None,
    versus: str | None = None,
    of: str = "fasting_glucose",
    at: str | float | None = None,
    effect: bool = False,
    parameters: Sequence[str] | None = None,
    subject: int = 0,
    trajectories: int = 10,
    within: float | None = None,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Screening:
    """Vary all parameters of a person over their ranges, and see which of them matter for an answer.

    Elementary effects of Morris (1991) on a grid of four places per range, in equal ratios where both ends are
    positive, else in equal steps; ranked by the mean of the absolute effects (Campolongo et al. 2007). The person is
    run in again for every sample. Samples that cannot be computed are counted, and effects at them left out: what
    remains holds for those parts of the ranges in which a person has a steady state.

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
        Full names; default: all.
    subject
        Number of the person in the population.
    trajectories
        Number of trajectories. Each takes one sample more than there are parameters.
    within
        Narrows every range to this relative distance from the person's own value: 0.2 is 20 % to either side.
    seed
        Seed of the person and of the trajectories; default: the scenario's.
    population, settings, threads, library, progress, note
        As in `simulate`. Results are the same for any number of threads.

    Returns
    -------
    Screening
        Parameters in order of their mean absolute effect.

    Raises
    ------
    MtorsimError
        If an input is invalid, or so many samples failed that a parameter has fewer than two effects.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.morris("minimal_ivgtt", of="glucose", at="30 min")
    >>> [(row.name, row.mu < 0) for row in found.rows[:2]]
    [('minimal.SI', True), ('minimal.p2', True)]
    """
    check_one_person(subject, within)
    check_trajectories(trajectories)
    options = Options.given(precision="double", rtol=RTOL)
    given = {"seed": seed, "population": population, "settings": settings, "options": options}
    asked = read_asked(scenario, of, at, arm, versus, library, **given)
    plan, treated, untreated = asked.plan(note)
    question = Question(plan, treated, untreated, of, asked.time, effect)
    names = free_parameters(plan, parameters)
    person = person_of(question, names, subject, within)
    return screened(person, within, trajectories, workers(threads), shown_progress(progress))


def check_trajectories(trajectories: int) -> None:
    """Check a number of trajectories.

    Raises
    ------
    ArgumentError
        If it is too small for a standard deviation, or too large.
    """
    if not 2 <= trajectories <= MOST_TRAJECTORIES:
        raise ArgumentError(f"trajectories = {trajectories}: from 2 to {MOST_TRAJECTORIES:,}")


def screened(
    person: Person, within: float | None, trajectories: int, threads: int, progress: Progress | None
) -> Screening:
    """Elementary effects of all parameters of a person.

    Raises
    ------
    ArgumentError
        If so many samples failed that a parameter has fewer than two effects.
    """
    plan, inputs = person.question.plan, len(person.names)
    planned = design(inputs, trajectories, plan.seed)
    answers, status = person.answers_at(planned.points.reshape(-1, inputs), threads, progress)
    failed = int((~np.isfinite(answers)).sum())
    found = elementary_effects(answers.reshape(trajectories, -1), planned)
    few = [name for name, count in zip(person.names, found.count, strict=True) if count < 2]
    if few:
        raise ArgumentError(
            f"{failed:,} of {len(status):,} samples failed ({reasons(answers, status)}), and too few effects are left "
            f"of {shortened(few, 3)}",
            help="narrow the ranges (`within`), take more `trajectories`, or choose fewer parameters",
        )
    rows = [
        ElementaryEffect(
            **person.described(j),
            mu_star=float(found.mu_star[j]),
            mu=float(found.mu[j]),
            sigma=float(found.sigma[j]),
            failed=trajectories - int(found.count[j]),
        )
        for j in range(inputs)
    ]
    least = ROUNDING * float(np.nanmax(np.abs(answers)))
    return Screening(
        **person.question.described(),
        subject=int(person.people.subjects[0]),
        within=within,
        trajectories=trajectories,
        answer=person.answer,
        samples=len(status),
        failed=failed,
        rows=tuple(sorted((r for r in rows if r.mu_star > least), key=lambda r: -r.mu_star)),
        idle=tuple(r.name for r in rows if r.mu_star <= least),
    )
