"""`mtorsim validate`: compare the model with all measurements."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtorsim.cli.console import note, print_json, print_table
from mtorsim.cli.options import PATH, check_output, library, library_of, quiet
from mtorsim.errors import DataError

if TYPE_CHECKING:
    from mtorsim.validation.check import Check


@click.command()
@click.option("--section", "sections", multiple=True, metavar="NAME", help="Run only this section; repeatable.")
@click.option("--json", "json_to", metavar="FILE", help="Save the checks as a JSON list; - prints it.")
@click.option("--html", "html_to", type=PATH, metavar="FILE", help="Save the dossier as an HTML page.")
@library
@quiet
def command(
    sections: tuple[str, ...], json_to: str | None, html_to: Path | None, folders: tuple[Path, ...], quiet: bool
) -> int:
    """Repeat all comparisons with measurements and write a dossier.

    \b
      mtorsim validate --html validation.html --json validation.json
      mtorsim validate --section mechanism

    Sections: physiology, drugs, pathway, mechanism, lipids, treated, therapies, comedication, people, drift,
    stability. Misses are listed, each with its reason; they do not change the exit code.
    """  # noqa: D301
    from mtorsim.validation.run import validate

    started = time.perf_counter()
    # Fail before minutes of computing if a file cannot be written.
    if html_to is not None:
        check_output(html_to, "page", (".html", ".htm"))
    if json_to not in (None, "-"):
        check_output(Path(json_to), "file")
    names = library_of(None, folders)
    checks = validate(sections, library=names, note=None if quiet else note)
    if json_to is not None:
        records = [c.record() for c in checks]
        if json_to == "-":
            print_json(records)
        else:
            _write(Path(json_to), json.dumps(records, indent=1, ensure_ascii=False) + "\n")
    if html_to is not None:
        from mtorsim.plots.dossier import dossier_figures
        from mtorsim.validation.dossier import page

        _write(html_to, page(checks, dossier_figures(checks), names))
    if json_to != "-":
        _print(checks)
        for path in (html_to, json_to):
            if path is not None:
                print(f"written   {path}")
    if not quiet:
        print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None


def _print(checks: Sequence[Check]) -> None:
    rows = []
    for section in dict.fromkeys(c.section for c in checks):
        mine = [c for c in checks if c.section == section]
        own = [c for c in mine if c.kind == "independent"]
        asked = ((mine, True), (mine, False), (mine, None), (own, True), (own, False))
        rows.append([section, *(str(sum(c.passed is verdict for c in part)) for part, verdict in asked)])
    print_table(["section", "agree", "miss", "shown", "independent: agree", "miss"], rows)
    misses = [c for c in checks if c.passed is False]
    if misses:
        print("misses")
    for c in misses:
        print(f"  {c.id}  {c.claim}: {c.expected}; here {c.value:.4g} {c.unit if c.unit not in ('1', '-') else ''}")
        if c.note:
            print(f"      {c.note}")
