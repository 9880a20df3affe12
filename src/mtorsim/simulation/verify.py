"""Verify a result: its numbers are those of its run, and a sample of subjects solved again by other means agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError
from mtorsim.kernel.status import OK
from mtorsim.results.manifest import other_versions, plan_from_manifest, read_manifest
from mtorsim.results.result import Result, open_run
from mtorsim.run.arguments import checked
from mtorsim.run.prepare import prepare

from .chunks import SERIES_OF, Times, run_arm

__all__ = ["Certificate", "verify"]

TIGHTER = 100.0
"""Factor by which tolerances are tighter when a subject is solved again."""
SUSPICIOUS = 0.5
"""Difference of fasting glucose, mg/dL, from which a subject is suspicious."""
LEAST, MOST = 8, 4000
"""Limits of the number of subjects that are solved again."""
BATCH = 64


@dataclass(frozen=True, repr=False)
class Certificate:
    """What was verified.

    Attributes
    ----------
    subjects, sample
        Number of subjects of the result, and of those solved again.
    how
        The method and tolerance with which they were.
    worst
        Largest absolute difference of each observable in the sample: the value, the subject and the arm.
    suspicious
        Subjects whose fasting glucose differs by more than `limit`, or who ended otherwise: subject, arm and reason.
    decided
        Subjects, not suspicious, for whom a rule decided otherwise on a value next to its limit.
    versions_differ
        One line for each library whose version differs from that of the run.
    """

    folder: Path
    subjects: int
    sample: int
    how: str
    limit: float
    worst: dict[str, tuple[float, int, str]]
    suspicious: tuple[tuple[int, str, str], ...]
    decided: tuple[int, ...]
    versions_differ: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        glucose = self.worst.get("fasting_glucose", self.worst.get("glucose", (float("nan"), -1, "")))
        lines = [
            f"Certificate({self.folder}: numbers of {self.subjects:,} subjects are those of the run;",
            f"  {self.sample:,} solved again by {self.how}: glucose within {glucose[0]:.3g} mg/dL;",
            f"  {len(self.suspicious)} suspicious)",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        kept = {k: v for k, v in vars(self).items() if k not in ("folder", "worst")}
        rows = {n: {"difference": d, "subject": s, "arm": a} for n, (d, s, a) in self.worst.items()}
        return {"folder": str(self.folder), **kept, "worst": rows}


@checked
def verify(
    folder: str | Path, *, share: float = 0.001, limit: float = SUSPICIOUS, note: Callable[[str], None] | None = None
) -> Certificate:
    """Verify a stored result.

    Every number is read and compared with the digest that the run left. Then a random sample of the subjects, at
    least 8, is solved again from the manifest by the other method, in double precision, at a hundredth of the
    tolerances.

    Parameters
    ----------
    folder
        A result folder.
    share
        Share of the subjects that are solved again, 0 to 1.
    limit
        Difference of fasting glucose from which a subject is suspicious, mg/dL.
    note
        Called with a one-line message before a slow step.

    Returns
    -------
    Certificate
        The largest differences, and suspicious subjects by number with a reason.

    Raises
    ------
    DataError
        If files are missing or changed.

    Examples
    --------
    >>> import mtorsim as mt
    >>> mt.verify("results/breast")  # doctest: +SKIP
    """
    if not 0 <= share <= 1:
        raise ArgumentError(f"share = {share:g} is not between 0 and 1", help="0.1 % is 0.001")
    path = Path(folder).expanduser()
    result = open_run(path)
    manifest = read_manifest(path)
    first, n = manifest["first"], manifest["subjects"]
    count = min(n, MOST, max(LEAST, round(share * n)))
    rng = np.random.default_rng([manifest["seed"], n])
    who = first + np.sort(rng.choice(n, count, replace=False))
    method = "tsit5" if manifest["method"] == "grk4t" else "grk4t"
    tight = {"rtol": manifest["rtol"] / TIGHTER, "atol": manifest["atol"] / TIGHTER}
    other = {**manifest, "method": method, "precision": "double", **tight}
    found = _Found(result, limit)
    with plan_from_manifest(other, note) as plan:
        plan.choose_forms(count)
        for some in np.array_split(who, max(1, count // BATCH)):
            people, times = prepare(plan, some), Times.of(plan, bool(some[0] < SERIES_OF))
            for arm in plan.arms:
                again = run_arm(plan, arm, people, times, np.zeros(1, np.int64))
                found.compare(arm.name, some, again.visits, again.followed.status, again.followed.ledger)
    return Certificate(
        folder=path,
        subjects=n,
        sample=count,
        how=f"{method} in double precision at rtol {tight['rtol']:.3g}",
        limit=limit,
        worst=found.worst,
        suspicious=tuple(found.suspicious),
        decided=tuple(sorted(found.decided)),
        versions_differ=tuple(other_versions(manifest["versions"])),
    )


class _Found:
    """What differs between a stored result and its sample solved again."""

    def __init__(self, result: Result, limit: float) -> None:
        self.limit = limit
        # Reads every number, and compares the digest of every arm.
        self.stored = result.visits
        self.ledger = result.ledger if any(r["rules"] for r in result.manifest["rules"].values()) else None
        self.names = list(result.manifest["observables"])
        self.graded = self.names.index("fasting_glucose")
        self.worst: dict[str, tuple[float, int, str]] = {}
        self.suspicious: list[tuple[int, str, str]] = []
        self.decided: set[int] = set()

    def compare(self, arm: str, who: np.ndarray, visits: np.ndarray, status: np.ndarray, ledger: np.ndarray) -> None:
        """Compare some subjects of an arm: visits (n, times, observables), status (n,) and decisions, solved again."""
        before = self.stored.sel(arm=arm, subject=who)
        values = np.stack([before[name].to_numpy() for name in self.names], axis=-1)
        ended = before.status.to_numpy()
        for j, number in enumerate(who):
            subject, apart = int(number), np.abs(values[j] - visits[j])
            far = float(np.nanmax(apart[:, self.graded], initial=0.0))
            if (ended[j] == OK) != (status[j] == OK):
                self.suspicious.append((subject, arm, "it ends otherwise"))
            elif self._decided_otherwise(arm, subject, ledger[ledger["subject"] == subject]):
                self.decided.add(subject)
            else:
                self._note_worst(arm, subject, apart)
                if far > self.limit:
                    self.suspicious.append((subject, arm, f"fasting glucose differs by {far:.3g} mg/dL"))

    def _decided_otherwise(self, arm: str, subject: int, rows: np.ndarray) -> bool:
        """Whether rules decided otherwise than in the stored run, or at other times."""
        if self.ledger is None:
            return False
        mine = self.ledger[(self.ledger["arm"] == arm) & (self.ledger["subject"] == subject)]
        before = list(zip(mine["time_h"], mine["what"], strict=True))
        return before != list(zip(rows["time_h"].tolist(), rows["what"].tolist(), strict=True))

    def _note_worst(self, arm: str, subject: int, apart: np.ndarray) -> None:
        """Keep the largest difference of each observable."""
        for k, name in enumerate(self.names):
            found = float(np.nanmax(apart[:, k], initial=-1.0))
            if found > self.worst.get(name, (-1.0, -1, ""))[0]:
                self.worst[name] = (found, subject, arm)
