"""Put results of ranges of subjects together: the same bits as one run of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError, DataError
from mtorsim.run.arguments import checked

from .block import Block
from .folder import remove_result
from .manifest import plan_from_manifest, read_manifest
from .parts import checked_blocks
from .result import Result
from .writer import Writer

__all__ = ["merge"]

_OWN = (
    "first",
    "subjects",
    "chunk",
    "finished",
    "status",
    "result",
    "threads",
    "seconds",
    "machine",
    "until",
    "most_subjects",
    "certify",
)
"""Keys of a manifest in which ranges of one run may differ."""


@checked
def merge(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    chunk: int | None = None,
    force: bool = False,
    note: Callable[[str], None] | None = None,
) -> Result:
    """Put results of ranges of subjects together.

    Parameters
    ----------
    folders
        Result folders of ranges of one run, in any order, made by `simulate(..., first=...)` on any machines.
    out
        Folder of the whole.
    chunk
        Number of subjects per file; default: that of the first folder.
    force
        Whether to replace an existing result in `out`.
    note
        Called with a one-line message before a slow step.

    Returns
    -------
    Result
        The same to the bit as that of one run of all subjects.

    Raises
    ------
    DataError
        If the ranges are not of one run, overlap, leave a gap, or have been changed.

    Examples
    --------
    >>> import mtorsim as mt
    >>> result = mt.merge(["results/a", "results/b"], "results/both")  # doctest: +SKIP
    """
    if len(folders) < 2:
        raise ArgumentError("there must be at least two folders to merge")
    paths = [Path(folder).expanduser() for folder in folders]
    target = Path(out).expanduser()
    if target.resolve() in [path.resolve() for path in paths]:
        raise ArgumentError(f"`out` = `{out}` is one of the folders that are merged", help="name another folder")
    found = [(path, read_manifest(path)) for path in paths]
    for path, manifest in found:
        _check_finished(path, manifest)
        _check_same(found[0], (path, manifest))
    found.sort(key=lambda each: each[1]["first"])
    for one, other in pairwise(found):
        _check_next(one, other)
    first, n = found[0][1]["first"], sum(manifest["subjects"] for _, manifest in found)
    manifest = found[0][1]
    size = manifest["chunk"] if chunk is None else chunk
    with plan_from_manifest(manifest, note) as plan:
        writer = Writer(plan, n, size, target, quantiles=manifest.get("quantiles", ()), force=force, first=first)
        try:
            for block in _cut(_checked_blocks(found), size, n):
                writer.add(block)
            times = [m.get("threads", 1) for _, m in found], [m.get("seconds", 0.0) for _, m in found]
            return writer.finish(threads=max(times[0]), seconds=sum(times[1]))
        except OSError as problem:
            raise DataError(f"cannot write to `{target}`: {problem.strerror or problem}") from None
        except DataError:
            # Half of a whole is nothing that anybody could go on with.
            remove_result(target)
            raise
        finally:
            writer.release()


def _check_finished(path: Path, manifest: Mapping[str, Any]) -> None:
    if manifest.get("records"):
        raise DataError(f"`{path}` holds a run of event records, which cannot be merged")
    if not manifest.get("finished"):
        raise DataError(f"the run in `{path}` was not finished", help=f'resume it: `mtorsim.resume("{path}")`')


def _check_same(one: tuple[Path, Mapping[str, Any]], other: tuple[Path, Mapping[str, Any]]) -> None:
    """Raise unless two manifests describe the same run."""
    keys = [k for k in {**one[1], **other[1]} if k not in _OWN and one[1].get(k) != other[1].get(k)]
    if not keys:
        return
    told = []
    for key in keys[:4]:
        a, b = one[1].get(key), other[1].get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            apart = [k for k in {**a, **b} if a.get(k) != b.get(k)]
            told.append(f"{key} of {', '.join(apart[:3])}")
        else:
            told.append(f"{key} ({a} and {b})" if len(str(a)) + len(str(b)) < 60 else key)
    message = f"`{one[0]}` and `{other[0]}` are not ranges of one run: they differ in {'; '.join(told)}"
    raise DataError(message, help="run them from the same files with the same options and versions")


def _check_next(one: tuple[Path, Mapping[str, Any]], other: tuple[Path, Mapping[str, Any]]) -> None:
    """Raise unless the second range begins where the first ends."""
    end, begin = one[1]["first"] + one[1]["subjects"], other[1]["first"]
    if begin < end:
        last = min(end, begin + other[1]["subjects"]) - 1
        raise DataError(f"subjects {begin:,} to {last:,} are in both `{one[0]}` and `{other[0]}`")
    if begin > end:
        raise DataError(f"subjects {end:,} to {begin - 1:,} are missing between `{one[0]}` and `{other[0]}`")


def _checked_blocks(found: Sequence[tuple[Path, Mapping[str, Any]]]) -> Iterator[Block]:
    """Blocks of all ranges in order."""
    for path, manifest in found:
        yield from checked_blocks(path, manifest)


def _range(block: Block, first: int, last: int) -> Block:
    """Some subjects of a block by their places."""
    place = np.arange(len(block.subjects))
    return block.select((place >= first) & (place < last))


def _cut(blocks: Iterator[Block], size: int, n: int) -> Iterator[Block]:
    """The same subjects in chunks of a size."""
    held: list[Block] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block.subjects)
        while count >= size:
            whole = Block.joined(held)
            yield _range(whole, 0, size)
            held, count = ([_range(whole, size, count)], count - size) if count > size else ([], 0)
    if count:
        yield Block.joined(held)
