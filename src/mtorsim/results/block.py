"""What one chunk of subjects leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Block", "TestValues"]


@dataclass(frozen=True)
class TestValues:
    """The indices of one test of the virtual laboratory in some subjects of one arm.

    Attributes
    ----------
    test, options, at_h, arm
        Which, what differs from the standard test, when, and whose.
    units
        Of each index, by name.
    values
        Shape (n, indices), NaN where a subject has none.
    """

    test: str
    options: str
    at_h: float
    arm: str
    units: Mapping[str, str]
    values: np.ndarray


@dataclass(frozen=True)
class Block:
    """What some subjects gave, arm by arm.

    Attributes
    ----------
    subjects, attempts
        Shape (n,).
    status
        Shape (arms, n).
    traits
        What tells the subjects apart, shape (n, traits).
    visits, series
        Shape (arms, n, times, observables); `series` has no rows where it is not kept.
    weights
        How many people of the population each subject stands for, shape (n,).
    left
        Hours at which each left, infinite for those who stayed, shape (arms, n).
    ledger
        What was decided in each arm: rows as `mtorsim.run.care.LEDGER` has them.
    dose_intensity
        Of each arm the share of the planned amount of each drug that was given, shape (n, drugs).
    tests
        One for each arm, test and time.
    """

    subjects: np.ndarray
    arms: tuple[str, ...]
    status: np.ndarray
    attempts: np.ndarray
    traits: np.ndarray
    visits: np.ndarray
    series: np.ndarray
    weights: np.ndarray
    left: np.ndarray
    ledger: tuple[np.ndarray, ...]
    dose_intensity: tuple[np.ndarray, ...]
    tests: tuple[TestValues, ...] = ()

    def select(self, kept: np.ndarray) -> Block:
        """The block of some subjects; `kept` is a mask (n,). The series is kept of as many, from the first on."""
        subjects = self.subjects[kept]
        return replace(
            self,
            subjects=subjects,
            status=self.status[:, kept],
            attempts=self.attempts[kept],
            traits=self.traits[kept],
            visits=self.visits[:, kept],
            series=self.series[:, : min(self.series.shape[1], len(subjects))],
            weights=self.weights[kept],
            left=self.left[:, kept],
            ledger=tuple(rows[np.isin(rows["subject"], subjects)] for rows in self.ledger),
            dose_intensity=tuple(share[kept] for share in self.dose_intensity),
            tests=tuple(replace(test, values=test.values[kept]) for test in self.tests),
        )

    @classmethod
    def joined(cls, blocks: list[Block]) -> Block:
        """Several blocks of the same arms as one; the finer series of those that kept it."""
        kept = [b.series for b in blocks if b.series.shape[2]] or [blocks[0].series]
        return cls(
            subjects=np.concatenate([b.subjects for b in blocks]),
            arms=blocks[0].arms,
            status=np.concatenate([b.status for b in blocks], axis=1),
            attempts=np.concatenate([b.attempts for b in blocks]),
            traits=np.concatenate([b.traits for b in blocks]),
            visits=np.concatenate([b.visits for b in blocks], axis=1),
            series=np.concatenate(kept, axis=1),
            weights=np.concatenate([b.weights for b in blocks]),
            left=np.concatenate([b.left for b in blocks], axis=1),
            ledger=tuple(np.concatenate(same) for same in zip(*(b.ledger for b in blocks), strict=True)),
            dose_intensity=tuple(
                np.concatenate(same) for same in zip(*(b.dose_intensity for b in blocks), strict=True)
            ),
            tests=tuple(
                replace(same[0], values=np.concatenate([t.values for t in same]))
                for same in zip(*(b.tests for b in blocks), strict=True)
            ),
        )
