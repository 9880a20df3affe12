"""Verify a result: its numbers are those of its run, and a sample of subjects solved again by other means agrees."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, DataError
from mtorsim.kernel.status import OK
from mtorsim.results.block import Block
from mtorsim.results.folder import CERTIFICATE, write_json
from mtorsim.results.manifest import other_versions, plan_from_manifest, read_manifest
from mtorsim.results.parts import checked_blocks
from mtorsim.results.result import Result
from mtorsim.run.arguments import checked
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import prepare

from .chunks import Times, as_block, run_arm
from .workers import workers

__all__ = ["Certificate", "certified", "verify"]

TIGHTER = 100.0
"""Factor by which tolerances are tighter when a subject is solved again."""
SUSPICIOUS = 0.5
"""Difference of fasting glucose, mg/dL, from which a subject is suspicious."""
CERTIFIED_FROM = 10_000
"""Number of subjects from which a saved result is verified at the end of its run."""
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
    folder: str | Path,
    *,
    share: float = 0.001,
    limit: float = SUSPICIOUS,
    threads: int | None = None,
    note: Callable[[str], None] | None = None,
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
    threads
        Number of threads; default: all cores.
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
    manifest = read_manifest(path)
    if manifest.get("records") or not manifest.get("finished"):
        unfinished = not manifest.get("records")
        help = f'resume it: `mtorsim.resume("{folder}")`' if unfinished else None
        raise DataError(f"`{folder}` holds no finished run of a scenario", help=help)
    first, n = manifest["first"], manifest["subjects"]
    count = min(n, MOST, max(LEAST, round(share * n)))
    rng = np.random.default_rng([manifest["seed"], n])
    who = first + np.sort(rng.choice(n, count, replace=False))
    # Every number is read, and compared with the digest of its arm.
    stored = Block.joined([b.select(np.isin(b.subjects, who)) for b in checked_blocks(path, manifest)])
    method = "tsit5" if manifest["method"] == "grk4t" else "grk4t"
    tight = {"rtol": manifest["rtol"] / TIGHTER, "atol": manifest["atol"] / TIGHTER}
    other = {**manifest, "method": method, "precision": "double", **tight}
    found = _Found(stored, list(manifest["observables"]), manifest["graded"], limit)
    with plan_from_manifest(other, note) as plan, ThreadPoolExecutor(workers(threads)) as pool:
        plan.choose_forms(count)
        for again in pool.map(partial(_again, plan), np.array_split(who, max(1, count // BATCH))):
            for i in range(len(plan.arms)):
                found.compare(i, again)
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


def certified(result: Result, certify: bool | None, threads: int, note: Callable[[str], None] | None = None) -> Result:
    """The result of a run, after its certificate has been kept beside it, if one is wanted.

    Parameters
    ----------
    certify
        Whether it is; None: from `CERTIFIED_FROM` subjects on.
    """
    wanted = result.manifest["subjects"] >= CERTIFIED_FROM if certify is None else certify
    if result.folder is None or not wanted or (result.folder / CERTIFICATE).is_file():
        return result
    if note:
        note("verifying: a sample of the subjects is solved again by other means")
    found = verify(result.folder, threads=threads)
    try:
        write_json(result.folder / CERTIFICATE, found.to_json())
    except OSError as problem:
        help = "the result is complete; `mtorsim.verify` prints its certificate"
        raise DataError(f"cannot write to `{result.folder}`: {problem.strerror or problem}", help=help) from None
    return result


def _again(plan: Plan, who: np.ndarray) -> Block:
    """Some subjects solved again."""
    people, times = prepare(plan, who), Times.of(plan, series=False)
    runs = [run_arm(plan, arm, people, times, np.zeros(1, np.int64)) for arm in plan.arms]
    return as_block(plan, people, runs)


class _Found:
    """What differs between the stored sample and the same subjects solved again."""

    def __init__(self, stored: Block, names: list[str], graded: str, limit: float) -> None:
        self.stored = stored
        self.names = names
        self.graded = names.index(graded)
        self.limit = limit
        self.worst: dict[str, tuple[float, int, str]] = {}
        self.suspicious: list[tuple[int, str, str]] = []
        self.decided: set[int] = set()

    def compare(self, arm: int, again: Block) -> None:
        """Compare one arm of some subjects."""
        stored, name = self.stored, self.stored.arms[arm]
        for j, k in enumerate(np.searchsorted(stored.subjects, again.subjects)):
            subject = int(again.subjects[j])
            apart = np.abs(stored.visits[arm, k] - again.visits[arm, j])
            far = float(np.nanmax(apart[:, self.graded], initial=0.0))
            if (stored.status[arm, k] == OK) != (again.status[arm, j] == OK):
                self.suspicious.append((subject, name, "it ends otherwise"))
            elif _decisions(stored, arm, subject) != _decisions(again, arm, subject):
                self.decided.add(subject)
            else:
                self._note_worst(name, subject, apart)
                if far > self.limit:
                    self.suspicious.append((subject, name, f"fasting glucose differs by {far:.3g} mg/dL"))

    def _note_worst(self, arm: str, subject: int, apart: np.ndarray) -> None:
        """Keep the largest difference of each observable."""
        for k, name in enumerate(self.names):
            found = float(np.nanmax(apart[:, k], initial=-1.0))
            if found > self.worst.get(name, (-1.0, -1, ""))[0]:
                self.worst[name] = (found, subject, arm)


def _decisions(block: Block, arm: int, subject: int) -> list[tuple[float, str]]:
    """Times and kinds of what was decided of a subject."""
    rows = block.ledger[arm]
    mine = rows[rows["subject"] == subject]
    return list(zip(mine["time_h"].tolist(), mine["what"].tolist(), strict=True))
