"""Assay and residual error of simulated samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError
from mtorsim.run.measurement import measure
from mtorsim.run.plan import Plan
from mtorsim.stats.draws import normal

__all__ = ["Residual", "residual_of"]

SECONDS = 3600.0


@dataclass(frozen=True)
class Residual:
    """Error of a measured value: a proportional and an additive part.

    Attributes
    ----------
    cv
        Coefficient of variation.
    sd
        Standard deviation, in the unit of the observable.
    """

    cv: float = 0.0
    sd: float = 0.0

    @property
    def told(self) -> str:
        """The error in words."""
        parts = [f"{100 * self.cv:g} %"] if self.cv else []
        parts += [f"SD {self.sd:g}"] if self.sd else []
        return " and ".join(parts) or "none"

    def measured(self, true: np.ndarray, of: str, seed: int, numbers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Values as a laboratory reports them.

        The errors depend on (seed, number, observable, time) only; the proportional one is that of a run.

        Parameters
        ----------
        true
            True values, (n, times).
        of
            The observable.
        numbers
            The number by which each person is drawn, (n,).
        times
            Hours, (times,).
        """
        found = measure(true, of, self.cv, seed, numbers, times)
        if self.sd > 0:
            occasion = np.round(times * SECONDS).astype(np.uint64)[None, :]
            found = found + self.sd * normal(seed, [f"additive {of}"], numbers[:, None], occasion)[0]
        return found


def residual_of(plan: Plan, of: str, cv: float | None, sd: float | None) -> Residual:
    """The error as given, else the assay's error in the scenario.

    Raises
    ------
    ArgumentError
        If one is negative, or not a share.
    """
    if cv is not None and not 0 <= cv < 1:
        help = f"write {cv / 100:g} for {cv:g} %" if 1 <= cv <= 100 else None
        raise ArgumentError(f"`cv` = {cv:g}: it must be from 0 to 1", help=help)
    if sd is not None and not sd >= 0:
        raise ArgumentError(f"`sd` = {sd:g}: it must not be negative")
    if cv is None and sd is None:
        return Residual(float(plan.scenario.sampling.assay.get(of, 0.0)))
    return Residual(cv or 0.0, sd or 0.0)
