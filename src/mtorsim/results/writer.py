"""Write the chunks of a run to files and running summaries, with memory independent of the number of subjects."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import DataError
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.run.plan import Plan
from mtorsim.stats.shares import Share

from .block import Block, TestValues
from .digest import Digest
from .folder import PARTS, claim, open_folder, release, write_json
from .limits import limits_of, worst_fasting
from .manifest import describe_run, machine, read_manifest
from .parts import complete_part, load_tests, write_part
from .result import Result
from .summary import BANDS_OF, LISTED, QUANTILES, bands, reference, spoken, test_bands
from .tables import labelled, ledger_table, people_table, test_table, treatment_table, visit_table

__all__ = ["Writer"]


class Writer:
    """Collects a run's blocks in order of subjects and completes the result.

    Attributes
    ----------
    first
        Number of the first subject.
    done
        Number of subjects so far, not 0 at the start of a resumed run.
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
    ) -> None:
        self.plan = plan
        self.first = first
        self.manifest = {**describe_run(plan, subjects, chunk, first), "quantiles": sorted({*QUANTILES, *quantiles})}
        self.folder = folder
        self.blocks: list[Block] = []
        self.number = 0
        self.done = 0
        self.finished = False
        self.drawn: list[Block] = []
        self.weights: list[np.ndarray] = []
        self.status: list[Counter[int]] = [Counter() for _ in plan.arms]
        self.worst_status: Counter[int] = Counter()
        self.failed: list[dict[str, Any]] = []
        self.turned_away = 0
        self.limits = limits_of(plan.scenario.uln)
        times = np.array(plan.scenario.visits)
        counted = any(plan.scenario.is_fasting(t) for t in times[times > 0])
        self.of = subjects if counted and "glucose" in plan.model.observables else 0
        self.above = np.zeros((len(plan.arms), len(self.limits)))
        self.sums = np.zeros(2)
        self.new = np.zeros_like(self.above)
        self.of_new = self.of if 0.0 in times and plan.scenario.is_fasting(0.0) else 0
        self.digests = [Digest() for _ in plan.arms]
        self.lock = claim(folder) if folder is not None else None
        try:
            self._begin(folder, force, resume, extend)
        except OSError as problem:
            self.release()
            raise DataError(f"cannot write to `{folder}`: {problem.strerror or problem}") from None
        except BaseException:
            self.release()
            raise

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
        if block.series.shape[1] and block.series.shape[2]:
            self.drawn.append(block.select(np.arange(len(block.subjects)) < block.series.shape[1]))
        if self.done < BANDS_OF:
            self.weights.append(block.weights)
        self._count(block)
        self.number += 1
        self.done += len(block.subjects)

    def finish(self, threads: int, seconds: float) -> Result:
        """Complete the result."""
        times = list(self.plan.scenario.series)
        shape = len(self.plan.arms), 0, len(times), len(self.plan.observables)
        drawn, who = np.zeros(shape), np.zeros(0, np.int64)
        if self.drawn:
            joined = Block.joined(self.drawn)
            drawn, who = joined.series, joined.subjects
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
        if len(self.worst_status) > 1 or OK not in self.worst_status:
            self._write_failed()
        series().to_netcdf(self.folder / "series.nc", engine="scipy")
        write_json(self.folder / "summary.json", summary)
        if self.of:
            self._write_shares()
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
        return {arm.name: digest.hex() for arm, digest in zip(self.plan.arms, self.digests, strict=True)}

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
        other = [key for key in now if before.get(key) != now[key] and not (extend and key == "subjects")]
        if before.get("finished") and not other and not extend:
            self.finished = True
            return
        if other:
            message = f"the run in `{folder}` was a different one: it differs in {', '.join(other)}"
            raise DataError(message, help="resume it with the original arguments, or name another folder")
        if extend:
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

    def _count(self, block: Block) -> None:
        names = list(self.plan.observables)
        times = np.array(self.plan.scenario.visits)
        fasting = block.visits[..., names.index(self.plan.graded)]
        worst = worst_fasting(fasting, times)
        start = fasting[..., np.flatnonzero(times == 0)[:1]].max(axis=-1, initial=-np.inf)
        for i, digest in enumerate(self.digests):
            digest.add(block.visits[i], block.status[i])
            self.status[i].update(block.status[i].tolist())
            self.above[i] += [block.weights @ (worst[i] > limit) for limit in self.limits.values()]
            passed = [(worst[i] > limit) & (start[i] <= limit) for limit in self.limits.values()]
            self.new[i] += [block.weights @ new for new in passed]
        self.sums += np.array([block.weights.sum(), block.weights @ block.weights])
        # A subject that fails for two reasons counts by that of its first arm.
        first = np.argmax(block.status != OK, axis=0)
        codes = block.status[first, np.arange(block.status.shape[1])]
        before = self.worst_status.copy()
        self.worst_status.update(codes.tolist())
        self.turned_away += int(block.attempts.sum())
        for j in np.flatnonzero(codes != OK):
            arm, code = int(first[j]), int(codes[j])
            before[code] += 1
            if before[code] > LISTED:
                continue
            reached = times[~np.isnan(block.visits[arm, j]).all(axis=1)]
            last = float(reached[-1]) if len(reached) else None
            found = {
                "subject": int(block.subjects[j]),
                "arm": block.arms[arm],
                "status": SENTENCES[code],
                "last_visit_h": last,
            }
            self.failed.append(found)

    def _write_visits(self, block: Block) -> None:
        import pyarrow.parquet as pq

        assert self.folder is not None
        for i, arm in enumerate(block.arms):
            path = self.folder / "visits.parquet" / f"arm={arm}" / f"chunk-{self.number:06d}.parquet"
            draft = path.with_name(f".{path.name}.draft")
            pq.write_table(visit_table(self.manifest, None, block.subjects, block.status[i], block.visits[i]), draft)
            draft.replace(path)
        makers = {
            "people": lambda: people_table(self.manifest, block),
            "tests": lambda: test_table(block),
            "ledger": lambda: ledger_table(self.manifest, block),
            "treatment": lambda: treatment_table(self.manifest, block),
        }
        for name in self._tables():
            table = makers[name]()
            path = self.folder / f"{name}.parquet" / f"chunk-{self.number:06d}.parquet"
            draft = path.with_name(f".{path.name}.draft")
            pq.write_table(table, draft)
            draft.replace(path)

    def _shares(self, counts: np.ndarray, of: int) -> dict[str, dict[str, Share]]:
        """Shares by arm and limit."""
        total, squares = self.sums
        # Weights are normalised to sum to the number of subjects.
        scale = of / total if total else 1.0
        size = total * total / squares if squares and of else 0.0
        return {
            arm.name: {
                n: Share(count * scale, of, size) for n, count in zip(self.limits, counts[i].tolist(), strict=True)
            }
            for i, arm in enumerate(self.plan.arms)
        }

    def _write_shares(self) -> None:
        """Save the shares above each limit as a table, one row per arm and limit."""
        assert self.folder is not None
        new = self._shares(self.new, self.of_new)
        with (self.folder / "shares.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            numbers = ("share", "low95", "high95", "new_share", "new_low95", "new_high95")
            table.writerow(["arm", "limit", "limit_mg_dl", "subjects", "above", "new", *numbers])
            for arm, shares in self._shares(self.above, self.of).items():
                for name, share in shares.items():
                    found = [*share.as_dict().values(), *new[arm][name].as_dict().values()]
                    cells = ["" if x is None else f"{x:.6g}" for x in found]
                    limit = f"{self.limits[name]:g}"
                    counts = [f"{s.count:.9g}" for s in (share, new[arm][name])]
                    table.writerow([arm, name, limit, share.of, *counts, *cells])

    def _columns(self, arm: int) -> Callable[[int], np.ndarray]:
        """Function that gives an observable of an arm at the visits, (n, visits), for the summary."""
        if self.folder is None:
            parts = [block.visits[arm] for block in self.blocks[: len(self.weights)]]
            return lambda j: np.concatenate([part[:, :, j] for part in parts])
        folder, names = self.folder / "visits.parquet" / f"arm={self.plan.arms[arm].name}", list(self.plan.observables)
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
        n = self.manifest["subjects"]
        arms = {}
        shares, new = self._shares(self.above, self.of), self._shares(self.new, self.of_new)
        beside = reference(self.plan)
        cuts, weights = self.manifest["quantiles"], np.concatenate(self.weights)
        given = list(self.plan.observables), self.plan.scenario.visits, weights, cuts
        for i, arm in enumerate(self.plan.arms):
            own = self._columns(i)
            arms[arm.name] = {
                "share": {name: share.as_dict() for name, share in shares[arm.name].items()},
                "new_share": {name: share.as_dict() for name, share in new[arm.name].items()},
                "status": spoken(self.status[i]),
                "visits": bands(own, *given),
            }
            if i != beside and beside is not None:
                other = self._columns(beside)
                arms[arm.name]["difference"] = bands(lambda j, own=own, other=other: own(j) - other(j), *given)
        return {
            "scenario": self.manifest["scenario"],
            "title": self.manifest["title"],
            "seed": self.plan.seed,
            "subjects": n,
            "status": spoken(self.worst_status),
            "failed": self.failed,
            "turned_away": self.turned_away,
            "limits_mg_dl": self.limits,
            "uln_mg_dl": self.plan.scenario.uln,
            "units": dict(self.plan.observables),
            "bands_of": len(weights),
            "difference_from": self.plan.arms[beside].name if beside is not None else None,
            "settings": dict(self.plan.settings),
            "population": self.plan.population.name,
            "arms": arms,
            "tests": [test_bands(t, cuts) for t in self._tests()],
            "seconds": round(seconds, 3),
        }


def _column(path: Path, name: str) -> np.ndarray:
    """A column of a Parquet file."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read([name]).column(name).to_numpy()
