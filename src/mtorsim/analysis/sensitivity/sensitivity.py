"""Which parameter decides an answer: elasticities, and what each parameter does over its plausible range.

Every parameter of a person is changed, from before the untreated day on, and the person is run in again. The copies
advance together in the lanes of the integrator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.analysis.asked import read_asked
from mtorsim.analysis.courses import ROWS, repeated, share_out
from mtorsim.analysis.people import average
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.run.arguments import checked
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, prepare
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.progress import Progress, shown_progress
from mtorsim.simulation.workers import workers

from .question import RTOL, Question, Questioned
from .ranges import RangedParameter, described, ends, free_parameters

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ParameterEffect", "Sensitivity", "sensitivity"]

STEP = 0.01
"""Relative step of central differences: far above the error of a solve at `RTOL`, and with a truncation error of a
ten-thousandth."""
MOST_SUBJECTS = 1000


@dataclass(frozen=True)
class ParameterEffect(RangedParameter):
    """What one parameter does to the answer, on average over the subjects.

    Attributes
    ----------
    name, value, unit, about, source, evidence
        As in the model files.
    between
        The ends of its range; 20 % below and above its value where it has none, and `ranged` is then False.
    per_percent
        Change of the answer for one per cent more of the parameter, in the unit of the answer.
    elasticity
        Relative change of the answer for the same relative change of the parameter; NaN where the answer is near 0.
    low, high
        The answer with the parameter at either end: that of all subjects, plus the mean change of those who did not
        fail; NaN if all did.
    failed
        Number of subjects that failed with the parameter changed; they are left out of its means.
    """

    per_percent: float
    elasticity: float
    low: float
    high: float
    failed: int

    @property
    def swing(self) -> float:
        """Difference of the answer between the ends of the range; 0 where no subject has an answer at both."""
        swing = abs(self.high - self.low)
        return swing if swing == swing else 0.0


@dataclass(frozen=True, repr=False)
class Sensitivity(Questioned):
    """Sensitivity of an answer to every parameter.

    Attributes
    ----------
    of, unit, at, effect
        The quantity, its unit, the time in hours or `highest`, and whether the answer is its difference from the arm
        without the drug.
    answer
        The answer with all parameters as they are, mean over the subjects.
    rows
        Parameters, from the largest swing to the smallest.
    idle
        Names of parameters that change nothing.
    """

    subjects: int
    answer: float
    rows: tuple[ParameterEffect, ...] = field(repr=False)
    idle: tuple[str, ...] = field(repr=False)

    @property
    def told(self) -> str:
        """What is asked, in a line."""
        return self.told_of(f"{self.subjects:,} subject{'s' if self.subjects > 1 else ''}")

    @property
    def by_evidence(self) -> dict[str, float]:
        """Share of each kind of evidence in the squares of all swings: what the answer rests on."""
        squares = {row.name: row.swing**2 for row in self.rows}
        whole = sum(squares.values()) or 1.0
        kinds = dict.fromkeys(row.evidence for row in self.rows)
        found = {kind: sum(squares[row.name] for row in self.rows if row.evidence == kind) / whole for kind in kinds}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @property
    def table(self) -> pd.DataFrame:
        """One row per parameter."""
        import pandas as pd

        return pd.DataFrame([{**vars(row), "swing": row.swing} for row in self.rows]).set_index("name")

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        kept = {name: value for name, value in vars(self).items() if name != "rows"}
        return {**kept, "by_evidence": self.by_evidence, "rows": [{**vars(r), "swing": r.swing} for r in self.rows]}

    def __repr__(self) -> str:
        lines = [f"Sensitivity({self.told}: {self.answer:.4g}"]
        lines += [f"  {r.name}: {r.low:.4g} to {r.high:.4g} ({r.evidence})" for r in self.rows[:8]]
        return "\n".join([*lines, ")"])


@checked
def sensitivity(
    scenario: Scenario | str | Path,
    *,
    arm: str | None = None,
    versus: str | None = None,
    of: str = "fasting_glucose",
    at: str | float | None = None,
    effect: bool = False,
    parameters: Sequence[str] | None = None,
    subjects: int = 8,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    threads: int | None = None,
    library: Library | None = None,
    progress: Progress | bool | None = None,
    note: Callable[[str], None] | None = None,
) -> Sensitivity:
    """Change every parameter of some people, one at a time, and see what becomes of an answer.

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
    subjects
        Number of subjects over whom effects are averaged.
    seed, population, settings, threads, library, progress, note
        As in `simulate`.

    Returns
    -------
    Sensitivity
        Parameters in order of what their range does to the answer.

    Raises
    ------
    MtorsimError
        If an input is invalid.

    Examples
    --------
    >>> import mtorsim as mt
    >>> found = mt.sensitivity("everolimus_breast", at="2 weeks", subjects=1, parameters=["everolimus.CL", "mtor.gI"])
    >>> {row.name: row.per_percent < 0 for row in found.rows}["everolimus.CL"]
    True
    """
    if not 1 <= subjects <= MOST_SUBJECTS:
        raise ArgumentError(f"subjects = {subjects}: from 1 to {MOST_SUBJECTS:,}")
    options = Options.given(precision="double", rtol=RTOL)
    given = {"seed": seed, "population": population, "settings": settings, "options": options}
    asked = read_asked(scenario, of, at, arm, versus, library, **given)
    plan, treated, untreated = asked.plan(note)
    question = Question(plan, treated, untreated, of, asked.time, effect)
    work = _Work(question, tuple(free_parameters(plan, parameters)))
    return work.run(subjects, workers(threads), shown_progress(progress))


@dataclass(frozen=True)
class _Work:
    """Everything that a batch of people needs."""

    question: Question
    names: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """The runs."""
        return self.question.plan

    def run(self, subjects: int, threads: int, progress: Progress | None) -> Sensitivity:
        """Change all parameters of all subjects, in batches of parameters on threads."""
        people = prepare(self.plan, np.arange(subjects))
        well = np.flatnonzero(people.status == OK)
        if not len(well):
            raise ArgumentError("no subject of this population could be prepared")
        people = People(**{name: getattr(people, name)[well] for name in vars(people)})
        base = self.question.answers(people)[0]
        self.question.choose_forms(4 * len(well) * len(self.names))
        size = max(1, ROWS // (4 * len(well)))
        numbers = np.arange(len(self.names))
        found = share_out(numbers, size, threads, lambda some: self._changed(some, people), progress)
        values = np.concatenate(list(found))
        effects = [self._row(name, values[j], base, people.weights) for j, name in enumerate(self.names)]
        moving = sorted((r for r in effects if r.swing or r.per_percent or r.failed), key=lambda r: -r.swing)
        idle = tuple(r.name for r in effects if not (r.swing or r.per_percent or r.failed))
        return Sensitivity(
            **self.question.described(),
            subjects=len(well),
            answer=average(base, people.weights),
            rows=tuple(moving),
            idle=idle,
        )

    def _changed(self, numbers: np.ndarray, people: People) -> np.ndarray:
        """Answers with some parameters changed: a step up and down, and the ends, (parameters, 4, subjects)."""
        n = len(people.subjects)
        rows = repeated(people, 4 * len(numbers))
        for k, number in enumerate(numbers):
            column = self.plan.kernel.parameters.index(self.names[number])
            own = people.parameters[:, column]
            low, high = ends(self.plan, self.names[number], own)
            for step, value in enumerate((own * (1 + STEP), own * (1 - STEP), low, high)):
                rows.parameters[4 * k + step :: 4 * len(numbers), column] = value
        answers, _ = self.question.answers_run_in(rows)
        return answers.reshape(n, len(numbers), 4).transpose(1, 2, 0)

    def _row(self, name: str, values: np.ndarray, base: np.ndarray, weights: np.ndarray) -> ParameterEffect:
        whole = np.isfinite(values).all(axis=0) & np.isfinite(base)
        answer = average(base, weights)
        change = [average((v - base)[whole], weights[whole]) for v in values]
        up, down, low, high = (answer + c for c in change)
        slope = (up - down) / (2 * STEP)
        near = abs(answer) < 1e-3 * float(np.nanmax(np.abs(base)))
        return ParameterEffect(
            **described(self.plan, name),
            per_percent=slope / 100,
            elasticity=float("nan") if near else slope / answer,
            low=low,
            high=high,
            failed=int((~whole).sum()),
        )
