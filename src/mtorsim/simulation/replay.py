"""Recompute one subject of a stored result from its manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtorsim.errors import DataError, did_you_mean
from mtorsim.kernel.status import SENTENCES
from mtorsim.results.agreement import agreement
from mtorsim.results.manifest import other_versions, plan_from_manifest
from mtorsim.results.result import open_run
from mtorsim.results.tables import TEST_KEYS, labelled, test_table

from .simulate import one_subject

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Replay", "replay_subject"]


@dataclass(frozen=True, repr=False)
class Replay:
    """A recomputed subject.

    Attributes
    ----------
    visits
        Observables, dims (time,).
    tests
        Indices of laboratory tests, one row each; empty without tests.
    same
        Whether all numbers, including tests, agree with the stored ones to the bit.
    difference
        Largest relative difference from the stored numbers.
    parameters
        The subject's parameters by full name.
    versions_differ
        One line per library whose version differs from that of the run.
    """

    scenario: str
    arm: str
    subject: int
    status: str
    visits: xr.Dataset
    tests: pd.DataFrame
    same: bool
    difference: float
    parameters: Mapping[str, float]
    versions_differ: tuple[str, ...]

    def __repr__(self) -> str:
        found = "identical to the bit" if self.same else f"largest relative difference {self.difference:.3g}"
        return f"Replay({self.scenario}, arm {self.arm}, subject {self.subject}: {self.status}; {found})"


def replay_subject(
    folder: str | Path, subject: int, arm: str | None = None, note: Callable[[str], None] | None = None
) -> Replay:
    """Recompute one subject of a stored result.

    Parameters
    ----------
    folder
        The result.
    subject
        The subject's number, from 0.
    arm
        Name of the arm; default: the first.
    note
        Called with a one-line message before a slow step.

    Raises
    ------
    DataError
        If the result, arm or subject does not exist.
    """
    result = open_run(folder)
    manifest = result.manifest
    arms = list(manifest["arms"])
    chosen: str = arms[0] if arm is None else arm
    if chosen not in arms:
        help = did_you_mean(chosen, arms) or "arms are " + ", ".join(f"`{a}`" for a in arms)
        raise DataError(f"the run in `{folder}` has no arm `{chosen}`", help=help)
    begin, end = manifest["first"], manifest["first"] + manifest["subjects"] - 1
    if not begin <= subject <= end:
        help = f"subjects are numbered from {begin} to {end}"
        raise DataError(f"there is no subject {subject}", help=help)
    with plan_from_manifest(manifest, note) as plan:
        block, parameters = one_subject(plan, subject, chosen)
    visits = labelled({**manifest, "arms": [chosen]}, block.visits, block.subjects, manifest["visits_h"])
    tests = test_table(block).to_pandas()
    before = result.visits_of(chosen, subject).ravel()
    now = block.visits[0, 0].ravel()
    if len(tests):
        kept = result.tests.query("arm == @chosen and subject == @subject")
        both = tests.merge(kept, "left", on=list(TEST_KEYS), suffixes=("", "_before"))
        before = np.concatenate([before, both["value_before"].to_numpy()])
        now = np.concatenate([now, tests["value"].to_numpy()])
    same, difference = agreement(before, now)
    return Replay(
        scenario=manifest["scenario"],
        arm=chosen,
        subject=subject,
        status=SENTENCES[int(block.status[0, 0])],
        visits=visits.isel(arm=0, subject=0, drop=True),
        tests=tests,
        same=same,
        difference=difference,
        parameters=parameters,
        versions_differ=tuple(other_versions(manifest["versions"])),
    )
