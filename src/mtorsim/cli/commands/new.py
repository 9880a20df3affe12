"""`mtorsim new`: write a commented file to start from."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from mtorsim.cli.options import library, library_of
from mtorsim.errors import ArgumentError, DataError, MtorsimError
from mtorsim.model.expressions import FUNCTIONS

KINDS = ("scenario", "trial", "module", "drug", "population", "person")
_NEXT = {
    "scenario": "mtorsim run {path} --out results/{name}",
    "trial": "mtorsim trial {path} --out results/{name}",
    "module": "mtorsim show {path}",
    "population": "mtorsim show {path}",
    "person": "mtorsim forecast {path}",
}


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--like", metavar="OTHER", help="Copy this module, population or scenario instead.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@library
def command(kind: str, name: str, like: str | None, force: bool, folders: tuple[Path, ...]) -> int:
    """Write NAME.toml into the current folder: a scenario, trial, module, population or person, explained line by line.

    \b
      mtorsim new scenario mine
      mtorsim new drug my_rapalog --like sirolimus

    A drug is a copy of the module of another one, by default everolimus, with its effects on mTORC1 and mTORC2.
    """  # noqa: D301
    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    of = {"drug": "module", "trial": "trial"}.get(kind, kind)
    allowed = r"[A-Za-z][A-Za-z0-9_]*" if of in ("module", "population") else r"[A-Za-z][A-Za-z0-9_-]*"
    if of == "module" and path.stem in FUNCTIONS:
        help = "it is a function of equations; choose another name"
        raise DataError(f"`{path.stem}` cannot be the name of a {kind}", help=help)
    if not re.fullmatch(allowed, path.stem):
        signs = "digits and `_`" if of in ("module", "population") else "digits, `_` and `-`"
        help = f"use a letter, then letters, {signs}"
        raise DataError(f"`{path.stem}` cannot be the name of a {kind}", help=help)
    if path.exists() and not force:
        raise DataError(f"`{path}` already exists", help="give `--force` to replace it, or another name")
    if kind == "person" and like is not None:
        raise ArgumentError("`--like` copies modules, populations and scenarios", help="copy a person's file yourself")
    like = like or ("everolimus" if kind == "drug" else None)
    text = _template(of, path) if like is None else _copy(of, path.stem, like, folders)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
    print(f"{kind:10}{path}")
    checked = "" if of == "person" else f"`mtorsim check {path}`, then "
    print(f"  next: {checked}`{_NEXT[of].format(path=path, name=path.stem)}`")
    return 0


def _template(kind: str, path: Path) -> str:
    template = files("mtorsim.cli").joinpath(f"templates/{kind}.toml").read_text(encoding="utf-8")
    return template.format(name=path.stem, file=path)


def _copy(kind: str, name: str, like: str, folders: tuple[Path, ...]) -> str:
    """The text of another file under a new name."""
    known = library_of(None, folders)
    find = {"module": known.module, "population": known.population}.get(kind, known.scenario)
    try:
        text = find(like).read_text(encoding="utf-8")
    except MtorsimError as error:
        raise ArgumentError(f"`--like {like}`: {error.message}", help=error.help) from None
    head = f"# Copied from {like}: values, sources and words are still those of {like}.\n\n"
    if kind not in ("module", "population"):
        return head + text
    text = re.sub(rf'^(name\s*=\s*)"{re.escape(like)}"', rf'\g<1>"{name}"', text, count=1, flags=re.MULTILINE)
    # Names of its own quantities and switches, such as `sirolimus.exposure`.
    return head + (re.sub(rf'(?<=["\s(]){re.escape(like)}\.(?=\w)', f"{name}.", text) if kind == "module" else text)
