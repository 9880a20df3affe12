"""Reference ranges of indices, from `models/reference/index_ranges.csv`."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass

from mtorsim.files.library import bundled_folder

__all__ = ["ReferenceRange", "reference_ranges"]


@dataclass(frozen=True)
class ReferenceRange:
    """A range of an index in some people.

    Attributes
    ----------
    index, unit
        The index, and the unit of the limits.
    low, high
        Limits; infinite where it is open.
    of
        Whose range it is, or what it means.
    source, evidence
        Where it comes from.
    """

    index: str
    low: float
    high: float
    unit: str
    of: str
    source: str
    evidence: str

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"{self.low:g} or more"
        return f"{self.low:g} to {self.high:g}" if self.low > 0 else f"up to {self.high:g}"


def reference_ranges() -> dict[str, ReferenceRange]:
    """All reference ranges, by index."""
    return {r.index: r for r in _rows()}


def _rows() -> Iterator[ReferenceRange]:
    path = bundled_folder("models") / "reference" / "index_ranges.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        for row in csv.DictReader(lines):
            low, high = float(row["low"] or "-inf"), float(row["high"] or "inf")
            yield ReferenceRange(row["index"], low, high, row["unit"], row["of"], row["source"], row["evidence"])
