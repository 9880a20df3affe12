"""The results of one chunk of subjects."""

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
        Test, options that differ from the standard test, time, and arm.
    units
        Unit of each index, by name.
    values
        Shape (n, indices), NaN if undefined.
    """

    test: str
    options: str
    at_h: float
    arm: str
    units: Mapping[str, str]
    values: np.ndarray


@dataclass(frozen=True)
class Block:
    """Results of some subjects, by arm.

    Attributes
    ----------
    subjects, attempts
        Shape (n,).
    status
        Shape (arms, n).
    traits
        Traits of the subjects, shape (n, traits).
    visits
        Shape (arms, n, times, observables).
    series
        The finer series of some of the subjects, (arms, k, times, observables).
    series_of
        Numbers of these subjects, (k,).
    weights
        Weight of each subject, shape (n,).
    left
        Time at which each left, hours, infinite for those who stayed, shape (arms, n).
    ledger
        Decisions in each arm, with the columns of `mtorsim.run.care.LEDGER`.
    dose_intensity
        For each arm the given share of the planned amount of each drug, shape (n, drugs).
    tests
        One entry per arm, test and time.
    """

    subjects: np.ndarray
    arms: tuple[str, ...]
    status: np.ndarray
    attempts: np.ndarray
    traits: np.ndarray
    visits: np.ndarray
    series: np.ndarray
    series_of: np.ndarray
    weights: np.ndarray
    left: np.ndarray
    ledger: tuple[np.ndarray, ...]
    dose_intensity: tuple[np.ndarray, ...]
    tests: tuple[TestValues, ...] = ()

    def select(self, kept: np.ndarray) -> Block:
        """Return the block of the subjects in the mask `kept` (n,)."""
        subjects = self.subjects[kept]
        drawn = np.isin(self.series_of, subjects)
        return replace(
            self,
            subjects=subjects,
            status=self.status[:, kept],
            attempts=self.attempts[kept],
            traits=self.traits[kept],
            visits=self.visits[:, kept],
            series=self.series[:, drawn],
            series_of=self.series_of[drawn],
            weights=self.weights[kept],
            left=self.left[:, kept],
            ledger=tuple(rows[np.isin(rows["subject"], subjects)] for rows in self.ledger),
            dose_intensity=tuple(share[kept] for share in self.dose_intensity),
            tests=tuple(replace(test, values=test.values[kept]) for test in self.tests),
        )

    @classmethod
    def joined(cls, blocks: list[Block]) -> Block:
        """Join blocks of the same arms."""
        return cls(
            subjects=np.concatenate([b.subjects for b in blocks]),
            arms=blocks[0].arms,
            status=np.concatenate([b.status for b in blocks], axis=1),
            attempts=np.concatenate([b.attempts for b in blocks]),
            traits=np.concatenate([b.traits for b in blocks]),
            visits=np.concatenate([b.visits for b in blocks], axis=1),
            series=np.concatenate([b.series for b in blocks], axis=1),
            series_of=np.concatenate([b.series_of for b in blocks]),
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
