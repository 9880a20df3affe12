"""Comparisons of the model with measurements."""

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
    """One comparison: claim, measurement, model value and verdict.

    Attributes
    ----------
    id, section
        Identifier and section.
    claim
        The compared quantity, in words.
    expected
        The measurement, in words, as in the source.
    low, high
        Interval of agreement for the model's value; None for an open side.
    value, unit
        Value of the model.
    evidence
        Evidence of the measurement.
    kind
        `in-sample` if the model was fitted to or chosen by it, else `independent`.
    passed
        None without limits: the number is only shown.
    source
        Source of the measurement.
    note
        Explanation of a miss, or a remark.
    """

    id: str
    section: str
    claim: str
    expected: str
    low: float | None
    high: float | None
    value: float | None
    unit: str
    evidence: str
    kind: Kind
    passed: bool | None
    source: str
    note: str = ""

    def record(self) -> dict[str, Any]:
        """Plain values for JSON; NaN is None."""
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
    evidence: str,
    kind: Kind,
    source: str,
    low: float | None = None,
    high: float | None = None,
    note: str = "",
) -> Check:
    """Make a check whose verdict follows from its limits; without limits it is only shown."""
    passed = None
    if low is not None or high is not None:
        passed = bool((low is None or value >= low) and (high is None or value <= high))
    return Check(id, section, claim, expected, low, high, float(value), unit, evidence, kind, passed, source, note)


def answered(section: str, values: Mapping[str, float], notes: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Make checks of the claims in `claims.csv` with the model's values.

    Parameters
    ----------
    section
        Section of the dossier.
    values
        Value of each claim, by id, in displayed order.
    notes
        Remarks in addition to a claim's own note.
    """
    claims = {row["id"]: row for row in reference("claims.csv", section=section)}
    for id, value in values.items():
        row = claims[id]
        low, high = (float(row[end]) if row[end] else None for end in ("low", "high"))
        kind: Kind = "independent" if row["kind"] == "independent" else "in-sample"
        said = "; ".join(x for x in (row["note"], (notes or {}).get(id, "")) if x)
        about = (row["claim"], row["expected"], value, row["unit"], row["evidence"], kind, row["source"])
        yield judged(id, section, *about, low, high, said)


@lru_cache
def _table(file: str) -> tuple[dict[str, str], ...]:
    path = bundled_folder("models") / "reference" / file
    with path.open(encoding="utf-8") as handle:
        next(handle)  # the citation
        return tuple(csv.DictReader(handle))


def reference(file: str, **wanted: str) -> Iterator[dict[str, str]]:
    """Rows of a table of reference data with given values."""
    for row in _table(file):
        if all(row[k] == v for k, v in wanted.items()):
            yield dict(row)
