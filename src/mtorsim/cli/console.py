"""What commands print: tables and JSON to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["note", "print_json", "print_table", "progress_bar", "warn"]


def print_json(data: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON value."""
    print(json.dumps(data, indent=1, default=float, ensure_ascii=False))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table; the first column is words, the others are numbers."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # Piped output must not be cut to the width of a terminal that is not there.
    width = None if sys.stdout.isatty() else 160
    console = Console(width=width, highlight=False, soft_wrap=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for j, name in enumerate(head):
        table.add_column(escape(name), justify="left" if j == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    if title:
        print(f"\n{title}")
    console.print(table)


def print_list(head: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print names with what they mean, all columns to the left."""
    if title:
        print(title)
    widths = [max(len(r[j]) for r in [head, *rows]) for j in range(len(head))]
    for row in rows:
        cells = [f"{c:<{w}}" for c, w in zip(row[:-1], widths, strict=False)]
        print("  " + "  ".join([*cells, row[-1]]))


def note(text: str) -> None:
    """Say something that is not a result."""
    print(text, file=sys.stderr)


def warn(text: str) -> None:
    """Say that something is not as it should be."""
    print(f"warning: {text}", file=sys.stderr)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar with the time left, on a terminal only; gives what to call with the number done and the total."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("subjects"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("subjects", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
