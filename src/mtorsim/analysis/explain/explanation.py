"""An explanation: shares of a drug's effect, person by person, and what follows for classes of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.analysis.people import average, classes, mean_with_interval
from mtorsim.analysis.times import in_words
from mtorsim.errors import ArgumentError
from mtorsim.files.html import card, table
from mtorsim.kernel.status import OK, SENTENCES

from .effects import NamedEffect
from .shapley import interactions, shares

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Explanation", "MeanShare"]

REST = "other"
"""What remains of the difference from the untreated arm when all effects are off."""


@dataclass(frozen=True)
class MeanShare:
    """The mean share of one effect or family in a class of people, with its 95 % interval over people.

    Attributes
    ----------
    part
        Of the whole mean effect, NaN if that is 0.
    """

    name: str
    mean: float
    low: float
    high: float
    part: float


@dataclass(frozen=True, repr=False)
class Explanation:
    """Shares of a drug's effect.

    Attributes
    ----------
    of, unit, at
        The quantity, its unit, and the time in hours, or `highest`.
    by
        The trait by which subjects are classed, None for glucose at the start.
    effects
        The effects among which it is divided.
    subjects, status, weights
        Numbers of the subjects, how their courses ended, and their weights, with which means are taken, (n,).
    start, untreated, spared, treated
        The quantity of each subject, (n,): at the start; without the drug; on the drug with all effects off; on the
        drug. NaN for subjects that failed.
    shares
        Share of each effect, (n, effects). They sum to `treated - spared`.
    errors
        Standard errors of shares from sampled orders, (n, effects); None where shares are exact.
    coalitions
        Value of every coalition of effects by its number, (n, 2**effects), where shares are exact.
    traits
        Traits of the subjects by name, (n,) each.
    """

    scenario: str
    title: str
    arm: str
    versus: str
    of: str
    unit: str
    at: float | str
    by: str | None
    seed: int
    population: str
    effects: tuple[NamedEffect, ...]
    subjects: np.ndarray = field(repr=False)
    status: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    start: np.ndarray = field(repr=False)
    untreated: np.ndarray = field(repr=False)
    spared: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    shares: np.ndarray = field(repr=False)
    errors: np.ndarray | None = field(repr=False)
    coalitions: np.ndarray | None = field(repr=False)
    traits: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the effects."""
        return tuple(effect.name for effect in self.effects)

    @property
    def well(self) -> np.ndarray:
        """Mask of subjects with shares: those that did not fail, and have a value in every course."""
        return (self.status == OK) & np.isfinite(self.untreated) & np.isfinite(self.shares).all(axis=1)

    def means(self, who: np.ndarray | None = None) -> tuple[float, float]:
        """Mean of the quantity without the drug and on it, in some subjects; default: all.

        Raises
        ------
        ArgumentError
            If none of them has a value in every course.
        """
        some = self.well if who is None else self.well & who
        if not some.any():
            help = "ask for an earlier time, or more subjects"
            raise ArgumentError("no subject has a value in every course", help=help)
        weights = self.weights[some]
        return average(self.untreated[some], weights), average(self.treated[some], weights)

    @property
    def failed(self) -> dict[int, str]:
        """The reason for each subject that failed, by number."""
        return {int(i): SENTENCES[int(s)] for i, s in zip(self.subjects, self.status, strict=True) if s != OK}

    def mean(self, who: np.ndarray | None = None) -> list[MeanShare]:
        """Mean share of each effect, of what is left, in some subjects.

        Parameters
        ----------
        who
            Mask of subjects (n,); default: all. Failed ones are left out.
        """
        some = self.well if who is None else self.well & who
        rest = (self.spared - self.untreated)[some]
        columns = {**dict(zip(self.names, self.shares[some].T, strict=True)), REST: rest}
        whole, weights = self._whole(some), self.weights[some]
        return [_mean(name, values, weights, whole) for name, values in columns.items()]

    def _whole(self, some: np.ndarray) -> float:
        """The mean whole effect in some subjects."""
        return average((self.treated - self.untreated)[some], self.weights[some])

    def families(self, who: np.ndarray | None = None) -> list[MeanShare]:
        """Mean share of each family of effects, as `mean`."""
        some = self.well if who is None else self.well & who
        whole, weights = self._whole(some), self.weights[some]
        found = []
        for family in dict.fromkeys(effect.family for effect in self.effects):
            mine = [effect.family == family for effect in self.effects]
            found.append(_mean(family, self.shares[some][:, mine].sum(axis=1), weights, whole))
        return [*found, _mean(REST, (self.spared - self.untreated)[some], weights, whole)]

    def above(self, limit: float, who: np.ndarray | None = None) -> dict[str, Any]:
        """Divide the share of subjects above a limit, in percentage points, among the effects.

        Parameters
        ----------
        limit
            In the unit of the quantity.

        Raises
        ------
        ArgumentError
            If orders were sampled: coalitions are needed.
        """
        if self.coalitions is None:
            raise ArgumentError("shares above a limit need all coalitions, of at most ten effects")
        some = self.well if who is None else self.well & who
        weights = self.weights[some]
        over, without = 100.0 * (self.coalitions[some] > limit), 100.0 * (self.untreated[some] > limit)
        found = shares(over)
        treated, untreated = (average(v, weights) for v in (over[:, -1], without))
        rows = [_mean(name, found[:, j], weights, treated - untreated) for j, name in enumerate(self.names)]
        rest = _mean(REST, over[:, 0] - without, weights, treated - untreated)
        return {"limit": limit, "treated": treated, "untreated": untreated, "shares": [*rows, rest]}

    def pairs(self, who: np.ndarray | None = None) -> list[tuple[str, str, MeanShare]]:
        """Pairs of effects by the size of their mean interaction: what both do together beyond each alone.

        Raises
        ------
        ArgumentError
            If orders were sampled.
        """
        if self.coalitions is None:
            raise ArgumentError("interactions need all coalitions, of at most ten effects")
        some = self.well if who is None else self.well & who
        table, whole, weights = interactions(self.coalitions[some]), self._whole(some), self.weights[some]
        names = self.names
        found = [
            (names[j], names[k], _mean(f"{names[j]} and {names[k]}", table[:, j, k], weights, whole))
            for j in range(len(names))
            for k in range(j + 1, len(names))
        ]
        return sorted(found, key=lambda row: -abs(row[2].mean))

    def classes(self, by: str | None = None) -> dict[str, np.ndarray]:
        """Masks of subjects in classes: in thirds of a trait, by default `by`, or else of glucose at the start.

        Raises
        ------
        ArgumentError
            If the trait is unknown.
        """
        glucose = self.start if self.of in ("fasting_glucose", "glucose") else None
        return classes(by or self.by, self.traits, glucose)

    @property
    def table(self) -> pd.DataFrame:
        """One row per subject: the quantity at the start, untreated and treated, and the share of each effect."""
        import pandas as pd

        columns = {"start": self.start, "untreated": self.untreated, "treated": self.treated}
        columns |= dict(zip(self.names, self.shares.T, strict=True)) | {REST: self.spared - self.untreated}
        return pd.DataFrame(columns, index=pd.Index(self.subjects, name="subject"))

    @property
    def told(self) -> str:
        """What is explained, in a line."""
        what = self.of.replace("_", " ")
        who = f"subject {self.subjects[0]}" if len(self.subjects) == 1 else f"{len(self.subjects):,} subjects"
        return (
            f"{what} ({self.unit}), {in_words(self.at)}: {self.arm} against {self.versus}, {who} of {self.population}"
        )

    def to_json(self, limits: Sequence[float] = ()) -> dict[str, Any]:
        """Return means, classes, interactions and every subject as plain values."""
        exact = self.coalitions is not None
        named = {e.name: {"label": e.label, "family": e.family, "mechanisms": e.mechanisms} for e in self.effects}
        masks = {name: mask for name, mask in self.classes().items() if (mask & self.well).any()}
        return {
            "scenario": self.scenario,
            "arm": self.arm,
            "versus": self.versus,
            "of": self.of,
            "unit": self.unit,
            "at": self.at,
            "seed": self.seed,
            "population": self.population,
            "exact": exact,
            "effects": named,
            "mean": [vars(row) for row in self.mean()],
            "families": [vars(row) for row in self.families()],
            "classes": {
                name: {"n": int((mask & self.well).sum()), "families": [vars(row) for row in self.families(mask)]}
                for name, mask in masks.items()
            },
            "above": [
                {**found, "shares": [vars(row) for row in found["shares"]]}
                for found in (self.above(limit) for limit in (limits if exact else ()))
            ],
            "interactions": [vars(row) for *_, row in self.pairs()] if exact else None,
            "subjects": self.table.reset_index().to_dict(orient="list"),
            "failed": self.failed,
        }

    def __repr__(self) -> str:
        lines = [f"Explanation({self.told}"]
        lines += [f"  {row.name}: {row.mean:+.2f} ({row.low:+.2f} to {row.high:+.2f})" for row in self.families()]
        return "\n".join([*lines, ")"])

    def _repr_html_(self) -> str:
        labels = {effect.name: effect.label for effect in self.effects}
        rows = [
            [escape(labels.get(r.name, r.name)), f"{r.mean:+.2f}", f"{r.low:+.2f} to {r.high:+.2f}", f"{r.part:.0%}"]
            for r in self.mean()
        ]
        return card("Why: " + self.told, self.title, table(["effect", "mean", "95 % CI", "of the whole"], rows))


def _mean(name: str, values: np.ndarray, weights: np.ndarray, whole: float) -> MeanShare:
    """The weighted mean of some subjects' shares and its interval."""
    mean, low, high = mean_with_interval(values, weights)
    return MeanShare(name, mean, low, high, mean / whole if whole else float("nan"))
