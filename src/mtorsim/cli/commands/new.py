"""`mtorsim new`: write a commented scenario file to start from."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from mtorsim.errors import DataError


@click.command()
@click.argument("kind", type=click.Choice(["scenario"]))
@click.argument("name")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def command(kind: str, name: str, force: bool) -> int:
    """Write NAME.toml, a scenario with every line explained, into the current folder."""
    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", path.stem):
        help = "use a letter, then letters, digits, `_` and `-`"
        raise DataError(f"`{path.stem}` cannot be the name of a {kind}", help=help)
    if path.exists() and not force:
        raise DataError(f"`{path}` already exists", help="give `--force` to replace it, or another name")
    template = files("mtorsim.cli").joinpath(f"templates/{kind}.toml").read_text(encoding="utf-8")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(template.format(name=path.stem, file=path))
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
    print(f"scenario  {path}")
    print(f"  next: `mtorsim check {path}`, then `mtorsim run {path} --out results/{path.stem}`")
    return 0
