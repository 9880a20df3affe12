"""Recompute one subject of a stored table of event records from its manifest."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtorsim.errors import DataError
from mtorsim.kernel.status import SENTENCES
from mtorsim.results.agreement import agreement
from mtorsim.results.manifest import other_versions, plan_from_manifest
from mtorsim.results.records import open_records

from .read import read_events
from .replaced import replaced_parameters
from .simulate import TABLE, records_of
from .table import Frame

__all__ = ["RecordsReplay", "replay_records"]


@dataclass(frozen=True, repr=False)
class RecordsReplay:
    """A recomputed subject of a table of event records.

    Attributes
    ----------
    label, subject
        ID and number of the subject.
    frame
        Its records with the recomputed observables.
    units
        Unit of each observable.
    same
        Whether all numbers agree with the stored ones to the bit.
    difference
        Largest relative difference from the stored numbers.
    parameters
        The subject's parameters by full name, before covariates replace them.
    versions_differ
        One line per library whose version differs from that of the run.
    """

    title: str
    label: str
    subject: int
    status: str
    frame: Frame
    units: Mapping[str, str]
    same: bool
    difference: float
    parameters: Mapping[str, float]
    versions_differ: tuple[str, ...]

    def __repr__(self) -> str:
        found = "identical to the bit" if self.same else f"largest relative difference {self.difference:.3g}"
        return f"RecordsReplay({self.title}, subject {self.subject} (ID {self.label}): {self.status}; {found})"


def replay_records(folder: str | Path, subject: int, note: Callable[[str], None] | None = None) -> RecordsReplay:
    """Recompute one subject of a stored table of event records.

    Parameters
    ----------
    folder
        The result.
    subject
        The subject's number, from 0 in the order of the table.
    note
        Called with a one-line message before a slow step.

    Raises
    ------
    DataError
        If the result or the subject does not exist, or a text in the manifest does not match its hash.
    """
    stored = open_records(folder)
    manifest = stored.manifest
    if not 0 <= subject < manifest["subjects"]:
        help = f"subjects are numbered from 0 to {manifest['subjects'] - 1}"
        raise DataError(f"there is no subject {subject}", help=help)
    text = manifest["files"][TABLE]
    if hashlib.sha256(text.encode()).hexdigest() != manifest["hashes"][TABLE]:
        raise DataError(f"`{TABLE}` in the manifest does not match its hash")
    with tempfile.TemporaryDirectory(prefix="mtorsim-") as name:
        path = Path(name) / TABLE
        path.write_text(text, encoding="utf-8", newline="")
        table = read_events(path, **manifest["table"])
    with plan_from_manifest(manifest, note, ramps=manifest["ramps"]) as plan:
        columns = replaced_parameters(plan.model, table)
        found = records_of(plan, table, columns, np.array([subject]))
    everything: Frame = stored.frame
    mine = everything[everything["subject_number"] == subject].reset_index(drop=True)
    now = mine.copy()
    names = {name: name if name not in table.frame.columns else f"simulated_{name}" for name in found.values}
    for own, values in found.values.items():
        now[names[own]] = values
    before, after = (f[list(names.values())].to_numpy(float) for f in (mine, now))
    same, difference = agreement(before, after)
    return RecordsReplay(
        title=manifest["title"],
        label=str(table.labels[subject]),
        subject=subject,
        status=SENTENCES[int(found.status[0])],
        frame=now,
        units=stored.units,
        same=same,
        difference=difference,
        parameters=found.parameters,
        versions_differ=tuple(other_versions(manifest["versions"])),
    )
