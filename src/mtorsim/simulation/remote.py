"""Compute a chunk in another process, perhaps on another machine, from the manifest of its run alone."""

from __future__ import annotations

import atexit
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mtorsim.compiler.warm import Form
from mtorsim.errors import DataError
from mtorsim.results.block import Block
from mtorsim.results.manifest import describe_run, other_versions, plan_from_manifest
from mtorsim.run.plan import Plan

from .chunks import blocks

__all__ = ["Job", "compute"]


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
    first, last
        Subjects from `first` to before `last`.
    """

    manifest: str
    form: Form
    threads: int
    first: int
    last: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any], form: Form, threads: int, first: int, last: int) -> Job:
        """The job of some subjects of a run."""
        return cls(json.dumps(manifest, sort_keys=True), form, threads, first, last)


def compute(job: Job) -> Block:
    """Compute a chunk.

    Raises
    ------
    DataError
        If this machine has other versions of the libraries, or would solve other equations.
    """
    plan = _plan(job.manifest, job.form)
    (block,) = blocks(plan, job.first, job.last, job.last - job.first, job.threads, None, ())
    return block


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
    mine = describe_run(plan, manifest["subjects"], manifest["chunk"], manifest["first"])
    if mine["kernels"] != manifest["kernels"]:
        raise DataError("a worker would solve other equations", help="install the same version of mtorsim everywhere")
    plan = replace(plan, options=replace(plan.options, kernel=form))
    plan.choose_forms(manifest["subjects"])
    return plan
