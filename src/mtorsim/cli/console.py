"""Output of commands: tables and JSON to stdout, everything else to stderr."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["column", "fixed", "note", "print_json", "print_table", "progress_bar", "warn"]


def print_json(data: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON value; numbers that JSON lacks, NaN and infinity, are null."""
    print(json.dumps(_finite(data), indent=1, allow_nan=False, ensure_ascii=False))


def _finite(data: Any) -> Any:
    """The value without NaN and infinities."""
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if data is None or isinstance(data, (str, bool, int)):
        return data
    return float(data) if math.isfinite(data) else None


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table: words in the first column, numbers in the others.

    A table wider than the terminal is closed up, then split into tables below each other that repeat the first column.
    In a pipe or a file, whose width is unlimited unless `COLUMNS` says otherwise, it stays whole.
    """
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    limited = sys.stdout.isatty() or "COLUMNS" in os.environ
    room = shutil.get_terminal_size((80, 24)).columns if limited else _UNLIMITED
    widths = [max(len(line) for row in [head, *rows] for line in row[j].split("\n")) for j in range(len(head))]
    whole = sum(widths) + 3 * len(widths)
    close = whole > room
    if title:
        print(f"\n{title}")
    for columns in _side_by_side(widths, room - 2):
        console = Console(width=max(min(room, 2 * whole), whole), highlight=False, soft_wrap=False)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=close)
        for j in columns:
            table.add_column(escape(head[j]), justify="left" if j == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*(escape(row[j]) for j in columns))
        console.print(table)


_UNLIMITED = 10_000


def fixed(value: float, decimals: int, sign: str = "") -> str:
    """A number with fixed decimals, never `-0`; `sign` is `+` to show that of positive numbers too."""
    text = f"{value:{sign}.{decimals}f}"
    return text.replace("-", "+" if sign else "", 1) if float(text) == 0 and text[0] == "-" else text


def column(values: Sequence[float | None], digits: int = 4) -> list[str]:
    """The numbers of a column with the same decimals, so that they line up; `-` for none.

    Numbers too small for the decimals of the largest one are written with as many digits instead.
    """
    there = [abs(v) for v in values if v is not None and math.isfinite(v) and v != 0]
    decimals = max(0, digits - 1 - math.floor(math.log10(max(there)))) if there else 0
    found = []
    for v in values:
        if v is None or not math.isfinite(v):
            found.append("-")
        elif v and abs(v) < 0.5 * 10.0 ** (1 - decimals):
            found.append(f"{v:.2g}")
        else:
            found.append(fixed(v, decimals))
    return found


def _side_by_side(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Split the columns into as few tables as fit, each with the first column."""
    columns, used = [0], widths[0]
    for j, width in enumerate(widths[1:], start=1):
        if len(columns) > 1 and used + 2 + width > room:
            yield columns
            columns, used = [0], widths[0]
        columns.append(j)
        used += 2 + width
    yield columns


def print_list(head: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print names and their meanings, all columns left-aligned."""
    if title:
        print(title)
    widths = [max(len(r[j]) for r in [head, *rows]) for j in range(len(head))]
    for row in rows:
        cells = [f"{c:<{w}}" for c, w in zip(row[:-1], widths, strict=False)]
        print("  " + "  ".join([*cells, row[-1]]))


def note(text: str) -> None:
    """Print a line about progress or files to stderr."""
    print(text, file=sys.stderr)


def warn(text: str) -> None:
    """Print a warning to stderr."""
    print(f"warning: {text}", file=sys.stderr)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar with the time left, or a line a minute off a terminal; yields a callback (number done, total)."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("subjects"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("subjects", total=None)
        first = True

        def tell(done: int, total: int) -> None:
            nonlocal first
            if first:
                # Subjects of a resumed run that were done before say nothing about the speed.
                bar.reset(task, completed=done, total=total)
            first = False
            bar.update(task, completed=done, total=total)

        yield tell


class _Lines:
    """Progress as a line each minute."""

    def __init__(self, every: float = 60.0) -> None:
        self.every = every
        self.began = self.told = time.monotonic()
        self.before: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Tell the number done, and the time left from the speed of this run alone."""
        now = time.monotonic()
        if self.before is None:
            self.before, self.began = done, now
        if now - self.told < self.every:
            return
        self.told = now
        speed = (done - self.before) / (now - self.began) if now > self.began else 0.0
        left = f", about {math.ceil((total - done) / speed / 60):,} min left" if speed > 0 else ""
        note(f"{done:,} of {total:,} subjects{left}")
