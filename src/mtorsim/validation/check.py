"""One comparison of the model with what was measured."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from mtorsim.files.library import bundled_folder

__all__ = ["Check", "Kind", "answered", "judged", "reference"]

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


def answered(section: str, values: Mapping[str, float], notes: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Claims of the table `claims.csv` with the model's values.

    Parameters
    ----------
    section
        Of the dossier.
    values
        Of each claim, by its id, in the order in which they are shown.
    notes
        What is to be said beside a claim's own note.
    """
    claims = {row["id"]: row for row in reference("claims.csv", section=section)}
    for id, value in values.items():
        row = claims[id]
        low, high = (float(row[end]) if row[end] else None for end in ("low", "high"))
        kind: Kind = "independent" if row["kind"] == "independent" else "in-sample"
        said = "; ".join(x for x in (row["note"], (notes or {}).get(id, "")) if x)
        about = (row["claim"], row["expected"], value, row["unit"], row["grade"], kind, row["source"])
        yield judged(id, section, *about, low, high, said)


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
