"""Schedules of follow-up side by side: what each finds, when, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.stats.shares import paired_difference

from .detection import Detection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Consequence", "FollowUp", "Followed"]

NOTICE = "For research and teaching, not for patient care."


@dataclass(frozen=True)
class Followed:
    """One way of following people.

    Attributes
    ----------
    name, kind
        Its name, and `published`, `regular`, `best`, `adaptive` or `home`.
    about
        Where it stands, or how it was chosen.
    days
        Days of the visits; None where they differ between people.
    risk
        The risk at which the next measurement is due; None unless adaptive.
    detection
        What it finds, as if nothing were done until it is found.
    """

    name: str
    kind: str
    about: str
    days: tuple[int, ...] | None
    risk: float | None
    detection: Detection = field(repr=False)

    @property
    def visits(self) -> float:
        """Mean number of visits of a person until it is found, or the end."""
        return float(np.mean(self.detection.visits))


@dataclass(frozen=True)
class Consequence:
    """What a schedule does to people once what it finds is acted upon, by the scenario's rules.

    Attributes
    ----------
    weeks_above
        Weeks above the limit, for a hundred people.
    severe, low, high
        Share of people whose true glucose passes the severe limit, with its 95 % interval.
    intensity
        Mean share of the planned drug that was given, NaN without rules on it.
    """

    name: str
    weeks_above: float
    severe: float
    low: float
    high: float
    intensity: float


@dataclass(frozen=True, repr=False)
class FollowUp:
    """Ways of following people compared. For research and teaching, not for patient care.

    Attributes
    ----------
    limit, severe
        The limit above which something would be done, and the one to be avoided, mg/dL.
    budget
        Visits of the schedules that were chosen.
    subjects
        Numbers of the people in whom schedules are compared; others chose them.
    start, hba1c
        Fasting glucose and HbA1c of each at the start, (n,).
    ways
        The ways of following them.
    chosen_for
        The best days for each class of people, by the class's name, with what they find in that class.
    acted
        Consequences under the scenario's rules; empty if it has none.
    """

    scenario: str
    title: str
    arm: str
    population: str
    seed: int
    days: int
    limit: float
    severe: float
    budget: int
    subjects: np.ndarray = field(repr=False)
    failed: int
    start: np.ndarray = field(repr=False)
    hba1c: np.ndarray = field(repr=False)
    ways: tuple[Followed, ...] = field(repr=False)
    chosen_for: dict[str, Followed] = field(repr=False)
    acted: tuple[Consequence, ...] = field(repr=False)

    @property
    def told(self) -> str:
        """What is compared, in a line."""
        return (
            f"fasting glucose above {self.limit:g} mg/dL, and above {self.severe:g}, in {self.days // 7} weeks of "
            f"{self.arm}: {len(self.subjects):,} people of {self.population}"
        )

    @property
    def table(self) -> pd.DataFrame:
        """One row for each way."""
        import pandas as pd

        return pd.DataFrame([_row(way) for way in self.ways])

    def gain(self, one: Followed, other: Followed) -> tuple[float, float, float]:
        """Share of severe cases that one way finds in time and the other does not, less the reverse, with 95 % CI."""
        cases = one.detection.severe_cases
        if not cases.any():
            return float("nan"), float("nan"), float("nan")
        first, second = one.detection.in_time[cases], other.detection.in_time[cases]
        counts = [np.sum(first & second), np.sum(first & ~second), np.sum(~first & second), np.sum(~first & ~second)]
        return paired_difference(*(float(c) for c in counts))

    def way(self, name: str) -> Followed:
        """A way by its name.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        names = [way.name for way in self.ways]
        if name not in names:
            raise ArgumentError(f"unknown schedule `{name}`", help=choose_from(name, names))
        return self.ways[names.index(name)]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "scenario": self.scenario,
            "notice": NOTICE,
            "told": self.told,
            "seed": self.seed,
            "limit": self.limit,
            "severe": self.severe,
            "budget": self.budget,
            "failed": self.failed,
            "ways": [_row(way) for way in self.ways],
            "best_by_class": {name: _row(way) for name, way in self.chosen_for.items()},
            "acted": [vars(row) for row in self.acted],
        }

    def __repr__(self) -> str:
        lines = [f"FollowUp({self.told}"]
        for way in self.ways:
            share = way.detection.share_in_time()[0]
            lines.append(f"  {way.name}: {way.visits:.1f} visits, {100 * share:.0f} % of severe cases in time")
        return "\n".join([*lines, ")"])


def _row(way: Followed) -> dict[str, Any]:
    """What a way finds, as plain values."""
    found = way.detection
    share, low, high = found.share_in_time()
    delay = found.delay
    return {
        "name": way.name,
        "kind": way.kind,
        "about": way.about,
        "days": None if way.days is None else list(way.days),
        "risk": way.risk,
        "visits": way.visits,
        "samples": float(np.mean(found.samples)),
        "cases": int(found.cases.sum()),
        "found": found.share_found(),
        "delay_days": float(np.median(delay)) if len(delay) else float("nan"),
        "weeks_undetected": found.weeks_undetected(),
        "severe_cases": int(found.severe_cases.sum()),
        "in_time": share,
        "in_time_low": low,
        "in_time_high": high,
        "false": float(np.mean(found.false)),
    }
