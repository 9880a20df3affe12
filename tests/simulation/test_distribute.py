"""Chunks computed by processes and by a Dask cluster: the same bits, also when a worker is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal

import pytest

import mtorsim as mt
from mtorsim.errors import ArgumentError, DataError
from mtorsim.results.manifest import describe_run
from mtorsim.run.plan import make_plan
from mtorsim.simulation.remote import Job, compute

N, CHUNK = 60, 10
SMALL = "topp_insulin_resistance"


@pytest.fixture(scope="module")
def usual():
    return mt.simulate(SMALL, subjects=N).manifest["result"]


def killer(pid):
    """A progress function that kills a worker when the first chunk is done."""
    killed = []

    def progress(done, total):
        if not killed:
            killed.append(pid())
            os.kill(killed[0], signal.SIGKILL)

    return progress, killed


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_give_the_same_bits(usual, processes):
    told = []
    found = mt.simulate(
        SMALL, subjects=N, chunk=CHUNK, processes=processes, progress=lambda done, n: told.append((done, n))
    )
    assert found.manifest["result"] == usual
    assert told == [(k, N) for k in range(CHUNK, N + 1, CHUNK)]


def test_a_process_that_is_killed_costs_its_chunk_only(usual, tmp_path):
    progress, killed = killer(lambda: multiprocessing.active_children()[0].pid)
    found = mt.simulate(SMALL, subjects=N, chunk=CHUNK, processes=2, progress=progress, out=tmp_path / "out")
    assert killed
    assert found.manifest["result"] == usual


def test_a_cluster_gives_the_same_bits_and_may_lose_a_worker(usual, tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster:
        address = cluster.scheduler_address
        result = mt.simulate(SMALL, subjects=N // 2, chunk=CHUNK, cluster=address, out=tmp_path / "out")
        progress, killed = killer(lambda: cluster.workers[0].pid)
        result = mt.extend(result.folder, N, cluster=address, progress=progress)
        assert killed
        assert result.manifest["result"] == usual


def test_what_cannot_be_reached_is_one_message(mtorsim, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("mtorsim.simulation.distribute.ANSWERS_WITHIN", "1 s")
    for address, message in (("tcp://127.0.0.1:1", "no cluster answers at"), ("nonsense", "is not the address of")):
        found = mtorsim("run", SMALL, "--subjects", "2", "--cluster", address, "--quiet")
        assert found.code == 2
        assert found.err.count("error") == 1
        assert message in found.err


def test_wrong_workers():
    with pytest.raises(ArgumentError, match="exclude each other"):
        mt.simulate(SMALL, subjects=2, processes=2, cluster="tcp://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="processes = 0"):
        mt.simulate(SMALL, subjects=2, processes=0)
    with pytest.raises(ArgumentError, match="stay in this process"):
        mt.simulate(SMALL, subjects=2, processes=2, rules=[lambda visit: None])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("versions", {"numpy": "1.0"}, "a worker has other versions"),
        ("kernels", ["other"], "would solve other equations"),
    ],
)
def test_a_worker_that_would_compute_something_else_refuses(key, value, message):
    manifest = {**describe_run(make_plan(SMALL), 4, 4), key: value}
    with pytest.raises(DataError, match=message):
        compute(Job.of(json.loads(json.dumps(manifest)), "tape", 1, 0, 4))
