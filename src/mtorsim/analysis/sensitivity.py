"""Which parameter decides an answer: elasticities, and what each parameter does over its plausible range.

Every parameter of a person is changed, from before the untreated day on, and the person is run in again. The copies
advance together in the lanes of the integrator.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK
from mtorsim.model.inflow import is_inflow
from mtorsim.run.arguments import checked
from mtorsim.run.arms import PlannedArm
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, prepare, settle
from mtorsim.scenario.scenario import Scenario
from mtorsim.simulation.progress import Progress, shown_progress

from .asked import read_asked
from .courses import ROWS, quantity_at, repeated, share_out
from .times import in_words

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ParameterEffect", "Sensitivity", "sensitivity"]

STEP = 0.01
"""Relative step of central differences: far above the error of a solve at `RTOL`, and with a truncation error of a
ten-thousandth."""
RTOL = 1e-5
"""Relative tolerance of a step, in double precision."""
NO_RANGE = 0.2
"""Relative change where a parameter has no range."""
MOST_SUBJECTS = 1000


@dataclass(frozen=True)
class ParameterEffect:
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

    name: str
    value: float
    unit: str
    about: str
    source: str
    evidence: str
    between: tuple[float, float]
    ranged: bool
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
class Sensitivity:
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

    scenario: str
    title: str
    arm: str
    versus: str
    of: str
    unit: str
    at: float | str
    effect: bool
    seed: int
    population: str
    subjects: int
    answer: float
    rows: tuple[ParameterEffect, ...] = field(repr=False)
    idle: tuple[str, ...] = field(repr=False)

    @property
    def told(self) -> str:
        """What is asked, in a line."""
        what = self.of.replace("_", " ")
        arms = f"{self.arm} less {self.versus}" if self.effect else self.arm
        people = f"{self.subjects:,} subject{'s' if self.subjects > 1 else ''} of {self.population}"
        return f"{what} ({self.unit}), {in_words(self.at)}: {arms}, {people}"

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
    names = _parameters(plan, parameters)
    work = _Work(plan, treated, untreated, of, asked.time, effect, tuple(names))
    return work.run(subjects, threads or os.cpu_count() or 1, shown_progress(progress))


def _parameters(plan: Plan, asked: Sequence[str] | None) -> list[str]:
    """Parameters that can be changed: no switches and no results of the run-in; by default no conventions either."""
    declared = plan.model.parameters
    free = [
        name
        for name in plan.kernel.parameters
        if name in declared and declared[name][0].origin != "run_in" and not is_inflow(name)
    ]
    if asked is None:
        return [n for n in free if declared[n][0].evidence != "convention"]
    for name in asked:
        if name not in free:
            help = did_you_mean(name, free) or "`mtorsim show MODULE` lists parameters"
            raise ArgumentError(f"unknown parameter `{name}`, or one that cannot be changed", help=help)
    return list(dict.fromkeys(asked))


@dataclass(frozen=True)
class _Work:
    """Everything that a batch of people needs."""

    plan: Plan
    treated: PlannedArm
    untreated: PlannedArm
    of: str
    time: float | str
    effect: bool
    names: tuple[str, ...]

    def run(self, subjects: int, threads: int, progress: Progress | None) -> Sensitivity:
        """Change all parameters of all subjects, in batches of parameters on threads."""
        people = prepare(self.plan, np.arange(subjects))
        well = np.flatnonzero(people.status == OK)
        if not len(well):
            raise ArgumentError("no subject of this population could be prepared")
        people = People(**{name: getattr(people, name)[well] for name in vars(people)})
        base = self._answers(people)[0]
        rows = 4 * len(well) * len(self.names)
        hours = self.plan.scenario.duration
        self.plan.choose_forms(rows, days=rows * (1 + self.effect) * hours / 24)
        size = max(1, ROWS // (4 * len(well)))
        numbers = np.arange(len(self.names))
        found = share_out(numbers, size, threads, lambda some: self._changed(some, people), progress)
        values = np.concatenate(list(found))
        effects = [self._row(name, values[j], base, people.weights) for j, name in enumerate(self.names)]
        moving = sorted((r for r in effects if r.swing or r.per_percent or r.failed), key=lambda r: -r.swing)
        idle = tuple(r.name for r in effects if not (r.swing or r.per_percent or r.failed))
        plan = self.plan
        return Sensitivity(
            plan.scenario.name,
            plan.scenario.title,
            self.treated.name,
            self.untreated.name,
            self.of,
            plan.observables[self.of],
            self.time,
            self.effect,
            plan.seed,
            plan.population.name,
            len(well),
            _average(base, people.weights),
            tuple(moving),
            idle,
        )

    def _answers(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        """The answer of each subject and the status of its courses."""
        _, value, status = quantity_at(self.plan, self.treated, people, self.of, self.time)
        if self.effect:
            _, other, ended = quantity_at(self.plan, self.untreated, people, self.of, self.time)
            value, status = value - other, np.maximum(status, ended)
        return np.where(status == OK, value, np.nan), status

    def _changed(self, numbers: np.ndarray, people: People) -> np.ndarray:
        """Answers with some parameters changed: a step up and down, and the ends, (parameters, 4, subjects)."""
        n = len(people.subjects)
        rows = repeated(people, 4 * len(numbers))
        for k, number in enumerate(numbers):
            column = self.plan.kernel.parameters.index(self.names[number])
            own = people.parameters[:, column]
            low, high = self._ends(self.names[number], own)
            for step, value in enumerate((own * (1 + STEP), own * (1 - STEP), low, high)):
                rows.parameters[4 * k + step :: 4 * len(numbers), column] = value
        start, status, _ = settle(self.plan, rows.parameters)
        answers, _ = self._answers(replace(rows, start=start, status=status))
        return answers.reshape(n, len(numbers), 4).transpose(1, 2, 0)

    def _between(self, name: str) -> tuple[float, float, bool]:
        """The ends of a parameter's range as declared, and whether it has one."""
        line = self.plan.model.parameters[name][0]
        value = float(line.value or 0.0)
        if line.range:
            return float(line.range[0]), float(line.range[1]), True
        return value * (1 - NO_RANGE), value * (1 + NO_RANGE), False

    def _ends(self, name: str, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends for each subject: as far from its own value as the declared ones are from the declared value."""
        low, high, _ = self._between(name)
        value = float(self.plan.model.parameters[name][0].value or 0.0)
        if not value:
            return np.full_like(own, low), np.full_like(own, high)
        return np.clip(own * low / value, low, high), np.clip(own * high / value, low, high)

    def _row(self, name: str, values: np.ndarray, base: np.ndarray, weights: np.ndarray) -> ParameterEffect:
        line = self.plan.model.parameters[name][0]
        whole = np.isfinite(values).all(axis=0) & np.isfinite(base)
        answer = _average(base, weights)
        change = [_average((v - base)[whole], weights[whole]) for v in values]
        up, down, low, high = (answer + c for c in change)
        slope = (up - down) / (2 * STEP)
        near = abs(answer) < 1e-3 * float(np.nanmax(np.abs(base)))
        first, last, ranged = self._between(name)
        return ParameterEffect(
            name=name,
            value=float(line.value or 0.0),
            unit=str(line.unit),
            about=line.about,
            source=line.source or "",
            evidence=str(line.evidence or ""),
            between=(first, last),
            ranged=ranged,
            per_percent=slope / 100,
            elasticity=float("nan") if near else slope / answer,
            low=low,
            high=high,
            failed=int((~whole).sum()),
        )


def _average(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of the finite values, NaN if there is none."""
    some = np.isfinite(values)
    return float(np.average(values[some], weights=weights[some])) if some.any() else float("nan")
