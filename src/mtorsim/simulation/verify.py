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
from mtorsim.results.result import open_run
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
    stored = result.visits  # reads and compares the digest of every arm
    first, n = manifest["first"], manifest["subjects"]
    count = min(n, MOST, max(LEAST, round(share * n)))
    rng = np.random.default_rng([manifest["seed"], n])
    who = first + np.sort(rng.choice(n, count, replace=False))
    method = "tsit5" if manifest["method"] == "grk4t" else "grk4t"
    tight = {"rtol": manifest["rtol"] / TIGHTER, "atol": manifest["atol"] / TIGHTER}
    other = {**manifest, "method": method, "precision": "double", **tight}
    worst: dict[str, tuple[float, int, str]] = {}
    suspicious: list[tuple[int, str, str]] = []
    decided: set[int] = set()
    with plan_from_manifest(other, note) as plan:
        plan.choose_forms(count)
        names = list(plan.observables)
        graded = names.index("fasting_glucose")
        for some in np.array_split(who, max(1, count // BATCH)):
            people = prepare(plan, some)
            for arm in plan.arms:
                again = run_arm(plan, arm, people, Times.of(plan, bool(some[0] < SERIES_OF)), np.zeros(1, np.int64))
                before = stored.sel(arm=arm.name, subject=some)
                for j, subject in enumerate(some):
                    status = int(before.status.to_numpy()[j])
                    if (status == OK) != (again.followed.status[j] == OK):
                        suspicious.append((int(subject), arm.name, "it ends otherwise"))
                        continue
                    values = np.stack([before[name].to_numpy()[j] for name in names], axis=1)
                    apart = np.abs(values - again.visits[j])
                    ruled = bool(arm.rules) and bool((again.followed.ledger["subject"] == subject).any())
                    if np.nanmax(apart[:, graded], initial=0.0) > limit:
                        if ruled:
                            decided.add(int(subject))
                            continue
                        reason = f"fasting glucose differs by {np.nanmax(apart[:, graded]):.3g} mg/dL"
                        suspicious.append((int(subject), arm.name, reason))
                    for k, name in enumerate(names):
                        found = float(np.nanmax(apart[:, k], initial=-1.0))
                        if found > worst.get(name, (-1.0, -1, ""))[0]:
                            worst[name] = (found, int(subject), arm.name)
    return Certificate(
        folder=path,
        subjects=n,
        sample=count,
        how=f"{method} in double precision at rtol {tight['rtol']:.3g}",
        limit=limit,
        worst=worst,
        suspicious=tuple(suspicious),
        decided=tuple(sorted(decided)),
        versions_differ=tuple(other_versions(manifest["versions"])),
    )
