"""What people reach at several doses: tables, the dose that keeps a risk low, and schedules at equal exposure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mtorsim.analysis.people import average, classes, mean_with_interval
from mtorsim.analysis.times import in_words
from mtorsim.errors import ArgumentError, choose_from
from mtorsim.kernel.status import OK
from mtorsim.stats.shares import Share, quantiles

from .highest_dose import HighestDose, highest_dose

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AtEqual", "DoseResponse", "ScheduleResponse"]

BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)
Exposure = Literal["inhibition", "trough"]


@dataclass(frozen=True)
class ScheduleResponse:
    """One schedule at several doses.

    Attributes
    ----------
    name, drug, unit
        The schedule, its drug, and the unit of its doses.
    doses
        In order, (k,).
    value
        The quantity of each subject at each dose, (n, k).
    trough, inhibition
        Lowest level of the drug, and mean inhibition of mTORC1 (0 to 1), in the last week, (n, k).
    status
        How the courses ended, (n, k).
    written
        The dose as written in the scenario or the schedule.
    """

    name: str
    drug: str
    unit: str
    doses: np.ndarray
    value: np.ndarray
    trough: np.ndarray
    inhibition: np.ndarray
    status: np.ndarray
    written: float

    def exposure(self, what: str) -> np.ndarray:
        """Trough or inhibition, (n, k)."""
        if what not in ("inhibition", "trough"):
            raise ArgumentError(f"unknown exposure `{what}`", help=choose_from(what, ["inhibition", "trough"]))
        return self.inhibition if what == "inhibition" else self.trough


@dataclass(frozen=True)
class AtEqual:
    """A schedule at the dose at which it reaches a given exposure.

    Attributes
    ----------
    dose
        That dose; NaN if no dose that was tried reaches it.
    effect, low, high
        Mean effect on the quantity, and its 95 % interval over people.
    above
        Share of people above the limit, None without one.
    """

    name: str
    unit: str
    dose: float
    effect: float
    low: float
    high: float
    above: float | None


@dataclass(frozen=True, repr=False)
class DoseResponse:
    """The same people at several doses of one or more schedules.

    Attributes
    ----------
    of, unit, at, versus
        The quantity, its unit, the time in hours or `highest`, and the arm without the drug.
    subjects, weights, start, untreated
        Numbers of the subjects, their weights, and the quantity at the start and without the drug, (n,).
    schedules
        The scenario's own schedule first.
    traits
        Traits of the subjects, (n,) each.
    """

    scenario: str
    title: str
    of: str
    unit: str
    at: float | str
    versus: str
    seed: int
    population: str
    by: str | None
    subjects: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    start: np.ndarray = field(repr=False)
    untreated: np.ndarray = field(repr=False)
    schedules: tuple[ScheduleResponse, ...] = field(repr=False)
    traits: dict[str, np.ndarray] = field(repr=False)

    @property
    def well(self) -> np.ndarray:
        """Mask of the subjects with a value at every dose and without the drug, (n,)."""
        whole = np.isfinite(self.untreated) & np.isfinite(self.start)
        for one in self.schedules:
            whole &= np.isfinite(one.value).all(axis=1)
        return whole

    @property
    def failed(self) -> int:
        """Number of subjects of whom a course failed."""
        bad = np.zeros(len(self.subjects), bool)
        for one in self.schedules:
            bad |= (one.status != OK).any(axis=1)
        return int(bad.sum())

    def classes(self, by: str | None = None) -> dict[str, np.ndarray]:
        """Masks of subjects in classes: in thirds of a trait, by default `by`, or else of glucose at the start."""
        glucose = self.start if self.of in ("fasting_glucose", "glucose") else None
        return classes(by or self.by, self.traits, glucose)

    def above(self, limit: float, schedule: int = 0, who: np.ndarray | None = None) -> list[Share]:
        """Share of people above a limit at each dose."""
        some = self.well if who is None else self.well & who
        weights = self.weights[some]
        size = float(weights.sum() ** 2 / (weights**2).sum()) if some.any() else 0.0
        high = self.schedules[schedule].value[some] > limit
        return [Share(float(weights @ column), float(weights.sum()), size) for column in high.T]

    def highest_dose(self, limit: float, risk: float, schedule: int = 0, who: np.ndarray | None = None) -> HighestDose:
        """The highest dose at which no more than a share of people is above a limit.

        Parameters
        ----------
        limit
            In the quantity's unit.
        risk
            The share, 0 to 1.
        schedule
            Number of the schedule.
        who
            Mask of subjects, (n,); default: all.

        Raises
        ------
        ArgumentError
            If the risk is not a share, or nobody is left.
        """
        if not 0 < risk < 1:
            raise ArgumentError(f"risk = {risk:g} is not between 0 and 1", help="10 % is 0.1")
        some = self.well if who is None else self.well & who
        if not some.any():
            raise ArgumentError("nobody in this class has a value at every dose")
        one = self.schedules[schedule]
        rng = np.random.default_rng([self.seed, schedule])
        return highest_dose(one.doses, one.value[some] > limit, self.weights[some], risk, rng)

    def at_equal(
        self, what: Exposure = "inhibition", target: float | None = None, limit: float | None = None
    ) -> list[AtEqual]:
        """Compare schedules at the doses at which they reach the same mean exposure.

        Parameters
        ----------
        what
            `inhibition` of mTORC1 or `trough` level.
        target
            Its value; default: what the first schedule reaches as written.
        limit
            A limit of the quantity.
        """
        well = self.well
        first = self.schedules[0]
        if target is None:
            means = self._means(first, what, well)
            target = float(np.interp(np.log(first.written), np.log(first.doses), means))
        return [self._at(one, what, target, limit, well) for one in self.schedules]

    def _means(self, one: ScheduleResponse, what: str, well: np.ndarray) -> np.ndarray:
        """Mean exposure at each dose."""
        exposure = one.exposure(what)[well]
        return np.array([average(column, self.weights[well]) for column in exposure.T])

    def _at(self, one: ScheduleResponse, what: str, target: float, limit: float | None, well: np.ndarray) -> AtEqual:
        means = self._means(one, what, well)
        logs, nothing = np.log(one.doses), float("nan")
        if not np.isfinite(means).all() or not means[0] <= target <= means[-1]:
            return AtEqual(one.name, one.unit, nothing, nothing, nothing, nothing, None)
        log_dose = float(np.interp(target, np.maximum.accumulate(means), logs))
        value = np.array([np.interp(log_dose, logs, row) for row in one.value[well]])
        weights = self.weights[well]
        mean, low, high = mean_with_interval(value - self.untreated[well], weights)
        above = None if limit is None else average((value > limit).astype(float), weights)
        return AtEqual(one.name, one.unit, float(np.exp(log_dose)), mean, low, high, above)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each schedule and dose: bands, the mean effect with its 95 % interval, and exposure."""
        import pandas as pd

        well = self.well
        weights = self.weights[well]
        rows = []
        for one in self.schedules:
            inhibition, trough = self._means(one, "inhibition", well), self._means(one, "trough", well)
            for k, dose in enumerate(one.doses):
                value = one.value[well, k]
                mean, low, high = mean_with_interval(value - self.untreated[well], weights)
                bands = quantiles(value, BANDS, weights)
                rows.append(
                    {
                        "schedule": one.name,
                        "dose": float(dose),
                        "unit": one.unit,
                        **{f"{100 * q:g} %": float(v) for q, v in zip(BANDS, bands, strict=True)},
                        "effect": mean,
                        "low": low,
                        "high": high,
                        "inhibition": float(inhibition[k]),
                        "trough": float(trough[k]),
                    }
                )
        return pd.DataFrame(rows)

    @property
    def told(self) -> str:
        """What is asked, in a line."""
        what = self.of.replace("_", " ")
        return (
            f"{what} ({self.unit}), {in_words(self.at)}, beside {self.versus}: "
            f"{len(self.subjects):,} subjects of {self.population}"
        )

    def to_json(self, limit: float | None = None, risk: float | None = None) -> dict[str, Any]:
        """Return everything as plain values."""
        found: dict[str, Any] = {
            "scenario": self.scenario,
            "told": self.told,
            "seed": self.seed,
            "failed": self.failed,
            "doses": self.table.to_dict("records"),
        }
        if len(self.schedules) > 1:
            found["at_equal_inhibition"] = [vars(row) for row in self.at_equal("inhibition", limit=limit)]
        if limit is not None:
            found["above"] = {
                one.name: [share.as_dict() for share in self.above(limit, k)] for k, one in enumerate(self.schedules)
            }
        if limit is not None and risk is not None:
            groups = {"all": np.ones(len(self.subjects), bool), **self.classes()}
            found["highest_dose"] = {
                name: vars(self.highest_dose(limit, risk, who=who))
                for name, who in groups.items()
                if (who & self.well).any()
            }
        return found

    def __repr__(self) -> str:
        lines = [f"DoseResponse({self.told}"]
        for row in self.table.to_dict("records"):
            lines.append(f"  {row['schedule']} {row['dose']:g} {row['unit']}: {row['effect']:+.1f}")
        return "\n".join([*lines, ")"])
