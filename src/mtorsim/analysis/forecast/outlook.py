"""The forecast of a person: bands ahead, grades by week, options, and what the data moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.scenario.grades import Grading

from .next_day import NextDay, next_days
from .options import AS_NOW
from .person import Person
from .value import KINDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEW", "Ahead", "Forecast", "Inferred"]

NOTICE = "For research and teaching, not for patient care."
BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILE = "weibull"
"""Quantiles between which a further draw falls with the probability that they say, however few draws there are."""
FEW = 50.0
"""Effective sample size below which a forecast should not be relied on."""
AGREES = 0.5
"""Difference between the mode and the mean of the samples, in SDs, up to which they agree."""


@dataclass(frozen=True)
class Ahead:
    """What is ahead under one option.

    Attributes
    ----------
    values
        All observables, (candidates, times, observables).
    measured
        Fasting glucose with the error of the assay, (candidates, times).
    """

    values: np.ndarray
    measured: np.ndarray


@dataclass(frozen=True)
class Inferred:
    """What the data say of the person, in SDs of the population.

    Attributes
    ----------
    names
        Quantities whose deviates were inferred, (d,).
    mode, mode_sd
        The mode of the posterior, and the SDs of the normal law there.
    mean, sd
        Mean and SD of the weighted samples.
    effective, candidates
        Effective sample size, and number of candidates.
    expected
        Each measured quantity at the mode.
    noise_sd
        SD of the logarithm of each value: the assay, and variation within the person.
    """

    names: tuple[str, ...]
    mode: np.ndarray
    mode_sd: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    effective: float
    candidates: int
    expected: np.ndarray
    noise_sd: np.ndarray
    steps: int
    values: int

    @property
    def apart(self) -> float:
        """Largest difference between the mode and the mean of the samples, in SDs of the posterior."""
        return float(np.max(np.abs(self.mean - self.mode) / self.sd))

    @property
    def agreement(self) -> str:
        """Whether mode and samples agree, in a sentence."""
        if self.effective < FEW:
            return f"only {self.effective:.0f} effective candidates: ask for more, or look for values that contradict"
        worst = self.names[int(np.argmax(np.abs(self.mean - self.mode) / self.sd))]
        if self.apart <= AGREES:
            return f"mode and samples agree to {self.apart:.2f} SD"
        return f"mode and samples differ by {self.apart:.2f} SD in {worst}: the posterior is skewed, the samples count"

    def moved(self, count: int = 8) -> list[tuple[str, float, float]]:
        """Quantities on which the data say most: name, mean and SD, in SDs of the population."""
        gain = -np.log(np.minimum(self.sd, 1.0)) + 0.5 * self.mean**2
        order = np.argsort(-gain)[:count]
        return [(self.names[j], float(self.mean[j]), float(self.sd[j])) for j in order]


@dataclass(frozen=True, repr=False)
class Forecast:
    """A forecast of one person. For research and teaching, not for patient care.

    Attributes
    ----------
    person
        The person.
    units
        Unit of each observable.
    days
        Days from now of the mornings ahead, (times,).
    grading
        Limits of the grades.
    ahead
        What is ahead, by option; the first is that nothing is changed.
    compared
        Numbers of the candidates of the first option who are also those of the others.
    unmeasured
        What would be forecast without any measured value; None unless compared.
    inferred
        What the data say of the person.
    """

    person: Person
    seed: int
    units: Mapping[str, str] = field(repr=False)
    days: np.ndarray
    grading: Grading
    ahead: Mapping[str, Ahead] = field(repr=False)
    compared: np.ndarray = field(repr=False)
    unmeasured: Ahead | None = field(repr=False)
    inferred: Inferred = field(repr=False)

    def values(self, of: str = "fasting_glucose", option: str = AS_NOW) -> np.ndarray:
        """An observable of every candidate at every morning, (candidates, times).

        Raises
        ------
        ArgumentError
            If the observable or the option is unknown.
        """
        ahead = self._option(option)
        if of == "measured":
            return ahead.measured
        if of not in self.units:
            raise ArgumentError(f"unknown observable `{of}`", help=choose_from(of, [*self.units, "measured"]))
        return ahead.values[:, :, list(self.units).index(of)]

    def band(self, of: str = "fasting_glucose", q: float = 0.5, option: str = AS_NOW) -> np.ndarray:
        """A quantile of an observable at every morning, (times,); `measured` is fasting glucose with assay error."""
        return np.nanquantile(self.values(of, option), q, axis=0, method=QUANTILE)

    def unmeasured_band(self, q: float = 0.5) -> np.ndarray:
        """A quantile of measured fasting glucose as forecast without any measured value, (times,).

        Raises
        ------
        ArgumentError
            If nothing was compared.
        """
        if self.unmeasured is None:
            raise ArgumentError("this forecast compares nothing", help="forecast with `compare=True`")
        return np.nanquantile(self.unmeasured.measured, q, axis=0, method=QUANTILE)

    def grades(self, option: str = AS_NOW) -> np.ndarray:
        """Probability of each grade 0 to 4 of fasting glucose at every morning, (times, 5)."""
        grade = self.grading.of(self._option(option).measured)
        return np.stack([np.mean(grade == k, axis=0) for k in range(5)], axis=1)

    def alike(self, option: str) -> Ahead:
        """What is ahead under an option, of the candidates in whom all options were followed."""
        ahead = self._option(option)
        if len(ahead.measured) == len(self.compared):
            return ahead
        return Ahead(ahead.values[self.compared], ahead.measured[self.compared])

    def worst_alike(self, option: str) -> np.ndarray:
        """As `worst` on the last morning, of the candidates in whom all options were followed, (4,)."""
        grade = self.grading.of(self.alike(option).measured[:, self.weekly]).max(axis=1)
        return np.array([np.mean(grade >= k) for k in range(1, 5)])

    def worst(self, option: str = AS_NOW) -> np.ndarray:
        """Probability that the worst grade so far is at least 1 to 4, on the mornings of `weekly`, (weeks, 4)."""
        weekly = self.weekly
        grade = np.maximum.accumulate(self.grading.of(self._option(option).measured[:, weekly]), axis=1)
        return np.stack([np.mean(grade >= k, axis=0) for k in range(1, 5)], axis=1)

    @property
    def weekly(self) -> np.ndarray:
        """Numbers of the mornings ahead that are whole weeks from now, or the end."""
        return np.flatnonzero((self.days > 0) & ((self.days % 7 == 0) | (self.days == self.days[-1])))

    def change(self, option: str) -> tuple[float, float, float]:
        """What an option changes fasting glucose by at the end, in the same candidates: mean, and 90 % of them."""
        apart = self.values(option=option)[:, -1] - self.values()[self.compared, -1]
        low, high = np.nanquantile(apart, [0.05, 0.95])
        return float(np.nanmean(apart)), float(low), float(high)

    def next_measurement(self, limit: float = 160.0, option: str = AS_NOW) -> list[NextDay]:
        """What each weekly morning ahead would tell if fasting glucose were measured next on it.

        Parameters
        ----------
        limit
            Fasting glucose that should not be passed unseen, mg/dL.
        option
            What is done from now on.

        Returns
        -------
        list of NextDay
            The probability that true glucose was above the limit on some weekly morning by then, the days above it
            that would not have been seen, and how much the value would tell of whether it is passed by the last one.
        """
        ahead = self._option(option)
        true = ahead.values[:, :, list(self.units).index("fasting_glucose")]
        well = np.isfinite(true[:, -1])
        weekly = self.weekly
        return next_days(self.days[weekly], true[well][:, weekly], ahead.measured[well][:, weekly], limit)

    @property
    def failed(self) -> int:
        """Candidates that could not be followed to the end."""
        return int(np.sum(np.isnan(self.values()[:, -1])))

    @property
    def narrowed(self) -> float:
        """How much the data narrow the forecast of the last morning: 1 less the ratio of the widths of 90 % bands.

        It is negative where the data point to a person whose glucose rises, of whom less is known than of most.
        """
        own = self.band("measured", 0.95)[-1] - self.band("measured", 0.05)[-1]
        return float(1.0 - own / (self.unmeasured_band(0.95)[-1] - self.unmeasured_band(0.05)[-1]))

    def day(self, k: int) -> str:
        """The date, or the number, of a morning ahead."""
        return self.person.day(self.person.now + 24.0 * float(self.days[k]))

    @property
    def table(self) -> pd.DataFrame:
        """Bands of measured fasting glucose at every morning, by option."""
        import pandas as pd

        rows = [
            {"option": option, "date": self.day(k), "day": float(day), **self._bands("measured", option, k)}
            for option in self.ahead
            for k, day in enumerate(self.days)
        ]
        return pd.DataFrame(rows)

    def _bands(self, of: str, option: str, k: int) -> dict[str, float]:
        found = np.nanquantile(self.values(of, option)[:, k], BANDS, method=QUANTILE)
        return {f"{100 * q:g} %": float(v) for q, v in zip(BANDS, found, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        inferred = self.inferred
        return {
            "person": self.person.name,
            "notice": NOTICE,
            "seed": self.seed,
            "now": self.person.day(self.person.now),
            "values": [
                {"said": v.said, "value": v.value, "expected": float(e), "sd_log": float(s)}
                for v, e, s in zip(self.person.values, inferred.expected, inferred.noise_sd, strict=True)
            ],
            "options": {
                option: {
                    "days": self.days.tolist(),
                    "bands": {
                        of: [self._bands(of, option, k) for k in range(len(self.days))]
                        for of in ("measured", "fasting_glucose", "hba1c")
                    },
                    "grades": self.grades(option).tolist(),
                    "worst": self.worst(option).tolist(),
                    "worst_in_the_same": self.worst_alike(option).tolist(),
                    "change": None if option == AS_NOW else self.change(option),
                }
                for option in self.ahead
            },
            "next": [vars(day) for day in self.next_measurement()],
            "narrowed": None if self.unmeasured is None else self.narrowed,
            "effective": inferred.effective,
            "candidates": inferred.candidates,
            "failed": self.failed,
            "agreement": inferred.agreement,
            "moved": [{"name": n, "mean": m, "sd": s} for n, m, s in inferred.moved(len(inferred.names))],
        }

    def _option(self, option: str) -> Ahead:
        if option not in self.ahead:
            raise ArgumentError(f"unknown option `{option}`", help=choose_from(option, self.ahead))
        return self.ahead[option]

    def _repr_lines(self) -> Sequence[str]:
        end = len(self.days) - 1
        low, middle, high = (self.band("measured", q)[-1] for q in (0.05, 0.5, 0.95))
        lines = [
            f"Forecast({self.person.name}, {len(self.person.values)} values:",
            f"  fasting glucose on {self.day(end)}: {middle:.0f} ({low:.0f} to {high:.0f}) {KINDS['glucose'].unit}",
        ]
        worst = self.worst()[-1]
        lines += [f"  grade {k} or worse by then: {100 * worst[k - 1]:.0f} %" for k in (2, 3)]
        return lines

    def __repr__(self) -> str:
        return "\n".join([*self._repr_lines(), ")"])
