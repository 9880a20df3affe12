"""One comparison of the model with what was measured."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from mtorsim.files.library import bundled_folder

__all__ = ["Check", "Kind", "judged", "reference"]

Kind = Literal["in-sample", "independent"]


@dataclass(frozen=True)
class Check:
    """A claim, what was measured, what the model says, and whether it holds.

    Attributes
    ----------
    id, section
        Where it is found.
    claim
        What is compared, in words.
    expected
        What was measured, in words, as the source has it.
    low, high
        Between which the model's value counts as agreement; None where that side is open.
    value, unit
        The model's.
    grade
        How sure we are of what was measured.
    kind
        `in-sample` if the model was fitted or chosen with it in view, else `independent`.
    passed
        None where nothing is asked: the number is only shown.
    source
        Of what was measured.
    note
        Why a miss is a miss, or what one has to know.
    """

    id: str
    section: str
    claim: str
    expected: str
    low: float | None
    high: float | None
    value: float | None
    unit: str
    grade: str
    kind: Kind
    passed: bool | None
    source: str
    note: str = ""

    def record(self) -> dict[str, Any]:
        """Plain values for JSON; what is no number is None."""
        found = asdict(self)
        for name in ("low", "high", "value"):
            if found[name] is not None and not math.isfinite(found[name]):
                found[name] = None
        return found


def judged(
    id: str,
    section: str,
    claim: str,
    expected: str,
    value: float,
    unit: str,
    grade: str,
    kind: Kind,
    source: str,
    low: float | None = None,
    high: float | None = None,
    note: str = "",
) -> Check:
    """A check whose verdict follows from its limits; without limits it is only shown."""
    passed = None
    if low is not None or high is not None:
        passed = bool((low is None or value >= low) and (high is None or value <= high))
    return Check(id, section, claim, expected, low, high, float(value), unit, grade, kind, passed, source, note)


@lru_cache
def _table(file: str) -> tuple[dict[str, str], ...]:
    path = bundled_folder("models") / "reference" / file
    with path.open(encoding="utf-8") as handle:
        next(handle)  # the citation
        return tuple(csv.DictReader(handle))


def reference(file: str, **wanted: str) -> Iterator[dict[str, str]]:
    """Rows of a table of reference data, those that have the wanted values."""
    for row in _table(file):
        if all(row[k] == v for k, v in wanted.items()):
            yield dict(row)
