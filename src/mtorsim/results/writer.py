"""Write the chunks of a run to files and running summaries, with memory independent of the number of subjects."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import DataError
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.run.plan import Plan
from mtorsim.stats.sketch import ERROR

from .block import Block, TestValues
from .folder import CERTIFICATE, PARTS, claim, draft_of, open_folder, release, write_json
from .goal import STEP, read_goal
from .manifest import describe_run, machine, read_manifest
from .parts import complete_part, load_tests, write_part
from .result import Result
from .shares import write_event_free, write_shares
from .summary import BANDS_OF, QUANTILES, bands, spoken, test_bands
from .tables import labelled, ledger_table, people_table, test_table, treatment_table, visit_table
from .tally import Tally

__all__ = ["Writer"]

_GROWS = ("subjects", "until", "most_subjects", "certify")
"""Keys of a manifest in which a run may differ from the one that it extends."""


class Writer:
    """Collects a run's blocks in order of subjects and completes the result.

    Attributes
    ----------
    first
        Number of the first subject.
    finished
        Whether the run to resume was finished before.
    """

    def __init__(
        self,
        plan: Plan,
        subjects: int,
        chunk: int,
        folder: Path | None,
        *,
        quantiles: Sequence[float] = (),
        force: bool = False,
        resume: bool = False,
        extend: bool = False,
        first: int = 0,
        until: str | None = None,
        certify: bool | None = None,
    ) -> None:
        self.plan = plan
        self.first = first
        self.goal = None if until is None else read_goal(until, plan.stored, [a.name for a in plan.arms])
        begin = subjects if until is None else min(subjects, STEP)
        self.most = subjects
        self.manifest = {
            **describe_run(plan, begin, chunk, first),
            "quantiles": sorted({*QUANTILES, *quantiles}),
            "until": until,
            "most_subjects": None if until is None else subjects,
            "certify": certify,
        }
        self.folder = folder
        self.blocks: list[Block] = []
        self.number = 0
        self.finished = False
        self.drawn: list[tuple[np.ndarray, np.ndarray]] = []
        self.weights: list[np.ndarray] = []
        self.tally = Tally(plan, self.goal, sketched=subjects > BANDS_OF or self.goal is not None)
        self.lock = claim(folder) if folder is not None else None
        try:
            self._begin(folder, force, resume, extend)
        except OSError as problem:
            self.release()
            raise DataError(f"cannot write to `{folder}`: {problem.strerror or problem}") from None
        except BaseException:
            self.release()
            raise

    @property
    def done(self) -> int:
        """Number of subjects so far, not 0 at the start of a resumed run."""
        return self.tally.done

    def wanted(self) -> int:
        """Number of subjects of the run: as planned, or as many as seem to be needed for its precision."""
        n = self.manifest["subjects"]
        if self.goal is None or self.done < n:
            return n
        more = min(self.goal.enough(n, self.tally.met, *self.tally.sums.tolist()), self.most)
        if more > n:
            self.manifest["subjects"] = more
            if self.folder is not None:
                write_json(self.folder / "run.json", {**self.manifest, "finished": False})
        return more

    def _begin(self, folder: Path | None, force: bool, resume: bool, extend: bool) -> None:
        """Take up an interrupted or a smaller run, or begin a new one in an empty folder."""
        if folder is not None and (resume or extend) and (folder / "run.json").is_file():
            self._take_up(folder, extend)
        elif folder is not None:
            open_folder(folder, force)
            write_json(folder / "run.json", {**self.manifest, "finished": False})
            self._make_folders(folder)

    def release(self) -> None:
        """Let other processes write to the folder."""
        if self.folder is not None:
            release(self.folder, self.lock)
            self.lock = None

    def _make_folders(self, folder: Path) -> None:
        """Make the folders of all tables; they are not made again, since a folder that vanished lost its chunks."""
        for name in (PARTS, *(f"{table}.parquet" for table in self._tables())):
            (folder / name).mkdir(exist_ok=True)
        for arm in self.manifest["arms"]:
            (folder / "visits.parquet" / f"arm={arm}").mkdir(parents=True, exist_ok=True)

    def _tables(self) -> list[str]:
        """Names of the tables beside the visits."""
        names = ["people"]
        if self.plan.scenario.tests:
            names.append("tests")
        if self.plan.ruled or self.plan.scenario.trial:
            names += ["ledger", "treatment"]
        return names

    def add(self, block: Block) -> None:
        """Add the next subjects."""
        if self.folder is not None:
            self._write_visits(block)
            self._write_part(block)
        else:
            self.blocks.append(block)
        self._gather(block)

    def _gather(self, block: Block) -> None:
        """Include the next subjects in the summaries."""
        if len(block.series_of):
            self.drawn.append((block.series, block.series_of))
        if self.done < BANDS_OF:
            self.weights.append(block.weights)
        self.tally.add(block)
        self.number += 1

    def finish(self, threads: int, seconds: float) -> Result:
        """Complete the result."""
        times = list(self.plan.scenario.series)
        drawn = np.zeros((len(self.plan.arms), 0, len(times), len(self.plan.stored)))
        who = np.zeros(0, np.int64)
        if self.drawn:
            drawn = np.concatenate([series for series, _ in self.drawn], axis=1)
            who = np.concatenate([numbers for _, numbers in self.drawn])
        series = partial(labelled, self.manifest, drawn, who, times)
        if self.folder is not None:
            self._check_chunks()
        summary = self._summary(seconds)
        manifest = {
            **self.manifest,
            "finished": True,
            "status": summary["status"],
            "result": self._digest(),
            "threads": threads,
            "seconds": round(seconds, 3),
            "machine": machine(),
        }
        if self.folder is None:
            return Result(manifest, summary, series, None, Block.joined(self.blocks))
        failed = self.tally.worst_status
        if len(failed) > 1 or OK not in failed:
            self._write_failed()
        if len(who):
            # An empty one could be saved, but not be read.
            series().to_netcdf(self.folder / "series.nc", engine="scipy")
        write_json(self.folder / "summary.json", summary)
        if self.tally.counts:
            write_shares(self.folder / "shares.csv", self.tally)
            write_event_free(self.folder / "kaplan_meier.csv", self.tally)
        write_json(self.folder / "run.json", manifest)
        return Result(manifest, summary, series, self.folder)

    def _check_chunks(self) -> None:
        """Check that all chunks are still there."""
        assert self.folder is not None
        for arm in self.manifest["arms"]:
            found = len(list((self.folder / "visits.parquet" / f"arm={arm}").glob("chunk-*.parquet")))
            if found != self.number:
                message = f"`{self.folder}` has {found:,} of {self.number:,} chunks of arm `{arm}`"
                raise DataError(message, help="files were removed during the run: run it again with `force=True`")

    def _write_failed(self) -> None:
        """Save the numbers and reasons of all failed subjects."""
        import pyarrow.parquet as pq

        assert self.folder is not None
        visits = len(self.manifest["visits_h"])
        with (self.folder / "failed.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["arm", "subject", "status"])
            for arm in self.manifest["arms"]:
                for k in range(self.number):
                    path = self.folder / "visits.parquet" / f"arm={arm}" / f"chunk-{k:06d}.parquet"
                    found = pq.ParquetFile(path).read(["subject", "status"])
                    subject, status = (found.column(n).to_numpy()[::visits] for n in ("subject", "status"))
                    for i in np.flatnonzero(status != OK):
                        table.writerow([arm, int(subject[i]), SENTENCES[int(status[i])]])

    def _digest(self) -> dict[str, str]:
        """A digest of all numbers of each arm, independent of chunks."""
        return {arm.name: digest.hex() for arm, digest in zip(self.plan.arms, self.tally.digests, strict=True)}

    def _take_up(self, folder: Path, extend: bool) -> None:
        """Include the chunks saved by an interrupted run, or by a run of fewer subjects that is extended.

        Raises
        ------
        DataError
            If the interrupted run was a different one.
        """
        before = read_manifest(folder)
        # Through JSON and back, so that tuples and lists compare equal.
        now = json.loads(json.dumps(self.manifest))
        if self.goal is not None and before.get("until") == now["until"]:
            # How many are needed was found out by the interrupted run.
            self.manifest["subjects"] = now["subjects"] = before["subjects"]
        free = _GROWS if extend else ()
        other = [key for key in now if before.get(key) != now[key] and key not in free]
        if before.get("finished") and not other and not extend:
            self.finished = True
            return
        if other:
            message = f"the run in `{folder}` was a different one: it differs in {', '.join(other)}"
            raise DataError(message, help="resume it with the original arguments, or name another folder")
        if extend:
            (folder / CERTIFICATE).unlink(missing_ok=True)
            write_json(folder / "run.json", {**self.manifest, "finished": False})
        while (block := self._read_part(folder)) is not None:
            self._gather(block)
        self._make_folders(folder)

    def _write_part(self, block: Block) -> None:
        """Save the data of a chunk that visits lack; written last, it marks a complete chunk."""
        assert self.folder is not None
        write_part(self.folder, self.number, block)

    def _read_part(self, folder: Path) -> Block | None:
        """Read the next chunk if it is complete on disk; an incomplete one is computed again."""
        block = complete_part(folder, self.manifest, self.number)
        begin, chunk = self.first + self.done, self.manifest["chunk"]
        expected = np.arange(begin, min(begin + chunk, self.first + self.manifest["subjects"]))
        whole = block is not None and len(expected) and np.array_equal(block.subjects, expected)
        return block if whole else None

    def _write_visits(self, block: Block) -> None:
        import pyarrow.parquet as pq

        assert self.folder is not None
        name = f"chunk-{self.number:06d}.parquet"
        for i, arm in enumerate(block.arms):
            with draft_of(self.folder / "visits.parquet" / f"arm={arm}" / name) as draft:
                table = visit_table(self.manifest, None, block.subjects, block.status[i], block.visits[i])
                pq.write_table(table, draft)
        makers = {
            "people": lambda: people_table(self.manifest, block),
            "tests": lambda: test_table(block),
            "ledger": lambda: ledger_table(self.manifest, block),
            "treatment": lambda: treatment_table(self.manifest, block),
        }
        for table in self._tables():
            with draft_of(self.folder / f"{table}.parquet" / name) as draft:
                pq.write_table(makers[table](), draft)

    def _columns(self, arm: int) -> Callable[[int], np.ndarray]:
        """Function that gives an observable of an arm at the visits, (n, visits), for the summary."""
        if self.folder is None:
            parts = [block.visits[arm] for block in self.blocks[: len(self.weights)]]
            return lambda j: np.concatenate([part[:, :, j] for part in parts])
        folder, names = self.folder / "visits.parquet" / f"arm={self.plan.arms[arm].name}", list(self.plan.stored)
        visits = len(self.manifest["visits_h"])
        return lambda j: np.concatenate(
            [_column(folder / f"chunk-{k:06d}.parquet", names[j]) for k in range(len(self.weights))]
        ).reshape(-1, visits)

    def _tests(self) -> list[TestValues]:
        """Indices of all tests of the subjects that are summarised."""
        if not self.plan.scenario.tests:
            return []
        parts = [block.tests for block in self.blocks]
        if self.folder is not None:
            parts = [load_tests(self.folder, len(w), k) for k, w in enumerate(self.weights)]
        return [replace(same[0], values=np.concatenate([t.values for t in same])) for same in zip(*parts, strict=True)]

    def _summary(self, seconds: float) -> dict[str, Any]:
        tally, cuts = self.tally, self.manifest["quantiles"]
        shares, new, free = tally.shares(new=False), tally.shares(new=True), tally.event_free_rows()
        exact = self.done <= BANDS_OF
        arms = {}
        for i, arm in enumerate(self.plan.arms):
            arms[arm.name] = {
                "share": {name: share.as_dict() for name, share in shares[arm.name].items()},
                "new_share": {name: share.as_dict() for name, share in new[arm.name].items()},
                "event_free": free.get(arm.name, {}),
                "status": spoken(tally.status[i]),
                "visits": self._bands(i) if exact else tally.bands(i, cuts),
            }
            if tally.beside is not None and i != tally.beside:
                apart = self._bands(i, tally.beside) if exact else tally.bands(i, cuts, apart=True)
                arms[arm.name]["difference"] = apart
        found = {
            "scenario": self.manifest["scenario"],
            "title": self.manifest["title"],
            "seed": self.plan.seed,
            "subjects": self.manifest["subjects"],
            "status": spoken(tally.worst_status),
            "failed": tally.failed,
            "turned_away": tally.turned_away,
            "limits_mg_dl": tally.limits,
            "uln_mg_dl": self.plan.scenario.uln,
            "units": self.plan.stored,
            "quantiles_within": 0.0 if exact else ERROR,
            "difference_from": self.plan.arms[tally.beside].name if tally.beside is not None else None,
            "settings": dict(self.plan.settings),
            "population": self.plan.population.name,
            "arms": arms,
            "tests": [test_bands(t, cuts) for t in self._tests()],
            "seconds": round(seconds, 3),
        }
        if self.goal is not None:
            half = self.goal.half_width(tally.met, *tally.sums.tolist())
            found["until"] = {
                "asked": self.goal.text,
                "half_width": half,
                "reached": half <= self.goal.width,
                "share": {a: float(c / tally.sums[0]) for a, c in zip(self.goal.arms, tally.met, strict=True)},
            }
        return found

    def _bands(self, arm: int, beside: int | None = None) -> list[dict[str, Any]]:
        """Exact quantiles at each visit of an arm, or of its difference from another."""
        own = self._columns(arm)
        given = list(self.plan.stored), self.plan.scenario.visits, np.concatenate(self.weights)
        if beside is None:
            return bands(own, *given, self.manifest["quantiles"])
        other = self._columns(beside)
        return bands(lambda j: own(j) - other(j), *given, self.manifest["quantiles"])


def _column(path: Path, name: str) -> np.ndarray:
    """A column of a Parquet file."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read([name]).column(name).to_numpy()
