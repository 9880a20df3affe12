"""Compute a chunk in another process, perhaps on another machine, from the manifest of its run alone."""

from __future__ import annotations

import atexit
import json
import pickle
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mtorsim.compiler.warm import Form
from mtorsim.errors import DataError
from mtorsim.results.block import Block
from mtorsim.results.manifest import other_versions, plan_from_manifest
from mtorsim.run.plan import Plan

from .chunks import blocks

__all__ = ["Job", "compute", "compute_into"]

_MAY_CHANGE = ("subjects", "most_subjects", "until", "quantiles", "certify")


@dataclass(frozen=True)
class Job:
    """A chunk to be computed.

    Attributes
    ----------
    manifest
        That of the run, as JSON.
    form
        Form of the equations: `tape`, `compiled` or `auto`.
    threads
        Number of threads.
    subjects
        Number of subjects of the run, by which the form is chosen.
    first, last
        Subjects from `first` to before `last`.
    """

    manifest: str
    form: Form
    threads: int
    subjects: int
    first: int
    last: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any], form: Form, threads: int, first: int, last: int) -> Job:
        """The job of some subjects of a run."""
        # What may change while the run goes on is left out, so that a worker plans it once.
        same = {k: v for k, v in manifest.items() if k not in _MAY_CHANGE}
        return cls(json.dumps(same, sort_keys=True), form, threads, manifest["subjects"], first, last)


def compute(job: Job) -> Block:
    """Compute a chunk.

    Raises
    ------
    DataError
        If this machine has other versions of the libraries, or would solve other equations.
    """
    plan = _plan(job.manifest, job.form)
    _choose_forms(job.manifest, job.form, job.subjects)
    (block,) = blocks(plan, job.first, job.last, job.last - job.first, job.threads, None, ())
    return block


def compute_into(job: Job, path: str) -> None:
    """Compute a chunk, and save it.

    A process that is killed while it sends much through the pipe that all share would leave the others waiting.
    """
    with Path(path).open("wb") as file:
        pickle.dump(compute(job), file, protocol=5)


@lru_cache(maxsize=2)
def _choose_forms(text: str, form: Form, subjects: int) -> None:
    """Choose between tape and compiled equations, once for each size of a run."""
    _plan(text, form).choose_forms(subjects)


@lru_cache(maxsize=2)
def _plan(text: str, form: Form) -> Plan:
    """The plan of a run, kept for its next chunks."""
    manifest = json.loads(text)
    apart = other_versions(manifest["versions"])
    if apart:
        help = "install the same versions everywhere: the numbers would differ"
        raise DataError(f"a worker has other versions: {'; '.join(apart[:3])}", help=help)
    kept = ExitStack()
    atexit.register(kept.close)
    plan = kept.enter_context(plan_from_manifest(manifest))
    if [k.name for k in (plan.kernel, plan.day) if k is not None] != manifest["kernels"]:
        raise DataError("a worker would solve other equations", help="install the same version of mtorsim everywhere")
    return replace(plan, options=replace(plan.options, kernel=form))
