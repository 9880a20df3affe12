"""Detection: when somebody's high glucose is seen, given the days on which it is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtorsim.stats.shares import wilson

from .mornings import onset

__all__ = ["Detection", "detect", "detect_at"]


@dataclass(frozen=True)
class Detection:
    """What a way of measuring finds in some people, as if nothing were done until it is found.

    Attributes
    ----------
    found
        Day on which a value above the limit is first measured; the number of days if none is, (n,).
    begins
        Day on which true glucose first passes the limit, likewise, (n,).
    severe
        Day on which it first passes the severe limit, likewise, (n,).
    above
        Days above the limit before it was found, (n,).
    samples
        Samples taken until it was found, or the end, (n,).
    visits
        Visits for them, (n,).
    days
        Number of days.
    """

    found: np.ndarray
    begins: np.ndarray
    severe: np.ndarray
    above: np.ndarray
    samples: np.ndarray
    visits: np.ndarray
    days: int

    def of(self, who: np.ndarray) -> Detection:
        """Of some people."""
        return Detection(
            self.found[who],
            self.begins[who],
            self.severe[who],
            self.above[who],
            self.samples[who],
            self.visits[who],
            self.days,
        )

    @property
    def cases(self) -> np.ndarray:
        """Mask of the people whose glucose passes the limit, (n,)."""
        return self.begins < self.days

    @property
    def severe_cases(self) -> np.ndarray:
        """Mask of those whose glucose passes the severe limit, (n,)."""
        return self.severe < self.days

    @property
    def in_time(self) -> np.ndarray:
        """Mask of severe cases found before they were severe, (n,)."""
        return self.severe_cases & (self.found < self.severe)

    @property
    def false(self) -> np.ndarray:
        """Mask of people in whom a value above the limit is measured before true glucose passes it, (n,)."""
        return self.found < np.minimum(self.begins, self.days)

    @property
    def delay(self) -> np.ndarray:
        """Days from passing the limit to the first value above it, in cases; 0 if found by chance before; (cases,).

        Cases that are never found wait to the end.
        """
        return np.maximum(self.found - self.begins, 0)[self.cases].astype(float)

    def share_in_time(self) -> tuple[float, float, float]:
        """Share of severe cases found before they were severe, with its 95 % interval; NaN without cases."""
        cases = int(self.severe_cases.sum())
        if not cases:
            return float("nan"), float("nan"), float("nan")
        count = int(self.in_time.sum())
        low, high = wilson(count, cases)
        return count / cases, float(low), float(high)

    def share_found(self) -> float:
        """Share of cases that are found before the end."""
        cases = self.cases
        return float(np.mean(self.found[cases] < self.days)) if cases.any() else float("nan")

    def weeks_undetected(self) -> float:
        """Weeks above the limit before it was found, for a hundred people."""
        return float(100.0 * np.mean(self.above) / 7.0) if len(self.above) else float("nan")


def detect(
    true: np.ndarray, measured: np.ndarray, at: np.ndarray, limit: float, severe: float, visits_each: float = 1.0
) -> Detection:
    """What is found if everybody is measured on the same days.

    Parameters
    ----------
    true, measured
        Every morning, (n, days).
    at
        Days of measurement, in order.
    limit, severe
        The limit above which something would be done, and the one to be avoided.
    visits_each
        Visits for one sample: 1 in a clinic, 0 at home.
    """
    n, days = true.shape
    at = at[(at > 0) & (at < days)]
    high = measured[:, at] > limit
    seen = high.any(axis=1) if len(at) else np.zeros(n, bool)
    first = high.argmax(axis=1) if len(at) else np.zeros(n, int)
    found = np.where(seen, at[first] if len(at) else 0, days)
    samples = np.where(seen, first + 1, len(at))
    return _detection(true, found, samples, visits_each * samples, limit, severe)


def detect_at(true: np.ndarray, found: np.ndarray, samples: np.ndarray, limit: float, severe: float) -> Detection:
    """What is found if everybody is measured on days of their own.

    Parameters
    ----------
    found, samples
        Day of the first value above the limit, and samples until then, (n,).
    """
    return _detection(true, found, samples, samples.astype(float), limit, severe)


def _detection(
    true: np.ndarray, found: np.ndarray, samples: np.ndarray, visits: np.ndarray, limit: float, severe: float
) -> Detection:
    days = true.shape[1]
    day = np.arange(days)[None, :]
    # As for the first passing of a limit, day 0, before the drug, does not count.
    before = (day > 0) & (day < found[:, None])
    above = np.sum((true > limit) & before, axis=1)
    return Detection(found, onset(true, limit), onset(true, severe), above, samples, np.asarray(visits, float), days)
