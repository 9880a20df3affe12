"""How the subjects of a run are drawn, and what is kept of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean

__all__ = ["DRAWS", "Design", "Draws", "parse_numbers"]

Draws: TypeAlias = Literal["random", "sobol"]
DRAWS = get_args(Draws)
SERIES_OF = ((0, 999),)
"""The first subjects, so that memory stays flat."""
MOST_SERIES = 100_000
"""Largest number of subjects whose finer series is kept, since it is in memory."""


@dataclass(frozen=True)
class Design:
    """How the subjects of a run are drawn, and what is kept of them.

    Attributes
    ----------
    draws
        `random`, or `sobol` for scrambled Sobol points.
    tails
        For each oversampled quantity the tail, as `lowest 10 % as 50 %`.
    observe
        The observables that are kept beside the one that is graded; None for all.
    series_of
        Numbers of the subjects whose finer series is kept, as first and last of ranges.
    """

    draws: Draws = "random"
    tails: Mapping[str, str] = field(default_factory=dict)
    observe: tuple[str, ...] | None = None
    series_of: tuple[tuple[int, int], ...] = SERIES_OF

    @classmethod
    def given(
        cls,
        draws: str = "random",
        tails: Mapping[str, str] | None = None,
        observe: Sequence[str] | None = None,
        series_of: str | None = None,
    ) -> Design:
        """Check what is given, and complete it by defaults.

        Raises
        ------
        ArgumentError
            If the sampling is unknown, or `series_of` is not a list of numbers and ranges.
        """
        if draws not in DRAWS:
            help = did_you_mean(draws, DRAWS) or "use `random` or `sobol`"
            raise ArgumentError(f"unknown sampling `{draws}`", help=help)
        ranges = SERIES_OF if series_of is None else parse_numbers(series_of)
        if sum(b - a + 1 for a, b in ranges) > MOST_SERIES:
            help = "samples of everybody are kept at the visits of the scenario"
            raise ArgumentError(f"the finer series is kept of at most {MOST_SERIES:,} subjects", help=help)
        return cls(draws, dict(tails or {}), None if observe is None else tuple(observe), ranges)  # pyright: ignore[reportArgumentType]

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> Design:
        """The design of a stored run."""
        observe = manifest["observe"]
        ranges = tuple((int(a), int(b)) for a, b in manifest["series_of"])
        return cls(manifest["draws"], manifest["tails"], None if observe is None else tuple(observe), ranges)

    def as_dict(self) -> dict[str, Any]:
        """As in a manifest."""
        observe = None if self.observe is None else list(self.observe)
        return {
            "draws": self.draws,
            "tails": dict(self.tails),
            "observe": observe,
            "series_of": [list(r) for r in self.series_of],
        }

    def has_series(self, subjects: np.ndarray) -> np.ndarray:
        """Mask of subjects whose finer series is kept, (n,)."""
        found = np.zeros(len(subjects), bool)
        for first, last in self.series_of:
            found |= (subjects >= first) & (subjects <= last)
        return found


def parse_numbers(text: str) -> tuple[tuple[int, int], ...]:
    """Ranges of numbers, such as `0-99,5000,7000-7010`; an empty text has none.

    Raises
    ------
    ArgumentError
        If the text is none.
    """
    found = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"(\d{1,12})(?:\s*-\s*(\d{1,12}))?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ArgumentError(f"`{part}` is not a range of subjects", help="write for example `0-99,5000`")
        found.append((int(match[1]), int(match[2] or match[1])))
    return tuple(sorted(found))
