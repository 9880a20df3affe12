"""`mtorsim import-model`: read a model of another tool as a module."""

from __future__ import annotations

import math
from pathlib import Path

import click

from mtorsim.cli.console import print_json, warn
from mtorsim.cli.options import PATH, as_json, quiet
from mtorsim.errors import ArgumentError, DataError


@click.command()
@click.argument("file", metavar="FILE", type=PATH)
@click.option("--out", type=PATH, metavar="MODULE.toml", help="Module file to write; default: print the module.")
@click.option("--scenario", type=PATH, metavar="FILE.toml", help="Write the model's doses as a scenario too.")
@click.option(
    "--from", "language", metavar="LANGUAGE", help="sbml, antimony, mrgsolve, rxode2 or nonmem; default: by the ending."
)
@click.option("--time", metavar="UNIT", help="Unit of time, s, min, h or d, if the file does not say it.")
@click.option("--unitless", is_flag=True, help="Neither ask for units and sources nor check them.")
@click.option(
    "--value", "values", multiple=True, metavar="NAME=NUMBER", help="Value that the file leaves open; repeatable."
)
@click.option("--force", is_flag=True, help="Replace files.")
@quiet
@as_json
def command(
    file: Path,
    out: Path | None,
    scenario: Path | None,
    language: str | None,
    time: str | None,
    unitless: bool,
    values: tuple[str, ...],
    force: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Import the model in FILE, SBML, Antimony, mrgsolve, rxode2 or NONMEM, as a module.

    \b
      mtorsim import-model meal.xml --out meal.toml --scenario meal_scenario.toml
      mtorsim import-model run1.ctl --time h --value WT=70 --out run1.toml
      mtorsim import-model pk2cmt.cpp --unitless --out pk2cmt.toml

    The file is parsed, never executed. Units and sources that it does not give are asked for in the module by `?`: fill
    them in, or give --unitless. What a module cannot say is refused by name, or listed.
    """  # noqa: D301
    from mtorsim.files.library import Library
    from mtorsim.interop.imports import import_model
    from mtorsim.model.expressions import is_identifier

    if out is not None and out.suffix != ".toml":
        raise DataError(f"`{out}`: a module is a TOML file", help=f"write `--out {out.with_suffix('.toml')}`")
    if out is not None and not is_identifier(out.stem):
        help = "use a letter, then letters, digits and underscores"
        raise DataError(f"`{out.stem}` cannot be the name of a module", help=help)
    if scenario is not None and out is None:
        raise ArgumentError("`--scenario` needs `--out`, since a scenario names its module")
    name = out.stem if out is not None else None
    found = import_model(file, name, language=language, unitless=unitless, time=time, values=_values(values))
    files = [] if out is None else found.save(out, scenario, force)
    problem = found.problem(out) if out is not None and not found.asked else None
    flat = found.flat
    if as_json:
        counts = {"states": len(flat.states), "parameters": len(flat.parameters), "doses": len(flat.doses)}
        told = {"module": found.module.name, "language": found.language, "files": [str(f) for f in files], **counts}
        more = {} if files else {"text": found.module.text}
        wrong = None if problem is None else str(problem)
        print_json({**told, "asked": found.asked, "left_out": found.left_out, "problem": wrong, **more})
        return 2 if problem else 0
    if out is None:
        print(found.module.text, end="")
    for kind, path in zip(("module", "scenario"), files, strict=False):
        print(f"{kind:9} {path}")
    if not quiet:
        if found.module.name in Library().modules and files:
            warn(f"`{found.module.name}` is a bundled module too; in this folder yours takes precedence")
        for line in found.left_out:
            warn(f"left out: {line}")
        if flat.doses and scenario is None:
            warn(f"{len(flat.doses)} doses are not written: give `--scenario FILE.toml`")
        if found.asked:
            shown = ", ".join(found.asked[:4]) + (f" and {len(found.asked) - 4} more" if len(found.asked) > 4 else "")
            warn(f"asked for in the module: {shown}; fill in each `?`, or give `--unitless`")
    if problem is not None:
        raise problem
    if out is not None and not quiet:
        print(f"  next: `mtorsim check {out}`" + (f", then `mtorsim run {scenario}`" if scenario else ""))
    return 0


def _values(given: tuple[str, ...]) -> dict[str, float]:
    """Values by name."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not equals or not math.isfinite(number):
            raise ArgumentError(f"`--value {text}` is not NAME=NUMBER", help="write for example `--value WT=70`")
        found[name.strip()] = number
    return found
